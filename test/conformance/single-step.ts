/**
 * The recordings of SingleStepTests: what one instruction did on a processor of old, with all registers before and
 * after it. Each file holds the cases of one opcode in the format MOO (chunks of a four-letter name, a length, and
 * bytes), compressed.
 *
 * The recorded processor was in real mode, this machine is not: what can be carried over are the instructions that
 * touch registers and flags only. They are executed with an operand size of 16 bits.
 */

/** The order of the registers in a recording, each a word. */
const REGISTERS = ["ax", "bx", "cx", "dx", "cs", "ss", "ds", "es", "sp", "bp", "si", "di", "ip", "flags"];

export type RecordedRegisters = Readonly<Record<string, number>>;

export interface RecordedStep {
  readonly name: string;
  /** The instruction and the HLT behind it. */
  readonly bytes: Uint8Array;
  readonly before: RecordedRegisters;
  /** Those that have changed. */
  readonly after: RecordedRegisters;
  /** The vector of the exception it ended in. */
  readonly exception: number | undefined;
}

interface Chunk {
  readonly name: string;
  readonly view: DataView;
}

function* chunks(view: DataView, from: number): Generator<Chunk> {
  for (let at = from; at < view.byteLength; ) {
    const name = String.fromCharCode(...[0, 1, 2, 3].map((i) => view.getUint8(at + i)));
    const length = view.getUint32(at + 4, true);
    yield { name, view: new DataView(view.buffer, view.byteOffset + at + 8, length) };
    at += 8 + length;
  }
}

function registersOf(state: DataView): RecordedRegisters {
  const registers: Record<string, number> = {};
  for (const { name, view } of chunks(state, 0)) {
    if (name !== "REGS") continue;
    const present = view.getUint16(0, true);
    let at = 2;
    for (const [i, register] of REGISTERS.entries()) {
      if (!(present & (1 << i))) continue;
      registers[register] = view.getUint16(at, true);
      at += 2;
    }
  }
  return registers;
}

const counted = (view: DataView): Uint8Array =>
  new Uint8Array(view.buffer, view.byteOffset + 4, view.getUint32(0, true));

/** The cases of an unpacked file. */
export function* recordedSteps(file: Uint8Array): Generator<RecordedStep> {
  const all = chunks(new DataView(file.buffer, file.byteOffset, file.length), 0);
  for (const test of all) {
    if (test.name !== "TEST") continue;
    let name = "";
    let bytes = new Uint8Array();
    let before: RecordedRegisters = {};
    let after: RecordedRegisters = {};
    let exception: number | undefined;
    for (const part of chunks(test.view, 4)) {
      if (part.name === "NAME") name = String.fromCharCode(...counted(part.view));
      else if (part.name === "BYTS") bytes = counted(part.view).slice();
      else if (part.name === "INIT") before = registersOf(part.view);
      else if (part.name === "FINA") after = registersOf(part.view);
      else if (part.name === "EXCP") exception = part.view.getUint8(0);
    }
    yield { name, bytes, before, after, exception };
  }
}

/** Opcodes without a ModR/M byte that touch registers and flags only, and those with one that can. */
const PLAIN = /^(0[45CD]|1[45CD]|2[4-57CDF]|3[4-57CDF]|4.|9[0-9EF]|A[89]|B.|D[456]|F[589CD])$/;
const BY_MODRM = /^([0-3][0-38-B]|6[9B]|8[0-9AB]|C[01]|D[0-3]|F[67E]|FF)$/;
/** FF /2 and on jump and push. */
const NOT_PLAIN_GROUP = /^FF\.[2-7]$/;
const REGISTERS_ONLY = 0xc0;

/** Whether a case of the file `opcode` (its name without what stands behind) can be carried over. */
export function isCarriedOver(opcode: string, { bytes }: RecordedStep): boolean {
  const first = Number.parseInt(opcode, 16);
  if (bytes[0] !== first) return false; // prefixes
  if (PLAIN.test(opcode)) return true;
  if (!BY_MODRM.test(opcode.replace(/\..*/, "")) || NOT_PLAIN_GROUP.test(opcode)) return false;
  return bytes[1]! >= REGISTERS_ONLY;
}
