/** Instructions of which FASM makes something else than they say, or takes and refuses more than it means to. */
import { refuse } from "../messages.ts";
import {
  ABSOLUTE,
  BND_PREFIX,
  GPR16,
  GPR32,
  GPR64,
  MEMORY,
  NONE,
  type Operand,
  REGISTER,
  register,
  registerClass,
  registerNumber,
  registerSizes,
  SEGMENT,
  XMM,
  YMM,
  ZMM,
} from "../operand.ts";
import { isRelative } from "./emit.ts";
import { type Encode, end } from "./heads.ts";
import { encodeByPlan } from "./plan.ts";

/** To half of sixteen bytes FASM lets any register be: all that it writes of it is its number. */
function shortens(): Encode {
  // Not before it is wanted: its rows are those of AVX.
  let byPlan: Encode | undefined;
  return (operands, count, out) => {
    byPlan ??= encodeByPlan("vcvtps2ph");
    const [first, second, ...others] = operands;
    const kind = count > 1 && first!.kind === REGISTER ? registerClass(first!.register) : 0;
    const isOdd = (kind === YMM || kind === ZMM) && registerClass(second!.register) === XMM;
    if (!isOdd || (first!.sizeDeclared && first!.size !== registerSizes[kind])) {
      byPlan(operands, count, out);
      return;
    }
    const low = register(XMM, registerNumber(first!.register));
    byPlan([{ ...first!, register: low, size: 0, sizeDeclared: false }, second!, ...others], count, out);
  };
}

/** The first byte of XOP and EVEX instructions. */
const XOP = 0x8f;
const EVEX = 0x62;

/**
 * FASM reckons a broadcast as the bytes it stands for, in a byte: of singles it makes no more of {1to2} than of {1to4}, and
 * of doubles {1to16} is 128, which it writes as no length at all and the bit of zeroing.
 */
function classes(name: "vfpclassps" | "vfpclasspd"): Encode {
  // Not before it is wanted: its rows are those of AVX.
  let byPlan: Encode | undefined;
  const [odd, instead] = name === "vfpclassps" ? [2, 4] : [16, 2];
  return (operands, count, out) => {
    byPlan ??= encodeByPlan(name);
    const list = operands.map((operand) =>
      operand.broadcast === odd ? { ...operand, broadcast: instead } : operand,
    );
    let { at } = out;
    byPlan(list, count, out);
    if (name === "vfpclassps" || !operands.some(({ broadcast }) => broadcast === odd)) return;
    while (out.bytes[at] !== EVEX) at++;
    out.bytes[at + 3]! |= 0x80;
  };
}

/** A register of 32 or 64 bits. */
const isWide = (register: number): boolean =>
  registerClass(register) === GPR32 || registerClass(register) === GPR64;

/**
 * Of an address that comes second FASM forgets the scale: in its place it has the size that is written before the third
 * operand. Without one the address loses its index, and one that had nothing else begins at the first register; with one,
 * the first register is the index of an address that had none.
 */
function shiftsXop(name: string): Encode {
  let byPlan: Encode | undefined;
  return (operands, count, out) => {
    byPlan ??= encodeByPlan(name);
    const [, address, last] = operands;
    if (count !== 3 || address!.kind !== MEMORY || !isWide(address!.index || address!.base)) {
      byPlan(operands, count, out);
      return;
    }
    const scale = last!.sizeDeclared ? Math.min(last!.size, 8) : 0;
    const index = address!.index || (scale === 0 ? 0 : register(registerClass(address!.base), 0));
    const base = address!.base === 0 ? register(registerClass(index), 0) : address!.base;
    const read = scale === 0 ? { ...address!, base, index: 0, scale } : { ...address!, index, scale };
    let { at } = out;
    byPlan([operands[0]!, read, last!], count, out);
    if (scale !== 0 || registerNumber(index) < 8) return;
    while (out.bytes[at] !== XOP) at++;
    out.bytes[at + 1]! &= ~0x40;
  };
}

/**
 * FASM forgets the size that is written within the address, and that the address moves with the program, before it has read
 * what is stored there. In 64-bit code it has settled by then whether the address is relative.
 */
function narrows(name: string): Encode {
  let byPlan: Encode | undefined;
  return (operands, count, out) => {
    byPlan ??= encodeByPlan(name);
    const [first, ...others] = operands;
    if (first === undefined || first.kind !== MEMORY) {
      byPlan(operands, count, out);
      return;
    }
    const relative = out.bits === 64 && first.addressSize === 0 && isRelative(first);
    const plain = out.bits === 64 && first.base === 0 && first.index === 0;
    const forgotten = relative
      ? { ...first, unmarked: true }
      : { ...first, addressSize: plain ? 8 : 0, relocation: ABSOLUTE };
    byPlan([forgotten, ...others], count, out);
  };
}

