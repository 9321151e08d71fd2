/**
 * What compiled code does, between x86 and WebAssembly. A region is a graph of blocks; a block is a list of values in
 * the order of execution and an end. A value is a pure computation on earlier values, or an effect: a load, a store, a
 * check that may leave the region. What lives longer than a block is a slot: a register, the flags' words.
 *
 * A value of a slot is what the slot held when the block began. Slots change at a block's end only; an exit in its
 * middle says which slots have changed so far.
 *
 * V8 executes the compiler in its bytecode interpreter, for few programs give it enough to do to become warm. So what is
 * done for every value is plain here: no closures, no iterators, no tables where a number will do.
 */
import type { Operation } from "../cpu/operation.ts";
import { STATE } from "../cpu/state.ts";
import { FACTS_BASE, RAM_BASE } from "../memory/memory.ts";
import { I32, type Opcode, resultOf, type ValueType, W } from "../wasm/index.ts";
import { LANES, plainLanes } from "./numbers.ts";
import type { Optimisation } from "./optimisations.ts";
import { patternOf } from "./patterns.ts";
import { ALL_SLOTS, SLOT, slotType } from "./slots.ts";
import { WHAT } from "./what.ts";

export { SLOT, slotAddress, slotName, slotType } from "./slots.ts";
export { WHAT } from "./what.ts";

/** Slots that have changed, and to what. Slots without a value are others, which change later. */
export interface Changes {
  readonly slots: readonly number[];
  readonly values: readonly Value[];
  /** The slots, and those that the values are computed from, as bits. */
  readonly written: number;
  readonly reads: number;
}

/** Where a region is left in the middle of a block: before which instruction, and what has changed until there. */
export interface Exit {
  readonly eip: number;
  /** Instructions of the block that were executed before it. */
  readonly count: number;
  readonly changes: Changes;
  /** Stores that have been put off. */
  readonly late: readonly LateStore[];
  /** Where a part goes on. */
  readonly to: Target | undefined;
}

/** A store to the state page that need not be made before the block is left. */
export interface LateStore {
  readonly opcode: Opcode;
  readonly address: Value;
  readonly value: Value;
  readonly offset: number;
}

/** Somebody who puts stores off, as long as a block is being lowered. */
export interface Procrastinator {
  /** What is to be stored when the block is left now. */
  late(): readonly LateStore[];
}

export interface Value {
  /** One of WHAT, which says what the rest is. */
  readonly what: number;
  readonly type: ValueType;
  readonly opcode: Opcode;
  /** What it is made of; more than two are rare. */
  readonly a: Value | undefined;
  readonly b: Value | undefined;
  readonly rest: readonly Value[] | undefined;
  readonly number: number;
  /** 64-bit and vector constants, lanes, shuffle patterns. */
  readonly bytes: readonly number[] | bigint | undefined;
  readonly exit: Exit | undefined;
  /** Of a check. */
  readonly high: number;
  /** In its block. */
  readonly position: number;
  /** Slots that it is computed from where it is used, as bits. What is made at its place: none. */
  readonly reads: number;
  /** For the emitter (emit-block.ts). */
  uses: number;
  last: number;
  local: number;
}

/** While its block is made. */
type Making = { -readonly [Name in keyof Value]: Value[Name] };

/** A constant of its own, which may change as long as its block is being made. */
export type Changeable = Value & { number: number };

/** All that a value is made of. */
export const argumentsOf = ({ a, b, rest = [] }: Value): readonly Value[] =>
  [a, b, ...rest].filter((value) => value !== undefined);

/** Whether a check is of a place that is written. */
export const writesAt = ({ opcode }: Value): boolean => opcode === W.i32_store;

export type End =
  /** Goes on in a block, or outside. */
  | { readonly kind: "goto"; readonly target: Target }
  | { readonly kind: "branch"; readonly condition: Value; readonly yes: Target; readonly no: Target }
  /**
   * Where a value says: probably one of `cases`, most probably the one that `choice` tells before it is known. Without
   * a choice there are few, which are tried in turn. The record of `jump` is told where else it has led.
   */
  | {
      readonly kind: "indirect";
      readonly target: Value;
      readonly cases: readonly Target[];
      readonly choice?: Choice;
      readonly jump?: Operation | undefined;
    }
  /** Executes an operation outside, through the interpreter's executor, then goes on behind it. */
  | { readonly kind: "execute"; readonly operation: Operation; readonly target: Target }
  /** `int`: whoever answers it is asked, and finds the flags in CARRIES, as AUX has them; then goes on behind it. */
  | { readonly kind: "interrupt"; readonly vector: number; readonly target: Target }
  /** Leaves the region; EIP is given, the machine tells what is there. */
  | { readonly kind: "interpret"; readonly eip: number };

