/** Arithmetic and logic, shifts, multiplication and division. SDM vol. 1, 7.3.2 to 7.3.6. */
import type { Expression, Local } from "../../wasm/index.ts";
import { wasm } from "../../wasm/index.ts";
import { KEPT } from "../flags.ts";
import { OP } from "../op.ts";
import { EAX, ECX, EDX } from "../state.ts";
import { ADJUST_AFTER_DIVISION, ADJUST_AFTER_SHIFT } from "../undefined.ts";
import {
  type Arm,
  constant,
  type Define,
  LOW,
  NEXT_TO_TOP,
  not,
  numberOf,
  register,
  SIZES,
  type Size,
  setRegister,
  signed,
  TOP,
  zero,
} from "./arm.ts";

const { i32, i64, sequence, when, nothing } = wasm;

type Writer = Parameters<Define>[1];

interface Arithmetic {
  value(arm: Arm, left: Expression, right: Expression): Expression;
  flags(arm: Arm, left: Local, right: Local, value: Local, size: Size): Expression;
  /** Nothing is written but flags. */
  compares?: boolean;
}

const sum: Arithmetic["flags"] = (arm, left, right, value, size) => arm.flagsOfSum(left, right, value, size);
const difference: Arithmetic["flags"] = (arm, left, right, value, size) =>
  arm.flagsOfDifference(left, right, value, size);
const logic: Arithmetic["flags"] = (arm, _, __, value, size) => arm.flagsOfLogic(value.get, size);

const arithmetic: Readonly<Record<string, Arithmetic>> = {
  ADD: { value: (_, left, right) => i32.add(left, right), flags: sum },
  OR: { value: (_, left, right) => i32.or(left, right), flags: logic },
  ADC: { value: (arm, left, right) => i32.add(i32.add(left, right), arm.carry), flags: sum },
  SBB: { value: (arm, left, right) => i32.sub(i32.sub(left, right), arm.carry), flags: difference },
  AND: { value: (_, left, right) => i32.and(left, right), flags: logic },
  SUB: { value: (_, left, right) => i32.sub(left, right), flags: difference },
  XOR: { value: (_, left, right) => i32.xor(left, right), flags: logic },
  CMP: { value: (_, left, right) => i32.sub(left, right), flags: difference, compares: true },
  TEST: { value: (_, left, right) => i32.and(left, right), flags: logic, compares: true },
};

/** An operation of `size` bytes on two operands of a shape. */
function arithmeticArm({ value, flags, compares }: Arithmetic, size: Size, shape: string): Writer {
  return (arm) => {
    const at = arm.local("i32");
    const [left, right, made] = [arm.local("i32"), arm.local("i32"), arm.local("i32")];
    const isPlace = shape.startsWith("M");
    if (isPlace || shape.endsWith("M")) {
      arm.add(at.set(arm.address));
      arm.add(isPlace && !compares ? arm.admitWrite(at, size, true) : arm.admitRead(at, size));
    }
    const operands = { R: arm.b(size), I: arm.immediate, M: arm.read(at, size) };
    arm.add(
      left.set(isPlace ? arm.read(at, size) : arm.a(size)),
      right.set(operands[shape.slice(-1) as "R" | "I" | "M"]),
      made.set(value(arm, left.get, right.get)),
    );
    if (!compares) arm.add(isPlace ? arm.write(at, size, made.get) : arm.setA(made.get, size));
    arm.add(flags(arm, left, right, made, size));
    return undefined;
  };
}

interface Shift {
  value(left: Expression, count: Expression): Expression;
  /** CARRIES. */
  carries(arm: Arm, left: Expression, count: Expression, value: Expression): Expression;
  rotates?: boolean;
}

const AF = constant(ADJUST_AFTER_SHIFT << 3);
const before = (count: Expression): Expression => i32.sub(count, constant(1));

