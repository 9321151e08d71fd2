/** The assembler against what fasm 1.73.30 answered (fixtures/assembler; assembler-renew.mjs asks again). */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { assemble, fasmText } from "../../src/assembler/index.ts";

const folder = fileURLToPath(new URL("../../fixtures/assembler/", import.meta.url));

function assembled(source: string) {
  const bytes = Uint8Array.from(`${source}\n`, (letter) => letter.charCodeAt(0));
  const files = { read: (path: string) => (path === "a.asm" ? bytes : undefined) };
  return assemble("a.asm", { files, references: true });
}

function symbols(source: string): string {
  return `=> ${Buffer.from(assembled(source).symbolFile("a.out")).toString("hex")}`;
}

/** Long runs of zeros as their number of bytes in brackets. */
const short = (hex: string) => hex.replace(/(?:00){16,}/g, (zeros) => `(${zeros.length / 2})`);

function answer(source: string): string {
  const result = assembled(source);
  if (result.ok) return `=> ${result.passes} ${short(Buffer.from(result.bytes).toString("hex"))}`.trimEnd();
  const display = Buffer.from(result.display).toString("latin1");
  const ended = display === "" || display.endsWith("\n") ? display : `${display}\n`;
  return `${ended}${fasmText(result.diagnostics[0]!)}`
    .trimEnd()
    .split("\n")
    .map((line) => `!! ${line}`.trimEnd())
    .join("\n");
}

for (const name of readdirSync(folder).filter((file) => file.endsWith(".cases"))) {
  describe(name, () => {
    const cases = readFileSync(folder + name, "latin1")
      .split(/^:: /m)
      .slice(1);
    test.each(cases.map((text) => [text.slice(0, text.indexOf("\n")), text]))("%s", (title, text) => {
      const lines = text
        .trimEnd()
        .slice(title.length + 1)
        .split("\n");
      const isAnswer = (line: string) => /^(=>|!!)( |$)/.test(line);
      const source = lines.filter((line) => !isAnswer(line)).join("\n");
      expect((name === "symbols.cases" ? symbols : answer)(source)).toBe(lines.filter(isAnswer).join("\n"));
    });
  });
}
