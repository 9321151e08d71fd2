/**
 * Which vectors hold plain numbers, that is zeros, normal ones and infinities, without having been looked at: what one
 * block has admitted need not be admitted again by those that follow, and least of all round a loop.
 */
import { STATE } from "../cpu/state.ts";
import { SIMD } from "../wasm/index.ts";
import type { Block, Changes, Region, Value } from "./ir.ts";
import type { Optimisation } from "./optimisations.ts";
import { SLOT } from "./slots.ts";
import { goesBack, isDispatched, type Structure, successors, successorsAtEnd } from "./structure.ts";
import { WHAT } from "./what.ts";

/** Numbers in a vector: which lanes count, as bits. */
export const LANES = {
  /** Four singles. */
  PS: 1,
  /** Two doubles. */
  PD: 2,
  /** The first single alone. */
  SS: 4,
  SD: 8,
} as const;

const SHUFFLE = SIMD + 13;

/** With the lanes that others include. */
const included = (lanes: number): number => lanes | ((lanes & (LANES.PS | LANES.PD)) << 2);

/** What is known of vectors: for each XMM register, from the lowest on, the four bits of LANES. */
export type Lanes = number;
const NONE: Lanes = 0;
const EVERYTHING: Lanes = -1;
const IN_EACH = 0x1111_1111;

const shiftOf = (slot: number): number => (slot - SLOT.XMM) << 2;
export const lanesOf = (all: Lanes, slot: number): number =>
  slot < SLOT.XMM ? 0 : (all >>> shiftOf(slot)) & 15;
/** The same as `included` for all at once. */
const allIncluded = (all: Lanes): Lanes => all | ((all & (3 * IN_EACH)) << 2);

/** Lanes of a value that are plain numbers. `known`: what is known of values; `slots`: of slots, as the block began. */
export function plainLanes(
  value: Value,
  known: ReadonlyMap<Value, number> | undefined,
  slots: Lanes,
): number {
  const { what } = value;
  if (what === WHAT.CONST && Array.isArray(value.bytes)) return included(lanesOfConstant(value.bytes));
  let lanes = known === undefined ? 0 : (known.get(value) ?? 0);
  if (what === WHAT.SLOT) lanes |= lanesOf(slots, value.number);
  if (what === WHAT.PURE && value.opcode === SHUFFLE) {
    const pattern = value.bytes as readonly number[];
    const first = plainLanes(value.a!, known, slots);
    // Where the first lane comes from what is not plain, the others do not count.
    const second = first === 0 && pattern[0]! < 16 ? 0 : plainLanes(value.b!, known, slots);
    lanes |=
      shuffled(pattern, first, second, 4, LANES.PS, LANES.SS) |
      shuffled(pattern, first, second, 8, LANES.PD, LANES.SD);
  }
  return included(lanes);
}

/** Lanes of a shuffle that come whole from plain ones, of numbers of `size` bytes. */
function shuffled(
  pattern: readonly number[],
  first: number,
  second: number,
  size: number,
  packed: number,
  scalar: number,
): number {
  for (let at = 0; at < 16; at += size) {
    const begin = pattern[at]!;
    const side = begin < 16 ? first : second;
    let isPlain =
      begin % size === 0 && ((side & packed) !== 0 || (begin % 16 === 0 && (side & scalar) !== 0));
    for (let i = 1; isPlain && i < size; i++) isPlain = pattern[at + i] === begin + i;
    if (!isPlain) return at === 0 ? 0 : scalar;
  }
  return packed | scalar;
}

/** What is known of constants, by the arrays of their bytes. */
const known = new WeakMap<readonly number[], number>();

function lanesOfConstant(bytes: readonly number[]): number {
  let lanes = known.get(bytes);
  if (lanes === undefined) known.set(bytes, (lanes = lookedAt(bytes)));
  return lanes;
}

