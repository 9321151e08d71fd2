/**
 * The instructions of the x87. Arithmetic is in float/, the registers in x87-registers.ts; here is when an
 * exception leaves the operands alone, what becomes of an empty or full stack, and what the processor remembers of
 * the last instruction. SDM vol. 1, chapter 8; vol. 2A.
 */
import type { Form } from "../../../isa/index.ts";
import { RAM_BASE } from "../../memory/memory.ts";
import { fault } from "../fault.ts";
import { CF, condition, PF, setArithmetic, ZF } from "../flags.ts";
import * as arithmetic from "../float/arithmetic.ts";
import { classify, compare, EQUAL, GREATER, LESS } from "../float/compare.ts";
import * as convert from "../float/convert.ts";
import {
  BEFORE,
  DE,
  Extended,
  IE,
  isNaN80,
  isUnsupported,
  OE,
  SIGN,
  setIndefinite,
  TRUNCATE,
  UE,
  Unit,
  ZE,
} from "../float/extended.ts";
import * as steps from "../float/steps.ts";
import * as transcendental from "../float/transcendental.ts";
import type { Executor, Operation } from "../operation.ts";
import type { Processor } from "../processor.ts";
import { EAX } from "../state.ts";
import { X87_CONDITIONS } from "./units.ts";
import { quickly, quickPlan } from "./x87-quick.ts";
import {
  BUSY,
  C0,
  C1,
  C2,
  C3,
  CONTROL,
  ES,
  free,
  INSTRUCTION,
  INSTRUCTION_SELECTOR,
  initialise,
  isEmpty,
  moveTop,
  OPCODE,
  OPERAND,
  OPERAND_SELECTOR,
  pop,
  read,
  remember,
  rememberOperand,
  SF_STACK,
  STATUS,
  setTagWord,
  summarise,
  tagWord,
  write,
  writePhysical,
} from "./x87-registers.ts";

const { stored } = convert;

const unit = new Unit();
const first = new Extended();
const second = new Extended();
const result = new Extended();
const other = new Extended();
const indefinite = new Extended();
setIndefinite(indefinite);
const zero = new Extended();
const one = new Extended();
one.set(0x3fff, 0x8000_0000 | 0, 0);

/** An exception of an earlier instruction comes out here. SDM vol. 1, 8.6. */
function waitForErrors(words: Int32Array): void {
  if (words[STATUS]! & ES) throw fault("#MF");
}

/** WAIT. */
export function wait(cpu: Processor): void {
  waitForErrors(cpu.words);
}

/** Whether the present operation met an empty register, or a full one. */
let stackFault = false;

/** Begins an operation: nothing has been found yet. */
function begin(words: Int32Array): void {
  const control = words[CONTROL]!;
  unit.rounding = (control >> 10) & 3;
  unit.precision = (control >> 8) & 3;
  unit.masks = control & 0x3f;
  unit.raised = 0;
  unit.up = 0;
  stackFault = false;
}

/** Whether an exception was found that forbids the rest of the operation. */
const isRefused = (): boolean => (unit.raised & ~unit.masks & BEFORE) !== 0;

/** Puts what the operation found into the status word; `codes` replace C0, C2, C3 where `mask` says so. */
function report(words: Int32Array, codes = 0, mask = 0): void {
  if (isRefused()) {
    unit.raised &= BEFORE;
    unit.up = 0;
  }
  let status = (words[STATUS]! & ~(C1 | mask)) | codes | unit.raised;
  if (unit.up) status |= C1;
  if (unit.raised & ~unit.masks) status |= ES | BUSY;
  words[STATUS] = status;
}

/** Reports, for instructions that leave C1 alone unless the stack is at fault. */
function reportKeepingC1(words: Int32Array): void {
  const kept = stackFault ? 0 : words[STATUS]! & C1;
  report(words);
  words[STATUS] = words[STATUS]! | kept;
}

/** An empty register was read: C1 is 0. SDM vol. 1, 8.5.1.1. */
function underflow(words: Int32Array): boolean {
  unit.raised |= IE;
  stackFault = true;
  words[STATUS] = words[STATUS]! | SF_STACK;
  return (unit.masks & IE) !== 0;
}

