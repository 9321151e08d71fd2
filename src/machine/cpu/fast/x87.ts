/**
 * The x87 as WebAssembly, where nothing special happens: operands are normal numbers or zeros, so is the result, all
 * exceptions are masked, and arithmetic rounds to nearest with 64 bits. Then 64-bit integers hold a significand, and
 * the result with PE and C1 is exact by construction. Each function works on the registers in the state page, answers
 * 1 when it has done all of the instruction but remembering it (or what else it says), and otherwise 0 and has changed nothing: then
 * x87.ts does it, whatever it is.
 *
 * `at` is a place in the machine's memory, `i` the distance of a register from the top, `pops` 0 or 1.
 */
import { type Expression, type Local, WasmFunction, wasm } from "../../wasm/index.ts";
import { STATE } from "../state.ts";
import { MOVES } from "./plans.ts";
import {
  arithmetic,
  type Binary,
  convert,
  exponentOf,
  type Format,
  isNotNormal,
  isZero,
  squareRoot,
} from "./x87-numbers.ts";
import {
  BIAS,
  C0,
  C1,
  C3,
  CODES,
  DOUBLE_BIAS,
  ES,
  EXPONENT,
  ONE,
  type Parts,
  PE,
  SIGN,
  SINGLE_BIAS,
  STATE_PAGE,
  TOP_BIT,
  Writer,
  ZERO,
} from "./x87-writer.ts";

const { i32, i64, sequence, when, giveBack, select } = wasm;

/** (to, from, pops): register `to` op register `from`, into `to`. */
function registers(operation: Binary): WasmFunction {
  const writer = new Writer();
  const { made } = writer;
  const slot = made.local("i32");
  const other = made.local("i32");
  const [a, b, result] = [writer.parts(), writer.parts(), writer.parts()];
  writer.begin("rounding");
  made.add(slot.set(writer.slot(made.parameter(0).get)), other.set(writer.slot(made.parameter(1).get)));
  writer.failIfEmpty(slot.get);
  writer.failIfEmpty(other.get);
  writer.read(slot.get, a);
  writer.read(other.get, b);
  arithmetic(writer, operation, a, b, result);
  writer.write(slot.get, result);
  writer.end(C1, made.parameter(2).get);
  return made;
}

/** (at): the top op memory, into the top. */
function memory(operation: Binary, format: Format): WasmFunction {
  const writer = new Writer();
  const { made } = writer;
  const [a, b, result] = [writer.parts(), writer.parts(), writer.parts()];
  writer.begin("rounding");
  writer.failIfEmpty(writer.top.get);
  writer.read(writer.top.get, a);
  convert(writer, made.parameter(0).get, format, b);
  arithmetic(writer, operation, a, b, result);
  writer.write(writer.top.get, result);
  writer.end();
  return made;
}

// Loads and stores -------------------------------------------------------------------------------------------

function load(format: Format): WasmFunction {
  const writer = new Writer();
  const value = writer.parts();
  writer.begin("nothing");
  convert(writer, writer.made.parameter(0).get, format, value);
  writer.push(value);
  return writer.made;
}

function loadExtended(): WasmFunction {
  const writer = new Writer();
  const { made } = writer;
  const value = writer.parts();
  const at = made.parameter(0).get;
  writer.begin("nothing");
  made.add(value.significand.set(i64.load(at)), value.head.set(i32.load16_u(at, 8)));
  writer.push(value);
  return made;
}

function loadRegister(): WasmFunction {
  const writer = new Writer();
  const { made } = writer;
  const value = writer.parts();
  const slot = made.local("i32");
  writer.begin("nothing");
  made.add(slot.set(writer.slot(made.parameter(0).get)));
  writer.failIfEmpty(slot.get);
  writer.read(slot.get, value);
  writer.push(value);
  return made;
}

