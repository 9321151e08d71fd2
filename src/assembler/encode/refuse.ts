/**
 * Why no row fits, in FASM's words. FASM reads operands one by one and stops at the first that cannot be: of the
 * wrong kind ("invalid operand"), or of a size that differs from the one the instruction has so far ("operand
 * sizes do not match"). Only at the end it asks whether the size itself is possible ("invalid size of operand").
 */
import { type Form, SIZE_FAR, SIZE_V } from "../../isa/index.ts";
import type { Message } from "../messages.ts";
import {
  BOUND,
  GPR8,
  GPR64,
  IMMEDIATE,
  MASK,
  MEMORY,
  MMX,
  type Operand,
  OTHER,
  REGISTER,
  registerClass,
  registerNumber,
  registerSizes,
  SEGMENT,
  ST,
  XMM,
  ZMM,
} from "../operand.ts";
import { type Candidate, matches, registerFits, sizeIn } from "./plan.ts";

const memoryKinds = new Set(["m", "vsib", "rm", "mmm", "xmmm", "ymmm", "zmmm", "km", "bndm", "moffs"]);

/** Whether a row's operand takes this kind of thing, whatever its size. `segments`: also where a general register is wanted. */
function kindFits(form: Form, at: number, operand: Operand, segments: boolean, bits: number): boolean {
  const wanted = form.operands[at]!;
  if (operand.jump !== 0) return false;
  switch (operand.kind) {
    case REGISTER: {
      if (wanted.file === undefined || wanted.kind === "imm" || wanted.kind === "m") return false;
      if (segments) {
        const exact = form.attributes.has(at === 0 ? "exact" : "exact2");
        return wanted.file === "general" && wanted.kind !== "fixed" && !exact;
      }
      if (wanted.kind === "fixed") {
        if (registerNumber(operand.register) !== wanted.number) return false;
        // in and out say of a wrong accumulator only that its size is; cl and dx must be exactly these.
        if (/^(cl|dx)$/.test(wanted.text)) return registerFits(wanted, wanted.size, operand.register);
      }
      if (wanted.file === "vector" && form.encoding === "legacy") return isShort(operand.register, bits);
      const file = wanted.file === "general" || wanted.file === "vector";
      if (form.attributes.has(at === 0 ? "exact" : "exact2") && file) {
        return registerFits(wanted, wanted.size, operand.register);
      }
      return [1, 2, 4, 8, 16, 32, 64].some((size) => registerFits(wanted, size, operand.register));
    }
    case MEMORY:
      return memoryKinds.has(wanted.kind);
    case IMMEDIATE:
      return wanted.kind === "imm" || wanted.kind === "one";
    default:
      return false;
  }
}

/** Whether the row's operand shares the one size that FASM keeps for the instruction. */
function shares(candidate: Candidate, at: number): boolean {
  const operands = candidate.form.operands;
  const operand = operands[at]!;
  if (at === 0) return true;
  const place = candidate.form.places[at];
  if (candidate.form.encoding !== "legacy" && (place === "vvvv" || place === "is4")) {
    return operands[0]!.file === operand.file && (operand.file === "vector" || operand.file === "general");
  }
  if (candidate.form.attributes.has("apart2")) return false;
  if (at === operands.length - 1 && candidate.form.attributes.has("apart")) return false;
  const first = operands[0]!;
  const size = sizeIn(operand.size, candidate.v);
  switch (operand.kind) {
    case "imm":
      return operand.signed || size === sizeIn(first.size, candidate.v);
    case "one":
    case "fixed":
      return first.kind === "fixed" || operand.text === "accv" || operand.file === "st";
    case "m":
      return operand.size !== 0 && size === sizeIn(first.size, candidate.v);
    default:
      return size === sizeIn(first.size, candidate.v);
  }
}

/**
 * Where FASM expects a general register it takes the code of a segment register for one of three bytes: no
 * instruction has that size, and the size is what it complains about.
 */
export const SEGMENT_BYTES = 3;

/** An XMM register that there is in this code. */
const isShort = (register: number, bits: number): boolean =>
  registerClass(register) === XMM && registerNumber(register) < (bits === 64 ? 16 : 8);

