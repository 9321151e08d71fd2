/** Moves, arithmetic, logic, bits and the stack → IR: what works on general registers. */
import { OP } from "../cpu/op.ts";
import { KIND, type Operation } from "../cpu/operation.ts";
import { EAX, EBP, EBX, EDX, ESP, SS } from "../cpu/state.ts";
import { W } from "../wasm/index.ts";
import { SLOT, type Value, WHAT } from "./ir.ts";
import { bit, bitsOf, isMemory, type Lower, type Lowering, TOP_TWO } from "./lower.ts";
import { lowerShift } from "./lower-shift.ts";
import { lowerString } from "./lower-string.ts";
import { FLAGS } from "./status.ts";

const { CF } = SLOT;

/** Two operands, the first of them read and written. */
type Two = (l: Lowering, left: Value, right: Value, bits: number) => Value;
type One = (l: Lowering, value: Value, bits: number) => Value;

function binary(l: Lowering, op: Operation, change: Two, compares = false): boolean {
  if (!l.usable(op)) return false;
  const place = l.place(op, !compares && isMemory(op.kind1));
  const right = l.value(op, op.kind2, op.b, place);
  const left = l.value(op, op.kind1, op.a, place);
  const value = change(l, left, right, bitsOf(op));
  if (!compares) l.store(op.kind1, op.a, place, value);
  return true;
}

function unary(l: Lowering, op: Operation, change: One): boolean {
  if (!l.usable(op)) return false;
  const place = l.place(op, true);
  l.store(op.kind1, op.a, place, change(l, l.value(op, op.kind1, op.a, place), bitsOf(op)));
  return true;
}

function logic(l: Lowering, opcode: number, left: Value, right: Value, bits: number): Value {
  const value = l.b.pure(opcode, left, right);
  l.flagsOfLogic(value, bits);
  return value;
}
const and: Two = (l, left, right, bits) => logic(l, W.i32_and, left, right, bits);
const or: Two = (l, left, right, bits) => logic(l, W.i32_or, left, right, bits);
const xor: Two = (l, left, right, bits) => logic(l, W.i32_xor, left, right, bits);

function sum(l: Lowering, left: Value, right: Value, bits: number): Value {
  const value = l.b.pure(W.i32_add, left, right);
  l.flagsOfSum(left, right, value, bits);
  return value;
}

function difference(l: Lowering, left: Value, right: Value, bits: number): Value {
  const value = l.b.pure(W.i32_sub, left, right);
  l.flagsOfDifference(left, right, value, bits);
  return value;
}

function sumWithCarry(l: Lowering, left: Value, right: Value, bits: number): Value {
  const { b } = l;
  const carry = b.get(CF);
  if (bits < 32) {
    const value = b.pure(W.i32_add, b.pure(W.i32_add, left, right), carry);
    l.flagsOfSum(
      left,
      right,
      value,
      bits,
      b.pure(W.i32_and, b.pure(W.i32_shr_u, value, b.const(bits)), b.const(1)),
    );
    return value;
  }
  const wide = b.pure(
    W.i64_add,
    b.pure(W.i64_add, b.pure(W.i64_extend_i32_u, left), b.pure(W.i64_extend_i32_u, right)),
    b.pure(W.i64_extend_i32_u, carry),
  );
  const value = b.pure(W.i32_wrap_i64, wide);
  l.flagsOfSum(
    left,
    right,
    value,
    bits,
    b.pure(W.i32_wrap_i64, b.pure(W.i64_shr_u, wide, b.wide(0x7e, 32n))),
  );
  return value;
}

function differenceWithBorrow(l: Lowering, left: Value, right: Value, bits: number): Value {
  const { b } = l;
  const carry = b.get(CF);
  if (bits < 32) {
    const value = b.pure(W.i32_sub, b.pure(W.i32_sub, left, right), carry);
    l.flagsOfDifference(left, right, value, bits, b.pure(W.i32_shr_u, value, b.const(31)));
    return value;
  }
  const wide = b.pure(
    W.i64_sub,
    b.pure(W.i64_sub, b.pure(W.i64_extend_i32_u, left), b.pure(W.i64_extend_i32_u, right)),
    b.pure(W.i64_extend_i32_u, carry),
  );
  const value = b.pure(W.i32_wrap_i64, wide);
  l.flagsOfDifference(
    left,
    right,
    value,
    bits,
    b.pure(W.i32_wrap_i64, b.pure(W.i64_shr_u, wide, b.wide(0x7e, 63n))),
  );
  return value;
}

