import { describe, expect, test } from "vitest";
import { rawImage } from "../image/index.ts";
import { eflags, setEflags } from "./cpu/flags.ts";
import { loadImage, Machine } from "./index.ts";

const small = () => new Machine({ memoryBytes: 1 << 20 });

describe("memory", () => {
  test("an access is all or nothing across the end of what is mapped", () => {
    const { memory } = small();
    memory.map(0x1000, 1);
    expect(memory.set32(0x1ffd, 0x11223344)).toBe(false);
    expect(memory.u8(0x1ffd)).toBe(0);
    memory.map(0x2000, 1, { writable: false });
    expect(memory.set32(0x1ffd, 0x11223344)).toBe(false);
    expect(memory.u32(0x1ffd)).toBe(0);
    expect(memory.set32(0x1ffc, 0xfedcba98)).toBe(true);
    expect(memory.u32(0x1ffc)).toBe(0xfedcba98);
  });

  test("a page that comes back is empty", () => {
    const { memory } = small();
    memory.map(0x1000, 1);
    memory.set8(0x1234, 7);
    memory.unmap(0x1fff, 1);
    expect(memory.u8(0x1234)).toBeUndefined();
    memory.map(0x1000, 1);
    expect(memory.u8(0x1234)).toBe(0);
    expect(memory.mappedBytes).toBe(4096);
  });

  test("nothing is mapped outside the address space", () => {
    expect(() => small().memory.map(2 ** 31, 4096)).toThrow("outside");
    expect(small().memory.u8(-1)).toBeUndefined();
    expect(small().memory.u8(0xffff_ffff)).toBeUndefined();
  });
});

test("every combination of flags is kept", () => {
  const words = new Int32Array(64);
  for (let flags = 0; flags < 0x1000; flags++) {
    const wanted = (flags & 0xcd5) | 2;
    setEflags(words, wanted);
    expect(eflags(words)).toBe(wanted);
  }
});

test("an image is loaded with its registers, command line and path", () => {
  const machine = small();
  const image = { ...rawImage(new Uint8Array(0x100).fill(0x90)), entry: 0x24, parameters: 0x80, path: 0xc0 };
  expect(loadImage(machine, image, { args: "-v", path: "/rd/1/x" })).toEqual({ end: image.stackTop });
  expect([machine.cpu.eip, machine.cpu.esp, machine.cpu.eflags]).toEqual([0x24, image.stackTop, 0x1202]);
  expect([machine.cpu.cs, machine.cpu.ds, machine.cpu.fs]).toEqual([0x1b, 0x23, 0x63]);
  const text = (at: number, length: number) => String.fromCharCode(...machine.memory.read(at, length)!);
  expect(text(0x80, 3)).toBe("-v\0");
  expect(text(0xc0, 10)).toBe("/\x03/rd/1/x\0");
});

test("an image that does not fit is refused and leaves nothing behind", () => {
  const machine = small();
  const image = rawImage(new Uint8Array(16), { origin: 0x10_0000 });
  expect(loadImage(machine, image)).toHaveProperty("error");
  expect(machine.memory.mappedBytes).toBe(0);
});

test("a snapshot brings everything back", () => {
  const machine = small();
  machine.memory.map(0x3000, 0x2000);
  machine.memory.set32(0x3ffe, 0x1234_5678);
  machine.cpu.ebx = 0xdeadbeef;
  const snapshot = machine.snapshot();
  const other = small();
  other.memory.map(0, 0x1000);
  other.restore(structuredClone(snapshot));
  expect(other.memory.u32(0x3ffe)).toBe(0x1234_5678);
  expect(other.memory.u8(0)).toBeUndefined();
  expect(other.cpu.ebx).toBe(0xdeadbeef);
});