/** Which of an end's cases a table has for each value of an index; -1 for none of them. */
export interface Choice {
  readonly index: Value;
  readonly cases: readonly number[];
}

/** Values that an end needs. */
export function valuesAt(end: End): readonly Value[] {
  if (end.kind === "branch") return [end.condition];
  if (end.kind !== "indirect") return [];
  return end.choice === undefined ? [end.target] : [end.target, end.choice.index];
}

/** Slots that they are computed from, as bits. */
function readsOf(end: End): number {
  if (end.kind === "branch") return end.condition.reads;
  if (end.kind !== "indirect") return 0;
  return end.target.reads | (end.choice === undefined ? 0 : end.choice.index.reads);
}

/** A block of the region by its index, or -1 and an address outside. */
export interface Target {
  block: number;
  readonly address: number;
}

const NO_CHANGES: Changes = { slots: [], values: [], written: 0, reads: 0 };
const NO_STORES: readonly LateStore[] = [];

export class Block {
  readonly index: number;
  readonly address: number;
  /** Which copy of a callee it belongs to; 0 for none. */
  readonly copy: number;
  readonly values: Value[] = [];
  /** At the end. */
  changes: Changes = NO_CHANGES;
  /** Slots that matter as it begins whatever comes behind it, as bits. */
  reads = 0;
  /** Slots that anything is computed from, as bits. */
  used = 0;
  /** Ways that part from its middle. */
  readonly parts: Exit[] = [];
  /** It looks at numbers, or changes how they are worked out. */
  admits = false;
  /** Instructions in it, with the one that ends it. */
  count = 0;
  end: End = { kind: "interpret", eip: 0 };

  constructor(index: number, address: number, copy = 0) {
    this.index = index;
    this.address = address;
    this.copy = copy;
  }
}

export interface Region {
  readonly blocks: Block[];
  /** Indexes of blocks that others may lead to from outside; the first is where it began. */
  readonly entries: number[];
}

/** What an instruction makes of two numbers, or of one; undefined where that is not worked out here. */
function folded(opcode: Opcode, a: number, b: number): number | undefined {
  switch (opcode) {
    case W.i32_add:
      return (a + b) | 0;
    case W.i32_sub:
      return (a - b) | 0;
    case W.i32_and:
      return a & b;
    case W.i32_or:
      return a | b;
    case W.i32_xor:
      return a ^ b;
    case W.i32_shl:
      return a << b;
    case W.i32_shr_u:
      return (a >>> b) | 0;
    case W.i32_shr_s:
      return a >> b;
    case W.i32_mul:
      return Math.imul(a, b);
    case W.i32_eqz:
      return a === 0 ? 1 : 0;
    case W.i32_eq:
      return a === b ? 1 : 0;
    case W.i32_ne:
      return a !== b ? 1 : 0;
    case W.i32_lt_u:
      return a >>> 0 < b >>> 0 ? 1 : 0;
    case W.i32_lt_s:
      return a < b ? 1 : 0;
    case W.i32_extend8_s:
      return (a << 24) >> 24;
    case W.i32_extend16_s:
      return (a << 16) >> 16;
    default:
      return undefined;
  }
}

/**
 * Whether `size` bytes at a constant address can be accessed without a check for as long as the region lives, which
 * must end when that changes.
 */
export type Fixed = (address: number, size: number, writes: boolean) => boolean;

/** Numbers of several instructions that are looked at together; who leaves before that, leaves before all of them. */
interface Admission {
  readonly exit: Exit;
  readonly values: Map<Value, number>;
  fails: Value | undefined;
  mode: number;
}

/** The one place where values come from: V8 knows them all by one shape. */
function made(
  what: number,
  type: ValueType,
  opcode: Opcode,
  a: Value | undefined,
  b: Value | undefined,
  number: number,
  bytes: Value["bytes"],
  position: number,
  reads: number,
): Making {
  return {
    what,
    type,
    opcode,
    a,
    b,
    rest: undefined,
    number,
    bytes,
    exit: undefined,
    high: 0,
    position,
    reads,
    uses: 0,
    last: -1,
    local: -1,
  };
}

