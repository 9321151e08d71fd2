import { latin1 } from "../../base/index.ts";
import { type Computer, describeStop, type Stop } from "../../computer.ts";
import { readFile } from "../files.ts";
import { exitStatus, type Io } from "./io.ts";

/**
 * Says why a program was stopped, unless it ended itself: reason, address, symbol, source line. Answers the exit
 * status that follows.
 */
export function explainStop(stop: Stop, computer: Computer, io: Io): number {
  if (stop.reason === "exit") return 0;
  if (stop.reason === "stopped") return exitStatus(io.interrupted.reason);
  const lines = [`stopped: ${describeStop(stop)}`];
  const source = "at" in stop ? sourceLine(computer, stop.at.address) : undefined;
  if (source !== undefined) lines.push(`    ${source.trim()}`);
  if (stop.reason === "blocked") {
    for (const { thread, call, at } of stop.threads.slice(1)) {
      lines.push(
        `    thread ${thread} waits in ${call} at 0x${at.address.toString(16)} ${at.line ?? ""}`.trimEnd(),
      );
    }
  }
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
