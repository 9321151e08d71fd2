/**
 * 64-bit machine code → the form and the fields of one instruction, for the disassembler: the machine runs none. Register
 * numbers are whole here, with the bits that REX, VEX and EVEX add (SDM vol. 2A, 2.2.1, 2.3.5, 2.7).
 */
import {
  allowed,
  DECODED,
  type Decoding,
  displacementUnit,
  INVALID,
  type Instruction,
  impliedPrefix,
  LONGEST,
  makeInstruction,
  signed,
  TOO_LONG,
  TRUNCATED,
} from "./decode.ts";
import { type Form, PREFIX_ANY, PREFIX_NONE } from "./form.ts";
import { forms } from "./lookup.ts";

export interface LongInstruction extends Instruction {
  /** The REX prefix, 0 without: byte registers 4 to 7 are others behind one. */
  rex: number;
  /** The address is a distance from the end of the instruction. */
  relative: boolean;
  /** The register in the low bits of the opcode byte, and the one in the last byte. */
  opcodeRegister: number;
  lastRegister: number;
  /** An immediate of 64 bits, or an address of so many. */
  wide: bigint | undefined;
}

export const makeLongInstruction = (): LongInstruction => ({
  ...makeInstruction(),
  rex: 0,
  relative: false,
  opcodeRegister: 0,
  lastRegister: 0,
  wide: undefined,
});

/** Forms by opcode space (lookup.ts) and opcode byte. */
let table: Map<number, Form[]> | undefined;

function formsAt(space: number, code: number): readonly Form[] {
  if (table === undefined) {
    table = new Map();
    for (const form of forms()) {
      // vpermil2ps with a number says what its other names say.
      if (form.suffix >= 0 && form.tail.includes("is4")) continue;
      if (form.attributes.has("not64") || form.operands.some(({ kind }) => kind === "tr")) continue;
      const first = form.encoding === "legacy" ? 0 : form.encoding === "evex" ? 8 : 4;
      for (let register = 0; register < (form.plus ? 8 : 1); register++) {
        const at = (first + form.map) * 256 + form.code + register;
        const known = table.get(at);
        if (known === undefined) table.set(at, [form]);
        else known.push(form);
      }
    }
  }
  return table.get(space * 256 + code) ?? [];
}

/** One-byte opcodes that are no instructions in 64-bit code (SDM vol. 2D, table A-2). */
const gone = new Set([
  0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f, 0x37, 0x3f, 0x60, 0x61, 0x82, 0x9a, 0xc4, 0xc5, 0xce,
  0xd4, 0xd5, 0xd6, 0xea,
]);

/** Instructions whose operands have 64 bits without REX.W (SDM vol. 2A, 2.2.1.7); moves of control registers know no other size. */
function isWide({ name, map, code, digit, operands }: Form): boolean {
  if (/^(push|pop|enter|leave|ret)$/.test(name)) return true;
  const near = /^(call|jmp)$/.test(name) && map === 0 && code === 0xff && (digit === 2 || digit === 4);
  return near || (operands[0]?.kind === "rel" && operands[0].size !== 1);
}

/** Decodes one instruction of 64-bit code at `at`, reading no byte from `end` on. After INVALID, `length` counts the bytes looked at. */
export function decodeLong(bytes: Uint8Array, at: number, end: number, out: LongInstruction): Decoding {
  return new Reader(bytes, at, end, out).read();
}