/** A full one was to be written: C1 is 1. */
function overflow(words: Int32Array): boolean {
  unit.raised |= IE;
  stackFault = true;
  words[STATUS] = words[STATUS]! | SF_STACK;
  return (unit.masks & IE) !== 0;
}

/** Reports a stack overflow, whose C1 is 1 also when the operation is refused. */
function reportOverflow(words: Int32Array): void {
  report(words);
  words[STATUS] = words[STATUS]! | C1;
}

function push(words: Int32Array, value: Extended): void {
  moveTop(words, -1);
  write(words, 0, value);
}

// Memory -----------------------------------------------------------------------------------------------------

/** What was read from memory, up to 80 bits. */
const loaded = { lo: 0, hi: 0, top: 0 };

/** Bytes of the memory operand. */
type Size = 2 | 4 | 8 | 10;

/**
 * The linear address of `size` bytes, `offset` bytes inside the memory operand. Operands of more than eight bytes are
 * accessed in parts, each of which is checked, and with 16-bit addresses wraps at 64 KiB, by itself.
 */
function part(cpu: Processor, op: Operation, offset: number, size: number, write: boolean): number {
  const at = cpu.address(op, size, write, offset);
  cpu.admitInSegment(at, size, write ? "write" : "read");
  return at;
}

/** Of ten bytes the significand is the first part, sign and exponent are the second. */
const SIGNIFICAND = 8;

/** Whether the second part follows the first: then they are one access to who watches. */
const isBehind = (at: number, end: number): boolean => (at >>> 0) + SIGNIFICAND === end >>> 0;

/** Reads what is `offset` bytes inside the memory operand. */
function load(cpu: Processor, op: Operation, size: Size, offset = 0): void {
  if (size === 2) {
    loaded.lo = cpu.read16(cpu.address(op, 2, false));
    return;
  }
  const length = Math.min(size, SIGNIFICAND);
  const at = part(cpu, op, offset, length, false);
  cpu.admitRead(at, length);
  const end = size === 10 ? part(cpu, op, offset + SIGNIFICAND, 2, false) : 0;
  const whole = size !== 10 || isBehind(at, end);
  cpu.reading(at, whole ? size : length);
  const { view } = cpu;
  const from = (at + RAM_BASE) >>> 0;
  loaded.lo = view.getInt32(from, true);
  if (size >= 8) loaded.hi = view.getInt32(from + 4, true);
  if (size !== 10) return;
  loaded.top = whole ? view.getUint16(from + SIGNIFICAND, true) : cpu.read16(end);
}

/** Sees to it that a memory operand can be written. */
function admitStore(cpu: Processor, op: Operation, size: Size): void {
  const length = Math.min(size, SIGNIFICAND);
  cpu.admitChange(part(cpu, op, 0, length, true), length);
  if (size === 10) cpu.admitChange(part(cpu, op, SIGNIFICAND, 2, true), 2);
}

/** Writes `convert.stored`. */
function store(cpu: Processor, op: Operation, size: Size): void {
  if (size === 2) {
    cpu.write16(cpu.address(op, 2, true), stored.lo & 0xffff);
    return;
  }
  const at = part(cpu, op, 0, Math.min(size, SIGNIFICAND), true);
  const end = size === 10 ? part(cpu, op, SIGNIFICAND, 2, true) : 0;
  const whole = size !== 10 || isBehind(at, end);
  const length = whole ? size : SIGNIFICAND;
  const code = cpu.writing(at, length);
  const { view } = cpu;
  const to = (at + RAM_BASE) >>> 0;
  view.setInt32(to, stored.lo, true);
  if (size >= 8) view.setInt32(to + 4, stored.hi, true);
  if (size === 10 && whole) view.setUint16(to + SIGNIFICAND, stored.top, true);
  if (code) cpu.written(at, length);
  if (!whole) cpu.write16(end, stored.top);
}

/** How the bytes of a memory operand are meant. */
type Format = "real" | "integer" | "decimal";

