/** Values of a block → WebAssembly, in their order; what an exit alone needs is computed on the way there. */
import { F64, I32, I64, W } from "../wasm/index.ts";
import { copy, fill } from "./bulk.ts";
import type { Emitter } from "./emit.ts";
import { type Block, type Exit, type LateStore, type Target, type Value, valuesAt } from "./ir.ts";
import { isEffect, leavesAtEnd } from "./liveness.ts";
import { isDoubtful, isOtherMode, LOOKS } from "./looks.ts";
import { isKnown } from "./numbers.ts";
import { STATUS } from "./status.ts";
import { goesBack } from "./structure.ts";

/** Of what `mend` has, what is needed only in doubt. */
const isRare = (argument: number): boolean => argument >= 2 && argument <= 4;

/** Emits the values of one block in their order. Arrays are by the positions of values. */
export class BlockEmitter {
  readonly #e: Emitter;
  readonly #block: Block;
  readonly #used: Uint8Array;
  /** How often a value is needed on the way through the block, and on its exits. */
  readonly #hot: Int32Array;
  readonly #cold: Int32Array;
  /** The place of a value's last need. */
  readonly #last: Int32Array;
  /** Values with a local variable that is given back behind a place: the first, and which is next to which. */
  readonly #ending: Int32Array;
  readonly #nextEnding: Int32Array;
  readonly #locals = new Map<number, number>();
  /** For #sharing: how often each value is needed. */
  readonly #uses: Int32Array;

  constructor(emitter: Emitter, block: Block, used: Uint8Array) {
    this.#e = emitter;
    this.#block = block;
    const count = block.values.length;
    this.#used = used;
    this.#hot = new Int32Array(count);
    this.#cold = new Int32Array(count);
    this.#last = new Int32Array(count).fill(-1);
    this.#ending = new Int32Array(count + 1).fill(-1);
    this.#nextEnding = new Int32Array(count);
    this.#uses = new Int32Array(count);
  }

  emit(): void {
    const { values } = this.#block;
    this.#count();
    for (let i = 0; i < values.length; i++) {
      this.#place(values[i]!);
      for (let ended = this.#ending[i]!; ended >= 0; ended = this.#nextEnding[ended]!)
        this.#drop(values[ended]!);
    }
    this.#end();
    for (const position of this.#locals.keys()) this.#drop(values[position]!);
  }

  #drop({ position, type }: Value): void {
    const local = this.#locals.get(position);
    if (local === undefined) return;
    this.#locals.delete(position);
    this.#e.giveBack(type, local);
  }

  /** Slots that must be right when the block goes on there. */
  #wanted(target: Target): number {
    return this.#e.wanted(this.#block.index, target);
  }

