import { expect, test } from "vitest";
import { Random, u32le } from "../base/index.ts";
import { type Assembled, assemble, memoryFiles } from "./index.ts";

const assembled = (source: string): Assembled =>
  assemble("a.asm", { files: memoryFiles({ "a.asm": source }), maxMemory: 1 << 20 });

const refusal = (source: string): string | undefined => assembled(source).diagnostics[0]?.text;

test.each([
  ["nothing", "while 1\nend while"],
  ["a constant that stays", "x=1\nwhile x\nx=1\nend while"],
  ["constants that change places", "x=1\ny=2\nwhile x<>y\nt=x\nx=y\ny=t\nend while"],
  ["a constant that comes back after a while", "x=0\nwhile 1\nx=(x+1) and 0FFh\nend while"],
  ["a constant that counts", "x=0\nwhile x<>-1\nx=x+1\nend while"],
  ["a constant that goes on from where it should end", "x=1\nwhile x<>1000000\nx=x+2\nend while"],
  ["one round too many", "x=0\nwhile x<4294967295\nx=x+1\nend while"],
  [
    "a constant that a loop in it sets back",
    "x=0\nwhile x<1\nrepeat 3\nx=0-%\nend repeat\nwhile x<0\nx=x+1\nend while\nend while",
  ],
  ["a constant that is loaded", "db 7,0\nx=0\nwhile x<2\nload x byte from 1\nx=x+1\nend while"],
  ["what is stored again", "dd 0\nx=0\nwhile x<2\nstore word 5 at 0\nload x byte from 2\nend while"],
])("an endless loop ends: %s", (_, source) => {
  expect(refusal(source)).toBe("too many repeats");
});

test.each([
  ["the most rounds there can be", "x=0\nwhile x<4294967294\nx=x+1\nend while\ndd x", 4294967294],
  ["a break", "x=0\nwhile 1\nx=x+3\nif x>3000000000\nbreak\nend if\nend while\ndd x", 3000000003],
  ["a repeat that counts", "x=0\nrepeat 1000000000\nx=x+3\nend repeat\ndd x", 3000000000],
  ["a repeat that goes round", "x=0\nrepeat 1000000001\nx=(x+7) and 0FFh\nend repeat\ndd x", 7],
  [
    "a repeat that is left",
    "x=0\nrepeat 0FFFFFFFFh\nx=x+1\nif x>900000000\nbreak\nend if\nend repeat\ndd x",
    900000001,
  ],
  [
    "one that counts in memory",
    "dd 0\nx=0\nwhile x=0\nload y dword from 0\nstore dword y+1 at 0\nload x byte from 2\ny=0\nend while",
    65536,
  ],
  [
    "a repeat that counts in memory",
    "dd 0\nrepeat 100000\nload y dword from 0\nstore dword y+1 at 0\ny=0\nend repeat",
    100000,
  ],
  ["down to nothing", "x=2000000000\ny=0\nwhile x\nx=x-1\ny=y+2\nend while\ndd y", 4000000000],
])("a long loop is gone through: %s", (_, source, value) => {
  const { ok, bytes } = assembled(source);
  expect([ok, u32le(bytes, 0)]).toEqual([true, value]);
});

test.each([
  ["bytes", "while 1\ndb 5\nend while"],
  ["words for the user", "while 1\ndisplay 'a long text that is shown'\nend while"],
  ["areas", "while 1\nvirtual at 0\ndb 5\nend virtual\nend while"],
  ["addressing spaces", "while 1\norg 5\nend while"],
])("memory ends an endless loop of %s", (_, source) => {
  expect(refusal(source)).toBe("out of memory");
});

test("memory ends an endless loop of bytes, however many rounds that takes", () => {
  const files = memoryFiles({ "a.asm": "while 1\ndb 5\nend while" });
  expect(assemble("a.asm", { files, maxMemory: 1 << 23 }).diagnostics[0]?.text).toBe("out of memory");
});

const names = ["x", "y", "z"];

interface Assignment {
  target: number;
  source: number;
  times: number;
  plus: number;
}

/** A loop with three constants, and what they come to be, worked out here in the plainest way. */
function randomLoop(random: Random): { text: string; values: number[] } {
  const small = (): number => random.below(7) - 3;
  const values = names.map(() => random.below(2000) - 1000);
  const lines = names.map((name, n) => `${name} = ${values[n]}`);
  const assignments = (): Assignment[] =>
    Array.from({ length: 1 + random.below(3) }, () => {
      const target = random.below(3);
      const source = random.below(4) === 0 ? random.below(3) : target;
      return { target, source, times: random.below(5) === 0 ? small() : 1, plus: small() };
    });
  const [always, met, unmet] = [assignments(), assignments(), assignments()];
  const [watched, limit] = [random.below(3), random.below(20_000) - 10_000];
  const [ended, last] = [random.below(3), random.below(60_000)];
  const text = ({ target, source, times, plus }: Assignment): string =>
    `${names[target]} = ${times}*${names[source]} + ${plus}`;
  lines.push("n = 0", `while n < 30000 & ~ ${names[ended]} > ${last}`, "n = n + 1", ...always.map(text));
  lines.push(`if ${names[watched]} < ${limit}`, ...met.map(text), "else", ...unmet.map(text), "end if");
  lines.push("end while", `dd ${names.map((name) => `${name} and 0FFFFFFFFh`).join(",")},n`);
  const assign = ({ target, source, times, plus }: Assignment): void => {
    values[target] = times * values[source]! + plus;
  };
  let n = 0;
  while (n < 30_000 && !(values[ended]! > last)) {
    n++;
    always.forEach(assign);
    (values[watched]! < limit ? met : unmet).forEach(assign);
    if (values.some((value) => Math.abs(value) > 2 ** 40)) return randomLoop(random);
  }
  return { text: lines.join("\n"), values: [...values, n] };
}

test("what is passed over comes to the same", () => {
  const random = new Random(20);
  for (let round = 0; round < 40; round++) {
    const { text, values } = randomLoop(random);
    const { bytes, diagnostics } = assembled(text);
    expect(diagnostics, text).toEqual([]);
    expect(
      values.map((_, n) => u32le(bytes, n * 4)),
      text,
    ).toEqual(values.map((value) => value - Math.floor(value / 2 ** 32) * 2 ** 32));
  }
});
