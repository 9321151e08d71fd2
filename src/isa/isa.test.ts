import { describe, expect, test } from "vitest";
import { placeInTable } from "./form.ts";
import { avx } from "./forms/avx.ts";
import { isAvx } from "./forms/avx-names.ts";
import { rows } from "./forms/index.ts";
import {
  byMnemonic,
  CF,
  DECODED,
  decode,
  type Form,
  forms,
  INVALID,
  makeInstruction,
  OF,
  STATUS_FLAGS,
  TOO_LONG,
  TRUNCATED,
  ZF,
} from "./index.ts";
import { LEGACY_PLACES, pack, SPACES, tableOf, unpack } from "./table.ts";

const bytesOf = (hex: string): Uint8Array =>
  Uint8Array.from(
    hex.split(" ").filter((word) => word !== ""),
    (word) => Number.parseInt(word, 16),
  );

const instruction = makeInstruction();
const decoded = (hex: string, bits: 16 | 32 = 32) => {
  const bytes = bytesOf(hex);
  const result = decode(bytes, 0, bytes.length, bits, instruction);
  return result === DECODED ? instruction : result;
};
const row = (hex: string, bits: 16 | 32 = 32): string => {
  const found = decoded(hex, bits);
  if (typeof found === "number") return ["decoded", "invalid", "truncated", "too long"][found]!;
  return `${found.form!.name} ${found.form!.operands.map((operand) => operand.text).join(",")} ${found.length}`;
};

describe("rows", () => {
  test("a condition makes sixteen forms that read its flags", () => {
    const jumps = forms().filter((form) => form.opcode === "70+cc cb");
    expect(jumps.map((form) => form.code)).toEqual(Array.from({ length: 16 }, (_, n) => 0x70 + n));
    expect(byMnemonic("jnae")[0]).toBe(byMnemonic("jb")[0]);
    expect(byMnemonic("jbe")[0]!.flags.reads).toBe(CF | ZF);
  });

  test("flag effects of the ones often confused", () => {
    const flags = (name: string, opcode: string) =>
      byMnemonic(name).find((form) => form.opcode === opcode)!.flags;
    expect(flags("inc", "40+r").writes & CF).toBe(0);
    expect(flags("not", "F6 /2").writes).toBe(0);
    expect(flags("neg", "F6 /3").writes).toBe(STATUS_FLAGS);
    expect(flags("and", "20 /r").clears).toBe(OF | CF);
    expect(flags("shl", "D3 /4").reads).toBe(STATUS_FLAGS);
  });

  test("no two forms answer to the same bytes", () => {
    const seen = new Map<string, Form>();
    for (const form of forms()) {
      if (form.encodeOnly || form.decodeOnly || form.level === "long") continue;
      const key = [
        form.encoding,
        form.map,
        form.code,
        form.plus,
        form.prefix,
        form.digit,
        form.rm,
        form.mod,
        form.suffix,
        form.operandSize,
        form.addressSize,
        form.vectorLength,
        form.w,
      ].join();
      expect(seen.get(key), `${form.name} ${form.opcode}`).toBeUndefined();
      seen.set(key, form);
    }
  });

  test("names of AVX are known as such, and no others", () => {
    for (const row of avx()) for (const name of row.names) expect(isAvx(name), name).toBe(true);
    expect(isAvx("version")).toBe(false);
  });

  test("a row's place in the table is where its bytes lead", () => {
    const all = [...rows, ...avx()];
    for (const form of forms()) {
      const { at, count } = placeInTable(all[form.index]!);
      const space = form.map + { legacy: 0, vex: 4, xop: 4, evex: 8 }[form.encoding];
      expect([at, count], form.opcode).toEqual([space * 256 + form.code, form.plus ? 8 : 1]);
    }
  });

  test("a table that was written down is the one it was written of", () => {
    const table = tableOf(rows);
    const read = unpack(pack(rows));
    const indexes = [...rows.keys()];
    expect(read.count).toBe(rows.length);
    expect(indexes.map(read.row)).toEqual(rows);
    const named = ({ names }: typeof table) => [...names()].map(([name, rows]) => [name, rows()]);
    expect(named(read)).toEqual(named(table));
    const found = read.names();
    expect(rows.every(({ names }, index) => names.every((name) => found.get(name)!().includes(index)))).toBe(
      true,
    );
    const places = [...Array(SPACES * 256).keys()];
    const legacy = places.slice(0, LEGACY_PLACES);
    expect(places.slice(LEGACY_PLACES).map(read.at)).toEqual(places.slice(LEGACY_PLACES).map(table.at));
    const whiches = [undefined, ...Array(16).keys()];
    const meanings = ({ meaning }: typeof table) =>
      legacy
        .map(meaning)
        .map(({ takesModrm, rows }) => [takesModrm, takesModrm ? whiches.map(rows) : rows(undefined)]);
    expect(meanings(read)).toEqual(meanings(table));
  });

  test("all forms of an opcode byte agree whether ModR/M follows", () => {
    const seen = new Map<string, boolean>();
    for (const form of forms()) {
      const key = `${form.encoding} ${form.map} ${form.code}`;
      expect(seen.get(key) ?? form.modrm, `${form.name} ${form.opcode}`).toBe(form.modrm);
      seen.set(key, form.modrm);
    }
  });
});

