/**
 * MMX as WebAssembly: each function works on registers in the state page, as (to, from), the places of a register and of
 * a register or memory. It answers 1 when it has done all of the instruction; 0, with nothing changed, where an x87
 * exception waits. SDM vol. 1, 9.5.1.
 */
import { type Expression, I64, W, WasmFunction, wasm } from "../../wasm/index.ts";
import { STATE } from "../state.ts";
import { isShift, type Packed, packedOperations } from "./packed-operations.ts";
import { mmxSize } from "./sizes.ts";

const { i32, i64, i64x2, v128, when, giveBack, maker } = wasm;

const STATE_PAGE = i32.const(0);
const ES = 0x80;
const TOP = 0x3800;

/** Instructions with a constant, which are left to the executors. */
const WITH_CONSTANT = new Set("palignr pshufw pshuflw pshufhw pblendw blendps blendpd mpsadbw".split(" "));

/** A quadword, made of what is at the two places, to the first; the x87 registers are MMX's from then on. */
function instruction(
  quadword: (from: Expression, to: Expression, made: WasmFunction) => Expression,
  toRegister: boolean,
  size: 4 | 8 = 8,
): WasmFunction {
  const made = new WasmFunction(["i32", "i32", "i32"], ["i32"]);
  const [to, from] = [made.parameter(0).get, made.parameter(1).get];
  const status = made.local("i32");
  made.add(
    status.set(i32.load(STATE_PAGE, STATE.X87_STATUS)),
    when(i32.and(status.get, i32.const(ES)), giveBack(i32.const(0))),
    (size === 4 ? i64.store32 : i64.store)(to, quadword(from, to, made)),
    toRegister ? i32.store16(to, i32.const(0xffff), 8) : wasm.nothing,
    i32.store(STATE_PAGE, i32.and(status.get, i32.const(~TOP)), STATE.X87_STATUS),
    i32.store(STATE_PAGE, i32.const(0xff), STATE.X87_VALID),
    giveBack(i32.const(1)),
  );
  return made;
}

function packed(operation: Packed, fromDword: boolean): WasmFunction {
  return instruction((from, to, made) => {
    const [x, y] = [made.local("v128"), made.local("v128")];
    made.add(x.set(v128.load64_zero(to)), y.set((fromDword ? v128.load32_zero : v128.load64_zero)(from)));
    const result = operation<Expression>(maker, x.get, y.get, 8, 0);
    return maker.pureWith(W.i64x2_extract_lane, I64, [0], result);
  }, true);
}

/** (to, anything, constant): lanes shifted by a constant of 8 bits. */
function shiftedByConstant(operation: Packed): WasmFunction {
  return instruction((_, to, made) => {
    const [x, y] = [made.local("v128"), made.local("v128")];
    const count = i64.extend_i32_u(i32.and(made.parameter(2).get, i32.const(0xff)));
    made.add(x.set(v128.load64_zero(to)), y.set(i64x2.splat(count)));
    const result = operation<Expression>(maker, x.get, y.get, 8, 0);
    return maker.pureWith(W.i64x2_extract_lane, I64, [0], result);
  }, true);
}

/** Four words of a quadword, each chosen by two bits of a constant. */
function words(from: Expression, constant: Expression, made: WasmFunction): Expression {
  const source = made.local("i64");
  made.add(source.set(i64.load(from)));
  const chosen = [0, 1, 2, 3].map((at) => {
    const bits = i32.shl(i32.and(i32.shr_u(constant, i32.const(2 * at)), i32.const(3)), i32.const(4));
    const word = i64.and(i64.shr_u(source.get, i64.extend_i32_u(bits)), i64.const(0xffffn));
    return i64.shl(word, i64.const(BigInt(16 * at)));
  });
  return chosen.reduce((whole, word) => i64.or(whole, word));
}

/** MOVQ2DQ: zeros above. */
function toXmm(): WasmFunction {
  const made = new WasmFunction(["i32", "i32", "i32"], ["i32"]);
  const status = made.local("i32");
  made.add(
    status.set(i32.load(STATE_PAGE, STATE.X87_STATUS)),
    when(i32.and(status.get, i32.const(ES)), giveBack(i32.const(0))),
    v128.store(made.parameter(0).get, v128.load64_zero(made.parameter(1).get)),
    i32.store(STATE_PAGE, i32.and(status.get, i32.const(~TOP)), STATE.X87_STATUS),
    i32.store(STATE_PAGE, i32.const(0xff), STATE.X87_VALID),
    giveBack(i32.const(1)),
  );
  return made;
}

/** EMMS: the registers are the x87's again, and empty. SDM vol. 1, 9.6.3. */
function emms(): WasmFunction {
  const made = new WasmFunction(["i32", "i32", "i32"], ["i32"]);
  const status = made.local("i32");
  made.add(
    status.set(i32.load(STATE_PAGE, STATE.X87_STATUS)),
    when(i32.and(status.get, i32.const(ES)), giveBack(i32.const(0))),
    i32.store(STATE_PAGE, i32.and(status.get, i32.const(~TOP)), STATE.X87_STATUS),
    i32.store(STATE_PAGE, i32.const(0), STATE.X87_VALID),
    giveBack(i32.const(1)),
  );
  return made;
}

/** Defines them all, always in the same order: by the names of their instructions, and two each for MOVQ and MOVD. */
export function defineMmx(define: (name: string, make: () => WasmFunction) => void): void {
  for (const [name, operation] of Object.entries(packedOperations))
    if (!WITH_CONSTANT.has(name)) define(name, () => packed(operation, mmxSize(name) === 4));
  for (const [name, operation] of Object.entries(packedOperations))
    if (isShift(name)) define(`${name}_constant`, () => shiftedByConstant(operation));
  define("emms", emms);
  define("to_xmm", toXmm);
  define("pshufw", () => instruction((from, _, made) => words(from, made.parameter(2).get, made), true));
  define("load4", () => instruction((from) => i64.load32_u(from), true));
  define("store4", () => instruction((from) => i64.load(from), false, 4));
  define("load", () => instruction((from) => i64.load(from), true));
  define("store", () => instruction((from) => i64.load(from), false));
}
