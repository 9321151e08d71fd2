/** The flags as data → IR: LAHF, SAHF, SALC, PUSHF, POPF. SDM vol. 1, 7.3.13. */
import { AC, AF, ALWAYS, ARITHMETIC, CF, DF, ID, NT, OF, PF, RF, SF, TF, VM, ZF } from "../cpu/flags.ts";
import { KIND } from "../cpu/operation.ts";
import { EAX, ESP, SS, STATE } from "../cpu/state.ts";
import { W } from "../wasm/index.ts";
import { SLOT, type Value } from "./ir.ts";
import { type Lower, type Lowering, loadState } from "./lower.ts";
import { FLAGS } from "./status.ts";

/** Condition codes that are one flag each. */
const HOLDS: readonly (readonly [flag: number, condition: number])[] = [
  [OF, 0],
  [CF, 2],
  [ZF, 4],
  [SF, 8],
  [PF, 10],
];

const at = (flag: number): number => 31 - Math.clz32(flag);

/** The arithmetic flags in their places in EFLAGS. */
function statusFlags(l: Lowering): Value {
  const { b } = l;
  let flags = b.pure(W.i32_and, b.pure(W.i32_shl, l.carries(), b.const(1)), b.const(AF));
  for (const [flag, condition] of HOLDS)
    flags = b.pure(W.i32_or, flags, b.pure(W.i32_shl, l.condition(condition), b.const(at(flag))));
  return flags;
}

/** Sets the arithmetic flags to those of a word like EFLAGS: as cpu/flags.ts does. */
function setStatusFlags(l: Lowering, word: Value): void {
  const { b } = l;
  const flag = (number: number): Value =>
    b.pure(W.i32_and, b.pure(W.i32_shr_u, word, b.const(at(number))), b.const(1));
  const put = (value: Value, place: number): Value => b.pure(W.i32_shl, value, b.const(place));
  const zero = flag(ZF);
  const parity = put(b.pure(W.i32_xor, zero, flag(PF)), 8);
  const aux = [put(flag(OF), 30), parity, put(flag(AF), 3), flag(SF)];
  l.setFlags(
    b.pure(W.i32_xor, zero, b.const(1)),
    FLAGS.WORD,
    aux.reduce((sum, each) => b.pure(W.i32_or, sum, each)),
    flag(CF),
  );
}

const AH = EAX + 1;
const LOW_FLAGS = SF | ZF | AF | PF | CF;

const lahf: Lower = (l) => {
  const low = l.b.pure(W.i32_and, statusFlags(l), l.b.const(LOW_FLAGS));
  l.store(KIND.R8, AH, undefined, l.b.pure(W.i32_or, low, l.b.const(ALWAYS)));
  return true;
};

const sahf: Lower = (l) => {
  const { b } = l;
  const overflow = b.pure(W.i32_shl, l.condition(0), b.const(at(OF)));
  const high = b.pure(W.i32_and, b.pure(W.i32_shr_u, b.get(EAX), b.const(8)), b.const(LOW_FLAGS));
  setStatusFlags(l, b.pure(W.i32_or, high, overflow));
  return true;
};

const salc: Lower = (l) => {
  l.store(KIND.R8, EAX, undefined, l.b.pure(W.i32_sub, l.b.const(0), l.b.get(SLOT.CF)));
  return true;
};

const pushf: Lower = (l, op) => {
  if (op.operandSize !== 32 || !l.isFlat(SS)) return false;
  const { b } = l;
  const esp = l.add(b.get(ESP), -4);
  b.check(esp, 4, true);
  const others = b.pure(W.i32_and, loadState(l, STATE.EFLAGS), b.const(~(VM | RF | ARITHMETIC)));
  const flags = b.pure(W.i32_or, b.pure(W.i32_or, others, b.const(ALWAYS)), statusFlags(l));
  l.storePlain(esp, 4, flags);
  b.set(ESP, esp);
  return true;
};

/** What POPF changes in ring 3 (cpu/execute/stack.ts) besides DF and these flags is left to the interpreter. */
const UNUSUAL = TF | NT | AC | ID;

const popf: Lower = (l, op) => {
  if (op.operandSize !== 32 || !l.isFlat(SS)) return false;
  const { b } = l;
  const esp = b.get(ESP);
  b.check(esp, 4, false);
  const flags = l.loadPlain(esp, 4);
  const others = loadState(l, STATE.EFLAGS);
  const changes = b.pure(W.i32_and, b.pure(W.i32_xor, flags, others), b.const(UNUSUAL));
  b.leave(b.pure(W.i32_or, changes, b.pure(W.i32_and, others, b.const(RF))));
  const kept = b.pure(W.i32_and, others, b.const(~DF));
  const direction = b.pure(W.i32_and, flags, b.const(DF));
  b.store(W.i32_store, b.const(0), b.pure(W.i32_or, kept, direction), STATE.EFLAGS);
  setStatusFlags(l, flags);
  b.set(ESP, l.add(esp, 4));
  return true;
};

/** By the names of their forms. */
export const statusInstructions: Readonly<Record<string, Lower>> = {
  lahf,
  sahf,
  salc,
  pushfd: pushf,
  popfd: popf,
};
