/** What the installed fasm answers. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ORIGIN } from "./line.ts";

/** Room for one line. */
export const SLOT = 32;

/** A line with its bytes in a slot of its own, the last of which says how many they are. */
export const slotOf = (line: string): string =>
  `org ${ORIGIN}\n${line.replaceAll(" & ", " ")}\nn = $-${ORIGIN}\ndb ${SLOT - 1}-n dup 0\ndb n\n`;

/** The bytes in a slot, as hex. */
export function inSlot(bytes: Uint8Array, slot: number): string {
  const at = slot * SLOT;
  return Buffer.from(bytes.subarray(at, at + bytes[at + SLOT - 1]!)).toString("hex");
}

/** What fasm makes of each line: hex, or the message behind an exclamation mark. */
export function askFasm(bits: number, lines: readonly string[], good: readonly boolean[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), "isa-"));
  const source = join(folder, "a.asm");
  const binary = join(folder, "a.bin");
  const answers: string[] = new Array(lines.length);
  const run = (picked: readonly number[]): { line: number; message: string } | undefined => {
    const text = picked.map((i) => slotOf(lines[i]!));
    writeFileSync(source, `use${bits}\n${text.join("")}`);
    try {
      execFileSync("fasm", [source, binary], { stdio: ["ignore", "pipe", "pipe"] });
      return undefined;
    } catch (error) {
      const said = String((error as { stderr: Uint8Array }).stderr);
      const line = Number(/\[(\d+)\]/.exec(said)?.[1] ?? 0);
      const message = /error: (.*?)\.?\s*$/.exec(said)?.[1] ?? said;
      return { line, message };
    }
  };
  const take = (picked: readonly number[]): void => {
    const bytes = readFileSync(binary);
    for (const [slot, i] of picked.entries()) {
      answers[i] = inSlot(bytes, slot);
    }
  };
  let batch: number[] = [];
  const flush = (): void => {
    while (batch.length > 0) {
      const failure = run(batch);
      if (failure === undefined) {
        take(batch);
        break;
      }
      const at = Math.floor((failure.line - 3) / 5);
      if (!(at >= 0 && at < batch.length)) throw new Error(`fasm: ${failure.message}`);
      answers[batch[at]!] = `!${failure.message}`;
      batch.splice(at, 1);
    }
    batch = [];
  };
  const alone: number[] = [];
  for (const [i, expected] of good.entries()) {
    if (expected) {
      batch.push(i);
      if (batch.length === 400) flush();
    } else alone.push(i);
  }
  // What will be refused ends fasm: a process for each, one shell for all of them.
  for (const i of alone) writeFileSync(join(folder, `${i}.asm`), `use${bits}\n${slotOf(lines[i]!)}`);
  const loop = "while read i; do fasm $i.asm $i.bin > $i.out 2>&1 || :; done";
  execFileSync("sh", ["-c", loop], { cwd: folder, input: `${alone.join("\n")}\n` });
  for (const i of alone) {
    const said = readFileSync(join(folder, `${i}.out`), "latin1");
    const message = /error: (.*?)\.?\s*$/.exec(said)?.[1];
    if (message !== undefined) answers[i] = `!${message}`;
    else {
      answers[i] = inSlot(readFileSync(join(folder, `${i}.bin`)), 0);
    }
  }
  flush();
  rmSync(folder, { recursive: true });
  return answers;
}

export function hasFasm(): boolean {
  try {
    execFileSync("fasm", [], { stdio: "ignore" });
    return true;
  } catch (error) {
    return (error as { code?: string }).code !== "ENOENT";
  }
}
