/**
 * The shape of a region: which blocks are heads of loops, which are joined by several ways, and which have to be
 * reached through a dispatcher. The dispatcher is one more node, above all: entries hang from it, and so does what
 * makes the graph irreducible. Everything else becomes loops and blocks.
 *
 * A region can be entered at the head of every loop in it, so that one that was left in the middle of its work goes on
 * there. What is in a loop hangs from that loop's head rather than from the dispatcher, for else the loop would be none:
 * on the way to such an entry each head leads to the next one (`routes`), at a moment when no block has begun.
 *
 * After Ramsey, "Beyond Relooper: recursive translation of unstructured control flow to structured control flow",
 * ICFP 2022, with the dominators of Cooper, Harvey and Kennedy.
 */
import type { Block, End, Region } from "./ir.ts";
import type { Optimisation } from "./optimisations.ts";

export interface Structure {
  /** Blocks by which the region can be entered, in the order of their numbers, which begin with 1. */
  readonly entries: readonly number[];
  /** Blocks that the dispatcher leads to. */
  readonly dispatched: readonly number[];
  /** For heads of loops those entries in the loop that they lead to, or to what leads there. */
  readonly routes: ReadonlyMap<number, readonly number[]>;
  /** Whether anything goes back to the dispatcher. */
  readonly loops: boolean;
  /** Places of blocks in reverse postorder, -1 for what cannot be reached; and the blocks in that order. */
  readonly place: Int32Array;
  readonly order: readonly number[];
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
export function successors({ parts, end }: Block): number[] {
  if (parts.length === 0) return successorsAtEnd(end);
  const following: number[] = [];
  for (let i = 0; i < parts.length; i++) if (parts[i]!.to!.block >= 0) following.push(parts[i]!.to!.block);
  return following.concat(successorsAtEnd(end));
}

export function successorsAtEnd(end: End): number[] {
  switch (end.kind) {
    case "goto":
    case "execute":
    case "interrupt":
      return end.target.block < 0 ? [] : [end.target.block];
    case "branch": {
      const { yes, no } = end;
      if (yes.block < 0) return no.block < 0 ? [] : [no.block];
      return no.block < 0 ? [yes.block] : [yes.block, no.block];
    }
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
  const { blocks } = region;
  const flat = without === "loops";
  const following = blocks.map(successors);
  const dispatched =
    flat || without === "heads" ? [...new Set(region.entries)] : beginnings(region, following);
  let above = new Map<number, number>();
  for (;;) {
    const shaped = shape(region, following, dispatched, routesOf(above), flat);
    const more = new Set<number>();
    const heads: number[] = [];
    for (let index = 0; index < blocks.length; index++) {
      if (shaped.isLoop[index] && without !== "heads") heads.push(index);
      if (shaped.place[index]! < 0) continue;
      const list = following[index]!;
      for (let n = 0; n < list.length; n++) {
        if (isDispatched(shaped, index, list[n]!) && !dispatched.includes(list[n]!)) more.add(list[n]!);
      }
    }
    if (more.size === 0) {
      const entries = [...new Set([...region.entries, ...dispatched, ...heads])];
      if (above.size > 0) return { ...shaped, entries };
      const loops = innermost(shaped, following, heads);
      for (const entry of entries) {
        if (dispatched.includes(entry)) continue;
        const loop = loops[entry]!;
        if (loop < 0) more.add(entry);
        else above.set(entry, loop);
      }
      if (more.size === 0 && above.size === 0) return { ...shaped, entries };
      if (more.size === 0) continue;
    }
    dispatched.push(...more);
    above = new Map();
  }
}

function routesOf(above: ReadonlyMap<number, number>): Map<number, number[]> {
  const routes = new Map<number, number[]>();
  for (const [entry, head] of above) {
    const list = routes.get(head);
    if (list === undefined) routes.set(head, [entry]);
    else list.push(entry);
  }
  return routes;
}

/**
 * For the dispatcher and each head the way that leads to each entry, by the entries' numbers: what comes next on it.
 */
export function waysTo({ entries, routes }: Structure): Map<number, Map<number, number>> {
  const above = new Map<number, number>();
  for (const [head, list] of routes) for (const entry of list) above.set(entry, head);
  const ways = new Map<number, Map<number, number>>([[-1, new Map()]]);
  for (const head of routes.keys()) ways.set(head, new Map());
  for (const [i, entry] of entries.entries()) {
    for (let next = entry; next >= 0; ) {
      const head = above.get(next) ?? -1;
      ways.get(head)!.set(i + 1, next);
      next = head;
    }
  }
  return ways;
}

/**
 * As few of the entries as lead to all blocks. One that is in a loop without a way into it from elsewhere stands for
 * any block of that loop: then it is where the code jumps backwards to, the furthest, which is the head of the
 * outermost loop as people and compilers lay out code.
 */
function beginnings({ blocks, entries }: Region, following: readonly (readonly number[])[]): number[] {
  const reach = (from: readonly number[], seen: Uint8Array, ways = following): Uint8Array => {
    const open = [...from];
    for (let block = open.pop(); block !== undefined; block = open.pop()) {
      if (seen[block]) continue;
      seen[block] = 1;
      open.push(...ways[block]!);
    }
    return seen;
  };
  const fewest = (list: readonly number[]): number[] => {
    const seen = new Uint8Array(blocks.length);
    return list.filter((entry) => {
      if (seen[entry]) return false;
      reach([entry], seen);
      return true;
    });
  };
  // What is left cannot be reached from what was before it; then from what was behind it.
  const found = fewest(fewest(entries).reverse()).reverse();
  let before: number[][] | undefined;
  return found.map((entry) => {
    if (!following.some((list) => list.includes(entry))) return entry;
    if (before === undefined) {
      before = blocks.map(() => []);
      for (const { index } of blocks) for (const next of following[index]!) before[next]!.push(index);
    }
    const after = reach([entry], new Uint8Array(blocks.length));
    const around = reach([entry], new Uint8Array(blocks.length), before);
    let head = blocks[entry]!;
    let isFound = false;
    for (const from of blocks) {
      if (!after[from.index] || !around[from.index] || from.end.kind === "indirect") continue;
      for (const next of following[from.index]!) {
        const to = blocks[next]!;
        // A block of a callee may go on behind the call.
        if (!around[next] || (to.copy !== 0 && to.copy !== from.copy)) continue;
        if (to.address >>> 0 > from.address >>> 0) continue;
        if (isFound && to.address >>> 0 >= head.address >>> 0) continue;
        head = to;
        isFound = true;
      }
    }
    return head.index;
  });
}

/** For each block the head of the innermost loop around it, of which it is not the head itself; -1 for none. */
function innermost(
  shaped: Shaped,
  following: readonly (readonly number[])[],
  heads: readonly number[],
): Int32Array {
  const { place } = shaped;
  const before: number[][] = following.map(() => []);
  for (const [from, list] of following.entries())
    if (place[from]! >= 0) for (const to of list) before[to]!.push(from);
  const loops = new Int32Array(following.length).fill(-1);
  for (const head of heads.toSorted((a, b) => place[a]! - place[b]!)) {
    const inside = new Set<number>();
    const open = before[head]!.filter(
      (from) => place[from]! >= place[head]! && dominates(shaped, head, from),
    );
    for (let block = open.pop(); block !== undefined; block = open.pop()) {
      if (block === head || inside.has(block)) continue;
      inside.add(block);
      loops[block] = head;
      open.push(...before[block]!);
    }
  }
  return loops;
}

function shape(
  { blocks, entries }: Region,
  ways: readonly (readonly number[])[],
  dispatched: readonly number[],
  routes: ReadonlyMap<number, readonly number[]>,
  flat: boolean,
): Shaped {
  const count = blocks.length;
  const following =
    routes.size === 0 ? ways : ways.map((list, block) => list.concat(routes.get(block) ?? []));
  const order: number[] = [];
  const seen = new Uint8Array(count);
  // Depth first, without recursion: chains of blocks can be long.
  const stack: number[] = [];
  const taken = new Int32Array(count);
  for (const root of dispatched) {
    if (seen[root]) continue;
    stack.push(root);
    seen[root] = 1;
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      const next = following[top]![taken[top]!++];
      if (next === undefined) {
        order.push(top);
        stack.pop();
      } else if (!seen[next]) {
        seen[next] = 1;
        stack.push(next);
      }
    }
  }
  order.reverse();
  const place = new Int32Array(count).fill(-1);
  const before: number[][] = [];
  for (let i = 0; i < count; i++) before.push([]);
  for (let i = 0; i < order.length; i++) {
    const block = order[i]!;
    const list = following[block]!;
    place[block] = i;
    for (let n = 0; n < list.length; n++) before[list[n]!]!.push(block);
  }

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
    for (let i = 0; i < order.length; i++) {
      const block = order[i]!;
      if (isRoot[block]) continue;
      let found = -2;
      const list = before[block]!;
      for (let n = 0; n < list.length; n++) {
        const from = list[n]!;
        if (parent[from] === -2) continue;
        found = found === -2 ? from : common(found, from);
      }
      if (parent[block] !== found) {
        parent[block] = found;
        changed = true;
      }
    }
  }

