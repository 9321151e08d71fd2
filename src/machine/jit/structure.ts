/**
 * The shape of a region: which blocks are heads of loops, which are joined by several ways, and which have to be
 * reached through a dispatcher. The dispatcher is one more node, above all: entries and the targets of indirect jumps
 * hang from it, and so does what makes the graph irreducible. Everything else becomes loops and blocks.
 *
 * After Ramsey, "Beyond Relooper: recursive translation of unstructured control flow to structured control flow",
 * ICFP 2022, with the dominators of Cooper, Harvey and Kennedy.
 */
import type { Block, End, Region } from "./ir.ts";
import type { Optimisation } from "./optimisations.ts";

export interface Structure {
  /** Blocks that the dispatcher leads to, in the order of their numbers there. */
  readonly dispatched: number[];
  /** Whether anything goes back to the dispatcher. */
  readonly loops: boolean;
  /** Blocks in reverse postorder: their places; -1 for what cannot be reached. */
  readonly place: Int32Array;
  /** Blocks that a block dominates at once, the later ones first. */
  readonly children: readonly number[][];
  /** The dispatcher's. */
  readonly roots: readonly number[];
  readonly isLoop: Uint8Array;
  /** Joined by two or more forward ways, or reached by a table of ways. */
  readonly isJoint: Uint8Array;
  /** Nothing is a loop but the dispatcher's. */
  readonly flat: boolean;
  /** Instructions on the longest way from anywhere to the next check of the budget. */
  readonly longest: number;
}

/** Blocks that may follow at once, inside the region. */
export function successors({ values, end }: Block): number[] {
  const parts: number[] = [];
  for (const { exit } of values) if (exit?.to !== undefined && exit.to.block >= 0) parts.push(exit.to.block);
  const following = successorsAtEnd(end);
  return parts.length === 0 ? following : [...parts, ...following];
}

export function successorsAtEnd(end: End): number[] {
  switch (end.kind) {
    case "goto":
    case "execute":
      return end.target.block < 0 ? [] : [end.target.block];
    case "branch":
      return [end.yes.block, end.no.block].filter((block) => block >= 0);
    case "indirect":
      return end.cases.map(({ block }) => block).filter((block) => block >= 0);
    default:
      return [];
  }
}

/** Whether a way from one block to another goes back: it checks the budget. */
export function goesBack(structure: Structure, from: number, to: number): boolean {
  return structure.place[to]! <= structure.place[from]!;
}

/** Whether a way goes through the dispatcher, because its target is one and does not come after its source. */
export function isDispatched(structure: Structure, from: number, to: number): boolean {
  return goesBack(structure, from, to) && (structure.flat || !dominates(structure, to, from));
}

function dominates(structure: Structure, above: number, below: number): boolean {
  const { parent, place } = structure as Shaped;
  let at = below;
  while (at >= 0 && place[at]! > place[above]!) at = parent[at]!;
  return at === above;
}

/** With the tree upwards: -1 above the roots. */
interface Shaped extends Structure {
  readonly parent: Int32Array;
}

export function structure(region: Region, without?: Optimisation): Structure {
  const dispatched = [...new Set(region.entries)];
  for (;;) {
    const shaped = shape(region, dispatched, without === "loops");
    const more = new Set<number>();
    for (const block of region.blocks) {
      if (shaped.place[block.index]! < 0) continue;
      for (const to of successors(block)) {
        if (isDispatched(shaped, block.index, to) && !dispatched.includes(to)) more.add(to);
      }
    }
    if (more.size === 0) return shaped;
    dispatched.push(...more);
  }
}

function shape({ blocks }: Region, dispatched: readonly number[], flat: boolean): Shaped {
  const count = blocks.length;
  const following = blocks.map(successors);
  const order: number[] = [];
  const seen = new Uint8Array(count);
  // Depth first, without recursion: chains of blocks can be long.
  for (const root of dispatched) {
    if (seen[root]) continue;
    const stack: [number, number][] = [[root, 0]];
    seen[root] = 1;
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      const next = following[top[0]]![top[1]++];
      if (next === undefined) {
        order.push(top[0]);
        stack.pop();
      } else if (!seen[next]) {
        seen[next] = 1;
        stack.push([next, 0]);
      }
    }
  }
  order.reverse();
  const place = new Int32Array(count).fill(-1);
  for (const [i, block] of order.entries()) place[block] = i;

  const before: number[][] = blocks.map(() => []);
  for (const block of order) for (const next of following[block]!) before[next]!.push(block);

  // Parents in the dominator tree; -1 is the dispatcher, -2 not known yet.
  const parent = new Int32Array(count).fill(-2);
  const isRoot = new Uint8Array(count);
  for (const block of dispatched) {
    isRoot[block] = 1;
    parent[block] = -1;
  }
  const common = (a: number, b: number): number => {
    let left = a;
    let right = b;
    while (left !== right) {
      if (left < 0 || right < 0) return -1;
      if (place[left]! > place[right]!) left = parent[left]!;
      else right = parent[right]!;
    }
    return left;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (const block of order) {
      if (isRoot[block]) continue;
      let found = -2;
      for (const from of before[block]!) {
        if (parent[from] === -2) continue;
        found = found === -2 ? from : common(found, from);
      }
      if (parent[block] !== found) {
        parent[block] = found;
        changed = true;
      }
    }
  }

  const children: number[][] = blocks.map(() => []);
  const roots: number[] = [];
  for (let i = order.length - 1; i >= 0; i--) {
    const block = order[i]!;
    if (parent[block]! < 0) roots.push(block);
    else children[parent[block]!]!.push(block);
  }

  const isLoop = new Uint8Array(count);
  const isJoint = new Uint8Array(count);
  const shaped: Shaped = {
    dispatched: [...dispatched],
    loops: false,
    place,
    children,
    roots,
    isLoop,
    isJoint,
    flat,
    longest: 0,
    parent,
  };
  let loops = false;
  const ways = new Int32Array(count);
  for (const block of order) {
    // With one entry alone an indirect jump finds its way back from outside.
    if (blocks[block]!.end.kind === "indirect" && dispatched.length > 1) loops = true;
    for (const next of following[block]!) {
      if (place[next]! > place[block]!) ways[next]!++;
      else if (!flat && dominates(shaped, next, block)) isLoop[next] = 1;
      else loops = true;
    }
  }
  for (const block of order) isJoint[block] = isRoot[block] || ways[block]! > 1 ? 1 : 0;
  // Many ways at once need labels.
  for (const block of order) {
    const { end } = blocks[block]!;
    if (end.kind !== "indirect" || end.cases.length < 2) continue;
    for (const next of following[block]!) isJoint[next] = 1;
  }

  // The longest way forward from each block, and so from any place that has checked the budget.
  const way = new Int32Array(count);
  let longest = 0;
  for (let i = order.length - 1; i >= 0; i--) {
    const block = order[i]!;
    let most = 0;
    for (const next of following[block]!) if (place[next]! > place[block]!) most = Math.max(most, way[next]!);
    way[block] = most + (blocks[block] as Block).count;
    longest = Math.max(longest, way[block]!);
  }
  return { ...shaped, loops, longest: longest + 1 };
}
