import { areas, CODE } from "./arena.ts";

/** One question to a processor and its answer, as plain records. */

export interface Poke {
  readonly address: number;
  readonly bytes: Uint8Array;
}

export interface Case {
  /** eax ecx edx ebx esp ebp esi edi, unsigned. */
  readonly registers: readonly number[];
  readonly eip: number;
  readonly eflags: number;
  /** Memory that differs from the arena's fill, code included. */
  readonly pokes: readonly Poke[];
  /** x87, MMX and SSE state, when the case is about it: the first FXSAVE_BYTES of an FXSAVE area. */
  readonly fxsave?: Uint8Array;
  /** Index of the form that the case is about, in the table; and the case's number in the form's series. */
  readonly form: number;
  readonly number: number;
  /** Single steps do not end it: they are counted at TRAIL. */
  readonly steps?: true;
  /** Of bytes that may be anything: it ends before what cannot be compared. */
  readonly raw?: true;
}

export interface Answer {
  readonly registers: number[];
  eip: number;
  eflags: number;
  /** Vector of the exception that ended the case. Every case ends in one, by int3 at the latest. */
  vector: number;
  /** Of #GP, #PF and their like; otherwise 0. */
  code: number;
  /** Of #PF; otherwise 0. */
  address: number;
  /** es cs ss ds fs gs */
  readonly selectors: number[];
  /** Dwords that differ from before, in ascending order of address. */
  readonly changed: [address: number, value: number][];
  /** As in the case, and only if it is there. */
  readonly fxsave?: Uint8Array;
}

/** The vector of our answer where a case has not come to its end. */
export const OUT_OF_TIME = 255;

/** What is used of an FXSAVE area: control, eight x87 and eight XMM registers. SDM vol. 1, 10.5.1. */
export const FXSAVE_BYTES = 288;

/** Whether the dword at `at` of two FXSAVE areas says the same; what is reserved says nothing. */
function sameDword(at: number, a: DataView, b: DataView): boolean {
  let mask = -1;
  if (at === 4) mask = ~0xff00;
  else if (at === 12 || at === 20 || at === 28) mask = 0;
  else if (at >= 32 && at < 160) mask = (at & 15) === 8 ? 0xffff : (at & 15) === 12 ? 0 : -1;
  return ((a.getInt32(at, true) ^ b.getInt32(at, true)) & mask) === 0;
}

/** Names what a dword of an FXSAVE area belongs to. */
function placeInFxsave(at: number): string {
  if (at >= 160) return `xmm${(at - 160) >> 4}[${(at & 15) >> 2}]`;
  if (at >= 32) return `st${(at - 32) >> 4}[${(at & 15) >> 2}]`;
  return ["control, status", "tags, opcode", "fip", "fcs", "fdp", "fds", "mxcsr", "mask"][at >> 2]!;
}

/** EFLAGS without IF and IOPL, which belong to the operating system, and RF, which faults set in what they save. */
export const EFLAGS_COMPARED = ~0x1_3200;

/**
 * Whether a case says nothing: it would touch the host's own memory, or execute where the host does not allow it.
 * Told from our answer, so that such a case is never asked.
 */
export function isAmbiguous(ours: Answer): boolean {
  if (ours.vector < 0) return true;
  if (ours.vector === PAGE_FAULT && (ours.address >= 0xc000_0000 || Math.floor(ours.address / 2 ** 24) === 8))
    return true;
  const inCode = ours.eip >= CODE.start && ours.eip < CODE.start + CODE.length;
  return !inCode && areas.some(({ start, length }) => ours.eip >= start && ours.eip <= start + length);
}

const DEBUG = 1;
const PAGE_FAULT = 14;
const TF = 0x100;

/** Int1 leaves EIP behind itself (SDM vol. 2A, INT n); the host may be a virtual machine, which leaves it before. */
const isInt1OfVirtualMachine = (expected: Answer, actual: Answer): boolean =>
  expected.vector === DEBUG &&
  actual.vector === DEBUG &&
  actual.eip === expected.eip + 1 &&
  (actual.eflags & TF) === 0;

