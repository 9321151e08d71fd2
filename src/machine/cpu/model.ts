/**
 * Which processor it is: what CPUID says, and the instructions that are there to match, and which
 * family of undefined.ts it belongs to. SDM vol. 2A, CPUID; AMD APM vol. 3, appendix E.
 */
import { type Form, forms } from "../../isa/index.ts";
import type { UndefinedFamily } from "./undefined.ts";

/** What processors may have beyond the 80486 and the Pentium, by the manual's names in lower case. */
export type Feature =
  | "cmov"
  | "mmx"
  | "fxsr"
  | "sse"
  | "sse2"
  | "sse3"
  | "ssse3"
  | "sse4.1"
  | "sse4.2"
  | "popcnt"
  | "abm"
  | "tzcnt"
  | "movbe"
  | "adx"
  | "misalignsse";

export interface CpuModel {
  readonly name: string;
  /** Instructions of other features are undefined opcodes. */
  readonly features: ReadonlySet<Feature>;
  /** What it does where the manual leaves flags undefined. Default "zen4". */
  readonly undefinedFlags?: UndefinedFamily;
  /** EAX, EBX, ECX, EDX for a leaf (EAX) and subleaf (ECX). */
  cpuid(leaf: number, subleaf: number): readonly [number, number, number, number];
}

/** What each level of the table needs; levels that stand in neither list are in every model. */
const LEVELS: Readonly<Record<string, Feature>> = {
  mmx: "mmx",
  sse: "sse",
  sse2: "sse2",
  sse3: "sse3",
  ssse3: "ssse3",
  sse4: "sse4.1",
  movbe: "movbe",
  adx: "adx",
};

/** Levels that no model has. */
const ABSENT = new Set(
  (
    "3dnow sse4a aes pclmul sha vmx svm smx mpx xsave cet tsx tbm lwp rdrand fsgs avx avx2 fma fma4 f16c xop avx512 " +
    "gfni misc"
  ).split(" "),
);

const NAMED: Readonly<Record<string, Feature>> = {
  tzcnt: "tzcnt",
  lzcnt: "abm",
  popcnt: "popcnt",
  crc32: "sse4.2",
  pcmpgtq: "sse4.2",
  fxsave: "fxsr",
  fxrstor: "fxsr",
  fcomi: "cmov",
  fcomip: "cmov",
  fucomi: "cmov",
  fucomip: "cmov",
};

/** Hints: where they mean nothing they are no operation. */
const HINTS = /^(pause|prefetch|endbr|nop$|rdssp|cldemote|bnd)/;

/** Wbinvd with a prefix that older processors ignore; what AMD's always had. Both are refused outside ring 0. */
const RING_0 = /^(wbnoinvd|sysret)$/;

const needs: (Feature | "nothing" | "what no model has" | undefined)[] = [];

function need(form: Form): Feature | "nothing" | "what no model has" {
  const { name } = form;
  const needed = Object.hasOwn(NAMED, name) ? NAMED[name]! : needByName(form);
  // Asked last: most forms need nothing, and an expression is compiled when it is first used.
  return needed !== "nothing" && (HINTS.test(name) || RING_0.test(name)) ? "nothing" : needed;
}

function needByName({ name, level, encoding }: Form): Feature | "nothing" | "what no model has" {
  if (name.startsWith("pcmp") && name.slice(5, 8) === "str") return "sse4.2";
  if (name.startsWith("cmov") || name.startsWith("fcmov")) return "cmov";
  if (encoding !== "legacy" || ABSENT.has(level)) return "what no model has";
  return LEVELS[level] ?? "nothing";
}

/** Whether some model has the form, which is one of the table's that the decoder finds. */
export const isInSomeModel = (form: Form): boolean =>
  (needs[form.index] ??= need(form)) !== "what no model has";

/** Without these F3 means nothing, and the older instruction is executed. SDM vol. 2, LZCNT and TZCNT. */
const OLDER: Readonly<Record<string, string>> = { tzcnt: "bsf", lzcnt: "bsr" };

/** The form that a model executes where the table has `form`; undefined where that is an undefined opcode. */
export function formIn(model: CpuModel, form: Form): Form | undefined {
  const needed = (needs[form.index] ??= need(form));
  if (needed === "nothing" || model.features.has(needed as Feature)) return form;
  const older = OLDER[form.name];
  return older === undefined ? undefined : forms().find(({ name }) => name === older);
}

// CPUID ------------------------------------------------------------------------------------------------------

/** Bits of leaf 1 that every model has: FPU, TSC, CX8. */
const EDX_ALWAYS = (1 << 0) | (1 << 4) | (1 << 8);

type Bits = Partial<Record<Feature, number>>;

