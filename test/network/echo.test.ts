import { expect, test } from "vitest";
import { bytesOf, latin1 } from "../../src/base/index.ts";
import { type Socket, TcpState } from "../../src/net/index.ts";
import { B, pair } from "./pair.ts";

test("one station listens, the other connects, sends, gets it back, and both close in order", () => {
  const world = pair();
  const listener = world.b.sockets.stream();
  expect(listener.bind(0, 7)).toBeUndefined();
  expect(listener.listen(5)).toBeUndefined();
  expect(listener.state).toBe(TcpState.LISTEN);
  expect(listener.accept()).toBe("would-block");

  const client = world.a.sockets.stream();
  expect(client.connect(B, 7)).toBe("in-progress");
  expect(client.state).toBe(TcpState.SYN_SENT);
  expect(client.connect(B, 7)).toBe("already");
  world.settle();
  expect(client.connect(B, 7)).toBe("connected");
  expect(client.state).toBe(TcpState.ESTABLISHED);
  const server = listener.accept() as Socket;
  expect(server.state).toBe(TcpState.ESTABLISHED);

  expect(client.send(bytesOf("hello"))).toBe(5);
  world.settle();
  const buffer = new Uint8Array(100);
  expect(server.receive(buffer)).toBe(5);
  expect(server.receive(buffer)).toBe("would-block");
  expect(server.send(buffer.subarray(0, 5))).toBe(5);
  world.settle();
  expect(client.receive(buffer)).toBe(5);
  expect(latin1(buffer.subarray(0, 5))).toBe("hello");

  client.close();
  world.settle();
  expect(client.state).toBe(TcpState.FIN_WAIT_2);
  expect(server.state).toBe(TcpState.CLOSE_WAIT);
  expect(server.receive(buffer)).toBe(0);
  server.close();
  world.settle();
  expect(server.state).toBe(TcpState.CLOSED);
  expect(client.state).toBe(TcpState.TIME_WAIT);
  expect(world.run(() => client.state === TcpState.CLOSED)).toBe(true);
  expect(world.now).toBe(60_000_000);
  expect([world.a.drops.all(), world.b.drops.all()]).toEqual([{}, {}]);
  expect(world.a.deadline()).toBe(Number.POSITIVE_INFINITY);
});
