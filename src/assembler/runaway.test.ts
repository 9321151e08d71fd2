/**
 * Sources that run away, each with what fasm 1.73.30 says of it. Where it takes more than half a minute (2^32 rounds of
 * `while`, a `repeat` in another), ours ends with the words that fasm has for the end of a `while`.
 */
import { expect, test } from "vitest";
import { assemble, memoryFiles } from "./index.ts";

/** `count` times a line, with its number in place of # and the one before in place of @. */
const times = (count: number, line: string): string =>
  Array.from({ length: count }, (_, n) => line.replaceAll("#", `${n + 1}`).replaceAll("@", `${n}`)).join(
    "\n",
  );

const block = (opening: string, body: string, closing: string, depth: number): string =>
  [times(depth, opening), body, times(depth, closing)].join("\n");

const whileLoop = (body: string, before = ""): string => `${before}\nwhile 1\n${body}\nend while`;

/** Every bound small, so that each ends at once. */
function answer(source: string, bounds = { maxMemory: 1 << 20, maxTurns: 2 ** 22 }): string {
  const files = memoryFiles({
    "a.asm": source,
    "b.inc": "include 'c.inc'",
    "c.inc": "include 'b.inc'",
    "d.inc": "db 1",
  });
  const { ok, bytes, diagnostics } = assemble("a.asm", { files, ...bounds });
  return ok ? `${bytes.length} bytes` : diagnostics[0]!.text;
}

const outOfMemory: Record<string, string> = {
  "bytes reserved": whileLoop("rb 1000"),
  "words for the user": whileLoop("display 'x'"),
  "no words for the user": whileLoop("display ''"),
  areas: whileLoop("virtual at 0\ndb 1\nend virtual"),
  "empty areas": whileLoop("virtual at 0\nend virtual"),
  "an area with a number that counts": `n=0\n${whileLoop("virtual at 0\ndd n\nend virtual\nn=n+1")}`,
  "addressing spaces": whileLoop("org 5"),
  "sections of PE": `format PE\n${whileLoop('section "a" data\ndb 1')}`,
  "segments of ELF": `format ELF executable\n${whileLoop("segment readable\ndb 1")}`,
  "data in an area": `virtual at 0\n${whileLoop("db 1 dup 5")}\nend virtual`,
  "rept of data": "rept 100000000 { db 1\n}",
  "rept in rept": "rept 100000 { rept 100000 \\{ db 1 \\} }",
  "macros that are defined again": "rept 100000000 { macro a \\{\\}\n}",
  "constants that are defined again": "rept 100000000 { define a 1\n}",
  "constants that are removed": "rept 100000000 { restore a\n}",
  "a constant that doubles": `a equ 1\n${times(40, "a equ a,a")}\ndb a`,
  "constants of constants": `a0 equ 1\n${times(40, "a# equ a@,a@")}\ndb a40`,
  "a match that doubles": "a equ b\nrept 1000 { match x,a \\{ a equ x x \\}\n}",
  "macros of macros": `macro m0 { nop }\n${times(40, "macro m# { m@\n m@ }")}\nm40`,
  "macros of nothing": `macro m0 { }\n${times(40, "macro m# { m@\n m@ }")}\nm40`,
  "irp of a long list": `a equ 1\n${times(22, "a equ a,a")}\nmatch b,a { irp c,b \\{ db c \\} }`,
  "irps of a long list": `a equ 1\n${times(22, "a equ a a")}\nmatch b,a { irps c,b \\{ db c \\} }`,
  "irpv of many values": "rept 1000000 { a equ 1 }\nirpv b,a { db b }",
  "what postpones itself": "macro m { postpone \\{ m \\} }\nm\nrept 1000000 { postpone \\{ db 1 \\} }",
  "macros that remove themselves": "macro m { purge m\n macro m \\{\\}\n}\nrept 1000000 { m }",
  "an include in rept": "rept 1000000 { include 'd.inc'\n }",
  "data so many times": "times 100000000 dq 1",
  "times in times": "times 10000 times 10000 dq 1",
  "times sixty deep": `${"times 2 ".repeat(60)}dq 1`,
  dup: "dq 100000000 dup 0",
  reservation: "rb 7FFFFFFFh",
  "reservation with something behind it": "rb 7FFFFFFFh\ndb 1",
  "an area": "virtual at 0\nrb 7FFFFFFFh\nend virtual",
  alignment: "db 1\nalign 1 shl 30",
  names: "rept 3000000 n { a#n: }",
};

