/** Slots: what lives longer than a block. */
import { STATE } from "../cpu/state.ts";
import { I32, V128, type ValueType } from "../wasm/index.ts";

/** Where they are in the state page, and of what type, tell the functions below. The first eight are the general registers. */
export const SLOT = {
  /** The result of which ZF, SF and PF are, as in cpu/flags.ts. */
  RESULT: 8,
  /** By KIND: all of CARRIES, the second summand, or the subtrahend. */
  AUX: 9,
  /** How CARRIES follows: one of FLAGS. */
  KIND: 10,
  /** CF, 0 or 1, whatever the others say. */
  CF: 11,
  /** xmm0 … xmm7. */
  XMM: 12,
  COUNT: 20,
} as const;

/** All of them, as bits. */
export const ALL_SLOTS = 2 ** SLOT.COUNT - 1;

export const slotType = (slot: number): ValueType => (slot >= SLOT.XMM ? V128 : I32);

const flagAddresses = [STATE.RESULT, STATE.AUX, STATE.KIND, STATE.CF];

/** Where a slot is in the state page. The engine turns AUX, KIND and CF into CARRIES and back at its border. */
export const slotAddress = (slot: number): number =>
  slot < 8
    ? STATE.REGISTERS + 4 * slot
    : slot < SLOT.XMM
      ? flagAddresses[slot - SLOT.RESULT]!
      : STATE.XMM + 16 * (slot - SLOT.XMM);

const slotNames = [..."eax ecx edx ebx esp ebp esi edi result aux kind cf".split(" ")];
export const slotName = (slot: number): string => slotNames[slot] ?? `xmm${slot - SLOT.XMM}`;
