/**
 * Region → the bytes of a module with one function: (entry, instructions left) → how it ended. Slots are local
 * variables, loaded when the function begins and stored when it ends; loops and blocks are WebAssembly's.
 *
 * Every exit leaves the exact EIP, count and slots in local variables and goes to one place, which stores them. What
 * an exit alone needs is computed on the way there.
 */
import { STATE } from "../cpu/state.ts";
import { FACT, FACTS_BASE, LINE_SHIFT, type Memory } from "../memory/memory.ts";
import {
  Code,
  F64,
  type FunctionType,
  I32,
  I64,
  type Import,
  Label,
  moduleBytes,
  V128,
  type ValueType,
  W,
} from "../wasm/index.ts";
import { copy, fill } from "./bulk.ts";
import type { OutsideFunction } from "./calls.ts";
import {
  type Block,
  type Exit,
  exitValues,
  type Region,
  SLOT,
  slotAddress,
  slotType,
  type Target,
  type Value,
} from "./ir.ts";
import { leavesAtEnd, liveAtBeginning, usedValues } from "./liveness.ts";
import { goesBack, isDispatched, type Structure } from "./structure.ts";

/** How compiled code ends. EIP and LEFT are in the state page. */
export const STATUS = {
  /** Somewhere that it does not know, or with too few instructions left. */
  LOOK: 0,
  /** At an instruction that the interpreter must execute. */
  INTERPRET: 1,
  /** Behind `int n`: this plus n. */
  INTERRUPT: 2,
  /** The same, where the hook was asked and has said no: this plus n. */
  REFUSED: 258,
} as const;

/** What `execute` answers: 0 where the region goes on, this plus the status that it ends with where it does not. */
export const LEAVES = 1;

/** The table of STATE.CHAIN has so many pairs. */
export const CHAIN_PAIRS = 2048;
/** A chain's second word: the region's index in the table of functions above these bits, the entry below. */
export const ENTRY_BITS = 12;
/** Numbers of entries that fit a map's byte. */
export const MOST_ENTRIES = 254;
/** Up to so many targets are compared one after another. */
const FEW_TARGETS = 4;

export interface Surroundings {
  readonly memory: Memory;
  /** The low end of what can be read is 0, and stays so. */
  readonly readsFromZero: boolean;
  /** The number under which an operation is executed through its executor. */
  operationNumber(operation: import("../cpu/operation.ts").Operation): number;
  /** Room for a map of so many bytes; undefined if there is none. */
  room(bytes: number): number | undefined;
}

/** The types of the module's functions: regions, `execute`, then those of `imported`. */
const REGION_TYPE = 0;
const EXECUTE_TYPE = 1;

export function emit(
  region: Region,
  structure: Structure,
  surroundings: Surroundings,
  imported: readonly OutsideFunction[],
): Uint8Array<ArrayBuffer> {
  const emitter = new Emitter(region, structure, surroundings);
  const code = emitter.function();
  const called = [...emitter.called.keys()].map((number) => imported[number - 1]!);
  const { memory } = surroundings;
  const imports: Import[] = [
    { kind: "memory", module: "m", name: "m", pages: memory.wasm.buffer.byteLength / 65536 },
    { kind: "table", module: "m", name: "t" },
    { kind: "function", module: "m", name: "execute", type: EXECUTE_TYPE },
    ...called.map(({ name }, i): Import => ({ kind: "function", module: "m", name, type: 2 + i })),
  ];
  const types: FunctionType[] = [
    { parameters: [I32, I32], results: [I32] },
    { parameters: [I32], results: [I32] },
    ...called.map(({ type }) => type),
  ];
  return moduleBytes({ types, imports, functions: [{ type: REGION_TYPE, name: "r", code }] });
}

