/**
 * Which row fits which operands. The answer depends on kinds, register numbers and sizes only, so it is worked
 * out once per shape; what depends on values (does it fit a signed byte, is it 1) is left as a chain of plans
 * with a guard each.
 */
import { byMnemonic, displacementUnit, type Form, type FormOperand } from "../../isa/index.ts";
import { refuse } from "../messages.ts";
import {
  ABSOLUTE,
  BND_PREFIX,
  BOUND,
  CONTROL,
  DEBUG,
  type Encoding,
  FLOAT,
  GPR8,
  GPR8_HIGH,
  GPR16,
  GPR32,
  GPR64,
  IMMEDIATE,
  MASK,
  MASKING,
  MEMORY,
  MMX,
  type Operand,
  REGISTER,
  RELOCATABLE_32,
  RELOCATABLE_64,
  ROUNDING,
  registerClass,
  registerNumber,
  registerSizes,
  SEGMENT,
  ST,
  TEST,
  XMM,
  YMM,
  ZEROING,
  ZMM,
} from "../operand.ts";
import {
  byteValue,
  compresses,
  dwordValue,
  EXTENDED_BASE,
  EXTENDED_INDEX,
  EXTENDED_VECTOR,
  extendedValue,
  type Head,
  hasOffset64,
  isRelative,
  legacyBytes,
  makeHead,
  NO_REX,
  put16,
  put32,
  putHead,
  putMemory,
  putOffset,
  REX,
  REX_W,
  reach,
  wordValue,
} from "./emit.ts";
import { refusal } from "./refuse.ts";

/** A row with its operand size settled for code of some bitness. */
export interface Candidate {
  readonly form: Form;
  /** What `v` stands for, in bytes: 2, 4 or 8. */
  readonly v: number;
  /** 66 is needed to get that size. */
  readonly sizePrefix: boolean;
  /** REX.W is. */
  readonly wide: boolean;
}

const GUARD_NONE = 0;
const GUARD_SIGNED_BYTE = 1;
const GUARD_ONE = 2;
/** The immediate fits 32 bits with a sign, and does not move with the program as one of 64. */
const GUARD_SIGNED_DWORD = 3;
/** 64-bit code: the address is one that FASM puts behind the opcode. */
const GUARD_OFFSET = 4;

export interface Plan extends Head {
  readonly form: Form;
  /** FASM's 9B before everything else, of fstcw and its like. */
  readonly wait: boolean;
  /** ModR/M with mod 11, or the digit or register of a memory operand shifted left by three; -1 when there is none. */
  readonly modrm: number;
  /** Operand in memory, or -1; and whether its address stands without ModR/M. */
  readonly memory: number;
  readonly offset: boolean;
  /** Operand that is the immediate, or -1; bytes of it as written, and as its value is checked. */
  readonly immediate: number;
  readonly immediateSize: number;
  readonly valueSize: number;
  /** Operand that is a second immediate, always a byte, or -1. */
  readonly second: number;
  /** Operand that fills the low half of the last byte, beside a register, or -1. */
  readonly nibble: number;
  /** A fixed last byte, or -1. */
  readonly suffix: number;
  /** Bytes behind the address. */
  readonly trailing: number;
  /** The address has a vector of indexes. */
  readonly vectors: boolean;
  readonly guard: number;
  /** What to do when the guard says no. */
  readonly otherwise: Plan | undefined;
  /** FASM remembers "operand size not specified" and goes on with this one. */
  readonly unsized: boolean;
  /** Unit of a displacement of one byte: more than 1 in EVEX forms only. */
  readonly unit: number;
  /** FASM looks at the value of the last operand before it misses the size. */
  readonly apart: boolean;
}

/** Bytes of an operand of the row, with `v` settled. 0: it has no size of its own. */
export function sizeIn(size: number, v: number): number {
  return size === -1 ? v : size === -2 ? v + 2 : size;
}

function usesV(form: Form): boolean {
  return (
    form.operands.some((operand) => operand.size < 0 || operand.memorySize < 0) ||
    form.tail.includes("iv") ||
    (form.operands.some((operand) => operand.signed) && form.operands.length === 1)
  );
}

const candidateLists = new Map<string, readonly Candidate[]>();

/**
 * The rows of a mnemonic in FASM's order of preference, the native operand size first; for code of 16 or 32 bits those of
 * 64-bit code only when asked.
 */