/** Makes a number of what was read. */
function interpret(size: Size, format: Format, to: Extended): void {
  if (format === "decimal") convert.fromDecimal(loaded.lo, loaded.hi, loaded.top, to);
  else if (format === "integer") {
    if (size === 2) convert.fromInt32((loaded.lo << 16) >> 16, to);
    else if (size === 4) convert.fromInt32(loaded.lo, to);
    else convert.fromInt64(loaded.hi, loaded.lo, to);
  } else if (size === 4) convert.fromSingle(unit, loaded.lo, to);
  else if (size === 8) convert.fromDouble(unit, loaded.hi, loaded.lo, to);
  else to.set(loaded.top, loaded.hi, loaded.lo);
}

/** Where the second operand is: `size` 0 in a register. */
interface Source {
  readonly size: 0 | Size;
  readonly format: Format;
}

/**
 * Reads the operand of a comparison or operation with ST(0) into `second`. Memory that cannot be read throws;
 * false when the register is empty.
 */
function readSource(cpu: Processor, op: Operation, { size, format }: Source): boolean {
  const { words } = cpu;
  if (size === 0) {
    remember(cpu, op);
    read(words, op.extra & 7, second);
    return !isEmpty(words, op.extra & 7);
  }
  load(cpu, op, size);
  rememberOperand(cpu, op);
  interpret(size, format, second);
  return true;
}

/** A denormal in memory counts only when the operation comes to look at it. */
function forgetDenormal(): void {
  if (isUnsupported(first) || isNaN80(first) || isNaN80(second)) unit.raised &= ~DE;
}

// Two operands -----------------------------------------------------------------------------------------------

type Binary = (u: Unit, a: Extended, b: Extended, r: Extended) => void;

const operations: Readonly<Record<string, Binary>> = {
  add: (u, a, b, r) => arithmetic.add(u, a, b, r, 0),
  sub: (u, a, b, r) => arithmetic.add(u, a, b, r, SIGN),
  subr: (u, a, b, r) => arithmetic.add(u, b, a, r, SIGN),
  mul: arithmetic.multiply,
  div: arithmetic.divide,
  divr: (u, a, b, r) => arithmetic.divide(u, b, a, r),
};

/** ST(0) and a register or memory, into ST(0). */
function intoTop(operation: Binary, source: Source): Executor {
  return (cpu, op) => {
    const { words } = cpu;
    waitForErrors(words);
    begin(words);
    const there = readSource(cpu, op, source);
    if (!there || isEmpty(words, 0)) {
      unit.raised = 0;
      if (underflow(words)) write(words, 0, indefinite);
    } else {
      read(words, 0, first);
      if (unit.raised) forgetDenormal();
      operation(unit, first, second, result);
      if (unit.raised & ZE) unit.raised &= ~DE;
      if (!isRefused()) write(words, 0, result);
    }
    report(words);
  };
}

/** A register and ST(0), into the register. */
function intoRegister(operation: Binary, pops: boolean): Executor {
  return (cpu, op) => {
    const { words } = cpu;
    waitForErrors(words);
    begin(words);
    remember(cpu, op);
    const i = op.extra & 7;
    let done: boolean;
    if (isEmpty(words, i) || isEmpty(words, 0)) {
      done = underflow(words);
      if (done) write(words, i, indefinite);
    } else {
      read(words, i, first);
      read(words, 0, second);
      operation(unit, first, second, result);
      done = !isRefused();
      if (done) write(words, i, result);
    }
    if (done && pops) pop(words);
    report(words);
  };
}

/** ST(0) and ST(1), into ST(1), which becomes the top. */
function intoSecond(operation: Binary): Executor {
  return (cpu, op) => {
    const { words } = cpu;
    waitForErrors(words);
    begin(words);
    remember(cpu, op);
    let done: boolean;
    if (isEmpty(words, 0) || isEmpty(words, 1)) {
      done = underflow(words);
      if (done) write(words, 1, indefinite);
    } else {
      read(words, 1, first);
      read(words, 0, second);
      operation(unit, first, second, result);
      done = !isRefused();
      if (done) write(words, 1, result);
    }
    if (done) pop(words);
    report(words);
  };
}

// One operand ------------------------------------------------------------------------------------------------

type Unary = (u: Unit, a: Extended, r: Extended) => void;

function onTop(operation: Unary): Executor {
  return (cpu, op) => {
    const { words } = cpu;
    waitForErrors(words);
    begin(words);
    remember(cpu, op);
    if (isEmpty(words, 0)) {
      if (underflow(words)) write(words, 0, indefinite);
    } else {
      read(words, 0, first);
      operation(unit, first, result);
      if (!isRefused()) write(words, 0, result);
    }
    report(words);
  };
}

