// Asks an installed fasm what it makes of every case in fixtures/assembler/*.cases and writes its answers beside them.
// Usage: node test/conformance/assembler-renew.mjs
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../../fixtures/assembler/", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "fasm-"));

/** The symbolic information that fasm's -s writes, in hexadecimal. */
function askSymbols(source) {
  writeFileSync(join(scratch, "a.asm"), source, "latin1");
  execFileSync("fasm", ["-m", "65536", "a.asm", "a.out", "-s", "a.fas"], { cwd: scratch, stdio: "ignore" });
  return `=> ${readFileSync(join(scratch, "a.fas")).toString("hex")}`;
}

/** What fasm answers: the bytes in hexadecimal, or what it prints on an error. */
function ask(source) {
  writeFileSync(join(scratch, "a.asm"), source, "latin1");
  rmSync(join(scratch, "a.out"), { force: true });
  const run = spawnSync("fasm", ["-m", "65536", "a.asm", "a.out"], { cwd: scratch, encoding: "latin1" });
  if (run.status === 0) {
    const bytes = readFileSync(join(scratch, "a.out")).toString("hex");
    const passes = /(\d+) passes/.exec(run.stdout)?.[1];
    return `=> ${passes} ${bytes}`.trimEnd();
  }
  return run.stderr
    .trimEnd()
    .split("\n")
    .map((line) => `!! ${line}`.trimEnd())
    .join("\n");
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
