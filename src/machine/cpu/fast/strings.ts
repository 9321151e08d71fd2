/**
 * Short repeated string instructions as WebAssembly: forward, in flat segments, on pages that need no thought, on
 * places that do not overlap. (segment of the source, most iterations): answers how many were executed, 0 when this is
 * not such a case and nothing has changed.
 */
import { FACT, FACTS_BASE, RAM_BASE } from "../../memory/memory.ts";
import { type Expression, Label, WasmFunction, wasm } from "../../wasm/index.ts";
import { DF } from "../flags.ts";
import { EAX, ECX, EDI, ES, ESI, SEGMENT, STATE } from "../state.ts";
import { scanName } from "./scans.ts";

const { i32, v128, sequence, block, loop, when, br, brIf, giveBack, select } = wasm;

/** Longer ones are left to the host's own copying. */
const MOST = 1024;

const STATE_PAGE = i32.const(0);
const register = (number: number): Expression => i32.load(STATE_PAGE, STATE.REGISTERS + 4 * number);
const setRegister = (number: number, value: Expression): Expression =>
  i32.store(STATE_PAGE, value, STATE.REGISTERS + 4 * number);

/** Elements of 1 << `log` bytes: copied from ESI, or filled with EAX. */
export function string(copies: boolean, log: 0 | 1 | 2): WasmFunction {
  const made = new WasmFunction(["i32", "i32", "i32"], ["i32"]);
  const segment = made.parameter(0).get;
  const most = made.parameter(1).get;
  const count = made.local("i32");
  const length = made.local("i32");
  const from = made.local("i32");
  const to = made.local("i32");
  const end = made.local("i32");
  const value = made.local("i32");
  const isFlat = (number: Expression): Expression =>
    i32.and(i32.load(i32.shl(number, i32.const(2)), STATE.RIGHTS), i32.const(SEGMENT.FLAT));
  const fact = (address: Expression): Expression =>
    i32.load8_u(i32.shr_u(address, i32.const(12)), FACTS_BASE);
  const last = (address: Expression): Expression => i32.add(address, i32.sub(length.get, i32.const(1)));
  const free = (address: Expression, right: number): Expression =>
    i32.and(i32.and(fact(address), fact(last(address))), i32.const(right));
  const step = (bytes: number): Expression =>
    sequence(
      copies ? from.set(i32.add(from.get, i32.const(bytes))) : wasm.nothing,
      to.set(i32.add(to.get, i32.const(bytes))),
    );
  /** Moves `bytes` at a time for as long as there are so many. */
  const units = (bytes: number, move: Expression): Expression => {
    const [done, again] = [new Label(), new Label()];
    const tooFew = i32.gt_u(i32.const(bytes), i32.sub(end.get, to.get));
    return block(done, loop(again, brIf(done, tooFew), move, step(bytes), br(again)));
  };
  const at = (address: Expression): [Expression, number] => [address, RAM_BASE];
  const copy = (
    load: (at: Expression, offset: number) => Expression,
    store: (at: Expression, value: Expression, offset: number) => Expression,
  ): Expression => store(to.get, load(...at(from.get)), RAM_BASE);

  made.add(
    count.set(register(ECX)),
    when(
      i32.or(
        i32.gt_u(i32.sub(count.get, i32.const(1)), i32.const(MOST - 1)),
        i32.and(i32.load(STATE_PAGE, STATE.EFLAGS), i32.const(DF)),
      ),
      giveBack(i32.const(0)),
    ),
    count.set(select(count.get, most, i32.lt_u(count.get, most))),
    length.set(i32.shl(count.get, i32.const(log))),
    to.set(register(EDI)),
    when(
      i32.eqz(i32.and(isFlat(i32.const(ES)), copies ? isFlat(segment) : i32.const(-1))),
      giveBack(i32.const(0)),
    ),
    when(i32.eqz(free(to.get, FACT.WRITE)), giveBack(i32.const(0))),
  );
  if (copies) {
    made.add(
      from.set(register(ESI)),
      when(i32.eqz(free(from.get, FACT.READ)), giveBack(i32.const(0))),
      // What is written would be read again.
      when(i32.lt_u(i32.sub(to.get, from.get), length.get), giveBack(i32.const(0))),
      end.set(i32.add(to.get, length.get)),
      units(16, copy(v128.load, v128.store)),
      units(4, copy(i32.load, i32.store)),
      log < 2 ? units(1, copy(i32.load8_u, i32.store8)) : wasm.nothing,
      setRegister(ESI, from.get),
    );
  } else {
    const repeated =
      log === 2
        ? register(EAX)
        : log === 1
          ? i32.mul(i32.load16_u(STATE_PAGE, STATE.REGISTERS + 4 * EAX), i32.const(0x1_0001))
          : i32.mul(i32.load8_u(STATE_PAGE, STATE.REGISTERS + 4 * EAX), i32.const(0x101_0101));
    made.add(
      end.set(i32.add(to.get, length.get)),
      value.set(repeated),
      units(16, v128.store(to.get, wasm.i32x4.splat(value.get), RAM_BASE)),
      units(4, i32.store(to.get, value.get, RAM_BASE)),
      log === 1 ? units(2, i32.store16(to.get, value.get, RAM_BASE)) : wasm.nothing,
      log === 0 ? units(1, i32.store8(to.get, value.get, RAM_BASE)) : wasm.nothing,
    );
  }
  made.add(
    setRegister(EDI, to.get),
    setRegister(ECX, i32.sub(register(ECX), count.get)),
    giveBack(count.get),
  );
  return made;
}