/** The same for what clears C2 when it is done, and sets it when the operand is too large. */
function ofAngle(operation: Unary): Executor {
  const plain = onTop(operation);
  return (cpu, op) => {
    const { words } = cpu;
    waitForErrors(words);
    if (!isEmpty(words, 0)) {
      read(words, 0, first);
      if (transcendental.isOutOfReach(first)) {
        begin(words);
        remember(cpu, op);
        report(words, C2, C2);
        return;
      }
    }
    plain(cpu, op);
    words[STATUS] = words[STATUS]! & ~C2;
  };
}

/** Two results: one replaces ST(0), the other is pushed. `angle`: C2 tells whether the operand was in reach. */
function twoResults(
  operation: (u: Unit, a: Extended, below: Extended, above: Extended) => void,
  angle: boolean,
): Executor {
  return (cpu, op) => {
    const { words } = cpu;
    const mask = angle ? C2 : 0;
    waitForErrors(words);
    begin(words);
    remember(cpu, op);
    const empty = isEmpty(words, 0);
    if (empty || !isEmpty(words, -1)) {
      if (underflow(words)) {
        write(words, 0, indefinite);
        push(words, indefinite);
      }
      if (empty) report(words, 0, mask);
      else {
        report(words, 0, mask);
        words[STATUS] = words[STATUS]! | C1;
      }
      return;
    }
    read(words, 0, first);
    if (angle && transcendental.isOutOfReach(first)) {
      report(words, C2, C2);
      return;
    }
    operation(unit, first, result, other);
    if (!isRefused()) {
      write(words, 0, result);
      push(words, other);
    }
    report(words, 0, mask);
  };
}

/** ST(0) by ST(1), into ST(0). */
function byNext(
  operation: (u: Unit, a: Extended, b: Extended, r: Extended) => number,
  codes: number,
): Executor {
  return (cpu, op) => {
    const { words } = cpu;
    waitForErrors(words);
    begin(words);
    remember(cpu, op);
    // Without a quotient its bits keep their values; C2 says that nothing is left to do.
    let found = 0;
    let mask = codes & C2;
    if (isEmpty(words, 0) || isEmpty(words, 1)) {
      if (underflow(words)) write(words, 0, indefinite);
    } else {
      read(words, 0, first);
      read(words, 1, second);
      const quotient = operation(unit, first, second, result);
      if (!isRefused()) {
        write(words, 0, result);
        if (codes !== 0 && quotient !== steps.NO_QUOTIENT) {
          mask = codes;
          if (quotient === steps.NOT_FINISHED) found = C2;
          else {
            found = (quotient & 4 ? C0 : 0) | (quotient & 2 ? C3 : 0);
            unit.up = quotient & 1;
          }
        }
      }
    }
    report(words, found, mask);
  };
}

const QUOTIENT = C0 | C2 | C3;

const remainderOf =
  (nearest: boolean) =>
  (u: Unit, a: Extended, b: Extended, r: Extended): number =>
    steps.partialRemainder(u, a, b, r, nearest);

// Loads ------------------------------------------------------------------------------------------------------

function pushed(words: Int32Array): void {
  if (!isEmpty(words, -1)) {
    if (overflow(words)) push(words, indefinite);
    reportOverflow(words);
    return;
  }
  if (!isRefused()) push(words, result);
  report(words);
}

function loadMemory(size: Size, format: Format): Executor {
  return (cpu, op) => {
    const { words } = cpu;
    waitForErrors(words);
    begin(words);
    load(cpu, op, size);
    rememberOperand(cpu, op);
    if (!isEmpty(words, -1)) {
      if (overflow(words)) push(words, indefinite);
      reportOverflow(words);
      return;
    }
    interpret(size, format, result);
    if (format === "real" && size !== 10 && isNaN80(result)) {
      if ((result.hi & 0x4000_0000) === 0) unit.raised |= IE;
      result.hi |= 0x4000_0000;
    }
    // A denormal is loaded also when it is not masked: only what cannot be converted is refused.
    if (!(unit.raised & ~unit.masks & IE)) push(words, result);
    report(words);
  };
}

