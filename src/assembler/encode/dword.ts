/**
 * The XOP instructions that end with a number of 32 bits: bextr, lwpins, lwpval. FASM reads the size before that number in
 * ways of its own, and behind an operand in memory it leaves the line as it stands.
 */
import { refuse } from "../messages.ts";
import {
  ABSOLUTE,
  type Encoding,
  FLOAT,
  IMMEDIATE,
  MEMORY,
  type Operand,
  REGISTER,
  registerClass,
  registerSizes,
  SEGMENT,
} from "../operand.ts";
import { encodeByPlan } from "./plan.ts";
import { SEGMENT_BYTES } from "./reader.ts";

type Encode = (operands: readonly Operand[], count: number, out: Encoding) => void;

const bytesOf = ({ kind, register, size }: Operand): number => {
  if (kind !== REGISTER) return size;
  return registerClass(register) === SEGMENT ? SEGMENT_BYTES : registerSizes[registerClass(register)]!;
};

/** What FASM says of the size that is written before the number; undefined when it is one it takes. */
type JudgeSize = (
  size: number,
  operands: readonly Operand[],
) => "invalidOperand" | "operandSizesDoNotMatch" | undefined;

/** The operands before the number are some that FASM has no objection to. */
const agree = ([first, second, last]: readonly Operand[]): boolean => {
  const isGeneral = ({ kind, register, jump }: Operand): boolean =>
    kind === REGISTER && registerClass(register) <= SEGMENT && jump === 0;
  const sized = (second!.size || bytesOf(second!)) === bytesOf(first!);
  const fits = isGeneral(second!) ? sized : second!.kind === MEMORY && (second!.size === 0 || sized);
  return (
    isGeneral(first!) &&
    first!.size === 0 &&
    fits &&
    second!.jump === 0 &&
    second!.comma &&
    last!.comma &&
    last!.jump === 0
  );
};

function numbered(name: string, judge: JudgeSize): Encode {
  const encode = encodeByPlan(name);
  return (operands, count, out) => {
    const last = operands[2];
    if (count < 3 || last!.kind !== IMMEDIATE) {
      encode(operands, count, out);
      return;
    }
    const start = out.at;
    const size = last!.sizeDeclared ? last!.size : 0;
    const reason = size === 0 ? undefined : judge(size, operands);
    if (reason !== undefined && agree(operands)) refuse(reason);
    encode(
      size === 0 ? operands : [...operands.slice(0, 2), { ...last!, size: 0, sizeDeclared: false }],
      3,
      out,
    );
    if (reason !== undefined) {
      out.at = start;
      refuse(reason);
    }
    if (operands[1]!.kind !== MEMORY && count > 3) refuse("extraCharactersOnLine");
    // FASM comes back from here with what the relocation has left in the carry flag, and takes that for the source's end.
    if (operands[1]!.kind === MEMORY && last!.relocation !== ABSOLUTE) out.endSource();
  };
}

const bextr = numbered("bextr", (size, operands) => {
  const wanted = bytesOf(operands[0]!);
  return size === wanted ? undefined : "operandSizesDoNotMatch";
});

/** The counter's register stands alone: neither the other nor the number is held against its size. */
function profiling(name: string): Encode {
  const encode = numbered(name, () => "invalidOperand");
  return (operands, count, out) => {
    const [first, second] = operands;
    const general = first?.kind === REGISTER && registerClass(first.register) <= SEGMENT;
    const other =
      second?.kind === REGISTER && registerClass(second.register) <= SEGMENT && !second.sizeDeclared;
    if (count > 1 && general && other && bytesOf(second) !== 4) refuse("invalidOperandSize");
    encode(operands, count, out);
  };
}

export const dwordEncoders: readonly (readonly [string, Encode])[] = [
  ["bextr", bextr],
  ["lwpins", profiling("lwpins")],
  ["lwpval", profiling("lwpval")],
];

/** Whether the number has 32 bits, whatever the registers have. */
export const endsWithDword = (name: string): boolean => dwordEncoders.some(([each]) => each === name);

/** Whether FASM does not look at what follows on the line. */
export const leavesLine = (name: string, operands: readonly Operand[]): boolean =>
  operands[1]?.kind === MEMORY &&
  (operands[2]?.kind === IMMEDIATE || operands[2]?.kind === FLOAT) &&
  endsWithDword(name);
