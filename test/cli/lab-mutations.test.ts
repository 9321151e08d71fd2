/** Laboratory files that were spoilt: whatever is wrong is told with its place, or it runs; nothing else happens. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Random } from "../../src/base/index.ts";
import { rawImage } from "../../src/image/index.ts";
import { describeLab, Lab, LabError } from "../../src/lab/index.ts";
import { parseLab } from "../../src/node/cli/lab-file.ts";

/** or eax, -1; int 0x40: the program ends. */
const image = rawImage(Uint8Array.of(0x83, 0xc8, 0xff, 0xcd, 0x40));

/** All that the laboratories' README says may be written, with two machines that it mentions; and the laboratories. */
const sources = [
  /```yaml\n(.*?)```/s
    .exec(readFileSync("asm/labs/README.md", "utf8"))![1]!
    .replace(/^outside:.*(\n .*)*/m, "")
    .replace(
      "machines:\n",
      "machines:\n  server: { program: x, network: world, address: 203.0.113.80/24 }\n" +
        "  phone: { program: x, radio: { ssid: home } }\n",
    ),
  ...readdirSync("asm/labs")
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => readFileSync(`asm/labs/${name}`, "utf8")),
];

/** What a hand may slip into. */
const VALUES = [
  ...[
    "",
    "~",
    "true",
    "-1",
    "0",
    "1",
    "70000",
    "1e400",
    ".nan",
    "2 ms",
    "3 %",
    "1000 s",
    "x",
    '"/(/"',
    "[]",
    "{}",
  ],
  ...[
    "[1]",
    "{ a: 1 }",
    "10.0.0.1",
    "10.0.0.1/24",
    "255.255.255.255/0",
    "0.0.0.0/0",
    "fd00::1",
    "fd00::1/64",
    "::/0",
  ],
  ...[
    "ff:ff:ff:ff:ff:ff",
    "00:00:00:00:00:00",
    "*a",
    "&a [*a]",
    "&a x",
    "0x7fffffffffffffff",
    "9999 GB",
    "reno",
  ],
  ...[
    "\u0000",
    "é".repeat(40),
    "a:b",
    "10.0.0.1:99999",
    "[::1]:80",
    "/x/",
    "!!binary x",
    "2026-99-99",
    "<<",
    "listen:1",
  ],
];

function spoilt(text: string, random: Random): string {
  let lines = text.split("\n");
  for (let n = 1 + random.below(3); n > 0; n--) {
    const at = random.below(lines.length);
    const line = lines[at]!;
    const value = VALUES[random.below(VALUES.length)]!;
    switch (random.below(8)) {
      case 0:
        lines.splice(at, 1);
        break;
      case 1:
        lines.splice(at, 0, line);
        break;
      case 2:
        lines[at] = ` ${line}`;
        break;
      case 3:
        lines[at] = line.slice(0, random.below(line.length + 1));
        break;
      case 4: {
        const from = random.below(lines.length);
        lines = [...lines.slice(0, at), lines[from]!, ...lines.slice(at)];
        break;
      }
      case 5: {
        const column = random.below(line.length + 1);
        lines[at] = line.slice(0, column) + "[]{}:,-&*#%\"'|>\t"[random.below(16)]! + line.slice(column);
        break;
      }
      default:
        // One of the values in the line becomes another.
        lines[at] = line.replace(/(: |\[|, )([^,[\]{}]+)/g, (all, before: string) =>
          random.below(2) === 0 ? `${before}${value}` : all,
        );
    }
  }
  return lines.join("\n");
}

/** "runs", or the problems that were told. */
function attempt(text: string): "runs" | LabError["problems"] {
  try {
    const lab = new Lab(describeLab(parseLab(text)), { program: () => image, folder: () => ({}) });
    // A crowd takes its time, and adds nothing here.
    if (lab.computers.size <= 120) lab.run();
    return "runs";
  } catch (error) {
    if (error instanceof LabError) return error.problems;
    throw new Error(`this laboratory brings down more than itself:\n${text}`, { cause: error });
  }
}

test("the sources are right before they are spoilt", () => {
  for (const source of sources) expect(attempt(source)).toBe("runs");
});

test.each([1, 2, 3, 4])(
  "what is spoilt runs, or is told with line and column (seed %i)",
  (seed) => {
    const random = new Random(seed);
    let refused = 0;
    for (let i = 0; i < 100; i++) {
      const text = spoilt(sources[random.below(sources.length)]!, random);
      const result = attempt(text);
      if (result === "runs") continue;
      refused++;
      for (const { spot, text: why } of result) {
        expect(spot, `${why}\n${text}`).toMatchObject({
          line: expect.any(Number),
          column: expect.any(Number),
        });
        expect(why).not.toBe("");
      }
    }
    expect(refused).toBeGreaterThan(30);
  },
  120_000,
);

test.each([
  ["a: &a [*a]\nmachines: *a", /^\*a stands within what it stands for/],
  ["machines: *nobody", /nobody/],
  ["[".repeat(100_000), /^this is nested more than 100 levels deep/],
  [Array.from({ length: 2000 }, (_, i) => `${" ".repeat(i)}a:`).join("\n"), /^this is nested more than 100/],
  [
    `a: &a [x, x, x, x, x, x, x, x, x, x]\n${[..."bcdefgh"].map((name, i) => `${name}: &${name} [${`*${"abcdefg"[i]}, `.repeat(10)}]`).join("\n")}`,
    /more than 100000 pieces/,
  ],
  [
    "machines: { one: { program: x } }\nexpect: [{ machine: one, prints: '/(/' }]",
    /Invalid regular expression/,
  ],
])("what could run away does not: %#", (text, why) => {
  const result = attempt(text);
  expect(result).not.toBe("runs");
  if (result === "runs") return;
  expect(result[0]).toMatchObject({ text: expect.stringMatching(why), spot: { line: expect.any(Number) } });
  expect(result.length).toBeLessThan(10);
});

test("of a text that is no YAML the first mistakes are told, each with its place", () => {
  expect(attempt(`machines: ${"[".repeat(50)}`)).toMatchObject([
    { spot: { line: 1, column: 61 } },
    ...Array.from({ length: 4 }, () => ({ spot: { line: 1 } })),
  ]);
});