function loadRegister(cpu: Processor, op: Operation): void {
  const { words } = cpu;
  waitForErrors(words);
  begin(words);
  remember(cpu, op);
  const i = op.extra & 7;
  if (isEmpty(words, i)) {
    if (underflow(words)) push(words, indefinite);
    report(words);
    return;
  }
  read(words, i, result);
  pushed(words);
}

function loadConstant(name: string): Executor {
  const value = steps.constants[name]!;
  return (cpu, op) => {
    const { words } = cpu;
    waitForErrors(words);
    begin(words);
    remember(cpu, op);
    steps.constant(unit, value, result);
    pushed(words);
  };
}

// Stores -----------------------------------------------------------------------------------------------------

/** Whether nothing may be stored: also overflow and underflow, when they are not masked. SDM vol. 1, 8.5.4. */
const isStoreRefused = (): boolean => (unit.raised & ~unit.masks & (BEFORE | OE | UE)) !== 0;

function storeMemory(size: Size, format: Format, pops: boolean, truncate = false): Executor {
  return (cpu, op) => {
    const { words } = cpu;
    waitForErrors(words);
    begin(words);
    admitStore(cpu, op, size);
    const empty = isEmpty(words, 0);
    if (empty) first.copy(indefinite);
    else read(words, 0, first);
    if (format === "decimal") convert.toDecimal(unit, first);
    else if (format === "integer") {
      convert.toInteger(unit, first, size * 8, truncate ? TRUNCATE : unit.rounding);
    } else if (size === 4) convert.toSingle(unit, first);
    else if (size === 8) convert.toDouble(unit, first);
    else {
      stored.lo = first.lo;
      stored.hi = first.hi;
      stored.top = first.se;
    }
    if (empty) underflow(words);
    if (!isStoreRefused()) {
      store(cpu, op, size);
      rememberOperand(cpu, op);
      if (pops) pop(words);
    } else rememberOperand(cpu, op);
    report(words);
  };
}

/** `lenient`: the second encoding of fstp, D9 D8+i, takes no offence at an empty register. */
function storeRegister(pops: boolean, lenient: boolean): Executor {
  return (cpu, op) => {
    const { words } = cpu;
    waitForErrors(words);
    begin(words);
    remember(cpu, op);
    let done = true;
    if (isEmpty(words, 0)) {
      done = lenient || underflow(words);
      if (done && !lenient) write(words, op.extra & 7, indefinite);
    } else {
      read(words, 0, first);
      write(words, op.extra & 7, first);
    }
    if (done && pops) pop(words);
    report(words);
  };
}

function exchange(cpu: Processor, op: Operation): void {
  const { words } = cpu;
  waitForErrors(words);
  begin(words);
  remember(cpu, op);
  const i = op.extra & 7;
  const emptyTop = isEmpty(words, 0);
  const emptyOther = isEmpty(words, i);
  let done = true;
  if (emptyTop || emptyOther) done = underflow(words);
  if (done) {
    if (emptyTop) first.copy(indefinite);
    else read(words, 0, first);
    if (emptyOther) second.copy(indefinite);
    else read(words, i, second);
    write(words, i, first);
    write(words, 0, second);
  }
  report(words);
}

function conditionalMove(code: number): Executor {
  return (cpu, op) => {
    const { words } = cpu;
    waitForErrors(words);
    begin(words);
    remember(cpu, op);
    const i = op.extra & 7;
    if (isEmpty(words, 0) || isEmpty(words, i)) {
      if (underflow(words)) write(words, 0, indefinite);
    } else if (condition(words, code)) {
      read(words, i, first);
      write(words, 0, first);
    }
    reportKeepingC1(words);
  };
}

// Comparisons ------------------------------------------------------------------------------------------------

const CODES = C0 | C2 | C3;

const codesOf = (order: number): number =>
  order === LESS ? C0 : order === EQUAL ? C3 : order === GREATER ? 0 : CODES;