export function candidatesOf(name: string, bits: number, long = bits === 64): readonly Candidate[] {
  const key = `${bits}${long ? " long" : ""} ${name}`;
  const known = candidateLists.get(key);
  if (known !== undefined) return known;
  const native = bits === 16 ? 2 : 4;
  const list: Candidate[] = [];
  for (const form of byMnemonic(name)) {
    if (form.decodeOnly || (form.level === "long" && !long)) continue;
    if (bits === 64 && form.attributes.has("not64")) continue;
    const wide = form.encoding === "legacy" && form.w === 1;
    if (form.operandSize !== 0) {
      const v = form.operandSize / 8;
      list.push({ form, v, sizePrefix: v !== native, wide });
    } else if (usesV(form)) {
      list.push(
        { form, v: native, sizePrefix: false, wide },
        { form, v: 6 - native, sizePrefix: true, wide },
      );
      // The long form of mov with an immediate of 64 bits has a row of its own.
      if (bits === 64 && !form.attributes.has("narrow") && !(form.plus && form.tail.length > 0))
        list.push({ form, v: 8, sizePrefix: false, wide: true });
    } else list.push({ form, v: wide ? 8 : native, sizePrefix: false, wide });
  }
  candidateLists.set(key, list);
  return list;
}

const generalClass = (size: number): number =>
  size === 1 ? GPR8 : size === 2 ? GPR16 : size === 4 ? GPR32 : size === 8 ? GPR64 : 0;

/** Whether a register is of the file and size that the row wants, whatever its number. */
export function registerFits(wanted: FormOperand, size: number, register: number): boolean {
  const kind = registerClass(register);
  switch (wanted.file) {
    case "general":
      return kind === generalClass(size) || (size === 1 && kind === GPR8_HIGH);
    case "segment":
      return kind === SEGMENT;
    case "control":
      return kind === CONTROL;
    case "debug":
      return kind === DEBUG;
    case "test":
      return kind === TEST;
    case "st":
      return kind === ST;
    case "mm":
      return kind === MMX;
    case "vector":
      return kind === (size === 16 ? XMM : size === 32 ? YMM : ZMM);
    case "k":
      return kind === MASK;
    case "bnd":
      return kind === BOUND;
    default:
      return false;
  }
}

/** Control registers and their like are as wide as the general register they are moved from or to. */
function partnerSize(form: Form): number {
  const moves = form.operands.length === 2 && form.map === 1 && (form.code & 0xf8) === 0x20;
  return moves && form.encoding === "legacy" ? Math.max(form.operands[0]!.size, form.operands[1]!.size) : 0;
}

/** Whether the row's operand takes this kind of operand at all, sizes aside. */
function fits(wanted: FormOperand, v: number, operand: Operand, form: Form, at: number): boolean {
  const size = sizeIn(wanted.size, v);
  if (operand.jump !== 0) return false;
  switch (operand.kind) {
    case REGISTER: {
      const bare = wanted.file === "k" || wanted.file === "bnd" || form.attributes.has("bare");
      if (bare && operand.size !== 0) return false;
      const own = registerSizes[registerClass(operand.register)]! || partnerSize(form) || wanted.size;
      // A vector register may have any size written before it where FASM forgets that (`isForgotten`).
      const forgotten = form.encoding !== "legacy" && wanted.file === "vector";
      if (
        operand.size !== 0 &&
        operand.size !== own &&
        !forgotten &&
        !(form.attributes.has("apart") && /^(cl|dx)$/.test(wanted.text))
      ) {
        return false;
      }
      // Shifts of MM registers take any count that is a register of either file.
      if (wanted.file === "vector" && registerNumber(operand.register) > 15) {
        if (form.encoding !== "evex" || (form.attributes.has("low") && form.places[at] === "rm"))
          return false;
      }
      if (form.attributes.has("loose") && at > 0) {
        const kind = registerClass(operand.register);
        return kind === MMX || (kind === XMM && registerNumber(operand.register) < 16);
      }
      switch (wanted.kind) {
        case "fixed":
          if (wanted.text === "xmm0" && operand.size !== 0) return false;
          return (
            registerFits(wanted, size, operand.register) && registerNumber(operand.register) === wanted.number
          );
        case "m":
        case "imm":
        case "one":
        case "rel":
        case "ptr":
        case "moffs":
        case "vsib":
          return false;
        default:
          return registerFits(wanted, size, operand.register);
      }
    }
    case MEMORY: {
      const element = form.attributes.has("b8") ? 8 : 4;
      const memory = operand.broadcast !== 0 ? element : sizeIn(wanted.memorySize, v);
      if (form.attributes.has("bare") && operand.size !== 0) return false;
      if (form.attributes.has("loose") && at > 0) return true;
      switch (wanted.kind) {
        case "m":
          return memory === 0 || operand.size === 0 || operand.size === memory;
        case "rm":
        case "mmm":
        case "xmmm":
        case "ymmm":
        case "zmmm":
        case "km":
        case "bndm":
          return operand.size === 0 || operand.size === memory;
        case "vsib": {
          const letter = wanted.text.at(-1);
          const kind = letter === "x" ? XMM : letter === "y" ? YMM : ZMM;
          if (form.encoding !== "evex" && registerNumber(operand.index) > 15) return false;
          return registerClass(operand.index) === kind && (operand.size === 0 || operand.size === memory);
        }
        case "moffs":
          return operand.base === 0 && operand.index === 0 && (operand.size === 0 || operand.size === memory);
        default:
          return false;
      }
    }
    case IMMEDIATE:
      if (wanted.kind === "one") return operand.size === 0 || operand.size === 1;
      if (wanted.kind !== "imm") return false;
      if (wanted.signed || wanted.text === "imm4") return !operand.sizeDeclared;
      if (wanted.size === -1 && v === 8 && operand.sizeDeclared) return false;
      return operand.size === 0 || operand.size === size;
    default:
      return false;
  }
}