/** (head, upper and lower half of the significand): a constant. */
function loadConstant(): WasmFunction {
  const writer = new Writer();
  const { made } = writer;
  const value = writer.parts();
  const half = (number: number) => i64.extend_i32_u(made.parameter(number).get);
  writer.begin("rounding");
  made.add(
    value.head.set(made.parameter(0).get),
    value.significand.set(i64.or(i64.shl(half(1), i64.const(32n)), half(2))),
  );
  writer.push(value);
  return made;
}

/** A number as the bits of a single or double, in `bits`. */
function narrow(writer: Writer, value: Parts, double: boolean): Local {
  const { made, raised } = writer;
  const fraction = double ? 52n : 23n;
  const dropped = 63n - fraction;
  const most = double ? 0x7ff : 0xff;
  const bits = made.local("i64");
  const rest = made.local("i64");
  const exponent = made.local("i32");
  made.add(
    bits.set(ZERO),
    when(
      i32.eqz(isZero(value)),
      sequence(
        writer.failIf(isNotNormal(value)),
        exponent.set(i32.sub(exponentOf(value), i32.const(BIAS - (double ? DOUBLE_BIAS : SINGLE_BIAS)))),
        writer.failIf(i32.ge_u(i32.sub(exponent.get, i32.const(1)), i32.const(most - 1))),
        // The integer bit adds one to the exponent, and so does a carry.
        bits.set(
          i64.add(
            i64.shl(i64.extend_i32_u(i32.sub(exponent.get, i32.const(1))), i64.const(fraction)),
            i64.shr_u(value.significand.get, i64.const(dropped)),
          ),
        ),
        rest.set(i64.shl(value.significand.get, i64.const(64n - dropped))),
        when(
          i32.eqz(i64.eqz(rest.get)),
          sequence(
            raised.set(i32.const(PE)),
            when(
              i32.and(
                i64.lt_s(rest.get, ZERO),
                i32.or(i64.ne(rest.get, TOP_BIT), i32.and(i32.wrap_i64(bits.get), i32.const(1))),
              ),
              sequence(raised.set(i32.const(PE | C1)), bits.set(i64.add(bits.get, ONE))),
            ),
            writer.failIf(i64.ge_u(bits.get, i64.const(BigInt(most) << fraction))),
          ),
        ),
      ),
    ),
    bits.set(
      i64.or(
        bits.get,
        i64.shl(i64.extend_i32_u(i32.shr_u(value.head.get, i32.const(15))), i64.const(double ? 63n : 31n)),
      ),
    ),
  );
  return bits;
}

/** (at, pops): the top as a single or double. */
function store(format: "m32" | "m64"): WasmFunction {
  const writer = new Writer();
  const { made } = writer;
  const value = writer.parts();
  const at = made.parameter(0).get;
  writer.begin("rounding");
  writer.failIfEmpty(writer.top.get);
  writer.read(writer.top.get, value);
  const bits = narrow(writer, value, format === "m64");
  made.add(format === "m64" ? i64.store(at, bits.get) : i64.store32(at, bits.get));
  writer.end(C1, made.parameter(1).get);
  return made;
}

/** (at, pops): all 80 bits of the top. */
function storeExtended(): WasmFunction {
  const writer = new Writer();
  const { made } = writer;
  const value = writer.parts();
  const at = made.parameter(0).get;
  writer.begin("nothing");
  writer.failIfEmpty(writer.top.get);
  writer.read(writer.top.get, value);
  made.add(i64.store(at, value.significand.get), i32.store16(at, value.head.get, 8));
  writer.end(C1, made.parameter(1).get);
  return made;
}