const shifts: Readonly<Record<string, Shift>> = {
  SHL: {
    value: i32.shl,
    carries: (_, left, count, value) =>
      i32.or(
        i32.or(
          i32.shl(i32.shr_u(left, i32.sub(constant(32), count)), constant(31)),
          i32.and(i32.shr_u(value, constant(1)), constant(NEXT_TO_TOP)),
        ),
        AF,
      ),
  },
  SHR: {
    value: i32.shr_u,
    carries: (_, left, count, value) => {
      const out = i32.shr_u(left, before(count));
      const next = i32.shl(i32.and(out, constant(1)), constant(30));
      return i32.xor(
        i32.xor(i32.xor(i32.shl(out, constant(31)), next), i32.and(value, constant(NEXT_TO_TOP))),
        AF,
      );
    },
  },
  SAR: {
    value: i32.shr_s,
    carries: (_, left, count) =>
      i32.or(i32.mul(i32.and(i32.shr_s(left, before(count)), constant(1)), constant(TOP | NEXT_TO_TOP)), AF),
  },
  ROL: {
    value: i32.rotl,
    carries: (arm, _, __, value) =>
      i32.or(
        i32.or(i32.and(arm.carries.get, constant(LOW)), i32.shl(value, constant(31))),
        i32.and(i32.shr_u(value, constant(1)), constant(NEXT_TO_TOP)),
      ),
    rotates: true,
  },
  ROR: {
    value: i32.rotr,
    carries: (arm, _, __, value) =>
      i32.or(i32.and(arm.carries.get, constant(LOW)), i32.and(value, constant(~LOW))),
    rotates: true,
  },
};

const flagsOfDivision = (arm: Arm): Expression =>
  sequence(
    arm.result.set(constant(1)),
    arm.carries.set(i32.or(i32.and(arm.carries.get, constant(~LOW)), constant(ADJUST_AFTER_DIVISION << 3))),
  );

