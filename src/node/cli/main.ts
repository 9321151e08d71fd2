import { roomsIn } from "./rooms.ts";

interface Rooms {
  "program.cjs": { "node/cli/program-file": typeof import("./program-file.ts") };
}

// Names are asked for in half of these threads, and one whose server is silent holds its own for seconds: with Node's four,
// three of them would hold up all others. They are made when the first is needed, which is later.
process.env["UV_THREADPOOL_SIZE"] ??= "32";

// The built file is CommonJS: Node loads that in half the time.
const { cli, processIo } = roomsIn<Rooms>(`${__dirname}/cli`, require)("program.cjs")[
  "node/cli/program-file"
];
void cli(process.argv.slice(2), processIo()).then((status) => {
  process.exitCode = status;
});