/** Makes the values of one block. Constants are folded, and a few identities used, as values are made. */
export class Builder {
  readonly block: Block;
  readonly without: Optimisation | undefined;
  /** Slots that were set, and to what; where in the two each slot is, or -1. */
  readonly #slots: number[] = [];
  #values: Value[] = [];
  readonly #places: number[] = NOWHERE.slice();
  /** The same for exits, as long as nothing is set. */
  #changes: Changes | undefined = NO_CHANGES;
  /** What slots held at the beginning. */
  readonly #initial: (Value | undefined)[] = [];
  readonly #constants = new Map<number, Value>();
  /** By their numbers of 64 bits, or the arrays of their bytes. */
  readonly #wide = new Map<bigint | readonly number[], Value>();
  readonly #checks = new Map<Value, Making>();
  /** How far from what addresses are relative to multiples of 16 are known to be. */
  readonly #alignments = new Map<Value, number>();
  /** Dwords of guest memory that are known: by what their addresses are relative to, and the distances. */
  readonly #memory = new Map<Value | undefined, Map<number, Value>>();
  /** Numbers that have been admitted, by their lanes. */
  readonly #plain = new Map<Value, number>();
  #admission: Admission | undefined;
  /** Where whoever leaves goes back to while stores are put off. */
  #held: Exit | undefined;
  /** What MXCSR has been found to be, as `admit` is told it. */
  mode = 0;
  /** The instruction that is being lowered. */
  eip = 0;
  procrastinator: Procrastinator | undefined;

  readonly #fixed: Fixed;

  constructor(block: Block, fixed: Fixed, without?: Optimisation) {
    this.block = block;
    this.without = without;
    this.#fixed = fixed;
  }