describe("decode", () => {
  test.each([
    ["90", "nop  1"],
    ["f3 90", "pause  2"],
    ["91", "xchg accv,rv 1"],
    ["05 78 56 34 12", "add accv,immv 5"],
    ["66 05 34 12", "add accv,immv 4"],
    ["83 c4 08", "add rmv,imms8 3"],
    ["d4 0a", "aam  2"],
    ["d4 10", "aam imm8 2"],
    ["f6 05 00 00 00 00 01", "test rm8,imm8 7"],
    ["f7 d8", "neg rmv 2"],
    ["0f c7 0e", "cmpxchg8b m64 3"],
    ["0f c7 f0", "rdrand rv 3"],
    ["0f c7 0f", "cmpxchg8b m64 3"],
    ["0f c7 c8", "invalid"],
    ["f3 0f b8 c1", "popcnt rv,rmv 4"],
    ["0f b8 c1", "invalid"],
    ["f3 0f bc c1", "tzcnt rv,rmv 4"],
    ["0f bc c1", "bsf rv,rmv 3"],
    ["66 f2 0f 38 f1 c1", "crc32 r32,rmv 6"],
    ["0f 38 f1 08", "movbe mv,rv 4"],
    ["0f 38 f1 c8", "invalid"],
    ["9a 78 56 34 12 1b 00", "call ptr16:v 7"],
    ["8d c0", "invalid"],
    ["c8 10 00 01", "enter imm16,imm8 4"],
    ["a1 44 33 22 11", "mov accv,moffsv 5"],
    ["67 a1 22 11", "mov accv,moffsv 4"],
    ["8b 84 24 10 00 00 00", "mov rv,rmv 7"],
    ["8b 85", "truncated"],
    ["", "truncated"],
    // W of VEX: what nobody looks at, what has to be 0, and what says something in 64-bit code only.
    ["c4 e1 f0 58 c2", "vaddps xmm,xmm,xmmm128 5"],
    ["c4 e2 71 0c c2", "vpermilps xmm,xmm,xmmm128 5"],
    ["c4 e2 f1 0c c2", "invalid"],
    ["c4 e2 f0 f2 c2", "andn r32,r32,rm32 5"],
    ["c4 e1 f9 6e c2", "vmovd xmm,rm32 5"],
    ["c5 f8 2e c2", "vucomiss xmm,xmmm32 4"],
    ["c5 f0 2e c2", "invalid"],
    ["66 66 66 66 66 66 66 66 66 66 66 66 66 66 90", "nop  15"],
    ["66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 90", "too long"],
  ])("%s is %s", (hex, expected) => {
    expect(row(hex)).toBe(expected);
  });

  test("fields of an address", () => {
    const found = decoded("65 8b 44 8d f8");
    expect(found).toMatchObject({
      segment: 5,
      base: 5,
      index: 1,
      scale: 4,
      displacement: -8,
      reg: 0,
      length: 5,
    });
    expect(decoded("8b 04 8d 00 10 00 00")).toMatchObject({ base: -1, index: 1, displacement: 0x1000 });
    expect(decoded("8b 43 fe", 16)).toMatchObject({ base: 5, index: 7, displacement: -2, operandSize: 16 });
    expect(decoded("67 8b 46 10")).toMatchObject({ base: 5, index: -1, displacement: 16, addressSize: 16 });
    expect(decoded("67 8b 07")).toMatchObject({ base: 3, index: -1 });
    expect(decoded("67 8b 04")).toMatchObject({ base: 6, index: -1 });
    expect(decoded("67 8b 0e 34 12")).toMatchObject({ base: -1, index: -1, displacement: 0x1234 });
  });

  test("a far address and a pair of immediates", () => {
    expect(decoded("ea 78 56 34 12 1b 00")).toMatchObject({ immediate: 0x12345678, immediate2: 0x1b });
    expect(decoded("c8 10 00 01")).toMatchObject({ immediate: 16, immediate2: 1 });
    expect(decoded("e8 fb ff ff ff")).toMatchObject({ immediate: -5, immediateSize: 4 });
  });

  test("every byte sequence has an answer", () => {
    const bytes = new Uint8Array(15);
    let state = 1;
    for (let round = 0; round < 20000; round++) {
      for (let i = 0; i < bytes.length; i++) {
        state = (Math.imul(state, 1103515245) + 12345) | 0;
        bytes[i] = state >>> 16;
      }
      const result = decode(bytes, 0, bytes.length, round & 1 ? 16 : 32, instruction);
      expect([DECODED, INVALID, TRUNCATED, TOO_LONG]).toContain(result);
      expect(instruction.length).toBeLessThanOrEqual(15);
    }
  });
});
