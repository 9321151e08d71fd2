/** Asks the host's own processor, through a small program that is built when gcc can make 32-bit code. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Answer, type Case, FXSAVE_BYTES, forgetPointers } from "./case.ts";

const FLAGS = "-m32 -O2 -static -nostdlib -ffreestanding -fno-stack-protector -fno-pie -no-pie".split(" ");

export interface Oracle {
  ask(cases: readonly Case[]): Answer[];
  close(): void;
}

/** The oracle, or why there is none here. */
export function openOracle(source: string): Oracle | { missing: string } {
  const folder = mkdtempSync(join(tmpdir(), "kolibri-oracle-"));
  const program = join(folder, "oracle");
  const built = spawnSync("gcc", [...FLAGS, "-o", program, source], { encoding: "utf8" });
  const close = (): void => rmSync(folder, { recursive: true, force: true });
  if (built.status !== 0) {
    close();
    return { missing: built.error ? "gcc is not installed" : `gcc -m32 cannot build it: ${built.stderr}` };
  }
  return {
    close,
    ask(cases) {
      const ran = spawnSync(program, { input: question(cases), maxBuffer: 2 ** 30 });
      if (ran.status !== 0) throw new Error(`the oracle ended with ${ran.status ?? ran.signal}`);
      const answers = readAnswers(ran.stdout, cases);
      if (answers.length !== cases.length) {
        throw new Error(`the oracle answered ${answers.length} of ${cases.length} cases`);
      }
      return answers;
    },
  };
}

/** The layout is told at the top of oracle.c. */
function question(cases: readonly Case[]): Uint8Array {
  let length = 0;
  for (const { pokes, fxsave } of cases) {
    length += 48 + (fxsave ? FXSAVE_BYTES : 0);
    for (const { bytes } of pokes) length += 8 + bytes.length;
  }
  const all = new Uint8Array(length);
  const view = new DataView(all.buffer);
  let at = 0;
  const put = (value: number): void => {
    view.setUint32(at, value, true);
    at += 4;
  };
  for (const one of cases) {
    for (const value of one.registers) put(value);
    put(one.eip);
    put(one.eflags);
    put((one.fxsave ? 1 : 0) | (one.steps ? 2 : 0));
    put(one.pokes.length);
    if (one.fxsave) {
      all.set(one.fxsave, at);
      at += FXSAVE_BYTES;
    }
    for (const { address, bytes } of one.pokes) {
      put(address);
      put(bytes.length);
      all.set(bytes, at);
      at += bytes.length;
    }
  }
  return all;
}

/** Vectors whose exceptions push an error code. SDM vol. 3A, table 6-1. */
const WITH_CODE = new Set([8, 10, 11, 12, 13, 14, 17]);

/** Bit 4 of the code of #PF says that it was a fetch, where pages can be marked as not executable. */
const FETCH = 0x10;

function readAnswers(bytes: Uint8Array, cases: readonly Case[]): Answer[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const answers: Answer[] = [];
  let at = 0;
  const take = (): number => {
    at += 4;
    return view.getUint32(at - 4, true);
  };
  while (at < bytes.length) {
    const registers = Array.from({ length: 8 }, take);
    const eip = take();
    const eflags = take();
    const vector = take();
    const code = take();
    const address = take();
    const selectors = Array.from({ length: 6 }, take);
    const count = take();
    const fxsave = cases[answers.length]?.fxsave && bytes.slice(at, at + FXSAVE_BYTES);
    if (fxsave) at += FXSAVE_BYTES;
    if (fxsave && cases[answers.length]!.steps) forgetPointers(fxsave);
    const changed = Array.from({ length: count }, (): [number, number] => [take(), take()]);
    answers.push({
      registers,
      eip,
      eflags,
      vector,
      code: WITH_CODE.has(vector) ? (vector === 14 ? code & ~FETCH : code) : 0,
      address: vector === 14 ? address : 0,
      selectors,
      changed,
      ...(fxsave && { fxsave }),
    });
  }
  return answers;
}
