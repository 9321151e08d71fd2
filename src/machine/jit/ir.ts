/**
 * What compiled code does, between x86 and WebAssembly. A region is a graph of blocks; a block is a list of values in
 * the order of execution and an end. A value is a pure computation on earlier values, or an effect: a load, a store, a
 * check that may leave the region. What lives longer than a block is a slot: a register, the flags' words.
 *
 * A value of a slot is what the slot held when the block began. Slots change at a block's end only; an exit in its
 * middle says which slots have changed so far.
 */
import type { Operation } from "../cpu/operation.ts";
import { STATE } from "../cpu/state.ts";
import { FACTS_BASE, RAM_BASE } from "../memory/memory.ts";
import { I32, type Opcode, resultOf, V128, type ValueType, W } from "../wasm/index.ts";
import { LANES, plainLanes } from "./numbers.ts";
import type { Optimisation } from "./optimisations.ts";

/** Slots: where they are in the state page, and of what type. The first eight are the general registers. */
export const SLOT = {
  /** The result of which ZF, SF and PF are, as in cpu/flags.ts. */
  RESULT: 8,
  /** By KIND: all of CARRIES, the second summand, or the subtrahend. */
  AUX: 9,
  /** How CARRIES follows: one of FLAGS. */
  KIND: 10,
  /** CF, 0 or 1, whatever the others say. */
  CF: 11,
  /** xmm0 … xmm7. */
  XMM: 12,
  COUNT: 20,
} as const;

export const slotType = (slot: number): ValueType => (slot >= SLOT.XMM ? V128 : I32);

const flagAddresses = [STATE.RESULT, STATE.AUX, STATE.KIND, STATE.CF];

/** Where a slot is in the state page. The engine turns AUX, KIND and CF into CARRIES and back at its border. */
export const slotAddress = (slot: number): number =>
  slot < 8
    ? STATE.REGISTERS + 4 * slot
    : slot < SLOT.XMM
      ? flagAddresses[slot - SLOT.RESULT]!
      : STATE.XMM + 16 * (slot - SLOT.XMM);

const slotNames = [..."eax ecx edx ebx esp ebp esi edi result aux kind cf".split(" ")];
export const slotName = (slot: number): string => slotNames[slot] ?? `xmm${slot - SLOT.XMM}`;

export type What =
  /** `number` is the value. */
  | "const"
  /** `number` is the slot. */
  | "slot"
  /** `opcode` of `args`; no effect, and no trap. */
  | "pure"
  /** `opcode` at args[0] + number, an address in the wasm memory. */
  | "load"
  /** The same, and args[1] is what is stored. */
  | "store"
  /** Guest memory at args[0] + low … args[0] + high can be read, or written; else the region is left. */
  | "check"
  /** Leaves the region before this instruction if args[0] is not zero. */
  | "leave"
  /**
   * Numbers in the lanes of args[1], args[2], … must be plain: leaves the region if args[0] is not zero, which need
   * not be worked out where all of them are normal and none nearly too small or too large. `bytes` has their LANES;
   * `number` what MXCSR must be: bits that matter above, their values below.
   */
  | "admit"
  /** Goes on in another block if args[0] is not zero. */
  | "part"
  /** Leaves the region, behind this instruction, for the address args[0] if that is not `number`. */
  | "astray"
  /** Calls the imported function `number` with args; its value if it has one. */
  | "call"
  /**
   * args[0], with args[1] as its `second`, unless one of args[5], args[6], … is not 0: then args[3] and args[4], or the
   * region is left if args[2] is not 0.
   */
  | "mend"
  /** The second value of args[0]. */
  | "second"
  /** Copies args[2] bytes of guest memory from args[1] to args[0]; they do not overlap. */
  | "copy"
  /** Fills args[2] bytes of guest memory at args[0] with elements of `number` bytes, args[1]. */
  | "fill"
  /** Leaves the region before this instruction if not so many more instructions as args[0] can be afforded. */
  | "afford"
  /** args[0] more instructions have been executed than are counted otherwise. */
  | "spend";

