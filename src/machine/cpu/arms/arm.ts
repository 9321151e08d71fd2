/** What an arm is written with: its record, its operands in registers and memory, the flags, and the ways on. */
import { FACT, FACTS_BASE, RAM_BASE } from "../../memory/memory.ts";
import { type Expression, Label, type Local, WasmFunction, wasm } from "../../wasm/index.ts";
import { KEPT, TF } from "../flags.ts";
import { OP } from "../op.ts";
import { JUMP_PAIRS, JUMPS_BASE, RECORD } from "../records.ts";
import { ELSEWHERE, STATE } from "../state.ts";

const { i32, sequence, when, giveBack } = wasm;

export type Size = 1 | 2 | 4;
/** Bytes of an operand of SSE. */
export type WideSize = 4 | 8 | 16;

export const zero = i32.const(0);
export const constant = i32.const;
export const not = (value: Expression): Expression => i32.xor(value, constant(-1));
/** What stands in the lowest `size` bytes, sign-extended. */
export const signed = (value: Expression, size: Size): Expression =>
  size === 4 ? value : size === 2 ? i32.extend16_s(value) : i32.extend8_s(value);
export const isNegative = (value: Expression): Expression => i32.lt_s(value, zero);

/** The highest two bits of CARRIES, and what is below them. */
export const TOP = 0x8000_0000 | 0;
export const NEXT_TO_TOP = 0x4000_0000;
export const LOW = 0x3fff_ffff;

const LOADS = { 1: i32.load8_u, 2: i32.load16_u, 4: i32.load } as const;
export const STORES = { 1: i32.store8, 2: i32.store16, 4: i32.store } as const;

/** Numbers of the functions before the arms: the first is imported. */
export const INTERRUPT = 0;
export const RUN = 1;
export const LEAVE = 2;
export const BESIDE = 3;
export const NO_ARM = 4;
/** What stands for a fast function that is not there: it does nothing. */
export const NO_FAST = 5;
/** The number of the type of fast functions: three i32 to one. */
export const FAST_TYPE = 2;
/** Repeated strings of 1, 2 and 4 bytes: fills, and copies (fast/strings.ts). */
export const STOS = 6;
export const MOVS = 9;

export const statePage = (offset: number): Expression => i32.load(zero, offset);
export const register = (number: number): Expression => statePage(STATE.REGISTERS + 4 * number);
export const setRegister = (number: number, value: Expression): Expression =>
  i32.store(zero, value, STATE.REGISTERS + 4 * number);
/** OP of a record. */
export const codeOf = (record: Expression): Expression => i32.load8_u(record, RECORD.OP);
export const fact = (address: Expression): Expression =>
  i32.load8_u(i32.shr_u(address, constant(12)), FACTS_BASE);

/** One arm while it is written. */
export class Arm extends WasmFunction {
  /** The address of its record; then that of the next one. */
  readonly op = this.parameter(0);
  /** Instructions left, with this one. */
  readonly left = this.parameter(1);
  /** The flags: RESULT and CARRIES. */
  readonly result = this.parameter(2);
  readonly carries = this.parameter(3);
  /**
   * OP of the operation in `next`, which the arm before has looked up: so the host's processor knows early which arm comes
   * next, and begins with it before this one has ended.
   */
  readonly ahead = this.parameter(4);

  readonly #tail: boolean;
  /** Behind `admitWrite` of 4 bytes: the record whose constant they are, or 0 or 1. */
  #patched: Local | undefined;

  /** `tail`: it calls the next arm; else it answers the record of the next, and where it leaves 1 more. */
  constructor(tail: boolean) {
    super(["i32", "i32", "i32", "i32", "i32"], ["i32"]);
    this.#tail = tail;
  }

  // What the record says

  readonly immediate = i32.load(this.op.get, RECORD.IMMEDIATE);
  readonly following = i32.load(this.op.get, RECORD.FOLLOWING);
  readonly next = i32.load(this.op.get, RECORD.NEXT);
  readonly target = i32.load(this.op.get, RECORD.TARGET);
  readonly which = i32.load(this.op.get, RECORD.WHICH);
  /** Where the registers stand in the state page. */
  readonly placeOfA = i32.load16_u(this.op.get, RECORD.A);
  readonly placeOfB = i32.load16_u(this.op.get, RECORD.B);

