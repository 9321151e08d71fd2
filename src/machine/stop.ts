import type { Access } from "./memory/memory.ts";

/** The processor's exceptions by the manual's names. SDM vol. 3A, 6.15. */
export type FaultName =
  | "#DE"
  | "#DB"
  | "#BP"
  | "#OF"
  | "#BR"
  | "#UD"
  | "#NM"
  | "#TS"
  | "#NP"
  | "#SS"
  | "#GP"
  | "#PF"
  | "#MF"
  | "#AC"
  | "#XM";

/** Vector numbers of the exceptions. */
export const VECTOR: Readonly<Record<FaultName, number>> = {
  "#DE": 0,
  "#DB": 1,
  "#BP": 3,
  "#OF": 4,
  "#BR": 5,
  "#UD": 6,
  "#NM": 7,
  "#TS": 10,
  "#NP": 11,
  "#SS": 12,
  "#GP": 13,
  "#PF": 14,
  "#MF": 16,
  "#AC": 17,
  "#XM": 19,
};

/** Why a machine no longer runs. */
export type Stop =
  /** The instructions asked for have been executed. */
  | { readonly reason: "budget" }
  /** `int vector` through a gate that stops; EIP is behind the instruction. */
  | { readonly reason: "interrupt"; readonly vector: number }
  /**
   * An exception; every register is as it was before the instruction, and EIP is at it. #DB: a breakpoint of the debug
   * registers on the instruction.
   */
  | {
      readonly reason: "fault";
      readonly fault: FaultName;
      /** The error code the processor would push; 0 for faults without one. */
      readonly code: number;
      /** #PF, and #GP and #SS for an access that ends beyond 4 GiB: the address that could not be accessed, unsigned. */
      readonly address?: number;
      /** What was attempted there. */
      readonly access?: Access;
    }
  /** An exception reported behind its instruction: single step, data breakpoint, int1, int3, into. EIP is the next one. */
  | { readonly reason: "trap"; readonly trap: "#DB" | "#BP" | "#OF" }
  /** A breakpoint; the instruction at `address` has not been executed. */
  | { readonly reason: "breakpoint"; readonly address: number }
  /** A hook asked to stop before the instruction at EIP. */
  | { readonly reason: "hook" }
  /** An instruction of the processor that this machine does not execute yet; EIP is at it. */
  | { readonly reason: "unsupported"; readonly instruction: string };
