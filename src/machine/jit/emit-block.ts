/** Values of a block → WebAssembly, in their order; what an exit alone needs is computed on the way there. */
import { F64, I32, I64, W } from "../wasm/index.ts";
import { copy, fill } from "./bulk.ts";
import type { Emitter } from "./emit.ts";
import { type Block, type Exit, exitValues, type LateStore, type Target, type Value } from "./ir.ts";
import { leavesAtEnd, usedValues } from "./liveness.ts";
import { isDoubtful, isOtherMode, LOOKS } from "./looks.ts";
import { isKnown } from "./numbers.ts";
import { STATUS } from "./status.ts";
import { goesBack } from "./structure.ts";

/** Of what `mend` has, what is needed only in doubt. */
const isRare = (argument: number): boolean => argument >= 2 && argument <= 4;

/** Emits the values of one block in their order. */
export class BlockEmitter {
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
    return this.#e.wanted(this.#block.index, target);
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
    for (const value of values) {
      if (!isEffect(value) || !this.#used.has(value)) continue;
      if (value.what === "mend") for (const [i, arg] of value.args.entries()) isRare(i) || need(arg);
      else if (value.what !== "admit") for (const arg of value.args) need(arg);
      else for (const [number] of this.#looked(value)) need(number);
    }
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
      if (value.what === "admit") mayNeed(value.args[0]!);
      if (value.what === "mend") for (const [i, arg] of value.args.entries()) isRare(i) && mayNeed(arg);
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
    if (value.what === "load" || value.what === "call" || value.what === "mend" || value.what === "second")
      return this.#used.has(value);
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
        code.call(this.#e.callNumber(value.number));
        if (this.#used.has(value) && this.#last[value.position]! >= 0) this.#keep(value, () => {});
        else if (value.number !== 0) code.drop();
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
    const [own, other] = [0, 1].map((i) => this.#locals.get(this.#block.values[value.position + i]!)!);
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

  /** Puts changed slots in their places: all, or the ones in `wanted`. */
  #assign(changed: ReadonlyMap<number, Value>, wanted: number): void {
    const { code } = this.#e;
    const list = [...changed].filter(([slot]) => wanted & (1 << slot));
    this.#sharing(
      list.map(([, value]) => value),
      () => {
        for (const [, value] of list) this.#push(value);
        for (let i = list.length - 1; i >= 0; i--) code.set(this.#e.slot(list[i]![0]));
      },
    );
  }

  /** Computes what several of `values` need once, then does `use` with it. */
  #sharing(values: readonly Value[], use: () => void): void {
    const uses = new Map<Value, number>();
    const count = (value: Value): void => {
      if (value.what !== "pure" || this.#locals.has(value)) return;
      const known = uses.get(value) ?? 0;
      uses.set(value, known + 1);
      if (known === 0) for (const arg of value.args) count(arg);
    };
    for (const value of values) count(value);
    const shared = [...uses].filter(([, n]) => n > 1).sort(([a], [b]) => a.position - b.position);
    for (const [value] of shared) this.#keep(value, () => this.#compute(value));
    use();
    for (const [value] of shared) {
      const local = this.#locals.get(value)!;
      this.#locals.delete(value);
      this.#e.giveBack(value.type, local);
    }
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
    for (const [value, local] of this.#locals) this.#e.giveBack(value.type, local);
    this.#e.jump(index, target.block);
    for (const [value, local] of this.#locals) this.#e.takeAgain(value.type, local);
  }
}

const isEffect = (value: Value): boolean =>
  value.what !== "const" && value.what !== "slot" && value.what !== "pure";