test.each(Object.entries(outOfMemory))("out of memory: %s", { timeout: 60_000 }, (_, source) => {
  expect(answer(source)).toBe("out of memory");
});

/** Macros that invoke the next one, each with the argument it has; the last one makes a byte of it. */
const invoking = (count: number, how: (next: string) => string): string =>
  Array.from({ length: count }, (_, i) => `macro m${i} a {\n${how(`m${i + 1} a`)}\n}\n`).join("") +
  `macro m${count} a { db a }\n`;

const tooManyRepeats: Record<string, string> = {
  nothing: whileLoop(""),
  "a number that counts": whileLoop("x=x+1", "x=0"),
  "numbers by chance": whileLoop("x=(x*1103515245+12345) and 7FFFFFFFh", "x=1"),
  "numbers that are shifted": whileLoop("x=x shl 1 or bsr x and 0FFFFFh", "x=1"),
  squares: "x=7\nwhile x\nx=x*x mod 65521\nif x=0\nx=7\nend if\nend while",
  "a condition": whileLoop("if 0\nbreak\nend if"),
  "a while in it": whileLoop("while 0\nend while"),
  "a while in it that counts": whileLoop("y=0\nwhile y<10\ny=y+1\nend while\nx=x+1", "x=0"),
  "a repeat in it": whileLoop("repeat 5\nend repeat"),
  "times 0": whileLoop("times 0 db 5"),
  "dup 0": whileLoop("db 0 dup 5"),
  "a store": whileLoop("store byte 1 at 0", "db 0"),
  "a load": whileLoop("load a dword from 0", "dd 7"),
  "a load and a store": whileLoop("load a dword from 0\nstore dword a*5+1 and 0FFFFFFh at 0", "dd 7"),
  alignment: whileLoop("align 4"),
  "code sizes": whileLoop("use16\nuse32"),
  "an assertion": whileLoop("assert 1"),
  "a comparison of floats": "while 1.5>1.2\nend while",
  "a comparison of words": "while a eq a\nend while",
  "a condition on what follows": "while defined a\nend while\na=1",
  "a condition on what follows, twice": "while a<10\nx=1\nend while\na=5",
  "a macro": `macro m { x=x+1 and 0FFh }\n${whileLoop("m", "x=0")}`,
};

test.each(Object.entries(tooManyRepeats))(
  "too many repeats: while 1 with %s",
  { timeout: 60_000 },
  (_, source) => {
    expect(answer(source, { maxMemory: 1 << 20, maxTurns: 2 ** 17 })).toBe("too many repeats");
  },
);

test.each([
  ["a repeat of chance", "x=1\nrepeat 1000000000\nx=(x*1103515245+12345) and 7FFFFFFFh\nend repeat"],
  ["repeats in one another", block("repeat 1000", "db 0 dup 5", "end repeat", 6)],
  ["times a store", "db 0\ntimes 1000000000 store byte 1 at 0"],
  [
    "loads and stores",
    "dd 1\nrepeat 100000000\nload a dword from 0\nstore dword a+1 and 0FFh at 0\nend repeat",
  ],
])("what takes fasm too long has too many repeats: %s", { timeout: 60_000 }, (_, source) => {
  expect(answer(source, { maxMemory: 1 << 20, maxTurns: 2 ** 17 })).toBe("too many repeats");
});