export function defineArithmetic(define: Define): void {
  for (const [name, which] of Object.entries(arithmetic))
    for (const [size, bits] of SIZES)
      for (const shape of ["RR", "RI", "RM", "MR", "MI"])
        if (`${name}${bits}_${shape}` in OP)
          define(numberOf(`${name}${bits}_${shape}`), arithmeticArm(which, size, shape));

  // One operand ------------------------------------------------------------------------------------------------

  for (const [name, step, last] of [
    ["INC", 1, -0x80],
    ["DEC", -1, 0x7f],
  ] as const) {
    for (const [size, bits] of [SIZES[0], SIZES[1]]) {
      for (const shape of ["R", "M"]) {
        define(numberOf(`${name}${bits}_${shape}`), (arm) => {
          const [at, left, value, carry] = [
            arm.local("i32"),
            arm.local("i32"),
            arm.local("i32"),
            arm.local("i32"),
          ];
          if (shape === "M") arm.add(at.set(arm.address), arm.admitWrite(at, size, true));
          arm.add(left.set(shape === "M" ? arm.read(at, size) : arm.a(size)));
          arm.add(value.set(i32.add(left.get, constant(step))));
          arm.add(shape === "M" ? arm.write(at, size, value.get) : arm.setA(value.get, size));
          // CF stays: OF is told by what stands next to it.
          const wrapped = constant(size === 1 ? last : last < 0 ? 0x8000_0000 | 0 : 0x7fff_ffff);
          const overflow = i32.shl(i32.eq(arm.result.get, wrapped), constant(30));
          const adjust = i32.and(i32.shr_u(i32.xor(left.get, value.get), constant(1)), constant(8));
          arm.add(
            arm.result.set(signed(value.get, size)),
            carry.set(i32.and(arm.carries.get, constant(TOP))),
            arm.carries.set(
              i32.or(i32.or(carry.get, i32.xor(i32.shr_u(carry.get, constant(1)), overflow)), adjust),
            ),
          );
          return undefined;
        });
      }
    }
  }
  define(OP.NEG_R, (arm) => {
    const [right, value] = [arm.local("i32"), arm.local("i32")];
    arm.add(right.set(arm.a()), value.set(i32.sub(zero, right.get)), arm.setA(value.get));
    arm.add(arm.result.set(value.get));
    arm.add(arm.carries.set(i32.and(i32.or(right.get, value.get), constant(KEPT))));
    return undefined;
  });
  define(OP.NOT_R, (arm) => {
    arm.add(arm.setA(not(arm.a())));
    return undefined;
  });

  // Shifts and rotations

  for (const [name, { value, carries, rotates = false }] of Object.entries(shifts)) {
    for (const shape of ["RI", "RC"]) {
      define(numberOf(`${name}_${shape}`), (arm) => {
        const [left, count, made] = [arm.local("i32"), arm.local("i32"), arm.local("i32")];
        arm.add(count.set(i32.and(shape === "RC" ? register(ECX) : arm.immediate, constant(31))));
        if (shape === "RC") arm.add(when(i32.eqz(count.get), arm.goOn()));
        arm.add(left.set(arm.a()), made.set(value(left.get, count.get)), arm.setA(made.get));
        arm.add(rotates ? nothing : arm.result.set(made.get));
        arm.add(arm.carries.set(carries(arm, left.get, count.get, made.get)));
        return undefined;
      });
    }
  }

  // Multiplication and division --------------------------------------------------------------------------------

  for (const shape of ["RR", "RM", "RRI"]) {
    define(numberOf(`IMUL_${shape}`), (arm) => {
      const product = arm.local("i64");
      const value = arm.local("i32");
      const right = shape === "RM" ? arm.memory(4) : shape === "RR" ? arm.b() : arm.immediate;
      const left = shape === "RRI" ? arm.b() : arm.a();
      arm.add(
        product.set(i64.mul(i64.extend_i32_s(left), i64.extend_i32_s(right))),
        value.set(i32.wrap_i64(product.get)),
        arm.setA(value.get),
        arm.flagsOfProduct(i64.ne(i64.extend_i32_s(value.get), product.get)),
      );
      return undefined;
    });
  }
  define(OP.MUL_R, (arm) => {
    const product = arm.local("i64");
    const high = arm.local("i32");
    arm.add(
      product.set(i64.mul(i64.extend_i32_u(register(EAX)), i64.extend_i32_u(arm.a()))),
      high.set(i32.wrap_i64(i64.shr_u(product.get, i64.const(32n)))),
      setRegister(EAX, i32.wrap_i64(product.get)),
      setRegister(EDX, high.get),
      arm.flagsOfProduct(i32.ne(high.get, zero)),
    );
    return undefined;
  });
  define(OP.IMUL_R, (arm) => {
    const product = arm.local("i64");
    const [low, high] = [arm.local("i32"), arm.local("i32")];
    arm.add(
      product.set(i64.mul(i64.extend_i32_s(register(EAX)), i64.extend_i32_s(arm.a()))),
      low.set(i32.wrap_i64(product.get)),
      high.set(i32.wrap_i64(i64.shr_u(product.get, i64.const(32n)))),
      setRegister(EAX, low.get),
      setRegister(EDX, high.get),
      arm.flagsOfProduct(i32.ne(high.get, i32.shr_s(low.get, constant(31)))),
    );
    return undefined;
  });
  define(OP.IDIV_R, (arm) => {
    const [left, right] = [arm.local("i32"), arm.local("i32")];
    arm.add(
      left.set(register(EAX)),
      right.set(arm.a()),
      // By 0 it faults, and by -1 it may.
      when(i32.lt_u(i32.add(right.get, constant(1)), constant(2)), arm.leave),
      when(i32.ne(register(EDX), i32.shr_s(left.get, constant(31))), arm.leave),
      setRegister(EDX, i32.rem_s(left.get, right.get)),
      setRegister(EAX, i32.div_s(left.get, right.get)),
      flagsOfDivision(arm),
    );
    return undefined;
  });
  define(OP.DIV_R, (arm) => {
    const [left, right] = [arm.local("i32"), arm.local("i32")];
    arm.add(
      right.set(arm.a()),
      when(i32.or(i32.eqz(right.get), register(EDX)), arm.leave),
      left.set(register(EAX)),
      setRegister(EDX, i32.rem_u(left.get, right.get)),
      setRegister(EAX, i32.div_u(left.get, right.get)),
      flagsOfDivision(arm),
    );
    return undefined;
  });
}