function lookedAt(bytes: readonly number[]): number {
  const view = new DataView(Uint8Array.from(bytes).buffer);
  const plain = (dword: number, exponent: number): boolean => {
    const high = view.getUint32(dword, true);
    return (high & exponent) !== 0 && (high & exponent) !== exponent;
  };
  const zero = (at: number, size: number): boolean => bytes.slice(at, at + size).every((byte) => byte === 0);
  const single = (at: number): boolean => zero(at, 4) || plain(at, 0x7f80_0000);
  const double = (at: number): boolean => zero(at, 8) || plain(at + 4, 0x7ff0_0000);
  let lanes = 0;
  if (single(0)) lanes |= LANES.SS;
  if ([0, 4, 8, 12].every(single)) lanes |= LANES.PS;
  if (double(0)) lanes |= LANES.SD;
  if (double(0) && double(8)) lanes |= LANES.PD;
  return lanes;
}

/** What is known when a block begins: lanes, and that MXCSR is what the region relies on. */
export interface Known {
  lanes: Lanes;
  mode: boolean;
}

export interface KnownNumbers {
  /** For each block what holds as it begins; undefined where nobody asks. */
  readonly known: readonly Known[] | undefined;
  /** For heads of loops what has to be looked at before the loop is entered. */
  readonly guards: ReadonlyMap<number, Known>;
}

const NOTHING: Readonly<Known> = { lanes: NONE, mode: false };

/** What holds as a block begins. */
export const knownAt = ({ known }: KnownNumbers, block: number): Readonly<Known> =>
  known === undefined ? NOTHING : known[block]!;

/** What is known on a way is known no more where another way knows less, but for what is looked at before. */
function meet(into: Known, from: Readonly<Known>, more: Readonly<Known>): boolean {
  const lanes = into.lanes & (from.lanes | more.lanes);
  const mode = into.mode && (from.mode || more.mode);
  if (lanes === into.lanes && mode === into.mode) return false;
  into.lanes = lanes;
  into.mode = mode;
  return true;
}

/**
 * For each block what all ways that lead to it have made sure of. What a loop looks at in every round, and keeps, is
 * looked at before it instead.
 */
export function knownNumbers({ blocks }: Region, structure: Structure, without?: Optimisation): KnownNumbers {
  const guards = new Map<number, Known>();
  if (without === "numbers" || !blocks.some(({ admits }) => admits)) return { known: undefined, guards };
  const everything = (): Known[] => blocks.map(() => ({ lanes: EVERYTHING, mode: true }));
  const known = everything();
  const before: number[][] = blocks.map(() => []);
  for (const block of blocks) {
    const { index } = block;
    if (structure.place[index]! >= 0) for (const next of successors(block)) before[next]!.push(index);
  }
  const staysInLoop = (from: number, to: number): boolean =>
    goesBack(structure, from, to) && !isDispatched(structure, from, to);
  const wanted = blocks.map(({ index }) =>
    structure.isLoop[index] ? wantedIn(blocks, index, before, staysInLoop) : NOTHING,
  );
  /** What is known on the ways into each block from outside of its loop, without guards. */
  const outside = everything();
  for (const block of structure.dispatched) {
    meet(known[block]!, NOTHING, wanted[block]!);
    meet(outside[block]!, NOTHING, NOTHING);
  }
  /** Blocks of which more was known when they were looked at. */
  const open = blocks.map(({ index }) => structure.place[index]! >= 0);
  while (open.includes(true)) {
    for (const block of blocks) {
      if (!open[block.index]) continue;
      open[block.index] = false;
      const goesOn = (next: number, after: Readonly<Known>): void => {
        const stays = staysInLoop(block.index, next);
        if (meet(known[next]!, after, stays ? NOTHING : wanted[next]!))
          open[next] = structure.place[next]! >= 0;
        if (!stays) meet(outside[next]!, after, NOTHING);
      };
      for (const entry of structure.routes.get(block.index) ?? []) goesOn(entry, known[block.index]!);
      if (block.parts.length > 0) {
        for (const { exit, position } of block.values) {
          if (exit?.to === undefined || exit.to.block < 0) continue;
          goesOn(exit.to.block, behind(block, known[block.index]!, position, exit.changes));
        }
      }
      const { kind } = block.end;
      const after =
        kind === "execute" || kind === "interrupt"
          ? NOTHING
          : behind(block, known[block.index]!, block.values.length, block.changes);
      for (const next of successorsAtEnd(block.end)) goesOn(next, after);
    }
  }
  for (const { index } of blocks) {
    if (!structure.isLoop[index]) continue;
    const lanes = known[index]!.lanes & ~outside[index]!.lanes;
    const mode = known[index]!.mode && !outside[index]!.mode;
    if (mode || lanes !== 0) guards.set(index, { lanes, mode });
  }
  return { known, guards };
}