/** (at, pops, truncates): the top as an integer, in any rounding mode. */
function storeInteger(format: "i16" | "i32" | "i64"): WasmFunction {
  const writer = new Writer();
  const { made, raised } = writer;
  const value = writer.parts();
  const whole = made.local("i64");
  const rest = made.local("i64");
  const shift = made.local("i64");
  const rounding = made.local("i32");
  const at = made.parameter(0).get;
  const negative = i32.shr_u(value.head.get, i32.const(15));
  writer.begin("masks");
  writer.failIfEmpty(writer.top.get);
  writer.read(writer.top.get, value);
  made.add(
    rounding.set(
      select(
        i32.const(3),
        i32.and(i32.shr_u(i32.load(STATE_PAGE, STATE.X87_CONTROL), i32.const(10)), i32.const(3)),
        made.parameter(2).get,
      ),
    ),
    when(
      i32.eqz(isZero(value)),
      sequence(
        writer.failIf(isNotNormal(value)),
        writer.failIf(i32.gt_u(exponentOf(value), i32.const(BIAS + 62))),
        shift.set(i64.extend_i32_u(i32.sub(i32.const(BIAS + 63), exponentOf(value)))),
        when(
          i64.lt_u(shift.get, i64.const(64n)),
          sequence(
            whole.set(i64.shr_u(value.significand.get, shift.get)),
            rest.set(i64.shl(value.significand.get, i64.sub(i64.const(64n), shift.get))),
          ),
          rest.set(select(value.significand.get, ONE, i64.eq(shift.get, i64.const(64n)))),
        ),
        when(
          i32.eqz(i64.eqz(rest.get)),
          sequence(
            raised.set(i32.const(PE)),
            // Nearest by the rest; down (1) for negative numbers, up (2) for the others.
            when(
              select(
                i32.eq(rounding.get, i32.sub(i32.const(2), negative)),
                i32.and(
                  i64.lt_s(rest.get, ZERO),
                  i32.or(i64.ne(rest.get, TOP_BIT), i32.and(i32.wrap_i64(whole.get), i32.const(1))),
                ),
                rounding.get,
              ),
              sequence(raised.set(i32.const(PE | C1)), whole.set(i64.add(whole.get, ONE))),
            ),
          ),
        ),
        writer.failIf(i64.lt_s(whole.get, ZERO)),
        when(negative, whole.set(i64.sub(ZERO, whole.get))),
      ),
    ),
  );
  if (format === "i16") {
    made.add(writer.failIf(i64.ne(i64.extend16_s(whole.get), whole.get)), i64.store16(at, whole.get));
  } else if (format === "i32") {
    made.add(writer.failIf(i64.ne(i64.extend32_s(whole.get), whole.get)), i64.store32(at, whole.get));
  } else made.add(i64.store(at, whole.get));
  writer.end(C1, made.parameter(1).get);
  return made;
}

/** (i, pops): copies the top. */
function storeRegister(): WasmFunction {
  const writer = new Writer();
  const { made } = writer;
  const slot = made.local("i32");
  const value = writer.parts();
  writer.begin("nothing");
  writer.failIfEmpty(writer.top.get);
  made.add(
    slot.set(writer.slot(made.parameter(0).get)),
    i32.store(
      STATE_PAGE,
      i32.or(i32.load(STATE_PAGE, STATE.X87_VALID), i32.shl(i32.const(1), i32.shr_u(slot.get, i32.const(4)))),
      STATE.X87_VALID,
    ),
  );
  writer.read(writer.top.get, value);
  writer.write(slot.get, value);
  writer.end(C1, made.parameter(1).get);
  return made;
}

/** (i): changes places with the top. */
function exchange(): WasmFunction {
  const writer = new Writer();
  const { made } = writer;
  const slot = made.local("i32");
  const [a, b] = [writer.parts(), writer.parts()];
  writer.begin("nothing");
  made.add(slot.set(writer.slot(made.parameter(0).get)));
  writer.failIfEmpty(writer.top.get);
  writer.failIfEmpty(slot.get);
  writer.read(writer.top.get, a);
  writer.read(slot.get, b);
  writer.write(writer.top.get, b);
  writer.write(slot.get, a);
  writer.end();
  return made;
}

/** FCHS (keeping all bits, changing the sign) and FABS. */
function sign(kept: number, changed: number): WasmFunction {
  const writer = new Writer();
  const { made, top } = writer;
  writer.begin("nothing");
  writer.failIfEmpty(top.get);
  made.add(
    i32.store(
      top.get,
      i32.xor(i32.and(i32.load16_u(top.get, STATE.X87 + 8), i32.const(kept)), i32.const(changed)),
      STATE.X87 + 8,
    ),
  );
  writer.end();
  return made;
}