test.each([
  ["repeat nothing", "repeat 0FFFFFFFFh\nend repeat", 0],
  ["times nothing", "times 0FFFFFFFFh rb 0", 0],
  ["times a code size", "times 80000000h use32\ndb 1", 1],
  ["dup of nothing", "db 1000000000 dup ('')", 0],
  [
    "repeat what is broken off",
    "x=0\nrepeat 1000000000\nx=x+1\nif x>900000000\nbreak\nend if\nend repeat\ndd x",
    4,
  ],
  ["rept of nothing", "rept 1000000000 {}", 0],
  ["rept of a comment", "rept 1000000000 { ; nothing\n }", 0],
  ["rept of rept of nothing", "rept 1000 { rept 1000000000 \\{\n \\} }", 0],
  ["if in if", block("if 1", "db 1", "end if", 2000), 1],
  ["if in if that is passed over", block("if 0", "db 1", "end if", 4000), 0],
  ["while in while that is passed over", block("while 0", "db 1", "end while", 4000), 0],
  ["else in else", block("if 0\nelse", "db 1", "end if", 2000), 1],
  ["times in times", `${"times 1 ".repeat(1500)}db 1`, 1],
  ["signs before signs", `dd ${"-".repeat(30_000)}1`, 4],
  ["a long sum", `dd 1${"+1".repeat(30_000)}`, 4],
  ["macros in macros", `${invoking(700, (next) => next)}m0 1`, 1],
  ["a match in each of them", `${invoking(350, (next) => `match x,a \\{ ${next} \\}`)}m0 1`, 1],
  ["many lines that come to nothing", "macro m {}\nrept 100000 { m }\ndb 1", 1],
  ["a long chain", `${times(99, "a@ = a#+1")}\na99 = 1\ndd a0`, 4],
])("fasm accepts %s", { timeout: 60_000 }, (_, source, length) => {
  expect(answer(source, { maxMemory: 1 << 23, maxTurns: 2 ** 22 })).toBe(`${length} bytes`);
});

test.each([
  ["a file that includes itself", "include 'a.asm'", "out of stack space"],
  ["files that include one another", "include 'b.inc'", "out of stack space"],
  ["brackets", `dd ${"(".repeat(100_000)}1${")".repeat(100_000)}`, "out of stack space"],
  ["blocks", block("if 1", "db 1", "end if", 20_000), "out of stack space"],
  ["blocks that are passed over", block("if 0", "db 1", "end if", 100), "0 bytes"],
  ["a macro that invokes itself", "macro m { m }\nm", "illegal instruction"],
  ["macros that invoke one another", "macro a { b }\nmacro b { a }\na", "illegal instruction"],
  ["a macro that matches itself", "macro m a { match b,a \\{ m b b \\} }\nm x", "illegal instruction"],
  ["a structure that is itself", "struc s { . s }\na s", "illegal instruction"],
  ["constants in a circle", "a equ b\nb equ a\ndb a", "undefined symbol 'b'"],
  ["fixes in a circle", "a fix b\nb fix a\ndb a", "undefined symbol 'b'"],
  ["more than a count can be", "repeat 1 shl 32\nend repeat", "invalid value"],
  ["more times than a count can be", "times 1 shl 40 nop", "invalid value"],
  ["more to reserve than a count can be", "rq 1 shl 61", "invalid value"],
  ["rept beyond 2^31", "rept 4000000000 {\n}", "value out of range"],
  ["a name", `${"a".repeat(300)}:`, "name too long"],
  ["a number", `dq ${"9".repeat(100_000)}`, "name too long"],
  ["an exponent", "dt 1e999999999", "value out of range"],
  ["what is defined when it is not", "if ~ defined a\na:\nend if", "code cannot be generated"],
  ["what grows with itself", "a=b\nb=a+1", "code cannot be generated"],
  [
    "a chain longer than there are passes",
    `${times(200, "a@ = a#+1")}\na200 = 1\ndd a0`,
    "code cannot be generated",
  ],
])("fasm's answer to %s", { timeout: 60_000 }, (_, source, text) => {
  expect(answer(source, { maxMemory: 1 << 22, maxTurns: 2 ** 22 })).toBe(text);
});

test("a while that only an error could end is given up early", () => {
  const body = "x = (x*1103515245+12345) and 07FFFFFFFh\nwhile x and 1\nx = x+1\nend while";
  const bounds = { maxMemory: 1 << 20, maxTurns: 2 ** 26 };
  expect(answer(whileLoop(body, "x = 1"), bounds)).toBe("too many repeats");
  const left = whileLoop(`${body}\nif x = 0\nbreak\nend if`, "x = 1");
  expect(answer(left.replace("1103515245+12345", "0"), bounds)).toBe("0 bytes");
});
