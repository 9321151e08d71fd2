/** Instructions of which FASM makes something else than they say, or takes and refuses more than it means to. */
import { refuse } from "../messages.ts";
import {
  GPR32,
  GPR64,
  MEMORY,
  NONE,
  type Operand,
  REGISTER,
  register,
  registerClass,
  registerNumber,
  SEGMENT,
} from "../operand.ts";
import type { Encode } from "./heads.ts";
import { encodeByPlan } from "./plan.ts";

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

/**
 * Of an address that comes second FASM forgets the scale: in its place it has the size that is written before the third
 * operand. Without one the address loses its index, and one that had nothing else begins at the first register.
 */
function shiftsXop(name: string): Encode {
  let byPlan: Encode | undefined;
  return (operands, count, out) => {
    byPlan ??= encodeByPlan(name);
    const [, address, last] = operands;
    if (count !== 3 || address!.kind !== MEMORY || registerClass(address!.index) < GPR32) {
      byPlan(operands, count, out);
      return;
    }
    const scale = last!.sizeDeclared ? Math.min(last!.size, 8) : 0;
    const { index } = address!;
    const base = address!.base === 0 ? register(registerClass(index), 0) : address!.base;
    const read = scale === 0 ? { ...address!, base, index: 0, scale } : { ...address!, scale };
    let { at } = out;
    byPlan([operands[0]!, read, last!], count, out);
    if (scale !== 0 || registerNumber(index) < 8) return;
    while (out.bytes[at] !== XOP) at++;
    out.bytes[at + 1]! &= ~0x40;
  };
}

/**
 * FASM forgets the size that is written within the address before it has read what is stored there. In 64-bit code it has
 * settled by then that the address is not relative.
 */
function narrows(name: string): Encode {
  let byPlan: Encode | undefined;
  return (operands, count, out) => {
    byPlan ??= encodeByPlan(name);
    const [first, ...others] = operands;
    if (first === undefined || first.kind !== MEMORY || first.addressSize === 0) {
      byPlan(operands, count, out);
      return;
    }
    const plain = out.bits === 64 && first.base === 0 && first.index === 0;
    byPlan([{ ...first, addressSize: plain ? 8 : 0 }, ...others], count, out);
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

export const oddities: readonly (readonly [string, Encode])[] = [
  ["vfpclassps", classes("vfpclassps")],
  ["vfpclasspd", classes("vfpclasspd")],
  ["fcom", comparesFloats("fcom")],
  ["fcomp", comparesFloats("fcomp")],
  ["movq", movq],
  ["vmwrite", vmwrite],
  ["ptwrite", ptwrite],
  ...each("vprot vpsha vpshl", "b w d q").map((name) => [name, shiftsXop(name)] as const),
  ...each("vpmov vpmovs vpmovus", "qb db wb qw dw qd").map((name) => [name, narrows(name)] as const),
];
