/**
 * The interpreter's loop, as WebAssembly: an arm, a function, for each frequent instruction in its frequent shapes. An
 * arm works on the state page and the record of its instruction and goes on with the arm of the next one, by a call in
 * tail position, so that the two words of the flags and the instructions left stay in the host's registers.
 *
 * An arm does what is plain. Where a page may not be accessed without thought, where a division has more than 32 bits to
 * divide or a jump leads where none has led, it leaves before it has changed anything, and the instruction is executed
 * by its function in execute/. So there is one truth about faults and hooks. test/engines compares the two.
 *
 * It is WebAssembly because the host begins with good code of it: 6 ns an instruction from the first on, where its first
 * way with JavaScript takes 200, for the first hundred thousand. In the steady state it takes 4.5, JavaScript 6 (each on an
 * arithmetic loop).
 */
import { LINE_SHIFT } from "../../memory/memory.ts";
import { type Expression, Label, moduleBytes, WasmFunction, wasm } from "../../wasm/index.ts";
import { string } from "../fast/strings.ts";
import { FAST, FIRST_ARM, OPERATIONS } from "../op.ts";
import { PATCH_PAIRS, PATCHES_BASE, RECORD } from "../records.ts";
import { STATE } from "../state.ts";
import { defineArithmetic } from "./arithmetic.ts";
import {
  Arm,
  codeOf,
  constant,
  type Define,
  FAST_TYPE,
  fact,
  NO_ARM,
  NO_FAST,
  RUN,
  statePage,
  zero,
} from "./arm.ts";
import { defineCalls } from "./calls.ts";
import { defineJumps } from "./jumps.ts";
import { defineMoves } from "./moves.ts";
import { defineVectors } from "./vectors.ts";

const { i32, when, giveBack } = wasm;

/** (record, instructions left): executes until something is left to JavaScript, and answers the record where. */
function run(tail: boolean): WasmFunction {
  const made = new WasmFunction(["i32", "i32"], ["i32"]);
  const [op, left] = [made.parameter(0), made.parameter(1).get];
  const flags = [statePage(STATE.RESULT), statePage(STATE.CARRIES)];
  const arm = codeOf(op.get);
  if (tail)
    made.add(wasm.returnCallIndirect(op.get, left, ...flags, codeOf(i32.load(op.get, RECORD.NEXT)), arm));
  else {
    const [again, next] = [new Label(), made.local("i32")];
    made.add(
      i32.store(zero, left, STATE.LEFT),
      wasm.loop(
        again,
        next.set(wasm.callIndirect(op.get, statePage(STATE.LEFT), ...flags, zero, arm)),
        op.set(i32.and(next.get, constant(-2))),
        wasm.brIf(again, i32.eq(op.get, next.get)),
      ),
      op.get,
    );
  }
  return made;
}

/** Stores what the arms have in parameters, and answers the record. */
function leave(): WasmFunction {
  const made = new Arm(false);
  made.add(
    i32.store(zero, made.left.get, STATE.LEFT),
    i32.store(zero, made.result.get, STATE.RESULT),
    i32.store(zero, made.carries.get, STATE.CARRIES),
    made.op.get,
  );
  return made;
}

/**
 * (first, last, facts): 1 if [first, last] has these facts, and is in lines that hold no code. Else, if it is the constant of
 * an instruction that programs write over, alone, the record of that; else 0.
 */
function beside(): WasmFunction {
  const made = new WasmFunction(["i32", "i32", "i32"], ["i32"]);
  const [first, last, wanted] = [made.parameter(0).get, made.parameter(1).get, made.parameter(2).get];
  const [lines, pair] = [made.local("i32"), made.local("i32")];
  const line = (address: Expression): Expression =>
    i32.load8_u(i32.add(lines.get, i32.shr_u(address, constant(LINE_SHIFT))));
  made.add(
    lines.set(statePage(STATE.LINES)),
    when(i32.eqz(lines.get), giveBack(zero)),
    when(i32.ne(i32.and(i32.and(fact(first), fact(last)), wanted), wanted), giveBack(zero)),
    when(i32.eqz(i32.or(line(first), line(last))), giveBack(constant(1))),
    pair.set(i32.shl(i32.and(first, constant(PATCH_PAIRS - 1)), constant(3))),
    when(i32.ne(i32.load(pair.get, PATCHES_BASE), first), giveBack(zero)),
    when(i32.ne(i32.sub(last, first), constant(3)), giveBack(zero)),
    i32.load(pair.get, PATCHES_BASE + 4),
  );
  return made;
}

/**
 * The module: it imports a memory and who is asked at an `int`, and exports `run` and its table. Without `tail` it is for hosts whose WebAssembly has no calls in tail
 * position: slower, the same for who runs it.
 */
export function armsBytes(tail: boolean): Uint8Array<ArrayBuffer> {
  const arms: { op: number; arm: Arm }[] = [];
  const define: Define = (op, write) => {
    const arm = new Arm(tail);
    const end = write(arm);
    arm.add(end ?? arm.goOn());
    arms.push({ op, arm });
  };
  defineArithmetic(define);
  defineMoves(define);
  defineJumps(define);
  defineVectors(define);
  defineCalls(define);
  const noArm = new Arm(tail);
  noArm.add(noArm.leave);
  const noFast = new WasmFunction(["i32", "i32", "i32"], ["i32"]);
  noFast.add(zero);
  // In the order of RUN, LEAVE, BESIDE, NO_ARM, NO_FAST, STOS and MOVS, behind what is imported.
  const helpers = [
    { code: run(tail).code, type: TYPE.RUN, name: "run" },
    { code: leave().code, type: TYPE.ARM },
    { code: beside().code, type: TYPE.THREE },
    { code: noArm.code, type: TYPE.ARM },
    { code: noFast.code, type: FAST_TYPE },
    ...[false, true].flatMap((copies) =>
      ([0, 1, 2] as const).map((log) => ({ code: string(copies, log).code, type: TYPE.THREE })),
    ),
  ];
  const table = Array.from({ length: FAST.END }, (_, at): number => (at < OPERATIONS ? NO_ARM : NO_FAST));
  for (const [i, { op }] of arms.entries()) table[op] = RUN + helpers.length + i;
  if (table.indexOf(NO_ARM, FIRST_ARM) >= 0) throw new Error("an operation has no arm");
  if (OPERATIONS > 256) throw new Error("a record has one byte for the operation");
  return moduleBytes({
    types: [noArm.type, run(tail).type, beside().type],
    imports: [
      { kind: "memory", module: "m", name: "m", pages: undefined },
      { kind: "function", module: "m", name: "interrupt", type: TYPE.RUN },
    ],
    functions: [...helpers, ...arms.map(({ arm: { code } }) => ({ code, type: TYPE.ARM }))],
    table: { name: "table", functions: table },
  });
}

/** Numbers of the functions' types. */
const TYPE = { ARM: 0, RUN: 1, THREE: FAST_TYPE } as const;
