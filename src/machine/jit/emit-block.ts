/** Values of a block → WebAssembly, in their order; what an exit alone needs is computed on the way there. */
import { type Code, F64, I32, I64, type Label, type ValueType, W } from "../wasm/index.ts";
import { copy, fill } from "./bulk.ts";
import type { Emitter } from "./emit.ts";
import type { Block, Changes, Exit, LateStore, Target, Value } from "./ir.ts";
import { leavesAtEnd } from "./liveness.ts";
import { endDoubt, isOtherMode, LOOKS, nextDoubt } from "./looks.ts";
import { isKnown } from "./numbers.ts";
import { PIECE, patternOf } from "./patterns.ts";
import { goesBack } from "./structure.ts";
import { WHAT } from "./what.ts";

/** In `uses` of a value, beside the number: it is needed on exits, too. */
const COLD = 1 << 24;

/** In `local` of values without a variable: they are needed once, or more often, by what is about to be computed. */
const ONCE = -2;
const OFTEN = -3;

/** A value is needed until then. */
function need(value: Value, until: number, isHot: boolean): void {
  if (value.last < until) value.last = until;
  if (isHot) value.uses++;
  else value.uses |= COLD;
}

/**
 * Emits the values of one block in their order. Of values it keeps: how often each is needed on the way through the block,
 * and whether on exits, too (`uses`); the place of its last need (`last`); its local variable, if it has one now (`local`).
 */
export class BlockEmitter {
  readonly #e: Emitter;
  readonly #code: Code;
  readonly #block: Block;
  /** Values that have local variables, and some that had. */
  readonly #kept: Value[] = [];
  /** Those that have none behind a place. */
  readonly #ended: (Value[] | undefined)[] = [];
  /** Behind which value nobody leaves that way any more. */
  readonly #lasts = new Map<Exit, number>();
  /** The exit that several values share, from the first of them to the last: where it is, and what is behind it. */
  #shared: { readonly exit: Exit; readonly here: Label; readonly behind: Label } | undefined;

  constructor(emitter: Emitter, block: Block) {
    this.#e = emitter;
    this.#code = emitter.code;
    this.#block = block;
  }