/** inc and dec leave CF. */
function step(l: Lowering, of: Two, value: Value, bits: number): Value {
  const { b } = l;
  const carry = b.get(CF);
  const stepped = of(l, value, b.const(1), bits);
  b.set(CF, carry);
  return stepped;
}
const increment: One = (l, value, bits) => step(l, sum, value, bits);
const decrement: One = (l, value, bits) => step(l, difference, value, bits);
const negate: One = (l, value, bits) => difference(l, l.b.const(0), value, bits);
const complement: One = (l, value) => l.b.pure(W.i32_xor, value, l.b.const(-1));

/** `bits`: of a second operand that is extended with its sign. */
function moved(l: Lowering, op: Operation, bits: number): boolean {
  if (!l.usable(op)) return false;
  const place = l.place(op, isMemory(op.kind1));
  const value = l.value(op, op.kind2, op.b, place);
  l.store(op.kind1, op.a, place, bits === 32 ? value : l.signed(value, bits));
  return true;
}

// Multiplication and division of 32 bits ---------------------------------------------------------------------

export function productFlags(l: Lowering, tooWide: Value): void {
  l.setCarryAndOverflow(tooWide, tooWide);
}

const imul: Lower = (l, op) => {
  const { b } = l;
  if (op.shift !== 0 || !l.usable(op)) return false;
  const operands = op.form!.operands.length;
  const place = l.place(op, false);
  if (operands === 1) {
    const right = l.value(op, op.kind1, op.a, place);
    const wide = b.pure(W.i64_mul, b.pure(W.i64_extend_i32_s, b.get(EAX)), b.pure(W.i64_extend_i32_s, right));
    const low = b.pure(W.i32_wrap_i64, wide);
    b.set(EAX, low);
    b.set(EDX, b.pure(W.i32_wrap_i64, b.pure(W.i64_shr_u, wide, b.wide(0x7e, 32n))));
    productFlags(l, b.pure(W.i64_ne, wide, b.pure(W.i64_extend_i32_s, low)));
    return true;
  }
  const right = operands === 3 ? b.const(op.immediate) : l.value(op, op.kind2, op.b, place);
  const left = operands === 3 ? l.value(op, op.kind2, op.b, place) : l.value(op, op.kind1, op.a, place);
  const low = b.pure(W.i32_mul, left, right);
  const wide = b.pure(W.i64_mul, b.pure(W.i64_extend_i32_s, left), b.pure(W.i64_extend_i32_s, right));
  l.store(op.kind1, op.a, undefined, low);
  productFlags(l, b.pure(W.i64_ne, wide, b.pure(W.i64_extend_i32_s, low)));
  return true;
};

const mul: Lower = (l, op) => {
  const { b } = l;
  if (op.shift !== 0 || !l.usable(op)) return false;
  const right = l.value(op, op.kind1, op.a, l.place(op, false));
  const wide = b.pure(W.i64_mul, b.pure(W.i64_extend_i32_u, b.get(EAX)), b.pure(W.i64_extend_i32_u, right));
  const high = b.pure(W.i32_wrap_i64, b.pure(W.i64_shr_u, wide, b.wide(0x7e, 32n)));
  b.set(EAX, b.pure(W.i32_wrap_i64, wide));
  b.set(EDX, high);
  productFlags(l, b.pure(W.i32_ne, high, b.const(0)));
  return true;
};

/** CF and OF stay: cpu/undefined.ts. */
export function divisionFlags(l: Lowering): void {
  const { b } = l;
  const kept = b.pure(W.i32_or, b.pure(W.i32_and, l.carries(), b.const(TOP_TWO)), b.const(8));
  l.setFlags(b.const(1), FLAGS.WORD, kept, b.get(CF));
}