/** (): the top becomes its square root. */
function root(): WasmFunction {
  const writer = new Writer();
  const [a, result] = [writer.parts(), writer.parts()];
  writer.begin("rounding");
  writer.failIfEmpty(writer.top.get);
  writer.read(writer.top.get, a);
  squareRoot(writer, a, result);
  writer.write(writer.top.get, result);
  writer.end();
  return writer.made;
}

// Comparison -------------------------------------------------------------------------------------------------

/** -1, 0 or 1 for the order of two numbers, as code that leaves it in `order`. Fails unless normal or zero. */
function compare(writer: Writer, a: Parts, b: Parts, order: Local): void {
  const { made } = writer;
  const signOf = ({ significand, head }: Parts): Expression =>
    i32.and(i32.eqz(i64.eqz(significand.get)), i32.shr_u(head.get, i32.const(15)));
  const isNotPlain = (parts: Parts): Expression => i32.and(isNotNormal(parts), i32.eqz(isZero(parts)));
  const greater = i32.sub(
    i64.gt_u(a.significand.get, b.significand.get),
    i64.lt_u(a.significand.get, b.significand.get),
  );
  const byExponent = i32.sub(i32.gt_u(exponentOf(a), exponentOf(b)), i32.lt_u(exponentOf(a), exponentOf(b)));
  made.add(
    writer.failIf(i32.or(isNotPlain(a), isNotPlain(b))),
    when(
      i32.xor(signOf(a), signOf(b)),
      order.set(select(i32.const(-1), i32.const(1), signOf(a))),
      sequence(
        order.set(byExponent),
        when(i32.eqz(order.get), order.set(greater)),
        when(signOf(a), order.set(i32.sub(i32.const(0), order.get))),
      ),
    ),
  );
}

const codesOf = (order: Local): Expression =>
  select(
    i32.const(C3),
    select(i32.const(C0), i32.const(0), i32.lt_s(order.get, i32.const(0))),
    i32.eqz(order.get),
  );

/** (i, pops): C3, C2 and C0 tell how the top compares. */
function compareRegister(): WasmFunction {
  const writer = new Writer();
  const { made, raised } = writer;
  const slot = made.local("i32");
  const order = made.local("i32");
  const [a, b] = [writer.parts(), writer.parts()];
  writer.begin("nothing");
  made.add(slot.set(writer.slot(made.parameter(0).get)));
  writer.failIfEmpty(writer.top.get);
  writer.failIfEmpty(slot.get);
  writer.read(writer.top.get, a);
  writer.read(slot.get, b);
  compare(writer, a, b, order);
  made.add(raised.set(codesOf(order)));
  writer.end(C1 | CODES, made.parameter(1).get);
  return made;
}

/** (at, pops): the same for a number in memory. */
function compareMemory(format: Format): WasmFunction {
  const writer = new Writer();
  const { made, raised } = writer;
  const order = made.local("i32");
  const [a, b] = [writer.parts(), writer.parts()];
  writer.begin("nothing");
  writer.failIfEmpty(writer.top.get);
  writer.read(writer.top.get, a);
  convert(writer, made.parameter(0).get, format, b);
  compare(writer, a, b, order);
  made.add(raised.set(codesOf(order)));
  writer.end(C1 | CODES, made.parameter(1).get);
  return made;
}

/** (i, pops): 2 when the top equals the register, 3 when it is less, 4 when it is greater; no code tells. */
function compareForFlags(): WasmFunction {
  const writer = new Writer();
  const { made } = writer;
  const slot = made.local("i32");
  const order = made.local("i32");
  const [a, b] = [writer.parts(), writer.parts()];
  writer.begin("nothing");
  made.add(slot.set(writer.slot(made.parameter(0).get)));
  writer.failIfEmpty(writer.top.get);
  writer.failIfEmpty(slot.get);
  writer.read(writer.top.get, a);
  writer.read(slot.get, b);
  compare(writer, a, b, order);
  const unequal = i32.add(i32.shr_s(order.get, i32.const(1)), i32.const(4));
  writer.end(0, made.parameter(1).get, select(i32.const(2), unequal, i32.eqz(order.get)));
  return made;
}