export function matches(candidate: Candidate, operands: readonly Operand[], count: number): boolean {
  const wanted = candidate.form.operands;
  if (wanted.length !== count) return false;
  for (let i = 0; i < count; i++) {
    if (i > 0 && !operands[i]!.comma) return false;
    if (!fits(wanted[i]!, candidate.v, operands[i]!, candidate.form, i)) return false;
  }
  return true;
}

const memoryOf = (form: Form): FormOperand | undefined =>
  form.operands.find((operand, i) => form.places[i] === "rm" || operand.kind === "moffs");

/** In a gather the destination, the index and the mask are three registers. */
function checkDistinct(form: Form, operands: readonly Operand[]): void {
  if (!form.attributes.has("masked") && form.places.indexOf("vvvv") < 0) return;
  const numbers = operands.slice(0, form.operands.length).map((operand, i) => {
    return form.places[i] === "rm" ? registerNumber(operand.index) : registerNumber(operand.register);
  });
  if (new Set(numbers).size < numbers.length) refuse("disallowedCombinationOfRegisters");
}

/** 90 does nothing, but xchg eax,eax clears the upper half of RAX in 64-bit code. */
function wouldIdle({ form, v }: Candidate, operands: readonly Operand[]): boolean {
  if (form.name !== "xchg" || !form.plus || v !== 4) return false;
  return registerNumber(operands[0]!.register) === 0 && registerNumber(operands[1]!.register) === 0;
}

/** The chain of plans for these operands, or undefined when no row fits. */
function planFor(
  name: string,
  bits: number,
  operands: readonly Operand[],
  count: number,
  decoration: Decoration,
  evex = false,
): Plan | undefined {
  const fitting = candidatesOf(name, bits).filter(
    (candidate) =>
      (!evex || candidate.form.encoding === "evex") &&
      suits(candidate, decoration, operands) &&
      matches(candidate, operands, count) &&
      !(bits === 64 && wouldIdle(candidate, operands)),
  );
  const first = fitting[0];
  if (first === undefined) return undefined;

  // A memory operand without a size takes it from the others; where rows of different sizes fit, none was given.
  let unsized = false;
  const memory = operands.slice(0, count).find((operand) => operand.kind === MEMORY);
  if (memory !== undefined && memory.size === 0 && !first.form.attributes.has("unsized")) {
    const sizes = new Set(
      fitting.map((candidate) => sizeIn(memoryOf(candidate.form)!.memorySize, candidate.v)),
    );
    unsized = sizes.size > 1 || (first.form.attributes.has("sized") && decoration.broadcast === 0);
  }
  const size = first.v;
  let chain: Candidate[] = [];
  for (const candidate of fitting) {
    if (
      unsized &&
      sizeIn(memoryOf(candidate.form)!.memorySize, candidate.v) !==
        sizeIn(memoryOf(first.form)!.memorySize, size)
    ) {
      continue;
    }
    if (
      candidate.v !== size &&
      (candidate.sizePrefix !== first.sizePrefix || candidate.wide !== first.wide)
    ) {
      continue;
    }
    chain.push(candidate);
    if (guardOf(candidate, bits, operands) === GUARD_NONE) break;
  }
  chain = chain.reverse();
  let plan: Plan | undefined;
  for (const candidate of chain) plan = makePlan(candidate, bits, operands, plan, unsized, decoration);
  return plan;
}

