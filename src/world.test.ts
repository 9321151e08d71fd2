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

  test("where much moves at one moment, go gives the host its turn in the middle of it, and nothing else changes", async () => {
    /** Neighbours who wake each other, one of them slowly, for so many rounds; what each did when. */
    const crowd = (slow: boolean, rounds: number): { world: World; log: string[] } => {
      const world = new World();
      const log: string[] = [];
      const names = ["a", "b", "c"];
      for (const name of names) {
        let left = rounds;
        world.add({
          poll(now) {
            const began = Date.now();
            while (slow && name === "b" && Date.now() - began < 3);
            log.push(`${name}${now}`);
            return --left > 0;
          },
          deadline: () => (left > 0 && left < rounds ? 0 : FOREVER),
        });
      }
      return { world, log };
    };
    const quick = crowd(false, 12);
    expect(quick.world.run()).toBe("quiet");
    const slow = crowd(true, 12);
    let turns = 0;
    const counting = setInterval(() => turns++);
    expect(await slow.world.go()).toBe("quiet");
    clearInterval(counting);
    expect(slow.log).toEqual(quick.log);
    expect(turns, "the host had turns").toBeGreaterThan(0);

    const storm = crowd(true, 1_000_000);
    const abort = new AbortController();
    setTimeout(() => abort.abort());
    expect(await storm.world.go({ signal: abort.signal })).toBe("stopped");
    expect(storm.log.length).toBeLessThan(10_000);
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

describe("those who say when something has come", () => {
  /** Counts its turns; `say` is what the world gave it. */
  class Telling implements Moving {
    turns = 0;
    due: Micros = FOREVER;
    say: () => void = () => {};
    /** Done at its turn. */
    deed: (() => void) | undefined;

    poll(now: Micros): boolean {
      this.turns++;
      if (this.due <= now) this.due = FOREVER;
      const { deed } = this;
      this.deed = undefined;
      deed?.();
      return deed !== undefined;
    }

    deadline(): Micros {
      return this.due;
    }

    callWhenReady(ready: () => void): boolean {
      this.say = ready;
      return true;
    }
  }

  test("are polled once to begin with, and then at their moments only", () => {
    const [early, late, never] = [new Telling(), new Telling(), new Telling()];
    early.due = 10;
    late.due = 1000;
    const world = worldOf(early, late, never, new Alarm(5, 20, 30, 40, 2000));
    expect(world.run()).toBe("quiet");
    expect(world.now).toBe(2000);
    expect([early.turns, late.turns, never.turns]).toEqual([2, 2, 1]);
  });

  test("have their turn at the moment at which another gives them something, before or behind it", () => {
    const [first, middle, last] = [new Telling(), new Telling(), new Telling()];
    const order: string[] = [];
    middle.due = 7;
    const world = worldOf(first, middle, last);
    const alarm = new Telling();
    alarm.due = 6; // at which the middle one is prepared: a run begins with a turn for everybody
    world.add(alarm);
    alarm.deed = () => {
      alarm.deed = () => {
        middle.deed = () => {
          first.deed = () => order.push(`first at ${world.now}`);
          last.deed = () => order.push(`last at ${world.now}`);
          first.say();
          last.say();
        };
      };
    };
    expect(world.run()).toBe("quiet");
    expect(order).toEqual(["last at 7", "first at 7"]);
  });

  test("are not called any more when they are taken away at their own turn", () => {
    const gone = new Telling();
    const world = worldOf(gone, new Alarm(3));
    gone.deed = () => {
      gone.due = 1;
      world.remove(gone);
      gone.say();
    };
    expect(world.run()).toBe("quiet");
    expect([gone.turns, world.now]).toEqual([1, 3]);
  });

  test("compute until they wait, and again when something has come", () => {
    class Computing extends Telling {
      work = 150;
      came: Micros[] = [];

      run(now: Micros, until: Micros): Micros {
        const span = Math.min(this.work, until - now);
        this.work -= span;
        this.came.push(now + span);
        return now + span;
      }
    }
    const one = new Computing();
    const other = new Telling();
    other.due = 500;
    other.deed = undefined;
    const world = worldOf(one, other);
    expect(world.run({ timeout: 400 })).toBe("time");
    // It came to 100 and 150, and was asked once more in vain.
    expect(one.came).toEqual([100, 150, 150]);
    other.deed = () => {
      one.work = 30;
      one.say();
    };
    expect(world.run()).toBe("quiet");
    expect(one.came.at(-1)).toBe(430);
  });
});
