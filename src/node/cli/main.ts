import { compiled } from "./compiled.ts";

const program = compiled<typeof import("./program-file.ts")>(new URL("cli/", import.meta.url), "kolibri");
if (program === undefined) throw new Error("the built program is not whole: cli/kolibri.cjs is missing");
const { cli, processIo } = program.room;
process.exitCode = await cli(process.argv.slice(2), processIo());
