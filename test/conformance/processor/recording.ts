/**
 * Answers of a processor, kept small. Cases are made anew from their series; each form carries a checksum of
 * them, so that answers to other questions are not taken for answers to these.
 *
 *     u32 seed, u16 forms; for each form: u8 length and letters of its key, u32 checksum of its cases, u16 cases;
 *     for each case: u16 number, u8 vector, u8 mask of changed registers, u16 low half of the changed bits of
 *     EFLAGS, u8 mask (bits 0 to 5: changed selectors; 6: EFLAGS' high half follows; 7: EIP is far), then the new
 *     registers (u32), EIP (i16 from the start, or u32), EFLAGS' high half (u16), selectors (u16 each), code (u16)
 *     and for #PF address (u32), u8 changed dwords (255: u16 follows) with address and value (u32 each). For a
 *     case with an FXSAVE area: u8 changed dwords of it, each with u8 position in dwords and u32 value.
 */
import { type Answer, type Case, EFLAGS_COMPARED, FXSAVE_BYTES } from "./case.ts";

const PAGE_FAULT = 14;
/** Segment registers before every case: es cs ss ds fs gs. */
const SELECTORS = [0x2b, 0x23, 0x2b, 0x2b, 0x63, 0] as const;
const SELECTOR_MASK = 0x3f;
const HIGH_FLAGS = 0x40;
const FAR = 0x80;

export class Recorder {
  readonly #seed: number;
  readonly #forms = new Map<string, { cases: Case[]; answers: Answer[] }>();

  constructor(seed: number) {
    this.#seed = seed;
  }

  add(key: string, one: Case, answer: Answer): void {
    const form = this.#forms.get(key) ?? { cases: [], answers: [] };
    this.#forms.set(key, form);
    form.cases.push(one);
    form.answers.push(answer);
  }

