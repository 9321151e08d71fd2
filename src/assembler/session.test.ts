import { expect, test } from "vitest";
import { type Assembled, AssemblySession, assemble, memoryFiles } from "./index.ts";

/** Whole numbers below a bound, the same ones each time. */
function dice(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

const macros = `macro twice [arg] { common dd 1
 forward dd arg
 local here
 here: dd here }
struc pair a,b { .x dd a
 .y dd b }
limit equ 20
limit fix 30
postpone { ending: db 'end' }
rept 50 n:0 { virtual at n*40
 base#n: 
 end virtual }
macro outer name { macro inner x \\{ name dd x \\} }
outer first
`;

const pieces = [
  (n: number) => `label${n}: mov eax,[base${(n * 7) % 50}+${n}]`,
  (n: number) => `.local: jmp base${(n * 3) % 50}`,
  (n: number) => ` twice ${n},limit,'a'`,
  (n: number) => `pair${n} pair ${n},limit`,
  (n: number) => `value${n % 5} = value${(n + 1) % 5} + ${n}`,
  (n: number) => `limit equ ${n}`,
  () => "restore limit",
  (n: number) => `if ${n} and 1 = 0`,
  () => "else",
  () => "end if",
  (n: number) => `rept ${n % 4} k { db k,${n} }`,
  (n: number) => `irp r,eax,ebx { add r,${n} }`,
  (n: number) => `match a b,limit ${n} { dd a,b }`,
  () => " dd 'text',__LINE__",
  () => "@@: jz @f",
  () => "@@: loop @b",
  (n: number) => `repeat ${n % 3}`,
  () => "end repeat",
  (n: number) => `virtual at ${n}`,
  () => "end virtual",
  (n: number) => `display 'line ${n}'`,
  () => " inner 5",
  (n: number) => `macro inner x { times ${n % 4} db x }`,
  () => "purge inner",
  () => "include 'leaf.inc'",
  (n: number) => `first${n} db ?`,
  () => "macro open",
  () => "{ }",
  (n: number) => `postpone { db ${n} }`,
  () => "label: mov eax,",
  (n: number) => `define limit ${n}`,
  () => "nop",
  () => " ret",
];

function start(roll: (bound: number) => number): Record<string, string[]> {
  const plain = (count: number, name: string) =>
    Array.from({ length: count }, (_, n) => {
      const piece = [0, 2, 3, 10, 11, 13, 14, 15, 31][roll(9)]!;
      return pieces[piece]!(n).replace("label", `${name}label`).replace(/^pair/, `${name}pair`);
    });
  return {
    "main.asm": [
      "use32",
      "include 'macros.inc'",
      ...plain(40, ""),
      "include 'part.inc'",
      ...plain(60, "m"),
      "@@:",
    ],
    "macros.inc": macros.split("\n"),
    "part.inc": plain(30, "p"),
    "leaf.inc": ["nop", "dd limit"],
  };
}

/** All that can be known of an answer. */
const everything = (answer: Assembled) => ({
  ...answer,
  symbols: [...answer.symbols],
  lines: Array.from({ length: 500 }, (_, address) => answer.lines.at(address)),
  image: answer.image?.bytes,
  listing: answer.listing,
  symbolFile: Buffer.from(answer.symbolFile("out")).toString("hex"),
});

function edit(texts: Record<string, string[]>, roll: (bound: number) => number): void {
  const names = Object.keys(texts);
  const lines = texts[names[roll(names.length)]!]!;
  const at = roll(lines.length + 1);
  const line = pieces[roll(pieces.length)]!(100 + roll(900));
  const kind = roll(4);
  if (kind === 0) lines.splice(at, 1);
  else if (kind === 1) lines.splice(at, 1, line);
  else if (kind === 2) lines.splice(at, 0, ...lines.slice(at, at + 2));
  else lines.splice(at, 0, line);
}

test.each([1, 2, 3, 4])("random edits, seed %i: every answer is that of a new assembly", (seed) => {
  const roll = dice(seed);
  let texts = start(roll);
  const options = { references: true, maxPasses: 20, maxMemory: 1 << 24 };
  const session = new AssemblySession("main.asm", options, 7);
  let reused = 0;
  let right = 0;
  for (let round = 0; round < 30; round++) {
    const files = memoryFiles(
      Object.fromEntries(Object.entries(texts).map(([name, lines]) => [name, lines.join("\n")])),
    );
    const answer = session.assemble(files);
    const expected = assemble("main.asm", { ...options, files });
    // Where memory ends depends on what has been had of it already.
    if (expected.diagnostics[0]?.text === "out of memory")
      expect(answer.diagnostics[0]?.text).toBe("out of memory");
    else expect(everything(answer), `round ${round}`).toEqual(everything(expected));
    if (session.reused > 0) reused++;
    if (answer.ok) right++;
    const next = structuredClone(texts);
    edit(next, roll);
    // Most edits break something: the better half of the time it goes on from what was right.
    if (answer.ok || round === 0 || roll(3) === 0) texts = next;
    else {
      texts = start(dice(seed));
      edit(texts, roll);
    }
  }
  expect(reused).toBeGreaterThan(10);
  expect(right).toBeGreaterThan(5);
});

test("a file that appears, and one that another takes precedence over, are found", () => {
  const filler = `${"nop\n".repeat(50)}`;
  const session = new AssemblySession("a.asm", { includes: ["lib"] }, 10);
  const main = `${filler}include 'b.inc'\n${filler}`;
  const missing = session.assemble(memoryFiles({ "a.asm": main }));
  expect(missing.diagnostics[0]?.text).toBe("file not found");
  const far = session.assemble(memoryFiles({ "a.asm": main, "lib/b.inc": "db 1" }));
  expect([far.bytes[50], session.reused]).toEqual([1, 50]);
  const near = session.assemble(memoryFiles({ "a.asm": main, "lib/b.inc": "db 1", "b.inc": "db 2" }));
  expect([near.bytes[50], session.reused]).toEqual([2, 50]);
  session.assemble(memoryFiles({ "a.asm": `${main} ret`, "lib/b.inc": "db 1", "b.inc": "db 2" }));
  expect(session.reused).toBe(100);
});

test("what was not asked of an answer cannot be asked after the next", () => {
  const session = new AssemblySession("a.asm");
  const files = memoryFiles({ "a.asm": "a: nop" });
  const first = session.assemble(files);
  const second = session.assemble(files);
  expect(() => first.symbols).toThrow("assembled again");
  expect([...second.symbols].map(({ name }) => name)).toEqual(["a"]);
});
