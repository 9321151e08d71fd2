/**
 * Runs one flat kernel in this process and prints nanoseconds, EAX at its end and, where it is counted, the number of
 * instructions: the peers that live in Node. Each cell of the table is a process of its own, so that nobody profits
 * from what an earlier kernel has warmed up.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { assemble } from "../../../src/assembler/index.ts";
import { rawImage } from "../../../src/image/index.ts";
import { loadImage, Machine, type MachineOptions } from "../../../src/machine/index.ts";

const ORIGIN = 0x1000;
const END = 0x100_0000;
/** The call that is answered. */
const TIME = 3;

function kolibri(kernel: Uint8Array, options: MachineOptions): void {
  const machine = new Machine({ memoryBytes: END, ...options });
  const loaded = loadImage(machine, rawImage(kernel, { origin: ORIGIN }));
  if ("error" in loaded) throw new Error(loaded.error);
  machine.memory.map(0, END);
  machine.cpu.esp = END;
  const start = process.hrtime.bigint();
  machine.onInterrupt(() => machine.cpu.eax === TIME);
  const stop = machine.run(Number.POSITIVE_INFINITY);
  if (stop.reason !== "interrupt") throw new Error(`ended with ${JSON.stringify(stop)}`);
  tell(start, machine.cpu.eax, machine.instructions);
}

function tell(start: bigint, eax: number, instructions?: number): void {
  process.stdout.write(`${process.hrtime.bigint() - start} ${eax} ${instructions ?? ""}\n`);
}

/** As much of v86 as is used here. */
interface V86Module {
  V86: new (
    options: object,
  ) => {
    add_listener(event: string, call: () => void): void;
    run(): Promise<void>;
    readonly v86: { cpu: { io: { register_write: (...args: unknown[]) => void } } };
  };
}
const START_PORT = 0x500;
const END_PORT = 0x504;

async function v86(kernel: Uint8Array, options: object): Promise<void> {
  const source = "test/bench/peers/multiboot.asm";
  const made = assemble(source, {
    files: { read: (path) => (path.endsWith("kernel.bin") ? kernel : readFileSync(path)) },
  });
  if (!made.ok) throw new Error(made.diagnostics.map(({ text }) => text).join(", "));
  const folder = resolve("node_modules/v86/build");
  const { V86 }: V86Module = await import(pathToFileURL(`${folder}/libv86.mjs`).href);
  const emulator = new V86({
    wasm_path: `${folder}/v86.wasm`,
    memory_size: 64 * 2 ** 20,
    vga_memory_size: 2 ** 20,
    multiboot: { buffer: Uint8Array.from(made.bytes).buffer },
    autostart: false,
    ...options,
  });
  await new Promise<void>((loaded) => emulator.add_listener("emulator-loaded", loaded));
  let start = 0n;
  const { io } = emulator.v86.cpu;
  const ignore = () => {};
  io.register_write(START_PORT, emulator, ignore, ignore, () => (start = process.hrtime.bigint()));
  io.register_write(END_PORT, emulator, ignore, ignore, (eax: number) => {
    tell(start, eax >>> 0);
    process.exit(0);
  });
  await emulator.run();
}

export async function cell(peer: string, file: string): Promise<void> {
  const kernel = readFileSync(file);
  if (peer === "v86") await v86(kernel, {});
  else if (peer === "v86-interp") await v86(kernel, { disable_jit: true });
  else kolibri(kernel, { engine: peer === "compiled" ? "compiled" : "interpreter" });
}