/** Where an FXSAVE area tells of the last x87 instruction: opcode, address, address of its operand. */
const POINTERS = [
  [6, 8],
  [8, 12],
  [16, 20],
] as const;

/** Of a host whose signals have come between instructions: what it has kept of the pointers says nothing. */
export function forgetPointers(fxsave: Uint8Array): void {
  for (const [from, to] of POINTERS) fxsave.fill(0, from, to);
}

/**
 * The host keeps no pointers to the last x87 instruction in a signal frame unless one of its exceptions waits: zero
 * says nothing there. (The x87 group compares them all, by FNSAVE.)
 */
function withPointers(expected: Answer, actual: Answer): Answer {
  if (!expected.fxsave || !actual.fxsave) return expected;
  const theirs = expected.fxsave;
  if (POINTERS.some(([from, to]) => theirs.subarray(from, to).some((byte) => byte !== 0))) return expected;
  const fxsave = theirs.slice();
  for (const [from, to] of POINTERS) fxsave.set(actual.fxsave.subarray(from, to), from);
  return { ...expected, fxsave };
}

/** The expected answer without what is known to differ. */
export function tolerant(answered: Answer, actual: Answer): Answer {
  const expected = withPointers(answered, actual);
  if (isInt1OfVirtualMachine(expected, actual)) return { ...expected, eip: actual.eip };
  return expected;
}

/** What differs between two answers, in words; empty when nothing does. */
export function differences(expected: Answer, actual: Answer): string[] {
  const found: string[] = [];
  const names = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"];
  const compare = (name: string, a: number, b: number): void => {
    if (a !== b) found.push(`${name} ${(a >>> 0).toString(16)} here ${(b >>> 0).toString(16)}`);
  };
  compare("vector", expected.vector, actual.vector);
  for (const [i, name] of names.entries()) compare(name, expected.registers[i]!, actual.registers[i]!);
  compare("eip", expected.eip, actual.eip);
  const flags = (expected.eflags ^ actual.eflags) & EFLAGS_COMPARED;
  if (flags) found.push(`eflags ${flagNames(expected.eflags)} here ${flagNames(actual.eflags)}`);
  compare("code", expected.code, actual.code);
  compare("address", expected.address, actual.address);
  for (const [i, name] of ["es", "cs", "ss", "ds", "fs", "gs"].entries()) {
    compare(name, expected.selectors[i]!, actual.selectors[i]!);
  }
  if (JSON.stringify(expected.changed) !== JSON.stringify(actual.changed)) {
    found.push(`memory ${memoryText(expected.changed)} here ${memoryText(actual.changed)}`);
  }
  if (expected.fxsave && actual.fxsave) {
    const a = new DataView(expected.fxsave.buffer, expected.fxsave.byteOffset);
    const b = new DataView(actual.fxsave.buffer, actual.fxsave.byteOffset);
    for (let at = 0; at < FXSAVE_BYTES; at += 4) {
      if (!sameDword(at, a, b)) compare(placeInFxsave(at), a.getUint32(at, true), b.getUint32(at, true));
    }
  }
  return found;
}

const memoryText = (changed: Answer["changed"]): string =>
  `{${changed
    .slice(0, 6)
    .map(([address, value]) => `${address.toString(16)}:${value.toString(16)}`)
    .join(" ")}${changed.length > 6 ? " …" : ""}}`;

/** The flags as letters, upper case where set. */
export function flagNames(flags: number): string {
  const letters = "cpaZsTdoN".toLowerCase();
  const bits = [0, 2, 4, 6, 7, 8, 10, 11, 14];
  const rest = flags & ~0x7fd7 & EFLAGS_COMPARED;
  return (
    bits.map((bit, i) => (flags & (1 << bit) ? letters[i]!.toUpperCase() : letters[i])).join("") +
    (rest ? `+${(rest >>> 0).toString(16)}` : "")
  );
}