/** (i and one of MOVES, RESULT, CARRIES): copies the register to the top if a condition holds. */
function moveConditionally(): WasmFunction {
  const writer = new Writer();
  const { made } = writer;
  const slot = made.local("i32");
  const flags = made.local("i32");
  const value = writer.parts();
  const [what, result, carries] = [0, 1, 2].map((which) => made.parameter(which).get);
  const flag = (holds: Expression, bit: number): Expression =>
    i32.shl(holds, i32.const(31 - Math.clz32(bit)));
  // As flags.ts has them.
  const ones = i32.popcnt(i32.and(i32.xor(result!, i32.shr_u(carries!, i32.const(8))), i32.const(0xff)));
  const isEven = i32.and(i32.xor(ones, i32.const(1)), i32.const(1));
  writer.begin("nothing");
  made.add(slot.set(writer.slot(i32.and(what!, i32.const(7)))));
  writer.failIfEmpty(writer.top.get);
  writer.failIfEmpty(slot.get);
  writer.read(slot.get, value);
  made.add(
    flags.set(
      i32.or(
        flag(i32.shr_u(carries!, i32.const(31)), MOVES.CF),
        i32.or(flag(i32.eqz(result!), MOVES.ZF), flag(isEven, MOVES.PF)),
      ),
    ),
    when(
      i32.xor(
        i32.ne(i32.and(i32.and(flags.get, what!), i32.const(MOVES.CF | MOVES.ZF | MOVES.PF)), i32.const(0)),
        i32.ne(i32.and(what!, i32.const(MOVES.NOT)), i32.const(0)),
      ),
      sequence(
        i64.store(writer.top.get, value.significand.get, STATE.X87),
        i32.store(writer.top.get, value.head.get, STATE.X87 + 8),
      ),
    ),
    giveBack(i32.const(1)),
  );
  return made;
}

/** (): the top against zero. */
function compareZero(): WasmFunction {
  const writer = new Writer();
  const { made, raised } = writer;
  const order = made.local("i32");
  const [a, b] = [writer.parts(), writer.parts()];
  writer.begin("nothing");
  writer.failIfEmpty(writer.top.get);
  writer.read(writer.top.get, a);
  compare(writer, a, b, order);
  made.add(raised.set(codesOf(order)));
  writer.end(C1 | CODES);
  return made;
}

// On numbers -------------------------------------------------------------------------------------------------

/**
 * (significand, head, significand, head): the significand of their quotient, or of the root of the first. STATE.X87_RESULT gets the
 * head, and above 16 bits what was raised; -1 when this is not a plain case. Nobody looks at registers here.
 */
function onValues(operation: "div" | "sqrt"): WasmFunction {
  const writer = new Writer("value");
  const { made, raised } = writer;
  const [a, b, result] = [writer.parts(), writer.parts(), writer.parts()];
  made.add(
    a.significand.set(made.parameter(0).get),
    a.head.set(made.parameter(1).get),
    b.significand.set(made.parameter(2).get),
    b.head.set(made.parameter(3).get),
  );
  if (operation === "div") arithmetic(writer, "div", a, b, result);
  else squareRoot(writer, a, result);
  made.add(
    i32.store(STATE_PAGE, i32.or(result.head.get, i32.shl(raised.get, i32.const(16))), STATE.X87_RESULT),
    giveBack(result.significand.get),
  );
  return made;
}

/** Those on numbers: another family, because they have another type. */
export function defineX87Values(define: (name: string, make: () => WasmFunction) => void): void {
  for (const operation of ["div", "sqrt"] as const) define(operation, () => onValues(operation));
}

// Control ----------------------------------------------------------------------------------------------------

const BUSY = 0x8000;
const FLAGS_AND_MASKS = 0x3f;
const loadWord = (offset: number): Expression => i32.load(STATE_PAGE, offset);
const store32 = (offset: number, value: Expression): Expression => i32.store(STATE_PAGE, value, offset);