function comparison(source: Source | "zero", quietly: boolean, pops: number): Executor {
  return (cpu, op) => {
    const { words } = cpu;
    waitForErrors(words);
    begin(words);
    let there = true;
    if (source === "zero") {
      remember(cpu, op);
      second.copy(zero);
    } else there = readSource(cpu, op, source);
    let codes = CODES;
    if (!there || isEmpty(words, 0)) {
      unit.raised = 0;
      underflow(words);
    } else {
      read(words, 0, first);
      if (unit.raised) forgetDenormal();
      codes = codesOf(compare(unit, first, second, quietly));
    }
    if (!isRefused()) for (let count = pops; count > 0; count--) pop(words);
    report(words, codes, CODES);
  };
}

/** Into EFLAGS: ZF, PF and CF, with OF, SF and AF cleared. SDM vol. 2A, FCOMI. */
function comparisonOfFlags(quietly: boolean, pops: boolean): Executor {
  return (cpu, op) => {
    const { words } = cpu;
    waitForErrors(words);
    begin(words);
    remember(cpu, op);
    const i = op.extra & 7;
    let codes = CODES;
    if (isEmpty(words, 0) || isEmpty(words, i)) underflow(words);
    else {
      read(words, 0, first);
      read(words, i, second);
      codes = codesOf(compare(unit, first, second, quietly));
    }
    setArithmetic(words, (codes & C0 ? CF : 0) | (codes & C2 ? PF : 0) | (codes & C3 ? ZF : 0));
    if (pops && !isRefused()) pop(words);
    reportKeepingC1(words);
  };
}

const CLASSES = {
  unsupported: 0,
  nan: C0,
  normal: C2,
  infinity: C2 | C0,
  zero: C3,
  denormal: C3 | C2,
} as const;

function examine(cpu: Processor, op: Operation): void {
  const { words } = cpu;
  waitForErrors(words);
  remember(cpu, op);
  read(words, 0, first);
  const codes = isEmpty(words, 0) ? C3 | C0 : CLASSES[classify(first)];
  words[STATUS] = (words[STATUS]! & ~(CODES | C1)) | codes | (first.se & SIGN ? C1 : 0);
}

// Control ----------------------------------------------------------------------------------------------------

/** What waits, and changes nothing but what `change` does. */
function waiting(change: (words: Int32Array, i: number) => void): Executor {
  return (cpu, op) => {
    waitForErrors(cpu.words);
    remember(cpu, op);
    change(cpu.words, op.extra & 7);
  };
}

function clearC1(words: Int32Array): void {
  words[STATUS] = words[STATUS]! & ~C1;
}

function setControl(words: Int32Array, value: number): void {
  words[CONTROL] = (value & 0x1f3f) | 0x40;
  summarise(words);
}

function loadControl(cpu: Processor, op: Operation): void {
  waitForErrors(cpu.words);
  setControl(cpu.words, cpu.read16(cpu.address(op, 2, false)));
}

function storeControl(cpu: Processor, op: Operation): void {
  cpu.write16(cpu.address(op, 2, true), cpu.words[CONTROL]!);
}

function storeStatus(cpu: Processor, op: Operation): void {
  cpu.write16(cpu.address(op, 2, true), cpu.words[STATUS]!);
}

function storeStatusInAx(cpu: Processor): void {
  cpu.halves[EAX] = cpu.words[STATUS]!;
}

function clearExceptions({ words }: Processor): void {
  words[STATUS] = words[STATUS]! & 0x7f00;
}

const environmentBytes = (op: Operation): number => (op.operandSize === 16 ? 14 : 28);

/** Bytes of a part of the environment. */
const environmentPart = (op: Operation): number => op.operandSize >> 3;

/** Looks at the first part of a memory operand, then at the last byte, before anything else is accessed. */
function admitEnds(cpu: Processor, op: Operation, length: number, write: boolean): void {
  const admit = (offset: number, size: number): void => {
    const at = part(cpu, op, offset, size, write);
    if (write) cpu.admitChange(at, size);
    else cpu.admitRead(at, size);
  };
  admit(0, environmentPart(op));
  admit(length - 1, 1);
}

