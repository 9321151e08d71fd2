/**
 * The interpreter's loop, as WebAssembly: an arm, a function, for each frequent instruction in its frequent shapes. An
 * arm works on the state page and the record of its instruction and goes on with the arm of the next one, by a call in
 * tail position, so that the two words of the flags and the instructions left stay in the host's registers.
 *
 * An arm does what is plain. Where a page may not be accessed without thought, where a division has more than 32 bits to
 * divide or a jump leads where none has led, it leaves before it has changed anything, and the instruction is executed
 * by its function in execute/. So there is one truth about faults and hooks. test/engines compares the two.
 *
 * It is WebAssembly because the host begins with good code of it: 7 ns an instruction from the first on, where its first
 * way with JavaScript takes 200, for the first hundred thousand. In the steady state both take 6 (each on an arithmetic loop).
 */
import { FACT, FACTS_BASE, LINE_SHIFT, RAM_BASE } from "../../memory/memory.ts";
import { type Expression, Label, type Local, moduleBytes, WasmFunction, wasm } from "../../wasm/index.ts";
import { DF, KEPT } from "../flags.ts";
import { FIRST_ARM, OP, OPERATIONS } from "../op.ts";
import { JUMP_PAIRS, JUMPS_BASE, RECORD } from "../records.ts";
import { EAX, EBP, ECX, EDI, EDX, ESI, ESP, STATE } from "../state.ts";
import { ADJUST_AFTER_DIVISION, ADJUST_AFTER_SHIFT } from "../undefined.ts";

const { i32, i64, sequence, when, select, giveBack, nothing } = wasm;

type Size = 1 | 2 | 4;

const zero = i32.const(0);
const constant = i32.const;
const not = (value: Expression): Expression => i32.xor(value, constant(-1));
/** What stands in the lowest `size` bytes, sign-extended. */
const signed = (value: Expression, size: Size): Expression =>
  size === 4 ? value : size === 2 ? i32.extend16_s(value) : i32.extend8_s(value);
const isNegative = (value: Expression): Expression => i32.lt_s(value, zero);

/** The highest two bits of CARRIES, and what is below them. */
const TOP = 0x8000_0000 | 0;
const NEXT_TO_TOP = 0x4000_0000;
const LOW = 0x3fff_ffff;

const LOADS = { 1: i32.load8_u, 2: i32.load16_u, 4: i32.load } as const;
const STORES = { 1: i32.store8, 2: i32.store16, 4: i32.store } as const;

/** Numbers of the functions before the arms. */
const RUN = 0;
const LEAVE = 1;
const BESIDE = 2;
const NO_ARM = 3;

const statePage = (offset: number): Expression => i32.load(zero, offset);
const register = (number: number): Expression => statePage(STATE.REGISTERS + 4 * number);
const setRegister = (number: number, value: Expression): Expression =>
  i32.store(zero, value, STATE.REGISTERS + 4 * number);
const fact = (address: Expression): Expression => i32.load8_u(i32.shr_u(address, constant(12)), FACTS_BASE);

/** One arm while it is written. */
class Arm extends WasmFunction {
  /** The address of its record; then that of the next one. */
  readonly op = this.parameter(0);
  /** Instructions left, with this one. */
  readonly left = this.parameter(1);
  /** The flags: RESULT and CARRIES. */
  readonly result = this.parameter(2);
  readonly carries = this.parameter(3);

  readonly #tail: boolean;

  /** `tail`: it calls the next arm; else it answers the record of the next, and where it leaves 1 more. */
  constructor(tail: boolean) {
    super(["i32", "i32", "i32", "i32"], ["i32"]);
    this.#tail = tail;
  }

  // What the record says

  readonly immediate = i32.load(this.op.get, RECORD.IMMEDIATE);
  readonly following = i32.load(this.op.get, RECORD.FOLLOWING);
  readonly next = i32.load(this.op.get, RECORD.NEXT);
  readonly target = i32.load(this.op.get, RECORD.TARGET);
  readonly #a = i32.load16_u(this.op.get, RECORD.A);
  readonly #b = i32.load16_u(this.op.get, RECORD.B);

