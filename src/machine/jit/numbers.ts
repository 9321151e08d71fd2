/**
 * Which vectors hold plain numbers, that is zeros, normal ones and infinities, without having been looked at: what one
 * block has admitted need not be admitted again by those that follow, and least of all round a loop.
 */
import { STATE } from "../cpu/state.ts";
import { SIMD } from "../wasm/index.ts";
import type { Block, Region, Value } from "./ir.ts";
import type { Optimisation } from "./optimisations.ts";
import { goesBack, isDispatched, type Structure, successors, successorsAtEnd } from "./structure.ts";

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

/** Lanes of a value that are plain numbers. `known`: what is known of a value for other reasons. */
export function plainLanes(value: Value, known: (value: Value) => number): number {
  const lanes = included(known(value));
  if (value.what === "const" && Array.isArray(value.bytes)) return included(lanesOfConstant(value.bytes));
  if (value.what !== "pure" || value.opcode !== SHUFFLE) return lanes;
  const sides = value.args.map((arg) => plainLanes(arg, known));
  const from = (size: number, packed: number, first: number): number => {
    const plain = (at: number): boolean => {
      const pattern = (value.bytes as readonly number[]).slice(at, at + size);
      const [begin = 0] = pattern;
      if (begin % size !== 0 || pattern.some((byte, i) => byte !== begin + i)) return false;
      const side = sides[begin >> 4]!;
      return (side & packed) !== 0 || (begin % 16 === 0 && (side & first) !== 0);
    };
    if (!plain(0)) return 0;
    for (let at = size; at < 16; at += size) if (!plain(at)) return first;
    return packed | first;
  };
  return lanes | from(4, LANES.PS, LANES.SS) | from(8, LANES.PD, LANES.SD);
}

