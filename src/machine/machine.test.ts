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

test("a long command line gets memory of its own, and the header says where", () => {
  const machine = small();
  const image = { ...rawImage(new Uint8Array(0x100)), parameters: 0x80 };
  const args = "x".repeat(300);
  const loaded = loadImage(machine, image, { args });
  const at = machine.memory.u32(0x1c)!;
  expect(loaded).toEqual({ end: at + 301 });
  expect(at).toBeGreaterThanOrEqual(image.memorySize);
  expect(machine.memory.read(at, 301)).toEqual(
    Uint8Array.from([...args, "\0"], (letter) => letter.charCodeAt(0)),
  );
  expect(machine.memory.u8(0x80)).toBe(0);
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

/** A machine with `code` at 0x1000, a stack below 0x9000, data pages between. */
function running(...code: number[]): Machine {
  const machine = small();
  machine.memory.map(0x1000, 0x8000);
  machine.memory.write(0x1000, Uint8Array.from(code));
  machine.cpu.eip = 0x1000;
  machine.cpu.esp = 0x9000;
  return machine;
}

const u32 = (value: number): number[] => [0, 8, 16, 24].map((shift) => (value >> shift) & 0xff);

describe("execution", () => {
  test("a sum up to an interrupt", () => {
    // mov ecx,10; xor eax,eax; again: add eax,ecx; loop again; int 0x40
    const machine = running(0xb9, 10, 0, 0, 0, 0x31, 0xc0, 0x01, 0xc8, 0xe2, 0xfc, 0xcd, 0x40);
    expect(machine.run(1000)).toEqual({ reason: "interrupt", vector: 0x40 });
    expect([machine.cpu.eax, machine.cpu.ecx, machine.cpu.eip]).toEqual([55, 0, 0x100d]);
    expect(machine.instructions).toBe(2 + 20 + 1);
  });

  test("a budget ends exactly, also inside a repeated instruction", () => {
    const machine = running(0xf3, 0xaa, 0x90); // rep stosb; nop
    machine.cpu.ecx = 10;
    machine.cpu.edi = 0x2000;
    expect(machine.run(4)).toEqual({ reason: "budget" });
    expect([machine.cpu.ecx, machine.cpu.edi, machine.cpu.eip, machine.instructions]).toEqual([
      6, 0x2004, 0x1000, 4,
    ]);
    machine.run(7);
    expect([machine.cpu.ecx, machine.cpu.eip, machine.instructions]).toEqual([0, 0x1003, 11]);
  });

  test("a write that straddles into nothing leaves no trace", () => {
    const machine = running(0xc7, 0x05, 0xfe, 0x8f, 0, 0, 1, 2, 3, 4); // mov dword [0x8ffe],0x04030201
    expect(machine.run(1)).toEqual({
      reason: "fault",
      fault: "#PF",
      code: 6,
      address: 0x9000,
      access: "write",
    });
    expect([machine.memory.u16(0x8ffe), machine.cpu.eip, machine.instructions]).toEqual([0, 0x1000, 0]);
  });

  test("code may overwrite the next instruction, and jump into the middle of one", () => {
    // mov byte [0x1007],0x42 (inc edx); inc ecx; hlt
    const machine = running(0xc6, 0x05, 0x07, 0x10, 0, 0, 0x42, 0x41, 0xf4);
    machine.run(1);
    machine.cpu.eip = 0x1007;
    machine.run(1);
    machine.cpu.eip = 0x1000;
    machine.memory.set8(0x1007, 0x41);
    machine.run(2);
    expect([machine.cpu.ecx, machine.cpu.edx]).toEqual([0, 2]);
    machine.cpu.eip = 0x1006; // inc edx, which is the constant of the first instruction
    machine.run(1);
    expect(machine.cpu.edx).toBe(3);
    expect(machine.run(5)).toMatchObject({ reason: "fault", fault: "#GP" });
  });

  test("privileged and undefined instructions fault where they stand", () => {
    const stops = (...code: number[]) => running(...code).run(10);
    expect(stops(0xf4)).toMatchObject({ fault: "#GP", code: 0 });
    expect(stops(0xfa)).toMatchObject({ fault: "#GP" });
    expect(stops(0xec)).toMatchObject({ fault: "#GP" });
    expect(stops(0x0f, 0x0b)).toMatchObject({ fault: "#UD" });
    expect(stops(0xf0, 0x89, 0xc0)).toMatchObject({ fault: "#UD" });
    expect(stops(0xf3, 0x0f, 0x38, 0xf0, 0x05, 0, 0x20, 0, 0)).toMatchObject({ fault: "#UD" });
    expect(stops(0xcd, 0x41)).toMatchObject({ fault: "#GP", code: 0x41 * 8 + 2 });
    expect(stops(0xcc)).toEqual({ reason: "trap", trap: "#BP" });
  });

  test("TF traps behind the next instruction", () => {
    const machine = running(0x9d, 0x90, 0x90); // popfd; nop; nop
    machine.cpu.esp = 0x8ff0;
    machine.memory.set32(0x8ff0, 0x302);
    expect(machine.run(10)).toEqual({ reason: "trap", trap: "#DB" });
    expect([machine.cpu.eip, machine.instructions]).toEqual([0x1002, 2]);
  });

  test("breakpoints and hooks", () => {
    const machine = running(0x90, 0x90, 0x90, 0xeb, 0xfb); // again: nop; nop; nop; jmp again
    machine.breakpoints.add(0x1002);
    expect(machine.run(100)).toEqual({ reason: "breakpoint", address: 0x1002 });
    expect(machine.run(100)).toEqual({ reason: "breakpoint", address: 0x1002 });
    expect(machine.instructions).toBe(6);
    machine.breakpoints.clear();
    const seen: number[] = [];
    machine.onInstruction((address) => {
      seen.push(address);
      return address === 0x1000;
    });
    expect(machine.run(100)).toEqual({ reason: "hook" });
    expect(seen).toEqual([0x1002, 0x1003, 0x1000]);
  });

  test("a segment has a base and an end", () => {
    // mov eax,fs:[0x10]; mov fs:[0xffe],eax
    const machine = running(0x64, 0xa1, 0x10, 0, 0, 0, 0x64, 0xa3, 0xfe, 0x0f, 0, 0);
    machine.defineSegment(0x63, { base: 0x3000, limit: 0xfff, kind: "data" });
    expect(machine.loadSegment(4, 0x63)).toBe(true);
    machine.memory.set32(0x3010, 0xcafe);
    expect(machine.run(1)).toEqual({ reason: "budget" });
    expect(machine.cpu.eax).toBe(0xcafe);
    expect(machine.run(1)).toEqual({ reason: "fault", fault: "#GP", code: 0 });
    expect(machine.loadSegment(4, 0x99)).toBe(false);
  });

  test("a context that makes a segment flat, or not, is obeyed by code that has run before", () => {
    const machine = running(0xa1, 0x10, 0, 0, 0); // mov eax,[0x10]
    machine.memory.map(0, 0x1000);
    machine.memory.set32(0x10, 1);
    machine.memory.set32(0x2010, 2);
    const flat = machine.saveContext();
    machine.run(1);
    machine.defineSegment(0x73, { base: 0x2000, limit: 0xfff, kind: "data" });
    machine.loadSegment(3, 0x73);
    machine.cpu.eip = 0x1000;
    const based = machine.saveContext();
    machine.run(1);
    expect(machine.cpu.eax).toBe(2);
    machine.loadContext(flat);
    machine.run(1);
    expect(machine.cpu.eax).toBe(1);
    machine.loadContext(based);
    machine.run(1);
    expect(machine.cpu.eax).toBe(2);
  });

  test("pages that come and go are noticed by code that leads there", () => {
    const machine = running(0xe9, 0xfb, 0x8f, 0, 0); // jmp 0xa000
    expect(machine.run(2)).toMatchObject({ fault: "#PF", address: 0xa000, access: "execute" });
    machine.memory.map(0xa000, 0x1000);
    machine.memory.write(0xa000, Uint8Array.of(0x40, 0xcd, 0x40)); // inc eax; int 0x40
    machine.cpu.eip = 0x1000;
    expect(machine.run(9)).toMatchObject({ reason: "interrupt" });
    machine.memory.write(0xa000, Uint8Array.of(0x43)); // inc ebx
    machine.cpu.eip = 0x1000;
    expect(machine.run(9)).toMatchObject({ reason: "interrupt" });
    expect([machine.cpu.eax, machine.cpu.ebx]).toEqual([1, 1]);
    machine.memory.unmap(0xa000, 1);
    machine.cpu.eip = 0x1000;
    expect(machine.run(9)).toMatchObject({ fault: "#PF", address: 0xa000 });
  });

  test("an instruction may reach across pages, and needs both", () => {
    const machine = running();
    machine.memory.write(0x8ffe, Uint8Array.of(0xb8, 0x11)); // mov eax,…
    machine.cpu.eip = 0x8ffe;
    expect(machine.run(1)).toMatchObject({ fault: "#PF", address: 0x9000, access: "execute" });
    machine.memory.map(0x9000, 0x1000);
    machine.memory.write(0x9000, Uint8Array.of(0x22, 0x33, 0x44));
    machine.run(1);
    expect(machine.cpu.eax).toBe(0x44332211);
    machine.memory.set8(0x9001, 0x99);
    machine.cpu.eip = 0x8ffe;
    machine.run(1);
    expect(machine.cpu.eax).toBe(0x44992211);
    machine.memory.unmap(0x9000, 1);
    machine.cpu.eip = 0x8ffe;
    expect(machine.run(1)).toMatchObject({ fault: "#PF", address: 0x9000, access: "execute" });
  });

  test.each(["interpreter", "compiled"] as const)(
    "code above 2 GiB, which modifies itself there: %s",
    (engine) => {
      const machine = new Machine({ memoryBytes: 0xe010_0000, engine });
      machine.memory.map(0xe000_0000, 0x2000);
      // mov ecx,1000; again: inc eax; dec ecx; jnz again; mov byte [0xe0000ffe],0x42; jmp 0xe0000ffe
      machine.memory.write(
        0xe000_0000,
        Uint8Array.of(0xb9, 0xe8, 3, 0, 0, 0x40, 0x49, 0x75, 0xfc, 0xc6, 0x05, 0xfe, 0x0f, 0, 0xe0, 0x42),
      );
      machine.memory.write(0xe000_0010, Uint8Array.of(0xe9, 0xe9, 0x0f, 0, 0));
      machine.memory.write(0xe000_0ffe, Uint8Array.of(0x90, 0xb8, 1, 2, 3, 4, 0xcd, 0x40)); // across the page
      for (let round = 1; round <= 30; round++) {
        machine.cpu.eip = round === 1 ? 0xe000_0ffe : 0xe000_0000;
        expect(machine.run(9999)).toMatchObject({ reason: "interrupt" });
        expect([machine.cpu.eax, machine.cpu.edx]).toEqual([0x0403_0201, round - 1]);
      }
    },
  );

  test("fifteen bytes are the limit", () => {
    const machine = running(...new Array(14).fill(0x66), 0x90);
    expect(machine.run(1)).toEqual({ reason: "budget" });
    const longer = running(...new Array(15).fill(0x66), 0x90);
    expect(longer.run(1)).toMatchObject({ fault: "#GP", code: 0 });
  });

  test("more code than is kept is executed all the same", () => {
    const machine = new Machine({ memoryBytes: 16 * 2 ** 20 });
    machine.memory.map(0, 13 * 2 ** 20);
    machine.memory.write(0, new Uint8Array(13 * 2 ** 20).fill(0x40)); // inc eax
    // A jump from page to page, back to the first: 3000 pages of code
    for (let page = 0; page < 3000; page++) {
      machine.memory.write(page * 0x1000 + 2, Uint8Array.of(0xe9, 0xf9, 0x0f, 0, 0));
    }
    machine.memory.write(2999 * 0x1000 + 2, Uint8Array.of(0xe9, ...u32(-2999 * 0x1000 - 7)));
    machine.run(9000 * 3);
    expect([machine.cpu.eax, machine.cpu.eip]).toEqual([18000, 0]);
    machine.memory.write(1500 * 0x1000, Uint8Array.of(0x48)); // dec eax
    machine.run(9000);
    expect(machine.cpu.eax).toBe(23998);
    // And more instructions than are kept in a row
    machine.memory.write(0, new Uint8Array(420_000).fill(0x40));
    machine.cpu.eip = 0;
    machine.cpu.eax = 0;
    machine.run(420_000);
    expect(machine.cpu.eax).toBe(420_000);
  });

  test("the time stamp counts instructions", () => {
    const machine = running(0x90, 0x90, 0x0f, 0x31, 0x90); // nop; nop; rdtsc
    machine.run(4);
    expect([machine.cpu.eax, machine.cpu.edx]).toEqual([2, 0]);
  });

  test("watched memory", () => {
    const machine = running(0xa1, 0, 0x20, 0, 0, 0xa3, 4, 0x20, 0, 0); // mov eax,[0x2000]; mov [0x2004],eax
    const seen: unknown[] = [];
    machine.onMemory([{ start: 0x2002, end: 0x2008, read: true, write: true }], (...access) => {
      seen.push(access);
    });
    machine.run(2);
    expect(seen).toEqual([
      ["read", 0x2000, 4],
      ["write", 0x2004, 4],
    ]);
  });

  test("an access of eight, ten or sixteen bytes is one access to who watches, across pages too", () => {
    const machine = running(
      ...[0x0f, 0x10, 0x05, ...u32(0x1ff8)], // movups xmm0,[0x1ff8]
      ...[0x0f, 0x29, 0x05, ...u32(0x2010)], // movaps [0x2010],xmm0
      ...[0xdb, 0x2d, ...u32(0x2000)], // fld tbyte [0x2000]
      ...[0xdd, 0x1d, ...u32(0x2030)], // fstp qword [0x2030]
      ...[0x0f, 0xc7, 0x0d, ...u32(0x2040)], // cmpxchg8b [0x2040]
    );
    const seen: unknown[] = [];
    machine.onMemory([{ start: 0x2000, end: 0x3000, read: true, write: true }], (...access) => {
      seen.push(access);
    });
    expect(machine.run(5)).toEqual({ reason: "budget" });
    expect(seen).toEqual([
      ["read", 0x1ff8, 16],
      ["write", 0x2010, 16],
      ["read", 0x2000, 10],
      ["write", 0x2030, 8],
      ["read", 0x2040, 8],
      ["write", 0x2040, 8],
    ]);
  });
});
