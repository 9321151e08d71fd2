/**
 * Mutated sources, given to the installed fasm and to ours: both must make the same bytes, or refuse at the same place
 * in the same words. The sources are the language's own cases (fixtures/assembler) and the programs under asm/.
 *
 *     npm run prove -- mutations [--cases N] [--seed N] [FILE ...]
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { assemble, fasmText } from "../../../src/assembler/index.ts";
import { Random } from "../../../src/base/index.ts";
import { diskFiles } from "../../../src/node/index.ts";

/** Kilobytes for both: enough for every source, little enough that a runaway mutant ends soon. */
const KILOBYTES = 65536;
const TIMEOUT_MS = 20_000;

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

/** Bytes in hex, or the words and the trail of an error. */
function theirs(folder: string, source: string, output: string): string {
  const ran = spawnSync("fasm", ["-m", String(KILOBYTES), source, output], {
    cwd: folder,
    timeout: TIMEOUT_MS,
    encoding: "latin1",
  });
  if (ran.error || ran.signal) return "! no answer";
  if (ran.status !== 0) return `! ${ran.stderr.trim()}`;
  return readFileSync(output).toString("hex");
}

function ours(folder: string, source: string, epochSeconds: number): string {
  const files = diskFiles(folder);
  try {
    const result = assemble(source, { files, maxMemory: KILOBYTES * 1024, epochSeconds });
    if (result.ok) return Buffer.from(result.bytes).toString("hex");
    const shown = Buffer.from(result.display).toString("latin1");
    const ended = shown === "" || shown.endsWith("\n") ? shown : `${shown}\n`;
    return `! ${(ended + fasmText(result.diagnostics[0]!)).trim()}`;
  } catch (error) {
    return `! CRASH ${(error as Error).stack}`;
  }
}

const said = (answer: string): string => (answer.startsWith("!") ? answer.split("\n").at(-1)! : "accepted");

/** Prints every difference with the mutant kept in the folder for temporary files; returns how many there were. */
function compare(paths: readonly string[], cases: number, seed: number): number {
  const random = new Random(seed);
  const all = paths.flatMap(subjects);
  const scratch = mkdtempSync(join(tmpdir(), "mutations-"));
  const counts = { identical: 0, refused: 0, words: 0, place: 0, bytes: 0, accept: 0, silent: 0 };
  try {
    for (let number = 0; number < cases; number++) {
      const subject = all[random.below(all.length)]!;
      const text = mutated(subject.text, random);
      const folder = subject.folder ?? scratch;
      const name = join(scratch, "mutant.asm");
      writeFileSync(name, text, "latin1");
      const expected = theirs(folder, name, join(scratch, "out"));
      const began = performance.now();
      // Time stamps are those of the second in which fasm ran, which may have passed.
      const now = Math.floor(Date.now() / 1000);
      let got = ours(folder, name, now);
      if (got !== expected && !expected.startsWith("!")) got = ours(folder, name, now - 1);
      const took = performance.now() - began;
      const [a, b] = [said(expected), said(got)];
      let kind: keyof typeof counts;
      if (expected === "! no answer") kind = "silent";
      else if (expected === got) kind = a === "accepted" ? "identical" : "refused";
      else if ((a === "accepted") !== (b === "accepted")) kind = "accept";
      else if (a === "accepted") kind = "bytes";
      else kind = a === b ? "place" : "words";
      counts[kind]++;
      if (!["identical", "refused", "silent"].includes(kind) || took > TIMEOUT_MS / 2) {
        const kept = join(tmpdir(), `mutant-${seed}-${number}.asm`);
        writeFileSync(kept, text, "latin1");
        const end = (answer: string) =>
          answer.startsWith("!") ? answer.split("\n").slice(-4).join(" | ") : "accepted";
        console.log(
          `${kind}: ${kept} (${subject.name}), ${Math.round(took)} ms\n  fasm  ${end(expected)}\n  ours  ${end(got)}`,
        );
      }
      if (process.stderr.isTTY && number % 20 === 0) process.stderr.write(`\r${number} of ${cases} `);
    }
  } finally {
    rmSync(scratch, { recursive: true });
  }
  console.log(
    `${cases} mutants: ${counts.identical} same bytes, ${counts.refused} refused alike; ` +
      `${counts.bytes} other bytes, ${counts.accept} accepted by one alone, ${counts.words} other words, ` +
      `${counts.place} other places, ${counts.silent} without fasm's answer`,
  );
  return counts.bytes + counts.accept + counts.words + counts.place;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    root: { type: "string", default: "." },
    cases: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
  },
});
const paths =
  positionals.length > 0
    ? positionals
    : [
        ...["language", "formats"].map((name) => join(values.root, `fixtures/assembler/${name}.cases`)),
        ...readdirSync(join(values.root, "asm")).flatMap((name) =>
          name.endsWith(".asm") ? [join(values.root, "asm", name)] : [],
        ),
      ];
if (spawnSync("fasm").error) {
  console.log("mutations: skipped, fasm is not installed");
} else if (compare(paths, Number(values.cases), Number(values.seed)) > 0) process.exitCode = 1;