  /** The first operand, a register of `size` bytes, zero-extended. */
  a(size: Size = 4): Expression {
    return LOADS[size](this.placeOfA);
  }
  b(size: Size = 4): Expression {
    return LOADS[size](this.placeOfB);
  }
  setA(value: Expression, size: Size = 4): Expression {
    return STORES[size](this.placeOfA, value);
  }
  setB(value: Expression): Expression {
    return i32.store(this.placeOfB, value);
  }

  /** The address that the memory operand names. */
  get address(): Expression {
    const base = i32.load(i32.load8_u(this.op.get, RECORD.BASE));
    const index = i32.load(i32.load8_u(this.op.get, RECORD.INDEX));
    const scaled = i32.shl(index, i32.load8_u(this.op.get, RECORD.SCALE));
    return i32.add(i32.add(base, scaled), i32.load(this.op.get, RECORD.DISPLACEMENT));
  }

  /** One of several things, by its number. */
  choice(number: Expression, ways: readonly Expression[]): Expression {
    const labels = ways.map(() => new Label());
    const end = new Label();
    let body = wasm.block(labels[0]!, wasm.brTable(labels, labels[0]!, number));
    for (const [at, way] of ways.entries()) body = wasm.block(labels[at + 1] ?? end, body, way, wasm.br(end));
    return body;
  }

  // Memory