function guardOf({ form, v }: Candidate, bits: number, operands: readonly Operand[]): number {
  for (const operand of form.operands) {
    if (operand.kind === "one") return GUARD_ONE;
    if (operand.kind === "imm" && operand.signed) return GUARD_SIGNED_BYTE;
    if (operand.kind === "moffs" && bits === 64) return GUARD_OFFSET;
    // mov rax,5 is C7 with a sign-extended doubleword; what does not fit that takes all eight bytes.
    if (operand.kind === "imm" && v === 8 && form.name === "mov" && operands[0]!.kind === REGISTER)
      return operand.size === -1 ? GUARD_SIGNED_DWORD : GUARD_NONE;
  }
  return GUARD_NONE;
}

function makePlan(
  candidate: Candidate,
  bits: number,
  operands: readonly Operand[],
  otherwise: Plan | undefined,
  unsized: boolean,
  decoration: Decoration,
): Plan {
  const { form, v, sizePrefix } = candidate;
  const before: number[] = [];
  const opcode: number[] = [];
  let rex = candidate.wide ? REX_W : 0;
  let high = 0;
  let vvvv = 0;
  let suffix = form.suffix;
  if (form.encoding === "legacy") {
    const addresses = form.places.includes("rm") && form.mod === "memory";
    if (form.addressSize !== 0 && form.addressSize !== bits && !addresses) before.push(0x67);
    if (sizePrefix) before.push(0x66);
    if (form.prefix > 0) before.push(form.prefix);
    if (form.map !== 0) opcode.push(0x0f);
    if (form.map === 2) opcode.push(0x38);
    if (form.map === 3) opcode.push(0x3a);
  }
  let code = form.code;
  let modrm = form.modrm ? Math.max(form.digit, 0) << 3 : -1;
  if (form.rm >= 0) modrm |= 0xc0 | form.rm;
  let memory = -1;
  let offset = false;
  let immediate = -1;
  let second = -1;
  let nibble = -1;
  let immediateSize = 0;
  let valueSize = 0;
  for (let i = 0; i < form.operands.length; i++) {
    const wanted = form.operands[i]!;
    const operand = operands[i]!;
    const number = registerNumber(operand.register);
    if (operand.kind === REGISTER) {
      const kind = registerClass(operand.register);
      if (kind === GPR8_HIGH) rex |= NO_REX;
      else if (kind === GPR8 && number > 3) rex |= REX;
    }
    switch (form.places[i]) {
      case "reg":
        // AMD's way to CR8 outside 64-bit code: LOCK before the move from or to CR0 (APM vol. 3, MOV CRn).
        if (wanted.kind === "cr" && number === 8 && bits !== 64) {
          before.unshift(0xf0);
          break;
        }
        modrm |= (number & 7) << 3;
        high |= number & 16 ? HIGH_REG : 0;
        rex |= number & 8 ? REX_R : 0;
        if (!form.attributes.has("twice")) break;
        modrm |= 0xc0 | (number & 7);
        rex |= number & 8 ? REX_B : 0;
        break;
      case "rm":
        if (operand.kind === MEMORY) {
          memory = i;
          break;
        }
        modrm |= 0xc0 | (number & 7);
        rex |= (number & 8 ? REX_B : 0) | (number & 16 ? REX_X : 0);
        break;
      case "opcode":
        code += number & 7;
        rex |= number & 8 ? REX_B : 0;
        break;
      case "vvvv":
        // FASM lets the high general registers stand there outside 64-bit code.
        if (number > 7 && bits !== 64 && wanted.file !== "general") refuse("invalidOperand");
        vvvv = number;
        break;
      case "is4":
        if (number > (bits === 64 ? 15 : 7)) refuse("invalidOperand");
        suffix = (number << 4) | Math.max(form.suffix, 0);
        break;
      case "moffs":
        memory = i;
        offset = true;
        break;
      case "tail":
        if (wanted.text === "imm4") {
          nibble = i;
          break;
        }
        if (immediate >= 0) {
          second = i;
          break;
        }
        immediate = i;
        valueSize = wanted.signed ? v : sizeIn(wanted.size, v);
        immediateSize = wanted.size === -1 ? Math.min(v, 4) : wanted.size;
        break;
      default:
        if (wanted.kind === "one") {
          immediate = i;
          valueSize = 1;
        }
    }
  }
  if (form.attributes.has("flips") && (rex & 3) !== 0) {
    // FASM looks at the last register alone, so two high ones change places too.
    code++;
    modrm = 0xc0 | ((modrm & 7) << 3) | ((modrm >> 3) & 7);
    const fifth = rex & 2;
    rex = REX | ((rex & 1) << 2) | ((rex & 4) >> 2) | (high === 0 ? 0 : 2);
    high = fifth === 0 ? 0 : HIGH_REG;
  }
  opcode.push(code);
  const vector = form.encoding !== "legacy";
  const head = makeHead((extension) =>
    vector
      ? [...vectorPrefix(form, vvvv, rex, high, extension, decoration, bits), code]
      : legacyBytes(before, rex | (extension === 0 ? 0 : REX | extension), opcode, bits),
  );
  return {
    form,
    ...head,
    wait: form.attributes.has("wait"),
    modrm,
    memory,
    offset,
    immediate,
    immediateSize,
    valueSize,
    second,
    nibble,
    suffix,
    trailing: immediateSize + (second >= 0 ? 1 : 0) + (suffix >= 0 ? 1 : 0),
    vectors: form.operands.some((operand) => operand.kind === "vsib"),
    guard: guardOf(candidate, bits, operands),
    otherwise,
    unsized,
    unit: form.encoding === "evex" ? displacementUnit(form, decoration.broadcast !== 0) : 1,
    apart:
      form.attributes.has("apart") && (form.level === "8086" || form.level === "186" || form.level === "386"),
  };
}

