/** A transfer in both directions at once over a bad link in virtual time, every byte checked. */
import { Random, SECOND } from "../../src/base/index.ts";
import {
  ANY6,
  cable,
  type Faults,
  FaultyLink,
  parseAddress6,
  parseNetwork6,
  type Socket,
  type TcpSettings,
  TcpState,
} from "../../src/net/index.ts";
import { B, pair } from "./pair.ts";

export interface Outcome {
  seconds: number;
  retransmitted: number;
  timeouts: number;
}

/** Sends `bytes` in both directions at once, closes, and checks every byte. */
export function transfer(
  seed: number,
  bytes: number,
  faults: Faults,
  settings: Partial<TcpSettings> = {},
  six = false,
): Outcome {
  const [near, far] = cable();
  const clock = { now: () => world.now };
  const link = new FaultyLink({
    port: far,
    clock,
    random: new Random(seed * 7919),
    sending: faults,
    receiving: faults,
  });
  const world = pair({
    seed,
    ports: [near, link],
    between: [link],
    a: { tcp: settings },
    b: { tcp: settings },
  });
  if (six) {
    for (const [stack, text] of [
      [world.a, "fd00::15/64"],
      [world.b, "fd00::2/64"],
    ] as const)
      stack.configure6(0, { addresses: [parseNetwork6(text)!], duplicateDetection: 0, autoconfigure: false });
  }
  const listener = world.b.sockets.stream();
  listener.bind(ANY6, 5001);
  listener.listen(1);
  const client = world.a.sockets.stream();
  client.connect(six ? parseAddress6("fd00::2")! : B, 5001);
  if (!world.run(() => listener.acceptable, 400 * SECOND)) throw new Error(`no connection: ${client.error}`);
  const server = listener.accept() as Socket;

  const chance = new Random(seed);
  const end = (socket: Socket, salt: number) => {
    const byteAt = (position: number) => (position * 31 + (position >>> 8) * 17 + salt) & 255;
    const buffer = new Uint8Array(8192);
    return {
      socket,
      sent: 0,
      received: 0,
      finished: false,
      move(peerSalt: number) {
        while (this.sent < bytes) {
          const chunk = Uint8Array.from(
            { length: Math.min(1 + chance.below(4000), bytes - this.sent) },
            (_, i) => byteAt(this.sent + i),
          );
          const taken = socket.send(chunk);
          if (typeof taken !== "number") {
            if (taken !== "would-block") throw new Error(`send: ${taken}`);
            break;
          }
          this.sent += taken;
          if (this.sent === bytes) socket.shutdown("send");
        }
        for (;;) {
          if (this.finished) return;
          const got = socket.receive(buffer.subarray(0, 1 + chance.below(8192)));
          if (typeof got !== "number") {
            if (got !== "would-block") throw new Error(`receive: ${got}`);
            return;
          }
          if (got === 0) {
            this.finished = true;
            return;
          }
          for (let i = 0; i < got; i++) {
            const position = this.received + i;
            const expected = (position * 31 + (position >>> 8) * 17 + peerSalt) & 255;
            if (buffer[i] !== expected) throw new Error(`byte ${position} is ${buffer[i]}, not ${expected}`);
          }
          this.received += got;
        }
      },
    };
  };
  const one = end(client, 1);
  const other = end(server, 2);
  const done = world.run(() => {
    one.move(2);
    other.move(1);
    return one.finished && other.finished;
  }, 3600 * SECOND);
  if (!done) throw new Error(`stuck after ${one.received} and ${other.received} of ${bytes} bytes`);
  const seconds = world.now / SECOND;
  client.close();
  server.close();
  world.run(() => false, world.now + 4000 * SECOND);
  const left = world.a.connections().length + world.b.connections().length;
  if (client.state !== TcpState.CLOSED || server.state !== TcpState.CLOSED || left > 0) {
    throw new Error(`not closed: states ${client.state} and ${server.state}, ${left} connections left`);
  }
  return {
    seconds,
    timeouts: world.a.counters.tcpTimeouts + world.b.counters.tcpTimeouts,
    retransmitted: world.a.counters.tcpRetransmitted + world.b.counters.tcpRetransmitted,
  };
}
