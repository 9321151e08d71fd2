/**
 * The code of one case met in the state of another: what costs an engine that compiles most is the code, so that many
 * states for one code are cheap.
 */
import { Random } from "../../../src/base/index.ts";
import { areas } from "./arena.ts";
import type { Case } from "./case.ts";
import type { Series } from "./generate.ts";

const ESP = 4;
const STATUS_FLAGS = 0x8d5;
/** How far from the arena's memory a register may point at it. */
const NEAR = 0x2000;

const isPointer = (value: number): boolean =>
  areas.some(({ start, length }) => value >= start - NEAR && value < start + length + NEAR);

/**
 * Case `n` of a series, where `states` cases in a row share their code: the first is as the series makes it, the others
 * take flags, numbers and half of the registers from the case that the series would have made.
 */
export function caseInState(series: Series, seed: number, n: number, states: number, known?: Case): Case {
  const first = n - (n % states);
  if (n === first) return series.make(seed, n);
  const one = known?.number === first ? known : series.make(seed, first);
  const other = series.make(seed, n);
  const random = new Random((Math.imul(n, 0x9e37_79b9) + seed) | 0);
  const registers = one.registers.map((own, i) => {
    // A register that a memory operand counts on goes astray now and then only.
    const keeps = i === ESP || (isPointer(own) ? random.below(16) > 0 : random.below(2) === 0);
    return keeps ? own : other.registers[i]!;
  });
  const pokes = one.pokes.map((own) => {
    const place = other.pokes.find(
      ({ address, bytes }) => address === own.address && bytes.length === own.bytes.length,
    );
    return place === undefined || own === one.pokes[one.pokes.length - 1] ? own : place;
  });
  return {
    ...one,
    number: n,
    registers,
    pokes,
    eflags: (one.eflags & ~STATUS_FLAGS) | (other.eflags & STATUS_FLAGS),
    ...(other.fxsave && !series.codeInRegisters && { fxsave: other.fxsave }),
  };
}