/** What a loop looks at as it was before: in slots that nothing has changed, and in MXCSR. */
function wantedIn(
  blocks: readonly Block[],
  head: number,
  before: readonly (readonly number[])[],
  staysInLoop: (from: number, to: number) => boolean,
): Known {
  const inside = new Set([head]);
  const open = before[head]!.filter((from) => staysInLoop(from, head));
  for (let block = open.pop(); block !== undefined; block = open.pop()) {
    if (inside.has(block)) continue;
    inside.add(block);
    open.push(...before[block]!);
  }
  let mode = false;
  const wanted = new Map<number, Lanes>();
  for (const block of inside) {
    let lanes = NONE;
    if (blocks[block]!.admits) {
      for (const value of blocks[block]!.values) {
        if (value.what !== WHAT.ADMIT) continue;
        if (value.number !== 0) mode = true;
        const each = value.bytes as readonly number[];
        for (let i = 0; i < each.length; i++) {
          const number = value.rest![i]!;
          if (number.what === WHAT.SLOT) lanes |= each[i]! << shiftOf(number.number);
        }
      }
    }
    wanted.set(block, lanes);
  }
  for (let changed = true; changed; ) {
    changed = false;
    for (const [block, lanes] of wanted) {
      const kept = ~lanesWritten(blocks[block]!.changes);
      let more = lanes;
      for (const next of successors(blocks[block]!)) {
        if (next !== head) more |= (wanted.get(next) ?? NONE) & kept;
      }
      if (more === lanes) continue;
      wanted.set(block, more);
      changed = true;
    }
  }
  return { lanes: allIncluded(wanted.get(head)!), mode };
}

/** All lanes of the registers that are written. */
function lanesWritten({ written }: Changes): Lanes {
  let lanes = NONE;
  for (let slot: number = SLOT.XMM; slot < SLOT.COUNT; slot++)
    if (written & (1 << slot)) lanes |= 15 << shiftOf(slot);
  return lanes;
}

/** What is known behind a block, or at a place in it when slots have changed so. */
function behind(
  block: Block,
  before: Readonly<Known>,
  end: number,
  { slots, values, written }: Changes,
): Known {
  let { mode, lanes } = before;
  let checked: Map<Value, number> | undefined;
  if (block.admits) {
    for (let at = 0; at < end; at++) {
      const value = block.values[at]!;
      if (value.what === WHAT.STORE && value.number === STATE.MXCSR && value.a!.what === WHAT.CONST)
        mode = false;
      if (value.what !== WHAT.ADMIT) continue;
      if (value.number !== 0) mode = true;
      checked ??= new Map();
      const each = value.bytes as readonly number[];
      for (let i = 0; i < each.length; i++) {
        const number = value.rest![i]!;
        checked.set(number, (checked.get(number) ?? 0) | each[i]!);
        if (number.what === WHAT.SLOT) lanes |= included(each[i]!) << shiftOf(number.number);
      }
    }
  }
  if (written >> SLOT.XMM === 0) return { lanes, mode };
  for (let i = 0; i < values.length; i++) {
    const slot = slots[i]!;
    if (slot < SLOT.XMM) continue;
    const shift = shiftOf(slot);
    lanes = (lanes & ~(15 << shift)) | (plainLanes(values[i]!, checked, before.lanes) << shift);
  }
  return { lanes, mode };
}

/** Whether lanes of a number are plain for what was known as its block began. */
export const isKnown = (value: Value, lanes: number, { lanes: slots }: Readonly<Known>): boolean =>
  (plainLanes(value, undefined, slots) & lanes) === lanes;
