import { hex, hexBytes } from "../../base/index.ts";
import type { Disassembly, DisassemblyOptions } from "../../debug/index.ts";
import { type Container, HEADER_SIZE, type Image, readContainer, type Section } from "../../image/index.ts";
import type { CompiledText } from "../../machine/index.ts";
import { readFile } from "../files.ts";
import { command, Refusal } from "./command.ts";
import type { Io } from "./io.ts";
import { number, oneOf, type Values } from "./options.ts";
import { addressIn, loadProgram, programOptions } from "./program.ts";

const options = {
  from: { value: "SYMBOL|ADDRESS", help: "begin there (behind the header)" },
  to: { value: "SYMBOL|ADDRESS", help: "end before it (the end of the file)" },
  bits: {
    value: "16|32|64",
    help: "16-, 32- or 64-bit code (32, or what the file is for)",
    read: oneOf("16", "32", "64"),
  },
  compiled: {
    value: "ir|wasm",
    help: "instead show what hot code that begins at --from is compiled to: its intermediate form, or WebAssembly",
    read: oneOf("ir", "wasm"),
  },
  ...programOptions,
} as const;

export const disasm = command({
  name: "disasm",
  synopsis: "PROGRAM",
  summary: "Shows a program's bytes as instructions, in FASM's syntax.",
  description:
    "PROGRAM is an image, a flat binary (--raw), a source, whose labels then stand between the lines, or an ELF, PE, COFF " +
    "or MZ file, of which the sections with code are shown. Bytes are taken as code one behind the other; data among them " +
    "shows as odd instructions.",
  examples: [
    "kolibri disasm hello.kex",
    "kolibri disasm asm/hello.asm --from start",
    "kolibri disasm program.o --from main",
    "kolibri disasm --raw --bits 16 boot.bin",
    "kolibri disasm asm/bench/sieve.asm --compiled ir",
  ],
  options,
  async run([path], values, io) {
    const container = values.raw || values.compiled ? undefined : containerIn(path!);
    if (container !== undefined) return showContainer(path!, container, values, io);
    const { image } = await loadProgram(path!, values, io);
    const end = image.origin + image.bytes.length;
    const first = values.compiled ? image.entry : image.origin + (image.header ? HEADER_SIZE : 0);
    const from = values.from === undefined ? first : addressIn(image, values.from);
    const to = values.to === undefined ? end : Math.min(addressIn(image, values.to), end);
    if (from < image.origin || from >= end) {
      throw new Refusal(
        `0x${hex(from)} is outside the program's bytes, 0x${hex(image.origin)} to 0x${hex(end)}`,
      );
    }
    if (to < from) throw new Refusal(`--to 0x${hex(to)} is before 0x${hex(from)}`);
    if (values.compiled !== undefined) {
      io.stdout.write((await compiled(image, from))[values.compiled]);
      return 0;
    }
    const bits = bitsOf(values.bits ?? "32");
    await show({ bytes: image.bytes, at: image.origin, from, to, bits, labels: labelsOf(image) }, io);
    return 0;
  },
});

async function compiled(image: Image, from: number): Promise<CompiledText> {
  const { compiledText } = await import("../../machine/index.ts");
  const text = compiledText(image, from);
  if (text === undefined) throw new Refusal(`no instruction begins at 0x${hex(from)}`);
  if ("error" in text) throw new Refusal(text.error);
  return text;
}

const bitsOf = (text: string): 16 | 32 | 64 => Number(text) as 16 | 32 | 64;

/** Code to be shown: bytes of which the first is at the address `at`. */
interface Code {
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly from: number;
  readonly to: number;
  readonly bits: 16 | 32 | 64;
  readonly labels: ReadonlyMap<number, readonly string[]>;
}

