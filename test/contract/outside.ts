import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Listener, Outside, OutsideDatagrams, OutsideStream, Place } from "../../src/net/index.ts";

/** An outside to be tested, and how its time passes. */
export interface Subject {
  outside: Outside;
  /** Lets things happen, and resolves when `condition` holds. Rejects, saying `what`, if it never does. */
  until(condition: () => boolean, what: string): Promise<void>;
  /** Lets everything happen that could still happen soon. */
  settle(): Promise<void>;
}

const LOOPBACK = "127.0.0.1";
const ANY_PORT: Place = { host: LOOPBACK, port: 0 };

/** What every outside that reaches anything promises. */
export function outsideContract(name: string, make: () => Subject): void {
  describe(name, () => {
    let subject: Subject;
    let outside: Outside;
    let accepted: OutsideStream[];

    beforeEach(() => {
      subject = make();
      outside = subject.outside;
      accepted = [];
    });
    afterEach(() => outside.close());

    const isOpen = (part: { state: string; failure: unknown }) => () => part.state === "open";
    const isClosed = (part: { state: string }) => () => part.state === "closed";

    async function listening(at = ANY_PORT): Promise<Listener> {
      const listener = outside.listen(at, (stream) => accepted.push(stream));
      await subject.until(isOpen(listener), "the listener is open");
      return listener;
    }

    async function pair(): Promise<[OutsideStream, OutsideStream]> {
      const before = accepted.length;
      const listener = await listening();
      const near = outside.connect(listener.local);
      await subject.until(() => near.state === "open" && accepted.length > before, "the connection is open");
      listener.close();
      return [near, accepted[before]!];
    }

    async function bound(at = ANY_PORT): Promise<OutsideDatagrams> {
      const datagrams = outside.bind(at);
      await subject.until(isOpen(datagrams), "the port is bound");
      return datagrams;
    }

    async function reaching(peer: Place): Promise<OutsideDatagrams> {
      const datagrams = outside.reach(peer);
      await subject.until(isOpen(datagrams), "the peer can be sent to");
      return datagrams;
    }

    function readAll(stream: OutsideStream): number[] {
      const bytes: number[] = [];
      for (let next = stream.read(); next !== undefined; next = stream.read()) bytes.push(...next);
      return bytes;
    }

    describe("connections", () => {
      test("open on both sides, knowing each other's place", async () => {
        const [near, far] = await pair();
        expect(far.state).toBe("open");
        expect(far.remote).toEqual(near.local);
        expect(near.remote).toEqual(far.local);
        expect(near.remote.port).toBeGreaterThan(0);
        expect([near.finished, far.finished]).toEqual([false, false]);
        expect([near.read(), far.read()]).toEqual([undefined, undefined]);
        expect(near.room).toBeGreaterThan(0);
      });

      test("carry bytes both ways, in order", async () => {
        const [near, far] = await pair();
        near.write(Uint8Array.of(1, 2, 3));
        near.write(Uint8Array.of());
        near.write(Uint8Array.of(4));
        far.write(Uint8Array.of(9));
        const got: number[] = [];
        const back: number[] = [];
        await subject.until(() => {
          got.push(...readAll(far));
          back.push(...readAll(near));
          return got.length >= 4 && back.length >= 1;
        }, "everything has arrived");
        expect(got).toEqual([1, 2, 3, 4]);
        expect(back).toEqual([9]);
      });

      test("an array that is given back may be changed, and what was sent does not", async () => {
        const [near, far] = await pair();
        const bytes = new Uint8Array(1000);
        const got: number[] = [];
        let sent = 0;
        for (; sent < 100; sent++) {
          bytes.fill(sent);
          if (!near.write(bytes)) {
            sent++;
            break;
          }
        }
        await subject.until(() => {
          got.push(...readAll(far));
          return got.length === sent * 1000;
        }, "everything has arrived");
        expect(got.every((byte, i) => byte === Math.floor(i / 1000))).toBe(true);
      });

      test("do not call back from inside a verb", async () => {
        const listener = await listening();
        let inside = true;
        const calls: boolean[] = [];
        outside.onWake = () => calls.push(inside);
        const near = outside.connect(listener.local);
        near.onChange = () => calls.push(inside);
        inside = false;
        await subject.until(() => accepted.length > 0 && near.state === "open", "the connection is open");
        const far = accepted[0]!;
        far.onChange = () => calls.push(inside);
        inside = true;
        near.write(Uint8Array.of(1));
        far.write(Uint8Array.of(1));
        near.read();
        near.end();
        far.end();
        outside.connect(listener.local).reset();
        outside.bind(ANY_PORT).close();
        inside = false;
        await subject.until(() => far.state === "closed" && near.state === "closed", "both are closed");
        expect(calls.length).toBeGreaterThan(4);
        expect(calls.some(Boolean)).toBe(false);
      });

      test("tell of every change, and wake the world for it", async () => {
        const [near, far] = await pair();
        let changes = 0;
        let wakes = 0;
        far.onChange = () => changes++;
        outside.onWake = () => wakes++;
        near.write(Uint8Array.of(1));
        await subject.until(() => changes === 1, "told of the byte");
        expect(wakes).toBeGreaterThanOrEqual(1);
        expect(readAll(far)).toEqual([1]);
        near.end();
        await subject.until(() => far.finished, "told of the end");
        expect(changes).toBeGreaterThanOrEqual(2);
      });

      test("half-close: the other direction goes on, and the end comes after all bytes", async () => {
        const [near, far] = await pair();
        near.write(Uint8Array.of(1, 2));
        near.end();
        expect(near.room).toBe(0);
        const got: number[] = [];
        await subject.until(() => {
          if (far.finished) return true;
          got.push(...readAll(far));
          return far.finished;
        }, "the end has arrived");
        expect(got).toEqual([1, 2]);
        expect([near.state, far.state]).toEqual(["open", "open"]);
        far.write(Uint8Array.of(3));
        const back: number[] = [];
        await subject.until(() => back.push(...readAll(near)) > 0, "the answer has arrived");
        expect(back).toEqual([3]);
        far.end();
        await subject.until(isClosed(near), "near is closed");
        await subject.until(isClosed(far), "far is closed");
        expect([near.failure, far.failure]).toEqual([undefined, undefined]);
      });

      test("what arrived before an orderly end can be read after it", async () => {
        const [near, far] = await pair();
        near.end();
        await subject.until(() => far.finished, "the end has arrived");
        far.write(Uint8Array.of(5, 6));
        far.end();
        await subject.until(isClosed(far), "far is closed");
        await subject.settle();
        expect(near.finished).toBe(false);
        expect(readAll(near)).toEqual([5, 6]);
        await subject.until(() => near.finished && near.state === "closed", "near has finished");
      });

      test("a reset reaches the peer as a failure, and nobody else", async () => {
        const [near, far] = await pair();
        let told = 0;
        near.onChange = () => told++;
        near.reset();
        expect(near.state).toBe("closed");
        await subject.until(isClosed(far), "far has been reset");
        expect(far.failure).toMatchObject({ reason: "reset" });
        expect(far.failure!.text).toContain(LOOPBACK);
        await subject.settle();
        expect(told).toBe(0);
        far.write(Uint8Array.of(1)); // lost, and no error
        near.write(Uint8Array.of(1));
      });

      test("a writer without a reader runs out of room, and gets it back when somebody reads", async () => {
        const [near, far] = await pair();
        const block = new Uint8Array(16384).map((_, i) => i * 7);
        let sent = 0;
        let stalled = 0;
        // As long as the host takes bytes, on its way or in its own buffers, there is room again soon.
        while (sent < 2 ** 26) {
          if (near.room > 0) {
            near.write(block);
            sent += block.length;
            stalled = 0;
          } else if (stalled++ === 3) {
            break;
          } else {
            await subject.settle();
          }
        }
        expect(sent).toBeLessThan(2 ** 26);
        let room = false;
        near.onChange = () => {
          room ||= near.room > 0;
        };
        let got = 0;
        let wrong = 0;
        await subject.until(() => {
          for (let next = far.read(); next !== undefined; next = far.read()) {
            for (let i = 0; i < next.length; i++) {
              if (next[i] !== block[(got + i) % block.length]) wrong++;
            }
            got += next.length;
          }
          return got === sent;
        }, "everything has been read");
        await subject.until(() => near.room > 0, "there is room again");
        expect(room).toBe(true);
        expect(wrong).toBe(0);
      });

      test("many at once are kept apart", async () => {
        const listener = await listening();
        const streams = Array.from({ length: 50 }, () => outside.connect(listener.local));
        await subject.until(() => streams.every((s) => s.state === "open"), "all are open");
        streams.forEach((stream, i) => {
          stream.write(Uint8Array.of(i));
          stream.end();
        });
        await subject.until(() => accepted.length === 50, "all are accepted");
        const got = new Map<OutsideStream, number[]>();
        await subject.until(() => {
          for (const stream of accepted) got.set(stream, [...(got.get(stream) ?? []), ...readAll(stream)]);
          return accepted.every((stream) => stream.finished);
        }, "all have ended");
        expect([...got.values()].map(([mark]) => mark).sort((a, b) => a! - b!)).toEqual(
          streams.map((_, i) => i),
        );
        expect([...got.values()].every((bytes) => bytes.length === 1)).toBe(true);
      });

      test("one of the callers' errors is writing where nothing can be written", async () => {
        const listener = await listening();
        const opening = outside.connect(listener.local);
        expect(() => opening.write(Uint8Array.of(1))).toThrow("not open");
        expect(() => opening.end()).toThrow("not open");
        await subject.until(isOpen(opening), "open");
        opening.end();
        expect(() => opening.write(Uint8Array.of(1))).toThrow("after its end");
        opening.end(); // a second time changes nothing
      });
    });

    describe("failures", () => {
      test("nobody listens: refused, with the place", async () => {
        const listener = await listening();
        const place = listener.local;
        listener.close();
        await subject.settle();
        const stream = outside.connect(place);
        expect(stream.state).toBe("opening");
        await subject.until(isClosed(stream), "the connection has failed");
        expect(stream.failure!.reason).toBe("refused");
        expect(stream.failure!.text).toContain(`${LOOPBACK}:${place.port}`);
      });

      test("the port is taken: said at once with the place, and the first keeps it", async () => {
        const first = await listening();
        const second = outside.listen(first.local, () => {});
        await subject.until(isClosed(second), "the second has failed");
        expect(second.failure!.reason).toBe("in-use");
        expect(second.failure!.text).toContain(`${LOOPBACK}:${first.local.port}`);
        const everywhere = outside.listen({ host: "0.0.0.0", port: first.local.port }, () => {});
        await subject.until(isClosed(everywhere), "the wildcard has failed, too");
        expect(everywhere.failure!.reason).toBe("in-use");
        const stream = outside.connect(first.local);
        await subject.until(isOpen(stream), "the first still listens");
      });

      test("a port that is none", async () => {
        for (const port of [-1, 65536, 1.5, Number.NaN]) {
          const parts = [
            outside.listen({ host: LOOPBACK, port }, () => {}),
            outside.connect({ host: LOOPBACK, port }),
            outside.bind({ host: LOOPBACK, port }),
            outside.reach({ host: LOOPBACK, port }),
          ];
          await subject.until(() => parts.every((part) => part.state === "closed"), "all have failed");
          for (const part of parts) expect(part.failure!.reason).toBe("bad-address");
        }
      });

      test("what is closed before it is open never opens", async () => {
        const listener = outside.listen(ANY_PORT, () => {});
        const datagrams = outside.bind(ANY_PORT);
        const reaching = outside.reach({ host: LOOPBACK, port: 9 });
        let told = 0;
        outside.onWake = () => told++;
        for (const part of [listener, datagrams, reaching]) {
          part.close();
          expect(part.state).toBe("closed");
        }
        await subject.settle();
        for (const part of [listener, datagrams, reaching]) {
          expect(part.state).toBe("closed");
          expect(part.failure).toBeUndefined();
        }
        expect(told).toBe(0);
      });

      test("a listener that is closed frees its port and leaves its connections alone", async () => {
        const listener = await listening();
        const near = outside.connect(listener.local);
        await subject.until(() => accepted.length === 1 && near.state === "open", "connected");
        const place = listener.local;
        listener.close();
        await subject.settle();
        near.write(Uint8Array.of(7));
        const got: number[] = [];
        await subject.until(() => got.push(...readAll(accepted[0]!)) > 0, "the connection still works");
        const again = outside.listen(place, () => {});
        await subject.until(() => again.state !== "opening", "answered");
        expect(again.failure).toBeUndefined();
      });
    });

    describe("datagrams", () => {
      test("arrive whole, with their sender, who can be answered", async () => {
        const server = await bound();
        const client = await reaching(server.local);
        client.send(Uint8Array.of(1, 2));
        client.send(Uint8Array.of());
        client.send(new Uint8Array(9000).fill(3));
        const got: { from: Place; payload: Uint8Array }[] = [];
        await subject.until(() => {
          for (let next = server.receive(); next; next = server.receive()) got.push(next);
          return got.length === 3;
        }, "all three have arrived");
        expect(got.map(({ payload }) => payload.length)).toEqual([2, 0, 9000]);
        expect(got[0]!.from.port).toBe(client.local.port);
        server.send(Uint8Array.of(8), got[0]!.from);
        let answer: Uint8Array | undefined;
        await subject.until(() => (answer = client.receive()?.payload) !== undefined, "answered");
        expect([...answer!]).toEqual([8]);
      });

      test("those of strangers do not reach a port that has one peer", async () => {
        const server = await bound();
        const stranger = await bound();
        const client = await reaching(server.local);
        client.send(Uint8Array.of(1));
        let from: Place | undefined;
        await subject.until(() => (from = server.receive()?.from) !== undefined, "arrived");
        stranger.send(Uint8Array.of(66), from);
        server.send(Uint8Array.of(2), from);
        const got: number[] = [];
        await subject.until(() => {
          for (let next = client.receive(); next; next = client.receive()) got.push(...next.payload);
          return got.length > 0;
        }, "answered");
        await subject.settle();
        expect(client.receive()).toBeUndefined();
        expect(got).toEqual([2]);
      });

      test("a refusal is told once, and the port stays usable", async () => {
        const server = await bound();
        const place = server.local;
        const client = await reaching(place);
        server.close();
        await subject.settle();
        let changes = 0;
        client.onChange = () => changes++;
        client.send(Uint8Array.of(1));
        await subject.until(() => changes > 0, "told of the refusal");
        const error = client.takeError();
        expect(error!.reason).toBe("refused");
        expect(error!.text).toContain(`${LOOPBACK}:${place.port}`);
        expect(client.takeError()).toBeUndefined();
        expect(client.state).toBe("open");
        const again = await bound(place);
        client.send(Uint8Array.of(2));
        let got: OutsideDatagramPayload;
        await subject.until(() => (got = again.receive()?.payload) !== undefined, "arrived");
        expect([...got!]).toEqual([2]);
      });

      test("the port is taken", async () => {
        const first = await bound();
        const second = outside.bind(first.local);
        await subject.until(isClosed(second), "the second has failed");
        expect(second.failure!.reason).toBe("in-use");
        expect(second.failure!.text).toContain(`${LOOPBACK}:${first.local.port}`);
      });

      test("nobody reads: what is too much is dropped and counted", async () => {
        const server = await bound();
        const client = await reaching(server.local);
        const payload = new Uint8Array(1);
        for (let round = 0; round < 100 && server.dropped === 0; round++) {
          for (let i = 0; i < 50; i++) client.send(payload);
          await subject.settle();
        }
        expect(server.dropped).toBeGreaterThan(0);
        let kept = 0;
        while (server.receive() !== undefined) kept++;
        expect(kept).toBeGreaterThan(0);
        expect(kept).toBeLessThanOrEqual(1024);
      });
    });

    describe("names and addresses", () => {
      test("localhost has its address; a name that cannot be has none", async () => {
        let answer: unknown;
        outside.resolve("localhost", (addresses) => {
          answer = addresses;
        });
        expect(answer).toBeUndefined();
        await subject.until(() => answer !== undefined, "answered");
        expect(answer).toEqual([LOOPBACK]);
      });

      test("the host knows its own addresses", () => {
        expect(outside.isHost("127.0.0.1")).toBe(true);
        expect(outside.isHost("127.255.0.1")).toBe(true);
        expect(outside.isHost("192.0.2.1")).toBe(false); // RFC 5737: for documentation, nobody's
      });
    });

    test("close ends everything, and nothing is told any more", async () => {
      const listener = await listening();
      const near = outside.connect(listener.local);
      await subject.until(() => accepted.length === 1 && near.state === "open", "connected");
      const server = await bound();
      const opening = outside.connect(listener.local);
      let told = 0;
      for (const part of [listener, near, accepted[0]!, server, opening]) part.onChange = () => told++;
      outside.onWake = () => told++;
      near.write(Uint8Array.of(1));
      await outside.close();
      for (const part of [listener, near, accepted[0]!, server, opening]) expect(part.state).toBe("closed");
      await subject.settle();
      expect(told).toBe(0);
      await outside.close(); // a second time changes nothing
    });
  });
}

type OutsideDatagramPayload = Uint8Array | undefined;
