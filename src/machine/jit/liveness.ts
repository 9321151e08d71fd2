/**
 * Which slots matter where a block begins. At an exit all of them do; a slot that is written before any exit and
 * before it is read does not, and neither is what was computed for it before.
 */
import type { Block, Changes, Region } from "./ir.ts";
import type { Optimisation } from "./optimisations.ts";
import { ALL_SLOTS } from "./slots.ts";
import { goesBack, type Structure } from "./structure.ts";

/** Whether all slots must be right at an end, because the region may be left there. */
export function leavesAtEnd(structure: Structure, { end, index }: Block): boolean {
  switch (end.kind) {
    case "goto":
      return leavesFor(structure, index, end.target.block);
    case "branch":
      return leavesFor(structure, index, end.yes.block) || leavesFor(structure, index, end.no.block);
    default:
      return true;
  }
}

const leavesFor = (structure: Structure, from: number, to: number): boolean =>
  to < 0 || goesBack(structure, from, to);

/** For each block a set of slots, as bits. `guarded`: heads of loops before which the region may be left. */
export function liveAtBeginning(
  { blocks }: Region,
  structure: Structure,
  guarded: { has(block: number): boolean },
  without?: Optimisation,
): Int32Array {
  if (without === "liveness") return new Int32Array(blocks.length).fill(ALL_SLOTS);
  const live = new Int32Array(blocks.length);
  const { order } = structure;
  /** What matters on the way to a block. */
  const wanted = (from: number, to: number): number =>
    to < 0 || goesBack(structure, from, to) || guarded.has(to) ? ALL_SLOTS : live[to]!;
  // What comes later on a way has been looked at before, and on the ways back everything matters.
  for (let i = order.length - 1; i >= 0; i--) {
    const index = order[i]!;
    const block = blocks[index]!;
    const { end, parts } = block;
    let out = ALL_SLOTS;
    if (end.kind === "goto") out = wanted(index, end.target.block);
    else if (end.kind === "branch") out = wanted(index, end.yes.block) | wanted(index, end.no.block);
    let slots = block.reads | needed(block.changes, out);
    for (let part = 0; part < parts.length; part++) {
      const { changes, to } = parts[part]!;
      slots |= needed(changes, wanted(index, to!.block));
    }
    live[index] = slots;
  }
  return live;
}

/** What a way needs as its block begins when so much is wanted at its end. */
function needed({ slots, values, written }: Changes, wanted: number): number {
  let all = wanted & ~written;
  for (let i = 0; i < values.length; i++) if (wanted & (1 << slots[i]!)) all |= values[i]!.reads;
  return all;
}