/** What EVEX adds to the operands. */
interface Decoration {
  mask: number;
  zeroing: boolean;
  /** n of {1ton}. */
  broadcast: number;
  /** 0 … 3 a rounding mode, 4 {sae}, -1 none; and which operand it stood behind. */
  rounding: number;
  roundingAt: number;
}

const plainDecoration: Decoration = { mask: 0, zeroing: false, broadcast: 0, rounding: -1, roundingAt: -1 };

/**
 * Takes masks, broadcasts and rounding from the operands; undefined where they stand as none can. A rounding mode is an
 * operand of its own in the source.
 */
function decorationOf(operands: readonly Operand[], count: number): Decoration | undefined {
  const found = { ...plainDecoration };
  for (let i = 0; i < count; i++) {
    const operand = operands[i]!;
    if (operand.kind === ROUNDING) {
      if (found.rounding >= 0 || operand.rounding < 0 || operand.decorators.length > 0) return undefined;
      found.rounding = operand.rounding;
      found.roundingAt = i;
    }
    const [first, second] = operand.decorators;
    if (first === undefined) continue;
    if (operand.broadcast !== 0) {
      if (operand.kind !== MEMORY || second !== undefined) return undefined;
      found.broadcast = operand.broadcast;
      continue;
    }
    const zeroes = second === ZEROING;
    if (i !== 0 || operand.mask === 0 || first < MASKING || operand.decorators.length > (zeroes ? 2 : 1))
      return undefined;
    found.mask = operand.mask;
    found.zeroing = zeroes;
  }
  return found;
}

