/**
 * What the arms of the interpreter (arms/) read of decoded instructions: records of 32 bytes in the machine's memory,
 * numbered from 1 on, each with the Operation that it belongs to.
 */
import { type Memory, RAM_BASE, RECORDS_BASE } from "../memory/memory.ts";
import type { Operation } from "./operation.ts";

/** Byte offsets in a record. Registers are byte addresses in the state page; what points at a record is its address. */
export const RECORD = {
  /** OP. */
  OP: 0,
  SCALE: 1,
  BASE: 2,
  INDEX: 3,
  A: 4,
  B: 6,
  NEXT: 8,
  TARGET: 12,
  /** In its place, of what is no jump: which of several things an arm does. */
  WHICH: 12,
  /** In its place, of an indirect call or jump: how often it has led where compiled code did not expect. */
  MISSES: 12,
  DISPLACEMENT: 16,
  IMMEDIATE: 20,
  ADDRESS: 24,
  FOLLOWING: 28,
} as const;
const RECORD_SHIFT = 5;

/**
 * Where an indirect jump leads that was made before: pairs of an address and the record where it begins, by the lowest
 * bits of the address. Where more code than there are pairs is hot, places that far apart take each other's again and again.
 */
export const JUMPS_BASE = RECORDS_BASE;
export const JUMP_PAIRS = 16_384;

/**
 * Constants that programs write over: pairs of the address of one, by its lowest bits, and the record of the only
 * instruction that its four bytes belong to.
 */
export const PATCHES_BASE = JUMPS_BASE + 8 * JUMP_PAIRS;
export const PATCH_PAIRS = 64;

const FIRST = PATCHES_BASE + 8 * PATCH_PAIRS;
/** Some 250,000: what thousands of routines have that are called in turn. With more all is decoded anew all the time. */
const MOST_RECORDS = (RAM_BASE - FIRST) >> RECORD_SHIFT;
/** That many are still there when `isFull` says so: what one instruction, or one region of code, may want. */
const SPARE = 20_000;

export class Records {
  readonly #memory: Memory;
  /** The whole memory, for who reads and writes records. */
  words: Int32Array;
  bytes: Uint8Array;
  #operations: Operation[] = [];
  #hasPatches = true;

  constructor(memory: Memory) {
    this.#memory = memory;
    this.words = memory.dwords;
    this.bytes = memory.bytes;
    this.unlink();
    this.forgetPatches();
  }

  /** Takes the memory's views anew. */
  look(): void {
    this.words = this.#memory.dwords;
    this.bytes = this.#memory.bytes;
  }

  /** The address of a new record, of `operation`; all of it is 0. */
  make(operation: Operation): number {
    const number = this.#operations.push(operation) - 1;
    if (number >= MOST_RECORDS) throw new Error("there is no room for another record");
    return FIRST + (number << RECORD_SHIFT);
  }

  /** Whose record stands at an address. */
  at(address: number): Operation {
    return this.#operations[(address - FIRST) >> RECORD_SHIFT]!;
  }

  /** All should be forgotten before more code is decoded. */
  get isFull(): boolean {
    return this.#operations.length > MOST_RECORDS - SPARE;
  }

  /** Forgets all of them: nobody may use the operations any more. */
  clear(): void {
    this.bytes.fill(0, FIRST, FIRST + (this.#operations.length << RECORD_SHIFT));
    this.#operations = [];
    this.unlink();
    this.forgetPatches();
  }

  /** Indirect jumps to an address (signed) begin at an operation from now on. */
  link(address: number, operation: Operation): void {
    const at = (JUMPS_BASE >> 2) + 2 * (address & (JUMP_PAIRS - 1));
    this.words[at] = address;
    this.words[at + 1] = operation.record;
  }

  /** The same, if they begin somewhere else so far. */
  relink(address: number, operation: Operation): void {
    if (this.words[(JUMPS_BASE >> 2) + 2 * (address & (JUMP_PAIRS - 1))] === address)
      this.link(address, operation);
  }

  /** Nobody knows where indirect jumps begin. */
  unlink(): void {
    this.#forget(JUMPS_BASE, JUMP_PAIRS);
  }

  /** The four bytes at an address are the constant of an operation, and belong to no other. */
  patch(address: number, operation: Operation): void {
    const at = (PATCHES_BASE >> 2) + 2 * (address & (PATCH_PAIRS - 1));
    this.words[at] = address;
    this.words[at + 1] = operation.record;
    this.#hasPatches = true;
  }

  /** Whose constant stands at an address, if that is known. */
  patched(address: number): Operation | undefined {
    const at = (PATCHES_BASE >> 2) + 2 * (address & (PATCH_PAIRS - 1));
    return this.words[at] === (address | 0) ? this.at(this.words[at + 1]!) : undefined;
  }

  /** An instruction was decoded: any constant may belong to it as well. */
  forgetPatches(): void {
    if (this.#hasPatches) this.#forget(PATCHES_BASE, PATCH_PAIRS);
    this.#hasPatches = false;
  }

  #forget(base: number, pairs: number): void {
    const first = base >> 2;
    // In each pair an address that leads to another.
    this.words.fill(-1, first, first + 2 * pairs);
    this.words[first + 2 * (pairs - 1)] = 0;
  }
}