  /** An effect, or a computation: those that are made of others are among the block's values. */
  #make(what: number, type: ValueType, opcode: Opcode, a?: Value, b?: Value, number = 0): Making {
    const { block } = this;
    const { values } = block;
    let reads = 0;
    if (a !== undefined) reads = a.reads;
    if (b !== undefined) reads |= b.reads;
    if (what !== WHAT.PURE) {
      block.reads |= reads;
      reads = 0;
    }
    const value = made(what, type, opcode, a, b, number, undefined, values.length, reads);
    values.push(value);
    return value;
  }

  #makeOf(what: number, type: ValueType, rest: readonly Value[], a?: Value, b?: Value): Making {
    const { block } = this;
    const made = this.#make(what, type, 0, a, b);
    made.rest = rest;
    for (let i = 0; i < rest.length; i++) block.reads |= rest[i]!.reads;
    return made;
  }

  /** An effect that may leave the region. What the exit needs has been made before it. */
  #leaving(exit: Exit, what: number, a: Value): Making {
    const made = this.#make(what, I32, 0, a);
    this.#leavesBy(made, exit);
    return made;
  }

  #leavesBy(value: Making, exit: Exit): void {
    const { block } = this;
    const { changes, late } = exit;
    value.exit = exit;
    for (let i = 0; i < late.length; i++) block.reads |= late[i]!.address.reads | late[i]!.value.reads;
    if (exit.to === undefined) block.reads |= changes.reads | (ALL_SLOTS & ~changes.written);
    else block.parts.push(exit);
  }

  /** A 32-bit constant. */
  const(value: number): Value {
    const constants = this.#constants;
    const known = constants.get(value | 0);
    if (known !== undefined) return known;
    const constant = made(WHAT.CONST, I32, 0, undefined, undefined, value | 0, undefined, -1, 0);
    constants.set(value | 0, constant);
    return constant;
  }

  changeable(value: number): Changeable {
    return made(WHAT.CONST, I32, 0, undefined, undefined, value, undefined, -1, 0);
  }

  /** A constant of another type: 64 bits as a bigint, 16 bytes, or a double as its number. */
  wide(type: ValueType, value: bigint | readonly number[] | number): Value {
    if (typeof value === "number") {
      return made(WHAT.CONST, type, 0, undefined, undefined, value, undefined, -1, 0);
    }
    const known = this.#wide.get(value);
    if (known !== undefined) return known;
    const constant = made(WHAT.CONST, type, 0, undefined, undefined, 0, value, -1, 0);
    this.#wide.set(value, constant);
    return constant;
  }

  /** What a slot holds now. */
  get(slot: number): Value {
    const place = this.#places[slot]!;
    return place >= 0 ? this.#values[place]! : this.#before(slot);
  }

  #before(slot: number): Value {
    const initial = this.#initial;
    const known = initial[slot];
    if (known !== undefined) return known;
    this.block.used |= 1 << slot;
    return (initial[slot] = made(
      WHAT.SLOT,
      slotType(slot),
      0,
      undefined,
      undefined,
      slot,
      undefined,
      -1,
      1 << slot,
    ));
  }

  set(slot: number, value: Value): void {
    const place = this.#places[slot]!;
    if (place >= 0) this.#values[place] = value;
    else if (value.what === WHAT.SLOT && value.number === slot) return;
    else {
      this.#places[slot] = this.#slots.length;
      this.#slots.push(slot);
      this.#values.push(value);
    }
    this.#changes = undefined;
  }

  /** What has changed so far. */
  #changed(): Changes {
    if (this.#changes !== undefined) return this.#changes;
    const slots = this.#slots;
    const values = this.#values.slice();
    let reads = 0;
    let written = 0;
    for (let i = 0; i < values.length; i++) {
      reads |= values[i]!.reads;
      written |= 1 << slots[i]!;
    }
    return (this.#changes = { slots, values, written, reads });
  }

  /** A computation without effect that cannot trap. */
  pure(opcode: Opcode, a: Value, b?: Value, c?: Value): Value {
    if (c !== undefined) return this.#pureOfThree(opcode, a, b!, c);
    return this.#simplified(opcode, a, b) ?? this.#make(WHAT.PURE, resultOf(opcode), opcode, a, b);
  }

  #pureOfThree(opcode: Opcode, a: Value, b: Value, c: Value): Value {
    // Its third operand may be of another type than its result.
    const made = this.#make(WHAT.PURE, opcode === W.select ? a.type : resultOf(opcode), opcode, a, b);
    made.rest = [c];
    made.reads |= c.reads;
    return made;
  }

  /** The same of an instruction with lanes or a pattern behind it, or of another type than its name says. */
  pureWith(
    opcode: Opcode,
    type: ValueType,
    bytes: readonly number[] | undefined,
    a: Value,
    b?: Value,
  ): Value {
    const made = this.#make(WHAT.PURE, type, opcode, a, b);
    made.bytes = bytes;
    return made;
  }

  select(condition: Value, yes: Value, no: Value): Value {
    if (condition.what === WHAT.CONST) return condition.number !== 0 ? yes : no;
    if (yes === no) return yes;
    return this.#pureOfThree(W.select, yes, no, condition);
  }

  /** Reads the wasm memory at `address + offset`: guest memory behind a check, or the state page. */
  load(opcode: Opcode, address: Value, offset: number): Value {
    if (opcode !== W.i32_load || offset !== RAM_BASE || this.without === "memory") {
      return this.#make(WHAT.LOAD, resultOf(opcode), opcode, address, undefined, offset);
    }
    const base = baseOf(address);
    const distance = distanceOf(address, base);
    let dwords = this.#memory.get(base);
    if (dwords === undefined) this.#memory.set(base, (dwords = new Map()));
    const known = dwords.get(distance);
    if (known !== undefined) return known;
    const made = this.#make(WHAT.LOAD, I32, opcode, address, undefined, offset);
    dwords.set(distance, made);
    return made;
  }

  store(opcode: Opcode, address: Value, value: Value, offset: number): void {
    this.#settle();
    this.#make(WHAT.STORE, I32, opcode, address, value, offset);
    if (offset === STATE.MXCSR && address.what === WHAT.CONST) {
      this.mode = 0;
      this.block.admits = true;
    }
    if (offset !== RAM_BASE) return;
    // It may be any place that another base leads to.
    const base = baseOf(address);
    const memory = this.#memory;
    const known = memory.get(base);
    if (memory.size > (known === undefined ? 0 : 1)) {
      memory.clear();
      if (known !== undefined) memory.set(base, known);
    }
    const size = storedBytes(opcode);
    const distance = distanceOf(address, base);
    if (known !== undefined && known.size > 0) {
      if (size === 0) known.clear();
      else for (let at = distance - 3; at < distance + size; at++) known.delete(at | 0);
    }
    if (opcode !== W.i32_store) return;
    if (known !== undefined) known.set(distance, value);
    else memory.set(base, new Map([[distance, value]]));
  }

  /**
   * Makes sure that `size` bytes at `address` can be read, or written and read, without further thought; else the
   * region is left before the present instruction. Checks on the same base are made together, by the first of them.
   */
  check(address: Value, size: number, writes: boolean): void {
    const base = baseOf(address);
    const low = distanceOf(address, base);
    if (base === undefined && this.#fixed(low, size, writes)) return;
    const on = base ?? this.const(0);
    const known = this.#checks.get(on);
    if (known !== undefined && this.without !== "checks") {
      const lowest = known.number < low ? known.number : low;
      const highest = known.high > low + size ? known.high : low + size;
      if (highest - lowest <= MOST_CHECKED) {
        known.number = lowest;
        known.high = highest;
        if (writes) known.opcode = W.i32_store;
        return;
      }
    }
    const made = this.#leaving(this.exit(), WHAT.CHECK, on);
    made.number = low;
    made.high = low + size;
    made.opcode = writes ? W.i32_store : W.i32_load;
    this.#checks.set(on, made);
  }

  /** Leaves the region before the present instruction if `condition` is not zero. */
  leave(condition: Value): void {
    this.#leaving(this.exit(), WHAT.LEAVE, condition);
  }

  /** Leaves the region before the present instruction unless `address` is a multiple of 16. */
  align(address: Value): void {
    const base = baseOf(address);
    const offset = distanceOf(address, base);
    if (base !== undefined && this.#alignments.get(base) === (offset & 15)) return;
    this.leave(
      this.pure(W.i32_and, base !== undefined && (offset & 15) === 0 ? base : address, this.const(15)),
    );
    if (base !== undefined) this.#alignments.set(base, offset & 15);
  }

  /** What is known of the page that an address is in (FACT). It does not change while a block is executed. */
  facts(address: Value): Value {
    return this.pureWith(W.i32_load8_u, I32, FACTS_ACCESS, this.pure(W.i32_shr_u, address, this.const(12)));
  }

  /**
   * Numbers must be plain, else the region is left before the present instruction, or one before it that has changed
   * nothing but slots. `values`: numbers of which `lanes` count; `fails`: not 0 if they are not plain.
   */
  admit(values: readonly Value[], lanes: number, fails: Value | undefined, mode: number): void {
    let isKnown = true;
    for (let i = 0; i < values.length; i++) if (!this.isPlain(values[i]!, lanes)) isKnown = false;
    if (isKnown && mode === this.mode) return;
    this.block.admits = true;
    this.#admission ??= { exit: this.exit(), values: new Map(), fails: undefined, mode: 0 };
    const admission = this.#admission;
    if (!isKnown) {
      const unknown = admission.values;
      for (let i = 0; i < values.length; i++) {
        const value = values[i]!;
        if (this.isPlain(value, lanes)) continue;
        unknown.set(value, (unknown.get(value) ?? 0) | lanes);
        this.markPlain(value, lanes);
      }
      if (fails !== undefined)
        admission.fails = admission.fails ? this.pure(W.i32_or, admission.fails, fails) : fails;
    }
    if (mode !== this.mode) admission.mode = this.mode = mode;
    if (this.without === "numbers") this.#admit();
  }

  /** Whether numbers are known to be zero, normal or infinite. */
  isPlain(value: Value, lanes: number): boolean {
    const known = this.#plain.get(value);
    if (known !== undefined && (known & lanes) === lanes) return true;
    return (plainLanes(value, this.#plain, 0) & lanes) === lanes;
  }

  markPlain(value: Value, lanes: number): void {
    this.#plain.set(value, (this.#plain.get(value) ?? 0) | lanes);
  }

  /** Before something is done that cannot be undone: looks at the numbers that wait for it. */
  #settle(): void {
    this.#held = undefined;
    this.#admit();
  }

  #admit(): void {
    const admission = this.#admission;
    if (admission === undefined) return;
    this.#admission = undefined;
    const { values, fails, mode, exit } = admission;
    const numbers: Value[] = [];
    const lanes: number[] = [];
    values.forEach((several, value) => {
      for (let each = LANES.PS; each <= LANES.SD; each <<= 1) {
        if (!(several & each)) continue;
        numbers.push(value);
        lanes.push(each);
      }
    });
    const made = this.#makeOf(WHAT.ADMIT, I32, numbers, fails ?? this.const(0));
    made.number = mode;
    made.bytes = lanes;
    this.#leavesBy(made, exit);
  }

  /** Calls a function that changes the state. */
  call(index: number, type: ValueType, ...args: Value[]): Value {
    this.#settle();
    // Some write to guest memory.
    this.#memory.clear();
    return this.calculate(index, type, ...args);
  }

  /** Calls a function that changes nothing, or nothing but what it answers in the state page. */
  calculate(index: number, type: ValueType, ...args: Value[]): Value {
    const made = this.#makeOf(WHAT.CALL, type, args);
    made.number = index;
    return made;
  }

  /** Two values that a pattern makes of others; leaves before the present instruction where they are not its case. */
  pattern(number: number, given: readonly Value[]): [Value, Value] {
    const exit = this.exit();
    const [first, second] = patternOf(number).results;
    const made = this.#makeOf(WHAT.PATTERN, first, given);
    made.number = number;
    this.#leavesBy(made, exit);
    return [made, this.#make(WHAT.SECOND, second, 0, made)];
  }

  copy(to: Value, from: Value, length: Value): void {
    this.#string(WHAT.COPY, to, from, length, 0);
  }

  fill(to: Value, element: Value, length: Value, size: number): void {
    this.#string(WHAT.FILL, to, element, length, size);
  }

  #string(what: number, to: Value, from: Value, length: Value, size: number): void {
    this.#settle();
    this.#memory.clear();
    this.#makeOf(what, I32, [length], to, from).number = size;
  }

  /** Leaves the region before the present instruction unless `count` more can be afforded, 0 … 2^30. */
  afford(count: Value): void {
    this.#admit();
    this.#leaving(this.exit(), WHAT.AFFORD, count);
  }

  spend(count: Value): void {
    this.#settle();
    this.#make(WHAT.SPEND, I32, 0, count);
  }

  /**
   * An exit before the present instruction; with a target where it goes on, behind it. While stores are put off it may be
   * before an earlier one, if nothing but slots has changed since: exits that are the same one need little code.
   */
  exit(to?: Target): Exit {
    if (to !== undefined) return this.#exitHere(to);
    if (this.#admission !== undefined) return this.#admission.exit;
    return this.procrastinator === undefined ? this.#exitHere() : (this.#held ??= this.#exitHere());
  }

  #exitHere(to?: Target): Exit {
    return {
      eip: this.eip,
      count: this.block.count,
      changes: this.#changed(),
      late: this.procrastinator === undefined ? NO_STORES : this.procrastinator.late(),
      to,
    };
  }

  /** Makes the stores that have been put off. */
  catchUp(): void {
    if (this.procrastinator === undefined) return;
    const stores = this.procrastinator.late();
    this.procrastinator = undefined;
    for (const { opcode, address, value, offset } of stores) this.store(opcode, address, value, offset);
  }

  /** Goes on at `target`, behind the present instruction, if `condition` is not zero. */
  part(condition: Value, target: Target): void {
    this.#admit();
    this.#leaving(this.exit(target), WHAT.PART, condition);
  }

  /** Leaves for `address` if that is not what is expected. The present instruction has been executed. */
  astray(address: Value, expected: number): void {
    if (address.what === WHAT.CONST && address.number === expected) return;
    this.#admit();
    this.#leaving(this.#exitHere(), WHAT.ASTRAY, address).number = expected;
  }

  /** Ends the block. */
  end(end: End): void {
    this.catchUp();
    this.#settle();
    this.block.changes = this.#changed();
    this.block.end = end;
    this.block.reads |= readsOf(end);
  }

  #simplified(opcode: Opcode, a: Value, b: Value | undefined): Value | undefined {
    if (opcode > W.i32_rotr && opcode !== W.i32_extend8_s && opcode !== W.i32_extend16_s) return undefined;
    const constantA = a.what === WHAT.CONST && a.type === I32;
    const constantB = b !== undefined && b.what === WHAT.CONST && b.type === I32;
    if (constantA && (b === undefined || constantB)) {
      const known = folded(opcode, a.number, b === undefined ? 0 : b.number);
      return known === undefined ? undefined : this.const(known);
    }
    switch (opcode) {
      case W.i32_add:
        if (constantA) return this.pure(opcode, b!, a);
        if (constantB) {
          if (b.number === 0) return a;
          const base = baseOf(a);
          if (base !== a && base !== undefined)
            return this.pure(opcode, base, this.const(distanceOf(a, base) + b.number));
        }
        return undefined;
      case W.i32_sub:
        if (constantB) return this.pure(W.i32_add, a, this.const(-b.number));
        return a === b ? this.const(0) : undefined;
      case W.i32_xor:
        if (a === b) return this.const(0);
        return constantB && b.number === 0 ? a : constantA && a.number === 0 ? b : undefined;
      case W.i32_or:
        if (a === b) return a;
        return constantB && b.number === 0 ? a : constantA && a.number === 0 ? b : undefined;
      case W.i32_and: {
        if (a === b) return a;
        if (constantA) return this.pure(opcode, b!, a);
        if (!constantB) return undefined;
        if (b.number === 0) return b;
        if (b.number === -1) return a;
        if (a.what === WHAT.PURE && a.opcode === W.i32_and && a.b!.what === WHAT.CONST)
          return this.pure(opcode, a.a!, this.const(a.b!.number & b.number));
        const bits = widthOf(a);
        return bits < 32 && (b.number & ((1 << bits) - 1)) === (1 << bits) - 1 ? a : undefined;
      }
      case W.i32_shl:
      case W.i32_shr_u:
      case W.i32_shr_s:
      case W.i32_rotl:
      case W.i32_rotr:
        return constantB && (b.number & 31) === 0 ? a : undefined;
      case W.i32_eqz: {
        if (a.what !== WHAT.PURE) return undefined;
        if (a.opcode === W.i32_sub) return this.pure(W.i32_eq, a.a!, a.b);
        if (a.opcode === W.i32_add && a.b!.what === WHAT.CONST)
          return this.pure(W.i32_eq, a.a!, this.const(-a.b!.number));
        const inverse = inverseOf(a.opcode);
        return inverse === 0 ? undefined : this.pure(inverse, a.a!, a.b);
      }
      default:
        return undefined;
    }
  }
}

