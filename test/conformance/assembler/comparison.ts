/** One source given to the installed fasm and to ours: the same bytes in as many passes, or the same words at the same place. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assemble, fasmText } from "../../../src/assembler/index.ts";
import { diskFiles } from "../../../src/node/index.ts";

/** Kilobytes for both: enough for every source, little enough that one that runs away ends soon. */
const KILOBYTES = 65536;
/** Of processor time: fasm gets no more, and ours is reported when it takes half of it. */
const TIMEOUT_SECONDS = 20;
/** FASM's status for what is no line's fault, as code that cannot be generated; others above 127 are signals. */
const FATAL = 255;
/** Sources that one shell gives to fasm, since starting that is most of the time. */
const BATCH = 100;

interface Case {
  readonly title: string;
  readonly text: string;
  /** Where the source's includes are found. */
  readonly folder: string;
  readonly source: string;
  readonly output: string;
}

const quoted = (word: string): string => `'${word}'`;

/** Runs fasm on all of them; beside each output is what it told and said, and its status. */
function askFasm(cases: readonly Case[], symbols: boolean): void {
  const runs = cases.map(({ folder, source, output }) => {
    const asked = ["-m", String(KILOBYTES), source, output, ...(symbols ? ["-s", `${output}.fas`] : [])];
    const [where, told, said, status] = [folder, `${output}.told`, `${output}.said`, `${output}.status`].map(
      quoted,
    );
    return `cd ${where}\nrm -f ${quoted(`${output}.fas`)}\nfasm ${asked.map(quoted).join(" ")} >${told} 2>${said}\necho $? >${status}\n`;
  });
  spawnSync("sh", {
    input: `ulimit -t ${TIMEOUT_SECONDS}\n${runs.join("")}`,
    stdio: ["pipe", "ignore", "ignore"],
  });
}

/** The table of lines in a file of -s: where its offset and its length stand, and the fields of a row. */
const ROWS = 0x28;
const ROW = 28;
const HERE = 8;
const WITHIN_VIRTUAL = 26;
const SIGN = 27;
/** FASM's memory, above which no area of a source's own is. */
const FAR_UP = 1n << 20n;

/**
 * FASM's file of -s with our `$` in the lines of areas that `::` has named: FASM reckons that from where it has moved the
 * area to, far up in its own memory, and no longer from where the line stood.
 */
function unmoved(theirs: Uint8Array, ours: Uint8Array): Buffer {
  const [bytes, other] = [Buffer.from(theirs), Buffer.from(ours)];
  const start = bytes.readUInt32LE(ROWS);
  const end = Math.min(start + bytes.readUInt32LE(ROWS + 4), other.length);
  for (let row = start; row + ROW <= end; row += ROW) {
    if ((bytes[row + WITHIN_VIRTUAL]! & 1) === 0) continue;
    if (other.readBigInt64LE(row + HERE) - bytes.readBigInt64LE(row + HERE) < FAR_UP) continue;
    other.copy(bytes, row + HERE, row + HERE, row + HERE + 8);
    bytes[row + SIGN] = other[row + SIGN]!;
  }
  return bytes;
}

/** Passes, and the bytes in hex; or the words and the trail of an error. */
function theirs({ output }: Case): string {
  const status = Number(readFileSync(`${output}.status`, "latin1"));
  if (status > 127 && status !== FATAL) return "! no answer";
  if (status !== 0) return `! ${readFileSync(`${output}.said`, "latin1").trim()}`;
  const passes = /(\d+) passes/.exec(readFileSync(`${output}.told`, "latin1"))?.[1];
  return `${passes} ${readFileSync(output).toString("hex")}`;
}

/** Of what stops early nothing is written. */
const writtenIfAny = (path: string): Buffer => (existsSync(path) ? readFileSync(path) : Buffer.alloc(0));

/**
 * The same of ours; with `symbols` the answer is followed by what differs in the files of -s, if anything does: of what is refused they
 * have the preprocessed source.
 */