/** FNINIT, as `initialise` of execute/x87-registers.ts. SDM vol. 1, table 9-1. */
function initialise(): WasmFunction {
  const made = new WasmFunction(["i32", "i32", "i32"], ["i32"]);
  made.add(store32(STATE.X87_CONTROL, i32.const(0x37f)));
  for (const offset of [
    STATE.X87_STATUS,
    STATE.X87_VALID,
    STATE.X87_OPCODE,
    STATE.X87_INSTRUCTION,
    STATE.X87_INSTRUCTION_SELECTOR,
    STATE.X87_OPERAND,
    STATE.X87_OPERAND_SELECTOR,
  ])
    made.add(store32(offset, i32.const(0)));
  made.add(giveBack(i32.const(1)));
  return made;
}

/** WAIT: fails where an exception waits. */
function wait(): WasmFunction {
  const made = new WasmFunction(["i32", "i32", "i32"], ["i32"]);
  made.add(i32.eqz(i32.and(loadWord(STATE.X87_STATUS), i32.const(ES))));
  return made;
}

/** (anything, from): FLDCW; fails where an exception waits, or would then. */
function loadControl(): WasmFunction {
  const made = new WasmFunction(["i32", "i32", "i32"], ["i32"]);
  const [control, status] = [made.local("i32"), made.local("i32")];
  const unmasked = i32.and(
    i32.and(status.get, i32.xor(control.get, i32.const(-1))),
    i32.const(FLAGS_AND_MASKS),
  );
  made.add(
    status.set(loadWord(STATE.X87_STATUS)),
    control.set(i32.or(i32.and(i32.load16_u(made.parameter(1).get), i32.const(0x1f3f)), i32.const(0x40))),
    when(i32.or(i32.and(status.get, i32.const(ES)), unmasked), giveBack(i32.const(0))),
    store32(STATE.X87_CONTROL, control.get),
    store32(STATE.X87_STATUS, i32.and(status.get, i32.const(~BUSY))),
    giveBack(i32.const(1)),
  );
  return made;
}

/** (to): the lower half of a word of the state page. */
function storeWord(offset: number): WasmFunction {
  const made = new WasmFunction(["i32", "i32", "i32"], ["i32"]);
  made.add(i32.store16(made.parameter(0).get, loadWord(offset)), giveBack(i32.const(1)));
  return made;
}

const BINARY: readonly Binary[] = ["add", "sub", "subr", "mul", "div", "divr"];

/** Defines them all, always in the same order. */
export function defineX87(define: (name: string, make: () => WasmFunction) => void): void {
  for (const operation of BINARY) {
    define(operation, () => registers(operation));
    for (const format of ["m32", "m64", "i16", "i32"] as const) {
      define(`${operation}_${format}`, () => memory(operation, format));
    }
  }
  for (const format of ["m32", "m64", "i16", "i32", "i64"] as const)
    define(`ld_${format}`, () => load(format));
  define("ld_m80", loadExtended);
  define("ld", loadRegister);
  define("ld_constant", loadConstant);
  define("st_m32", () => store("m32"));
  define("st_m64", () => store("m64"));
  define("st_m80", storeExtended);
  for (const format of ["i16", "i32", "i64"] as const) define(`st_${format}`, () => storeInteger(format));
  define("st", storeRegister);
  define("xch", exchange);
  define("chs", () => sign(0xffff, SIGN));
  define("abs", () => sign(EXPONENT, 0));
  define("sqrt", root);
  define("com", compareRegister);
  for (const format of ["m32", "m64", "i16", "i32"] as const)
    define(`com_${format}`, () => compareMemory(format));
  define("tst", compareZero);
  define("comi", compareForFlags);
  define("cmov", moveConditionally);
  define("init", initialise);
  define("wait", wait);
  define("ld_control", loadControl);
  define("st_control", () => storeWord(STATE.X87_CONTROL));
  define("st_status", () => storeWord(STATE.X87_STATUS));
}