/** Whether a form has a meaning for what was added to its operands. */
function suits({ form, v }: Candidate, decoration: Decoration, operands: readonly Operand[]): boolean {
  if (decoration.mask === 0 && form.attributes.has("masked")) return false;
  if (decoration === plainDecoration) return true;
  const { attributes, places } = form;
  if (decoration.mask !== 0 && !attributes.has("mask")) return false;
  if (
    decoration.zeroing &&
    !attributes.has("zodd") &&
    (!attributes.has("z") || operands[0]!.kind === MEMORY)
  ) {
    return false;
  }
  const rm = places.indexOf("rm");
  if (decoration.broadcast !== 0) {
    const element = attributes.has("b8") ? 8 : attributes.has("b4") ? 4 : 0;
    const wanted = form.operands[rm];
    if (element === 0 || wanted === undefined) return false;
    if (sizeIn(wanted.memorySize, v) !== element * decoration.broadcast) return false;
  }
  if (decoration.rounding >= 0) {
    const takes = decoration.rounding === 4 ? ["sae"] : ["er", "erodd"];
    if (!takes.some((word) => attributes.has(word))) return false;
    const last = form.operands.findLastIndex(({ kind }) => kind !== "imm");
    if (decoration.roundingAt !== last + 1 || operands[rm]?.kind !== REGISTER) return false;
  }
  return true;
}

/** Bits of `rex` in makePlan; REX_X is the fifth bit of a register in ModR/M.rm, which EVEX puts there. */
const REX_R = 0x44;
const REX_X = 0x42;
const REX_B = 0x41;
/** The fifth bit of a register in ModR/M.reg: EVEX.R'. */
const HIGH_REG = 1;

const implied: Readonly<Record<number, number>> = { [0x66]: 1, [0xf3]: 2, [0xf2]: 3 };

/**
 * VEX in two bytes where it can be, in three elsewhere; XOP; EVEX (SDM vol. 2A, 2.3.5 and 2.7.1). All of them have the bits
 * of REX inverted, and EVEX a fifth one for each register.
 */
function vectorPrefix(
  form: Form,
  vvvv: number,
  rex: number,
  high: number,
  extension: number,
  decoration: Decoration,
  bits: number,
): number[] {
  if ((rex & NO_REX) !== 0) refuse("invalidOperand");
  if (bits !== 64 && ((rex & REX) !== 0 || high !== 0)) refuse("invalidOperand");
  const w = form.w === 1 ? 0x80 : 0;
  const rxb = ((rex & 7) | (extension & (EXTENDED_BASE | EXTENDED_INDEX))) << 5;
  const register = (~vvvv & 15) << 3;
  const pp = implied[form.prefix] ?? 0;
  if (form.encoding === "evex") {
    const rounds = decoration.rounding >= 0 && decoration.rounding < 4;
    const length = rounds
      ? decoration.rounding
      : form.vectorLength === 512
        ? 2
        : form.vectorLength === 256
          ? 1
          : 0;
    const b = decoration.broadcast !== 0 || decoration.rounding >= 0 ? 0x10 : 0;
    return [
      0x62,
      (0xf0 ^ rxb ^ (high === HIGH_REG ? 0x10 : 0)) | form.map,
      w | register | 4 | pp,
      (decoration.zeroing ? 0x80 : 0) |
        (length << 5) |
        b |
        (vvvv > 15 || (extension & EXTENDED_VECTOR) !== 0 ? 0 : 8) |
        decoration.mask,
    ];
  }
  const length = form.vectorLength === 256 ? 4 : 0;
  if (form.encoding === "xop") return [0x8f, (0xe0 ^ rxb) | form.map, w | register | length | pp];
  if (form.map === 1 && w === 0 && (rxb & 0x60) === 0) return [0xc5, (0x80 ^ rxb) | register | length | pp];
  return [0xc4, (0xe0 ^ rxb) | form.map, w | register | length | pp];
}

function low4(operand: Operand, out: Encoding): number {
  const value = byteValue(operand, out);
  if ((value & 0xf0) !== 0) refuse("valueOutOfRange");
  return value;
}

