import { roomsIn } from "./rooms.ts";

interface Rooms {
  "program.cjs": { "node/cli/program-file": typeof import("./program-file.ts") };
}

// The built file is CommonJS: Node loads that in half the time.
const { cli, processIo } = roomsIn<Rooms>(`${__dirname}/cli`, require)("program.cjs")[
  "node/cli/program-file"
];
void cli(process.argv.slice(2), processIo()).then((status) => {
  process.exitCode = status;
});