const each = (stems: string, ends: string): string[] =>
  stems.split(" ").flatMap((stem) => ends.split(" ").map((end) => stem + end));

const writeByPlan = encodeByPlan("vmwrite");

/** Of registers FASM asks nothing but that they be alike: two segment registers are, and each is one above its number. */
const vmwrite: Encode = (operands, count, out) => {
  const [first, second] = operands;
  const alike = count > 1 && isBareSegment(first!) && isBareSegment(second!);
  if (!alike || !second!.comma || first!.decorators.length > 0) {
    writeByPlan(operands, count, out);
    return;
  }
  const numbers = ((registerNumber(first!.register) + 1) << 3) | (registerNumber(second!.register) + 1);
  for (const byte of [0x0f, 0x79, 0xc0 | numbers]) out.bytes[out.at++] = byte;
  if (count > 2 || second!.decorators.length > 0) refuse("extraCharactersOnLine");
};

const isBareSegment = ({ kind, register, sizeDeclared, jump }: Operand): boolean =>
  kind === REGISTER && registerClass(register) === SEGMENT && !sizeDeclared && jump === 0;

const traceByPlan = encodeByPlan("ptwrite");

/** FASM finds that memory has no size, and then that none is not the size it should be. */
const ptwrite: Encode = (operands, count, out) => {
  const [first] = operands;
  if (count > 0 && first!.kind === MEMORY && first!.size === 0 && first!.jump === 0)
    refuse("invalidOperandSize");
  traceByPlan(operands, count, out);
};

/** FASM looks for an operand, and forgets it when it has found no more than a size. */
function comparesFloats(name: string): Encode {
  const byPlan = encodeByPlan(name);
  return (operands, count, out) => {
    const [first] = operands;
    const isBare = count === 1 && first!.kind === NONE && first!.jump === 0;
    byPlan(operands, isBare ? 0 : count, out);
  };
}

const moveByPlan = encodeByPlan("movq");

/** FASM forgets the size that is written before a general register. */
const movq: Encode = (operands, count, out) => {
  const forgets = count > 1 && registerClass(operands[1]!.register) === GPR64 && operands[1]!.sizeDeclared;
  const [first, second, ...others] = operands;
  moveByPlan(
    forgets ? [first!, { ...second!, size: 0, sizeDeclared: false }, ...others] : operands,
    count,
    out,
  );
};

/** Outside 64-bit code FASM adds the number of any register to the opcode, though there are no more than eight. */
function counts(name: "inc" | "dec"): Encode {
  const byPlan = encodeByPlan(name);
  return (operands, count, out) => {
    const [first] = operands;
    const kind = count > 0 ? registerClass(first!.register) : 0;
    const beyond = first?.kind === REGISTER && first.jump === 0 && registerNumber(first.register) > 7;
    const isOdd = out.bits !== 64 && beyond && (kind === GPR16 || kind === GPR32);
    if (!isOdd || (first.sizeDeclared && first.size !== registerSizes[kind])) {
      byPlan(operands, count, out);
      return;
    }
    const low = registerNumber(first.register) & 7;
    byPlan([{ ...first, register: register(kind, low) }], 1, out);
    out.bytes[out.at - 1]! += 8;
    if (count > 1) refuse("extraCharactersOnLine");
  };
}

const processorByPlan = encodeByPlan("rdpid");

/**
 * What FASM writes for any register: in place of its number it takes the lowest byte of where, in FASM, the code for this is.
 * Outside 64-bit code there is no register of such a number.
 */
const PROCESSOR = [EVEX, 0x91, 0x7e, 0x08, 0xc7, 0xfe];

const rdpid: Encode = (operands, count, out) => {
  const { at } = out;
  const bound = out.prefixes & BND_PREFIX;
  out.prefixes &= ~BND_PREFIX;
  processorByPlan(operands, Math.min(count, 1), out);
  out.prefixes |= bound;
  out.at = at;
  if (out.bits !== 64) refuse("invalidOperand");
  for (const byte of PROCESSOR) out.bytes[out.at++] = byte;
  end(out);
  if (count > 1) refuse("extraCharactersOnLine");
};

export const oddities: readonly (readonly [string, Encode])[] = [
  ["vfpclassps", classes("vfpclassps")],
  ["vfpclasspd", classes("vfpclasspd")],
  ["inc", counts("inc")],
  ["dec", counts("dec")],
  ["fcom", comparesFloats("fcom")],
  ["fcomp", comparesFloats("fcomp")],
  ["movq", movq],
  ["rdpid", rdpid],
  ["vcvtps2ph", shortens()],
  ["vmwrite", vmwrite],
  ["ptwrite", ptwrite],
  ...each("vprot vpsha vpshl", "b w d q").map((name) => [name, shiftsXop(name)] as const),
  ...each("vpmov vpmovs vpmovus", "qb db wb qw dw qd").map((name) => [name, narrows(name)] as const),
];
