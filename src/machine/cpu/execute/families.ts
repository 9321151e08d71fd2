/**
 * What the families of undefined.ts other than the first do differently: for each mnemonic a function that makes, of
 * the executor which does it as Zen 4, one that does it as the family. They stand on what EFLAGS were before, so they
 * are always executed as they are, in every engine: without an arm of the interpreter's loop, and called from compiled
 * code.
 */
import type { Form } from "../../../isa/index.ts";
import { AF, ARITHMETIC, CF, eflags, OF, PF, SF, setArithmetic, ZF } from "../flags.ts";
import { type Executor, KIND, type Operation } from "../operation.ts";
import type { Processor } from "../processor.ts";
import { EAX, ESP, SS, WORD } from "../state.ts";
import { ADJUST_AFTER_SHIFT, type UndefinedFamily } from "../undefined.ts";
import { bitTests } from "./bits.ts";
import { doubleCount } from "./shifts.ts";
import { fxsaveWithPointers } from "./sse-state.ts";

export type Change = (execute: Executor) => Executor;

type Changes = Readonly<Record<string, Change>>;

/** The flags `which` become `value`, the others stay. */
function replace(cpu: Processor, which: number, value: number): void {
  setArithmetic(cpu.words, (eflags(cpu.words) & ~which) | (value & which));
}

/** The flags that `which` names, asked before the instruction, keep their values. */
const keeping =
  (which: (cpu: Processor, op: Operation) => number): Change =>
  (execute) =>
  (cpu, op) => {
    const kept = which(cpu, op);
    const before = eflags(cpu.words);
    execute(cpu, op);
    replace(cpu, kept, before);
  };

/** What it does, and then the flags `which` are set to what `value` says. */
const then =
  (which: number, value: (cpu: Processor, op: Operation) => number): Change =>
  (execute) =>
  (cpu, op) => {
    execute(cpu, op);
    replace(cpu, which, value(cpu, op));
  };

const all = (...changes: readonly Change[]): Change =>
  changes.reduce((one, other) => (execute) => other(one(execute)));

const each = (mnemonics: string, change: Change): Changes =>
  Object.fromEntries(mnemonics.split(" ").map((name) => [name, change]));

/** ZF, SF and PF of a value of so many bits. */
function ofResult(value: number, bits: number): number {
  const narrow = bits === 32 ? value : value & (2 ** bits - 1);
  let ones = narrow ^ (narrow >>> 4);
  ones ^= ones >>> 2;
  ones ^= ones >>> 1;
  return (narrow === 0 ? ZF : 0) | ((narrow >>> (bits - 1)) & 1 ? SF : 0) | (ones & 1 ? 0 : PF);
}

const bitsOf = (op: Operation): number => 32 - op.shift;

// Shifts -----------------------------------------------------------------------------------------------------

const countOf = (cpu: Processor, op: Operation): number => cpu.load2(op) & 31;

/** Rotating through the carry, all the way round, keeps OF. */
const keptAllRound = keeping((cpu, op) => (countOf(cpu, op) % (bitsOf(op) + 1) === 0 ? OF : 0));

/** A count of 0 changes no flag, so that it does not matter what is kept. */
const keptByCount = (count: typeof countOf, always: number): Change =>
  keeping((cpu, op) => always | (count(cpu, op) > 1 ? OF : 0));

/** Shifts of 16 bits by more: through three words, of which the last is the first again. */
const throughThree =
  (toTop: boolean): Change =>
  (execute) =>
  (cpu, op) => {
    const count = doubleCount(cpu, op);
    if (bitsOf(op) !== 16 || count <= 16) {
      execute(cpu, op);
      return;
    }
    const right = cpu.load2(op);
    const left = cpu.change1(op);
    const more = count - 16;
    const value = toTop ? (right << more) | (left >>> (16 - more)) : (right >>> more) | (left << (16 - more));
    cpu.store1(op, value);
    cpu.setFlags(value, op.shift, (right >>> (toTop ? 16 - more : more - 1)) & 1, 0, 0);
  };

/** Bytes shifted by 16 or 24 show in CF what shifting by 8 does. */
const roundCarry =
  (toTop: boolean): Change =>
  (execute) =>
  (cpu, op) => {
    const count = countOf(cpu, op);
    if (bitsOf(op) !== 8 || (count !== 16 && count !== 24)) {
      execute(cpu, op);
      return;
    }
    const left = cpu.change1(op);
    cpu.store1(op, 0);
    const carry = toTop ? left & 1 : left >>> 7;
    cpu.setFlags(0, op.shift, carry, toTop ? carry : 0, ADJUST_AFTER_SHIFT);
  };

/** AF is cleared, but by a count of 0. */
const withoutAdjust =
  (count: typeof countOf): Change =>
  (execute) =>
  (cpu, op) => {
    const by = count(cpu, op);
    execute(cpu, op);
    if (by !== 0) replace(cpu, AF, 0);
  };

// Multiplication ---------------------------------------------------------------------------------------------