/** What raises #DE leaves the region. */
const div: Lower = (l, op) => {
  const { b } = l;
  if (op.shift !== 0 || !l.usable(op)) return false;
  const by = l.value(op, op.kind1, op.a, l.place(op, false));
  const high = b.get(EDX);
  const low = b.get(EAX);
  b.leave(b.pure(W.i32_ge_u, high, by));
  if (high.what === WHAT.CONST && high.number === 0) {
    b.set(EAX, b.pure(W.i32_div_u, low, by));
    b.set(EDX, b.pure(W.i32_rem_u, low, by));
  } else {
    const dividend = b.pure(
      W.i64_or,
      b.pure(W.i64_shl, b.pure(W.i64_extend_i32_u, high), b.wide(0x7e, 32n)),
      b.pure(W.i64_extend_i32_u, low),
    );
    const divisor = b.pure(W.i64_extend_i32_u, by);
    b.set(EAX, b.pure(W.i32_wrap_i64, b.pure(W.i64_div_u, dividend, divisor)));
    b.set(EDX, b.pure(W.i32_wrap_i64, b.pure(W.i64_rem_u, dividend, divisor)));
  }
  divisionFlags(l);
  return true;
};

/** Dividends of 32 bits, sign-extended, by neither 0 nor -1; others are left to the interpreter. */
const idiv: Lower = (l, op) => {
  const { b } = l;
  if (op.shift !== 0 || !l.usable(op)) return false;
  const by = l.value(op, op.kind1, op.a, l.place(op, false));
  const low = b.get(EAX);
  b.leave(b.pure(W.i32_ne, b.get(EDX), b.pure(W.i32_shr_s, low, b.const(31))));
  b.leave(b.pure(W.i32_lt_u, l.add(by, 1), b.const(2)));
  b.set(EAX, b.pure(W.i32_div_s, low, by));
  b.set(EDX, b.pure(W.i32_rem_s, low, by));
  divisionFlags(l);
  return true;
};

// Bits -------------------------------------------------------------------------------------------------------

type Bit = (l: Lowering, value: Value, mask: Value) => Value;
const setBit: Bit = (l, value, mask) => l.b.pure(W.i32_or, value, mask);
const resetBit: Bit = (l, value, mask) =>
  l.b.pure(W.i32_and, value, l.b.pure(W.i32_xor, mask, l.b.const(-1)));
const complementBit: Bit = (l, value, mask) => l.b.pure(W.i32_xor, value, mask);

function bitTest(l: Lowering, op: Operation, change?: Bit): boolean {
  const { b } = l;
  if (!l.usable(op) || (isMemory(op.kind1) && op.kind2 !== KIND.IMMEDIATE)) return false;
  const place = l.place(op, change !== undefined);
  const offset = b.pure(W.i32_and, l.value(op, op.kind2, op.b, place), b.const(bitsOf(op) - 1));
  const value = l.value(op, op.kind1, op.a, place);
  if (change) l.store(op.kind1, op.a, place, change(l, value, b.pure(W.i32_shl, b.const(1), offset)));
  b.set(CF, bit(l, b.pure(W.i32_shr_u, value, offset)));
  return true;
}

const lowestBit: One = (l, value) => l.b.pure(W.i32_ctz, value);
const highestBit: One = (l, value) => l.b.pure(W.i32_sub, l.b.const(31), l.b.pure(W.i32_clz, value));

function scan(l: Lowering, op: Operation, find: One): boolean {
  const { b } = l;
  if (!l.usable(op)) return false;
  const place = l.place(op, false);
  const value = l.value(op, op.kind2, op.b, place);
  const found = find(l, value, bitsOf(op));
  const none = b.pure(W.i32_eqz, value);
  // ZF says whether there was none: a result of 0 becomes 1, with its parity corrected.
  const first = b.pure(W.i32_eqz, found);
  const zero = b.const(0);
  l.setFlags(
    b.select(none, zero, b.select(first, b.const(1), found)),
    FLAGS.WORD,
    b.select(none, zero, b.pure(W.i32_shl, first, b.const(8))),
    zero,
  );
  l.store(op.kind1, op.a, undefined, b.select(none, l.value(op, op.kind1, op.a, undefined), found));
  return true;
}

