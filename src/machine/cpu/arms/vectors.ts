/**
 * SSE: moves, packed integers and logic, which do not depend on MXCSR. An operand of 16 bytes that is not aligned is left to
 * its executor, where it must be. SDM vol. 1, 10.4 and 11.4.
 */

import { RAM_BASE } from "../../memory/memory.ts";
import { type Expression, Label, type Local, wasm } from "../../wasm/index.ts";
import { packed } from "../fast/packed.ts";
import { OP, PACKED } from "../op.ts";
import { type Arm, constant, type Define, numberOf, type WideSize } from "./arm.ts";

const { i32, i64, v128, when } = wasm;

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

/** One of PACKED, as the record says, of the first operand and one at an address. */
function packedArm(arm: Arm, second: (at: Local) => void, offset: number): undefined {
  const at = arm.local("i32");
  second(at);
  const labels = PACKED.map(() => new Label());
  const end = new Label();
  let body = wasm.block(labels[0]!, wasm.brTable(labels, labels[0]!, arm.which));
  for (const [number, name] of PACKED.entries()) {
    const value = computed(name)(v128.load(arm.placeOfA), v128.load(at.get, offset));
    body = wasm.block(labels[number + 1] ?? end, body, v128.store(arm.placeOfA, value), wasm.br(end));
  }
  arm.add(body);
  return undefined;
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
  define(OP.MOVX4_RG, (arm) => {
    arm.add(v128.store(arm.placeOfA, v128.load32_zero(arm.placeOfB)));
    return undefined;
  });
  define(OP.MOVX4_GR, (arm) => {
    arm.add(arm.setA(arm.b()));
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
