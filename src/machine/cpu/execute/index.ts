/** Which function executes a form, by its name and, where one name has several meanings, by its operands. */
import { type Form, MAP_0F } from "../../../isa/index.ts";
import { unsupported } from "../fault.ts";
import { isInSomeModel } from "../model.ts";
import { OP } from "../op.ts";
import type { Executor, StringExecutor } from "../operation.ts";
import { DS, ES, FS, GS, SS } from "../state.ts";
import * as arithmetic from "./arithmetic.ts";
import * as bits from "./bits.ts";
import * as control from "./control.ts";
import * as decimal from "./decimal.ts";
import * as move from "./move.ts";
import * as multiply from "./multiply.ts";
import * as shifts from "./shifts.ts";
import { vectorExecutorOf } from "./sse.ts";
import * as stack from "./stack.ts";
import * as strings from "./strings.ts";
import * as system from "./system.ts";
import { isVector, isX87 } from "./units.ts";
import { wait, x87ExecutorOf } from "./x87.ts";

export interface Found {
  readonly op: number;
  readonly execute: Executor;
  /** What the executor wants in `Operation.extra`. */
  readonly extra?: number;
}

const general = (execute: Executor, extra?: number): Found =>
  extra === undefined ? { op: OP.GENERAL, execute } : { op: OP.GENERAL, execute, extra };
const jump = (execute: Executor): Found => ({ op: OP.JUMP, execute });
const exit = (execute: Executor): Found => ({ op: OP.EXIT, execute });
const exact = (execute: Executor): Found => ({ op: OP.EXACT, execute });

const { undefinedOpcode, privileged } = system;

/** Forms that one name tells apart. */
const byName: Readonly<Record<string, Found>> = {
  add: general(arithmetic.add),
  or: general(arithmetic.or),
  adc: general(arithmetic.adc),
  sbb: general(arithmetic.sbb),
  and: general(arithmetic.and),
  sub: general(arithmetic.sub),
  xor: general(arithmetic.xor),
  cmp: general(arithmetic.cmp),
  test: general(arithmetic.test),
  inc: general(arithmetic.inc),
  dec: general(arithmetic.dec),
  neg: general(arithmetic.neg),
  not: general(arithmetic.not),
  xadd: general(arithmetic.xadd),
  cmpxchg: general(arithmetic.cmpxchg),
  cmpxchg8b: general(arithmetic.cmpxchg8b),
  adcx: general(arithmetic.adcx),
  adox: general(arithmetic.adox),

  shl: general(shifts.shl),
  shr: general(shifts.shr),
  sar: general(shifts.sar),
  rol: general(shifts.rol),
  ror: general(shifts.ror),
  rcl: general(shifts.rcl),
  rcr: general(shifts.rcr),
  shld: general(shifts.shld),
  shrd: general(shifts.shrd),

  mul: general(multiply.mul),
  div: general(multiply.div),
  idiv: general(multiply.idiv),

  bt: general(bits.bt),
  bts: general(bits.bts),
  btr: general(bits.btr),
  btc: general(bits.btc),
  bsf: general(bits.bsf),
  bsr: general(bits.bsr),
  popcnt: general(bits.popcnt),
  tzcnt: general(bits.tzcnt),
  lzcnt: general(bits.lzcnt),
  crc32: general(bits.crc32),
  bswap: general(bits.bswap),
  movbe: general(bits.movbe),

  daa: general(decimal.daa),
  das: general(decimal.das),
  aaa: general(decimal.aaa),
  aas: general(decimal.aas),
  aam: general(decimal.aam),
  aad: general(decimal.aad),

  movzx: general(move.movzx),
  movsx: general(move.movsx),
  movnti: general(move.mov),
  lea: general(move.lea),
  xchg: general(move.xchg),
  nop: general(move.nop),
  pause: general(move.nop),
  prefetch: general(move.nop),
  prefetchw: general(move.nop),
  prefetchwt1: general(move.nop),
  lfence: general(move.nop),
  mfence: general(move.nop),
  sfence: general(move.nop),
  clflush: general(move.touch),
  cbw: general(move.cbw),
  cwde: general(move.cwde),
  cwd: general(move.cwd),
  cdq: general(move.cdq),
  xlatb: general(move.xlatb),
  lahf: general(move.lahf),
  sahf: general(move.sahf),
  salc: general(move.salc),
  clc: general(move.clc),
  stc: general(move.stc),
  cmc: general(move.cmc),
  cld: general(move.cld),
  std: general(move.std),

  push: general(stack.push),
  pop: general(stack.pop),
  pushaw: general(stack.pusha),
  pushad: general(stack.pusha),
  popaw: general(stack.popa),
  popad: general(stack.popa),
  pushfw: general(stack.pushf),
  pushfd: general(stack.pushf),
  popfw: exit(stack.popf),
  popfd: exit(stack.popf),
  enter: general(stack.enter),
  leave: general(stack.leave),
  les: general(stack.loadFarPointer, ES),
  lss: general(stack.loadFarPointer, SS),
  lds: general(stack.loadFarPointer, DS),
  lfs: general(stack.loadFarPointer, FS),
  lgs: general(stack.loadFarPointer, GS),

  ret: jump(control.retNear),
  retf: exit(control.retFar),
  loop: jump(control.loop),
  loope: jump(control.loope),
  loopne: jump(control.loopne),
  jcxz: jump(control.jcxz),
  jecxz: jump(control.jecxz),
  bound: general(control.bound),
  int: jump(control.int),
  int3: jump(control.int3),
  int1: jump(control.int1),
  into: jump(control.into),
  iretw: exit(control.iret),
  iretd: exit(control.iret),

  ud0: general(undefinedOpcode),
  ud1: general(undefinedOpcode),
  ud2: general(undefinedOpcode),
  getsec: general(undefinedOpcode),
  // Of ring 0, where an undefined opcode is what others meet. SDM vol. 2, MONITOR.
  monitor: general(undefinedOpcode),
  mwait: general(undefinedOpcode),
  // The model does not announce it.
  sysenter: general(undefinedOpcode),

  rdtsc: exact(system.rdtsc),
  cpuid: general(system.cpuid),
  // CR4.PCE is clear, CR4.UMIP set: SDM vol. 2, RDPMC and SGDT.
  rdpmc: general(privileged),
  sgdt: general(privileged),
  sidt: general(privileged),
  sldt: general(privileged),
  str: general(privileged),
  smsw: general(privileged),
  arpl: general(system.arpl),
  lar: general(system.lar),
  lsl: general(system.lsl),
  verr: general(system.verr),
  verw: general(system.verw),
};

