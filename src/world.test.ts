import { describe, expect, test } from "vitest";
import { FOREVER, type Micros } from "./base/index.ts";
import { hostClock, type Moving, World } from "./world.ts";

/** Something that is due at given moments, and remembers when it was. */
class Alarm implements Moving {
  readonly rang: Micros[] = [];
  readonly #moments: Micros[];

  constructor(...moments: Micros[]) {
    this.#moments = moments;
  }

  poll(now: Micros): boolean {
    const due = this.#moments[0] !== undefined && this.#moments[0] <= now;
    if (due) {
      this.#moments.shift();
      this.rang.push(now);
    }
    return due;
  }

  deadline(): Micros {
    return this.#moments[0] ?? FOREVER;
  }
}

/** Something that computes for so many microseconds in all, and remembers the spans it was given. */
class Worker implements Moving {
  readonly spans: [Micros, Micros][] = [];
  #left: Micros;

  constructor(work: Micros) {
    this.#left = work;
  }

  poll(): boolean {
    return false;
  }

  deadline(): Micros {
    return FOREVER;
  }

  run(now: Micros, until: Micros): Micros {
    const span = Math.min(this.#left, until - now);
    if (span > 0) this.spans.push([now, now + span]);
    this.#left -= span;
    return now + span;
  }
}

function worldOf(...moving: Moving[]): World {
  const world = new World();
  for (const each of moving) world.add(each);
  return world;
}

describe("virtual time", () => {
  test("jumps from deadline to deadline, and stands still when there is none", () => {
    const alarm = new Alarm(10, 5_000_000);
    const world = worldOf(alarm);
    expect(world.run()).toBe("quiet");
    expect(alarm.rang).toEqual([10, 5_000_000]);
    expect(world.now).toBe(5_000_000);
  });

  test("passes in quanta while something computes, and no deadline is missed on the way", () => {
    const alarm = new Alarm(150);
    const worker = new Worker(320);
    const world = worldOf(alarm, worker);
    expect(world.run()).toBe("quiet");
    expect(worker.spans).toEqual([
      [0, 100],
      [100, 150],
      [150, 250],
      [250, 320],
    ]);
    expect(alarm.rang).toEqual([150]);
  });

  test("nobody runs ahead of the first that stops early", () => {
    const short = new Worker(30);
    const long = new Worker(200);
    worldOf(short, long).run();
    expect(long.spans.slice(0, 2)).toEqual([
      [0, 30],
      [30, 130],
    ]);
  });

  test("a timeout ends at its microsecond", () => {
    const world = worldOf(new Worker(1000), new Alarm(400));
    expect(world.run({ timeout: 250 })).toBe("time");
    expect(world.now).toBe(250);
  });

  test("advance lets what is due happen, and then it is later", () => {
    const alarm = new Alarm(10, 900);
    const world = worldOf(alarm);
    world.advance(500);
    expect([alarm.rang, world.now]).toEqual([[10], 500]);
    world.advance(500);
    expect([alarm.rang, world.now]).toEqual([[10, 900], 1000]);
    expect(() => world.advance(-1)).toThrow("advanced by -1");
  });

  test("what always moves does not stop the clock", () => {
    const storm: Moving = { poll: () => true, deadline: () => 0 };
    const world = worldOf(storm);
    expect(world.run({ timeout: 3 })).toBe("time");
  });

  test("timers alone do not keep it going for ever, unless somebody will wake", () => {
    /** Rings every minute. */
    const bell: Moving & { next: Micros } = {
      next: 0,
      poll(now) {
        if (now < bell.next) return false;
        bell.next = now + 60_000_000;
        return true;
      },
      deadline: () => bell.next,
    };
    const world = new World({ patience: 3_600_000_000 });
    world.add(bell);
    expect(world.run()).toBe("quiet");
    expect(world.now).toBe(3_600_000_000);
    expect([world.run(), world.now]).toEqual(["quiet", 7_200_000_000]);
    let sleeps = true;
    world.add({
      poll: (now) => sleeps && now >= 12_000_000_000 && !(sleeps = false),
      deadline: () => (sleeps ? 12_000_000_000 : FOREVER),
      run: (now) => now,
      wakes: () => (sleeps ? 12_000_000_000 : FOREVER),
    });
    expect(world.run()).toBe("quiet");
    expect([sleeps, world.now]).toEqual([false, 12_000_000_000]);
  });

  test("go gives the same as run, and lets itself be stopped", async () => {
    const worker = new Worker(FOREVER);
    const world = worldOf(worker);
    const abort = new AbortController();
    setTimeout(() => abort.abort());
    expect(await world.go({ signal: abort.signal })).toBe("stopped");
    expect(worker.spans.length).toBeGreaterThan(1);
    expect(world.run({ timeout: 100 })).toBe("time");
  });

  test("a run within a run is refused", () => {
    const world = new World();
    world.add({
      poll: () => {
        world.run();
        return false;
      },
      deadline: () => FOREVER,
    });
    expect(() => world.run()).toThrow("running already");
    expect(() => world.run()).toThrow("running already");
  });
});

describe("real time", () => {
  test("waits for a deadline without computing, and is quiet when nothing is left", async () => {
    const alarm = new Alarm(20_000);
    const world = new World({ clock: hostClock() });
    world.add(alarm);
    expect(await world.go()).toBe("quiet");
    expect(alarm.rang).toHaveLength(1);
    expect(alarm.rang[0]).toBeGreaterThanOrEqual(20_000);
  });

  test("sleeps while an outside may bring something, and wakes when it does", async () => {
    const world = new World({ clock: hostClock() });
    let polls = 0;
    let arrived = false;
    const gateway: Moving = {
      poll: () => {
        polls++;
        return false;
      },
      deadline: () => FOREVER,
    };
    world.add(gateway, { outside: true });
    setTimeout(() => {
      arrived = true;
      world.wake();
    }, 30);
    expect(await world.go({ until: () => arrived })).toBe("done");
    expect(polls).toBeLessThan(5);
  });

  test("is not run at once", () => {
    expect(() => new World({ clock: hostClock() }).run()).toThrow("use go()");
  });
});
