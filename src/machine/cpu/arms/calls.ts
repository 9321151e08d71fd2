/** Instructions that are done by fast functions: ../calls.ts. They leave where the function has done nothing. */
import { FACT, RAM_BASE } from "../../memory/memory.ts";
import { type Expression, type Local, wasm } from "../../wasm/index.ts";
import { OP, WANTS_FLAGS } from "../op.ts";
import { RECORD } from "../records.ts";
import { CS, STATE } from "../state.ts";
import { type Arm, BESIDE, constant, type Define, FAST_TYPE, fact, statePage, zero } from "./arm.ts";

const { i32, when, sequence } = wasm;

/** Calls the function of the record, and leaves when it answers 0. */
const call = (arm: Arm, a: Expression, b: Expression, c: Expression): void =>
  arm.add(when(i32.eqz(wasm.callIndirectOf(FAST_TYPE, a, b, c, arm.which)), arm.leave));

/**
 * Where the operand in memory is, which may be read or written without thought; leaves where that is not so. `access`: bytes
 * less 1, and above 8 bits those that must be 0 of its address.
 */
function operand(arm: Arm, access: Expression, writes: Expression): Expression {
  const [at, last] = [arm.local("i32"), arm.local("i32")];
  const both = (first: Local): Expression => i32.and(fact(first.get), fact(last.get));
  const beside = wasm.call(BESIDE, at.get, last.get, constant(FACT.STORE));
  arm.add(
    at.set(arm.address),
    last.set(i32.add(at.get, i32.and(access, constant(0xff)))),
    when(i32.and(at.get, i32.shr_u(access, constant(8))), arm.leave),
    when(
      writes,
      when(i32.eqz(i32.and(both(at), constant(FACT.WRITE))), when(i32.ne(beside, constant(1)), arm.leave)),
      when(i32.eqz(i32.and(both(at), constant(FACT.READ))), arm.leave),
    ),
  );
  return i32.add(at.get, constant(RAM_BASE));
}

/** The same, of what may compare numbers: then it answers 2 for equal ones, 3 where the first is less, else 4. */
function compare(arm: Arm, a: Expression, b: Expression, c: Expression): void {
  const answer = arm.local("i32");
  const isLess = i32.eq(answer.get, constant(3));
  const carries = i32.or(i32.shl(isLess, constant(31)), i32.shl(isLess, constant(30)));
  arm.add(
    answer.set(wasm.callIndirectOf(FAST_TYPE, a, b, c, arm.which)),
    when(
      i32.ne(answer.get, constant(1)),
      sequence(
        when(i32.eqz(answer.get), arm.leave),
        // ZF, CF or neither; PF is clear, which a result of 0 has to be told.
        arm.result.set(i32.ne(answer.get, constant(2))),
        arm.carries.set(i32.or(carries, i32.shl(i32.eq(answer.get, constant(2)), constant(8)))),
      ),
    ),
  );
}

const copy = (from: number, to: number): Expression => i32.store(zero, statePage(from), to);

/** What the x87 remembers of an instruction, of which the lower half is the opcode. SDM vol. 1, 8.1.8. */
const remember = (arm: Arm, opcode: Expression): Expression =>
  sequence(
    i32.store(zero, opcode, STATE.X87_OPCODE),
    i32.store(zero, i32.load(arm.op.get, RECORD.ADDRESS), STATE.X87_INSTRUCTION),
    copy(STATE.SELECTORS + 4 * CS, STATE.X87_INSTRUCTION_SELECTOR),
  );

export function defineCalls(define: Define): void {
  define(OP.FAST_RR, (arm) => {
    compare(arm, arm.placeOfA, arm.placeOfB, arm.immediate);
    return undefined;
  });
  define(OP.FAST_RM, (arm) => {
    compare(arm, arm.placeOfA, operand(arm, arm.placeOfB, zero), arm.immediate);
    return undefined;
  });
  define(OP.FAST_MR, (arm) => {
    call(arm, operand(arm, arm.placeOfA, constant(1)), arm.placeOfB, arm.immediate);
    return undefined;
  });
  define(OP.X87_R, (arm) => {
    const [second, third] = [arm.local("i32"), arm.local("i32")];
    arm.add(
      third.set(arm.immediate),
      second.set(i32.load(arm.op.get, RECORD.DISPLACEMENT)),
      when(
        i32.and(third.get, constant(WANTS_FLAGS)),
        sequence(second.set(arm.result.get), third.set(arm.carries.get)),
      ),
    );
    compare(arm, arm.placeOfA, second.get, third.get);
    arm.add(remember(arm, arm.placeOfB));
    return undefined;
  });
  define(OP.X87_M, (arm) => {
    const place = arm.local("i32");
    const access = i32.and(arm.placeOfB, constant(0xff));
    arm.add(place.set(operand(arm, access, i32.shr_u(arm.placeOfB, constant(8)))));
    call(arm, place.get, i32.and(arm.placeOfA, constant(0xff)), i32.shr_u(arm.placeOfA, constant(8)));
    const selector = i32.load(i32.shl(i32.shr_u(arm.immediate, constant(16)), constant(2)), STATE.SELECTORS);
    arm.add(
      remember(arm, i32.and(arm.immediate, constant(0xffff))),
      i32.store(zero, i32.sub(place.get, constant(RAM_BASE)), STATE.X87_OPERAND),
      i32.store(zero, selector, STATE.X87_OPERAND_SELECTOR),
    );
    return undefined;
  });
}
