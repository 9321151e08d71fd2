/**
 * Programs made by chance, given to the installed fasm and to ours: the language with its macros, repetitions and areas,
 * each format with what its sections say of one another, what takes many passes, and lines of instructions with operands that may be wrong.
 *
 *     npm run prove -- programs [--cases N] [--seed N] [--only language|macros|formats|passes|lines] [--symbols]
 *
 * With --symbols the files that -s writes are compared too.
 */

import { proofOptions } from "../../prove-options.ts";
import { groups } from "../cases.ts";
import { Comparison } from "./comparison.ts";
import { Chance } from "./generate/chance.ts";
import { formatProgram } from "./generate/formats.ts";
import { languageProgram } from "./generate/language.ts";
import { macroProgram } from "./generate/macros.ts";
import { passesProgram } from "./generate/passes.ts";

const { values } = proofOptions({ cases: 3000, seed: 1, only: "", symbols: false });
const { cases, seed: first } = values;

/** A line of a form that there is, with another line's operand in one's place or a word too many now and then. */
function lines(): (seed: number) => string {
  const all = [32, 64].map((size) => ({ size, lines: [...groups(size, first).values()].flat() }));
  return (seed) => {
    const chance = new Chance(seed);
    const { size, lines: some } = chance.pick(all);
    const [line, other] = [chance.pick(some), chance.pick(some)];
    const changed = chance.pick([
      () => line,
      () => line.replace(/,[^,]*$/, () => /,[^,]*$/.exec(other)?.[0] ?? ""),
      () => `${line},${other.split(/[ ,]/).at(-1)}`,
      () => line.replace(/,[^,]*$/, ""),
      () => line.replace(/^\S+/, () => /^\S+/.exec(other)![0]),
    ])();
    return `use${size === 32 && chance.oneIn(3) ? 16 : size}\n${changed}\n`;
  };
}

const makers: Readonly<Record<string, () => (seed: number) => string>> = {
  language: () => languageProgram,
  macros: () => macroProgram,
  formats: () => formatProgram,
  passes: () => passesProgram,
  lines,
};
const { only } = values;
const kinds = only === "" ? Object.keys(makers) : [only];
if (!kinds.every((kind) => Object.hasOwn(makers, kind))) {
  console.error(`programs: there is no "${only}"; there are ${Object.keys(makers).join(", ")}`);
  process.exitCode = 2;
} else if (!Comparison.isPossible()) console.log("programs: skipped, fasm is not installed");
else {
  const chosen = kinds.map((kind) => ({ kind, make: makers[kind]!() }));
  const comparison = new Comparison(`program-${first}`, values.symbols);
  for (let number = 0; number < cases; number++) {
    const { kind, make } = chosen[number % chosen.length]!;
    comparison.compare(kind, make(Math.imul(first, 0x9e3779b1) + number), cases);
  }
  if (comparison.close("programs") > 0) process.exitCode = 1;
}
