/**
 * Mutated sources, given to the installed fasm and to ours: both must make the same bytes, or refuse at the same place
 * in the same words. The sources are the language's own cases (fixtures/assembler) and the programs under asm/.
 *
 *     npm run prove -- mutations [--cases N] [--seed N] [FILE ...]
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { Random } from "../../../src/base/index.ts";
import { proofOptions } from "../../prove-options.ts";
import { Comparison } from "./comparison.ts";

/** Words that a mutation may put in. */
const vocabulary =
  `mov add sub jmp call push pop ret lea xchg movzx int nop rep lock eax ebx cl ax [eax] [ebx+4] esp ds cs st0 xmm1 cr0
   byte word dword qword tword ptr short near far dup db dw dd dq rb rd file include equ fix define restore = : , + - * /
   mod and or xor shl shr not rva plt ( ) [ ] { } < > # \` | & ~ \\ ? $ $$ % %% @f @b @@ . .x 0 1 -1 255 256 65536
   80000000h 0FFFFFFFFh 1.5 'a' "b" if else end repeat while break times virtual label org align load store from at as
   used defined eq eqtype in relativeto macro struc rept irp irps irpv match forward reverse common local purge restruc
   postpone format PE MZ COFF ELF section segment entry stack heap public extrn use16 use32 err assert display %t`.split(
    /\s+/,
  );

/** Names, strings, numbers and signs, with the blanks between them. */
const pieces = (text: string): string[] => text.match(/'[^'\n]*'|"[^"\n]*"|[\w.@$?%]+|\n|[ \t]+|./g) ?? [];

function mutated(text: string, random: Random): string {
  const parts = pieces(text);
  const place = (): number => random.below(parts.length);
  for (let changes = 1 + random.below(2); changes > 0 && parts.length > 0; changes--) {
    const at = place();
    switch (random.below(8)) {
      case 0:
        parts.splice(at, 1);
        break;
      case 1:
        parts.splice(at, 0, parts[at]!);
        break;
      case 2: {
        const other = place();
        [parts[at], parts[other]] = [parts[other]!, parts[at]!];
        break;
      }
      case 3:
      case 4:
        parts[at] = vocabulary[random.below(vocabulary.length)]!;
        break;
      case 5:
        parts.splice(at, 0, ` ${vocabulary[random.below(vocabulary.length)]!} `);
        break;
      case 6:
        parts[at] = parts[place()]!;
        break;
      default: {
        // A whole line goes, or stands twice.
        const start = parts.lastIndexOf("\n", at) + 1;
        const end = parts.indexOf("\n", at) + 1 || parts.length;
        if (random.below(2)) parts.splice(start, end - start);
        else parts.splice(start, 0, ...parts.slice(start, end));
      }
    }
  }
  return parts.join("");
}

interface Subject {
  readonly name: string;
  readonly text: string;
  /** Where its includes are found. */
  readonly folder: string | undefined;
}

/** The sources of a file of cases, or the file itself. */
function subjects(path: string): Subject[] {
  const text = readFileSync(path, "latin1");
  if (!path.endsWith(".cases")) return [{ name: path, text, folder: dirname(resolve(path)) }];
  return text
    .split(/^:: /m)
    .slice(1)
    .map((one) => {
      const [title, ...lines] = one.split("\n");
      return {
        name: `${basename(path)}: ${title}`,
        text: lines.filter((line) => !/^(=>|!!)( |$)/.test(line)).join("\n"),
        folder: undefined,
      };
    });
}

/** Returns how many differ. */
function compareMutants(paths: readonly string[], cases: number, seed: number): number {
  const random = new Random(seed);
  const all = paths.flatMap(subjects);
  const comparison = new Comparison(`mutant-${seed}`);
  for (let number = 0; number < cases; number++) {
    const { name, text, folder } = all[random.below(all.length)]!;
    comparison.compare(name, mutated(text, random), cases, folder);
  }
  return comparison.close("mutants");
}

const { values, positionals } = proofOptions({ root: ".", cases: 2000, seed: 1 }, "FILES");
const paths =
  positionals.length > 0
    ? positionals
    : [
        ...["language", "formats"].map((name) => join(values.root, `fixtures/assembler/${name}.cases`)),
        ...readdirSync(join(values.root, "asm")).flatMap((name) =>
          name.endsWith(".asm") ? [join(values.root, "asm", name)] : [],
        ),
      ];
if (!Comparison.isPossible()) console.log("mutations: skipped, fasm is not installed");
else if (compareMutants(paths, values.cases, values.seed) > 0) process.exitCode = 1;
