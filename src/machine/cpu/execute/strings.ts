/**
 * String instructions, with and without REP, in both directions, interruptible between iterations: registers
 * always stand at the iteration that comes next. SDM vol. 2B, REP/REPE/REPZ/REPNE/REPNZ.
 */
import { PAGE } from "../../../base/index.ts";
import { FACT, RAM_BASE } from "../../memory/memory.ts";
import { fastStrings } from "../fast/index.ts";
import { DF } from "../flags.ts";
import { KIND, type Operation, type StringExecutor } from "../operation.ts";
import { noFastFunctions, type Processor } from "../processor.ts";
import { EAX, ECX, EDI, ES, ESI, SEGMENT, WORD } from "../state.ts";

/** One element of `op.extra` bytes: 1, 2 or 4. */
type Element = (cpu: Processor, op: Operation) => void;

/** Executes as many iterations as it can at once, at most `limit`; 0 when it cannot. */
type Bulk = (cpu: Processor, op: Operation, limit: number) => number;

const OFFSET16 = 0xffff;
const REPE = 0xf3;

function advance(cpu: Processor, op: Operation, register: number): void {
  const step = cpu.words[WORD.EFLAGS]! & DF ? -op.extra : op.extra;
  if (op.addressMask === OFFSET16) cpu.halves[register * 2] = cpu.halves[register * 2]! + step;
  else cpu.words[register] = cpu.words[register]! + step;
}

function source(cpu: Processor, op: Operation): number {
  return cpu.linear(op.segment, cpu.words[ESI]! & op.addressMask, op.extra, false);
}

/** Always in ES; a prefix changes the source only. */
function destination(cpu: Processor, op: Operation, write: boolean): number {
  return cpu.linear(ES, cpu.words[EDI]! & op.addressMask, op.extra, write);
}

function read(cpu: Processor, size: number, address: number): number {
  return size === 4 ? cpu.read32(address) : size === 2 ? cpu.read16(address) : cpu.read8(address);
}

function write(cpu: Processor, size: number, address: number, value: number): void {
  if (size === 4) cpu.write32(address, value);
  else if (size === 2) cpu.write16(address, value);
  else cpu.write8(address, value);
}

const accumulator = (cpu: Processor, size: number): number =>
  size === 4 ? cpu.words[EAX]! : size === 2 ? cpu.halves[EAX]! : cpu.bytes[EAX]!;

/** The signed shift that brings a value of so many bytes to the top. */
const shiftOf = (size: number): number => 32 - 8 * size;

const movs: Element = (cpu, op) => {
  const value = read(cpu, op.extra, source(cpu, op));
  write(cpu, op.extra, destination(cpu, op, true), value);
  advance(cpu, op, ESI);
  advance(cpu, op, EDI);
};

const stos: Element = (cpu, op) => {
  write(cpu, op.extra, destination(cpu, op, true), accumulator(cpu, op.extra));
  advance(cpu, op, EDI);
};

const lods: Element = (cpu, op) => {
  const value = read(cpu, op.extra, source(cpu, op));
  cpu.store(op, op.extra === 4 ? KIND.R32 : op.extra === 2 ? KIND.R16 : KIND.R8, EAX, value);
  advance(cpu, op, ESI);
};

const cmps: Element = (cpu, op) => {
  // When neither can be read it is the destination that faults, but with REPE CMPSB the source: undefined.ts.
  const sourceFirst = op.rep === REPE && op.extra === 1 && cpu.core.undefinedFlags !== "zen3";
  let left = sourceFirst ? read(cpu, op.extra, source(cpu, op)) : 0;
  const right = read(cpu, op.extra, destination(cpu, op, false));
  if (!sourceFirst) left = read(cpu, op.extra, source(cpu, op));
  cpu.flagsOfDifference(left, right, (left - right) | 0, shiftOf(op.extra));
  advance(cpu, op, ESI);
  advance(cpu, op, EDI);
};

const scas: Element = (cpu, op) => {
  const left = accumulator(cpu, op.extra);
  const right = read(cpu, op.extra, destination(cpu, op, false));
  cpu.flagsOfDifference(left, right, (left - right) | 0, shiftOf(op.extra));
  advance(cpu, op, EDI);
};

const count = (cpu: Processor, op: Operation): number =>
  op.addressMask === OFFSET16 ? cpu.halves[ECX * 2]! : cpu.words[ECX]! >>> 0;

function setCount(cpu: Processor, op: Operation, value: number): void {
  if (op.addressMask === OFFSET16) cpu.halves[ECX * 2] = value;
  else cpu.words[ECX] = value;
}