/** Where a region is left in the middle of a block: before which instruction, and what has changed until there. */
export interface Exit {
  readonly eip: number;
  /** Instructions of the block that were executed before it. */
  readonly count: number;
  readonly changed: ReadonlyMap<number, Value>;
  /** Stores that have been put off. */
  readonly late: readonly LateStore[];
  /** Where a `part` goes on. */
  readonly to?: Target;
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
  readonly what: What;
  readonly type: ValueType;
  readonly opcode: Opcode;
  readonly args: readonly Value[];
  readonly number: number;
  /** 64-bit and vector constants, lanes, shuffle patterns. */
  readonly bytes: readonly number[] | bigint | undefined;
  readonly exit: Exit | undefined;
  /** Of a check. */
  low: number;
  high: number;
  writes: boolean;
  /** For the emitter and the printer: position in its block. */
  position: number;
}

export type End =
  /** Goes on in a block, or outside. */
  | { readonly kind: "goto"; readonly target: Target }
  | { readonly kind: "branch"; readonly condition: Value; readonly yes: Target; readonly no: Target }
  /** Where a value says: probably one of `cases`, most probably the one that `choice` tells before it is known. */
  | {
      readonly kind: "indirect";
      readonly target: Value;
      readonly cases: readonly Target[];
      readonly choice?: Choice;
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

/** A block of the region by its index, or -1 and an address outside. */
export interface Target {
  block: number;
  readonly address: number;
}

export class Block {
  readonly index: number;
  readonly address: number;
  /** Which copy of a callee it belongs to; 0 for none. */
  readonly copy: number;
  readonly values: Value[] = [];
  /** Slots that have changed at the end. */
  readonly changed = new Map<number, Value>();
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

const constants = new Set<Opcode>([
  W.i32_add,
  W.i32_sub,
  W.i32_and,
  W.i32_or,
  W.i32_xor,
  W.i32_shl,
  W.i32_shr_u,
  W.i32_shr_s,
  W.i32_mul,
  W.i32_eqz,
  W.i32_eq,
  W.i32_ne,
  W.i32_lt_u,
  W.i32_lt_s,
  W.i32_extend8_s,
  W.i32_extend16_s,
]);

function folded(opcode: Opcode, a: number, b: number): number {
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
    default:
      return (a << 16) >> 16;
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

/** Makes the values of one block. Constants are folded, and a few identities used, as values are made. */
export class Builder {
  readonly block: Block;
  readonly without: Optimisation | undefined;
  readonly #current = new Map<number, Value>();
  readonly #slots = new Map<number, Value>();
  readonly #constants = new Map<number, Value>();
  readonly #checks = new Map<Value, Value>();
  /** How far from what addresses are relative to multiples of 16 are known to be. */
  readonly #alignments = new Map<Value, number>();
  /** Dwords of guest memory that are known: by what their addresses are relative to, and the distances. */
  readonly #memory = new Map<Value | undefined, Map<number, Value>>();
  /** Numbers that have been admitted, by their lanes. */
  readonly #plain = new Map<Value, number>();
  #admission: Admission | undefined;
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

  #make(
    what: What,
    type: ValueType,
    opcode: Opcode,
    args: readonly Value[],
    number = 0,
    bytes?: Value["bytes"],
    exit?: Exit,
  ): Value {
    const value: Value = {
      what,
      type,
      opcode,
      args,
      number,
      bytes,
      exit,
      low: 0,
      high: 0,
      writes: false,
      position: this.block.values.length,
    };
    this.block.values.push(value);
    return value;
  }

  /** A 32-bit constant. */
  const(value: number): Value {
    const known = this.#constants.get(value | 0);
    if (known !== undefined) return known;
    const made = this.#make("const", I32, 0, [], value | 0);
    this.#constants.set(value | 0, made);
    return made;
  }

  /** A constant of another type: 64 bits as a bigint, 16 bytes, or a double as its number. */
  wide(type: ValueType, value: bigint | readonly number[] | number): Value {
    return typeof value === "number"
      ? this.#make("const", type, 0, [], value)
      : this.#make("const", type, 0, [], 0, value);
  }

  /** What a slot holds now. */
  get(slot: number): Value {
    const current = this.#current.get(slot);
    if (current !== undefined) return current;
    let value = this.#slots.get(slot);
    if (value === undefined) {
      value = this.#make("slot", slotType(slot), 0, [], slot);
      this.#slots.set(slot, value);
    }
    return value;
  }

  set(slot: number, value: Value): void {
    if (value.what === "slot" && value.number === slot) this.#current.delete(slot);
    else this.#current.set(slot, value);
  }

  /** A computation without effect that cannot trap. `bytes` follow the opcode: lanes. */
  pure(opcode: Opcode, ...args: Value[]): Value {
    return this.#simplified(opcode, args) ?? this.#make("pure", resultOf(opcode), opcode, args);
  }

  /** The same of an instruction with lanes or a pattern behind it, or of another type than its name says. */
  pureWith(opcode: Opcode, type: ValueType, bytes: readonly number[] | undefined, ...args: Value[]): Value {
    return this.#make("pure", type, opcode, args, 0, bytes);
  }

  select(condition: Value, yes: Value, no: Value): Value {
    if (condition.what === "const") return condition.number !== 0 ? yes : no;
    if (yes === no) return yes;
    return this.#make("pure", yes.type, W.select, [yes, no, condition]);
  }

  /** Reads the wasm memory at `address + offset`: guest memory behind a check, or the state page. */
  load(opcode: Opcode, address: Value, offset: number): Value {
    if (opcode === W.i32_load && offset === RAM_BASE && this.without !== "memory") {
      const [base, distance] = this.relative(address);
      let dwords = this.#memory.get(base);
      if (dwords === undefined) this.#memory.set(base, (dwords = new Map()));
      let value = dwords.get(distance);
      if (value === undefined) {
        value = this.#make("load", I32, opcode, [address], offset);
        dwords.set(distance, value);
      }
      return value;
    }
    return this.#make("load", resultOf(opcode), opcode, [address], offset);
  }

  store(opcode: Opcode, address: Value, value: Value, offset: number): void {
    this.#settle();
    this.#make("store", I32, opcode, [address, value], offset);
    if (offset === STATE.MXCSR && address.what === "const") this.mode = 0;
    if (offset !== RAM_BASE) return;
    // It may be any place that another base leads to.
    const [base, distance] = this.relative(address);
    const known = this.#memory.get(base);
    this.#memory.clear();
    const size = storedBytes.get(opcode);
    if (size === undefined) return;
    const dwords = known ?? new Map<number, Value>();
    for (let at = distance - 3; at < distance + size; at++) dwords.delete(at | 0);
    if (opcode === W.i32_store) dwords.set(distance, value);
    this.#memory.set(base, dwords);
  }

  /** Takes the address apart: what it is relative to, and how far. */
  relative(address: Value): [base: Value | undefined, offset: number] {
    if (address.what === "const") return [undefined, address.number];
    const [left, right] = address.args;
    if (address.what === "pure" && address.opcode === W.i32_add && right!.what === "const")
      return [left!, right!.number];
    return [address, 0];
  }

  /**
   * Makes sure that `size` bytes at `address` can be read, or written and read, without further thought; else the
   * region is left before the present instruction. Checks on the same base are made together, by the first of them.
   */
  check(address: Value, size: number, writes: boolean): void {
    const [base, offset] = this.relative(address);
    if (base === undefined && this.#fixed(offset, size, writes)) return;
    const on = base ?? this.const(0);
    const low = offset;
    const known = this.#checks.get(on);
    if (known !== undefined && this.without !== "checks") {
      const lowest = Math.min(known.low, low);
      const highest = Math.max(known.high, low + size);
      if (highest - lowest <= MOST_CHECKED) {
        known.low = lowest;
        known.high = highest;
        known.writes ||= writes;
        return;
      }
    }
    const made = this.#make("check", I32, 0, [on], 0, undefined, this.exit());
    made.low = low;
    made.high = low + size;
    made.writes = writes;
    this.#checks.set(on, made);
  }

  /** Leaves the region before the present instruction if `condition` is not zero. */
  leave(condition: Value): void {
    this.#make("leave", I32, 0, [condition], 0, undefined, this.exit());
  }

  /** Leaves the region before the present instruction unless `address` is a multiple of 16. */
  align(address: Value): void {
    const [base, offset] = this.relative(address);
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
   * nothing but slots. `values`: numbers with the lanes that count; `fails`: not 0 if they are not plain.
   */
  admit(values: readonly (readonly [Value, number])[], fails: Value | undefined, mode: number): void {
    const unknown = values.filter(([value, lanes]) => !this.isPlain(value, lanes));
    if (unknown.length === 0 && mode === this.mode) return;
    this.#admission ??= { exit: this.exit(), values: new Map(), fails: undefined, mode: 0 };
    const admission = this.#admission;
    for (const [value, lanes] of unknown) {
      admission.values.set(value, (admission.values.get(value) ?? 0) | lanes);
      this.markPlain(value, lanes);
    }
    if (fails !== undefined && unknown.length > 0) {
      admission.fails = admission.fails ? this.pure(W.i32_or, admission.fails, fails) : fails;
    }
    if (mode !== this.mode) admission.mode = this.mode = mode;
    if (this.without === "numbers") this.#settle();
  }

  /** Whether numbers are known to be zero, normal or infinite. */
  isPlain(value: Value, lanes: number): boolean {
    const known = (each: Value): number => this.#plain.get(each) ?? 0;
    return (plainLanes(value, known) & lanes) === lanes;
  }

  markPlain(value: Value, lanes: number): void {
    this.#plain.set(value, (this.#plain.get(value) ?? 0) | lanes);
  }

  /** Looks at the numbers that wait for it, before something is done that cannot be undone. */
  #settle(): void {
    const admission = this.#admission;
    if (admission === undefined) return;
    this.#admission = undefined;
    const { values, fails, mode, exit } = admission;
    const args = [fails ?? this.const(0)];
    const lanes: number[] = [];
    for (const [value, several] of values) {
      for (const each of Object.values(LANES)) {
        if (!(several & each)) continue;
        args.push(value);
        lanes.push(each);
      }
    }
    this.#make("admit", I32, 0, args, mode, lanes, exit);
  }

  call(index: number, type: ValueType, ...args: Value[]): Value {
    this.#settle();
    // Some write to guest memory.
    this.#memory.clear();
    return this.#make("call", type, 0, args, index);
  }

  /** A pair of values, which are others if one of `doubts` is not 0, or are refused. */
  mend(
    usual: readonly [Value, Value],
    doubts: readonly Value[],
    refused: Value,
    other: readonly [Value, Value],
  ): [Value, Value] {
    const [first, second] = usual;
    const args = [first, second, refused, ...other, ...doubts];
    const made = this.#make("mend", first.type, 0, args, 0, undefined, this.exit());
    return [made, this.#make("second", second.type, 0, [made])];
  }

  copy(to: Value, from: Value, length: Value): void {
    this.#settle();
    this.#memory.clear();
    this.#make("copy", I32, 0, [to, from, length]);
  }

  fill(to: Value, element: Value, length: Value, size: number): void {
    this.#settle();
    this.#memory.clear();
    this.#make("fill", I32, 0, [to, element, length], size);
  }

  /** Leaves the region before the present instruction unless `count` more can be afforded, 0 … 2^30. */
  afford(count: Value): void {
    this.#settle();
    this.#make("afford", I32, 0, [count], 0, undefined, this.exit());
  }

  spend(count: Value): void {
    this.#settle();
    this.#make("spend", I32, 0, [count]);
  }

  /** An exit before the present instruction. */
  exit(): Exit {
    if (this.#admission) return this.#admission.exit;
    return {
      eip: this.eip,
      count: this.block.count,
      changed: new Map(this.#current),
      late: this.procrastinator?.late() ?? [],
    };
  }

  /** Makes the stores that have been put off. */
  catchUp(): void {
    const stores = this.procrastinator?.late() ?? [];
    this.procrastinator = undefined;
    for (const { opcode, address, value, offset } of stores) this.store(opcode, address, value, offset);
  }

  /** Goes on at `target`, behind the present instruction, if `condition` is not zero. */
  part(condition: Value, target: Target): void {
    this.#settle();
    this.#make("part", I32, 0, [condition], 0, undefined, { ...this.exit(), to: target });
  }

  /** Leaves for `address` if that is not what is expected. The present instruction has been executed. */
  astray(address: Value, expected: number): void {
    if (address.what === "const" && address.number === expected) return;
    this.#settle();
    this.#make("astray", I32, 0, [address], expected, undefined, this.exit());
  }

  /** Ends the block. */
  end(end: End): void {
    this.catchUp();
    this.#settle();
    for (const [slot, value] of this.#current) this.block.changed.set(slot, value);
    this.block.end = end;
  }

  #simplified(opcode: Opcode, args: readonly Value[]): Value | undefined {
    const [a, b] = args as [Value, Value | undefined];
    if (args.length > 2) return undefined;
    const constantA = a.what === "const" && a.type === I32;
    const constantB = b !== undefined && b.what === "const" && b.type === I32;
    if (constantA && (b === undefined || constantB)) {
      return constants.has(opcode) ? this.const(folded(opcode, a.number, b?.number ?? 0)) : undefined;
    }
    switch (opcode) {
      case W.i32_add:
        if (constantA) return this.pure(opcode, b!, a);
        if (constantB) {
          if (b.number === 0) return a;
          const [base, offset] = this.relative(a);
          if (base !== a && base !== undefined) return this.pure(opcode, base, this.const(offset + b.number));
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
        const [, mask] = a.args;
        if (a.what === "pure" && a.opcode === W.i32_and && mask!.what === "const")
          return this.pure(opcode, a.args[0]!, this.const(mask!.number & b.number));
        const bits = widthOf(a);
        return bits < 32 && (b.number & ((1 << bits) - 1)) === (1 << bits) - 1 ? a : undefined;
      }
      case W.i32_shl:
      case W.i32_shr_u:
      case W.i32_shr_s:
      case W.i32_rotl:
      case W.i32_rotr:
        return constantB && (b.number & 31) === 0 ? a : undefined;
      case W.i32_eqz:
        if (a.what === "pure" && a.opcode === W.i32_sub) return this.pure(W.i32_eq, a.args[0]!, a.args[1]!);
        if (a.what === "pure" && a.opcode === W.i32_add && a.args[1]!.what === "const")
          return this.pure(W.i32_eq, a.args[0]!, this.const(-a.args[1]!.number));
        return a.what === "pure" && a.opcode in inverse
          ? this.pure(inverse[a.opcode]!, a.args[0]!, a.args[1]!)
          : undefined;
      default:
        return undefined;
    }
  }
}

/** Comparisons and their opposites. */
const inverse: Readonly<Record<Opcode, Opcode>> = {
  [W.i32_eq]: W.i32_ne,
  [W.i32_ne]: W.i32_eq,
  [W.i32_lt_u]: W.i32_ge_u,
  [W.i32_ge_u]: W.i32_lt_u,
  [W.i32_gt_u]: W.i32_le_u,
  [W.i32_le_u]: W.i32_gt_u,
  [W.i32_lt_s]: W.i32_ge_s,
  [W.i32_ge_s]: W.i32_lt_s,
  [W.i32_gt_s]: W.i32_le_s,
  [W.i32_le_s]: W.i32_gt_s,
};

/** How many low bits of a value can be ones. */
function widthOf(value: Value): number {
  if (value.what === "load") {
    return value.opcode === W.i32_load8_u ? 8 : value.opcode === W.i32_load16_u ? 16 : 32;
  }
  if (value.what !== "pure") return 32;
  if (value.opcode === W.i32_and && value.args[1]!.what === "const") {
    return 32 - Math.clz32(value.args[1]!.number);
  }
  return 32;
}

const storedBytes: ReadonlyMap<Opcode, number> = new Map([
  [W.i32_store8, 1],
  [W.i32_store16, 2],
  [W.i32_store, 4],
  [W.i64_store, 8],
  [W.v128_store, 16],
]);

/** Behind the instruction that loads a fact: its alignment and offset. */
const FACTS_ACCESS = [0, 0x80 | (FACTS_BASE & 0x7f), 0x80 | ((FACTS_BASE >> 7) & 0x7f), FACTS_BASE >> 14];

/** One check covers at most so many bytes. */
const MOST_CHECKED = 4096;
