/** Instructions as text → bytes in 64-bit code, the whole way from the source. */
import { assemble, memoryFiles } from "../../src/assembler/index.ts";
import { inSlot, slotOf } from "./fasm.ts";

const run = (text: string): ReturnType<typeof assemble> =>
  assemble("lines.asm", { files: memoryFiles({ "lines.asm": `use64\n${text}` }) });

/** Bytes as hex, or the message behind an exclamation mark. `&` stands for the blank between operands of push and pop. */
export function assembledLong(line: string): string {
  const done = run(slotOf(line));
  return done.ok ? inSlot(done.bytes, 0) : `!${done.diagnostics[0]!.text}`;
}

const AT_ONCE = 200;

/** The same for many lines; those that are expected to be good are assembled together. */
export function assembledLongAll(lines: readonly string[], good: readonly boolean[]): string[] {
  const answers: (string | undefined)[] = [];
  const together = lines.map((_, i) => i).filter((i) => good[i]);
  for (let from = 0; from < together.length; from += AT_ONCE) {
    const batch = together.slice(from, from + AT_ONCE);
    const done = run(batch.map((i) => slotOf(lines[i]!)).join(""));
    if (done.ok) for (const [slot, i] of batch.entries()) answers[i] = inSlot(done.bytes, slot);
  }
  return lines.map((line, i) => answers[i] ?? assembledLong(line));
}
