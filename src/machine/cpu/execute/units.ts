/**
 * Which forms belong to the x87, and which to MMX and SSE. Apart from their executors, which are a third of the machine: of
 * the built program's rooms (scripts/rooms.mjs) only those who have such instructions enter theirs.
 */
import type { Form } from "../../../isa/index.ts";

export const isX87 = (form: Form): boolean =>
  form.encoding === "legacy" && form.map === 0 && form.code >= 0xd8 && form.code <= 0xdf;

const LEVELS = new Set("mmx sse sse2 sse3 ssse3 sse4".split(" "));
/** Of those without one of the units' registers as an operand. */
const NAMES = new Set("fxsave fxrstor ldmxcsr stmxcsr emms".split(" "));
const KINDS = new Set("mm mmm xmm xmmm".split(" "));

/** Hints and fences came with SSE and are none of its forms. */
export const isVector = ({ level, name, operands: [first, second] }: Form): boolean =>
  LEVELS.has(level) &&
  (NAMES.has(name) || KINDS.has(first?.kind as string) || KINDS.has(second?.kind as string));

/** The conditions of the x87's conditional moves, as flags.ts numbers them. */
export const X87_CONDITIONS: Readonly<Record<string, number>> = {
  fcmovb: 2,
  fcmovnb: 3,
  fcmove: 4,
  fcmovne: 5,
  fcmovbe: 6,
  fcmovnbe: 7,
  fcmovu: 10,
  fcmovnu: 11,
};
