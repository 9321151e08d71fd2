/**
 * The encoder against what fasm 1.73.30 answered: fixtures/isa/*.txt.gz, one line a case. With fasm installed,
 *
 *     RENEW_ISA=1 npx vitest run test/conformance/instructions.test.ts
 *
 * makes the cases anew from the rows and asks fasm about each.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { type Disassembly, disassemble } from "../../src/debug/index.ts";
import { LONGEST } from "../../src/isa/index.ts";
import { groups } from "./cases.ts";
import { askFasm, hasFasm } from "./fasm.ts";
import { assembled, ORIGIN } from "./line.ts";
import { assembledLong, assembledLongAll } from "./long.ts";

const fixtures = new URL("../../fixtures/isa/", import.meta.url).pathname;

/** Of the refusals in 64-bit code one in so many is kept. */
const REFUSALS_KEPT = 6;

const sameButForWords = (ours: string, answer: string): boolean =>
  ours === answer || (ours.startsWith("!") && answer.startsWith("!"));

const groupFilter = process.env["ISA_GROUP"];

describe.runIf(process.env["RENEW_ISA"] !== undefined && hasFasm())("renewing", () => {
  for (const [group, lines] of groups()) {
    if (groupFilter !== undefined && groupFilter !== group) continue;
    test(`asks fasm about ${group}`, { timeout: 900_000 }, () => {
      const record: string[] = [];
      for (const bits of [16, 32]) {
        const good = lines.map((line) => !assembled(bits, line).startsWith("!"));
        const answers = askFasm(bits, lines, good);
        record.push(`use${bits}`, ...lines.map((line, i) => `${line}|${answers[i]}`));
      }
      writeFileSync(join(fixtures, `${group}.txt.gz`), gzipSync(`${record.join("\n")}\n`, { level: 9 }));
    });
  }
  for (const [group, lines] of groups(64)) {
    if (groupFilter !== undefined && groupFilter !== `${group}-64`) continue;
    test(`asks fasm about ${group} in 64-bit code`, { timeout: 900_000 }, () => {
      const ours = lines.map(assembledLong);
      const good = ours.map((answer) => !answer.startsWith("!"));
      const answers = askFasm(64, lines, good);
      const record = ["use64"];
      const wrong: string[] = [];
      let refused = 0;
      for (const [i, answer] of answers.entries()) {
        if (!sameButForWords(ours[i]!, answer)) wrong.push(`${lines[i]}: fasm ${answer}, ours ${ours[i]}`);
        // What is refused takes a source of its own each time: a part of it is kept.
        if (!answer.startsWith("!") || refused++ % REFUSALS_KEPT === 0) record.push(`${lines[i]}|${answer}`);
      }
      writeFileSync(join(fixtures, `${group}-64.txt.gz`), gzipSync(`${record.join("\n")}\n`, { level: 9 }));
      none(wrong, lines.length);
    });
  }
});

const recordings = existsSync(fixtures)
  ? readdirSync(fixtures).filter((file) => file.endsWith(".txt.gz"))
  : [];

function* recorded(file: string): Generator<[bits: 16 | 32 | 64, text: string, answer: string]> {
  let bits: 16 | 32 | 64 = 16;
  for (const line of gunzipSync(readFileSync(join(fixtures, file)))
    .toString("latin1")
    .trimEnd()
    .split("\n")) {
    if (/^use..$/.test(line)) bits = Number(line.slice(3)) as 16 | 32 | 64;
    else yield [bits, ...(line.split("|") as [string, string])];
  }
}

/** ISA_WRONG names a file for all differences; a failing test shows the first of them. */
function none(wrong: readonly string[], compared: number): void {
  const file = process.env["ISA_WRONG"];
  if (file !== undefined) writeFileSync(file, wrong.join("\n"));
  expect(wrong.slice(0, 50), `${wrong.length} of ${compared}`).toEqual([]);
}

/**
 * No whole instruction, or a segment prefix at a place of its own: nothing that is printed as it was written. Then
 * what fasm writes and no processor takes: vpshrdvw with a wrong code, zeroing of memory, vphminposuw of YMM, test
 * registers and movdir64b with a register as wide as no address in 64-bit code, rdpid, broadcasts in expansions, zeroing of masks,
 * addresses in the middle of XOP shifts.
 */
