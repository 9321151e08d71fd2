/** Jumps, calls and returns, and what stands before the operations that they lead to. SDM vol. 1, 7.3.8. */
import { type Expression, type Local, wasm } from "../../wasm/index.ts";
import { PARITY } from "../flags.ts";
import { OP } from "../op.ts";
import { RECORD } from "../records.ts";
import { ECX, ESP } from "../state.ts";
import { type Arm, constant, type Define, isNegative, numberOf, register, setRegister, zero } from "./arm.ts";
import { push } from "./moves.ts";

const { i32, sequence, when, nothing } = wasm;

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

/** Goes on at the target if a condition holds: in two ways, for the host's processor to guess which it will be. */
const jump = (arm: Arm, condition: Expression): Expression =>
  sequence(when(condition, arm.goTo(arm.target)), arm.goOn());

/** Has the record of an indirect jump or call tell where it has led. */
const led = (arm: Arm, to: Local): Expression => i32.store(arm.op.get, to.get, RECORD.IMMEDIATE);

export function defineJumps(define: Define): void {
  // Their targets come next: code.ts.
  define(OP.JMP, () => undefined);
  define(OP.CALL, (arm) => {
    push(arm, arm.following);
    return undefined;
  });
  for (const shape of ["R", "M"]) {
    define(numberOf(`JMP_${shape}`), (arm) => {
      const to = arm.local("i32");
      arm.add(to.set(shape === "M" ? arm.memory(4) : arm.a()));
      return arm.jumpTo(to, led(arm, to));
    });
    define(numberOf(`CALL_${shape}`), (arm) => {
      const [to, at] = [arm.local("i32"), arm.local("i32")];
      arm.add(to.set(shape === "M" ? arm.memory(4) : arm.a()));
      arm.add(at.set(i32.sub(register(ESP), constant(4))), arm.admitWrite(at, 4));
      const pushed = sequence(arm.write(at, 4, arm.following), setRegister(ESP, at.get));
      return arm.jumpTo(to, sequence(pushed, led(arm, to)));
    });
  }
  define(OP.RET, (arm) => {
    const [at, to] = [arm.local("i32"), arm.local("i32")];
    arm.add(at.set(register(ESP)), arm.admitRead(at, 4), to.set(arm.read(at, 4)));
    const taken = i32.add(i32.and(arm.immediate, constant(0xffff)), constant(4));
    return arm.jumpTo(to, setRegister(ESP, i32.add(at.get, taken)));
  });
  define(OP.INT, (arm) => arm.interrupt());
  define(OP.LOOP, (arm) => {
    const value = arm.local("i32");
    arm.add(value.set(i32.sub(register(ECX), constant(1))), setRegister(ECX, value.get));
    return jump(arm, value.get);
  });

  define(OP.JECXZ, (arm) => jump(arm, i32.eqz(register(ECX))));

  for (const [yes, no, holds] of conditions) {
    define(numberOf(yes), (arm) => jump(arm, holds(arm)));
    define(numberOf(no), (arm) => jump(arm, i32.eqz(holds(arm))));
  }

  /** Whether the condition holds that the record has the number of. */
  const isTrue = (arm: Arm): Expression => {
    const value = arm.local("i32");
    const ways = conditions.map(([, , holds]) => value.set(holds(arm)));
    // None looks at PF.
    ways.splice(PARITY, 0, nothing);
    arm.add(arm.choice(i32.shr_u(arm.which, constant(1)), ways));
    return i32.xor(value.get, i32.and(arm.which, constant(1)));
  };
  define(OP.SET_R, (arm) => {
    arm.add(arm.setA(isTrue(arm), 1));
    return undefined;
  });
  define(OP.SET_M, (arm) => {
    const at = arm.local("i32");
    arm.add(at.set(arm.address), arm.admitWrite(at, 1), arm.write(at, 1, isTrue(arm)));
    return undefined;
  });
  for (const shape of ["RR", "RM"]) {
    define(numberOf(`CMOV_${shape}`), (arm) => {
      const value = arm.local("i32");
      // Memory is read whatever the condition.
      arm.add(value.set(shape === "RM" ? arm.memory(4) : arm.b()));
      arm.add(when(isTrue(arm), arm.setA(value.get)));
      return undefined;
    });
  }

  // Before instructions ----------------------------------------------------------------------------------------

  define(OP.FORWARD, (arm) => arm.goOn(false));
  define(OP.COUNT, (arm) => {
    const count = arm.local("i32");
    arm.add(
      count.set(i32.sub(arm.immediate, constant(1))),
      i32.store(arm.op.get, count.get, RECORD.IMMEDIATE),
      when(i32.le_s(count.get, zero), arm.leave),
    );
    return arm.goOn(false);
  });
  define(OP.ENTER, (arm) => {
    arm.add(when(i32.ge_s(arm.left.get, arm.immediate), arm.leave));
    return arm.goOn(false);
  });
}
