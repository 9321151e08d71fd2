import { latin1 } from "../../base/index.ts";
import { type Computer, describeStop, type Stop } from "../../computer.ts";
import { readFile } from "../files.ts";
import { exitStatus, type Io } from "./io.ts";
import type { Program } from "./program.ts";

/**
 * Says why a program was stopped, unless it ended itself: reason, address, symbol, source line, and which known errors
 * stand there. Answers the exit status that follows.
 */
export function explainStop(stop: Stop, computer: Computer, program: Program, io: Io): number {
  if (stop.reason === "exit") return 0;
  if (stop.reason === "stopped") return exitStatus(io.interrupted.reason);
  const lines = [`stopped: ${describeStop(stop)}`];
  // Of a RET that went astray, it is the RET that people want to see.
  const at = stop.reason === "astray" ? stop.from : "at" in stop ? stop.at : undefined;
  const source = at && sourceLine(computer, at.address);
  if (source !== undefined) lines.push(`    ${source.trim()}`);
  if (stop.reason === "blocked") {
    for (const { thread, call, at } of stop.threads.slice(1)) {
      lines.push(
        `    thread ${thread} waits in ${call} at 0x${at.address.toString(16)} ${at.line ?? ""}`.trimEnd(),
      );
    }
  }
  lines.push(...knownErrors(at?.symbol, program));
  io.stderr.write(`kolibri: ${lines.join("\n")}\n`);
  return 1;
}

/** The text of the line that made an address. */
function sourceLine(computer: Computer, address: number): string | undefined {
  const entry = computer.process.image.lines?.at(address);
  if (!entry) return undefined;
  const content = readFile(entry.file);
  return "error" in content ? undefined : latin1(content).split(/\r?\n/)[entry.line - 1];
}

/** Where a correction was left out, what it would have corrected in the routine that was stopped. */
function knownErrors(symbol: string | undefined, { assembled }: Program): string[] {
  const [routine] = symbol?.split(/[.+]/) ?? [];
  const known = assembled?.omitted.filter((correction) => correction.routine === routine) ?? [];
  if (known.length === 0) return [];
  return [
    `Known errors of ${routine} that were not corrected:`,
    ...known.map(({ id, title, why }) => `  ${id}: ${title}. ${why}`),
  ];
}