/** Writes what a plan says. */
export function put(plan: Plan, operands: readonly Operand[], out: Encoding): void {
  const numberBehind = plan.immediate > plan.memory;
  // FASM reckons how far a relative address is when it reads it: before a size is missed, and before a number behind it.
  if (out.bits === 64 && plan.memory >= 0 && (plan.unsized || numberBehind)) {
    const operand = operands[plan.memory]!;
    if (isRelative(operand)) reach(operand, out);
  }
  if (plan.unsized && !plan.apart) out.unsized(numberBehind);
  let value = 0;
  let relocation = ABSOLUTE;
  const at = plan.immediate;
  if (at >= 0) {
    const operand = operands[at]!;
    switch (plan.valueSize) {
      case 1:
        value = byteValue(operand, out);
        break;
      case 2:
        value = wordValue(operand, out);
        relocation = operand.relocation;
        break;
      case 8:
        if (plan.guard === GUARD_SIGNED_DWORD) {
          if (operand.kind === FLOAT) refuse("invalidValue");
          relocation = operand.relocation;
          if (relocation < 0 || relocation >= RELOCATABLE_64 || operand.high !== operand.low >> 31)
            plan = plan.otherwise!;
        } else if (plan.immediateSize !== 8) {
          extendedValue(operand, out);
          relocation = operand.relocation;
          if (relocation < 0 || relocation > RELOCATABLE_64) refuse("longImmediateNotEncodable");
        } else relocation = operand.relocation;
        value = operand.low;
        break;
      default:
        value = dwordValue(operand, out);
        relocation = operand.relocation;
    }
    while (plan.guard !== GUARD_NONE && plan.guard !== GUARD_SIGNED_DWORD) {
      if (plan.guard === GUARD_ONE) {
        if ((value & 0xff) === 1) break;
      } else {
        const signed = plan.valueSize === 2 ? (value << 16) >> 16 : value;
        if (relocation === ABSOLUTE && signed >= -0x80 && signed < 0x80) break;
      }
      plan = plan.otherwise!;
    }
  }
  if (plan.guard === GUARD_OFFSET && !hasOffset64(operands[plan.memory]!)) plan = plan.otherwise!;
  if (plan.unsized && plan.apart) out.recoverable("operandSizeNotSpecified");
  if (plan.wait) out.bytes[out.at++] = 0x9b;
  if (plan.memory >= 0) {
    const operand = operands[plan.memory]!;
    if (plan.offset) putOffset(operand, plan, out);
    else putMemory(operand, plan, plan.modrm, out, plan.unit, plan.trailing, plan.vectors);
  } else {
    putHead(plan, out);
    if (plan.modrm >= 0) out.bytes[out.at++] = plan.modrm;
  }
  if (relocation !== ABSOLUTE && plan.form.attributes.has("unmarked")) relocation = ABSOLUTE;
  switch (plan.immediateSize) {
    case 0:
      break;
    case 1:
      out.bytes[out.at++] = value;
      break;
    case 2:
      if (relocation !== ABSOLUTE) out.relocate(relocation, operands[at]!.relocationBase);
      put16(out, value);
      break;
    case 8:
      if (relocation !== ABSOLUTE) out.relocate(relocation, operands[at]!.relocationBase);
      put32(out, value);
      put32(out, operands[at]!.high);
      break;
    default:
      if (relocation !== ABSOLUTE) {
        out.relocate(
          relocation === RELOCATABLE_64 ? RELOCATABLE_32 : relocation,
          operands[at]!.relocationBase,
        );
      }
      put32(out, value);
  }
  if (plan.second >= 0) out.bytes[out.at++] = byteValue(operands[plan.second]!, out);
  if (plan.suffix >= 0)
    out.bytes[out.at++] = plan.suffix | (plan.nibble >= 0 ? low4(operands[plan.nibble]!, out) : 0);
}

/** Sizes of operands as small numbers: 0, 1, 2, 4, 6, 8, 10, 16, 32, 64. */
const sizeIndex = new Uint8Array(65).fill(15);
for (const [index, size] of [0, 1, 2, 4, 6, 8, 10, 16, 32, 64].entries()) sizeIndex[size] = index;

const NO_KEY = -1;

/** Ten bits that say everything about an operand except values, or NO_KEY for what has to be looked at each time. */
function shape(operand: Operand): number {
  if (operand.jump !== 0 || operand.decorators.length > 0) return NO_KEY;
  switch (operand.kind) {
    case REGISTER:
      return operand.size === 0 ? operand.register : NO_KEY;
    case MEMORY:
      if (registerClass(operand.index) >= XMM) return NO_KEY;
      return 640 + sizeIndex[operand.size]! * 2 + (operand.base === 0 && operand.index === 0 ? 1 : 0);
    case IMMEDIATE:
      return 700 + sizeIndex[operand.size]! * 2 + (operand.sizeDeclared ? 1 : 0);
    default:
      return NO_KEY;
  }
}

function isDecorated(operands: readonly Operand[], count: number): boolean {
  for (let i = 0; i < count; i++) {
    const { kind, decorators } = operands[i]!;
    if (kind === ROUNDING || decorators.length > 0) return true;
  }
  return false;
}

