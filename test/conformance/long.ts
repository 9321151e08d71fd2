/** One instruction as text → bytes in 64-bit code, the whole way from the source. */
import { assemble, memoryFiles } from "../../src/assembler/index.ts";
import { ORIGIN } from "./line.ts";

/** Bytes as hex, or the message behind an exclamation mark. `&` stands for the blank between operands of push and pop. */
export function assembledLong(line: string): string {
  const text = `use64\norg ${ORIGIN}\n${line.replaceAll(" & ", " ")}\n`;
  const done = assemble("line.asm", { files: memoryFiles({ "line.asm": text }) });
  if (!done.ok) return `!${done.diagnostics[0]!.text}`;
  return Array.from(done.bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
