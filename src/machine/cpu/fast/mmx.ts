/**
 * MMX as WebAssembly: each function works on registers in the state page, as (to, from), the places of a register and of
 * a register or memory. It answers 1 when it has done all of the instruction; 0, with nothing changed, where an x87
 * exception waits. SDM vol. 1, 9.5.1.
 */
import { type Expression, I64, W, WasmFunction, wasm } from "../../wasm/index.ts";
import { STATE } from "../state.ts";
import { type Packed, packedOperations } from "./packed-operations.ts";
import { mmxSize } from "./sizes.ts";

const { i32, i64, v128, when, giveBack, maker } = wasm;

const STATE_PAGE = i32.const(0);
const ES = 0x80;
const TOP = 0x3800;

/** Instructions with a constant, which are left to the executors. */
const WITH_CONSTANT = new Set("palignr pshufw pshuflw pshufhw pblendw blendps blendpd mpsadbw".split(" "));

/** A quadword, made of what is at the two places, to the first; the x87 registers are MMX's from then on. */
function instruction(
  quadword: (from: Expression, to: Expression, made: WasmFunction) => Expression,
  toRegister: boolean,
): WasmFunction {
  const made = new WasmFunction(["i32", "i32", "i32"], ["i32"]);
  const [to, from] = [made.parameter(0).get, made.parameter(1).get];
  const status = made.local("i32");
  made.add(
    status.set(i32.load(STATE_PAGE, STATE.X87_STATUS)),
    when(i32.and(status.get, i32.const(ES)), giveBack(i32.const(0))),
    i64.store(to, quadword(from, to, made)),
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

/** Defines them all, always in the same order: by the names of their instructions, and two for MOVQ. */
export function defineMmx(define: (name: string, make: () => WasmFunction) => void): void {
  for (const [name, operation] of Object.entries(packedOperations))
    if (!WITH_CONSTANT.has(name)) define(name, () => packed(operation, mmxSize(name) === 4));
  define("load", () => instruction((from) => i64.load(from), true));
  define("store", () => instruction((from) => i64.load(from), false));
}