function ours({ folder, source, output }: Case, symbols: boolean, epochSeconds: number): string {
  const options = { maxMemory: KILOBYTES * 1024, epochSeconds, references: symbols };
  try {
    const result = assemble(source, { files: diskFiles(folder), ...options });
    if (result.ok) {
      const bytes = `${result.passes} ${Buffer.from(result.bytes).toString("hex")}`;
      if (!symbols) return bytes;
      const got = result.symbolFile(output);
      const same = unmoved(readFileSync(`${output}.fas`), got).equals(got);
      return same ? bytes : `${bytes} with other symbols`;
    }
    const shown = Buffer.from(result.display).toString("latin1");
    const ended = shown === "" || shown.endsWith("\n") ? shown : `${shown}\n`;
    const words = `! ${(ended + fasmText(result.diagnostics[0]!)).trim()}`;
    if (!symbols || writtenIfAny(`${output}.fas`).equals(result.symbolFile(""))) return words;
    return `${words} with other symbols`;
  } catch (error) {
    return `! CRASH ${(error as Error).stack}`;
  }
}

const said = (answer: string): string => (answer.startsWith("!") ? answer.split("\n").at(-1)! : "accepted");

const shortened = (answer: string) =>
  answer.startsWith("!") ? answer.split("\n").slice(-4).join(" | ") : "accepted";

/** Compares one source after the other, and prints every difference with the source kept among the temporary files. */
export class Comparison {
  readonly #scratch = mkdtempSync(join(tmpdir(), "comparison-"));
  readonly #kept: string;
  readonly #symbols: boolean;
  readonly #counts = { identical: 0, refused: 0, words: 0, place: 0, bytes: 0, accept: 0, silent: 0 };
  #number = 0;
  #pending: Case[] = [];

  /** `kept` begins the names of what is kept; `symbols` has the files of -s compared as well. */
  constructor(kept: string, symbols = false) {
    this.#kept = kept;
    this.#symbols = symbols;
  }

  static isPossible(): boolean {
    return spawnSync("fasm").error === undefined;
  }

  /** `total` is how many there will be, for the progress; `folder` is where the source's includes are found. */
  compare(title: string, text: string, total: number, folder: string = this.#scratch): void {
    // Names of one length: they are in the files of -s.
    const name = join(this.#scratch, String(this.#pending.length).padStart(3, "0"));
    writeFileSync(`${name}.asm`, text, "latin1");
    this.#pending.push({ title, text, folder, source: `${name}.asm`, output: name });
    if (this.#pending.length < BATCH) return;
    this.#flush();
    if (process.stderr.isTTY) process.stderr.write(`\r${this.#number} of ${total} `);
  }

  #flush(): void {
    askFasm(this.#pending, this.#symbols);
    for (const each of this.#pending) this.#judge(each);
    this.#pending = [];
  }

  #judge(each: Case): void {
    const number = this.#number++;
    const expected = theirs(each);
    const began = performance.now();
    // Time stamps are those of the second in which fasm ran: when it wrote its file, or the one before;
    // of what it refuses (a time is too large for a byte) any of today's does.
    const accepted = !expected.startsWith("!");
    const written = Math.floor((accepted ? statSync(each.output).mtimeMs : Date.now()) / 1000);
    let got = ours(each, this.#symbols, written);
    if (accepted && got !== expected) got = ours(each, this.#symbols, written - 1);
    const took = performance.now() - began;
    const kind = verdict(expected, got);
    this.#counts[kind]++;
    if (["identical", "refused", "silent"].includes(kind) && took < (TIMEOUT_SECONDS * 1000) / 2) return;
    const kept = join(tmpdir(), `${this.#kept}-${number}.asm`);
    writeFileSync(kept, each.text, "latin1");
    console.log(
      `${kind}: ${kept} (${each.title}), ${Math.round(took)} ms\n` +
        `  fasm  ${shortened(expected)}\n  ours  ${shortened(got)}`,
    );
  }

  /** Says how many there were of each kind; returns how many differ. */
  close(what: string): number {
    this.#flush();
    rmSync(this.#scratch, { recursive: true });
    const counts = this.#counts;
    console.log(
      `${this.#number} ${what}: ${counts.identical} same bytes, ${counts.refused} refused alike; ` +
        `${counts.bytes} other bytes or passes, ${counts.accept} accepted by one alone, ${counts.words} other words, ` +
        `${counts.place} other places, ${counts.silent} without fasm's answer`,
    );
    return counts.bytes + counts.accept + counts.words + counts.place;
  }
}

function verdict(
  expected: string,
  got: string,
): "identical" | "refused" | "words" | "place" | "bytes" | "accept" | "silent" {
  const [a, b] = [said(expected), said(got)];
  if (expected === "! no answer") return "silent";
  if (expected === got) return a === "accepted" ? "identical" : "refused";
  if ((a === "accepted") !== (b === "accepted")) return "accept";
  if (a === "accepted") return "bytes";
  return a === b ? "place" : "words";
}
