import { expect, test } from "vitest";
import { nameOf } from "./names.ts";
import { F32, F64, I32, I64, V128, type ValueType, W } from "./opcodes.ts";
import { resultOf } from "./results.ts";

const scalars: Readonly<Record<string, ValueType>> = {
  i: I32,
  f: F32,
  i32: I32,
  i64: I64,
  f32: F32,
  f64: F64,
};

/** What an instruction gives as its name says it. */
function named(name: string): ValueType {
  const [type = "", operation = ""] = name.split(".");
  const scalar = scalars[type];
  const compares = /^(eqz?|ne|[lg][te](_[su])?)$/.test(operation);
  if (scalar !== undefined) return compares ? I32 : operation.startsWith("store") ? I32 : scalar;
  if (/^(any_true|all_true|bitmask)$/.test(operation)) return I32;
  return operation.startsWith("extract_lane") ? (scalars[type.split("x")[0]!] ?? I32) : V128;
}

test("an instruction gives what its name says", () => {
  const codes = Object.values(W).filter((code) => code !== W.select);
  const given = codes.map((code) => `${nameOf(code)} ${resultOf(code)}`);
  expect(given).toEqual(codes.map((code) => `${nameOf(code)} ${named(nameOf(code))}`));
});