  bytes(): Uint8Array {
    const out = new Writer();
    out.u32(this.#seed);
    out.u16(this.#forms.size);
    for (const [key, { cases, answers }] of this.#forms) {
      out.u8(key.length);
      for (const letter of key) out.u8(letter.charCodeAt(0));
      out.u32(checksum(cases));
      out.u16(cases.length);
      for (const [i, one] of cases.entries()) writeAnswer(out, one, answers[i]!);
    }
    return out.taken();
  }
}

export interface RecordedForm {
  readonly key: string;
  readonly cases: Case[];
  readonly answers: Answer[];
  /** The cases that are made now are not those that were asked: the recording must be renewed. */
  readonly stale: boolean;
}

/** Reads a recording form by form; `caseOf` makes the cases of a series anew. */
export function* readRecording(
  bytes: Uint8Array,
  caseOf: (key: string, seed: number, number: number) => Case,
): Generator<RecordedForm> {
  const input = new Reader(bytes);
  const seed = input.u32();
  const forms = input.u16();
  for (let form = 0; form < forms; form++) {
    const key = String.fromCharCode(...Array.from({ length: input.u8() }, () => input.u8()));
    const sum = input.u32();
    const count = input.u16();
    const cases: Case[] = [];
    const answers: Answer[] = [];
    for (let i = 0; i < count; i++) {
      const one = caseOf(key, seed, input.u16());
      cases.push(one);
      answers.push(readAnswer(input, one));
    }
    yield { key, cases, answers, stale: checksum(cases) !== sum };
  }
}

function writeAnswer(out: Writer, one: Case, answer: Answer): void {
  const changedBits = (mask: number, values: readonly number[], before: readonly number[]): number =>
    values.reduce((bits, value, i) => (value === before[i] ? bits : bits | (1 << i)), mask);
  const flags = (answer.eflags ^ one.eflags) & EFLAGS_COMPARED;
  const distance = answer.eip - one.eip;
  const far = Math.abs(distance) > 0x7fff;
  const selectors = changedBits(
    (flags >>> 16 ? HIGH_FLAGS : 0) | (far ? FAR : 0),
    answer.selectors,
    SELECTORS,
  );
  out.u16(one.number);
  out.u8(answer.vector);
  out.u8(changedBits(0, answer.registers, one.registers));
  out.u16(flags);
  out.u8(selectors);
  for (const [i, value] of answer.registers.entries()) if (value !== one.registers[i]) out.u32(value);
  if (far) out.u32(answer.eip);
  else out.u16(distance);
  if (selectors & HIGH_FLAGS) out.u16(flags >>> 16);
  for (const [i, value] of answer.selectors.entries()) if (value !== SELECTORS[i]) out.u16(value);
  out.u16(answer.code);
  if (answer.vector === PAGE_FAULT) out.u32(answer.address);
  const { changed } = answer;
  out.u8(Math.min(changed.length, 255));
  if (changed.length >= 255) out.u16(changed.length);
  for (const [address, value] of changed) {
    out.u32(address);
    out.u32(value);
  }
  if (one.fxsave && answer.fxsave) writeFxsave(out, one.fxsave, answer.fxsave);
}

function writeFxsave(out: Writer, before: Uint8Array, after: Uint8Array): void {
  const was = new DataView(before.buffer, before.byteOffset);
  const is = new DataView(after.buffer, after.byteOffset);
  const changed: number[] = [];
  for (let at = 0; at < FXSAVE_BYTES; at += 4) {
    if (was.getInt32(at, true) !== is.getInt32(at, true)) changed.push(at);
  }
  out.u8(changed.length);
  for (const at of changed) {
    out.u8(at >> 2);
    out.u32(is.getInt32(at, true));
  }
}

function readFxsave(input: Reader, before: Uint8Array): Uint8Array {
  const area = before.slice();
  const view = new DataView(area.buffer);
  for (let count = input.u8(); count > 0; count--) view.setInt32(input.u8() << 2, input.u32(), true);
  return area;
}

function readAnswer(input: Reader, one: Case): Answer {
  const vector = input.u8();
  const registers = input.u8();
  let flags = input.u16();
  const selectors = input.u8();
  const values = one.registers.map((value, i) => (registers & (1 << i) ? input.u32() : value));
  const eip = selectors & FAR ? input.u32() : one.eip + ((input.u16() << 16) >> 16);
  if (selectors & HIGH_FLAGS) flags |= input.u16() << 16;
  const held = SELECTORS.map((value, i) => (selectors & SELECTOR_MASK & (1 << i) ? input.u16() : value));
  const code = input.u16();
  const address = vector === PAGE_FAULT ? input.u32() : 0;
  let count = input.u8();
  if (count === 255) count = input.u16();
  const changed = Array.from({ length: count }, (): [number, number] => [input.u32(), input.u32()]);
  const fxsave = one.fxsave && readFxsave(input, one.fxsave);
  return {
    registers: values,
    eip,
    eflags: one.eflags ^ flags,
    vector,
    code,
    address,
    selectors: held,
    changed,
    ...(fxsave && { fxsave }),
  };
}

/** FNV-1a over everything that was asked. */
function checksum(cases: readonly Case[]): number {
  let sum = 0x811c_9dc5;
  const add = (value: number): void => {
    for (let shift = 0; shift < 32; shift += 8)
      sum = Math.imul(sum ^ ((value >>> shift) & 0xff), 0x0100_0193);
  };
  for (const one of cases) {
    for (const value of one.registers) add(value);
    add(one.eip);
    add(one.eflags);
    for (const { address, bytes } of one.pokes) {
      add(address);
      for (const byte of bytes) add(byte);
    }
    for (const byte of one.fxsave ?? []) add(byte);
  }
  return sum >>> 0;
}

class Writer {
  #bytes = new Uint8Array(1 << 16);
  #at = 0;

  u8(value: number): void {
    if (this.#at === this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#bytes.length);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes[this.#at++] = value;
  }

  u16(value: number): void {
    this.u8(value);
    this.u8(value >>> 8);
  }

  u32(value: number): void {
    this.u16(value);
    this.u16(value >>> 16);
  }

  taken(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  u8(): number {
    return this.#bytes[this.#at++]!;
  }

  u16(): number {
    return this.u8() | (this.u8() << 8);
  }

  u32(): number {
    return (this.u16() | (this.u16() << 16)) >>> 0;
  }
}
