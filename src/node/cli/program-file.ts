/** What the built program's file gives to main.ts. */
export { cli } from "./cli.ts";
export { processIo } from "./io.ts";
