/**
 * Region → a function: (entry, instructions left) → how it ended. Slots are local
 * variables, loaded when the function begins and stored when it ends; loops and blocks are WebAssembly's.
 *
 * Every exit leaves the exact EIP, count and slots in local variables and goes to one place, which stores them. What
 * an exit alone needs is computed on the way there.
 */
import { RECORD } from "../cpu/records.ts";
import { STATE } from "../cpu/state.ts";
import { FACT, FACTS_BASE, LINE_SHIFT, type Memory } from "../memory/memory.ts";
import { Code, F32, F64, I32, I64, Label, type Opcode, V128, type ValueType, W } from "../wasm/index.ts";
import { EXECUTE, type Imported, INTERRUPT, outsideFunction } from "./calls.ts";
import { BlockEmitter } from "./emit-block.ts";
import { type Block, type Region, type Target, type Value, writesAt } from "./ir.ts";
import { type Linkable, REGION_TYPE } from "./link.ts";
import { liveAtBeginning } from "./liveness.ts";
import { endDoubt, isNotPlain, isOtherMode, LOOKS, nextDoubt } from "./looks.ts";
import { type Known, type KnownNumbers, knownAt, knownNumbers, lanesOf } from "./numbers.ts";
import type { Optimisation } from "./optimisations.ts";
import { SLOT, slotAddress, slotType } from "./slots.ts";
import { CHAIN_BASE, CHAIN_PAIRS, ENTRY_BITS, FLAGS, LEAVES, MOST_ENTRIES, STATUS } from "./status.ts";
import { goesBack, isDispatched, type Structure, waysTo } from "./structure.ts";
import { WHAT } from "./what.ts";

/** Up to so many targets are compared one after another. */
const FEW_TARGETS = 4;

export interface Surroundings {
  readonly memory: Memory;
  /** An optimisation that is left out. */
  readonly without?: Optimisation | undefined;
  /** The low end of what can be read is 0, and stays so. */
  readonly readsFromZero: boolean;
  /** There are pages that can be written without further thought. */
  readonly writes: boolean;
  /** The number under which an operation is executed through its executor. */
  operationNumber(operation: import("../cpu/operation.ts").Operation): number;
  /** Where a map from addresses to their numbers, from 1 on, will stand, so many bytes; undefined without room for it. */
  map(bytes: number, addresses: readonly number[]): number | undefined;
}

/** Where an `int` leaves them in AUX, KIND and CF. */
const FLAG_SLOTS = (1 << SLOT.AUX) | (1 << SLOT.KIND) | (1 << SLOT.CF);

export function emit(region: Region, structure: Structure, surroundings: Surroundings): Linkable {
  const emitter = new Emitter(region, structure, surroundings);
  return { code: emitter.function(), calls: emitter.calls };
}

export class Emitter {
  readonly #region: Region;
  readonly #surroundings: Surroundings;
  readonly code = new Code(2);
  readonly structure: Structure;
  readonly #live: Int32Array;
  readonly #numbers: KnownNumbers;
  /** Parameters: where to begin (the dispatcher's number), and how many instructions are left. */
  readonly #at = 0;
  readonly #left = 1;
  readonly #eip: number;
  readonly #status: number;
  /** Local variables of slots that the region uses; -1 for the others. */
  readonly slots: number[] = [];
  /** Slots that it changes. */
  #written = 0;
  /** Behind the region: where EIP says, and where the interpreter must go on. */
  readonly #exit = new Label();
  readonly #refusal = new Label();
  readonly #dispatcher = new Label();
  /** Of blocks, where they are open. */
  readonly #joints: Label[] = [];
  readonly #loops: Label[] = [];
  /** Limits of checks: length of the run less the span, by span and kind. */
  readonly #limits = new Map<number, number>();
  #readLow = -1;
  #writeLow = -1;
  /** Local variables that are free, and some that are taken again, by their types. */
  readonly #free: Record<ValueType, number[]> = { [I32]: [], [I64]: [], [F32]: [], [F64]: [], [V128]: [] };
  readonly #isTaken: boolean[] = [];
  readonly #need: number;
  /** For the dispatcher, -1, and heads of loops: the next block on the way to each entry, by its number. */
  readonly #ways: ReadonlyMap<number, ReadonlyMap<number, number>>;
  /** On a way: the number is 0 behind, and EIP right. */
  readonly #hasWays: boolean;
  /** Functions that are called, by the places in the code where their numbers will stand. */
  readonly calls = new Map<number, Imported>();

