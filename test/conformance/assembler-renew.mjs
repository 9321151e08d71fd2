// Asks an installed fasm what it makes of every case in fixtures/assembler/*.cases and writes its answers beside them.
// Usage: node test/conformance/assembler-renew.mjs
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../../fixtures/assembler/", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "fasm-"));

/** The symbolic information that fasm's -s writes, in hexadecimal; of what it refuses, the preprocessed source. */
function askSymbols(source) {
  writeFileSync(join(scratch, "a.asm"), source, "latin1");
  rmSync(join(scratch, "a.fas"), { force: true });
  spawnSync("fasm", ["-m", "65536", "a.asm", "a.out", "-s", "a.fas"], { cwd: scratch, stdio: "ignore" });
  return `=> ${readFileSync(join(scratch, "a.fas")).toString("hex")}`;
}

/** What fasm answers: the bytes in hexadecimal, or what it prints on an error. */
function ask(source) {
  writeFileSync(join(scratch, "a.asm"), source, "latin1");
  rmSync(join(scratch, "a.out"), { force: true });
  const run = spawnSync("fasm", ["-m", "65536", "a.asm", "a.out"], { cwd: scratch, encoding: "latin1" });
  if (run.status === 0) {
    const bytes = short(timeless(readFileSync(join(scratch, "a.out"))).toString("hex"));
    const passes = /(\d+) passes/.exec(run.stdout)?.[1];
    return `=> ${passes} ${bytes}`.trimEnd();
  }
  return run.stderr
    .trimEnd()
    .split("\n")
    .map((line) => `!! ${line}`.trimEnd())
    .join("\n");
}

/** Long runs of zeros as their number of bytes in brackets. */
const short = (hex) => hex.replace(/(?:00){16,}/g, (zeros) => `(${zeros.length / 2})`);

/** COFF and PE files tell when they were made: here in 1970, with the checksum that goes with it. */
function timeless(bytes) {
  if (bytes.length < 0x14) return bytes;
  const magic = bytes.readUInt16LE(0);
  if (magic === 0x14c || magic === 0x8664) {
    bytes.writeUInt32LE(0, 4);
    return bytes;
  }
  const header = bytes.length > 0x40 && magic === 0x5a4d ? bytes.readUInt32LE(0x3c) : bytes.length;
  if (header + 0x5c > bytes.length || bytes.toString("latin1", header, header + 4) !== "PE\0\0") return bytes;
  bytes.writeUInt32LE(0, header + 8);
  bytes.writeUInt32LE(0, header + 0x58);
  let sum = 0;
  for (let at = 0; at + 1 < bytes.length; at += 2) {
    sum += bytes.readUInt16LE(at);
    sum = (sum & 0xffff) + (sum >>> 16);
  }
  bytes.writeUInt32LE(sum + bytes.length, header + 0x58);
  return bytes;
}

try {
  execFileSync("fasm", [], { stdio: "ignore" });
} catch (error) {
  if (error.code === "ENOENT") throw new Error("fasm is not installed");
}
for (const name of readdirSync(folder).filter((file) => file.endsWith(".cases"))) {
  const cases = readFileSync(join(folder, name), "latin1").split(/^(?=:: )/m);
  const answered = cases.map((text) => {
    const [title, ...lines] = text.trimEnd().split("\n");
    const source = lines.filter((line) => !/^(=>|!!)( |$)/.test(line)).join("\n");
    return `${title}\n${source}\n${(name === "symbols.cases" ? askSymbols : ask)(`${source}\n`)}\n`;
  });
  writeFileSync(join(folder, name), answered.join(""), "latin1");
}
rmSync(scratch, { recursive: true });