  emit(): void {
    const { values } = this.#block;
    this.#count();
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (value.exit !== undefined) this.#placeLeaving(value, value.exit, i);
      else if (value.what !== WHAT.PURE) this.#place(value);
      else if (value.uses > 1 && value.uses !== COLD) {
        this.#compute(value);
        this.#keep(value);
      }
      const ended = this.#ended[i];
      if (ended !== undefined) for (let n = 0; n < ended.length; n++) this.#drop(ended[n]!);
    }
    this.#end();
    this.#dropFrom(0);
  }

  /** What may leave: the code of an exit that several have stands behind the last of them. */
  #placeLeaving(value: Value, exit: Exit, place: number): void {
    const code = this.#code;
    const last = this.#lasts.get(exit)!;
    if (last > place && this.#shared?.exit !== exit) {
      const behind = code.block();
      this.#shared = { exit, here: code.block(), behind };
    }
    this.#place(value);
    const shared = this.#shared;
    if (last !== place || shared?.exit !== exit) return;
    this.#shared = undefined;
    code.br(shared.behind);
    code.end();
    this.#exit(exit);
    code.end();
  }

  /** Puts a value from the stack into a local variable. */
  #keep(value: Value): void {
    const local = this.#e.takeTemporary(value.type);
    this.#code.set(local);
    value.local = local;
    this.#kept.push(value);
  }

  #drop(value: Value): void {
    if (value.local < 0) return;
    this.#e.giveBack(value.type, value.local);
    value.local = -1;
  }

  #dropFrom(first: number): void {
    const kept = this.#kept;
    for (let i = first; i < kept.length; i++) this.#drop(kept[i]!);
    kept.length = first;
  }

  /**
   * How often and until where values are needed, from the end to the beginning: everything that a value is made of
   * stands before it.
   */
  #count(): void {
    const { values, end } = this.#block;
    const never = values.length;
    this.#countAtEnd(never);
    if (end.kind === "branch") need(end.condition, never, true);
    else if (end.kind === "indirect") {
      need(end.target, never, true);
      if (end.choice !== undefined) need(end.choice.index, never, true);
    }
    for (let i = never - 1; i >= 0; i--) {
      const value = values[i]!;
      const { what, a, b, rest, exit } = value;
      let until = i;
      let isHot = true;
      if (what === WHAT.PURE) {
        const { last, uses } = value;
        if (last < 0) continue;
        isHot = uses > 0 && uses !== COLD;
        // A value without a local variable passes the question on to what it is made of.
        if (isHot && uses > 1) this.#endsAt(value, last);
        else until = last;
      } else if (what === WHAT.LOAD) {
        // Nobody needs it.
        if (value.last < 0) continue;
        this.#endsAt(value, value.last);
      }
      if (a !== undefined) {
        if (a.what > WHAT.SLOT) need(a, until, isHot && what !== WHAT.ADMIT);
        if (b !== undefined && b.what > WHAT.SLOT) need(b, until, isHot);
      }
      if (rest !== undefined) this.#countRest(value, rest, until, isHot);
      if (what <= WHAT.STORE) continue;
      if (exit !== undefined) this.#countExit(exit, i);
      if (what === WHAT.CALL || what === WHAT.PATTERN || what === WHAT.SECOND)
        this.#endsAt(value, value.last > i ? value.last : i);
    }
  }

  /** Behind a place the local variable of a value is free. */
  #endsAt(value: Value, place: number): void {
    if (place >= this.#block.values.length) return;
    const ended = this.#ended[place];
    if (ended === undefined) this.#ended[place] = [value];
    else ended.push(value);
  }

  #countAtEnd(never: number): void {
    const { changes, end } = this.#block;
    const { slots, values } = changes;
    const outside = leavesAtEnd(this.#e.structure, this.#block);
    let first = -1;
    let second = 0;
    if (end.kind === "goto") first = this.#wanted(end.target);
    else if (end.kind === "branch") {
      first = this.#wanted(end.yes);
      second = this.#wanted(end.no);
    } else if (end.kind === "indirect" && end.cases.length === 1) first = this.#wanted(end.cases[0]!);
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      const slot = 1 << slots[i]!;
      value.last = never;
      if (outside) value.uses |= COLD;
      if (first & slot) value.uses++;
      if (second & slot) value.uses++;
    }
  }

  #countRest(value: Value, rest: readonly Value[], until: number, isHot: boolean): void {
    const { what } = value;
    for (let i = 0; i < rest.length; i++) {
      const each = rest[i]!;
      if (what === WHAT.ADMIT && !this.#isLooked(value, i)) {
        if (each.last < until) each.last = until;
      } else need(each, until, isHot);
    }
  }

  #countExit(exit: Exit, place: number): void {
    const { changes, late } = exit;
    const { values } = changes;
    // What else needs them later has been counted already.
    if (this.#lasts.has(exit)) return;
    this.#lasts.set(exit, place);
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      value.uses |= COLD;
      if (value.last < place) value.last = place;
    }
    for (let i = 0; i < late.length; i++) {
      need(late[i]!.address, place, false);
      need(late[i]!.value, place, false);
    }
  }

  /** Slots that must be right when the block goes on there. */
  #wanted({ block }: Target): number {
    return this.#e.wanted(this.#block.index, block);
  }

  /** What a value that is no computation is to the code at its own place. */
  #place(value: Value): void {
    const code = this.#code;
    switch (value.what) {
      case WHAT.LOAD:
        if (value.last < 0) return;
        this.#push(value.a!);
        code.access(value.opcode, value.number);
        this.#keep(value);
        return;
      case WHAT.STORE:
        this.#push(value.a!);
        this.#push(value.b!);
        code.access(value.opcode, value.number);
        return;
      case WHAT.CHECK:
        this.#check(value);
        return;
      case WHAT.LEAVE:
        this.#push(value.a!);
        this.#leaveIf(value.exit!);
        return;
      case WHAT.ADMIT:
        this.#admit(value);
        return;
      case WHAT.PART: {
        const { to, count, changes, late } = value.exit!;
        this.#push(value.a!);
        code.if();
        if (late.length > 0) this.#storeLate(late);
        this.#edge(to!, count, changes);
        code.end();
        return;
      }
      case WHAT.ASTRAY: {
        const { count, changes, late } = value.exit!;
        this.#push(value.a!);
        code.i32(value.number);
        code.op(W.i32_ne);
        code.if();
        this.#push(value.a!);
        this.#e.setEip();
        if (late.length > 0) this.#storeLate(late);
        this.#assign(changes, -1);
        this.#e.leaveAt(count);
        code.end();
        return;
      }
      case WHAT.CALL:
        for (const arg of value.rest!) this.#push(arg);
        this.#e.call(value.number);
        if (value.last >= 0) this.#keep(value);
        else code.drop();
        return;
      case WHAT.PATTERN:
        this.#pattern(value);
        return;
      case WHAT.SECOND:
        return;
      case WHAT.COPY:
      case WHAT.FILL: {
        const to = this.#pushed(value.a!);
        const from = this.#pushed(value.b!);
        const length = this.#pushed(value.rest![0]!);
        if (value.what === WHAT.COPY) copy(this.#e, to, from, length);
        else fill(this.#e, to, from, length, value.number);
        for (const local of [to, from, length]) this.#e.giveBack(I32, local);
        return;
      }
      case WHAT.AFFORD:
        this.#e.cannotAfford(() => this.#push(value.a!));
        this.#leaveIf(value.exit!);
        return;
      case WHAT.SPEND:
        this.#e.spendValue(() => this.#push(value.a!));
        return;
    }
  }

  /** Puts a value into a local variable that the caller gives back. */
  #pushed(value: Value): number {
    this.#push(value);
    const local = this.#e.takeTemporary(I32);
    this.#code.set(local);
    return local;
  }

  #leaveIf(exit: Exit): void {
    const code = this.#code;
    if (this.#shared?.exit === exit) {
      code.brIf(this.#shared.here);
      return;
    }
    code.if();
    this.#exit(exit);
    code.end();
  }

  #check(value: Value): void {
    const base = value.a!;
    const low = value.number;
    const e = this.#e;
    const code = this.#code;
    let place = base.what === WHAT.SLOT ? e.slots[base.number]! : base.local;
    const isPlace = low === 0 && place >= 0;
    const labels = e.openCheck(value);
    if (isPlace) code.get(place);
    else {
      this.#push(base);
      if (low !== 0) {
        code.i32(low);
        code.op(W.i32_add);
      }
      place = e.takeTemporary(I32);
      code.tee(place);
    }
    e.check(value, place, labels);
    if (this.#shared?.exit === value.exit) code.br(this.#shared!.here);
    else this.#exit(value.exit!);
    code.end();
    if (!isPlace) e.giveBack(I32, place);
  }

  /** Whether a number must be looked at, for what is not known as the block begins. */
  #isLooked({ rest, bytes }: Value, number: number): boolean {
    const lanes = (bytes as readonly number[])[number]!;
    return !isKnown(rest![number]!, lanes, this.#e.known(this.#block.index));
  }

  /** First whether all numbers are far from every limit; what it takes to tell otherwise is done on the way out. */
  #admit(value: Value): void {
    const code = this.#code;
    const fails = value.a!;
    const numbers = value.rest!;
    const lanes = value.bytes as readonly number[];
    let doubts = 0;
    for (const look of LOOKS) {
      let isFirst = true;
      for (let i = 0; i < lanes.length; i++) {
        if (lanes[i] !== look.lanes || !this.#isLooked(value, i)) continue;
        this.#push(numbers[i]!);
        nextDoubt(code, isFirst);
        isFirst = false;
      }
      if (isFirst) continue;
      endDoubt(code, look);
      if (doubts++ > 0) code.op(W.i32_or);
    }
    const mode = value.number !== 0 && !this.#e.known(this.#block.index).mode;
    if (doubts === 0 && !mode) return;
    if (mode) {
      isOtherMode(code, value.number);
      if (doubts > 0) code.op(W.i32_or);
    }
    if (doubts === 0) {
      this.#leaveIf(value.exit!);
      return;
    }
    code.if();
    const first = this.#kept.length;
    this.#share([fails]);
    this.#push(fails);
    if (mode) {
      isOtherMode(code, value.number);
      code.op(W.i32_or);
    }
    this.#leaveIf(value.exit!);
    this.#dropFrom(first);
    code.end();
  }

  #pattern(value: Value): void {
    const code = this.#code;
    const e = this.#e;
    const { pieces, own } = patternOf(value.number);
    const locals: number[] = [];
    const returned: [ValueType, number][] = [];
    const take = (type: ValueType): number => {
      const local = e.takeTemporary(type);
      returned.push([type, local]);
      return local;
    };
    for (const given of value.rest!) {
      let local = given.what === WHAT.SLOT ? e.slots[given.number]! : given.local;
      if (local < 0) {
        this.#push(given);
        local = take(given.type);
        code.set(local);
      }
      locals.push(local);
    }
    for (const result of [value, this.#block.values[value.position + 1]!]) {
      result.local = e.takeTemporary(result.type);
      this.#kept.push(result);
      locals.push(result.local);
    }
    for (let i = 0; i < own.length; i++) locals.push(take(own[i]!));
    for (let i = 0; i < pieces.length; i++) {
      const piece = pieces[i]!;
      if (typeof piece !== "number") {
        code.append(piece);
        continue;
      }
      const local = locals[piece >>> PIECE.BITS]!;
      switch (piece & ((1 << PIECE.BITS) - 1)) {
        case PIECE.GET:
          code.get(local);
          break;
        case PIECE.SET:
          code.set(local);
          break;
        case PIECE.TEE:
          code.tee(local);
          break;
        case PIECE.BLOCK:
          code.block();
          break;
        case PIECE.END:
          code.end();
          break;
        default:
          this.#leaveIf(value.exit!);
      }
    }
    for (let i = 0; i < returned.length; i++) e.giveBack(returned[i]![0], returned[i]![1]);
  }

  /** Puts a value on the stack. */
  #push(value: Value): void {
    const code = this.#code;
    const { local, what } = value;
    if (local >= 0) code.get(local);
    else if (what === WHAT.SLOT) code.get(this.#e.slots[value.number]!);
    else if (what === WHAT.PURE) this.#compute(value);
    else if (what !== WHAT.CONST) throw new Error(`a value of kind ${what} is there no more`);
    else if (value.type === I32) code.i32(value.number);
    else if (value.type === I64) code.i64(value.bytes as bigint);
    else if (value.type === F64) code.f64(value.number);
    else code.v128(value.bytes as readonly number[]);
  }

  #compute(value: Value): void {
    const { a, b, rest, bytes } = value;
    this.#push(a!);
    if (b !== undefined) this.#push(b);
    if (rest !== undefined) this.#push(rest[0]!);
    this.#code.op(value.opcode);
    if (bytes !== undefined) this.#code.immediate(bytes as readonly number[]);
  }

  /** Puts changed slots in their places: all, or the ones in `wanted`. */
  #assign({ slots, values }: Changes, wanted: number): void {
    const code = this.#code;
    const locals = this.#e.slots;
    const first = this.#kept.length;
    for (let i = 0; i < values.length; i++) {
      if (!(wanted & (1 << slots[i]!)) || values[i]!.what !== WHAT.PURE || values[i]!.local >= 0) continue;
      this.#share(wanted === -1 ? values : values.filter((_, at) => wanted & (1 << slots[at]!)));
      break;
    }
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      const slot = slots[i]!;
      if (!(wanted & (1 << slot)) || (value.what === WHAT.SLOT && value.number === slot)) continue;
      this.#push(value);
    }
    for (let i = values.length - 1; i >= 0; i--) {
      const value = values[i]!;
      const slot = slots[i]!;
      // What it held before need not be put there.
      if (!(wanted & (1 << slot)) || (value.what === WHAT.SLOT && value.number === slot)) continue;
      code.set(locals[slot]!);
    }
    if (this.#kept.length > first) this.#dropFrom(first);
  }

  /** Computes what several of `values` need once, in local variables: the last that are kept. */
  #share(values: readonly Value[]): void {
    const counted: Value[] = [];
    for (let i = 0; i < values.length; i++) this.#tally(values[i]!, counted);
    let shared: Value[] | undefined;
    for (let i = 0; i < counted.length; i++) {
      const value = counted[i]!;
      if (value.local === OFTEN) {
        if (shared === undefined) shared = [value];
        else shared.push(value);
      }
      value.local = -1;
    }
    if (shared === undefined) return;
    shared.sort((a, b) => a.position - b.position);
    for (let i = 0; i < shared.length; i++) {
      this.#compute(shared[i]!);
      this.#keep(shared[i]!);
    }
  }

  #tally(value: Value, counted: Value[]): void {
    if (value.what !== WHAT.PURE || value.local >= 0) return;
    if (value.local !== -1) {
      value.local = OFTEN;
      return;
    }
    const { a, b, rest } = value;
    value.local = ONCE;
    counted.push(value);
    this.#tally(a!, counted);
    if (b !== undefined) this.#tally(b, counted);
    if (rest !== undefined) this.#tally(rest[0]!, counted);
  }

  #storeLate(stores: readonly LateStore[]): void {
    for (const { opcode, address, value, offset } of stores) {
      this.#push(address);
      this.#push(value);
      this.#code.access(opcode, offset);
    }
  }

  #exit({ late, changes, eip, count }: Exit): void {
    if (late.length > 0) this.#storeLate(late);
    this.#assign(changes, -1);
    this.#e.refuse(eip, count);
  }

  #end(): void {
    const code = this.#code;
    const { end, count, changes } = this.#block;
    switch (end.kind) {
      case "goto":
        this.#edge(end.target, count, changes);
        return;
      case "branch":
        this.#push(end.condition);
        code.if();
        this.#edge(end.yes, count, changes);
        code.end();
        this.#edge(end.no, count, changes);
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
        if (end.choice === undefined) {
          for (const each of end.cases) {
            if (each.block < 0) continue;
            this.#e.isAt(each.address);
            code.if();
            this.#edge(each, count, changes);
            code.end();
          }
        }
        this.#assign(changes, -1);
        this.#e.spend(count);
        if (end.choice !== undefined) this.#e.choose(this.#block.index, end.cases, index, end.choice.cases);
        else if (end.jump !== undefined) this.#e.tell(end.jump);
        this.#e.dispatch(this.#block.index, end.choice === undefined ? [] : end.cases);
        if (index >= 0) this.#e.giveBack(I32, index);
        return;
      }
      case "execute":
        this.#assign(changes, -1);
        this.#e.execute(this.#block, end.operation, end.target);
        return;
      case "interrupt":
        this.#assign(changes, -1);
        this.#e.interrupt(this.#block, end.vector, end.target);
        return;
      case "interpret":
        this.#assign(changes, -1);
        this.#e.refuse(end.eip, count);
        return;
    }
  }

  #edge(target: Target, count: number, changes: Changes): void {
    const code = this.#code;
    const e = this.#e;
    const { index } = this.#block;
    if (target.block < 0) {
      this.#assign(changes, -1);
      e.leave(target.address, count);
      return;
    }
    e.spend(count);
    if (goesBack(e.structure, index, target.block)) {
      e.isPoor();
      code.if();
      this.#assign(changes, -1);
      e.leave(target.address, 0);
      code.end();
    }
    this.#assign(changes, this.#wanted(target));
    if (e.isBranch(index, target.block)) {
      e.jump(index, target.block);
      return;
    }
    // What follows there may use this block's variables; the other edge, which is another way, still finds them.
    const kept = this.#kept;
    for (let i = 0; i < kept.length; i++) if (kept[i]!.local >= 0) e.giveBack(kept[i]!.type, kept[i]!.local);
    e.jump(index, target.block);
    for (let i = 0; i < kept.length; i++) if (kept[i]!.local >= 0) e.takeAgain(kept[i]!.local);
  }
}