class Emitter {
  readonly #region: Region;
  readonly #structure: Structure;
  readonly #surroundings: Surroundings;
  readonly #code = new Code(2);
  readonly #live: Int32Array;
  /** Parameters: where to begin (the dispatcher's number), and how many instructions are left. */
  readonly #at = 0;
  readonly #left = 1;
  readonly #eip: number;
  readonly #status: number;
  /** Local variables of slots that the region uses. */
  readonly #slots = new Map<number, number>();
  /** Slots that it changes. */
  #written = 0;
  readonly #exit = new Label();
  readonly #dispatcher = new Label();
  readonly #joints = new Map<number, Label>();
  readonly #loops = new Map<number, Label>();
  /** Limits of checks: length of the run less the span, by span and kind. */
  readonly #limits = new Map<number, number>();
  #readLow = -1;
  #writeLow = -1;
  readonly #free = new Map<ValueType, number[]>([
    [I32, []],
    [I64, []],
    [F64, []],
    [V128, []],
  ]);
  readonly #need: number;
  /** Functions that are called, by their numbers, with those they have in this module. */
  readonly called = new Map<number, number>();

  constructor(region: Region, structure: Structure, surroundings: Surroundings) {
    this.#region = region;
    this.#structure = structure;
    this.#surroundings = surroundings;
    this.#live = liveAtBeginning(region, structure);
    this.#need = structure.longest;
    this.#eip = this.#code.local(I32);
    this.#status = this.#code.local(I32);
  }

  function(): Code {
    const code = this.#code;
    const { blocks } = this.#region;
    this.#collect();

    // Too few instructions: the caller has stored EIP.
    code.get(this.#left);
    code.i32(this.#need);
    code.op(W.i32_lt_s);
    code.if();
    code.i32(STATUS.LOOK);
    code.return();
    code.end();
    for (const [slot, local] of this.#slots) this.#loadSlot(slot, local);
    this.#loadLimits();

    code.block(this.#exit);
    const { dispatched, loops, roots } = this.#structure;
    if (dispatched.length === 1 && !loops) this.#tree(dispatched[0]!);
    else {
      if (loops) code.loop(this.#dispatcher);
      this.#within(roots, () => {
        code.get(this.#at);
        code.brTable([this.#exit, ...dispatched.map((block) => this.#joints.get(block)!)], this.#exit);
      });
      if (loops) code.end();
    }
    code.end();
    this.#epilogue();
    if (blocks.length === 0) throw new Error("a region without blocks");
    return code;
  }

  /** Which slots and limits there are. */
  #collect(): void {
    const code = this.#code;
    let used = 0;
    for (const block of this.#region.blocks) {
      if (this.#structure.place[block.index]! < 0) continue;
      for (const slot of block.changed.keys()) this.#written |= 1 << slot;
      for (const value of block.values) {
        if (value.what === "slot") used |= 1 << value.number;
        // What changes and changes back may be seen on an exit between.
        if (value.exit) for (const slot of value.exit.changed.keys()) this.#written |= 1 << slot;
        if (value.what === "check") this.#limit(value);
      }
    }
    for (let slot = 0; slot < SLOT.COUNT; slot++) {
      if ((used | this.#written) & (1 << slot)) this.#slots.set(slot, code.local(slotType(slot)));
    }
  }

  #limit({ low, high, writes }: Value): number {
    const key = ((high - low) << 1) | (writes ? 1 : 0);
    let local = this.#limits.get(key);
    if (local === undefined) {
      local = this.#code.local(I32);
      this.#limits.set(key, local);
      if (writes) {
        if (this.#writeLow < 0) this.#writeLow = this.#code.local(I32);
      } else if (this.#readLow < 0 && !this.#surroundings.readsFromZero)
        this.#readLow = this.#code.local(I32);
    }
    return local;
  }

  #loadLimits(): void {
    const code = this.#code;
    const load = (local: number, at: number, less: number): void => {
      if (local < 0) return;
      code.i32(0);
      code.access(W.i32_load, at);
      if (less !== 0) {
        code.i32(less);
        code.op(W.i32_sub);
      }
      code.set(local);
    };
    load(this.#readLow, STATE.READ_LOW, 0);
    load(this.#writeLow, STATE.WRITE_LOW, 0);
    for (const [key, local] of this.#limits) {
      load(local, key & 1 ? STATE.WRITE_LENGTH : STATE.READ_LENGTH, key >> 1);
    }
  }

  #loadSlot(slot: number, local: number): void {
    const code = this.#code;
    code.i32(0);
    code.access(slotType(slot) === V128 ? W.v128_load : W.i32_load, slotAddress(slot));
    code.set(local);
  }

  #storeSlots(): void {
    const code = this.#code;
    for (const [slot, local] of this.#slots) {
      if (!(this.#written & (1 << slot))) continue;
      code.i32(0);
      code.get(local);
      code.access(slotType(slot) === V128 ? W.v128_store : W.i32_store, slotAddress(slot));
    }
  }

  #storeWord(at: number, local: number): void {
    const code = this.#code;
    code.i32(0);
    code.get(local);
    code.access(W.i32_store, at);
  }

  /** Stores everything, and goes on in the region that begins at EIP, if one is known. */
  #epilogue(): void {
    const code = this.#code;
    this.#storeSlots();
    this.#storeWord(STATE.EIP, this.#eip);
    this.#storeWord(STATE.LEFT, this.#left);
    code.get(this.#status);
    code.if();
    code.get(this.#status);
    code.return();
    code.end();
    const pair = this.#at;
    code.get(this.#eip);
    code.i32(CHAIN_PAIRS - 1);
    code.op(W.i32_and);
    code.i32(3);
    code.op(W.i32_shl);
    code.tee(pair);
    code.access(W.i32_load, STATE.CHAIN);
    code.get(this.#eip);
    code.op(W.i32_eq);
    code.if();
    code.get(pair);
    code.access(W.i32_load, STATE.CHAIN + 4);
    code.tee(pair);
    code.i32((1 << ENTRY_BITS) - 1);
    code.op(W.i32_and);
    code.get(this.#left);
    code.get(pair);
    code.i32(ENTRY_BITS);
    code.op(W.i32_shr_u);
    code.returnCallIndirect(REGION_TYPE, 0);
    code.end();
    code.i32(STATUS.LOOK);
  }

  // Structure ------------------------------------------------------------------------------------------------

  /** `inner`, and behind it the trees of `joints`, which it can branch to. */
  #within(joints: readonly number[], inner: () => void): void {
    for (const block of joints) {
      const label = new Label();
      this.#joints.set(block, label);
      this.#code.block(label);
    }
    inner();
    for (let i = joints.length - 1; i >= 0; i--) {
      this.#code.end();
      this.#tree(joints[i]!);
    }
  }

  #tree(index: number): void {
    const { children, isJoint, isLoop } = this.#structure;
    const body = (): void =>
      this.#within(
        children[index]!.filter((child) => isJoint[child]),
        () => this.#block(this.#region.blocks[index]!),
      );
    if (!isLoop[index]) {
      body();
      return;
    }
    this.#loops.set(index, this.#code.loop());
    body();
    this.#code.end();
  }

  // Blocks ---------------------------------------------------------------------------------------------------

  #block(block: Block): void {
    new BlockEmitter(this, block).emit();
  }

  /** The rest is for BlockEmitter. */
  get code(): Code {
    return this.#code;
  }

  get live(): Int32Array {
    return this.#live;
  }

  slot(slot: number): number {
    return this.#slots.get(slot)!;
  }

  get structure(): Structure {
    return this.#structure;
  }

  callNumber(number: number): number {
    if (number === 0) return 0;
    let here = this.called.get(number);
    if (here === undefined) this.called.set(number, (here = this.called.size + 1));
    return here;
  }

  takeTemporary(type: ValueType): number {
    return this.#free.get(type)!.pop() ?? this.#code.local(type);
  }

  giveBack(type: ValueType, local: number): void {
    this.#free.get(type)!.push(local);
  }

  takeAgain(type: ValueType, local: number): void {
    const free = this.#free.get(type)!;
    free.splice(free.indexOf(local), 1);
  }

  /** Leaves with everything but EIP and LEFT in its place; `count` instructions of the block are still to be taken. */
  leave(eip: number, status: number, count: number): void {
    const code = this.#code;
    code.i32(eip);
    code.set(this.#eip);
    this.leaveAt(status, count);
  }

  leaveAt(status: number, count: number): void {
    const code = this.#code;
    this.spend(count);
    // A local begins with 0, but loops come by again.
    code.i32(status);
    code.set(this.#status);
    code.br(this.#exit);
  }

  spend(count: number): void {
    if (count === 0) return;
    const code = this.#code;
    code.get(this.#left);
    code.i32(count);
    code.op(W.i32_sub);
    code.set(this.#left);
  }

  spendValue(value: () => void): void {
    const code = this.#code;
    code.get(this.#left);
    value();
    code.op(W.i32_sub);
    code.set(this.#left);
  }

  cannotAfford(value: () => void): void {
    const code = this.#code;
    code.get(this.#left);
    code.i32(this.#need);
    code.op(W.i32_sub);
    value();
    code.op(W.i32_lt_s);
  }

  isPoor(): void {
    const code = this.#code;
    code.get(this.#left);
    code.i32(this.#need);
    code.op(W.i32_lt_s);
  }

  setEip(): void {
    this.#code.set(this.#eip);
  }

  /** Branches to a block of the region, all slots being right. */
  jump(from: number, to: number): void {
    const code = this.#code;
    const { structure } = this;
    if (isDispatched(structure, from, to)) {
      code.i32(structure.dispatched.indexOf(to) + 1);
      code.set(this.#at);
      code.br(this.#dispatcher);
    } else if (goesBack(structure, from, to)) code.br(this.#loops.get(to)!);
    else if (structure.isJoint[to]) code.br(this.#joints.get(to)!);
    else this.#tree(to);
  }

  isAt(address: number): void {
    const code = this.#code;
    code.get(this.#eip);
    code.i32(address);
    code.op(W.i32_eq);
  }

  /** Goes where local EIP says: to one of `cases`, to the dispatcher if it knows the address, or out. */
  dispatch(from: number, cases: readonly Target[]): void {
    const code = this.#code;
    const ways = cases
      .filter(({ block }) => block >= 0 && !isDispatched(this.structure, from, block))
      .slice(0, MOST_ENTRIES);
    const goesOn = ways.some(({ block }) => goesBack(this.structure, from, block));
    if (goesOn) this.#leaveIfPoor();
    if (ways.length > 0) {
      const map = this.#map(ways.map(({ address }) => address));
      if (map !== undefined) {
        const elsewhere = new Label();
        code.block(elsewhere);
        this.#number(map);
        code.brTable([elsewhere, ...ways.map(({ block }) => this.#labelOf(from, block))], elsewhere);
        code.end();
      }
    }
    if (!goesOn) this.#leaveIfPoor();
    this.#dispatchAnywhere();
  }

  #leaveIfPoor(): void {
    this.isPoor();
    this.#code.if();
    this.leaveAt(STATUS.LOOK, 0);
    this.#code.end();
  }

  #labelOf(from: number, to: number): Label {
    return (goesBack(this.structure, from, to) ? this.#loops : this.#joints).get(to)!;
  }

  /** A map from addresses to their numbers, from 1 on; 0 for all others between. */
  #map(addresses: readonly number[]): { low: number; length: number; at: number } | undefined {
    const low = Math.min(...addresses.map((address) => address >>> 0));
    const length = Math.max(...addresses.map((address) => address >>> 0)) - low + 1;
    const at = this.#surroundings.room(length);
    if (at === undefined) return undefined;
    const { bytes } = this.#surroundings.memory;
    for (const [i, address] of addresses.entries()) bytes[at + (address >>> 0) - low] = i + 1;
    return { low, length, at };
  }

  /** Puts the number of local EIP by a map on the stack. */
  #number({ low, length, at }: { low: number; length: number; at: number }): void {
    const code = this.#code;
    const place = this.takeTemporary(I32);
    code.get(this.#eip);
    code.i32(low);
    code.op(W.i32_sub);
    code.tee(place);
    code.i32(length);
    code.op(W.i32_lt_u);
    code.ifValue(I32);
    code.get(place);
    code.access(W.i32_load8_u, at);
    code.else();
    code.i32(0);
    code.end();
    this.giveBack(I32, place);
  }

  #dispatchAnywhere(): void {
    const code = this.#code;
    const { dispatched, loops } = this.structure;
    const { blocks } = this.#region;
    if (!loops) {
      this.leaveAt(STATUS.LOOK, 0);
      return;
    }
    const addresses = dispatched.slice(0, MOST_ENTRIES).map((block) => blocks[block]!.address);
    const map = addresses.length > FEW_TARGETS ? this.#map(addresses) : undefined;
    if (map === undefined) {
      for (const [i, address] of addresses.entries()) {
        if (i >= 4 * FEW_TARGETS) break;
        this.isAt(address);
        code.if();
        code.i32(i + 1);
        code.set(this.#at);
        code.br(this.#dispatcher);
        code.end();
      }
    } else {
      this.#number(map);
      code.tee(this.#at);
      code.brIf(this.#dispatcher);
    }
    this.leaveAt(STATUS.LOOK, 0);
  }

  execute(block: Block, operation: import("../cpu/operation.ts").Operation, target: Target): void {
    const code = this.#code;
    this.spend(block.count - 1);
    this.#storeSlots();
    code.i32(operation.address);
    code.set(this.#eip);
    this.#storeWord(STATE.EIP, this.#eip);
    this.#storeWord(STATE.LEFT, this.#left);
    code.i32(this.#surroundings.operationNumber(operation));
    code.call(0);
    code.tee(this.#status);
    code.if();
    code.get(this.#status);
    code.i32(LEAVES);
    code.op(W.i32_sub);
    code.return();
    code.end();
    for (const [slot, local] of this.#slots) this.#loadSlot(slot, local);
    code.i32(0);
    code.access(W.i32_load, STATE.LEFT);
    code.set(this.#left);
    const away = target.block < 0 || goesBack(this.structure, block.index, target.block);
    if (away || operation.string !== undefined) {
      this.isPoor();
      code.if();
      this.leave(target.address, STATUS.LOOK, 0);
      code.end();
    }
    if (target.block < 0) this.leave(target.address, STATUS.LOOK, 0);
    else this.jump(block.index, target.block);
  }

  /** Puts 1 on the stack if a check fails. */
  check(value: Value, base: () => void, slow: () => void): void {
    const code = this.#code;
    const { low, high, writes } = value;
    const span = high - low;
    const first = (more = 0): void => {
      base();
      if (low + more !== 0) {
        code.i32(low + more);
        code.op(W.i32_add);
      }
    };
    const low0 = writes ? this.#writeLow : this.#readLow;
    first();
    if (low0 >= 0) {
      code.get(low0);
      code.op(W.i32_sub);
    }
    code.get(this.#limit(value));
    code.op(W.i32_gt_u);
    code.if();
    const wide = span > 1 << LINE_SHIFT;
    const wanted = writes ? FACT.READ | (wide ? FACT.WRITE : FACT.STORE) : FACT.READ;
    const table = (at: number, shift: number, more: number): void => {
      first(more);
      code.i32(shift);
      code.op(W.i32_shr_u);
      code.access(W.i32_load8_u, at);
    };
    table(FACTS_BASE, 12, 0);
    if (span > 1) {
      table(FACTS_BASE, 12, span - 1);
      code.op(W.i32_and);
    }
    code.i32(wanted);
    code.op(W.i32_and);
    code.i32(wanted);
    code.op(W.i32_ne);
    code.if();
    slow();
    code.end();
    if (writes && !wide) {
      const { linesBase } = this.#surroundings.memory;
      table(linesBase, LINE_SHIFT, 0);
      if (span > 1) {
        table(linesBase, LINE_SHIFT, span - 1);
        code.op(W.i32_or);
      }
      code.if();
      slow();
      code.end();
    }
    code.end();
  }
}

/** Emits the values of one block in their order. */
class BlockEmitter {
  readonly #e: Emitter;
  readonly #block: Block;
  readonly #used: Set<Value>;
  /** How often a value is needed on the way through the block, and on its exits. */
  readonly #hot: Int32Array;
  readonly #cold: Int32Array;
  /** The place of its last need, for those that have a local variable. */
  readonly #last: Int32Array;
  readonly #locals = new Map<Value, number>();
  readonly #outside: boolean;

  constructor(emitter: Emitter, block: Block) {
    this.#e = emitter;
    this.#block = block;
    const count = block.values.length;
    this.#used = usedValues(block);
    this.#hot = new Int32Array(count);
    this.#cold = new Int32Array(count);
    this.#last = new Int32Array(count).fill(-1);
    this.#outside = leavesAtEnd(emitter.structure, block);
  }

  emit(): void {
    const { values } = this.#block;
    this.#count();
    for (const value of values) {
      this.#place(value);
      this.#release(value.position);
    }
    this.#end();
    for (const [value, local] of this.#locals) this.#e.giveBack(value.type, local);
    this.#locals.clear();
  }

  #release(position: number): void {
    for (const [value, local] of this.#locals) {
      if (this.#last[value.position]! > position) continue;
      this.#locals.delete(value);
      this.#e.giveBack(value.type, local);
    }
  }

  /** Slots that must be right when the block goes on there. */
  #wanted(target: Target): number {
    return target.block < 0 ? -1 : this.#e.live[target.block]!;
  }

  #edges(): Target[] {
    const { end } = this.#block;
    if (end.kind === "goto") return [end.target];
    if (end.kind === "branch") return [end.yes, end.no];
    return end.kind === "indirect" && end.cases.length === 1 ? [end.cases[0]!] : [];
  }

  #count(): void {
    const hot = this.#hot;
    const { values, changed, end } = this.#block;
    const need = (value: Value): void => {
      if (hot[value.position]!++ === 0) for (const arg of value.args) need(arg);
    };
    for (const value of values)
      if (isEffect(value) && this.#used.has(value)) for (const arg of value.args) need(arg);
    if (end.kind === "branch") need(end.condition);
    if (end.kind === "indirect") need(end.target);
    const edges = this.#edges();
    for (const [slot, value] of changed) {
      if (edges.length === 0) need(value);
      else for (const edge of edges) if (this.#wanted(edge) & (1 << slot)) need(value);
    }
    const cold = this.#cold;
    const mayNeed = (value: Value): void => {
      cold[value.position]!++;
      if (hot[value.position] === 0 && cold[value.position] === 1) for (const arg of value.args) mayNeed(arg);
    };
    for (const value of values) {
      if (value.exit && this.#used.has(value)) for (const now of exitValues(value.exit)) mayNeed(now);
    }
    if (this.#outside) for (const [, value] of changed) mayNeed(value);

    // When is a local variable needed last? A value without one passes the question on to what it is made of.
    const last = this.#last;
    const memo = new Map<number, Set<Value>>();
    const once = (value: Value, position: number): void => {
      const seen = memo.get(position) ?? new Set();
      memo.set(position, seen);
      const walk = (each: Value): void => {
        if (seen.has(each)) return;
        seen.add(each);
        if (this.#hasLocal(each)) last[each.position] = Math.max(last[each.position]!, position);
        else for (const arg of each.args) walk(arg);
      };
      walk(value);
    };
    for (const value of values) {
      if (!this.#used.has(value) && isEffect(value)) continue;
      if (isEffect(value) || this.#hasLocal(value)) for (const arg of value.args) once(arg, value.position);
      if (value.exit) for (const now of exitValues(value.exit)) once(now, value.position);
    }
    const never = values.length;
    for (const [, value] of changed) once(value, never);
    if (end.kind === "branch") once(end.condition, never);
    if (end.kind === "indirect") once(end.target, never);
  }

  #hasLocal(value: Value): boolean {
    if (value.what === "load" || value.what === "call") return this.#used.has(value);
    if (value.what !== "pure") return false;
    const hot = this.#hot[value.position]!;
    return hot > 1 || (hot === 1 && this.#cold[value.position]! > 0);
  }

  /** What a value is to the code at its own place. */
  #place(value: Value): void {
    const { code } = this.#e;
    switch (value.what) {
      case "const":
      case "slot":
        return;
      case "pure":
        if (this.#hasLocal(value)) this.#keep(value, () => this.#compute(value));
        return;
      case "load":
        if (!this.#used.has(value)) return;
        this.#keep(value, () => {
          this.#push(value.args[0]!);
          code.access(value.opcode, value.number);
        });
        return;
      case "store":
        this.#push(value.args[0]!);
        this.#push(value.args[1]!);
        code.access(value.opcode, value.number);
        return;
      case "check":
        this.#e.check(
          value,
          () => this.#push(value.args[0]!),
          () => this.#exit(value.exit!),
        );
        return;
      case "leave":
        this.#push(value.args[0]!);
        code.if();
        this.#exit(value.exit!);
        code.end();
        return;
      case "call":
        for (const arg of value.args) this.#push(arg);
        code.call(this.#e.callNumber(value.number));
        if (this.#used.has(value) && this.#last[value.position]! >= 0) this.#keep(value, () => {});
        else if (value.number !== 0) code.drop();
        return;
      case "copy":
      case "fill": {
        const locals = value.args.map((arg) => {
          this.#push(arg);
          const local = this.#e.takeTemporary(I32);
          code.set(local);
          return local;
        }) as [number, number, number];
        if (value.what === "copy") copy(this.#e, ...locals);
        else fill(this.#e, ...locals, value.number);
        for (const local of locals) this.#e.giveBack(I32, local);
        return;
      }
      case "afford":
        this.#e.cannotAfford(() => this.#push(value.args[0]!));
        code.if();
        this.#exit(value.exit!);
        code.end();
        return;
      case "spend":
        this.#e.spendValue(() => this.#push(value.args[0]!));
        return;
    }
  }

  #keep(value: Value, compute: () => void): void {
    compute();
    const local = this.#e.takeTemporary(value.type);
    this.#e.code.set(local);
    this.#locals.set(value, local);
  }

  /** Puts a value on the stack. */
  #push(value: Value): void {
    const { code } = this.#e;
    const local = this.#locals.get(value);
    if (local !== undefined) code.get(local);
    else if (value.what === "const") this.#constant(value);
    else if (value.what === "slot") code.get(this.#e.slot(value.number));
    else if (value.what === "pure") this.#compute(value);
    else throw new Error(`a ${value.what} has no value any more`);
  }

  #constant(value: Value): void {
    const { code } = this.#e;
    if (value.type === I32) code.i32(value.number);
    else if (value.type === I64) code.i64(value.bytes as bigint);
    else if (value.type === F64) code.f64(value.number);
    else code.v128(value.bytes as readonly number[]);
  }

  #compute(value: Value): void {
    const { code } = this.#e;
    for (const arg of value.args) this.#push(arg);
    code.op(value.opcode);
    if (Array.isArray(value.bytes)) code.immediate(value.bytes);
  }

  /** Puts changed slots in their places: all, or the ones in `wanted`. What is used twice is computed once. */
  #assign(changed: ReadonlyMap<number, Value>, wanted: number): void {
    const { code } = this.#e;
    const list = [...changed].filter(([slot]) => wanted & (1 << slot));
    const uses = new Map<Value, number>();
    const count = (value: Value): void => {
      if (value.what !== "pure" || this.#locals.has(value)) return;
      const known = uses.get(value) ?? 0;
      uses.set(value, known + 1);
      if (known === 0) for (const arg of value.args) count(arg);
    };
    for (const [, value] of list) count(value);
    const shared = [...uses].filter(([, n]) => n > 1).sort(([a], [b]) => a.position - b.position);
    for (const [value] of shared) this.#keep(value, () => this.#compute(value));
    for (const [, value] of list) this.#push(value);
    for (let i = list.length - 1; i >= 0; i--) code.set(this.#e.slot(list[i]![0]));
    for (const [value] of shared) {
      const local = this.#locals.get(value)!;
      this.#locals.delete(value);
      this.#e.giveBack(value.type, local);
    }
  }

  #exit(exit: Exit): void {
    for (const { opcode, address, value, offset } of exit.late) {
      this.#push(address);
      this.#push(value);
      this.#e.code.access(opcode, offset);
    }
    this.#assign(exit.changed, -1);
    this.#e.leave(exit.eip, STATUS.INTERPRET, exit.count);
  }

  #end(): void {
    const { code } = this.#e;
    const { end, count, changed } = this.#block;
    switch (end.kind) {
      case "goto":
        this.#edge(end.target);
        return;
      case "branch":
        this.#push(end.condition);
        code.if();
        this.#edge(end.yes);
        code.end();
        this.#edge(end.no);
        return;
      case "indirect":
        this.#push(end.target);
        this.#e.setEip();
        if (end.cases.length === 1 && end.cases[0]!.block >= 0) {
          this.#e.isAt(end.cases[0]!.address);
          code.if();
          this.#edge(end.cases[0]!);
          code.end();
        }
        this.#assign(changed, -1);
        this.#e.spend(count);
        this.#e.dispatch(this.#block.index, end.cases.length > 1 ? end.cases : []);
        return;
      case "execute":
        this.#assign(changed, -1);
        this.#e.execute(this.#block, end.operation, end.target);
        return;
      case "interpret":
        this.#assign(changed, -1);
        this.#e.leave(end.eip, STATUS.INTERPRET, count);
        return;
    }
  }

  #edge(target: Target): void {
    const { code } = this.#e;
    const { count, changed, index } = this.#block;
    if (target.block < 0) {
      this.#assign(changed, -1);
      this.#e.leave(target.address, STATUS.LOOK, count);
      return;
    }
    this.#e.spend(count);
    if (goesBack(this.#e.structure, index, target.block)) {
      this.#e.isPoor();
      code.if();
      this.#assign(changed, -1);
      this.#e.leave(target.address, STATUS.LOOK, 0);
      code.end();
    }
    this.#assign(changed, this.#wanted(target));
    // What follows there may use this block's variables; the other edge, which is another way, still finds them.
    for (const [value, local] of this.#locals) this.#e.giveBack(value.type, local);
    this.#e.jump(index, target.block);
    for (const [value, local] of this.#locals) this.#e.takeAgain(value.type, local);
  }
}

const isEffect = (value: Value): boolean =>
  value.what !== "const" && value.what !== "slot" && value.what !== "pure";
