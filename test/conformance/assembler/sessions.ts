/**
 * Sessions beside new assemblies, for as long as you like: sources of our own, or one of yours.
 *
 *     npm run prove -- sessions [--cases N] [--seed N] [--includes FOLDER;FOLDER] [FILE]
 */
import { basename, dirname, resolve } from "node:path";
import { diskFiles } from "../../../src/node/index.ts";
import { proofOptions } from "../../prove-options.ts";
import { type Edited, editOwn, editSource } from "./edits.ts";

/** Changes to one source of our own. */
const ROUNDS = 50;

const { values, positionals } = proofOptions({ cases: 5000, seed: 1, includes: "" }, "FILES");
const { cases, seed } = values;
const total: Edited = { answers: 0, right: 0, reused: 0, difference: undefined };

function add({ answers, right, reused, difference }: Edited): void {
  total.answers += answers;
  total.right += right;
  total.reused += reused;
  total.difference ??= difference;
}

const [source] = positionals;
if (source === undefined)
  for (let n = 0; total.answers < cases && total.difference === undefined; n++)
    add(editOwn(seed + n, ROUNDS));
else {
  const includes = values.includes.split(";").filter((folder) => folder !== "");
  add(editSource(basename(source), { includes }, diskFiles(dirname(resolve(source))), seed, cases));
}
process.stdout.write(
  `${total.answers} answers, ${total.right} without an error, ${total.reused} with lines taken over\n`,
);
if (total.difference !== undefined) {
  process.stdout.write(`not as anew: ${total.difference}\n`);
  process.exitCode = 1;
}
