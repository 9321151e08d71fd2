/**
 * Runs one flat kernel in this process and prints nanoseconds, EAX at its end and, where it is counted, the number of
 * instructions: the peers that live in Node. Each cell of the table is a process of its own, so that nobody profits
 * from what an earlier kernel has warmed up. Both begin with what V8 has compiled of them before: the machine is the one
 * in the built program, which users start so; v86, whose users would have to do that themselves, gets the same here.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { Script } from "node:vm";
import { assemble } from "../../../src/assembler/index.ts";
import type { MachineOptions } from "../../../src/machine/index.ts";
import { roomsIn } from "../../../src/node/cli/rooms.ts";

const ORIGIN = 0x1000;
const END = 0x100_0000;
/** The call that is answered. */
const TIME = 3;

interface Rooms {
  "program.cjs": { "node/cli/program-file": typeof import("../../../src/node/cli/program-file.ts") };
}

async function kolibri(kernel: Uint8Array, options: MachineOptions): Promise<void> {
  const room = roomsIn<Rooms>(resolve("dist/cli"), createRequire(import.meta.url), (_, script) => {
    if (script.cachedDataRejected) throw new Error("dist/ was built by another Node: npm run build");
  });
  const { machine: machineRoom, rawImage } = room("program.cjs")["node/cli/program-file"];
  const { loadImage, Machine } = await machineRoom();
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

/** v86's module; `keep` writes beside the kernels what V8 has compiled of it, unless somebody has. */
function loadV86(folder: string, file: string): { V86: V86Module["V86"]; keep: () => void } {
  const filename = join(folder, "libv86.js");
  const kept = join(dirname(file), "libv86.compiled");
  const cachedData = existsSync(kept) ? readFileSync(kept) : undefined;
  const source = `(function(module,require){${readFileSync(filename, "utf8")}\n})`;
  const script = new Script(source, { filename, ...(cachedData && { cachedData }) });
  const module = { exports: {} };
  script.runInThisContext()(module, createRequire(filename));
  const keep = () => {
    if (cachedData === undefined) writeFileSync(kept, script.createCachedData());
  };
  return { ...(module.exports as V86Module), keep };
}

async function v86(file: string, options: object): Promise<void> {
  const kernel = readFileSync(file);
  const source = "test/bench/peers/multiboot.asm";
  const made = assemble(source, {
    files: { read: (path) => (path.endsWith("kernel.bin") ? kernel : readFileSync(path)) },
  });
  if (!made.ok) throw new Error(made.diagnostics.map(({ text }) => text).join(", "));
  const folder = resolve("node_modules/v86/build");
  const { V86, keep } = loadV86(folder, file);
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
    keep();
    process.exit(0);
  });
  await emulator.run();
}

export async function cell(peer: string, file: string): Promise<void> {
  if (peer === "v86") await v86(file, {});
  else if (peer === "v86-interp") await v86(file, { disable_jit: true });
  else await kolibri(readFileSync(file), { engine: peer === "compiled" ? "compiled" : "interpreter" });
}
