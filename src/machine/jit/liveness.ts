/**
 * Which slots matter where a block begins. At an exit all of them do; a slot that is written before any exit and
 * before it is read does not, and neither is what was computed for it before.
 */
import { type Block, exitValues, type Region, SLOT, type Value } from "./ir.ts";
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

/**
 * For each block a set of slots, as bits. `guarded`: heads of loops before which the region may be left, for those
 * that come from outside of the loop.
 */
export function liveAtBeginning(
  region: Region,
  structure: Structure,
  guarded: { has(block: number): boolean },
  without?: Optimisation,
): Int32Array {
  const { blocks } = region;
  if (without === "liveness") return new Int32Array(blocks.length).fill(ALL);
  const live = new Int32Array(blocks.length);
  const always = new Int32Array(blocks.length);
  const written = new Int32Array(blocks.length);
  const reads: Map<number, number>[] = [];
  /** The ways out of a block's middle: where to, what was written until there, and what for each slot is read. */
  const parts: { to: number; written: number; reads: Map<number, number> }[][] = [];
  for (const block of blocks) {
    const known = new Map<Value, number>();
    const slotsOf = (value: Value): number => {
      const found = known.get(value);
      if (found !== undefined) return found;
      let slots = value.what === "slot" ? 1 << value.number : 0;
      if (!isMade(value)) for (const arg of value.args) slots |= slotsOf(arg);
      known.set(value, slots);
      return slots;
    };
    const used = usedValues(block);
    const aside: (typeof parts)[number] = [];
    parts.push(aside);
    let slots = 0;
    for (const value of block.values) {
      if (value.what === "const" || value.what === "slot" || value.what === "pure") continue;
      if (value.what === "load" && !used.has(value)) continue;
      for (const arg of value.args) slots |= slotsOf(arg);
      if (value.exit?.to !== undefined) {
        const { to, changed, late } = value.exit;
        for (const { address, value: stored } of late) slots |= slotsOf(address) | slotsOf(stored);
        let written = 0;
        for (const slot of changed.keys()) written |= 1 << slot;
        aside.push({
          to: to.block,
          written,
          reads: new Map([...changed].map(([slot, now]) => [slot, slotsOf(now)])),
        });
        continue;
      }
      if (value.exit === undefined) continue;
      let changed = 0;
      for (const [slot, now] of value.exit.changed) {
        changed |= 1 << slot;
        slots |= slotsOf(now);
      }
      for (const now of exitValues(value.exit)) slots |= slotsOf(now);
      slots |= ALL & ~changed;
    }
    const { end } = block;
    if (end.kind === "branch") slots |= slotsOf(end.condition);
    if (end.kind === "indirect") slots |= slotsOf(end.target);
    always[block.index] = slots;
    const each = new Map<number, number>();
    for (const [slot, value] of block.changed) {
      written[block.index]! |= 1 << slot;
      each.set(slot, slotsOf(value));
    }
    reads.push(each);
  }
  const order = [...blocks].sort((a, b) => structure.place[b.index]! - structure.place[a.index]!);
  for (let changed = true; changed; ) {
    changed = false;
    for (const { index, end } of order) {
      const onTheWay = (next: number): number =>
        next < 0 || goesBack(structure, index, next) || guarded.has(next) ? ALL : live[next]!;
      let out = leavesAtEnd(structure, blocks[index]!) ? ALL : 0;
      for (const next of successorsAtEnd(end)) out |= onTheWay(next);
      let slots = always[index]! | (out & ~written[index]!);
      for (const [slot, needed] of reads[index]!) if (out & (1 << slot)) slots |= needed;
      for (const part of parts[index]!) {
        const wanted = onTheWay(part.to);
        slots |= wanted & ~part.written;
        for (const [slot, needed] of part.reads) if (wanted & (1 << slot)) slots |= needed;
      }
      if (slots !== live[index]) {
        live[index] = slots;
        changed = true;
      }
    }
  }
  return live;
}

/** Whether what it is made of is needed where it stands, and nowhere else. */
const isMade = ({ what }: Value): boolean =>
  what === "load" || what === "call" || what === "mend" || what === "second";

/** Values that an effect, an exit or the end may need. Loads that are not among them need not be made. */
export function usedValues(block: Block): Set<Value> {
  const used = new Set<Value>();
  const use = (value: Value): void => {
    if (used.has(value)) return;
    used.add(value);
    for (const arg of value.args) use(arg);
  };
  for (const value of block.values) {
    if (value.what === "const" || value.what === "slot" || value.what === "pure" || value.what === "load")
      continue;
    use(value);
    if (value.exit) for (const now of exitValues(value.exit)) use(now);
  }
  for (const [, value] of block.changed) use(value);
  if (block.end.kind === "branch") use(block.end.condition);
  if (block.end.kind === "indirect") use(block.end.target);
  return used;
}
