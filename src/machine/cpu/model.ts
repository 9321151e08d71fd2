/**
 * What CPUID says: a processor that has what this machine executes, and nothing else. SDM vol. 2A, CPUID.
 */
export interface CpuModel {
  /** EAX, EBX, ECX, EDX for a leaf (EAX) and subleaf (ECX). */
  cpuid(leaf: number, subleaf: number): readonly [number, number, number, number];
}

const VENDOR = "KolibriEmu86";
const BRAND = "kolibri-emu i686";

/** Family 6, model 1, stepping 9: a Pentium Pro. */
const SIGNATURE = 0x0000_0619;

/** Feature bits of leaf 1, EDX and ECX. */
const EDX_FEATURES = {
  FPU: 1 << 0,
  TSC: 1 << 4,
  CX8: 1 << 8,
  CMOV: 1 << 15,
  CLFSH: 1 << 19,
  MMX: 1 << 23,
  FXSR: 1 << 24,
  SSE: 1 << 25,
  SSE2: 1 << 26,
} as const;
const ECX_FEATURES = {
  SSE3: 1 << 0,
  SSSE3: 1 << 9,
  SSE4_1: 1 << 19,
  SSE4_2: 1 << 20,
  MOVBE: 1 << 22,
  POPCNT: 1 << 23,
} as const;

/** Leaf 1, EBX bits 8 to 15: what clflush touches, in units of 8 bytes. */
const CLFLUSH_LINE = (64 / 8) << 8;

const all = (features: Readonly<Record<string, number>>): number =>
  Object.values(features).reduce((bits, bit) => bits | bit, 0);

/** Of leaf 7, EBX: tzcnt; adcx and adox. Of leaf 0x80000001, ECX: lzcnt; MXCSR.MM; prefetch and prefetchw. */
const EBX_7_FEATURES = { BMI1: 1 << 3, ADX: 1 << 19 } as const;
const ECX_AMD_FEATURES = { ABM: 1 << 5, MISALIGNED_SSE: 1 << 7, PREFETCH: 1 << 8 } as const;

const little = (text: string, at: number): number =>
  [0, 1, 2, 3].reduce((word, i) => word | ((text.charCodeAt(at + i) || 0) << (8 * i)), 0);

export const i686: CpuModel = {
  cpuid(leaf, subleaf) {
    switch (leaf) {
      case 0:
        return [7, little(VENDOR, 0), little(VENDOR, 8), little(VENDOR, 4)];
      case 1:
        return [SIGNATURE, CLFLUSH_LINE, all(ECX_FEATURES), all(EDX_FEATURES)];
      case 7:
        return [0, subleaf === 0 ? all(EBX_7_FEATURES) : 0, 0, 0];
      case 0x8000_0000:
        return [0x8000_0004 | 0, 0, 0, 0];
      case 0x8000_0001:
        return [0, 0, all(ECX_AMD_FEATURES), 0];
      case 0x8000_0002:
      case 0x8000_0003:
      case 0x8000_0004: {
        const at = (leaf - 0x8000_0002) * 16;
        return [little(BRAND, at), little(BRAND, at + 4), little(BRAND, at + 8), little(BRAND, at + 12)];
      }
      default:
        return [0, 0, 0, 0];
    }
  },
};
