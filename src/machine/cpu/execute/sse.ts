/** Which function executes a form of MMX or SSE. */
import type { Form } from "../../../isa/index.ts";
import { fastMmx } from "../fast/index.ts";
import { mmxPlan, ssePlan } from "../fast/plans.ts";
import type { Executor } from "../operation.ts";
import * as convert from "./sse-convert.ts";
import * as float from "./sse-float.ts";
import * as integer from "./sse-integer.ts";
import * as move from "./sse-move.ts";
import { quickly } from "./sse-quick.ts";
import * as state from "./sse-state.ts";
import { compareStrings } from "./sse-string.ts";
import { isVector } from "./units.ts";
import { mmx, numeric, numericSteps, xmm } from "./vector.ts";

/** Forms whose first operand is a register, or memory that is written: by name and, for stores, "store". */
const byName: Readonly<Record<string, Executor>> = {
  ldmxcsr: state.ldmxcsr,
  stmxcsr: state.stmxcsr,
  fxsave: state.fxsave,
  fxrstor: state.fxrstor,
  emms: state.emms,
  ptest: move.ptest,
  insertps: move.insertps,
  pblendvb: move.blendVariable(1),
  blendvps: move.blendVariable(4),
  blendvpd: move.blendVariable(8),
  movmskps: move.signMaskPs,
  movmskpd: move.signMaskPd,
  maskmovq: move.maskedStore(8),
  maskmovdqu: move.maskedStore(16),
  movq2dq: move.movq2dq,
  movdq2q: move.movdq2q,
  pinsrb: move.pinsrb,
  pinsrd: move.pinsrd,
  pextrb: move.pextrb,
  pextrd: move.pextrd,
  extractps: move.pextrd,
  movntq: move.storeMmx,
  movntps: move.store(16, true),
  movntpd: move.store(16, true),
  movntdq: move.store(16, true),
  movntdqa: move.loadAligned,
  lddqu: xmm(move.take, 16, false),
  comiss: float.compareFlags(4, true),
  comisd: float.compareFlags(8, true),
  ucomiss: float.compareFlags(4, false),
  ucomisd: float.compareFlags(8, false),
  cvtpi2ps: convert.fromMmx(false),
  cvtpi2pd: convert.fromMmx(true),
  cvtps2pi: convert.toMmx(false, false),
  cvttps2pi: convert.toMmx(false, true),
  cvtpd2pi: convert.toMmx(true, false),
  cvttpd2pi: convert.toMmx(true, true),
  cvtsi2ss: convert.fromGeneral(false),
  cvtsi2sd: convert.fromGeneral(true),
  cvtss2si: convert.toGeneral(false, false),
  cvttss2si: convert.toGeneral(false, true),
  cvtsd2si: convert.toGeneral(true, false),
  cvttsd2si: convert.toGeneral(true, true),
  pcmpestri: compareStrings(true, false),
  pcmpestrm: compareStrings(true, true),
  pcmpistri: compareStrings(false, false),
  pcmpistrm: compareStrings(false, true),
};

/** To a register, and from one: to memory or another register. */
const bothWays: Readonly<Record<string, readonly [load: Executor, store: Executor]>> = {
  movups: [xmm(move.take, 16, false), move.store(16)],
  movupd: [xmm(move.take, 16, false), move.store(16)],
  movdqu: [xmm(move.take, 16, false), move.store(16)],
  movaps: [move.loadAligned, move.store(16, true)],
  movapd: [move.loadAligned, move.store(16, true)],
  movdqa: [move.loadAligned, move.store(16, true)],
  movss: [move.loadScalar(4), move.store(4)],
  movsd: [move.loadScalar(8), move.store(8)],
  movlps: [xmm(...move.moveKernels["movlps"]!), move.store(8)],
  movlpd: [xmm(...move.moveKernels["movlpd"]!), move.store(8)],
  movhps: [xmm(...move.moveKernels["movhps"]!), move.storeUpper],
  movhpd: [xmm(...move.moveKernels["movhpd"]!), move.storeUpper],
};

/**
 * Only the low half of their second operand is used, and read from memory, which must be aligned as for a whole one:
 * undefined.ts.
 */
const HALVES = new Set(
  (
    "punpcklbw punpcklwd punpckldq punpcklqdq unpcklps unpcklpd " +
    "psllw pslld psllq psrlw psrld psrlq psraw psrad"
  ).split(" "),
);

/** The executor of a form of MMX or SSE; undefined for other forms, and for what is not executed yet. */
export function vectorExecutorOf(form: Form): Executor | undefined {
  const general = generalExecutorOf(form);
  if (general === undefined) return undefined;
  const ofSse = ssePlan(form);
  const plan = ofSse ?? mmxPlan(form, fastMmx.names);
  return plan ? quickly(plan, general, plan !== ofSse) : general;
}

function generalExecutorOf(form: Form): Executor | undefined {
  if (!isVector(form)) return undefined;
  const { name } = form;
  const [first, second] = form.operands;
  const file = (kind: string | undefined): "mm" | "xmm" | undefined =>
    kind === "mm" || kind === "mmm" ? "mm" : kind === "xmm" || kind === "xmmm" ? "xmm" : undefined;
  const to = file(first?.kind);
  const from = file(second?.kind);
  switch (name) {
    case "movd":
      if (to !== undefined) return to === "mm" ? move.movdToMmx : move.movdToXmm;
      return from === "mm" ? move.movdFromMmx : move.movdFromXmm;
    case "movq":
      if (to === "mm") return form.places[0] === "rm" ? move.storeMmx : mmx(move.take);
      return form.places[0] === "rm" ? move.store(8, false, true) : xmm(move.takeQuadword, 8);
    case "pmovmskb":
      return move.byteMask(from === "mm" ? 8 : 16);
    case "pinsrw":
      return to === "mm" ? move.pinsrwMmx : move.pinsrw;
    case "pextrw":
      return from === "mm" ? move.pextrwMmx : move.pextrw;
  }
  const ways = bothWays[name];
  if (ways) return ways[form.places[0] === "rm" ? 1 : 0];
  const named = byName[name];
  if (named) return named;
  const bytes = HALVES.has(name) ? 8 : 16;
  const integers = integer.integerKernels[name];
  if (integers) {
    // Only a dword is read where only a dword is used. SDM vol. 2B, PUNPCKLBW.
    return to === "mm" ? mmx(integers, name.startsWith("punpckl") ? 4 : 8) : xmm(integers, bytes, true);
  }
  const plain = integer.extensions[name] ?? move.moveKernels[name];
  if (plain) return HALVES.has(name) ? xmm(plain[0], bytes, true) : xmm(...plain);
  const numbers = float.floatKernels[name] ?? convert.conversions[name];
  if (numbers) return numeric(...numbers);
  const steps = float.dotProducts[name];
  if (steps) return numericSteps(steps);
  const compared = /^cmp(?:|eq|lt|le|unord|neq|nlt|nle|ord)([ps][sd])$/.exec(name);
  if (compared)
    return numeric(float.comparisons[compared[1]!]!, { ps: 16, pd: 16, ss: 4, sd: 8 }[compared[1]!]);
  return undefined;
}
