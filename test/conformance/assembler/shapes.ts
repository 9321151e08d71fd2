/**
 * Every instruction with operands of all kinds, in code of 16, 32 and 64 bits, given to the installed fasm and to ours: the
 * same bytes, or the same words.
 *
 *     npm run prove -- shapes [--rounds N] [--seed N] [--only REGEXP] [--formats]
 *
 * With --formats each stands in a program of its own, of some format, among numbers that move with it.
 */
import { mnemonicNames } from "../../../src/assembler/encode.ts";
import { assemble, memoryFiles } from "../../../src/assembler/index.ts";
import { proofOptions } from "../../prove-options.ts";
import { askFasm, hasFasm, inSlot, slotOf } from "../fasm.ts";
import { Comparison } from "./comparison.ts";
import { Chance } from "./generate/chance.ts";
import { shapeInFormat, shapeOf } from "./generate/shapes.ts";

const { values } = proofOptions({ rounds: 2, seed: 1, only: "", formats: false });

function ours(bits: number, line: string): string {
  const text = `use${bits}\n${slotOf(line)}`;
  try {
    const done = assemble("a.asm", { files: memoryFiles({ "a.asm": text }) });
    return done.ok ? inSlot(done.bytes, 0) : `!${done.diagnostics[0]!.text}`;
  } catch (error) {
    return `!CRASH ${(error as Error).stack}`;
  }
}

/** How many lines are given to one fasm, if nothing is wrong with them. */
const BATCH = 200;
const SIZES = [16, 32, 64];

const names = mnemonicNames().filter((name) => new RegExp(values.only).test(name));
const chanceOf = (number: number): Chance => new Chance(Math.imul(values.seed, 0x9e3779b1) + number);

/** Many lines in one file, each in a place of its own; how many differ. */
function compareLines(): number {
  const counts = { same: 0, refused: 0, words: 0, bytes: 0, accept: 0 };
  for (let round = 0; round < values.rounds; round++) {
    for (const [index, bits] of SIZES.entries()) {
      const chance = chanceOf(round * SIZES.length + index);
      const lines = [...new Set(names.map((name) => shapeOf(name, bits, chance)))];
      for (let from = 0; from < lines.length; from += BATCH) {
        const batch = lines.slice(from, from + BATCH);
        const mine = batch.map((line) => ours(bits, line));
        const good = mine.map((answer) => !answer.startsWith("!"));
        for (const [i, theirs] of askFasm(bits, batch, good).entries()) {
          const kind = verdict(theirs, mine[i]!);
          counts[kind]++;
          if (theirs !== mine[i])
            console.log(`${kind}: use${bits} ${batch[i]}: fasm ${theirs}, ours ${mine[i]}`);
        }
      }
    }
    if (process.stderr.isTTY) process.stderr.write(`\r${round + 1} of ${values.rounds} `);
  }
  console.log(
    `${names.length} instructions: ${counts.same} same bytes, ${counts.refused} refused alike; ` +
      `${counts.bytes} other bytes, ${counts.accept} accepted by one alone, ${counts.words} other words`,
  );
  return counts.bytes + counts.accept + counts.words;
}

function verdict(theirs: string, ours: string): "same" | "refused" | "accept" | "words" | "bytes" {
  const refused = theirs.startsWith("!");
  if (theirs === ours) return refused ? "refused" : "same";
  if (refused !== ours.startsWith("!")) return "accept";
  return refused ? "words" : "bytes";
}

/** A program for each line; how many differ. */
function compareFormats(): number {
  const comparison = new Comparison(`shape-${values.seed}`);
  const total = values.rounds * names.length;
  for (let number = 0; number < total; number++) {
    const name = names[number % names.length]!;
    comparison.compare(name, shapeInFormat(name, chanceOf(number)), total);
  }
  return comparison.close("programs");
}

if (!hasFasm()) console.log("shapes: skipped, fasm is not installed");
else if ((values.formats ? compareFormats() : compareLines()) > 0) process.exitCode = 1;
