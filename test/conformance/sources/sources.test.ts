/** The comparison of folders of sources (prove.ts): what it calls alike, and that it hears both assemblers. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { Fasm } from "./ask.ts";
import { answer } from "./ours.ts";
import { type Answer, complaintOf, judge, judgeAgain } from "./verdict.ts";

const made = (bytes: number[], passes = 1): Answer => ({
  kind: "made",
  passes,
  files: new Map([["", Uint8Array.from(bytes)]]),
});
const refused = (line: number, message: string, macro = ""): Answer => ({
  kind: "refused",
  text: `a.asm [${line}]${macro}:\n bad\nprocessed: bad\nerror: ${message}.\n`,
});
const silent: Answer = { kind: "silent", why: "no answer in 1 s" };

describe("verdicts", () => {
  test.each<[string, Answer, Answer]>([
    ["identical", made([1, 2]), made([1, 2])],
    ["different", made([1, 2]), made([1, 3])],
    ["different", made([1, 2]), made([1])],
    ["refused alike", refused(3, "invalid operand"), refused(3, "invalid operand")],
    ["refused otherwise", refused(3, "invalid operand"), refused(4, "invalid operand")],
    ["refused otherwise", refused(3, "invalid operand"), refused(3, "invalid value")],
    ["refused by us", made([1]), refused(1, "invalid value")],
    ["taken by us", refused(1, "invalid value"), made([1])],
    ["too slow", made([1]), silent],
    ["silent", silent, made([1])],
  ])("%s", (verdict, fasm, ours) => {
    expect(judge(fasm, ours).verdict).toBe(verdict);
  });

  test.each<[string, Answer, Answer, Answer]>([
    ["fasm varies", made([1, 2, 3, 4, 5]), made([1, 2, 3, 7, 5]), made([0, 0, 0, 0, 5])],
    ["different", made([1, 2, 3, 4, 5]), made([1, 2, 3, 7, 5]), made([0, 0, 0, 0, 6])],
    ["different", made([1, 2]), made([1, 2]), made([1, 3])],
    ["different", made([1, 2]), made([1, 3]), made([1])],
    ["identical", made([1, 2]), made([1, 3]), made([1, 2])],
    ["refused by us", made([1]), made([2]), refused(1, "invalid value")],
  ])("%s, of what fasm answers twice", (verdict, first, second, ours) => {
    expect(judgeAgain(first, second, ours).verdict).toBe(verdict);
  });

  test("say where bytes differ first, and that passes do", () => {
    expect(judge(made([1, 2]), made([1, 3])).detail).toBe("from offset 0x1 (2 bytes)");
    expect(judge(made([1, 2]), made([1])).detail).toBe("from offset 0x1 (1 bytes, fasm 2)");
    expect(judge(made([1], 2), made([1], 3))).toMatchObject({
      detail: "3 passes, fasm 2",
      samePasses: false,
    });
  });

  test("read the innermost place of an error", () => {
    const text =
      "a.asm [9]:\n m 1\nb.inc [2] m [1]:\n bad x\nprocessed: bad 1\nerror: illegal instruction.\n";
    expect(complaintOf(text)).toEqual({ message: "illegal instruction", place: "b.inc [2] m [1]" });
    expect(complaintOf("error: out of memory.")).toEqual({ message: "out of memory", place: "" });
  });
});

const folder = mkdtempSync(join(tmpdir(), "kolibri-sources-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!Fasm.isInstalled())("fasm and ours on the same files (needs fasm)", () => {
  test.each([
    ["identical", "include 'b.inc'\nx: dd x\nvirtual as 'lst'\ndb 'kept'\nend virtual\n"],
    ["identical", "format PE GUI\ndd %t\n"],
    ["refused alike", "include 'b.inc'\nm nothing\n"],
    ["refused alike", "include 'c.inc'\n"],
  ])("%s: %j", async (verdict, source) => {
    writeFileSync(join(folder, "a.asm"), source);
    writeFileSync(join(folder, "b.inc"), "db 1,2,3\nmacro m x { mov x }\n");
    const shared = { seconds: 20, kilobytes: 65536, include: "", defines: [] };
    const fasm = new Fasm(shared);
    const theirs = await fasm.ask({ directory: folder, source: "a.asm" });
    fasm.close();
    const ours = (epochSeconds: number) =>
      answer({
        folder,
        source: "a.asm",
        includes: [],
        environment: {},
        defines: {},
        epochSeconds,
        maxMemory: 2 ** 26,
      });
    const seconds = [theirs.second, theirs.lastSecond];
    const judged = seconds.map((second) => judge(theirs.answer, ours(second)));
    expect(judged.map((one) => one.verdict)).toContain(verdict);
    if (verdict === "refused alike") expect(judged[0]!.toTheLetter).toBe(true);
  });
});