const swap = (l: Lowering, value: Value): Value => {
  const { b } = l;
  const turned = b.pure(W.i32_rotl, value, b.const(8));
  const other = b.pure(W.i32_rotr, value, b.const(8));
  return b.pure(
    W.i32_or,
    b.pure(W.i32_and, turned, b.const(0x00ff_00ff)),
    b.pure(W.i32_and, other, b.const(0xff00_ff00 | 0)),
  );
};

// The stack --------------------------------------------------------------------------------------------------

/** Pushes and sets ESP; all checks of the instruction but this one are made. */
function push(l: Lowering, value: (l: Lowering) => Value): void {
  const { b } = l;
  const esp = l.add(b.get(ESP), -4);
  b.check(esp, 4, true);
  l.storePlain(esp, 4, value(l));
  b.set(ESP, esp);
}

const pushOperand: Lower = (l, op) => {
  if (op.op !== OP.PUSH_R && op.op !== OP.PUSH_I && op.op !== OP.PUSH_M) return false;
  const place = l.place(op, false);
  push(l, () => l.value(op, op.kind1, op.a, place));
  return true;
};

const popOperand: Lower = (l, op) => {
  if (op.op !== OP.POP_R) return false;
  const { b } = l;
  const esp = b.get(ESP);
  b.check(esp, 4, false);
  const value = l.loadPlain(esp, 4);
  b.set(ESP, l.add(esp, 4));
  b.set(op.a, value);
  return true;
};

const leave: Lower = (l, op) => {
  if (op.op !== OP.LEAVE) return false;
  const { b } = l;
  const frame = b.get(EBP);
  b.check(frame, 4, false);
  b.set(EBP, l.loadPlain(frame, 4));
  b.set(ESP, l.add(frame, 4));
  return true;
};

const pushAll: Lower = (l, op) => {
  if (op.operandSize !== 32 || !l.isFlat(SS)) return false;
  const { b } = l;
  const esp = b.get(ESP);
  b.check(l.add(esp, -32), 32, true);
  for (let register = 0; register < 8; register++) {
    l.storePlain(l.add(esp, -4 - 4 * register), 4, b.get(register));
  }
  b.set(ESP, l.add(esp, -32));
  return true;
};

const popAll: Lower = (l, op) => {
  if (op.operandSize !== 32 || !l.isFlat(SS)) return false;
  const { b } = l;
  const esp = b.get(ESP);
  b.check(esp, 32, false);
  for (let register = 0; register < 8; register++) {
    if (register !== ESP) b.set(register, l.loadPlain(l.add(esp, 28 - 4 * register), 4));
  }
  b.set(ESP, l.add(esp, 32));
  return true;
};

const lea: Lower = (l, op) => {
  if (op.kind1 !== KIND.R32 || op.addressMask !== -1) return false;
  l.b.set(op.a, l.address(op));
  return true;
};

const exchange: Lower = (l, op) => {
  if (!l.usable(op)) return false;
  const place = l.place(op, true);
  const left = l.value(op, op.kind1, op.a, place);
  const right = l.value(op, op.kind2, op.b, place);
  l.store(op.kind1, op.a, place, right);
  l.store(op.kind2, op.b, place, left);
  return true;
};

const translate: Lower = (l, op) => {
  const { b } = l;
  if (!l.plain(op)) return false;
  const address = b.pure(W.i32_add, b.get(EBX), b.pure(W.i32_and, b.get(EAX), b.const(255)));
  b.check(address, 1, false);
  l.store(KIND.R8, EAX, undefined, l.loadPlain(address, 1));
  return true;
};

