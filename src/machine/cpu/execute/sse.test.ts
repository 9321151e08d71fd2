import { describe, expect, test } from "vitest";
import { forms } from "../../../isa/index.ts";
import { Machine } from "../../machine.ts";
import { STATE, WORD } from "../state.ts";
import { vectorExecutorOf } from "./sse.ts";

const CODE = 0x1000;
const DATA = 0x2000;

function machine(code: readonly number[]): Machine {
  const made = new Machine({ memoryBytes: 1 << 20, gates: [] });
  made.memory.map(CODE, 4096);
  made.memory.map(DATA, 4096);
  made.memory.write(CODE, Uint8Array.from(code));
  made.cpu.eip = CODE;
  return made;
}

describe("MMX and SSE", () => {
  test("every form on their registers has an executor", () => {
    const levels = new Set("mmx sse sse2 sse3 ssse3 sse4".split(" "));
    const ofVectors = forms().filter(
      ({ level, operands, encoding }) =>
        encoding === "legacy" && levels.has(level) && operands.some(({ kind }) => /^x?mmm?$/.test(kind)),
    );
    expect(ofVectors.length).toBeGreaterThan(350);
    expect(ofVectors.filter((form) => vectorExecutorOf(form) === undefined).map(({ name }) => name)).toEqual(
      [],
    );
  });

  test("an unmasked exception leaves the register alone, and is told in MXCSR", () => {
    const made = machine([0x0f, 0x5e, 0xc1]); // divps xmm0,xmm1
    const words = made.memory.words;
    words.fill(0x3f80_0000, WORD.XMM, WORD.XMM + 4);
    words[WORD.MXCSR] = 0x1f80 & ~0x200;
    expect(made.step()).toEqual({ reason: "fault", fault: "#XM", code: 0 });
    expect(made.cpu.eip).toBe(CODE);
    expect([...words.slice(WORD.XMM, WORD.XMM + 4)]).toEqual(new Array(4).fill(0x3f80_0000));
    expect(words[WORD.MXCSR]).toBe(0x1d84);
  });

  test("an MMX register is the significand of an x87 register", () => {
    const made = machine([0x0f, 0x6e, 0xd0, 0x0f, 0x77]); // movd mm2,eax; emms
    made.cpu.eax = 0x1234_5678;
    made.step();
    const { words, view } = made.memory;
    expect(words[WORD.X87 + 8]).toBe(0x1234_5678);
    expect(view.getUint16(STATE.X87 + 2 * 16 + 8, true)).toBe(0xffff);
    expect(words[STATE.X87_VALID >> 2]).toBe(0xff);
    made.step();
    expect(words[STATE.X87_VALID >> 2]).toBe(0);
  });

  test("an operand of 16 bytes that is not aligned is #GP", () => {
    const made = machine([0x0f, 0x58, 0x05, 0x08, 0x20, 0x00, 0x00]); // addps xmm0,[0x2008]
    expect(made.step()).toEqual({ reason: "fault", fault: "#GP", code: 0 });
  });
});