  /** The first operand, a register of `size` bytes, zero-extended. */
  a(size: Size = 4): Expression {
    return LOADS[size](this.#a);
  }
  b(size: Size = 4): Expression {
    return LOADS[size](this.#b);
  }
  setA(value: Expression, size: Size = 4): Expression {
    return STORES[size](this.#a, value);
  }
  setB(value: Expression): Expression {
    return i32.store(this.#b, value);
  }

  /** The address that the memory operand names. */
  get address(): Expression {
    const base = i32.load(i32.load8_u(this.op.get, RECORD.BASE));
    const index = i32.load(i32.load8_u(this.op.get, RECORD.INDEX));
    const scaled = i32.shl(index, i32.load8_u(this.op.get, RECORD.SCALE));
    return i32.add(i32.add(base, scaled), i32.load(this.op.get, RECORD.DISPLACEMENT));
  }

  // Memory

  /** Leaves, unless `size` bytes at an address may be read without thought. */
  admitRead(at: Local, size: Size): Expression {
    return when(i32.eqz(i32.and(this.#facts(at, size), constant(FACT.READ))), this.leave);
  }

  /** The same for a write, and with `reads` for a read before it. What holds code, too, may be written beside it. */
  admitWrite(at: Local, size: Size, reads = false): Expression {
    const wanted = constant(reads ? FACT.READ | FACT.WRITE : FACT.WRITE);
    const facts = i32.and(this.#facts(at, size), wanted);
    const needed = constant(reads ? FACT.READ | FACT.STORE : FACT.STORE);
    const beside = wasm.call(BESIDE, at.get, i32.add(at.get, constant(size - 1)), needed);
    return when(reads ? i32.ne(facts, wanted) : i32.eqz(facts), when(i32.eqz(beside), this.leave));
  }

  #facts(at: Local, size: Size): Expression {
    const first = fact(at.get);
    return size === 1 ? first : i32.and(first, fact(i32.add(at.get, constant(size - 1))));
  }

  read(at: Local, size: Size): Expression {
    return LOADS[size](at.get, RAM_BASE);
  }
  write(at: Local, size: Size, value: Expression): Expression {
    return STORES[size](at.get, value, RAM_BASE);
  }

  /** The operand in memory, read. */
  memory(size: Size): Expression {
    const at = this.local("i32");
    this.add(at.set(this.address), this.admitRead(at, size));
    return this.read(at, size);
  }

  // What an arm ends with

  get leave(): Expression {
    const { op, left, result, carries } = this;
    if (this.#tail) return wasm.returnCall(LEAVE, op.get, left.get, result.get, carries.get);
    return giveBack(i32.add(wasm.call(LEAVE, op.get, left.get, result.get, carries.get), constant(1)));
  }

  /** Goes on with the operation whose record is at an address; `counts` this one as executed. */
  goTo(next: Expression, counts = true): Expression {
    const { op, left } = this;
    const state = [op.get, left.get, this.result.get, this.carries.get] as const;
    const go = this.#tail
      ? wasm.returnCallIndirect(...state, i32.load8_u(op.get, RECORD.OP))
      : giveBack(wasm.call(LEAVE, ...state));
    if (!counts) return sequence(op.set(next), go);
    const count = left.tee(i32.sub(left.get, constant(1)));
    return sequence(op.set(next), when(i32.eqz(count), this.leave), go);
  }

  /** Goes on where an indirect jump to an address has led before, after `before`; leaves where none has. */
  jumpTo(to: Local, before: Expression): Expression {
    const pair = this.local("i32");
    const slot = i32.shl(i32.and(to.get, constant(JUMP_PAIRS - 1)), constant(3));
    return sequence(
      pair.set(slot),
      when(i32.ne(i32.load(pair.get, JUMPS_BASE), to.get), this.leave),
      before,
      this.goTo(i32.load(pair.get, JUMPS_BASE + 4)),
    );
  }

  // Flags

  /** Those of left + right = value. */
  flagsOfSum(left: Local, right: Local, value: Local, size: Size): Expression {
    const carries = i32.or(
      i32.and(left.get, right.get),
      i32.and(i32.or(left.get, right.get), not(value.get)),
    );
    return sequence(this.result.set(signed(value.get, size)), this.#carriesOf(carries, size));
  }

  flagsOfDifference(left: Local, right: Local, value: Local, size: Size): Expression {
    const borrows = i32.or(
      i32.and(not(left.get), right.get),
      i32.and(not(i32.xor(left.get, right.get)), value.get),
    );
    return sequence(this.result.set(signed(value.get, size)), this.#carriesOf(borrows, size));
  }

  flagsOfLogic(value: Expression, size: Size): Expression {
    return sequence(this.result.set(signed(value, size)), this.carries.set(zero));
  }

  /** CARRIES from the carries out of each bit of `size` bytes. */
  #carriesOf(carries: Expression, size: Size): Expression {
    if (size === 4) return this.carries.set(i32.and(carries, constant(KEPT)));
    const all = this.local("i32");
    const top = i32.and(i32.shl(all.get, constant(32 - 8 * size)), constant(TOP | NEXT_TO_TOP));
    return sequence(all.set(carries), this.carries.set(i32.or(top, i32.and(all.get, constant(8)))));
  }

  /** CF and OF of a product, as `tooWide` says; the others stay. */
  flagsOfProduct(tooWide: Expression): Expression {
    const kept = i32.and(this.carries.get, constant(LOW));
    return this.carries.set(i32.or(kept, i32.shl(tooWide, constant(31))));
  }

  get carry(): Expression {
    return i32.shr_u(this.carries.get, constant(31));
  }
}

/** Writes an arm, and answers what it ends with, if that is not to go on with the next instruction. */
type Writer = (arm: Arm) => Expression | undefined;

const writers = new Map<number, Writer>();
const define = (op: number, write: Writer): void => void writers.set(op, write);

const numbers: Readonly<Record<string, number>> = OP;
const numberOf = (name: string): number => {
  const number = numbers[name];
  if (number === undefined) throw new Error(`there is no operation ${name}`);
  return number;
};

// Arithmetic and logic ---------------------------------------------------------------------------------------

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
function defineArithmetic(op: number, { value, flags, compares }: Arithmetic, size: Size, shape: string) {
  define(op, (arm) => {
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
  });
}

const SIZES = [
  [4, ""],
  [1, "8"],
  [2, "16"],
] as const;

for (const [name, which] of Object.entries(arithmetic))
  for (const [size, bits] of SIZES)
    for (const shape of ["RR", "RI", "RM", "MR", "MI"])
      if (`${name}${bits}_${shape}` in OP)
        defineArithmetic(numberOf(`${name}${bits}_${shape}`), which, size, shape);

// Moves ------------------------------------------------------------------------------------------------------

for (const [size, bits] of SIZES) {
  for (const shape of ["RR", "RI", "RM", "MR", "MI"]) {
    define(numberOf(`MOV${bits}_${shape}`), (arm) => {
      const from = { R: () => arm.b(size), I: () => arm.immediate, M: () => arm.memory(size) };
      const value = from[shape.slice(-1) as "R" | "I" | "M"]();
      if (shape.startsWith("R")) arm.add(arm.setA(value, size));
      else {
        const at = arm.local("i32");
        arm.add(at.set(arm.address), arm.admitWrite(at, size), arm.write(at, size, value));
      }
      return undefined;
    });
  }
}
for (const [name, size, extended] of [
  ["MOVZX8", 1, (value: Expression) => value],
  ["MOVZX16", 2, (value: Expression) => value],
  ["MOVSX8", 1, (value: Expression) => signed(value, 1)],
  ["MOVSX16", 2, (value: Expression) => signed(value, 2)],
] as const) {
  define(numberOf(`${name}_R`), (arm) => {
    arm.add(arm.setA(extended(arm.b(size))));
    return undefined;
  });
  define(numberOf(`${name}_M`), (arm) => {
    arm.add(arm.setA(extended(arm.memory(size))));
    return undefined;
  });
}
define(OP.LEA, (arm) => {
  arm.add(arm.setA(arm.address));
  return undefined;
});
define(OP.XCHG_RR, (arm) => {
  const left = arm.local("i32");
  arm.add(left.set(arm.a()), arm.setA(arm.b()), arm.setB(left.get));
  return undefined;
});
define(OP.XCHG_MR, (arm) => {
  const [at, left] = [arm.local("i32"), arm.local("i32")];
  arm.add(at.set(arm.address), arm.admitWrite(at, 4, true), left.set(arm.read(at, 4)));
  arm.add(arm.write(at, 4, arm.b()), arm.setB(left.get));
  return undefined;
});
define(OP.CDQ, (arm) => {
  arm.add(setRegister(EDX, i32.shr_s(register(EAX), constant(31))));
  return undefined;
});
define(OP.NOP, () => undefined);

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

// Shifts and rotations; AF as undefined.ts has it ------------------------------------------------------------

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

for (const [name, { value, carries, rotates = false }] of Object.entries(shifts)) {
  for (const shape of ["RI", "RC"]) {
    define(numberOf(`${name}_${shape}`), (arm) => {
      const [left, count, made] = [arm.local("i32"), arm.local("i32"), arm.local("i32")];
      arm.add(count.set(i32.and(shape === "RC" ? register(ECX) : arm.immediate, constant(31))));
      if (shape === "RC") arm.add(when(i32.eqz(count.get), arm.goTo(arm.next)));
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
define(OP.DIV_R, (arm) => {
  const [left, right] = [arm.local("i32"), arm.local("i32")];
  const after = i32.and(arm.carries.get, constant(~LOW));
  arm.add(
    right.set(arm.a()),
    when(i32.or(i32.eqz(right.get), register(EDX)), arm.leave),
    left.set(register(EAX)),
    setRegister(EDX, i32.rem_u(left.get, right.get)),
    setRegister(EAX, i32.div_u(left.get, right.get)),
    arm.result.set(constant(1)),
    arm.carries.set(i32.or(after, constant(ADJUST_AFTER_DIVISION << 3))),
  );
  return undefined;
});

// Strings without a repetition -------------------------------------------------------------------------------

for (const [size, letter] of [
  [1, "B"],
  [2, "W"],
  [4, "D"],
] as const) {
  /** Goes on behind an element: ESI, EDI or both. */
  const step = (arm: Arm, index: number): void =>
    arm.add(setRegister(index, i32.add(register(index), constant(size))));
  const forwards = (arm: Arm): void =>
    arm.add(when(i32.and(statePage(STATE.EFLAGS), constant(DF)), arm.leave));
  const element = (arm: Arm): Expression => {
    const from = arm.local("i32");
    arm.add(from.set(register(ESI)), arm.admitRead(from, size));
    return arm.read(from, size);
  };
  const put = (arm: Arm, value: Expression): void => {
    const to = arm.local("i32");
    arm.add(to.set(register(EDI)), arm.admitWrite(to, size), arm.write(to, size, value));
  };
  define(numberOf(`LODS${letter}`), (arm) => {
    forwards(arm);
    arm.add(STORES[size](zero, element(arm), STATE.REGISTERS + 4 * EAX));
    step(arm, ESI);
    return undefined;
  });
  define(numberOf(`STOS${letter}`), (arm) => {
    forwards(arm);
    put(arm, register(EAX));
    step(arm, EDI);
    return undefined;
  });
  define(numberOf(`MOVS${letter}`), (arm) => {
    forwards(arm);
    put(arm, element(arm));
    step(arm, ESI);
    step(arm, EDI);
    return undefined;
  });
}

// The stack --------------------------------------------------------------------------------------------------

/** Pushes a value; leaves where that needs thought. ESP is where `at` says then. */
function push(arm: Arm, value: Expression): void {
  const at = arm.local("i32");
  arm.add(at.set(i32.sub(register(ESP), constant(4))), arm.admitWrite(at, 4));
  arm.add(arm.write(at, 4, value), setRegister(ESP, at.get));
}

define(OP.PUSH_R, (arm) => {
  push(arm, arm.a());
  return undefined;
});
define(OP.PUSH_I, (arm) => {
  push(arm, arm.immediate);
  return undefined;
});
define(OP.PUSH_M, (arm) => {
  push(arm, arm.memory(4));
  return undefined;
});
define(OP.POP_R, (arm) => {
  const [at, value] = [arm.local("i32"), arm.local("i32")];
  arm.add(at.set(register(ESP)), arm.admitRead(at, 4), value.set(arm.read(at, 4)));
  arm.add(setRegister(ESP, i32.add(at.get, constant(4))), arm.setA(value.get));
  return undefined;
});
define(OP.LEAVE, (arm) => {
  const at = arm.local("i32");
  arm.add(at.set(register(EBP)), arm.admitRead(at, 4));
  arm.add(setRegister(EBP, arm.read(at, 4)), setRegister(ESP, i32.add(at.get, constant(4))));
  return undefined;
});

// Jumps, calls and returns -----------------------------------------------------------------------------------

define(OP.JMP, (arm) => arm.goTo(arm.target));
define(OP.CALL, (arm) => {
  push(arm, arm.following);
  return arm.goTo(arm.target);
});
for (const shape of ["R", "M"]) {
  define(numberOf(`JMP_${shape}`), (arm) => {
    const to = arm.local("i32");
    arm.add(to.set(shape === "M" ? arm.memory(4) : arm.a()));
    return arm.jumpTo(to, nothing);
  });
  define(numberOf(`CALL_${shape}`), (arm) => {
    const [to, at] = [arm.local("i32"), arm.local("i32")];
    arm.add(to.set(shape === "M" ? arm.memory(4) : arm.a()));
    arm.add(at.set(i32.sub(register(ESP), constant(4))), arm.admitWrite(at, 4));
    return arm.jumpTo(to, sequence(arm.write(at, 4, arm.following), setRegister(ESP, at.get)));
  });
}
define(OP.RET, (arm) => {
  const [at, to] = [arm.local("i32"), arm.local("i32")];
  arm.add(at.set(register(ESP)), arm.admitRead(at, 4), to.set(arm.read(at, 4)));
  const taken = i32.add(i32.and(arm.immediate, constant(0xffff)), constant(4));
  return arm.jumpTo(to, setRegister(ESP, i32.add(at.get, taken)));
});
define(OP.LOOP, (arm) => {
  const value = arm.local("i32");
  arm.add(value.set(i32.sub(register(ECX), constant(1))), setRegister(ECX, value.get));
  return arm.goTo(select(arm.target, arm.next, value.get));
});

define(OP.JECXZ, (arm) => arm.goTo(select(arm.next, arm.target, register(ECX))));

/** Conditions in pairs, each with its opposite, in the order of flags.ts. */
const conditions: readonly [yes: string, no: string, holds: (arm: Arm) => Expression][] = [
  ["JO", "JNO", (arm) => isNegative(i32.xor(arm.carries.get, i32.shl(arm.carries.get, constant(1))))],
  ["JB", "JAE", (arm) => isNegative(arm.carries.get)],
  ["JE", "JNE", (arm) => i32.eqz(arm.result.get)],
  ["JBE", "JA", (arm) => i32.or(isNegative(arm.carries.get), i32.eqz(arm.result.get))],
  ["JS", "JNS", (arm) => isNegative(sign(arm))],
  ["JL", "JGE", (arm) => isLess(arm)],
  ["JLE", "JG", (arm) => i32.or(i32.eqz(arm.result.get), isLess(arm))],
];
/** SF, in the topmost bit. */
const sign = (arm: Arm): Expression => i32.xor(arm.result.get, i32.shl(arm.carries.get, constant(31)));
/** SF is not OF. */
const isLess = (arm: Arm): Expression =>
  isNegative(i32.xor(i32.xor(sign(arm), arm.carries.get), i32.shl(arm.carries.get, constant(1))));

for (const [yes, no, holds] of conditions) {
  define(numberOf(yes), (arm) => arm.goTo(select(arm.target, arm.next, holds(arm))));
  define(numberOf(no), (arm) => arm.goTo(select(arm.next, arm.target, holds(arm))));
}

// Before instructions ----------------------------------------------------------------------------------------

define(OP.FORWARD, (arm) => arm.goTo(arm.next, false));
define(OP.COUNT, (arm) => {
  const count = arm.local("i32");
  arm.add(
    count.set(i32.sub(arm.immediate, constant(1))),
    i32.store(arm.op.get, count.get, RECORD.IMMEDIATE),
    when(i32.le_s(count.get, zero), arm.leave),
  );
  return arm.goTo(arm.next, false);
});
define(OP.ENTER, (arm) => {
  arm.add(when(i32.ge_s(arm.left.get, arm.immediate), arm.leave));
  return arm.goTo(arm.next, false);
});

// Helpers ----------------------------------------------------------------------------------------------------

/** (record, instructions left): executes until something is left to JavaScript, and answers the record where. */
function run(tail: boolean): WasmFunction {
  const made = new WasmFunction(["i32", "i32"], ["i32"]);
  const [op, left] = [made.parameter(0), made.parameter(1).get];
  const flags = [statePage(STATE.RESULT), statePage(STATE.CARRIES)];
  const arm = i32.load8_u(op.get, RECORD.OP);
  if (tail) made.add(wasm.returnCallIndirect(op.get, left, ...flags, arm));
  else {
    const [again, next] = [new Label(), made.local("i32")];
    made.add(
      i32.store(zero, left, STATE.LEFT),
      wasm.loop(
        again,
        next.set(wasm.callIndirect(op.get, statePage(STATE.LEFT), ...flags, arm)),
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

/** What stands in the table where there is no arm. */
function noArm(tail: boolean): Arm {
  const made = new Arm(tail);
  made.add(made.leave);
  return made;
}

/** (first, last, facts): whether [first, last] has these facts, and is in lines that hold no code. */
function beside(): WasmFunction {
  const made = new WasmFunction(["i32", "i32", "i32"], ["i32"]);
  const [first, last, wanted] = [made.parameter(0).get, made.parameter(1).get, made.parameter(2).get];
  const lines = made.local("i32");
  const line = (address: Expression): Expression =>
    i32.load8_u(i32.add(lines.get, i32.shr_u(address, constant(LINE_SHIFT))));
  made.add(
    lines.set(statePage(STATE.LINES)),
    when(i32.eqz(lines.get), giveBack(zero)),
    when(i32.ne(i32.and(i32.and(fact(first), fact(last)), wanted), wanted), giveBack(zero)),
    i32.eqz(i32.or(line(first), line(last))),
  );
  return made;
}

/**
 * The module: it imports a memory and exports `run`. Without `tail` it is for hosts whose WebAssembly has no calls in tail
 * position: slower, the same for who runs it.
 */
export function armsBytes(tail: boolean): Uint8Array<ArrayBuffer> {
  const arms = Array.from(writers, ([op, write]) => {
    const arm = new Arm(tail);
    const end = write(arm);
    arm.add(end ?? arm.goTo(arm.next));
    return { op, arm };
  });
  // In the order of RUN, LEAVE, BESIDE and NO_ARM.
  const helpers = [run(tail), leave(), beside(), noArm(tail)];
  const functions = [...helpers, ...arms.map(({ arm }) => arm)];
  const table = Array.from({ length: OPERATIONS }, () => NO_ARM);
  for (const [i, { op }] of arms.entries()) table[op] = helpers.length + i;
  if (table.indexOf(NO_ARM, FIRST_ARM) >= 0) throw new Error("an operation has no arm");
  return moduleBytes({
    types: [helpers[LEAVE]!.type, helpers[RUN]!.type, helpers[BESIDE]!.type],
    imports: [{ kind: "memory", module: "m", name: "m", pages: undefined }],
    functions: functions.map(({ code }, i) => ({
      type: i === RUN ? 1 : i === BESIDE ? 2 : 0,
      ...(i === RUN && { name: "run" }),
      code,
    })),
    table,
  });
}