function lanesOfConstant(bytes: readonly number[]): number {
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

/** What is known when a block begins: lanes by slot, and that MXCSR is what the region relies on. */
export interface Known {
  readonly lanes: Uint8Array;
  mode: boolean;
}

export interface KnownNumbers {
  /** For each block what holds as it begins. */
  readonly known: readonly Known[];
  /** For heads of loops what has to be looked at before the loop is entered. */
  readonly guards: ReadonlyMap<number, Known>;
}

/**
 * For each block what all ways that lead to it have made sure of. What a loop looks at in every round, and keeps, is
 * looked at before it instead.
 */
export function knownNumbers(
  { blocks }: Region,
  structure: Structure,
  slots: number,
  without?: Optimisation,
): KnownNumbers {
  const of = (lanes: number, mode: boolean): Known => ({ lanes: new Uint8Array(slots).fill(lanes), mode });
  const nothing = of(0, false);
  const known = blocks.map(() => of(15, true));
  const guards = new Map<number, Known>();
  if (without === "numbers" || !blocks.some(({ values }) => values.some(({ what }) => what === "admit")))
    return { known: blocks.map(() => nothing), guards };
  const meet = (into: Known, from: Known, more?: Known): boolean => {
    const mode = from.mode || more?.mode === true;
    let changed = into.mode && !mode;
    into.mode &&= mode;
    for (let slot = 0; slot < slots; slot++) {
      const both = into.lanes[slot]! & (from.lanes[slot]! | (more?.lanes[slot] ?? 0));
      changed ||= both !== into.lanes[slot];
      into.lanes[slot] = both;
    }
    return changed;
  };
  const before: number[][] = blocks.map(() => []);
  for (const block of blocks) {
    const { index } = block;
    if (structure.place[index]! >= 0) for (const next of successors(block)) before[next]!.push(index);
  }
  const staysInLoop = (from: number, to: number): boolean =>
    goesBack(structure, from, to) && !isDispatched(structure, from, to);
  const wanted = blocks.map(({ index }) =>
    structure.isLoop[index] ? wantedIn(blocks, index, before, staysInLoop, slots) : undefined,
  );
  /** What is known on the ways into each block from outside of its loop, without guards. */
  const outside = blocks.map(() => of(15, true));
  for (const block of structure.dispatched) {
    meet(known[block]!, nothing, wanted[block]);
    meet(outside[block]!, nothing);
  }
  /** Blocks of which more was known when they were looked at. */
  const open = blocks.map(({ index }) => structure.place[index]! >= 0);
  while (open.includes(true)) {
    for (const block of blocks) {
      if (!open[block.index]) continue;
      open[block.index] = false;
      const goesOn = (next: number, after: Known): void => {
        const stays = staysInLoop(block.index, next);
        if (meet(known[next]!, after, stays ? undefined : wanted[next]))
          open[next] = structure.place[next]! >= 0;
        if (!stays) meet(outside[next]!, after);
      };
      for (const entry of structure.routes.get(block.index) ?? []) goesOn(entry, known[block.index]!);
      for (const { exit, position } of block.values) {
        if (exit?.to === undefined || exit.to.block < 0) continue;
        goesOn(exit.to.block, behind(block, known[block.index]!, position, exit.changed));
      }
      const { kind } = block.end;
      const after = kind === "execute" || kind === "interrupt" ? nothing : behind(block, known[block.index]!);
      for (const next of successorsAtEnd(block.end)) goesOn(next, after);
    }
  }
  for (const { index } of blocks) {
    if (wanted[index] === undefined) continue;
    const guard: Known = {
      lanes: known[index]!.lanes.map((lanes, slot) => lanes & ~outside[index]!.lanes[slot]!),
      mode: known[index]!.mode && !outside[index]!.mode,
    };
    if (guard.mode || guard.lanes.some((lanes) => lanes !== 0)) guards.set(index, guard);
  }
  return { known, guards };
}

/** What a loop looks at as it was before: in slots that nothing has changed, and in MXCSR. */
function wantedIn(
  blocks: readonly Block[],
  head: number,
  before: readonly (readonly number[])[],
  staysInLoop: (from: number, to: number) => boolean,
  slots: number,
): Known {
  const inside = new Set([head]);
  const open = before[head]!.filter((from) => staysInLoop(from, head));
  for (let block = open.pop(); block !== undefined; block = open.pop()) {
    if (inside.has(block)) continue;
    inside.add(block);
    open.push(...before[block]!);
  }
  let mode = false;
  const wanted = new Map<number, Uint8Array>();
  for (const block of inside) {
    const lanes = new Uint8Array(slots);
    wanted.set(block, lanes);
    for (const value of blocks[block]!.values) {
      if (value.what !== "admit") continue;
      if (value.number !== 0) mode = true;
      for (const [i, each] of (value.bytes as readonly number[]).entries()) {
        const number = value.args[i + 1]!;
        if (number.what === "slot") lanes[number.number]! |= each;
      }
    }
  }
  for (let changed = true; changed; ) {
    changed = false;
    for (const [block, lanes] of wanted) {
      for (const next of successors(blocks[block]!)) {
        const later = next === head ? undefined : wanted.get(next);
        if (later === undefined) continue;
        for (let slot = 0; slot < slots; slot++) {
          if (blocks[block]!.changed.has(slot) || (later[slot]! & ~lanes[slot]!) === 0) continue;
          lanes[slot]! |= later[slot]!;
          changed = true;
        }
      }
    }
  }
  return { lanes: wanted.get(head)!.map(included), mode };
}

/** What is known behind a block, or at a place in it when slots have changed so. */
function behind(
  block: Block,
  before: Known,
  end = block.values.length,
  changes: ReadonlyMap<number, Value> = block.changed,
): Known {
  let { mode } = before;
  const checked = new Map<Value, number>();
  for (const value of block.values) {
    if (value.position >= end) break;
    if (value.what === "store" && value.number === STATE.MXCSR && value.args[0]!.what === "const")
      mode = false;
    if (value.what !== "admit") continue;
    if (value.number !== 0) mode = true;
    for (const [i, lanes] of (value.bytes as readonly number[]).entries()) {
      const number = value.args[i + 1]!;
      checked.set(number, (checked.get(number) ?? 0) | lanes);
    }
  }
  const lanes = before.lanes.slice();
  for (const [value, found] of checked) if (value.what === "slot") lanes[value.number]! |= included(found);
  const lookUp = knownIn(before, checked);
  for (const [slot, value] of changes) lanes[slot] = plainLanes(value, lookUp);
  return { lanes, mode };
}

const knownIn =
  ({ lanes }: Known, checked: ReadonlyMap<Value, number>) =>
  (value: Value): number =>
    (checked.get(value) ?? 0) | (value.what === "slot" ? lanes[value.number]! : 0);

/** Whether lanes of a number are plain for what was known as its block began. */
export function isKnown(value: Value, lanes: number, known: Known): boolean {
  return (plainLanes(value, knownIn(known, new Map())) & lanes) === lanes;
}