class Short extends Error {}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #end: number;
  readonly #room: number;
  readonly #out: LongInstruction;
  #at: number;
  #space = 0;
  /** Bits that stand before the three of ModR/M and SIB: 0 or 8, of EVEX 16 or 24. */
  #r = 0;
  #x = 0;
  #b = 0;
  /** EVEX: what makes an index of vectors, and a register in rm, more than 15. */
  #v = 0;
  #last = -1;

  constructor(bytes: Uint8Array, at: number, end: number, out: LongInstruction) {
    this.#bytes = bytes;
    this.#start = at;
    this.#room = end - at;
    this.#end = Math.min(end, at + LONGEST);
    this.#at = at;
    this.#out = Object.assign(out, makeLongInstruction());
  }

  read(): Decoding {
    try {
      const outcome = this.#instruction();
      this.#out.length = this.#at - this.#start;
      return outcome;
    } catch (error) {
      if (!(error instanceof Short)) throw error;
      return this.#room >= LONGEST ? TOO_LONG : TRUNCATED;
    }
  }

  #next(): number {
    if (this.#at >= this.#end) throw new Short();
    return this.#bytes[this.#at++]!;
  }

  #value(size: number): number {
    if (this.#at + size > this.#end) throw new Short();
    const value = signed(this.#bytes, this.#at, size);
    this.#at += size;
    return value;
  }

  #wideValue(): bigint {
    const low = BigInt(this.#value(4) >>> 0);
    return low | (BigInt(this.#value(4) >>> 0) << 32n);
  }

  #instruction(): Decoding {
    const out = this.#out;
    let code = this.#prefixes();
    if (code === 0xc4 || code === 0xc5 || code === 0x62 || (code === 0x8f && (this.#peek() & 0x1f) >= 8)) {
      if (out.rex !== 0 || out.sizePrefix || out.rep !== 0 || out.lock) return INVALID;
      if (!this.#vector(code)) return INVALID;
      code = this.#next();
    } else {
      if (out.rex & 4) this.#r = 8;
      if (out.rex & 2) this.#x = 8;
      if (out.rex & 1) this.#b = 8;
      out.w = (out.rex >> 3) & 1;
      if (code === 0x0f) {
        code = this.#next();
        this.#space = code === 0x38 ? 2 : code === 0x3a ? 3 : 1;
        if (this.#space > 1) code = this.#next();
      } else if (gone.has(code)) return INVALID;
    }
    out.code = code;
    const list = formsAt(this.#space, code);
    if (list.length === 0) return INVALID;
    if (list[0]!.modrm) this.#modrm(code);
    if (list.some(({ suffix }) => suffix >= 0)) this.#last = this.#peek();
    const form = this.#choose(list) ?? this.#flipped(code);
    if (form === undefined) return INVALID;
    return this.#rest(form);
  }

  #peek(): number {
    if (this.#at >= this.#end) throw new Short();
    return this.#bytes[this.#at]!;
  }

  /** Reads prefixes and answers the byte behind them. REX counts only where it is the last. */
  #prefixes(): number {
    const out = this.#out;
    let code = this.#next();
    for (; ; code = this.#next()) {
      const rex = (code & 0xf0) === 0x40;
      if (code === 0x66) out.sizePrefix = true;
      else if (code === 0x67) out.addressPrefix = true;
      else if (code === 0xf2 || code === 0xf3) out.rep = code;
      else if (code === 0xf0) out.lock = true;
      else if ((code & 0xe7) === 0x26) out.segment = (code >> 3) & 3;
      else if (code === 0x64 || code === 0x65) out.segment = code & 7;
      else if (!rex) break;
      out.rex = rex ? code : 0;
    }
    out.prefixes = this.#at - 1 - this.#start;
    out.addressSize = out.addressPrefix ? 32 : 64;
    return code;
  }

  /** The payload of VEX, EVEX or XOP; false when it makes no sense. */
  #vector(lead: number): boolean {
    const out = this.#out;
    const first = this.#next();
    let payload = first;
    let map = 1;
    if (lead !== 0xc5) {
      payload = this.#next();
      if ((first & 0x40) === 0) this.#x = 8;
      if ((first & 0x20) === 0) this.#b = 8;
      out.w = payload >> 7;
      map = first & (lead === 0x62 ? 7 : 0x1f);
    }
    if ((first & 0x80) === 0) this.#r = 8;
    out.vvvv = (~payload >> 3) & 15;
    if (lead === 0x62) {
      const more = this.#next();
      if ((first & 0x10) === 0) this.#r += 16;
      if ((more & 8) === 0) this.#v = 16;
      out.vvvv += this.#v;
      out.rounding = (more >> 5) & 3;
      const { rounding } = out;
      out.vectorLength = 128 << rounding;
      out.mask = more & 7;
      out.zeroing = (more & 0x80) !== 0;
      out.broadcast = (more & 0x10) !== 0;
      if ((first & 8) !== 0 || (payload & 4) === 0 || map < 1 || map > 3) return false;
      if (out.zeroing && out.mask === 0) return false;
      this.#space = 8 + map;
    } else {
      out.vectorLength = (payload & 4) !== 0 ? 256 : 128;
      if (lead === 0x8f ? map > 10 : map < 1 || map > 3) return false;
      this.#space = 4 + map;
    }
    const prefix = impliedPrefix[payload & 3]!;
    out.sizePrefix = prefix === 0x66;
    out.rep = prefix === 0x66 ? 0 : prefix;
    return true;
  }

  #modrm(code: number): void {
    const out = this.#out;
    const modrm = this.#next();
    const mod = this.#space === 1 && (code & 0xf8) === 0x20 ? 3 : modrm >> 6;
    const rm = modrm & 7;
    out.modrm = modrm;
    out.mod = mod;
    out.reg = ((modrm >> 3) & 7) | this.#r;
    // Of EVEX, X makes a register in rm more than 15.
    out.rm = rm | this.#b | (this.#space > 8 && this.#space < 12 && this.#x !== 0 ? 16 : 0);
    if (mod === 3) return;
    let size = mod === 1 ? 1 : mod === 2 ? 4 : 0;
    out.base = rm | this.#b;
    if (rm === 4) {
      const sib = this.#next();
      const index = ((sib >> 3) & 7) | this.#x;
      out.base = (sib & 7) | this.#b;
      out.index = index === 4 ? -1 : index;
      out.scale = 1 << (sib >> 6);
      if (mod === 0 && (sib & 7) === 5) {
        out.base = -1;
        size = 4;
      }
    } else if (mod === 0 && rm === 5) {
      out.base = -1;
      out.relative = true;
      size = 4;
    }
    out.displacementSize = size;
    out.displacement = this.#value(size);
  }

  #choose(list: readonly Form[]): Form | undefined {
    let found: Form | undefined;
    let best = -1;
    for (const form of list) {
      const rank = this.#rank(form);
      if (rank > best) {
        found = form;
        best = rank;
      }
    }
    return found;
  }

  /** Moves between registers that stand the other way round under the next opcode. */
  #flipped(code: number): Form | undefined {
    const out = this.#out;
    if (out.mod !== 3 || out.modrm < 0) return undefined;
    const form = this.#choose(
      formsAt(this.#space, code - 1).filter(({ attributes }) => attributes.has("flips")),
    );
    if (form !== undefined) [out.reg, out.rm] = [out.rm, out.reg];
    return form;
  }

  /** How particularly a form is meant by what has been read; -1 when it is not. */
  #rank(form: Form): number {
    const { modrm, mod, sizePrefix, rep, w, addressSize, broadcast, vectorLength } = this.#out;
    if (form.modrm) {
      if (form.mod !== "any" && (form.mod === "register") !== (mod === 3)) return -1;
      if (form.digit >= 0 && form.digit !== ((modrm >> 3) & 7)) return -1;
      if (form.rm >= 0 && form.rm !== (modrm & 7)) return -1;
    }
    if (form.suffix >= 0 && form.suffix !== this.#last) return -1;
    // 90 with REX.B exchanges.
    if (form.name === "nop" && !form.modrm && this.#b !== 0) return -1;
    const operandSize = this.#operandSize(form);
    // REX.W means nothing to what has no form of 64 bits: ins, outs.
    const short = form.operandSize === 32 && operandSize === 64;
    if (form.operandSize !== 0 && form.operandSize !== operandSize && !short) return -1;
    if (form.addressSize !== 0 && form.addressSize !== addressSize) return -1;
    if (form.encoding !== "legacy") {
      if (form.w >= 0 && form.w !== w) return -1;
      // What names no register has to be all ones.
      if (this.#out.vvvv !== 0 && !form.places.includes("vvvv") && !this.#hasVectors(form)) return -1;
      const er = broadcast && mod === 3 && form.attributes.has("er");
      if (broadcast && mod === 3 && !er && !form.attributes.has("sae")) return -1;
      if (!er && form.vectorLength !== 0 && form.vectorLength !== vectorLength) return -1;
    } else if (form.w === 1 && w === 0) return -1;
    let prefix = 0;
    if (form.prefix === PREFIX_NONE) {
      if (sizePrefix || rep !== 0) return -1;
      prefix = 3;
    } else if (form.prefix === 0x66) {
      if (!sizePrefix || rep !== 0) return -1;
      prefix = 1;
    } else if (form.prefix !== PREFIX_ANY) {
      if (form.prefix !== rep) return -1;
      prefix = 2;
    }
    const fixes = (form.suffix >= 0 ? 8 : 0) + (form.rm >= 0 ? 4 : 0) + (form.digit >= 0 ? 2 : 0);
    const wide = form.w === 1 ? 1 : 0;
    const sized = (form.operandSize !== 0 && !short ? 1 : 0) + (form.addressSize !== 0 ? 1 : 0);
    const usual = (form.level === "long" ? 0 : 1) + (form.decodeOnly ? 0 : 2) + (form.plus ? 0 : 4);
    // What only the assembler writes is read where nothing else is meant.
    const common = form.encodeOnly ? 0 : 1 << 20;
    return common + (((fixes * 2 + wide) * 4 + prefix) * 4 + sized) * 8 + usual;
  }

  #hasVectors({ operands }: Form): boolean {
    return operands.some(({ kind }) => kind === "vsib");
  }

  #operandSize(form: Form): number {
    const { w, sizePrefix } = this.#out;
    if (w === 1 && form.encoding === "legacy") return 64;
    if (sizePrefix && form.prefix !== 0x66 && form.encoding === "legacy") return 16;
    return isWide(form) ? 64 : 32;
  }

  /** What follows behind the address. */
  #rest(form: Form): Decoding {
    const out = this.#out;
    out.form = form;
    out.operandSize = this.#operandSize(form);
    out.opcodeRegister = (out.code & 7) | this.#b;
    if (this.#hasVectors(form)) {
      if (out.modrm < 0 || (out.modrm & 7) !== 4) return INVALID;
      out.index = (out.index < 0 ? 4 : out.index) | this.#v;
    }
    if (form.suffix >= 0) this.#at++;
    if (form.encoding === "evex" && !allowed(form, out)) return INVALID;
    for (const [i, word] of form.tail.entries()) {
      if (word === "io") {
        out.wide = this.#wideValue();
        continue;
      }
      const value = this.#value(this.#tailSize(word));
      if (word === "is4") out.lastRegister = ((value >> 4) & 15) | 0;
      if (i === 0) {
        out.immediate = value;
        out.immediateSize = this.#tailSize(word);
      } else out.immediate2 = value;
    }
    if (form.places.includes("moffs")) {
      out.base = -1;
      if (out.addressSize === 64) out.wide = this.#wideValue();
      else out.displacement = this.#value(4);
      out.displacementSize = out.addressSize / 8;
    }
    if (form.encoding === "evex" && out.displacementSize === 1)
      out.displacement *= displacementUnit(form, out.broadcast);
    return DECODED;
  }

  #tailSize(word: string): number {
    switch (word) {
      case "ib":
      case "cb":
      case "is4":
        return 1;
      case "iw":
        return 2;
      // AMD's processors read distances of 16 bits behind 66, and FASM writes them; Intel's ignore it.
      case "cv":
      case "iv":
        return this.#out.operandSize === 16 ? 2 : 4;
      default: // id
        return 4;
    }
  }
}