function keyOf(operands: readonly Operand[], count: number): number {
  if (count > 5) return NO_KEY;
  let key = 0;
  for (let i = 0; i < count; i++) {
    const operand = operands[i]!;
    if (i > 0 && !operand.comma) return NO_KEY;
    const part = shape(operand);
    if (part === NO_KEY) return NO_KEY;
    key = key * 1024 + part;
  }
  return key;
}

interface Found {
  plan: Plan;
  /** Those that the plan takes: all that are no rounding. */
  operands: readonly Operand[];
}

/** The most of the operands, and of what stands in braces behind the last of them, that makes an instruction. */
function beginning(
  name: string,
  operands: readonly Operand[],
  count: number,
  bits: number,
): Found | undefined {
  for (let fewer = count; fewer >= 0; fewer--) {
    const { decorators } = operands[fewer - 1] ?? { decorators: [] };
    for (let kept = decorators.length; kept >= 0; kept--) {
      const cut = operands.map((operand, i): Operand => {
        if (i === fewer - 1) return { ...operand, decorators: decorators.slice(0, kept) };
        return i < fewer ? operand : { ...operand, decorators: [] };
      });
      const found = planOf(name, bits, cut, fewer);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** Refuses what no row fits. What is surplus FASM notices when it has written what goes before. */
function refuseAll(name: string, operands: readonly Operand[], count: number, out: Encoding): never {
  const reason =
    refusal(name, candidatesOf(name, out.bits, true), operands, count, out.bits) ?? "invalidOperand";
  if (reason !== "extraCharactersOnLine") refuse(reason);
  const found = beginning(name, operands, count, out.bits);
  if (found !== undefined) put(found.plan, found.operands, out);
  refuse((out.prefixes & BND_PREFIX) !== 0 ? "illegalInstruction" : reason);
}

/** Whether FASM makes nothing of the sizes that are written before registers of another size, if there are any. */
function isForgotten(name: string, bits: number, operands: readonly Operand[], count: number): boolean {
  const odd = operands.some(
    ({ kind, size, register }, i) =>
      i < count && kind === REGISTER && size !== 0 && size !== registerSizes[registerClass(register)],
  );
  if (!odd) return true;
  const reason = refusal(name, candidatesOf(name, bits, true), operands, count, bits);
  return reason === undefined || reason === "operandSizeNotSpecified";
}

/** The plan for operands as they are written. */
function planOf(name: string, bits: number, operands: readonly Operand[], count: number): Found | undefined {
  if (!isForgotten(name, bits, operands, count)) return undefined;
  const decorated = isDecorated(operands, count);
  const decoration = decorated ? decorationOf(operands, count) : plainDecoration;
  if (decoration === undefined) return undefined;
  const rounded = decoration.rounding >= 0;
  const plain = rounded ? operands.filter((operand, i) => i < count && operand.kind !== ROUNDING) : operands;
  const plan = planFor(name, bits, plain, rounded ? count - 1 : count, decoration);
  return plan === undefined ? undefined : { plan, operands: plain };
}

/** The encoder of a mnemonic that needs nothing beyond its rows. */
export function encodeByPlan(
  name: string,
): (operands: readonly Operand[], count: number, out: Encoding) => void {
  const plans16 = new Map<number, Plan>();
  const plans32 = new Map<number, Plan>();
  const plans64 = new Map<number, Plan>();
  return (operands, count, out) => {
    const key = keyOf(operands, count);
    const plans = out.bits === 32 ? plans32 : out.bits === 64 ? plans64 : plans16;
    let plan = key === NO_KEY ? undefined : plans.get(key);
    if (plan === undefined) {
      const found = planOf(name, out.bits, operands, count);
      if (found === undefined) refuseAll(name, operands, count, out);
      ({ plan, operands } = found);
      if (plan.vectors) checkDistinct(plan.form, operands);
      if (key !== NO_KEY) plans.set(key, plan);
    }
    if (out.compresses && plan.form.encoding === "vex" && plan.memory >= 0) {
      const other = planFor(name, out.bits, operands, plan.form.operands.length, plainDecoration, true);
      if (other !== undefined && compresses(operands[plan.memory]!, other.unit)) plan = other;
    }
    put(plan, operands, out);
    if ((out.prefixes & BND_PREFIX) !== 0) refuse("illegalInstruction");
  };
}
