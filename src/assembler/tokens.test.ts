import { expect, test } from "vitest";
import {
  E_LABEL,
  E_NUMBER,
  Expressions,
  K_FLOAT,
  K_NUMERIC,
  K_STRING,
  Numbers,
} from "./expression/expressions.ts";
import { parseFloat96 } from "./expression/float.ts";
import { DOTTED, ESCAPED, FRAMED, isSeparator, Texts, textOf } from "./tokens.ts";
import { OP_ADD } from "./words.ts";

test("a text has one number, however it came to be", () => {
  const texts = new Texts();
  const whole = texts.number("proc.local?0");
  const bytes = new TextEncoder().encode("xx proc.local?0 xx");
  const hash = [..."proc.local?0"].reduce(
    (sum, letter) => (Math.imul(sum, 31) + letter.charCodeAt(0)) | 0,
    0,
  );
  expect(texts.ofBytes(bytes, 3, 15, hash)).toBe(whole);
  expect(texts.join(texts.number("proc"), texts.number(".local?0"))).toBe(whole);
  expect(texts.extend(texts.number("proc.local"), Uint8Array.of(0x3f, 0x30))).toBe(whole);
  expect(texts.text(whole)).toBe("proc.local?0");
  expect([texts.length(whole), texts.first(whole)]).toEqual([12, 0x70]);
  expect([texts.length(texts.number("")), texts.first(texts.number(""))]).toEqual([0, 0]);
});

test("ten thousand texts are found again when the tables have grown", () => {
  const texts = new Texts();
  const name = (n: number) => `name_${n}_${"x".repeat(n % 40)}`;
  const numbers = Array.from({ length: 10_000 }, (_, n) => texts.number(name(n)));
  expect(new Set(numbers).size).toBe(10_000);
  expect(
    numbers.every((number, n) => texts.number(name(n)) === number && texts.text(number) === name(n)),
  ).toBe(true);
  const long = "a".repeat(300);
  expect(texts.join(texts.number("b"), texts.number(long))).toBe(texts.number(`b${long}`));
});

test("small letters are looked for among what is there, and only those of ASCII are letters", () => {
  const texts = new Texts();
  const small = texts.number("mov");
  expect(texts.lower(texts.number("MoV"))).toBe(small);
  expect(texts.lower(small)).toBe(small);
  const alone = texts.number("Label");
  expect(texts.lower(alone)).toBe(alone);
  const foreign = texts.number("\xc0X");
  texts.number("\xe0x");
  expect(texts.lower(foreign)).toBe(foreign);
});

test("what a text begins with is known, and what it is without its backslash", () => {
  const texts = new Texts();
  const traits = (text: string) => texts.traits[texts.number(text)];
  expect(["\\x", ".x", "__x__", "__", "_x_", "", "x"].map(traits)).toEqual([
    ESCAPED,
    DOTTED,
    FRAMED,
    FRAMED,
    0,
    0,
    0,
  ]);
  expect(textOf(texts.bare(texts.number("\\name")))).toBe(texts.number("name"));
  const brace = texts.bare(texts.number("\\{"));
  expect([brace, isSeparator(brace)]).toEqual([0x7b, true]);
});

test("an expression has one number, and what it is of is told by its elements", () => {
  const numbers = new Numbers();
  const table = new Expressions(numbers);
  const seven = E_NUMBER | (numbers.number(7) << 8);
  const label = E_LABEL | (5 << 8);
  const sum = table.of([label, seven, OP_ADD]);
  const [constant, alone] = [table.of([seven]), table.of([label])];
  const string = table.ofString(9);
  const float = table.ofFloat(parseFloat96(false, "1.5", ""), false);
  for (let n = 0; n < 5000; n++) table.of([E_NUMBER | (numbers.number(n) << 8), label, OP_ADD]);
  expect(table.of([label, seven, OP_ADD])).toBe(sum);
  expect([table.of([seven]), table.of([label]), table.ofString(9)]).toEqual([constant, alone, string]);
  expect([sum, constant, alone, string, float].map((each) => table.kind(each))).toEqual([
    K_NUMERIC,
    K_NUMERIC,
    K_NUMERIC,
    K_STRING,
    K_FLOAT,
  ]);
  expect([sum, constant, alone].map((each) => table.label(each))).toEqual([-1, -1, 5]);
  expect([sum, constant, alone].map((each) => table.constant(each))).toEqual([undefined, 7, undefined]);
  expect(table.text(string)).toBe(9);
  expect(table.float(float)).toEqual(parseFloat96(false, "1.5", ""));
});
