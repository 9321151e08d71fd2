/**
 * SSE: moves, packed integers and logic, which do not depend on MXCSR. An operand of 16 bytes that is not aligned is left to
 * its executor, where it must be. SDM vol. 1, 10.4 and 11.4.
 */

import { RAM_BASE } from "../../memory/memory.ts";
import { type Expression, type Local, V128, W, wasm } from "../../wasm/index.ts";
import { packed } from "../fast/packed.ts";
import { BETWEEN_FILES, OP, PACKED, PACKED_SHIFTS } from "../op.ts";
import { type Arm, constant, type Define, numberOf, type WideSize, zero } from "./arm.ts";

const { i32, i64, i8x16, i16x8, i32x4, i64x2, v128, when } = wasm;

const LOADS = { 4: v128.load32_zero, 8: v128.load64_zero, 16: v128.load } as const;

/** Copies so many bytes. */
function copy(
  size: WideSize,
  to: Expression,
  toOffset: number,
  from: Expression,
  fromOffset: number,
): Expression {
  if (size === 4) return i32.store(to, i32.load(from, fromOffset), toOffset);
  if (size === 8) return i64.store(to, i64.load(from, fromOffset), toOffset);
  return v128.store(to, v128.load(from, fromOffset), toOffset);
}

/** The address of the operand in memory; leaves where it is not aligned. */
function aligned(arm: Arm, at: Local): void {
  arm.add(at.set(arm.address), when(i32.and(at.get, constant(15)), arm.leave));
}

const LOGIC: Readonly<Record<string, (x: Expression, y: Expression) => Expression>> = {
  pand: v128.and,
  pandn: (x, y) => v128.andnot(y, x),
  por: v128.or,
  pxor: v128.xor,
};

const computed = (name: string): ((x: Expression, y: Expression) => Expression) =>
  LOGIC[name] ?? wasm.vectors(packed[name]!);

/** One of PACKED, of the first operand and one at an address. */
function packedArm(arm: Arm, second: (at: Local) => void, offset: number): undefined {
  const at = arm.local("i32");
  second(at);
  const ways = PACKED.map((name) =>
    v128.store(arm.placeOfA, computed(name)(v128.load(arm.placeOfA), v128.load(at.get, offset))),
  );
  arm.add(arm.choice(arm.which, ways));
  return undefined;
}

/** What a packed shift by a constant makes of `x`. */
function shifted(name: string, x: Expression, count: Expression): Expression {
  if (name === "psrldq" || name === "pslldq") {
    // Where each byte comes from: beyond the sixteenth are zeros.
    const places = v128.const(Array.from({ length: 16 }, (_, at) => at));
    const by = i8x16.splat(wasm.select(count, constant(16), i32.lt_u(count, constant(16))));
    return i8x16.swizzle(x, name === "psrldq" ? i8x16.add(places, by) : i8x16.sub(places, by));
  }
  const lanes = { w: i16x8, d: i32x4, q: i64x2 }[name.slice(-1) as "w" | "d" | "q"];
  const bits = { w: 16, d: 32, q: 64 }[name.slice(-1) as "w" | "d" | "q"];
  const isLess = i32.lt_u(count, constant(bits));
  if (name.startsWith("psra")) return lanes.shr_s(x, wasm.select(count, constant(bits - 1), isLess));
  const value = name.startsWith("psll") ? lanes.shl(x, count) : lanes.shr_u(x, count);
  return v128.and(value, i32x4.splat(i32.sub(zero, isLess)));
}

export function defineVectors(define: Define): void {
  for (const [size, name] of [
    [16, "MOVX"],
    [4, "MOVX4"],
    [8, "MOVX8"],
  ] as const) {
    define(numberOf(`${name}_RR`), (arm) => {
      arm.add(copy(size, arm.placeOfA, 0, arm.placeOfB, 0));
      return undefined;
    });
    for (const letter of size === 16 ? ["", "A"] : [""]) {
      define(numberOf(`${name}${letter}_RM`), (arm) => {
        const at = arm.local("i32");
        if (letter === "A") aligned(arm, at);
        else arm.add(at.set(arm.address));
        // What is shorter than the register leaves zeros above.
        arm.add(arm.admitRead(at, size), v128.store(arm.placeOfA, LOADS[size](at.get, RAM_BASE)));
        return undefined;
      });
      define(numberOf(`${name}${letter}_MR`), (arm) => {
        const at = arm.local("i32");
        if (letter === "A") aligned(arm, at);
        else arm.add(at.set(arm.address));
        arm.add(arm.admitWrite(at, size));
        arm.add(size === 4 ? arm.write(at, 4, arm.b()) : copy(size, at.get, RAM_BASE, arm.placeOfB, 0));
        return undefined;
      });
    }
  }
  define(OP.BETWEEN_FILES, (arm) => {
    const ways: Expression[] = [];
    ways[BETWEEN_FILES.TO_SSE] = v128.store(arm.placeOfA, v128.load32_zero(arm.placeOfB));
    ways[BETWEEN_FILES.TO_GENERAL] = arm.setA(arm.b());
    ways[BETWEEN_FILES.PMOVMSKB] = arm.setA(i8x16.bitmask(v128.load(arm.placeOfB)));
    arm.add(arm.choice(arm.which, ways));
    return undefined;
  });
  define(OP.SHIFT_RI, (arm) => {
    const count = arm.local("i32");
    arm.add(count.set(i32.and(arm.immediate, constant(255))));
    const ways = PACKED_SHIFTS.map((name) =>
      v128.store(arm.placeOfA, shifted(name, v128.load(arm.placeOfA), count.get)),
    );
    arm.add(arm.choice(arm.which, ways));
    return undefined;
  });
  define(OP.SHUFFLE_RR, (arm) => {
    const [lower, made] = [arm.local("i32"), arm.local("v128")];
    // SHUFPS takes its lower half from its first operand.
    arm.add(lower.set(wasm.select(arm.placeOfA, arm.placeOfB, arm.which)));
    const lane = (at: number): Expression => {
      const chosen = i32.and(i32.shr_u(arm.immediate, constant(2 * at)), constant(3));
      return i32.load(i32.add(at < 2 ? lower.get : arm.placeOfB, i32.shl(chosen, constant(2))));
    };
    arm.add(made.set(i32x4.splat(lane(0))));
    for (const at of [1, 2, 3])
      arm.add(made.set(wasm.maker.pureWith(W.i32x4_replace_lane, V128, [at], made.get, lane(at))));
    arm.add(v128.store(arm.placeOfA, made.get));
    return undefined;
  });
  define(OP.PACKED_RR, (arm) => packedArm(arm, (at) => arm.add(at.set(arm.placeOfB)), 0));
  define(OP.PACKED_RM, (arm) =>
    packedArm(
      arm,
      (at) => {
        aligned(arm, at);
        arm.add(arm.admitRead(at, 16));
      },
      RAM_BASE,
    ),
  );
}