const conditional: Readonly<Record<string, Found>> = {
  j: jump(control.jcc),
  set: general(move.set),
  cmov: general(move.cmov),
};

const byStem: Readonly<Record<string, StringExecutor>> = {
  movs: strings.movsString,
  stos: strings.stosString,
  lods: strings.lodsString,
  cmps: strings.cmpsString,
  scas: strings.scasString,
};

const found: (Found | undefined)[] = [];

/** How a form is executed; one that cannot be yet stops the machine and says so. */
export function executorOf(form: Form): Found {
  return (found[form.index] ??= search(form));
}

function search(form: Form): Found {
  const vector = isVector(form) ? vectorExecutorOf(form) : undefined;
  if (vector) return general(vector);
  if (form.name === "frstpm") return general(undefinedOpcode);
  if (isX87(form)) return general(x87ExecutorOf(form));
  if (form.name === "rsm") return general(undefinedOpcode);
  if (form.operands.some((operand) => operand.kind === "cr")) return general(system.movControl);
  // Test registers ended with the 486.
  if (form.operands.some((operand) => operand.kind === "tr")) return general(undefinedOpcode);
  // IOPL is 1 or 0 throughout, and programs run in ring 3. SDM vol. 1, 19.5.1.
  if (form.privileged || form.iopl) return general(privileged);
  if (form.condition >= 0) {
    const stem = Object.keys(conditional).find((name) => form.name.startsWith(name));
    return conditional[stem!]!;
  }
  const first = form.operands[0];
  const far = first?.kind === "ptr" || first?.text.startsWith("m16:");
  switch (form.name) {
    case "mov":
      if (first?.kind === "sreg") return exit(stack.movToSegment);
      if (form.operands[1]?.kind === "sreg") return general(stack.movFromSegment);
      return general(move.mov);
    case "imul":
      return general([multiply.imul1, multiply.imul2, multiply.imul3][form.operands.length - 1]!);
    case "wait":
      return general(wait);
    case "jmp":
      return far ? exit(control.jmpFar) : jump(control.jmpNear);
    case "call":
      return far ? exit(control.callFar) : jump(control.callNear);
  }
  if (form.name === "pop" && first?.file === "segment") return exit(stack.pop);
  const named = byName[form.name];
  if (named) return named;
  // What later processors do in the space of hints is nothing to this one. SDM vol. 2D, table A-3.
  if (form.map === MAP_0F && form.code >= 0x18 && form.code <= 0x1f) return general(move.nop);
  if (!isInSomeModel(form)) return general(undefinedOpcode);
  const missing: Executor = () => {
    throw unsupported(form.name);
  };
  return general(missing);
}

/** The iterating executor of a string form. */
export function stringExecutorOf(form: Form): StringExecutor | undefined {
  return form.rep === "" || form.iopl ? undefined : byStem[form.name.slice(0, -1)];
}