/** By the name of its form: the usual ones first. A table of functions would have to be made before the first is asked for. */
function lowerNamed(l: Lowering, op: Operation, name: string): boolean {
  const { b } = l;
  switch (name) {
    case "mov":
    case "movzx":
      return moved(l, op, 32);
    case "add":
      return binary(l, op, sum);
    case "cmp":
      return binary(l, op, difference, true);
    case "lea":
      return lea(l, op);
    case "push":
      return pushOperand(l, op);
    case "pop":
      return popOperand(l, op);
    case "xor":
      return binary(l, op, xor);
    case "sub":
      return binary(l, op, difference);
    case "inc":
      return unary(l, op, increment);
    case "dec":
      return unary(l, op, decrement);
    case "and":
      return binary(l, op, and);
    case "or":
      return binary(l, op, or);
    case "test":
      return binary(l, op, and, true);
    case "shl":
    case "shr":
    case "sar":
    case "rol":
    case "ror":
    case "rcl":
    case "rcr":
    case "shld":
    case "shrd":
      return lowerShift(l, op, name);
    case "movsx":
      return moved(l, op, op.kind2 === KIND.R8 || op.kind2 === KIND.M8 ? 8 : 16);
    case "adc":
      return binary(l, op, sumWithCarry);
    case "sbb":
      return binary(l, op, differenceWithBorrow);
    case "neg":
      return unary(l, op, negate);
    case "not":
      return unary(l, op, complement);
    case "xchg":
      return exchange(l, op);
    case "imul":
      return imul(l, op);
    case "mul":
      return mul(l, op);
    case "div":
      return div(l, op);
    case "idiv":
      return idiv(l, op);
    case "leave":
      return leave(l, op);
    case "bt":
      return bitTest(l, op);
    case "bts":
      return bitTest(l, op, setBit);
    case "btr":
      return bitTest(l, op, resetBit);
    case "btc":
      return bitTest(l, op, complementBit);
    case "bsf":
      return scan(l, op, lowestBit);
    case "bsr":
      return scan(l, op, highestBit);
    case "bswap":
      if (op.kind1 !== KIND.R32) return false;
      b.set(op.a, swap(l, b.get(op.a)));
      return true;
    case "cbw":
      l.store(KIND.R16, 0, undefined, l.signed(b.get(EAX), 8));
      return true;
    case "cwde":
      b.set(EAX, l.signed(b.get(EAX), 16));
      return true;
    case "cwd":
      l.store(KIND.R16, EDX * 2, undefined, b.pure(W.i32_shr_s, l.signed(b.get(EAX), 16), b.const(31)));
      return true;
    case "cdq":
      b.set(EDX, b.pure(W.i32_shr_s, b.get(EAX), b.const(31)));
      return true;
    case "xlatb":
      return translate(l, op);
    case "pushad":
      return pushAll(l, op);
    case "popad":
      return popAll(l, op);
    case "clc":
      b.set(CF, b.const(0));
      return true;
    case "stc":
      b.set(CF, b.const(1));
      return true;
    case "cmc":
      b.set(CF, b.pure(W.i32_eqz, b.get(CF)));
      return true;
    case "nop":
    case "pause":
      return true;
    // Far pointers, control registers and the like have their executors.
    default:
      return lowerString(l, op, name);
  }
}

const conditional: Lower = (l, op) => {
  const { b } = l;
  const { name } = op.form!;
  if (name.startsWith("set")) {
    if (!l.usable(op)) return false;
    const place = l.place(op, true);
    l.store(op.kind1, op.a, place, l.condition(op.extra));
    return true;
  }
  if (!name.startsWith("cmov") || !l.usable(op)) return false;
  const place = l.place(op, false);
  const value = l.value(op, op.kind2, op.b, place);
  l.store(
    op.kind1,
    op.a,
    undefined,
    b.select(l.condition(op.extra), value, l.value(op, op.kind1, op.a, undefined)),
  );
  return true;
};

/** Lowers an operation that goes on with the next one. False: nothing was done, the executor must. */
export function lowerInteger(l: Lowering, op: Operation): boolean {
  if (op.op === OP.NOP) return true;
  const form = op.form;
  if (form === undefined) return false;
  if (op.soft && op.kind1 !== KIND.IMMEDIATE && op.kind2 !== KIND.IMMEDIATE) return false;
  const { operands, name } = form;
  for (let i = 0; i < operands.length; i++) {
    const { file } = operands[i]!;
    if (file !== undefined && file !== "general") return false;
  }
  if (form.condition >= 0) return conditional(l, op);
  return op.string === undefined ? lowerNamed(l, op, name) : lowerString(l, op, name.slice(0, -1));
}
