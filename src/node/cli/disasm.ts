import { hex, hexBytes } from "../../base/index.ts";
import { HEADER_SIZE, type Image } from "../../image/index.ts";
import { command, Refusal } from "./command.ts";
import { oneOf } from "./options.ts";
import { addressIn, loadProgram, programOptions } from "./program.ts";

const options = {
  from: { value: "SYMBOL|ADDRESS", help: "begin there (behind the header)" },
  to: { value: "SYMBOL|ADDRESS", help: "end before it (the end of the file)" },
  bits: { value: "16|32|64", help: "16-, 32- or 64-bit code (32)", read: oneOf("16", "32", "64") },
  ...programOptions,
} as const;

export const disasm = command({
  name: "disasm",
  synopsis: "PROGRAM",
  summary: "Shows a program's bytes as instructions, in FASM's syntax.",
  description:
    "PROGRAM is an image, a flat binary (--raw) or a source, whose labels then stand between the lines. Bytes are taken " +
    "as code one behind the other; data among them shows as odd instructions.",
  examples: [
    "kolibri disasm hello.kex",
    "kolibri disasm asm/hello.asm --from start",
    "kolibri disasm --raw --bits 16 boot.bin",
  ],
  options,
  async run([path], values, io) {
    const { image } = await loadProgram(path!, values, io);
    const { disassemble } = await import("../../debug/index.ts");
    const end = image.origin + image.bytes.length;
    const from =
      values.from === undefined
        ? image.origin + (image.header ? HEADER_SIZE : 0)
        : addressIn(image, values.from);
    const to = values.to === undefined ? end : Math.min(addressIn(image, values.to), end);
    if (from < image.origin || from >= end) {
      throw new Refusal(
        `0x${hex(from)} is outside the program's bytes, 0x${hex(image.origin)} to 0x${hex(end)}`,
      );
    }
    const labels = labelsOf(image);
    const facts = {
      bits: Number(values.bits ?? 32) as 16 | 32 | 64,
      nameOf: (at: number) => labels.get(at)?.[0],
    };
    let lines: string[] = [];
    const flush = (): void => {
      io.stdout.write(lines.join(""));
      lines = [];
    };
    for (let address = from; address < to && !io.interrupted.aborted; ) {
      for (const name of labels.get(address) ?? []) lines.push(`${name}:\n`);
      const at = address - image.origin;
      const { text, length } = disassemble(image.bytes, at, to - image.origin, { ...facts, address });
      const bytes = hexBytes(image.bytes.subarray(at, at + length));
      lines.push(`${hex(address)}  ${bytes.padEnd(BYTES_WIDTH)}  ${text}\n`);
      address += length;
      if (lines.length < LINES_AT_ONCE) continue;
      flush();
      await new Promise((resolve) => setImmediate(resolve));
    }
    flush();
    return 0;
  },
});

const LINES_AT_ONCE = 1000;
/** Eight bytes: few instructions are longer. */
const BYTES_WIDTH = 23;

function labelsOf({ symbols }: Image): Map<number, string[]> {
  const labels = new Map<number, string[]>();
  for (const { name, value, kind } of symbols ?? []) {
    if (kind !== "label") continue;
    const there = labels.get(value);
    if (there) there.push(name);
    else labels.set(value, [name]);
  }
  return labels;
}