const EDX_1: Bits = { cmov: 1 << 15, mmx: 1 << 23, fxsr: 1 << 24, sse: 1 << 25, sse2: (1 << 26) | (1 << 19) };
const ECX_1: Bits = {
  sse3: 1 << 0,
  ssse3: 1 << 9,
  "sse4.1": 1 << 19,
  "sse4.2": 1 << 20,
  movbe: 1 << 22,
  popcnt: 1 << 23,
};
/** BMI1 stands for more than tzcnt, and is not announced. */
const EBX_7: Bits = { adx: 1 << 19 };
/** Of leaf 0x80000001. EDX as in leaf 1, with AMD's extensions of MMX, which are in SSE. */
const ECX_EXTENDED: Bits = { abm: 1 << 5, misalignsse: 1 << 7 };
const EDX_EXTENDED: Bits = { cmov: 1 << 15, mmx: 1 << 23, fxsr: 1 << 24, sse: 1 << 22 };
const PREFETCH = 1 << 8;

/** Leaf 1, EBX bits 8 to 15: what clflush touches, in units of 8 bytes. */
const CLFLUSH_LINE = (64 / 8) << 8;

const bitsOf = (features: ReadonlySet<Feature>, bits: Bits): number =>
  [...features].reduce((all, feature) => all | (bits[feature] ?? 0), 0);

const little = (text: string, at: number): number =>
  [0, 1, 2, 3].reduce((word, i) => word | ((text.charCodeAt(at + i) || 0) << (8 * i)), 0);

const EXTENDED = 0x8000_0000;

/** `signature`: leaf 1, EAX: stepping, model, family. */
function model(
  name: string,
  vendor: "AuthenticAMD" | "GenuineIntel",
  signature: number,
  list: string,
  undefinedFlags: UndefinedFamily,
  brand = "",
): CpuModel {
  const features: ReadonlySet<Feature> = new Set(list.split(" ") as Feature[]);
  const last = features.has("adx") ? 7 : 1;
  const amd = vendor === "AuthenticAMD";
  return {
    name,
    features,
    undefinedFlags,
    cpuid(leaf, subleaf) {
      switch (leaf) {
        case 0:
          return [last, little(vendor, 0), little(vendor, 8), little(vendor, 4)];
        case 1: {
          const line = features.has("sse2") ? CLFLUSH_LINE : 0;
          return [signature, line, bitsOf(features, ECX_1), EDX_ALWAYS | bitsOf(features, EDX_1)];
        }
        case 7:
          return [0, subleaf === 0 && last >= 7 ? bitsOf(features, EBX_7) : 0, 0, 0];
        case EXTENDED:
          return [brand === "" ? 0 : (EXTENDED + 4) | 0, 0, 0, 0];
        case EXTENDED + 1:
          return amd
            ? [
                signature,
                0,
                bitsOf(features, ECX_EXTENDED) | PREFETCH,
                EDX_ALWAYS | bitsOf(features, EDX_EXTENDED),
              ]
            : [0, 0, 0, 0];
        case EXTENDED + 2:
        case EXTENDED + 3:
        case EXTENDED + 4: {
          const at = (leaf - EXTENDED - 2) * 16;
          return [little(brand, at), little(brand, at + 4), little(brand, at + 8), little(brand, at + 12)];
        }
        default:
          return [0, 0, 0, 0];
      }
    },
  };
}

const PENTIUM_3 = "cmov mmx fxsr sse";
const CORE_2 = `${PENTIUM_3} sse2 sse3 ssse3`;
const NEHALEM = `${CORE_2} sse4.1 sse4.2 popcnt`;

/** The models there are, by name. The first is the default: everything that this machine executes. */
export const cpuModels = {
  zen4: model(
    "zen4",
    "AuthenticAMD",
    0x00a1_0f11,
    `${NEHALEM} abm tzcnt movbe adx misalignsse`,
    "zen4",
    "kolibri-emu, as AMD Zen 4",
  ),
  nehalem: model("nehalem", "GenuineIntel", 0x0001_06a5, NEHALEM, "core2", "kolibri-emu, as Intel Nehalem"),
  penryn: model(
    "penryn",
    "GenuineIntel",
    0x0001_0676,
    `${CORE_2} sse4.1`,
    "core2",
    "kolibri-emu, as Intel Penryn",
  ),
  core2: model("core2", "GenuineIntel", 0x0000_06f6, CORE_2, "core2", "kolibri-emu, as Intel Core 2"),
  pentium4: model(
    "pentium4",
    "GenuineIntel",
    0x0000_0f24,
    `${PENTIUM_3} sse2`,
    "pentium4",
    "kolibri-emu, as Intel Pentium 4",
  ),
  pentium3: model("pentium3", "GenuineIntel", 0x0000_0683, PENTIUM_3, "p6"),
  pentium2: model("pentium2", "GenuineIntel", 0x0000_0652, "cmov mmx fxsr", "p6"),
  pentiumpro: model("pentiumpro", "GenuineIntel", 0x0000_0619, "cmov", "p6"),
} as const satisfies Readonly<Record<string, CpuModel>>;

export type CpuName = keyof typeof cpuModels;

/** Bits of MXCSR that exist: DAZ came with SSE2 in its later processors, MM is AMD's (APM vol. 1, 4.2.2). */
export function mxcsrMask({ features }: CpuModel): number {
  return features.has("misalignsse") ? 0x2_ffff : features.has("sse2") ? 0xffff : 0xffbf;
}