/**
 * Elements of 1 << `log` bytes at (to), held against those at (other), or against (other): the number of the first that
 * is not equal, with `whileEqual`, or that is, from 1 on; 0 when none of (count) is. All of them can be read.
 */
function scan(inMemory: boolean, log: 0 | 1 | 2, whileEqual: boolean): WasmFunction {
  const made = new WasmFunction(["i32", "i32", "i32"], ["i32"]);
  const to = made.parameter(0).get;
  const other = made.parameter(1).get;
  const length = made.local("i32");
  const at = made.local("i32");
  const mask = made.local("i32");
  const value = made.local("v128");
  const lanes = [wasm.i8x16, wasm.i16x8, wasm.i32x4][log]!;
  const load = [i32.load8_u, i32.load16_u, i32.load][log]!;
  const here = (base: Expression): Expression => i32.add(base, at.get);
  const [done, again, end, next] = [new Label(), new Label(), new Label(), new Label()];
  const second = inMemory ? v128.load(here(other), RAM_BASE) : value.get;
  const equal = wasm.i8x16.bitmask(lanes.eq(v128.load(here(to), RAM_BASE), second));
  const element = inMemory ? load(here(other), RAM_BASE) : other;
  const stops = (whileEqual ? i32.ne : i32.eq)(load(here(to), RAM_BASE), element);
  const number = (place: Expression): Expression => i32.add(i32.shr_u(place, i32.const(log)), i32.const(1));
  made.add(
    length.set(i32.shl(made.parameter(2).get, i32.const(log))),
    inMemory ? wasm.nothing : value.set(lanes.splat(other)),
    block(
      done,
      loop(
        again,
        brIf(done, i32.gt_u(i32.const(16), i32.sub(length.get, at.get))),
        mask.set(whileEqual ? i32.xor(equal, i32.const(0xffff)) : equal),
        when(mask.get, giveBack(number(i32.add(at.get, i32.ctz(mask.get))))),
        at.set(i32.add(at.get, i32.const(16))),
        br(again),
      ),
    ),
    block(
      end,
      loop(
        next,
        brIf(end, i32.ge_u(at.get, length.get)),
        when(stops, giveBack(number(at.get))),
        at.set(i32.add(at.get, i32.const(1 << log))),
        br(next),
      ),
    ),
    giveBack(i32.const(0)),
  );
  return made;
}

/** Defines the scans, always in the same order. */
export function defineScans(define: (name: string, make: () => WasmFunction) => void): void {
  for (const log of [0, 1, 2] as const)
    for (const inMemory of [false, true])
      for (const whileEqual of [false, true])
        define(scanName(inMemory, 1 << log, whileEqual), () => scan(inMemory, log, whileEqual));
}

/** Defines movs1, movs2, movs4 and stos1, stos2, stos4, always in the same order. */
export function defineStrings(define: (name: string, make: () => WasmFunction) => void): void {
  for (const log of [0, 1, 2] as const) {
    define(`movs${1 << log}`, () => string(true, log));
    define(`stos${1 << log}`, () => string(false, log));
  }
}