  #edges(): Target[] {
    const { end } = this.#block;
    if (end.kind === "goto") return [end.target];
    if (end.kind === "branch") return [end.yes, end.no];
    return end.kind === "indirect" && end.cases.length === 1 ? [end.cases[0]!] : [];
  }

  /**
   * How often and until where values are needed, from the end to the beginning: everything that a value is made of
   * stands before it.
   */
  #count(): void {
    const hot = this.#hot;
    const cold = this.#cold;
    const last = this.#last;
    const { values, changed, end } = this.#block;
    const never = values.length;
    const edges = this.#edges();
    const outside = leavesAtEnd(this.#e.structure, this.#block);
    const wanted = edges.map((edge) => this.#wanted(edge));
    changed.forEach(({ position }, slot) => {
      last[position] = never;
      if (outside) cold[position]!++;
      if (wanted.length === 0) hot[position]!++;
      else for (const slots of wanted) if (slots & (1 << slot)) hot[position]!++;
    });
    for (const { position } of valuesAt(end)) {
      hot[position]!++;
      last[position] = never;
    }
    for (let i = never - 1; i >= 0; i--) {
      const value = values[i]!;
      const { args } = value;
      const isPlaced = isEffect(value);
      if (isPlaced && !this.#used[i]) continue;
      // A value without a local variable passes the question on to what it is made of.
      const until = isPlaced || this.#hasLocal(value) ? i : last[i]!;
      if (until < 0) continue;
      for (let j = 0; j < args.length; j++) {
        const { position } = args[j]!;
        if (last[position]! < until) last[position] = until;
        if (!isPlaced) (hot[i]! > 0 ? hot : cold)[position]!++;
        else if (value.what === "admit") cold[position]! += j === 0 ? 1 : 0;
        else (value.what === "mend" && isRare(j) ? cold : hot)[position]!++;
      }
      if (value.what === "admit") for (const [{ position }] of this.#looked(value)) hot[position]!++;
      if (value.exit !== undefined) {
        const mayNeed = ({ position }: Value): void => {
          cold[position]!++;
          if (last[position]! < i) last[position] = i;
        };
        for (const now of value.exit.changed.values()) mayNeed(now);
        for (const { address, value: stored } of value.exit.late) {
          mayNeed(address);
          mayNeed(stored);
        }
      }
      if (isPlaced || this.#hasLocal(value)) {
        const ends = Math.max(last[i]!, i);
        this.#nextEnding[i] = this.#ending[ends]!;
        this.#ending[ends] = i;
      }
    }
  }

  #hasLocal({ what, position }: Value): boolean {
    if (what === "load" || what === "call" || what === "mend" || what === "second")
      return this.#used[position] !== 0;
    if (what !== "pure") return false;
    const hot = this.#hot[position]!;
    return hot > 1 || (hot === 1 && this.#cold[position]! > 0);
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
        if (!this.#used[value.position]) return;
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
      case "part": {
        const { to, count, changed, late } = value.exit!;
        this.#push(value.args[0]!);
        code.if();
        this.#storeLate(late);
        this.#edge(to!, count, changed);
        code.end();
        return;
      }
      case "astray": {
        const { count, changed, late } = value.exit!;
        this.#push(value.args[0]!);
        code.i32(value.number);
        code.op(W.i32_ne);
        code.if();
        this.#push(value.args[0]!);
        this.#e.setEip();
        this.#storeLate(late);
        this.#assign(changed, -1);
        this.#e.leaveAt(STATUS.LOOK, count);
        code.end();
        return;
      }
      case "admit":
        this.#admit(value);
        return;
      case "call":
        for (const arg of value.args) this.#push(arg);
        this.#e.call(value.number);
        if (this.#last[value.position]! >= 0) this.#keep(value, () => {});
        else code.drop();
        return;
      case "mend":
        this.#mend(value);
        return;
      case "second":
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

  /** Numbers that must be looked at, for what is not known as the block begins. */
  #looked(value: Value): [number: Value, lanes: number][] {
    const known = this.#e.known(this.#block.index);
    return (value.bytes as readonly number[])
      .map((lanes, i): [Value, number] => [value.args[i + 1]!, lanes])
      .filter(([number, lanes]) => !isKnown(number, lanes, known));
  }

  /** First whether all numbers are far from every limit; what it takes to tell otherwise is done on the way out. */
  #admit(value: Value): void {
    const { code } = this.#e;
    const conditions: (() => void)[] = [];
    const looked = this.#looked(value);
    for (const look of LOOKS) {
      const numbers = looked.filter(([, each]) => each === look.lanes);
      if (numbers.length === 0) continue;
      conditions.push(() =>
        isDoubtful(
          code,
          look,
          numbers.map(
            ([number]) =>
              () =>
                this.#push(number),
          ),
        ),
      );
    }
    const [fails] = value.args as [Value];
    const mode = value.number !== 0 && !this.#e.known(this.#block.index).mode;
    if (conditions.length === 0 && !mode) return;
    const isOther = (): void => isOtherMode(code, value.number);
    for (const [i, condition] of (mode ? [...conditions, isOther] : conditions).entries()) {
      condition();
      if (i > 0) code.op(W.i32_or);
    }
    code.if();
    if (conditions.length > 0) {
      this.#sharing([fails], () => {
        this.#push(fails);
        if (mode) {
          isOther();
          code.op(W.i32_or);
        }
        code.if();
        this.#exit(value.exit!);
        code.end();
      });
    } else this.#exit(value.exit!);
    code.end();
  }

  #mend(value: Value): void {
    const { code } = this.#e;
    const [first, second, refused, otherFirst, otherSecond, ...doubts] = value.args as [
      Value,
      Value,
      Value,
      Value,
      Value,
    ];
    this.#keep(value, () => this.#push(first));
    this.#keep(this.#block.values[value.position + 1]!, () => this.#push(second));
    const [own, other] = [0, 1].map((i) => this.#locals.get(value.position + i)!);
    const done = code.block();
    const doubtful = code.block();
    for (const doubt of doubts) {
      this.#push(doubt);
      code.brIf(doubtful);
    }
    code.br(done);
    code.end();
    this.#sharing([refused, otherFirst, otherSecond], () => {
      this.#push(refused);
      code.if();
      this.#exit(value.exit!);
      code.end();
      this.#push(otherFirst);
      this.#push(otherSecond);
      code.set(other!);
      code.set(own!);
    });
    code.end();
  }

  #keep(value: Value, compute: () => void): void {
    compute();
    const local = this.#e.takeTemporary(value.type);
    this.#e.code.set(local);
    this.#locals.set(value.position, local);
  }

  /** Puts a value on the stack. */
  #push(value: Value): void {
    const { code } = this.#e;
    const local = this.#locals.get(value.position);
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
    const { args } = value;
    for (let i = 0; i < args.length; i++) this.#push(args[i]!);
    code.op(value.opcode);
    if (Array.isArray(value.bytes)) code.immediate(value.bytes);
  }

  /** Puts changed slots in their places: all, or the ones in `wanted`. */
  #assign(changed: ReadonlyMap<number, Value>, wanted: number): void {
    const { code } = this.#e;
    const slots: number[] = [];
    const values: Value[] = [];
    changed.forEach((value, slot) => {
      if (!(wanted & (1 << slot))) return;
      slots.push(slot);
      values.push(value);
    });
    this.#sharing(values, () => {
      for (const value of values) this.#push(value);
      for (let i = slots.length - 1; i >= 0; i--) code.set(this.#e.slot(slots[i]!));
    });
  }

  /** Computes what several of `values` need once, then does `use` with it. */
  #sharing(values: readonly Value[], use: () => void): void {
    const uses = this.#uses;
    const counted: Value[] = [];
    const count = (value: Value): void => {
      if (value.what !== "pure" || this.#locals.has(value.position)) return;
      if (uses[value.position]!++ > 0) return;
      counted.push(value);
      for (const arg of value.args) count(arg);
    };
    for (const value of values) count(value);
    const shared: Value[] = [];
    for (const value of counted) {
      if (uses[value.position]! > 1) shared.push(value);
      uses[value.position] = 0;
    }
    shared.sort((a, b) => a.position - b.position);
    for (const value of shared) this.#keep(value, () => this.#compute(value));
    use();
    for (const value of shared) this.#drop(value);
  }

  #storeLate(stores: readonly LateStore[]): void {
    for (const { opcode, address, value, offset } of stores) {
      this.#push(address);
      this.#push(value);
      this.#e.code.access(opcode, offset);
    }
  }

  #exit(exit: Exit): void {
    this.#storeLate(exit.late);
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
      case "indirect": {
        let index = -1;
        if (end.choice !== undefined) {
          // A slot, perhaps, that changes before it is needed.
          index = this.#e.takeTemporary(I32);
          this.#push(end.choice.index);
          code.set(index);
        }
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
        if (end.choice !== undefined) this.#e.choose(this.#block.index, end.cases, index, end.choice.cases);
        this.#e.dispatch(this.#block.index, end.cases.length > 1 ? end.cases : []);
        if (index >= 0) this.#e.giveBack(I32, index);
        return;
      }
      case "execute":
        this.#assign(changed, -1);
        this.#e.execute(this.#block, end.operation, end.target);
        return;
      case "interrupt":
        this.#assign(changed, -1);
        this.#e.interrupt(this.#block, end.vector, end.target);
        return;
      case "interpret":
        this.#assign(changed, -1);
        this.#e.leave(end.eip, STATUS.INTERPRET, count);
        return;
    }
  }

  #edge(
    target: Target,
    count = this.#block.count,
    changed: ReadonlyMap<number, Value> = this.#block.changed,
  ): void {
    const { code } = this.#e;
    const { index } = this.#block;
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
    const { values } = this.#block;
    for (const [position, local] of this.#locals) this.#e.giveBack(values[position]!.type, local);
    this.#e.jump(index, target.block);
    for (const [position, local] of this.#locals) this.#e.takeAgain(values[position]!.type, local);
  }
}