const isVector = (register: number, bits: number): boolean =>
  registerClass(register) === MMX || isShort(register, bits);

/** A general register that only a REX prefix can name. */
const isExtended = ({ kind, register }: Operand): boolean =>
  kind === REGISTER &&
  ((registerClass(register) === GPR8 && registerNumber(register) > 3) ||
    (registerClass(register) <= GPR64 && registerNumber(register) > 7));

/** Instructions on MM or XMM registers read both with one routine, and find the misfit by its size. */
function takesEitherFile(candidates: readonly Candidate[], candidate: Candidate, at: number): boolean {
  const file = candidate.form.operands[at]!.file;
  if (file === "vector" && candidate.form.attributes.has("either")) return true;
  return (
    (file === "mm" || file === "vector") && candidates.some((other) => other.form.operands[at]?.file === "mm")
  );
}

/** Why `matches` said no to every candidate. */
export function explain(
  candidates: readonly Candidate[],
  operands: readonly Operand[],
  count: number,
  bits: number,
): Message {
  if (candidates.length === 0) return "illegalInstruction";
  // Registers above 15 where only VEX exists are noticed last.
  const lower = operands.slice(0, count).map(lowered);
  const legacy = candidates.some((row) => row.form.encoding === "legacy");
  if (!legacy && lower.some((operand, i) => operand !== operands[i])) {
    return candidates.some((row) => matches(row, lower, count))
      ? "invalidOperand"
      : explain(candidates, lower, count, bits);
  }
  const isLong = ({ form }: Candidate): boolean => bits !== 64 && form.level === "long";
  const long = candidates.find((row) => isLong(row) && matches(row, operands, count));
  if (long !== undefined) {
    if (has(long, "missized")) return "invalidOperandSize";
    return has(long, "alien") ? "invalidOperand" : "illegalInstruction";
  }
  const late = candidates.every((row) => isLong(row) && has(row, "late"));
  if (!late && candidates.every((row) => isLong(row) && !has(row, "early"))) return "illegalInstruction";
  const reason = new Reader(candidates, operands, bits).read(count);
  const isFirst = reason === "invalidOperand" || reason === "operandSizesDoNotMatch";
  return late && !isFirst ? "illegalInstruction" : reason;
}

/** The same operand with a register below 16 where it is a vector register above. */
function lowered(operand: Operand): Operand {
  const { register, index } = operand;
  const high = operand.kind === REGISTER && registerClass(register) >= XMM && registerNumber(register) > 15;
  const highIndex = registerClass(index) >= XMM && registerNumber(index) > 15;
  if (!high && !highIndex) return operand;
  return { ...operand, register: high ? register & ~16 : register, index: highIndex ? index & ~16 : index };
}

const has = ({ form }: Candidate, attribute: string): boolean => form.attributes.has(attribute);

/** Reads operands as FASM does, keeping the rows that are still possible and the size it has so far. */
class Reader {
  readonly #candidates: readonly Candidate[];
  readonly #operands: readonly Operand[];
  #possible: readonly Candidate[];
  #size = 0;
  /** The operand that brought the size. */
  #origin = 0;
  /** Size and origin before an operand with a size of its own, once there was one. */
  #outer: readonly [number, number] | undefined;

  readonly #bits: number;

  constructor(candidates: readonly Candidate[], operands: readonly Operand[], bits: number) {
    this.#bits = bits;
    this.#candidates = candidates;
    this.#possible = candidates;
    this.#operands = operands;
  }

