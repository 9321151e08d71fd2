/**
 * Random bytes as code, from the processor's own point of view: what the table calls an instruction must be one to
 * the processor too, what it does not must be undefined, and everything else the same. A case ends where something
 * comes that cannot be compared (see Subject).
 */
import { Random } from "../../../src/base/index.ts";
import { CODE, DATA, STACK } from "./arena.ts";
import type { Case } from "./case.ts";
import type { Series } from "./generate.ts";
import { plainData, randomRegisters, vectorState } from "./mixed.ts";

const PREFIXES = [0x66, 0x66, 0x67, 0xf2, 0xf3, 0x2e, 0x3e, 0x26, 0x36, 0x64, 0x65, 0xf0] as const;

/** How the bytes of an instruction may begin; random ones follow. */
const BEGINNINGS: Readonly<Record<string, (random: Random) => number[]>> = {
  "any bytes": () => [],
  "after 0F": () => [0x0f],
  "after 0F 38": () => [0x0f, 0x38],
  "after 0F 3A": () => [0x0f, 0x3a],
  "of the x87": (random) => [0xd8 + random.below(8)],
  "of groups": (random) => {
    const groups = [0x80, 0x81, 0x82, 0x83, 0x8f, 0xc0, 0xc6, 0xc7, 0xd0, 0xd1, 0xd2, 0xf6, 0xf7, 0xfe, 0xff];
    return [groups[random.below(groups.length)]!];
  },
  "of groups after 0F": (random) => {
    const groups = [0x00, 0x01, 0x0d, 0x18, 0x1f, 0x71, 0x72, 0x73, 0xae, 0xb9, 0xba, 0xc7];
    return [0x0f, groups[random.below(groups.length)]!];
  },
  // VEX, EVEX and XOP with whatever map, and others, up to 15 bytes and beyond
  "behind many prefixes": (random) => {
    const leads = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a], [0xc4], [0xc5], [0x62], [0x8f], [0xc6], [0xc7]];
    const lead = leads[random.below(leads.length)]!;
    const prefixes = Array.from({ length: random.below(13) }, () => (random.below(9) === 0 ? 0x67 : 0x3e));
    return [...prefixes, ...lead, ...(lead[0] === 0x0f ? [] : [0xc0 | random.below(64)])];
  },
};

function bytesCase(name: string, seed: number, n: number): Case {
  const random = new Random(
    (Math.imul(seed, 0x9e37_79b9) + Math.imul(n, 0x85eb_ca77) + 31 * name.length) | 0,
  );
  const code: number[] = [];
  for (let count = 1 + random.below(4); count > 0; count--) {
    for (let more = random.below(6) - 3; more > 0; more--)
      code.push(PREFIXES[random.below(PREFIXES.length)]!);
    code.push(...BEGINNINGS[name]!(random));
    for (let more = 1 + random.below(7); more > 0; more--) code.push(random.below(256));
  }
  const registers = randomRegisters(random).map((value) =>
    random.below(3) === 0 ? value : DATA.start + 16 * random.below(64),
  );
  registers[4] = STACK.start + 0x800;
  // Now and then up to where nothing more can be fetched.
  const room = random.below(4) === 0 ? 1 + random.below(code.length) : CODE.length - 0x400;
  const eip = CODE.start + CODE.length - room;
  return {
    registers,
    eip,
    eflags: 0x202 | (random.u32() & 0x8d5),
    pokes: [plainData(random), { address: eip, bytes: Uint8Array.from(code.slice(0, room)) }],
    fxsave: vectorState(random),
    form: 0,
    number: n,

    raw: true,
  };
}

export const byteSeries = (): Series[] =>
  Object.keys(BEGINNINGS).map((name) => ({
    key: `bytes: ${name}`,
    name: `bytes: ${name}`,
    sequences: true,
    make: (seed, n) => bytesCase(name, seed, n),
  }));