/** Layouts: SDM vol. 1, figures 8-9 and 8-11. */
function writeEnvironment(cpu: Processor, op: Operation): void {
  const { words } = cpu;
  const tags = tagWord(words, first);
  if (op.operandSize === 16) {
    const values = [
      words[CONTROL]!,
      words[STATUS]!,
      tags,
      words[INSTRUCTION]!,
      words[INSTRUCTION_SELECTOR]!,
      words[OPERAND]!,
      words[OPERAND_SELECTOR]!,
    ];
    for (const [i, value] of values.entries()) cpu.write16(part(cpu, op, 2 * i, 2, true), value);
    return;
  }
  const values = [
    0xffff_0000 | words[CONTROL]!,
    0xffff_0000 | words[STATUS]!,
    0xffff_0000 | tags,
    words[INSTRUCTION]!,
    (words[OPCODE]! << 16) | words[INSTRUCTION_SELECTOR]!,
    words[OPERAND]!,
    0xffff_0000 | words[OPERAND_SELECTOR]!,
  ];
  for (const [i, value] of values.entries()) cpu.write32(part(cpu, op, 4 * i, 4, true), value);
}

/** The control word comes last: where a part of the rest cannot be read, those before it have been loaded, but not it. */
function readEnvironment(cpu: Processor, op: Operation): number {
  const { words } = cpu;
  const size = environmentPart(op);
  const next = (i: number): number => {
    const at = part(cpu, op, size * i, size, false);
    return size === 2 ? cpu.read16(at) : cpu.read32(at);
  };
  const control = next(0) & 0xffff;
  words[STATUS] = next(1) & 0xffff;
  summarise(words);
  setTagWord(words, next(2) & 0xffff);
  words[INSTRUCTION] = next(3);
  const code = next(4);
  words[INSTRUCTION_SELECTOR] = code & 0xffff;
  words[OPCODE] = size === 2 ? 0 : (code >>> 16) & 0x7ff;
  words[OPERAND] = next(5);
  words[OPERAND_SELECTOR] = next(6) & 0xffff;
  return control;
}

function storeEnvironment(cpu: Processor, op: Operation): void {
  admitEnds(cpu, op, environmentBytes(op), true);
  writeEnvironment(cpu, op);
  setControl(cpu.words, cpu.words[CONTROL]! | 0x3f);
}

function loadEnvironment(cpu: Processor, op: Operation): void {
  waitForErrors(cpu.words);
  admitEnds(cpu, op, environmentBytes(op), false);
  setControl(cpu.words, readEnvironment(cpu, op));
}

/** Where register `i` stands behind an environment. */
const registerAt = (op: Operation, i: number): number => environmentBytes(op) + 10 * i;

const significand = new Int32Array(2);

function save(cpu: Processor, op: Operation): void {
  const { words } = cpu;
  admitEnds(cpu, op, registerAt(op, 8), true);
  writeEnvironment(cpu, op);
  for (let i = 0; i < 8; i++) {
    read(words, i, first);
    significand[0] = first.lo;
    significand[1] = first.hi;
    cpu.writeDwords(part(cpu, op, registerAt(op, i), SIGNIFICAND, true), SIGNIFICAND, significand, 0);
    cpu.write16(part(cpu, op, registerAt(op, i) + SIGNIFICAND, 2, true), first.se);
  }
  initialise(words);
}

function restore(cpu: Processor, op: Operation): void {
  const { words } = cpu;
  waitForErrors(words);
  admitEnds(cpu, op, registerAt(op, 8), false);
  const control = readEnvironment(cpu, op);
  const top = words[STATUS]! >> 11;
  for (let i = 0; i < 8; i++) {
    load(cpu, op, 10, registerAt(op, i));
    first.set(loaded.top, loaded.hi, loaded.lo);
    writePhysical(words, (top + i) & 7, first);
  }
  setControl(words, control);
}

// The table --------------------------------------------------------------------------------------------------

const MEMORY: Readonly<Record<string, Size>> = { m16: 2, m32: 4, m64: 8, m80: 10 };

