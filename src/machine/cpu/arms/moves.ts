/** Moves, strings and the stack. SDM vol. 1, 7.3.1 and 7.3.9. */
import type { Expression } from "../../wasm/index.ts";
import { wasm } from "../../wasm/index.ts";
import { DF } from "../flags.ts";
import { OP, SMALL } from "../op.ts";
import { DS, EAX, EBP, ECX, EDI, EDX, ESI, ESP, STATE } from "../state.ts";
import {
  type Arm,
  constant,
  type Define,
  MOVS,
  numberOf,
  register,
  SIZES,
  STORES,
  STOS,
  setRegister,
  signed,
  statePage,
  zero,
} from "./arm.ts";

const { i32, when, select } = wasm;

/** Pushes a value; leaves where that needs thought. ESP is where `at` says then. */
export function push(arm: Arm, value: Expression): void {
  const at = arm.local("i32");
  arm.add(at.set(i32.sub(register(ESP), constant(4))), arm.admitWrite(at, 4));
  arm.add(arm.write(at, 4, value), setRegister(ESP, at.get));
}

export function defineMoves(define: Define): void {
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
  define(OP.SMALL, (arm) => {
    const left = i32.and(i32.rotl(arm.a(), constant(8)), constant(0x00ff_00ff));
    const right = i32.and(i32.rotr(arm.a(), constant(8)), constant(0xff00_ff00 | 0));
    const ways: Readonly<Record<string, Expression>> = {
      bswap: arm.setA(i32.or(left, right)),
      cwde: setRegister(EAX, signed(register(EAX), 2)),
      cld: i32.store(zero, i32.and(statePage(STATE.EFLAGS), constant(~DF)), STATE.EFLAGS),
      cdq: setRegister(EDX, i32.shr_s(register(EAX), constant(31))),
    };
    arm.add(
      arm.choice(
        arm.which,
        SMALL.map((name) => ways[name]!),
      ),
    );
    return undefined;
  });
  define(OP.NOP, () => undefined);

  // Strings, without a repetition and with -------------------------------------------------------------------------------

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

  for (const [first, name] of [
    [STOS, "STOS"],
    [MOVS, "MOVS"],
  ] as const) {
    for (const [log, letter] of ["B", "W", "D"].entries()) {
      define(numberOf(`REP_${name}${letter}`), (arm) => {
        const done = arm.local("i32");
        const { left } = arm;
        // Some at a time: where it cannot do any, nothing has changed.
        arm.add(
          done.set(wasm.call(first + log, constant(DS), left.get, zero)),
          when(i32.eqz(done.get), arm.leave),
          left.set(i32.sub(left.get, i32.sub(done.get, constant(1)))),
        );
        return arm.goTo(select(arm.op.get, arm.next, register(ECX)));
      });
    }
  }

  // The stack

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
}