const unprintable =
  /^rdpid|^vp?(expand|popcnt[bw]).*\{1to|^v(ptest|pshufbit|fpclass).*\{z\}|^vp(rot|sh[al])[bwdq] \w+,[^,]*\[|^(rep\w*|lock|bnd|x\w+|[c-gs]s)$|^popw? .*cs$|^[c-gs]s movs | & |^vphminposuw y|^vpshrdvw|^vextract.*\]\{k\d\}\{z\}|^vcvtps2ph .*\]\{k\d\}\{z\}/;

/**
 * In 16-bit and 32-bit code: vpermil2ps and its like, without a prefix that the processor wants, 66 before xbegin, and W
 * where it means nothing.
 */
const noShort = /^vpermil\w*2p[sd]|^xbegin|^vpbroadcastq \w+,r/;

const noLong = /^mov .*\btr\d|^movdir64b rax,\[gs:/;

/**
 * Lines that fasm refuses too, but for another reason: sizes before registers that have none, two faults in one line of which
 * fasm finds the other first, and an address that the cases' reader here takes for one.
 */
const otherWords = new Set([
  "mov edi,pword dr2",
  "mov r8,tbyte dr1",
  "mwaitx eax,r9b",
  "vpermil2ps ymm26,ymm5,ymm8,qqword [rax+rsp],128,pword [8]",
  "vpcomleuq xmm6,xmm31,[rax+ecx]",
]);

describe.each(recordings)("%s", (file) => {
  test("every line is assembled or refused as fasm does", () => {
    let compared = 0;
    const wrong: string[] = [];
    const cases = [...recorded(file)];
    const long = cases.filter(([bits]) => bits === 64);
    const longs = assembledLongAll(
      long.map(([, text]) => text),
      long.map(([, , answer]) => !answer.startsWith("!")),
    );
    let longAt = 0;
    for (const [bits, text, answer] of cases) {
      compared++;
      const ours = bits === 64 ? longs[longAt++]! : assembled(bits, text);
      if (ours === answer || (otherWords.has(text) && sameButForWords(ours, answer))) continue;
      wrong.push(`use${bits} ${text}: fasm ${answer}, ours ${ours}`);
    }
    none(wrong, compared);
  });

  test("fasm's bytes disassemble to text that assembles to the same bytes", { timeout: 300_000 }, () => {
    const seen = new Set<string>();
    const lines: { bits: 16 | 32 | 64; text: string; answer: string; shown: Disassembly }[] = [];
    for (const [bits, text, whole] of recorded(file)) {
      // fstcw and its like are wait and fnstcw to the processor.
      const answer = /^9b../.test(whole) ? whole.slice(2) : whole;
      if (answer.startsWith("!") || answer === "" || unprintable.test(text) || seen.has(`${bits}${answer}`))
        continue;
      seen.add(`${bits}${answer}`);
      const bytes = Uint8Array.from(answer.match(/../g)!, (byte) => Number.parseInt(byte, 16));
      if (bytes.length > LONGEST || (bits === 64 ? noLong : noShort).test(text)) continue;
      const shown = disassemble(bytes, 0, bytes.length, { bits, address: ORIGIN });
      lines.push({ bits, text, answer, shown });
    }
    const long = lines.filter(({ bits }) => bits === 64);
    const longs = assembledLongAll(
      long.map(({ shown }) => shown.text),
      long.map(({ shown }) => shown.valid),
    );
    let longAt = 0;
    const wrong: string[] = [];
    for (const { bits, text, answer, shown } of lines) {
      const made = bits === 64 ? longs[longAt++]! : shown.valid ? assembled(bits, shown.text) : "";
      if (shown.valid && shown.length * 2 === answer.length && made === answer) continue;
      wrong.push(`use${bits} ${text}: ${answer} shown as ${shown.text} (${shown.length}), which is ${made}`);
    }
    none(wrong, seen.size);
  });
});
