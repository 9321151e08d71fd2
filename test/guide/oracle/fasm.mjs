// Real fasm, and the symbols it writes down.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../..", import.meta.url));

/** All corrections of the listings. */
export const corrections = JSON.parse(readFileSync(join(root, "asm/guide/corrections.json"), "latin1"));

/**
 * Assembles `source` (relative to the project) with fasm, with the corrections named in `ids` applied to a copy of the
 * listings. Returns the bytes and the values of its symbols; throws with fasm's message.
 */
export function fasm(source, ids = []) {
  const copy = mkdtempSync(join(tmpdir(), "guide-"));
  try {
    for (const folder of ["asm", "fixtures/guide"])
      cpSync(join(root, folder), join(copy, folder), { recursive: true, filter: isSource });
    const chosen = corrections.filter(({ id }) => ids.includes(id));
    const edits = chosen.flatMap((correction) => correction.edits);
    for (const file of new Set(edits.map((edit) => edit.file))) {
      const lines = readFileSync(join(copy, file), "latin1").split("\n");
      for (const { line, was, becomes } of edits.filter((edit) => edit.file === file)) {
        if (lines[line - 1] !== was) throw new Error(`${file}:${line} is not ${JSON.stringify(was)}`);
        lines[line - 1] = becomes;
      }
      writeFileSync(join(copy, file), lines.flat().join("\n"), "latin1");
    }
    mkdirSync(join(copy, "out"));
    const { status, stdout, stderr, error } = spawnSync("fasm", [source, "out/image", "-s", "out/symbols"], {
      cwd: copy,
      encoding: "latin1",
    });
    if (error) throw error;
    if (status !== 0) throw new Error(`fasm refuses ${source}: ${stdout}${stderr}`);
    return {
      bytes: readFileSync(join(copy, "out/image")),
      symbols: symbolsIn(readFileSync(join(copy, "out/symbols"))),
    };
  } finally {
    rmSync(copy, { recursive: true });
  }
}

/** Folders, and what programs are made of. */
const isSource = (path) =>
  /\.(asm|inc)$/.test(path) || (!/\.\w+$/.test(path) && !/\/(images|traces)$/.test(path));

/** Names to values, from a symbolic information file (FAS.TXT, tables 1 and 2). */
function symbolsIn(fas) {
  const word = (at) => fas.readUInt32LE(at);
  const strings = word(16);
  const source = word(32);
  const symbols = {};
  for (let at = word(24); at < word(24) + word(28); at += 32) {
    const name = word(at + 24);
    if (name === 0 || !(fas.readUInt16LE(at + 8) & 1)) continue;
    const start = (name & 0x7fffffff) + (name >>> 31 ? strings : source);
    const text =
      name >>> 31
        ? fas.subarray(start, fas.indexOf(0, start))
        : fas.subarray(start + 1, start + 1 + fas[start]);
    symbols[text.toString("latin1")] = word(at);
  }
  return symbols;
}