  read(count: number): Message {
    for (let i = 0; i < count; i++) {
      const operand = this.#operands[i]!;
      const reason = this.#end(i) ?? (i > 0 && !operand.comma ? this.#surplus(i) : this.#operand(i, operand));
      if (reason !== undefined) return reason;
    }
    if (!this.#possible.some((row) => row.form.operands.length === count)) return "invalidOperand";
    if (this.#outer !== undefined && this.#possible.every((row) => has(row, "apart"))) {
      [this.#size, this.#origin] = this.#outer;
    }
    const last = count > 0 ? this.#operands[count - 1] : undefined;
    const long =
      this.#size === 8 && last?.kind === IMMEDIATE && last.sizeDeclared && this.#outer === undefined;
    return long ? "longImmediateNotEncodable" : this.#sizeRefusal();
  }

  /** Something that no comma leads to: surplus where the instruction can end (imul), else no operand. */
  #surplus(i: number): Message {
    const complete = this.#candidates.some((row) => matches(row, this.#operands, i));
    return complete ? "extraCharactersOnLine" : "invalidOperand";
  }

  /** Nothing more is expected here: the instruction is complete, or its size is what was wrong. */
  #end(i: number): Message | undefined {
    const longer = this.#possible.filter((row) => row.form.operands.length > i);
    if (longer.length > 0) {
      this.#possible = longer;
      return undefined;
    }
    // fcmovb st1,st2: of two registers the first must be st0.
    const stack = this.#candidates.some((row) => row.form.operands[0]?.file === "st" && has(row, "exact"));
    if (i === 1 && stack) return "invalidOperand";
    const shorter = this.#candidates.find((row) => matches(row, this.#operands, i));
    if (shorter === undefined) return this.#sizeRefusal();
    if (this.#bits !== 64 && this.#operands.slice(0, i).some(isExtended)) return "invalidOperand";
    return shorter.form.level === "long" && this.#bits !== 64
      ? "illegalInstruction"
      : "extraCharactersOnLine";
  }

  #operand(i: number, operand: Operand): Message | undefined {
    // `near` and its like are no sizes: nothing that FASM looks for begins so.
    if (operand.jump !== 0) return this.#misfit(i, { ...operand, kind: OTHER });
    const isRegister = operand.kind === REGISTER;
    const kind = isRegister ? registerClass(operand.register) : 0;
    if ((kind === MASK || kind === BOUND) && operand.size !== 0) return "invalidOperand";
    if (this.#possible.every((row) => isLastVector(row, i))) return this.#lastVector(i, operand);
    // A general register behind the name of another size is held against that before it is looked at any closer.
    const other = kind <= GPR64 && operand.size !== registerSizes[kind];
    const wanted = this.#possible.map((row) => row.form.operands[i]!);
    const general =
      wanted.some(({ file }) => file === "general") && wanted.every(({ kind }) => kind !== "imm");
    if (i === 0 && isRegister && operand.sizeDeclared && other && general) return "operandSizesDoNotMatch";

    const [fitting, own] = this.#fitting(i, operand);
    const rows = fitting.length > 0 ? fitting : this.#possible;
    if (rows.every((row) => row.form.operands[i]!.size === SIZE_FAR)) this.#size += 2;
    else if (!rows.some((row) => shares(row, i))) {
      if (i > 0) this.#outer = [this.#size, this.#origin];
      this.#size = 0;
    }
    return (
      this.#writtenSize(i, operand, fitting, rows) ??
      (fitting.length === 0 ? this.#misfit(i, operand) : this.#ownSize(i, operand, own, fitting))
    );
  }

  /** The rows that take this kind of operand, and the operand's own bytes. */
  #fitting(i: number, operand: Operand): [readonly Candidate[], number] {
    const at = (segments: boolean) =>
      this.#possible.filter((row) => kindFits(row.form, i, operand, segments, this.#bits));
    const plain = at(false);
    if (operand.kind !== REGISTER) return [plain, operand.size];
    const kind = registerClass(operand.register);
    const bytes = registerSizes[kind]!;
    if (plain.length > 0) return [plain, bytes];
    if (kind === SEGMENT) return [at(true), SEGMENT_BYTES];
    const eitherFile = isVector(operand.register, this.#bits) && this.#operands[0]!.kind === REGISTER;
    return [
      eitherFile ? this.#possible.filter((row) => takesEitherFile(this.#candidates, row, i)) : [],
      bytes,
    ];
  }

  /** The size operator comes before what it is written for, and is judged first. */
  #writtenSize(
    i: number,
    operand: Operand,
    fitting: readonly Candidate[],
    rows: readonly Candidate[],
  ): Message | undefined {
    // A number where AVX instructions have a register or memory: they look at the kind first.
    const vector = (row: Candidate): boolean =>
      row.form.encoding !== "legacy" && row.form.operands[i]!.file === "vector";
    const forgets =
      rows.every(({ form }) => form.places[i] !== "vvvv") || rows.some((row) => has(row, "low"));
    if (i > 0 && operand.kind === IMMEDIATE && fitting.length === 0 && rows.every(vector) && forgets)
      return "invalidOperand";
    const differs = this.#size !== 0 && operand.size !== 0 && this.#size !== operand.size;
    if (operand.sizeDeclared && differs) return "operandSizesDoNotMatch";
    const refuses = (row: Candidate): boolean => refusesSize(row, i, operand.size);
    if (operand.sizeDeclared && (fitting.length > 0 ? fitting.every(refuses) : rows.some(refuses))) {
      return rows.some((row) => has(row, "loose")) ? "invalidValue" : "invalidOperandSize";
    }
    if (operand.size === 0) return undefined;
    if (i > 0 && rows.every((row) => row.form.operands[i]!.text === "xmm0")) return "invalidOperand";
    if (!operand.sizeDeclared && operand.kind !== REGISTER) return undefined;
    if (this.#size !== 0 && this.#size !== operand.size) return "operandSizesDoNotMatch";
    this.#size = operand.size;
    this.#origin = i;
    return undefined;
  }

  /** Nothing of this kind may stand here. */
  #misfit(i: number, operand: Operand): Message {
    const generalRegister = operand.kind === REGISTER && isGeneralOperand(operand.register);
    if (i === 0 && !generalRegister && this.#candidates.some((row) => has(row, "optional"))) {
      return "extraCharactersOnLine";
    }
    const readsMemory = this.#possible.some((row) => memoryKinds.has(row.form.operands[i]!.kind));
    const argument = i > 0 && readsMemory && this.#possible.every((row) => has(row, "argument"));
    const memoryOnly = this.#possible.every((row) => /^(m|vsib)$/.test(row.form.operands[i]!.kind));
    const isGeneral = operand.kind === MEMORY || generalRegister;
    return argument && (memoryOnly || !isGeneral) ? "invalidArgument" : "invalidOperand";
  }

  /** The size that the operand itself has must be the one so far. */
  #ownSize(i: number, operand: Operand, own: number, fitting: readonly Candidate[]): Message | undefined {
    this.#possible = fitting;
    const wanted = fitting[0]!.form.operands[i]!;
    const count = wanted.kind === "fixed" && has(fitting[0]!, "apart") && /^(cl|dx)$/.test(wanted.text);
    if (own !== 0 && !(count && operand.size !== 0)) {
      if (this.#size !== 0 && this.#size !== own) return "operandSizesDoNotMatch";
      this.#size = own;
      if (i === 0 || this.#outer !== undefined) this.#origin = i;
    }
    if (fitting.every((row) => has(row, "early"))) {
      const refused = (row: Candidate): boolean =>
        this.#bits !== 64 && row.form.level === "long" && has(row, "missized");
      const wrong = (part: "size" | "memorySize"): boolean =>
        fitting.every((row) => refused(row) || sizeIn(row.form.operands[i]![part], row.v) !== own);
      if (operand.kind === REGISTER && wrong("size")) return "invalidOperandSize";
      // Beside a general register memory is judged when that has been read, and found to have another size.
      const waits = wanted.kind === "rm" && fitting.every(({ form }) => form.operands[1]?.file === "general");
      const judged = i === 0 && operand.kind === MEMORY && own !== 0 && !waits;
      if (judged && wrong("memorySize")) return "invalidOperandSize";
    }
    const byte = fitting.every((row) => row.form.operands.at(-1)!.size === 1);
    const isCount = this.#outer !== undefined && operand.kind === IMMEDIATE && byte;
    return isCount && this.#size > 1 ? "invalidOperandSize" : undefined;
  }

  /** The last vector operand of AVX instructions: a size written before it is forgotten for registers. */
  #lastVector(i: number, operand: Operand): Message | undefined {
    const rows = this.#possible.filter((row) => kindFits(row.form, i, operand, false, this.#bits));
    if (rows.length === 0) return "invalidOperand";
    this.#possible = rows;
    const size = this.#size;
    if (operand.kind === REGISTER) {
      const bytes = registerSizes[registerClass(operand.register)]!;
      const differs = size !== 0 && bytes !== size;
      if (differs && rows.every(sameLength)) return "operandSizesDoNotMatch";
      if (rows.some((row) => row.form.operands[i]!.size === bytes)) return undefined;
      return differs ? "operandSizesDoNotMatch" : "invalidOperandSize";
    }
    if (operand.size === 0) return undefined;
    const narrows = rows.every((row) => has(row, "sized"));
    if (!narrows && !rows.every(isFixedLength))
      return size !== 0 && operand.size !== size ? "operandSizesDoNotMatch" : undefined;
    return rows.some((row) => row.form.operands[i]!.memorySize === operand.size)
      ? undefined
      : "invalidOperandSize";
  }

  /** Eight bytes are a size that general instructions have, but only in 64-bit code. */
  #sizeRefusal(): Message {
    if (this.#bits === 64) return "invalidOperandSize";
    const far = this.#possible.every(({ form }) => form.operands.some(({ size }) => size === SIZE_FAR));
    if (this.#size === 10 && far) return "illegalInstruction";
    if (this.#size !== 8) return "invalidOperandSize";
    const wide = this.#possible.some((row) => {
      const operand = row.form.operands[this.#origin];
      if (operand === undefined || operand.kind === "fixed" || has(row, "narrow")) return false;
      const isRegister = this.#operands[this.#origin]!.kind === REGISTER;
      const size = isRegister && !has(row, "not64") ? operand.size : operand.memorySize;
      return size === SIZE_V || operand.kind === "imm";
    });
    return wide ? "illegalInstruction" : "invalidOperandSize";
  }
}

/** The last byte of an SSE instruction: a larger size before it is wrong whatever follows. */
function refusesSize(candidate: Candidate, at: number, size: number): boolean {
  const form = candidate.form;
  if (at === 0 && !form.attributes.has("apart2")) return false;
  const wanted = form.operands[at]!;
  const simd =
    form.operands[0]!.file === "vector" || form.operands[0]!.file === "mm" || form.attributes.has("apart2");
  return simd && wanted.kind === "imm" && size > 1;
}

/** The vector register or memory that AVX instructions read last. */
function isLastVector({ form }: Candidate, at: number): boolean {
  const wanted = form.operands[at]!;
  const place = form.places[at];
  return (
    form.encoding !== "legacy" && (place === "rm" || place === "is4") && wanted.file === "vector" && at > 0
  );
}

/** Whether all vectors of the form are equally long. */
function sameLength({ form }: Candidate): boolean {
  const wanted = form.operands[form.places.indexOf("rm")]!;
  const first = form.operands.find(({ file }) => file === "vector");
  return wanted.memorySize === wanted.size && wanted.size === first!.size;
}

/** Whether the memory's size does not depend on the length of the registers. */
function isFixedLength({ form }: Candidate): boolean {
  const wanted = form.operands[form.places.indexOf("rm")]!;
  const other = form.operands[0]!.file === "vector" && form.operands[0]!.size !== wanted.size;
  return (
    other ||
    wanted.memorySize !== wanted.size ||
    ONE_LENGTH.test(form.name) ||
    (form.encoding === "xop" && !XOP_256.test(form.name))
  );
}

/** Instructions of one length: what another is called depends on that. */
const ONE_LENGTH = /^v(dppd|aesimc|aeskeygenassist|pcmp[ei]str[im]|(exp2|r(cp|sqrt)28)p[sd])$/;
/** The XOP instructions that have YMM forms too. */
const XOP_256 = /^v(frczp[sd]|pcmov)$/;

/** The registers that FASM's parser marks as operands of general instructions; control registers and masks are others. */
export function isGeneralOperand(register: number): boolean {
  const kind = registerClass(register);
  return kind <= SEGMENT || (kind >= ST && kind <= ZMM);
}
