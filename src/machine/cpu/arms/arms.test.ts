import { readFileSync } from "node:fs";
import { afterEach, expect, test, vi } from "vitest";
import { assemble } from "../../../assembler/index.ts";
import { rawImage } from "../../../image/index.ts";
import { moduleText } from "../../wasm/text.ts";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

const ORIGIN = 0x1000;
const MEMORY = 1 << 20;

/** What a kernel comes to in the first million instructions, on an interpreter that is loaded anew. */
async function result(kernel: string) {
  const { loadImage, Machine } = await import("../../index.ts");
  const source = new URL(`../../../../asm/bench/${kernel}.asm`, import.meta.url).pathname;
  const made = assemble(source, { files: { read: (path) => readFileSync(path) } });
  const machine = new Machine({ memoryBytes: 1 << 24, engine: "interpreter" });
  loadImage(machine, rawImage(made.bytes, { origin: ORIGIN }));
  machine.memory.map(0, 1 << 24);
  machine.cpu.esp = MEMORY;
  const stop = machine.run(1_000_000);
  return { stop, instructions: machine.instructions, ...machine.saveContext() };
}

/** WebAssembly without calls in tail position; tells how many modules it has refused. */
function withoutTailCalls(): () => number {
  let refused = 0;
  const isKnown = (bytes: Uint8Array) => !/return_call/.test(moduleText(bytes));
  class Module extends WebAssembly.Module {
    constructor(bytes: Uint8Array<ArrayBuffer>) {
      if (!isKnown(bytes)) {
        refused++;
        throw new WebAssembly.CompileError("invalid opcode");
      }
      super(bytes);
    }
  }
  vi.stubGlobal("WebAssembly", { ...namesOf(WebAssembly), Module, validate: isKnown });
  return () => refused;
}

const namesOf = (from: object): object =>
  Object.fromEntries(Object.getOwnPropertyNames(from).map((name) => [name, Reflect.get(from, name)]));

test.each(["fib", "sort", "dispatch", "bignum", "sse-matrix", "blend", "x87-matrix"])(
  "%s without calls in tail position",
  async (kernel) => {
    const usual = await result(kernel);
    vi.resetModules();
    const refused = withoutTailCalls();
    expect(await result(kernel)).toEqual(usual);
    expect(refused()).toBe(1);
  },
);

/** What a kernel has left to JavaScript in its first instructions. */
async function left(kernel: string, instructions: number): Promise<number> {
  const { loadImage, Machine } = await import("../../index.ts");
  const { Interpreter } = await import("../interpret.ts");
  const source = new URL(`../../../../asm/bench/${kernel}.asm`, import.meta.url).pathname;
  const made = assemble(source, { files: { read: (path) => readFileSync(path) } });
  let interpreter: InstanceType<typeof Interpreter> | undefined;
  const machine = new Machine({
    memoryBytes: 1 << 24,
    engine: (core) => (interpreter = new Interpreter(core)),
  });
  loadImage(machine, rawImage(made.bytes, { origin: ORIGIN }));
  machine.memory.map(0, 1 << 24);
  machine.run(instructions);
  return interpreter!.cpu.general;
}

test.each(["sse-matrix", "blend", "x87-matrix"])("%s is done by arms alone", async (kernel) => {
  expect(await left(kernel, 300_000)).toBe(0);
});

test("an indirect jump is left to JavaScript once for each of its targets, what stands behind it included", async () => {
  expect(await left("dispatch", 100_000)).toBe(8);
});
