/**
 * Nonsense, which must come to an end in words: random bytes as code, and images with headers that nobody wrote. Each
 * function does one run by its seed and answers what is wrong with it, if anything. `npm test` does some hundreds,
 * `npm run prove -- fuzz` (fuzz-prove.ts) as many as you like.
 */
import { Random } from "../../src/base/index.ts";
import { Computer, imageFrom, rawImage } from "../../src/index.ts";
import { type EngineName, FACT, Machine, RAM_BASE, STATE } from "../../src/machine/index.ts";

const CODE = 0x1_0000;
const CODE_BYTES = 0x2000;
const DATA = 0x2_0000;
const DATA_BYTES = 0x2000;
const CONSTANT = 0x3_0000;
const STACK = 0x4_0000;
const MAPPED = [
  [CODE, CODE_BYTES],
  [DATA, DATA_BYTES],
  [CONSTANT, 0x1000],
  [STACK, 0x1000],
] as const;
const MEMORY = 1 << 20;
/** Stops that a run may go on after, and instructions at most. */
const STOPS = 40;
const INSTRUCTIONS = 3000;

/** One machine serves many runs: making one costs more than a run. */
const machines = new Map<EngineName, Machine>();

function machineFor(engine: EngineName): Machine {
  const known = machines.get(engine);
  if (known) return known;
  const machine = new Machine({ memoryBytes: MEMORY, engine });
  machines.set(engine, machine);
  return machine;
}

/** Bytes that are instructions more often than chance would have it. */
function someCode(random: Random): Uint8Array {
  const bytes = new Uint8Array(CODE_BYTES);
  const likely = [
    0x0f, 0x66, 0xf3, 0xf2, 0x8b, 0x89, 0x01, 0xc7, 0x83, 0xeb, 0x74, 0xe8, 0xc3, 0xff, 0xd9, 0xdd,
  ];
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = random.below(3) === 0 ? likely[random.below(likely.length)]! : random.below(256);
  }
  return bytes;
}

/** Random bytes as code: the run ends, and nothing but mapped writable memory and registers has changed. */
export function randomCode(seed: number, engine: EngineName): string | undefined {
  const random = new Random(seed);
  const machine = machineFor(engine);
  const { memory, cpu } = machine;
  memory.unmap(0, memory.size);
  for (const [address, length] of MAPPED) memory.map(address, length, { writable: address !== CONSTANT });
  memory.place(CODE, someCode(random));
  memory.place(
    DATA,
    Uint8Array.from({ length: DATA_BYTES }, () => random.below(256)),
  );
  machine.reset();
  const place = (): number => {
    const [address, length] = MAPPED[random.below(MAPPED.length)]!;
    return address + random.below(length);
  };
  for (const name of ["eax", "ecx", "edx", "ebx", "ebp", "esi", "edi"] as const) {
    cpu[name] = random.below(3) === 0 ? random.u32() : place();
  }
  cpu.esp = STACK + 0x800;
  cpu.eip = CODE + random.below(CODE_BYTES);
  const pages = memory.facts.subarray(0, MEMORY >>> 12);
  const facts = pages.map((fact) => fact & (FACT.PRESENT | FACT.WRITABLE));
  const before = machine.instructions;
  for (let stops = 0; stops < STOPS && machine.instructions - before < INSTRUCTIONS; stops++) {
    const stop = machine.run(500);
    if (stop.reason === "unsupported") return `unsupported: ${stop.instruction}`;
    if (stop.reason === "fault") cpu.eip = CODE + random.below(CODE_BYTES);
    if (stop.reason === "fault" && random.below(2) === 0) cpu.esp = STACK + 0x800;
  }
  if (machine.instructions - before > INSTRUCTIONS + 500) return "more instructions than were asked for";
  const changed = pages.findIndex((fact, page) => (fact & (FACT.PRESENT | FACT.WRITABLE)) !== facts[page]);
  if (changed >= 0) return `page ${changed} is another`;
  let at = 0;
  for (const [address, length] of [...MAPPED, [MEMORY, 0] as const]) {
    for (; at < address; at += 4) {
      if (memory.view.getUint32(RAM_BASE + at, true) !== 0)
        return `0x${at.toString(16)}, where nothing is mapped, was written`;
    }
    at += length;
  }
  if (memory.read(CONSTANT, 0x1000)!.some((byte) => byte !== 0)) return "read-only memory was written";
  if (memory.words[STATE.ZERO >> 2] !== 0) return "the register that is always zero is not";
  return undefined;
}

const EXTREMES = [
  0, 1, 2, 0x23, 0x24, 0x25, 0x3f, 0x40, 0xff, 0x100, 0xfff, 0x1000, 0x1001, 0xffff, 0x1_0000, 0x10_0000,
  0xfff_ffff, 0x1000_0000, 0x1000_0001, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, 0xffff_f000, 0xffff_fffc,
  0xffff_ffff,
] as const;

/** An image with a header of extreme values, of this version or another, whole or cut short. */
export function randomImage(seed: number): Uint8Array {
  const random = new Random(seed);
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)]!;
  const bytes = Uint8Array.from({ length: pick([0, 7, 8, 9, 0x23, 0x24, 0x25, 0x40, 0x200]) }, () =>
    random.below(256),
  );
  const text = pick([
    "MENUET00",
    "MENUET01",
    "MENUET01",
    "MENUET01",
    "MENUET02",
    "MENUET02",
    "MENUET03",
    "MENUE",
    "KCLM",
  ]);
  for (let i = 0; i < text.length && i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  const view = new DataView(bytes.buffer);
  const sensible = [1, 0x24, bytes.length, 0x2000, 0x1f00, 0, 0];
  for (let at = 8, i = 0; at + 4 <= bytes.length && at < 0x40; at += 4, i++) {
    view.setUint32(at, random.below(3) > 0 ? (sensible[i] ?? pick(EXTREMES)) : pick(EXTREMES), true);
  }
  return bytes;
}

/** An image like that is refused in words, or loaded and run. */
export function strangeImage(seed: number): string | undefined {
  const random = new Random(seed ^ 0x5555);
  const bytes = randomImage(seed);
  const image =
    random.below(6) === 0 ? rawImage(bytes, { origin: EXTREMES[random.below(12)]! }) : imageFrom(bytes);
  if ("error" in image) return image.error.length > 10 ? undefined : "no words";
  const computer = new Computer({ memoryBytes: 1 << 22 });
  const args = "x".repeat(random.below(2) === 0 ? random.below(8) : random.below(70_000));
  try {
    computer.load(image, { args, path: "/rd/1/x".padEnd(random.below(1100), "y") });
  } catch (error) {
    return error instanceof Error && !(error instanceof TypeError) && error.message.length > 10
      ? undefined
      : `refused without words: ${String(error)}`;
  }
  computer.run({ maxInstructions: 500 });
  return undefined;
}