async function show({ bytes, at, from, to, bits, labels }: Code, io: Io): Promise<void> {
  const { disassemble } = await import("../../debug/index.ts");
  const facts: DisassemblyOptions = { bits, nameOf: (address) => labels.get(address)?.[0] };
  let lines: string[] = [];
  const flush = (): void => {
    io.stdout.write(lines.join(""));
    lines = [];
  };
  for (let address = from; address < to && !io.interrupted.aborted; ) {
    for (const name of labels.get(address) ?? []) lines.push(`${name}:\n`);
    const start = address - at;
    const { text, length }: Disassembly = disassemble(bytes, start, to - at, { ...facts, address });
    const shown = hexBytes(bytes.subarray(start, start + length));
    lines.push(`${place(address)}  ${shown.padEnd(BYTES_WIDTH)}  ${text}\n`);
    address += length;
    if (lines.length < LINES_AT_ONCE) continue;
    flush();
    await new Promise((resolve) => setImmediate(resolve));
  }
  flush();
}

/** An address in eight digits, more where it has more. */
const place = (address: number): string => (address < 2 ** 32 ? hex(address) : address.toString(16));

const LINES_AT_ONCE = 1000;
/** Eight bytes: few instructions are longer. */
const BYTES_WIDTH = 23;

interface FoundContainer extends Container {
  readonly bytes: Uint8Array;
}

/** What the file is, when it is none of KolibriOS's; a file that cannot be read is for others to complain of. */
function containerIn(path: string): FoundContainer | undefined {
  const bytes = readFile(path);
  if ("error" in bytes) return undefined;
  const container = readContainer(bytes);
  if (container === undefined) return undefined;
  if ("error" in container) throw new Refusal(`${path}: ${container.error}`, 2);
  return { ...container, bytes };
}

/** The sections with code, or those that --from and --to name. */
async function showContainer(
  path: string,
  container: FoundContainer,
  values: Pick<Values<typeof options>, "from" | "to" | "bits">,
  io: Io,
): Promise<number> {
  const { sections, symbols, bytes } = container;
  const bits = values.bits === undefined ? container.bits : bitsOf(values.bits);
  const from = values.from === undefined ? undefined : placeIn(container, values.from);
  const to = values.to === undefined ? undefined : placeIn(container, values.to);
  const holds = ({ address, length }: Section, at: number): boolean => at >= address && at < address + length;
  const chosen = sections.filter((section, number) => {
    if (from === undefined) return section.code && section.length > 0;
    return (from.section < 0 || from.section === number) && holds(section, from.address);
  });
  if (chosen.length === 0) {
    throw new Refusal(
      from === undefined
        ? `${path} has no code: --raw shows any bytes`
        : `0x${place(from.address)} is in none of its sections`,
    );
  }
  io.stdout.write(`; ${container.kind}, ${bits}-bit code\n`);
  for (const section of chosen) {
    const { address, at, length } = section;
    const labels = new Map<number, string[]>();
    const name = (address: number, text: string): void => {
      const there = labels.get(address);
      if (there) there.push(text);
      else labels.set(address, [text]);
    };
    const number = sections.indexOf(section);
    for (const symbol of symbols)
      if (symbol.section < 0 || symbol.section === number) name(symbol.address, symbol.name);
    if (container.entry !== undefined && !labels.has(container.entry)) name(container.entry, "entry");
    io.stdout.write(`\n; ${section.name}, ${length} bytes\n`);
    const end = to === undefined ? address + length : Math.min(to.address, address + length);
    await show(
      {
        bytes: bytes.subarray(at, at + length),
        at: address,
        from: from?.address ?? address,
        to: end,
        bits,
        labels,
      },
      io,
    );
  }
  return 0;
}

/** The address that a symbol or a number means, and the section of an object's symbol. */
function placeIn({ symbols }: Container, text: string): { address: number; section: number } {
  const found = symbols.find(({ name }) => name === text);
  if (found !== undefined) return found;
  if (/^\d/.test(text)) return { address: number(0, Number.MAX_SAFE_INTEGER)(text), section: -1 };
  throw new Refusal(`the program has no symbol ${text}`);
}

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
