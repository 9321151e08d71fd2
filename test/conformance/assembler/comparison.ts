/** One source given to the installed fasm and to ours: the same bytes, or the same words at the same place. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assemble, fasmText } from "../../../src/assembler/index.ts";
import { diskFiles } from "../../../src/node/index.ts";

/** Kilobytes for both: enough for every source, little enough that one that runs away ends soon. */
const KILOBYTES = 65536;
const TIMEOUT_MS = 20_000;

/** Bytes in hex, and those of -s behind them where they are wanted; or the words and the trail of an error. */
function theirs(folder: string, source: string, output: string, symbols: boolean): string {
  const asked = ["-m", String(KILOBYTES), source, output, ...(symbols ? ["-s", `${output}.fas`] : [])];
  const ran = spawnSync("fasm", asked, { cwd: folder, timeout: TIMEOUT_MS, encoding: "latin1" });
  if (ran.error || ran.signal) return "! no answer";
  if (ran.status !== 0) return `! ${ran.stderr.trim()}`;
  const bytes = readFileSync(output).toString("hex");
  return symbols ? `${bytes} ${readFileSync(`${output}.fas`).toString("hex")}` : bytes;
}

function ours(
  folder: string,
  source: string,
  output: string,
  symbols: boolean,
  epochSeconds: number,
): string {
  const options = { maxMemory: KILOBYTES * 1024, epochSeconds, references: symbols };
  try {
    const result = assemble(source, { files: diskFiles(folder), ...options });
    if (result.ok) {
      const bytes = Buffer.from(result.bytes).toString("hex");
      return symbols ? `${bytes} ${Buffer.from(result.symbolFile(output)).toString("hex")}` : bytes;
    }
    const shown = Buffer.from(result.display).toString("latin1");
    const ended = shown === "" || shown.endsWith("\n") ? shown : `${shown}\n`;
    return `! ${(ended + fasmText(result.diagnostics[0]!)).trim()}`;
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
    const number = this.#number++;
    const name = join(this.#scratch, "source.asm");
    const output = join(this.#scratch, "out");
    writeFileSync(name, text, "latin1");
    const expected = theirs(folder, name, output, this.#symbols);
    const began = performance.now();
    // Time stamps are those of the second in which fasm ran, which may have passed.
    const now = Math.floor(Date.now() / 1000);
    let got = ours(folder, name, output, this.#symbols, now);
    if (got !== expected && !expected.startsWith("!"))
      got = ours(folder, name, output, this.#symbols, now - 1);
    const took = performance.now() - began;
    const kind = verdict(expected, got);
    this.#counts[kind]++;
    if (!["identical", "refused", "silent"].includes(kind) || took > TIMEOUT_MS / 2) {
      const kept = join(tmpdir(), `${this.#kept}-${number}.asm`);
      writeFileSync(kept, text, "latin1");
      console.log(
        `${kind}: ${kept} (${title}), ${Math.round(took)} ms\n` +
          `  fasm  ${shortened(expected)}\n  ours  ${shortened(got)}`,
      );
    }
    if (process.stderr.isTTY && number % 20 === 0) process.stderr.write(`\r${number} of ${total} `);
  }

  /** Says how many there were of each kind; returns how many differ. */
  close(what: string): number {
    rmSync(this.#scratch, { recursive: true });
    const counts = this.#counts;
    console.log(
      `${this.#number} ${what}: ${counts.identical} same bytes, ${counts.refused} refused alike; ` +
        `${counts.bytes} other bytes, ${counts.accept} accepted by one alone, ${counts.words} other words, ` +
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