const NOWHERE: readonly number[] = new Array<number>(SLOT.COUNT).fill(-1);

/** What an address is relative to: nothing, or another value, or itself. */
function baseOf(address: Value): Value | undefined {
  const { what, b } = address;
  if (what === WHAT.CONST) return undefined;
  return what === WHAT.PURE && address.opcode === W.i32_add && b!.what === WHAT.CONST ? address.a : address;
}

/** How far it is from there. */
const distanceOf = (address: Value, base: Value | undefined): number =>
  base === address ? 0 : base === undefined ? address.number : address.b!.number;

/** Of a comparison its opposite, else 0. */
function inverseOf(opcode: Opcode): Opcode {
  switch (opcode) {
    case W.i32_eq:
      return W.i32_ne;
    case W.i32_ne:
      return W.i32_eq;
    case W.i32_lt_u:
      return W.i32_ge_u;
    case W.i32_ge_u:
      return W.i32_lt_u;
    case W.i32_gt_u:
      return W.i32_le_u;
    case W.i32_le_u:
      return W.i32_gt_u;
    case W.i32_lt_s:
      return W.i32_ge_s;
    case W.i32_ge_s:
      return W.i32_lt_s;
    case W.i32_gt_s:
      return W.i32_le_s;
    case W.i32_le_s:
      return W.i32_gt_s;
    default:
      return 0;
  }
}

/** How many low bits of a value can be ones. */
function widthOf(value: Value): number {
  if (value.what === WHAT.LOAD) {
    return value.opcode === W.i32_load8_u ? 8 : value.opcode === W.i32_load16_u ? 16 : 32;
  }
  if (value.what !== WHAT.PURE) return 32;
  if (value.opcode === W.i32_and && value.b!.what === WHAT.CONST) {
    return 32 - Math.clz32(value.b!.number);
  }
  return 32;
}

/** What a store to guest memory writes; 0 for one that writes parts of a vector. */
function storedBytes(opcode: Opcode): number {
  switch (opcode) {
    case W.i32_store8:
      return 1;
    case W.i32_store16:
      return 2;
    case W.i32_store:
      return 4;
    case W.i64_store:
      return 8;
    case W.v128_store:
      return 16;
    default:
      return 0;
  }
}

/** Behind the instruction that loads a fact: its alignment and offset. */
const FACTS_ACCESS = [0, 0x80 | (FACTS_BASE & 0x7f), 0x80 | ((FACTS_BASE >> 7) & 0x7f), FACTS_BASE >> 14];

/** One check covers at most so many bytes. */
const MOST_CHECKED = 4096;
