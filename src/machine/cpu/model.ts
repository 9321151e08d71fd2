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
const EDX_FEATURES = { FPU: 1 << 0, TSC: 1 << 4, CX8: 1 << 8, CMOV: 1 << 15 } as const;
const ECX_FEATURES = { MOVBE: 1 << 22, POPCNT: 1 << 23 } as const;

/** Of leaf 7, EBX: tzcnt; adcx and adox. Of leaf 0x80000001, ECX: lzcnt. */
const EBX_7_FEATURES = { BMI1: 1 << 3, ADX: 1 << 19 } as const;
const ECX_AMD_FEATURES = { ABM: 1 << 5 } as const;

const little = (text: string, at: number): number =>
  [0, 1, 2, 3].reduce((word, i) => word | ((text.charCodeAt(at + i) || 0) << (8 * i)), 0);

export const i686: CpuModel = {
  cpuid(leaf, subleaf) {
    switch (leaf) {
      case 0:
        return [7, little(VENDOR, 0), little(VENDOR, 8), little(VENDOR, 4)];
      case 1: {
        const edx = EDX_FEATURES.FPU | EDX_FEATURES.TSC | EDX_FEATURES.CX8 | EDX_FEATURES.CMOV;
        return [SIGNATURE, 0, ECX_FEATURES.MOVBE | ECX_FEATURES.POPCNT, edx];
      }
      case 7:
        return [0, subleaf === 0 ? EBX_7_FEATURES.BMI1 | EBX_7_FEATURES.ADX : 0, 0, 0];
      case 0x8000_0000:
        return [0x8000_0004 | 0, 0, 0, 0];
      case 0x8000_0001:
        return [0, 0, ECX_AMD_FEATURES.ABM, 0];
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