  /** Leaves, unless `size` bytes at an address may be read without thought. */
  admitRead(at: Local, size: Size | WideSize): Expression {
    return when(i32.eqz(i32.and(this.#facts(at, size), constant(FACT.READ))), this.leave);
  }

  /**
   * The same for a write, and with `reads` for a read before it. What holds code, too, may be written beside it, and the
   * constants of instructions.
   */
  admitWrite(at: Local, size: Size | WideSize, reads = false): Expression {
    const wanted = constant(reads ? FACT.READ | FACT.WRITE : FACT.WRITE);
    const facts = i32.and(this.#facts(at, size), wanted);
    const needed = constant(reads ? FACT.READ | FACT.STORE : FACT.STORE);
    const beside = wasm.call(BESIDE, at.get, i32.add(at.get, constant(size - 1)), needed);
    const isAdmitted = size === 4 ? (this.#patched ??= this.local("i32")).tee(beside) : beside;
    return when(reads ? i32.ne(facts, wanted) : i32.eqz(facts), when(i32.eqz(isAdmitted), this.leave));
  }

  #facts(at: Local, size: Size | WideSize): Expression {
    const first = fact(at.get);
    return size === 1 ? first : i32.and(first, fact(i32.add(at.get, constant(size - 1))));
  }

  read(at: Local, size: Size): Expression {
    return LOADS[size](at.get, RAM_BASE);
  }
  /** Writes what was admitted. */
  write(at: Local, size: Size, value: Expression): Expression {
    const written = STORES[size](at.get, value, RAM_BASE);
    if (size < 4) return written;
    const record = this.#patched!.get;
    const constantOf = i32.store(record, this.read(at, size), RECORD.IMMEDIATE);
    return sequence(written, when(i32.gt_u(record, constant(1)), constantOf));
  }

  /** The operand in memory, read. */
  memory(size: Size): Expression {
    const at = this.local("i32");
    this.add(at.set(this.address), this.admitRead(at, size));
    return this.read(at, size);
  }

  // What an arm ends with

  get leave(): Expression {
    if (this.#tail) return wasm.returnCall(LEAVE, this.#state, this.ahead.get);
    return giveBack(i32.add(wasm.call(LEAVE, this.#state, this.ahead.get), constant(1)));
  }

  get #state(): Expression {
    return sequence(this.op.get, this.left.get, this.result.get, this.carries.get);
  }

  /** Asks who answers an `int`, and goes on behind it unless told not to; whoever said so knows why. */
  interrupt(): Expression {
    const { op, left, result, carries, following } = this;
    const vector = i32.and(this.immediate, constant(0xff));
    const stays = this.#tail ? op.get : i32.add(op.get, constant(1));
    return sequence(
      i32.store(zero, result.get, STATE.RESULT),
      i32.store(zero, carries.get, STATE.CARRIES),
      i32.store(zero, following, STATE.EIP),
      when(wasm.call(INTERRUPT, vector, left.get), giveBack(stays)),
      // Who answers may have changed anything.
      when(
        i32.or(i32.ne(statePage(STATE.EIP), following), i32.and(statePage(STATE.EFLAGS), constant(TF))),
        sequence(i32.store(zero, constant(ELSEWHERE), STATE.LEFT), giveBack(stays)),
      ),
      result.set(statePage(STATE.RESULT)),
      carries.set(statePage(STATE.CARRIES)),
      // Who answers may have changed what comes next.
      this.goTo(this.next),
    );
  }

  /** Goes on with the operation in `next`; `counts` this one as executed. */
  goOn(counts = true): Expression {
    return this.#go(this.next, this.ahead.get, counts);
  }

  /** Goes on with the operation whose record is at an address. */
  goTo(record: Expression): Expression {
    return this.#go(record, codeOf(this.op.get), true);
  }

  #go(record: Expression, code: Expression, counts: boolean): Expression {
    const { op, left } = this;
    const go = this.#tail
      ? wasm.returnCallIndirect(this.#state, codeOf(i32.load(op.get, RECORD.NEXT)), code)
      : giveBack(wasm.call(LEAVE, this.#state, this.ahead.get));
    if (!counts) return sequence(op.set(record), go);
    const count = left.tee(i32.sub(left.get, constant(1)));
    return sequence(op.set(record), when(i32.eqz(count), this.leave), go);
  }

  /** Goes on where an indirect jump to an address has led before, after `before`; leaves where none has. */
  jumpTo(to: Local, before: Expression): Expression {
    const pair = this.local("i32");
    const slot = i32.shl(i32.and(to.get, constant(JUMP_PAIRS - 1)), constant(3));
    return sequence(
      pair.set(slot),
      when(i32.ne(i32.load(pair.get, JUMPS_BASE), to.get), this.leave),
      before,
      this.goTo(i32.load(pair.get, JUMPS_BASE + 4)),
    );
  }

  // Flags

  /** Those of left + right = value. */
  flagsOfSum(left: Local, right: Local, value: Local, size: Size): Expression {
    const carries = i32.or(
      i32.and(left.get, right.get),
      i32.and(i32.or(left.get, right.get), not(value.get)),
    );
    return sequence(this.result.set(signed(value.get, size)), this.#carriesOf(carries, size));
  }

  flagsOfDifference(left: Local, right: Local, value: Local, size: Size): Expression {
    const borrows = i32.or(
      i32.and(not(left.get), right.get),
      i32.and(not(i32.xor(left.get, right.get)), value.get),
    );
    return sequence(this.result.set(signed(value.get, size)), this.#carriesOf(borrows, size));
  }

  flagsOfLogic(value: Expression, size: Size): Expression {
    return sequence(this.result.set(signed(value, size)), this.carries.set(zero));
  }

  /** CARRIES from the carries out of each bit of `size` bytes. */
  #carriesOf(carries: Expression, size: Size): Expression {
    if (size === 4) return this.carries.set(i32.and(carries, constant(KEPT)));
    const all = this.local("i32");
    const top = i32.and(i32.shl(all.get, constant(32 - 8 * size)), constant(TOP | NEXT_TO_TOP));
    return sequence(all.set(carries), this.carries.set(i32.or(top, i32.and(all.get, constant(8)))));
  }

  /** CF and OF of a product, as `tooWide` says; the others stay. */
  flagsOfProduct(tooWide: Expression): Expression {
    const kept = i32.and(this.carries.get, constant(LOW));
    return this.carries.set(i32.or(kept, i32.shl(tooWide, constant(31))));
  }

  get carry(): Expression {
    return i32.shr_u(this.carries.get, constant(31));
  }
}

/** Takes the arm of an operation: what writes it, and answers what it ends with if that is not to go on with the next. */
export type Define = (op: number, write: (arm: Arm) => Expression | undefined) => void;

/** Bytes of operands, with what stands in the names of operations for them. */
export const SIZES = [
  [4, ""],
  [1, "8"],
  [2, "16"],
] as const;

const numbers: Readonly<Record<string, number>> = OP;
export const numberOf = (name: string): number => {
  const number = numbers[name];
  if (number === undefined) throw new Error(`there is no operation ${name}`);
  return number;
};
