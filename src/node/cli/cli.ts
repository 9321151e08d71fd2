import manifest from "../../../package.json" with { type: "json" };
import { nearest } from "../../base/index.ts";
import { UnicornFailure } from "../failure.ts";
import { OutputError } from "../output.ts";
import { asm } from "./asm.ts";
import { call } from "./call.ts";
import { type Command, Refusal } from "./command.ts";
import { disasm } from "./disasm.ts";
import { commandHelp, programHelp } from "./help.ts";
import { exitStatus, type Io } from "./io.ts";
import { lab } from "./lab.ts";
import { parse } from "./options.ts";
import { run } from "./run.ts";

/** In the order of the road: text to bytes, bytes run, one routine, many machines, bytes back to text. */
const allCommands = [asm, run, call, lab, disasm] as unknown as readonly Command[];

/** Runs one command line, given without the program's name, and returns the exit status. Never throws. */
export async function cli(argv: readonly string[], io: Io, commands = allCommands): Promise<number> {
  const [first, ...rest] = argv;
  const width = (): number => Math.min(io.stdout.columns ?? 100, 100);
  if (first === "--version" || first === "-V") {
    io.stdout.write(`kolibri ${manifest.version}\n`);
    return 0;
  }
  if (
    first === undefined ||
    first === "--help" ||
    first === "-h" ||
    (first === "help" && rest.length === 0)
  ) {
    (first === undefined ? io.stderr : io.stdout).write(programHelp(commands, manifest.description, width()));
    return first === undefined ? 2 : 0;
  }
  const name = first === "help" ? rest[0]! : first;
  const command = commands.find((candidate) => candidate.name === name);
  if (!command) {
    const meant = nearest(name, [...commands.map((candidate) => candidate.name), "--help", "--version"]);
    const what = name.startsWith("-") ? "option" : "command";
    io.stderr.write(`kolibri: unknown ${what} ${name}${meant ? `; did you mean ${meant}?` : ""}\n`);
    return 2;
  }
  try {
    const { args, values, help } = parse(command, first === "help" ? ["--help"] : rest);
    if (help) {
      io.stdout.write(commandHelp(command, width()));
      return 0;
    }
    return await command.run(args, values, io);
  } catch (error) {
    return sayError(error, command, io);
  }
}

function sayError(error: unknown, command: Command, io: Io): number {
  const say = (text: string) => io.stderr.write(`kolibri ${command.name}: ${text}\n`);
  if (error instanceof OutputError) {
    say(`${error.path}: ${error.words}`);
    return 2;
  }
  if (error instanceof Refusal) {
    say(error.message);
    if (error.status === undefined) io.stderr.write(`kolibri ${command.name} --help tells how it is used.\n`);
    return error.status ?? command.usageStatus ?? 2;
  }
  if ((error as NodeJS.ErrnoException).syscall === "uv_cwd") {
    say("the directory that this is to run in is gone");
    return 2;
  }
  if (io.interrupted.aborted) return exitStatus(io.interrupted.reason);
  if (error instanceof UnicornFailure) {
    say(`${error.message}; --engine interpreter and compiled do without it`);
    return 70;
  }
  // Everything below is a mistake of ours. The user gets one line, and the stack when asked for.
  say(`internal error: ${error instanceof Error ? error.message : String(error)}`);
  if (io.env["KOLIBRI_STACK"]) io.stderr.write(`${error instanceof Error ? error.stack : ""}\n`);
  else io.stderr.write("This is a defect of kolibri-emu; with KOLIBRI_STACK=1 it says where.\n");
  return 70;
}