  constructor(region: Region, structure: Structure, surroundings: Surroundings) {
    this.#region = region;
    this.structure = structure;
    this.#surroundings = surroundings;
    const { without } = surroundings;
    this.#numbers = knownNumbers(region, structure, without);
    this.#live = liveAtBeginning(region, structure, this.#numbers.guards, without);
    this.#need = structure.longest;
    this.#ways = waysTo(structure);
    this.#hasWays = structure.routes.size > 0 || this.#numbers.guards.size > 0;
    this.#eip = this.code.local(I32);
    this.#status = this.code.local(I32);
  }

  function(): Code {
    const { code } = this;
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
    this.#loadSlots(0);
    this.#loadLimits();
    if (this.#hasWays) {
      code.i32(0);
      code.access(W.i32_load, STATE.EIP);
      code.set(this.#eip);
    }

    code.block(this.#exit);
    code.block(this.#refusal);
    const { dispatched, loops, roots } = this.structure;
    if (dispatched.length === 1 && !loops) this.#tree(dispatched[0]!);
    else {
      if (loops) code.loop(this.#dispatcher);
      this.#within(roots, () => this.#route(-1, this.#exit));
      if (loops) code.end();
    }
    code.end();
    code.i32(STATUS.INTERPRET);
    code.set(this.#status);
    code.end();
    this.#epilogue();
    if (blocks.length === 0) throw new Error("a region without blocks");
    return code;
  }

  /** Which slots and limits there are. */
  #collect(): void {
    const { code, structure } = this;
    const { blocks } = this.#region;
    let used = 0;
    let written = 0;
    for (let i = 0; i < structure.order.length; i++) {
      const block = blocks[structure.order[i]!]!;
      const { values, changes, end } = block;
      // What changes and changes back may be seen on an exit between.
      written |= changes.written;
      used |= block.used;
      if (end.kind === "interrupt") written |= FLAG_SLOTS;
      for (let n = 0; n < values.length; n++) {
        const value = values[n]!;
        if (value.what <= WHAT.STORE) continue;
        if (value.exit !== undefined) written |= value.exit.changes.written;
        if (value.what === WHAT.CHECK) this.#limit(value);
      }
    }
    this.#written = written;
    for (let slot = 0; slot < SLOT.COUNT; slot++)
      this.slots.push((used | written) & (1 << slot) ? code.local(slotType(slot)) : -1);
  }

  #limit(value: Value): number {
    const { number: low, high } = value;
    const writes = writesAt(value);
    const key = ((high - low) << 1) | (writes ? 1 : 0);
    let local = this.#limits.get(key);
    if (local === undefined) {
      local = this.code.local(I32);
      this.#limits.set(key, local);
      if (writes) {
        if (this.#writeLow < 0) this.#writeLow = this.code.local(I32);
      } else if (this.#readLow < 0 && !this.#surroundings.readsFromZero) this.#readLow = this.code.local(I32);
    }
    return local;
  }

  #loadLimits(): void {
    const { code } = this;
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

  #loadSlots(except: number): void {
    const { code, slots } = this;
    for (let slot = 0; slot < slots.length; slot++) {
      const local = slots[slot]!;
      if (local < 0 || except & (1 << slot)) continue;
      code.i32(0);
      code.access(slot >= SLOT.XMM ? W.v128_load : W.i32_load, slotAddress(slot));
      code.set(local);
    }
  }

  #storeSlots(except: number): void {
    const { code, slots } = this;
    const written = this.#written & ~except;
    for (let slot = 0; slot < slots.length; slot++) {
      if (!(written & (1 << slot))) continue;
      code.i32(0);
      code.get(slots[slot]!);
      code.access(slot >= SLOT.XMM ? W.v128_store : W.i32_store, slotAddress(slot));
    }
  }

  #storeWord(at: number, local: number): void {
    const { code } = this;
    code.i32(0);
    code.get(local);
    code.access(W.i32_store, at);
  }

  /** Stores everything, and goes on in the region that begins at EIP, if one is known. */
  #epilogue(): void {
    const { code } = this;
    this.#storeSlots(0);
    this.#storeWord(STATE.EIP, this.#eip);
    this.#storeWord(STATE.LEFT, this.#left);
    code.get(this.#status);
    code.if();
    code.get(this.#status);
    code.return();
    code.end();
    if (this.#surroundings.without === "chaining") {
      code.i32(STATUS.LOOK);
      return;
    }
    const pair = this.#at;
    code.get(this.#eip);
    code.i32(CHAIN_PAIRS - 1);
    code.op(W.i32_and);
    code.i32(3);
    code.op(W.i32_shl);
    code.tee(pair);
    code.access(W.i32_load, CHAIN_BASE);
    code.get(this.#eip);
    code.op(W.i32_eq);
    code.if();
    code.get(pair);
    code.access(W.i32_load, CHAIN_BASE + 4);
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
    for (let i = 0; i < joints.length; i++) this.#joints[joints[i]!] = this.code.block();
    inner();
    for (let i = joints.length - 1; i >= 0; i--) {
      this.code.end();
      this.#tree(joints[i]!);
    }
  }

  #tree(index: number): void {
    const { code } = this;
    const { children, entries, isJoint, isLoop, routes } = this.structure;
    const leadsOn = routes.has(index);
    const body = (): void =>
      this.#within(
        children[index]!.filter((child) => isJoint[child]),
        () => {
          if (leadsOn) this.#leadOn(index);
          this.#block(this.#region.blocks[index]!);
        },
      );
    if (isLoop[index]) this.#guard(index);
    if (this.#hasWays && !leadsOn && entries.includes(index)) {
      code.i32(0);
      code.set(this.#at);
    }
    if (!isLoop[index]) {
      body();
      return;
    }
    this.#loops[index] = code.loop();
    body();
    code.end();
  }

  /** Branches to what comes next on the way to the entry that is wanted, from the head of a loop or the dispatcher. */
  #route(from: number, otherwise: Label): void {
    const ways = this.#ways.get(from)!;
    const most = Math.min(Math.max(0, ...ways.keys()), MOST_ENTRIES);
    const labels = Array.from({ length: most + 1 }, (_, number) => {
      const next = ways.get(number);
      return next === undefined ? otherwise : this.#joints[next]!;
    });
    this.code.get(this.#at);
    this.code.brTable(labels, otherwise);
  }

  #leadOn(head: number): void {
    const { code } = this;
    code.get(this.#at);
    code.if();
    const here = code.block();
    this.#route(head, here);
    code.end();
    code.i32(0);
    code.set(this.#at);
    code.end();
  }

  // Blocks ---------------------------------------------------------------------------------------------------

  #block(block: Block): void {
    new BlockEmitter(this, block).emit();
  }

  // The rest is for BlockEmitter -----------------------------------------------------------------------------

  /** Slots that must be right on the way from one block to another. */
  wanted(from: number, to: number): number {
    if (to < 0) return -1;
    const { guards } = this.#numbers;
    if (guards.size > 0 && guards.has(to) && !goesBack(this.structure, from, to)) return -1;
    return this.#live[to]!;
  }

  known(block: number): Readonly<Known> {
    return knownAt(this.#numbers, block);
  }

  /** Leaves before a block if slots do not hold the numbers that its loop relies on. */
  #guard(index: number): void {
    const guard = this.#numbers.guards.get(index);
    if (guard === undefined) return;
    const { code } = this;
    const leave = (): void => {
      // On the way to an entry EIP is right.
      code.get(this.#at);
      code.op(W.i32_eqz);
      code.if();
      code.i32(this.#region.blocks[index]!.address);
      code.set(this.#eip);
      code.end();
      code.br(this.#refusal);
    };
    if (guard.mode) {
      isOtherMode(code, this.#mode());
      code.if();
      leave();
      code.end();
    }
    for (const look of LOOKS) {
      // Four lanes say all that the first alone does.
      const wider = look.lanes >> 2;
      const numbers: number[] = [];
      for (let slot: number = SLOT.XMM; slot < SLOT.COUNT; slot++) {
        const lanes = lanesOf(guard.lanes, slot);
        if (lanes & look.lanes && !(lanes & wider) && this.slots[slot]! >= 0) numbers.push(this.slots[slot]!);
      }
      if (numbers.length === 0) continue;
      for (let i = 0; i < numbers.length; i++) {
        code.get(numbers[i]!);
        nextDoubt(code, i === 0);
      }
      endDoubt(code, look);
      code.if();
      for (const number of numbers) {
        isNotPlain(code, look, number);
        code.if();
        leave();
        code.end();
      }
      code.end();
    }
  }

  /** What the region relies on MXCSR to be. */
  #mode(): number {
    for (const { values } of this.#region.blocks) {
      for (const { what, number } of values) if (what === WHAT.ADMIT && number !== 0) return number;
    }
    throw new Error("no instruction looks at MXCSR");
  }

  call(number: number): void {
    this.#call(outsideFunction(number));
  }

  #call(callee: Imported): void {
    this.calls.set(this.code.callLater(), callee);
  }

  takeTemporary(type: ValueType): number {
    const free = this.#free[type];
    while (free.length > 0) {
      const local = free.pop()!;
      if (this.#isTaken[local]) continue;
      this.#isTaken[local] = true;
      return local;
    }
    const local = this.code.local(type);
    this.#isTaken[local] = true;
    return local;
  }

  giveBack(type: ValueType, local: number): void {
    this.#isTaken[local] = false;
    this.#free[type].push(local);
  }

  takeAgain(local: number): void {
    this.#isTaken[local] = true;
  }

  /** Leaves with everything but EIP and LEFT in its place; `count` instructions of the block are still to be taken. */
  leave(eip: number, count: number): void {
    const { code } = this;
    code.i32(eip);
    code.set(this.#eip);
    this.leaveAt(count);
  }

  /** The same for an instruction that the interpreter must execute. */
  refuse(eip: number, count: number): void {
    const { code } = this;
    code.i32(eip);
    code.set(this.#eip);
    this.spend(count);
    code.br(this.#refusal);
  }

  /** The status is 0 as long as the region goes on. */
  leaveAt(count: number): void {
    this.spend(count);
    this.code.br(this.#exit);
  }

  spend(count: number): void {
    if (count !== 0) this.code.subtract(this.#left, count);
  }

  spendValue(value: () => void): void {
    const { code } = this;
    code.get(this.#left);
    value();
    code.op(W.i32_sub);
    code.set(this.#left);
  }

  cannotAfford(value: () => void): void {
    const { code } = this;
    code.get(this.#left);
    code.i32(this.#need);
    code.op(W.i32_sub);
    value();
    code.op(W.i32_lt_s);
  }

  isPoor(): void {
    const { code } = this;
    code.get(this.#left);
    code.i32(this.#need);
    code.op(W.i32_lt_s);
  }

  setEip(): void {
    this.code.set(this.#eip);
  }

  /** Whether the way to a block is a branch; else the block stands there. */
  isBranch(from: number, to: number): boolean {
    return this.structure.isJoint[to] !== 0 || goesBack(this.structure, from, to);
  }

  /** Branches to a block of the region, all slots being right. */
  jump(from: number, to: number): void {
    const { code } = this;
    const { structure } = this;
    if (isDispatched(structure, from, to)) {
      if (this.#hasWays) {
        code.i32(this.#region.blocks[to]!.address);
        code.set(this.#eip);
      }
      code.i32(structure.entries.indexOf(to) + 1);
      code.set(this.#at);
      code.br(this.#dispatcher);
    } else if (goesBack(structure, from, to)) code.br(this.#loops[to]!);
    else if (structure.isJoint[to]) code.br(this.#joints[to]!);
    else this.#tree(to);
  }

  /** Has the record of an indirect jump tell where it has led, which is not foreseen. */
  tell({ record }: import("../cpu/operation.ts").Operation): void {
    const { code } = this;
    code.i32(record);
    code.get(this.#eip);
    code.access(W.i32_store, RECORD.IMMEDIATE);
    code.i32(record);
    code.i32(record);
    code.access(W.i32_load, RECORD.MISSES);
    code.i32(1);
    code.op(W.i32_add);
    code.access(W.i32_store, RECORD.MISSES);
  }

  isAt(address: number): void {
    const { code } = this;
    code.get(this.#eip);
    code.i32(address);
    code.op(W.i32_eq);
  }

  /**
   * Goes where local EIP says if a table's entry for local `index` says so too: the way is known before EIP has been
   * loaded then, and what it has turned out to be is only looked at.
   */
  choose(from: number, cases: readonly Target[], index: number, table: readonly number[]): void {
    const { code } = this;
    const ways = cases.map(({ block }) => !isDispatched(this.structure, from, block));
    if (cases.some(({ block }, i) => ways[i]! && goesBack(this.structure, from, block))) this.#leaveIfPoor();
    const elsewhere = new Label();
    code.block(elsewhere);
    const labels = ways.map((isWay) => (isWay ? code.block() : elsewhere));
    code.get(index);
    code.brTable(
      table.map((number) => labels[number] ?? elsewhere),
      elsewhere,
    );
    for (let i = cases.length - 1; i >= 0; i--) {
      if (!ways[i]) continue;
      const { address, block } = cases[i]!;
      code.end();
      this.isAt(address);
      code.brIf(this.#labelOf(from, block));
      code.br(elsewhere);
    }
    code.end();
  }

  /** Goes where local EIP says: to one of `cases`, to the dispatcher if it knows the address, or out. */
  dispatch(from: number, cases: readonly Target[]): void {
    const { code } = this;
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
    this.code.if();
    this.leaveAt(0);
    this.code.end();
  }

  #labelOf(from: number, to: number): Label {
    return (goesBack(this.structure, from, to) ? this.#loops : this.#joints)[to]!;
  }

  /** A map from addresses to their numbers, from 1 on; 0 for all others between. */
  #map(addresses: readonly number[]): { low: number; length: number; at: number } | undefined {
    const low = Math.min(...addresses.map((address) => address >>> 0));
    const length = Math.max(...addresses.map((address) => address >>> 0)) - low + 1;
    const at = this.#surroundings.map(length, addresses);
    return at === undefined ? undefined : { low, length, at };
  }

  /** Puts the number of local EIP by a map on the stack. */
  #number({ low, length, at }: { low: number; length: number; at: number }): void {
    const { code } = this;
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
    const { code } = this;
    const { loops } = this.structure;
    const { blocks, entries } = this.#region;
    if (!loops) {
      this.leaveAt(0);
      return;
    }
    const addresses = entries.slice(0, MOST_ENTRIES).map((block) => blocks[block]!.address);
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
    this.leaveAt(0);
  }

  execute(block: Block, operation: import("../cpu/operation.ts").Operation, target: Target): void {
    const { code } = this;
    this.spend(block.count - 1);
    this.#storeSlots(0);
    code.i32(operation.address);
    code.set(this.#eip);
    this.#storeWord(STATE.EIP, this.#eip);
    this.#storeWord(STATE.LEFT, this.#left);
    code.i32(this.#surroundings.operationNumber(operation));
    this.#call(EXECUTE);
    this.#returnIfLeft();
    this.#loadSlots(0);
    code.i32(0);
    code.access(W.i32_load, STATE.LEFT);
    code.set(this.#left);
    const away = target.block < 0 || goesBack(this.structure, block.index, target.block);
    if (away || operation.string !== undefined) {
      this.isPoor();
      code.if();
      this.leave(target.address, 0);
      code.end();
    }
    if (target.block < 0) this.leave(target.address, 0);
    else this.jump(block.index, target.block);
  }

  /** Ends as an answer on the stack says, unless it is 0. */
  #returnIfLeft(): void {
    const { code } = this;
    code.tee(this.#status);
    code.if();
    code.get(this.#status);
    code.i32(LEAVES);
    code.op(W.i32_sub);
    code.return();
    code.end();
  }

  /** Whoever is asked finds everything in its place, may change it, and may lead elsewhere. */
  interrupt(block: Block, vector: number, target: Target): void {
    const { code } = this;
    const { slots } = this;
    this.spend(block.count);
    this.#storeSlots(FLAG_SLOTS);
    this.#storeWord(STATE.CARRIES, slots[SLOT.AUX]!);
    code.i32(target.address);
    code.set(this.#eip);
    this.#storeWord(STATE.EIP, this.#eip);
    this.#storeWord(STATE.LEFT, this.#left);
    code.i32(vector);
    code.get(this.#left);
    this.#call(INTERRUPT);
    this.#returnIfLeft();
    this.#loadSlots(FLAG_SLOTS);
    code.i32(0);
    code.access(W.i32_load, STATE.CARRIES);
    code.tee(slots[SLOT.AUX]!);
    code.i32(31);
    code.op(W.i32_shr_u);
    code.set(slots[SLOT.CF]!);
    code.i32(FLAGS.WORD);
    code.set(slots[SLOT.KIND]!);
    code.i32(0);
    code.access(W.i32_load, STATE.EIP);
    code.set(this.#eip);
    if (target.block < 0) {
      this.leaveAt(0);
      return;
    }
    code.get(this.#eip);
    code.i32(target.address);
    code.op(W.i32_ne);
    if (goesBack(this.structure, block.index, target.block)) {
      this.isPoor();
      code.op(W.i32_or);
    }
    code.if();
    this.leaveAt(0);
    code.end();
    this.jump(block.index, target.block);
  }

  /** Where a check leads to when it holds, and when its page alone tells that it fails. */
  openCheck(value: Value): readonly [held: Label, failed: Label | undefined] {
    const { code } = this;
    const held = code.block();
    return [held, writesAt(value) && value.high - value.number <= 1 << LINE_SHIFT ? code.block() : undefined];
  }

  /** Goes on behind the check if it holds, with the first address on the stack and in a local variable. */
  check(value: Value, place: number, [held, failed]: readonly [Label, Label | undefined]): void {
    const { code } = this;
    const { number: low, high } = value;
    const writes = writesAt(value);
    const span = high - low;
    if (this.#surroundings.without === "ranges" || (writes && !this.#surroundings.writes)) code.drop();
    else {
      const start = writes ? this.#writeLow : this.#readLow;
      if (start >= 0) {
        code.get(start);
        code.op(W.i32_sub);
      }
      code.get(this.#limit(value));
      code.op(W.i32_le_u);
      code.brIf(held);
    }
    const wanted = writes ? FACT.READ | (failed === undefined ? FACT.WRITE : FACT.STORE) : FACT.READ;
    this.#look(FACTS_BASE, 12, place, span, W.i32_and);
    code.i32(wanted);
    code.op(W.i32_and);
    if (writes) {
      code.i32(wanted);
      code.op(failed === undefined ? W.i32_eq : W.i32_ne);
    }
    if (failed === undefined) {
      code.brIf(held);
      return;
    }
    code.brIf(failed);
    this.#look(this.#surroundings.memory.linesBase, LINE_SHIFT, place, span, W.i32_or);
    code.op(W.i32_eqz);
    code.brIf(held);
    code.end();
  }

  /** What a table of bytes has for the places where so many bytes begin and end. */
  #look(table: number, shift: number, place: number, span: number, both: Opcode): void {
    const { code } = this;
    code.get(place);
    code.i32(shift);
    code.op(W.i32_shr_u);
    code.access(W.i32_load8_u, table);
    if (span === 1) return;
    code.get(place);
    code.i32(span - 1);
    code.op(W.i32_add);
    code.i32(shift);
    code.op(W.i32_shr_u);
    code.access(W.i32_load8_u, table);
    code.op(both);
  }
}