/** Of the lower half of the product, which the form with one operand has in AL, AX or EAX, the others in the first. */
function productFlags(cpu: Processor, op: Operation): number {
  const bits = bitsOf(op);
  if (op.form!.operands.length > 1) return ofResult(cpu.load1(op), bits);
  return ofResult(bits === 8 ? cpu.bytes[EAX]! : bits === 16 ? cpu.halves[EAX]! : cpu.words[EAX]!, bits);
}

// Decimals ---------------------------------------------------------------------------------------------------

const AL = EAX;

/** Flags of AL + 6 or AL - 6, or of AL where nothing is to be adjusted, as of 8 bits. */
const narrowAdjustment =
  (correction: 6 | -6): Change =>
  (execute) =>
  (cpu, op) => {
    const al = cpu.bytes[AL]!;
    const adjust = (al & 15) > 9 || (eflags(cpu.words) & AF) !== 0;
    execute(cpu, op);
    const signed = ((al << 24) >> 24) + (adjust ? correction : 0);
    replace(cpu, OF | SF | ZF | PF, (signed < -128 || signed > 127 ? OF : 0) | ofResult(signed, 8));
  };

const unpacked = (overflow: "kept" | 0 | 1, zeroOf: (cpu: Processor) => number): Change => {
  const flags = then(
    SF | ZF | PF,
    (cpu) => (zeroOf(cpu) === 0 ? ZF : 0) | (ofResult(cpu.bytes[AL]!, 8) & PF),
  );
  return all(flags, overflow === "kept" ? keeping(() => OF) : then(OF, () => (overflow ? OF : 0)));
};

const ax = (cpu: Processor): number => cpu.halves[EAX]!;
const al = (cpu: Processor): number => cpu.bytes[AL]!;

// Bits and the stack -----------------------------------------------------------------------------------------

/** OF after rotating `value` right by the number of the bit: of the two topmost bits then. */
const rotatedAway = (cpu: Processor, value: number, bit: number, bits: number): void => {
  const at = (number: number): number => (value >>> ((number + bits) % bits)) & 1;
  replace(cpu, OF | CF, (at(bit - 1) ^ at(bit - 2) ? OF : 0) | at(bit));
};

const rotating = bitTests(rotatedAway);

/** ESP moves by the whole operand size, but only the selector is written. */
const pushSelector: Change = (execute) => (cpu, op) => {
  if (op.kind1 !== KIND.SEGMENT || op.operandSize !== 32) {
    execute(cpu, op);
    return;
  }
  const esp = (cpu.words[ESP]! - 4) | 0;
  cpu.write16(cpu.linear(SS, esp, 2, true), cpu.words[WORD.SELECTORS + op.a]!);
  cpu.words[ESP] = esp;
};

// The families -----------------------------------------------------------------------------------------------

/** BSF and BSR change nothing but ZF. */
const scans = each(
  "bsf bsr",
  keeping(() => ARITHMETIC & ~ZF),
);

const zen3: Changes = scans;

const p6: Changes = {
  ...scans,
  ...each("shl shr sar", keptByCount(countOf, AF)),
  ...each("rol ror", keptByCount(countOf, 0)),
  shld: all(throughThree(true), keptByCount(doubleCount, AF)),
  shrd: all(throughThree(false), keptByCount(doubleCount, AF)),
  ...each(
    "div idiv",
    keeping(() => ARITHMETIC),
  ),
  ...each(
    "daa das",
    keeping(() => OF),
  ),
  ...each("aaa aas", unpacked("kept", ax)),
  aad: then(CF | OF | AF, () => 0),
  push: pushSelector,
  fxsave: () => fxsaveWithPointers,
};

const core2: Changes = {
  ...p6,
  aaa: unpacked(1, ax),
  aas: unpacked(0, ax),
  ...each(
    "daa das",
    then(OF, () => 0),
  ),
};

const pentium4: Changes = {
  ...each("shl shr sar", withoutAdjust(countOf)),
  ...each("shld shrd", withoutAdjust(doubleCount)),
  ...each("rcl rcr", keptAllRound),
  ...each("mul imul", then(SF | ZF | PF | AF, productFlags)),
  ...each(
    "div idiv",
    keeping(() => ARITHMETIC),
  ),
  ...each(
    "daa das",
    then(OF, () => 0),
  ),
  ...each("aaa aas", unpacked(0, al)),
  fxsave: () => fxsaveWithPointers,
};

const i386: Changes = {
  shl: roundCarry(true),
  shr: roundCarry(false),
  ...Object.fromEntries(Object.entries(rotating).map(([name, execute]) => [name, () => execute])),
  aaa: narrowAdjustment(6),
  aas: narrowAdjustment(-6),
  push: pushSelector,
};

const families: Readonly<Record<UndefinedFamily, Changes>> = { zen4: {}, zen3, p6, core2, pentium4, i386 };

/** What a family does differently with a form; undefined where it does nothing. */
export function changeIn(family: UndefinedFamily, form: Form): Change | undefined {
  if (family === USUAL || !Object.hasOwn(families[family], form.name)) return undefined;
  return form.name !== "push" || isSegment(form) ? families[family][form.name] : undefined;
}

/** The one without changes. */
const USUAL: UndefinedFamily = "zen4";

const isSegment = ({ operands }: Form): boolean =>
  operands[0]?.kind === "sreg" || operands[0]?.file === "segment";