const simple: Readonly<Record<string, Executor>> = {
  fchs: onTop((_, a, r) => r.set(a.se ^ SIGN, a.hi, a.lo)),
  fabs: onTop((_, a, r) => r.set(a.se & ~SIGN, a.hi, a.lo)),
  fsqrt: onTop(arithmetic.squareRoot),
  frndint: onTop(steps.roundToInteger),
  f2xm1: onTop(transcendental.powerLessOne),
  fsin: ofAngle(transcendental.sine),
  fcos: ofAngle(transcendental.cosine),
  fsincos: twoResults((u, a, below, above) => {
    transcendental.sine(u, a, below);
    transcendental.cosine(u, a, above);
  }, true),
  fptan: twoResults((u, a, below, above) => {
    transcendental.tangent(u, a, below);
    above.copy(isNaN80(below) ? below : one);
  }, true),
  fxtract: twoResults(steps.extract, false),
  fpatan: intoSecond(transcendental.angleOf),
  fyl2x: intoSecond(transcendental.logarithm2),
  fyl2xp1: intoSecond(transcendental.logarithm2Plus1),
  fscale: byNext((u, a, b, r) => {
    steps.scale(u, a, b, r);
    return 0;
  }, 0),
  fprem: byNext(remainderOf(false), QUOTIENT),
  fprem1: byNext(remainderOf(true), QUOTIENT),
  ftst: comparison("zero", false, 0),
  fxam: examine,
  fcompp: comparison({ size: 0, format: "real" }, false, 2),
  fucompp: comparison({ size: 0, format: "real" }, true, 2),
  fxch: exchange,
  fbld: loadMemory(10, "decimal"),
  fbstp: storeMemory(10, "decimal", true),
  ffree: waiting((words, i) => {
    free(words, i);
    clearC1(words);
  }),
  ffreep: waiting((words, i) => {
    free(words, i);
    pop(words);
    clearC1(words);
  }),
  fincstp: waiting((words) => {
    moveTop(words, 1);
    clearC1(words);
  }),
  fdecstp: waiting((words) => {
    moveTop(words, -1);
    clearC1(words);
  }),
  fnop: waiting(() => {}),
  // Of the coprocessors before the 387; SDM vol. 1, 22.18.
  fneni: () => {},
  fndisi: () => {},
  fsetpm: () => {},
  fnclex: clearExceptions,
  fninit: ({ words }) => initialise(words),
  fldcw: loadControl,
  fnstcw: storeControl,
  fcomi: comparisonOfFlags(false, false),
  fucomi: comparisonOfFlags(true, false),
  fcomip: comparisonOfFlags(false, true),
  fucomip: comparisonOfFlags(true, true),
};

/** Executes a form of the x87 in any case; `extra` of its operations is the opcode in 11 bits (SDM vol. 1, 8.1.9). */
export function x87ExecutorOf(form: Form): Executor {
  const general = generalExecutorOf(form);
  const quick = quickPlan(form);
  return quick ? quickly(quick, general) : general;
}

function generalExecutorOf(form: Form): Executor {
  const { name } = form;
  const known = simple[name];
  if (known) return known;
  if (name in X87_CONDITIONS) return conditionalMove(X87_CONDITIONS[name]!);
  if (name in steps.constants) return loadConstant(name);
  const memory = form.operands.find((operand) => operand.kind === "m");
  const size = memory ? (MEMORY[memory.text] ?? 0) : 0;
  const format: Format = name.startsWith("fi") ? "integer" : "real";
  const found = /^f(i?)(add|subr|sub|mul|divr|div|comp?|ucomp?|ld|sttp|stp|st)(p?)$/.exec(name);
  if (found) {
    const stem = found[2]!;
    const pops = found[3] === "p";
    if (stem in operations) {
      if (memory || form.code === 0xd8) return intoTop(operations[stem]!, { size, format });
      return intoRegister(operations[stem]!, pops);
    }
    if (stem.startsWith("com") || stem.startsWith("ucom")) {
      return comparison({ size, format }, stem.startsWith("u"), stem.endsWith("p") ? 1 : 0);
    }
    if (stem === "ld") return size === 0 ? loadRegister : loadMemory(size, format);
    if (size === 0) return storeRegister(stem === "stp", form.code === 0xd9);
    return storeMemory(size, format, stem !== "st", stem === "sttp");
  }
  if (name.startsWith("fnstsw")) return memory ? storeStatus : storeStatusInAx;
  if (name.startsWith("fldenv")) return loadEnvironment;
  if (name.startsWith("fnstenv")) return storeEnvironment;
  if (name.startsWith("fnsave")) return save;
  if (name.startsWith("frstor")) return restore;
  throw new Error(`the x87 has no ${name}`);
}
