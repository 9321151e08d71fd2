/**
 * Which slots matter where a block begins. At an exit all of them do; a slot that is written before any exit and
 * before it is read does not, and neither is what was computed for it before.
 */
import { type Block, type Region, SLOT, type Value, valuesAt, type What } from "./ir.ts";
import type { Optimisation } from "./optimisations.ts";
import { goesBack, type Structure, successorsAtEnd } from "./structure.ts";

const ALL = 2 ** SLOT.COUNT - 1;

/** Whether all slots must be right at an end, because the region may be left there. */
export function leavesAtEnd(structure: Structure, block: Block): boolean {
  const { end } = block;
  switch (end.kind) {
    case "goto":
      return end.target.block < 0 || goesBack(structure, block.index, end.target.block);
    case "branch":
      return [end.yes, end.no].some(({ block: to }) => to < 0 || goesBack(structure, block.index, to));
    default:
      return true;
  }
}

/** A way out of a block: where to, what is written until there, and what the values of written slots read. */
interface Way {
  /** Of ways from a block's middle. */
  readonly to: number;
  readonly written: number;
  readonly slots: readonly number[];
  readonly reads: readonly number[];
}

/**
 * For each block a set of slots, as bits. `used`: usedValues of each block; `guarded`: heads of loops before which the
 * region may be left, for those that come from outside of the loop.
 */
export function liveAtBeginning(
  region: Region,
  structure: Structure,
  used: readonly Uint8Array[],
  guarded: { has(block: number): boolean },
  without?: Optimisation,
): Int32Array {
  const { blocks } = region;
  if (without === "liveness") return new Int32Array(blocks.length).fill(ALL);
  const live = new Int32Array(blocks.length);
  const always = new Int32Array(blocks.length);
  const ends: Way[] = [];
  const parts: Way[][] = [];
  for (const block of blocks) {
    const { values, end, index } = block;
    const read = slotsRead(values);
    const way = (to: number, changed: ReadonlyMap<number, Value>): Way => {
      let written = 0;
      for (const slot of changed.keys()) written |= 1 << slot;
      const slots = [...changed.keys()];
      return { to, written, slots, reads: [...changed.values()].map(({ position }) => read[position]!) };
    };
    const aside: Way[] = [];
    let slots = 0;
    for (const { what, args, exit, position } of values) {
      if (what === "const" || what === "slot" || what === "pure") continue;
      if (what === "load" && !used[index]![position]) continue;
      for (const arg of args) slots |= read[arg.position]!;
      if (exit === undefined) continue;
      const { to, changed, late } = exit;
      for (const { address, value } of late) slots |= read[address.position]! | read[value.position]!;
      if (to !== undefined) {
        aside.push(way(to.block, changed));
        continue;
      }
      let written = 0;
      for (const [slot, { position }] of changed) {
        written |= 1 << slot;
        slots |= read[position]!;
      }
      slots |= ALL & ~written;
    }
    for (const { position } of valuesAt(end)) slots |= read[position]!;
    always[index] = slots;
    parts.push(aside);
    ends.push(way(-1, block.changed));
  }
  const order = [...blocks].sort((a, b) => structure.place[b.index]! - structure.place[a.index]!);
  for (let changed = true; changed; ) {
    changed = false;
    for (const { index, end } of order) {
      const onTheWay = (next: number): number =>
        next < 0 || goesBack(structure, index, next) || guarded.has(next) ? ALL : live[next]!;
      let out = leavesAtEnd(structure, blocks[index]!) ? ALL : 0;
      for (const next of successorsAtEnd(end)) out |= onTheWay(next);
      let slots = always[index]! | needed(ends[index]!, out);
      for (const part of parts[index]!) slots |= needed(part, onTheWay(part.to));
      if (slots !== live[index]) {
        live[index] = slots;
        changed = true;
      }
    }
  }
  return live;
}

/** What a way needs as its block begins when so much is wanted at its end. */
function needed({ written, slots, reads }: Way, wanted: number): number {
  let all = wanted & ~written;
  for (let i = 0; i < slots.length; i++) if (wanted & (1 << slots[i]!)) all |= reads[i]!;
  return all;
}

/** For each value the slots that it is computed from, where it is used. Those that stay where they are made: none. */
function slotsRead(values: readonly Value[]): Int32Array {
  const read = new Int32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const { what, number, args } = values[i]!;
    if (what === "slot") read[i] = 1 << number;
    else if (!isMade(what)) for (const arg of args) read[i]! |= read[arg.position]!;
  }
  return read;
}

/** Whether what it is made of is needed where it stands, and nowhere else. */
const isMade = (what: What): boolean =>
  what === "load" || what === "call" || what === "mend" || what === "second";

/** Whether a value is no computation, which can be made anywhere, but has its place. */
export const isEffect = ({ what }: Value): boolean => what !== "const" && what !== "slot" && what !== "pure";

/**
 * By position, 1 for values that an effect, an exit or the end may need. Loads that are not among them need not be made.
 * Values are made of earlier ones: whatever needs one has been seen when it is come to from the end.
 */
export function usedValues({ values, changed, end }: Block): Uint8Array {
  const used = new Uint8Array(values.length);
  for (const { position } of changed.values()) used[position] = 1;
  for (const { position } of valuesAt(end)) used[position] = 1;
  for (let i = values.length - 1; i >= 0; i--) {
    const value = values[i]!;
    if (isEffect(value) && value.what !== "load") used[i] = 1;
    if (!used[i]) continue;
    for (const { position } of value.args) used[position] = 1;
    if (value.exit === undefined) continue;
    for (const { position } of value.exit.changed.values()) used[position] = 1;
    for (const { address, value: stored } of value.exit.late)
      used[address.position] = used[stored.position] = 1;
  }
  return used;
}