  const children: number[][] = [];
  for (let i = 0; i < count; i++) children.push([]);
  const roots: number[] = [];
  for (let i = order.length - 1; i >= 0; i--) {
    const block = order[i]!;
    if (parent[block]! < 0) roots.push(block);
    else children[parent[block]!]!.push(block);
  }

  const isLoop = new Uint8Array(count);
  const isJoint = new Uint8Array(count);
  const shaped: Shaped = {
    entries: [],
    dispatched: [...dispatched],
    routes,
    loops: false,
    place,
    order,
    children,
    roots,
    isLoop,
    isJoint,
    flat,
    longest: 0,
    parent,
  };
  let loops = false;
  const joining = new Int32Array(count);
  for (let i = 0; i < order.length; i++) {
    const block = order[i]!;
    // With one entry alone an indirect jump finds its way back from outside.
    if (blocks[block]!.end.kind === "indirect" && entries.length > 1) loops = true;
    const list = following[block]!;
    for (let n = 0; n < list.length; n++) {
      const next = list[n]!;
      if (place[next]! > place[block]!) joining[next]!++;
      else if (!flat && dominates(shaped, next, block)) isLoop[next] = 1;
      else loops = true;
    }
  }
  for (const block of order) isJoint[block] = isRoot[block] || joining[block]! > 1 ? 1 : 0;
  for (const list of routes.values()) for (const entry of list) isJoint[entry] = 1;
  // Many ways at once need labels.
  for (const block of order) {
    const { end } = blocks[block]!;
    if (end.kind !== "indirect" || end.choice === undefined) continue;
    for (const next of following[block]!) isJoint[next] = 1;
  }

  // The longest way forward from each block, and so from any place that has checked the budget.
  const way = new Int32Array(count);
  let longest = 0;
  for (let i = order.length - 1; i >= 0; i--) {
    const block = order[i]!;
    let most = 0;
    const list = following[block]!;
    for (let n = 0; n < list.length; n++) {
      const next = list[n]!;
      if (place[next]! > i && way[next]! > most) most = way[next]!;
    }
    most += (blocks[block] as Block).count;
    way[block] = most;
    if (most > longest) longest = most;
  }
  return { ...shaped, loops, longest: longest + 1 };
}
