/**
 * Operations → a function: all that compiling is, without an engine. It looks at nothing but the task and changes nothing.
 */
import type { Operation } from "../cpu/operation.ts";
import { type Memory, RECORDS_BASE } from "../memory/memory.ts";
import type { Found } from "./discover.ts";
import { emit } from "./emit.ts";
import { Guesses, type StatusGuess } from "./guesses.ts";
import type { Fixed, Region } from "./ir.ts";
import { lift } from "./lift.ts";
import type { Linkable } from "./link.ts";
import type { Optimisation } from "./optimisations.ts";
import type { FixedPlace } from "./ranges.ts";
import { structure } from "./structure.ts";

export interface Task {
  readonly found: Found;
  /** The address that was hot, signed. */
  readonly entry: number;
  /** With the state page as it is: what is flat, and what is guessed. */
  readonly memory: Memory;
  /** Addresses of instructions whose guesses were wrong too often. */
  readonly wrongGuesses: ReadonlySet<number>;
  /** The low end of what can be read is 0, and stays so. */
  readonly readsFromZero: boolean;
  /** There are pages that can be written without further thought. */
  readonly writes: boolean;
  /** Where maps of entries may stand in the memory, up to the guest's. */
  readonly room: number;
  /** The number for `execute` of the first operation that an executor does. */
  readonly firstExecuted: number;
  /** Whether a place can be accessed for as long as the region is there. */
  readonly isFixed: Fixed;
  /** An optimisation that is left out. */
  readonly without?: Optimisation | undefined;
}

/** Bytes that must stand in the memory for a region: `addresses[i]` has i + 1, from the lowest on. */
export interface EntryMap {
  readonly at: number;
  readonly addresses: readonly number[];
}

/** A function, and what an engine must know of it. */
export interface Compiled {
  readonly region: Region;
  readonly linkable: Linkable;
  /** Where it can be entered, by number from 1 on. */
  readonly entries: readonly { readonly address: number; readonly isWanted: boolean }[];
  /** Instructions that it executes at most before it looks whether there are enough left. */
  readonly longest: number;
  /** Operations that executors do for it, by the numbers it gives to `execute`, from the first on. */
  readonly executed: readonly Operation[];
  readonly fixed: readonly FixedPlace[];
  readonly maps: readonly EntryMap[];
  /** What it guesses of the x87's status word, by the addresses where it looks. */
  readonly status: ReadonlyMap<number, StatusGuess>;
  /** Written before PE was set: EXACTING. */
  readonly exacting: number;
}

export function compile(task: Task): Compiled {
  const { found, entry, memory, without } = task;
  const fixed: FixedPlace[] = [];
  const isFixed: Fixed = (address, size, writes) => {
    if (without === "constants" || !task.isFixed(address >>> 0, size, writes)) return false;
    fixed.push({ address: address >>> 0, size, writes });
    return true;
  };
  const guesses = new Guesses(task.wrongGuesses);
  const region = lift(memory.words, found, entry, isFixed, guesses, without);
  const shaped = structure(region, without);
  const executed: Operation[] = [];
  const maps: EntryMap[] = [];
  let { room } = task;
  const surroundings = {
    memory,
    without,
    readsFromZero: task.readsFromZero,
    writes: task.writes,
    operationNumber: (operation: Operation) => task.firstExecuted + executed.push(operation) - 1,
    map: (length: number, addresses: readonly number[]) => {
      if (length > MOST_MAPPED || room + length > RECORDS_BASE) return undefined;
      const at = room;
      room += length;
      maps.push({ at, addresses });
      return at;
    },
  };
  return {
    region,
    linkable: emit(region, shaped, surroundings),
    entries: shaped.entries.map((block) => ({
      address: region.blocks[block]!.address,
      isWanted: region.entries.includes(block),
    })),
    longest: shaped.longest,
    executed,
    fixed,
    maps,
    status: guesses.status,
    exacting: guesses.exacting,
  };
}

/** Bytes of code that a map of entries spans at most. */
const MOST_MAPPED = 0x1_0000;