/** `compares`: REPE and REPNE also stop by ZF. The others take both prefixes for REP. */
function repeated(element: Element, compares: boolean, bulk: Bulk | undefined): StringExecutor {
  return (cpu, op, limit) => {
    cpu.iterations = 0;
    if (op.rep === 0) {
      element(cpu, op);
      cpu.iterations = 1;
      return true;
    }
    let left = count(cpu, op);
    if (left === 0) {
      cpu.iterations = 1;
      return true;
    }
    if (!compares) cpu.repeats(op);
    while (cpu.iterations < limit) {
      const rest = limit - cpu.iterations;
      const most = left < rest ? left : rest;
      const done = bulk !== undefined && most > 3 ? bulk(cpu, op, most) : 0;
      if (done > 0) {
        left -= done;
        cpu.iterations += done;
      } else {
        element(cpu, op);
        left--;
        cpu.iterations++;
      }
      setCount(cpu, op, left);
      if (left === 0) return true;
      if (compares && (cpu.words[WORD.RESULT] === 0) !== (op.rep === REPE)) return true;
    }
    return false;
  };
}

/** What a fast function takes in one go at most. */
const MOST_FAST = 1024;

/** Tries the fast functions for 1, 2 and 4 bytes first. */
function quickly(name: "movs" | "stos", general: StringExecutor): StringExecutor {
  let numbers: readonly number[] | undefined;
  return (cpu, op, limit) => {
    const fast = op.rep !== 0 && op.addressMask === -1 ? cpu.fastStrings : noFastFunctions;
    if (fast !== noFastFunctions) {
      numbers ??= [0, 1, 2, 0, 4].map((size) => (size === 0 ? -1 : fastStrings.number(name + size)));
      const most = limit < MOST_FAST ? limit : MOST_FAST;
      const done = fast[numbers[op.extra]!]!(op.segment, most, 0);
      if (done > 0) {
        cpu.iterations = done;
        return cpu.words[ECX] === 0;
      }
    }
    return general(cpu, op, limit);
  };
}

const PAGE_OFFSET = PAGE - 1;

/** Bytes from `address` up that the guest can access with the fact `bit`, at most `length`. */
function reach(facts: Uint8Array, address: number, length: number, bit: number): number {
  let bytes = 0;
  for (let at = address; bytes < length && facts[at >>> 12]! & bit; ) {
    const rest = PAGE - (at & PAGE_OFFSET);
    bytes += rest;
    at += rest;
  }
  return bytes < length ? bytes : length;
}

/** Whether offsets are addresses, they grow, and ECX counts. */
function bulkPossible(cpu: Processor, op: Operation): boolean {
  return (
    op.addressMask === -1 &&
    (cpu.words[WORD.EFLAGS]! & DF) === 0 &&
    (cpu.words[WORD.RIGHTS + ES]! & SEGMENT.FLAT) !== 0
  );
}

/** Forward copies, as far as pages allow and when no element that is written is read again. */
const movsBulk: Bulk = (cpu, op, limit) => {
  if (!bulkPossible(cpu, op) || !(cpu.words[WORD.RIGHTS + op.segment]! & SEGMENT.FLAT)) return 0;
  const log = op.extra >> 1; // 0, 1 or 2 for 1, 2 or 4 bytes
  const from = cpu.words[ESI]! >>> 0;
  const to = cpu.words[EDI]! >>> 0;
  const wanted = reach(cpu.facts, from, limit * op.extra, FACT.READ);
  const length = (reach(cpu.facts, to, wanted, FACT.WRITE) >>> log) << log;
  if (length <= 0 || (to > from && to < from + length)) return 0;
  cpu.bytes.copyWithin(to + RAM_BASE, from + RAM_BASE, from + RAM_BASE + length);
  cpu.words[ESI] = from + length;
  cpu.words[EDI] = to + length;
  return length >>> log;
};

const stosBulk: Bulk = (cpu, op, limit) => {
  if (!bulkPossible(cpu, op)) return 0;
  const log = op.extra >> 1;
  const to = cpu.words[EDI]! >>> 0;
  const length = (reach(cpu.facts, to, limit * op.extra, FACT.WRITE) >>> log) << log;
  if (length <= 0) return 0;
  const value = accumulator(cpu, op.extra);
  const start = to + RAM_BASE;
  if (log === 0) cpu.bytes.fill(value, start, start + length);
  else if (log === 2 && (start & 3) === 0)
    cpu.core.memory.dwords.fill(value, start >>> 2, (start + length) >>> 2);
  else {
    // One element, then twice as many each time.
    if (log === 2) cpu.view.setInt32(start, value, true);
    else cpu.view.setUint16(start, value, true);
    for (let done = op.extra; done < length; done *= 2) {
      cpu.bytes.copyWithin(start + done, start, start + Math.min(done, length - done));
    }
  }
  cpu.words[EDI] = to + length;
  return length >>> log;
};

export const movsString = quickly("movs", repeated(movs, false, movsBulk));
export const stosString = quickly("stos", repeated(stos, false, stosBulk));
export const lodsString = repeated(lods, false, undefined);
export const cmpsString = repeated(cmps, true, undefined);
export const scasString = repeated(scas, true, undefined);
