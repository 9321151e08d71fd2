/** Two stations on one cable, and a clock that jumps from one thing that happens to the next. */
import { type Micros, Random } from "../../src/base/index.ts";
import { cable, Nic, type Port, parseAddress, Stack, type StackOptions } from "../../src/net/index.ts";

export const A = parseAddress("10.0.2.15")!;
export const B = parseAddress("10.0.2.2")!;
const MASK = 0xffffff00;

/** Something between the stations that needs time, such as a link with delay. */
export interface Moving {
  poll(now: Micros): boolean;
  deadline(): Micros;
}

export interface Pair {
  a: Stack;
  b: Stack;
  now: Micros;
  /** Lets everything happen that happens without time passing. */
  settle(): void;
  /** Lets time pass until `done` answers true; false when nothing is left to happen, or `limit` is reached. */
  run(done: () => boolean, limit?: Micros): boolean;
}

export function pair(
  options: {
    seed?: number;
    a?: Partial<StackOptions>;
    b?: Partial<StackOptions>;
    mtu?: number;
    ports?: [Port, Port];
    between?: Moving[];
  } = {},
): Pair {
  const [left, right] = options.ports ?? cable();
  const seed = options.seed ?? 1;
  const { mtu = 1500 } = options;
  const a = new Stack({
    nics: [new Nic({ port: left, mac: 0x525400000015, mtu })],
    random: new Random(seed),
    ...options.a,
  });
  const b = new Stack({
    nics: [new Nic({ port: right, mac: 0x525400000002, mtu })],
    random: new Random(seed + 1),
    ...options.b,
  });
  a.configure(0, { address: A, mask: MASK, gateway: B });
  b.configure(0, { address: B, mask: MASK, gateway: 0 });
  const moving: Moving[] = [a, b, ...(options.between ?? [])];
  const it: Pair = {
    a,
    b,
    now: 0,
    settle() {
      for (let rounds = 0; rounds < 100_000; rounds++) {
        let did = false;
        for (const each of moving) if (each.poll(it.now)) did = true;
        if (!did) return;
      }
      throw new Error("two stations talk for ever without time passing");
    },
    run(done, limit = Number.POSITIVE_INFINITY) {
      for (;;) {
        it.settle();
        if (done()) return true;
        const next = Math.min(...moving.map((each) => each.deadline()));
        if (next === Number.POSITIVE_INFINITY || next > limit) return false;
        it.now = Math.max(it.now, next);
      }
    },
  };
  return it;
}
