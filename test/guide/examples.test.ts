import { expect, test } from "vitest";
import { Computer, describeStop, SECOND, type Socket, Switch, World } from "../../src/index.ts";
import { parseAddress, parseAddress6 } from "../../src/net/index.ts";
import { program } from "./programs.ts";

/** The small programs of asm/, as our assembler makes them. */

test("hello says hello and ends", () => {
  const computer = new Computer();
  computer.load(program("asm/hello.asm"));
  expect(computer.run()).toEqual({ reason: "exit" });
  expect(computer.debugBoard).toBe("Hello from KolibriOS\r\n");
});

test("the server with the listings as printed ends in init_socket_manager, and the place is the guide's line", () => {
  const computer = new Computer();
  computer.load(program("asm/http-server.asm", []));
  const stop = computer.run({ maxInstructions: 1000 });
  expect(stop).toMatchObject({ reason: "fault", fault: "#GP", address: 0xffffffff, access: "write" });
  expect(describeStop(stop)).toMatch(/init_socket_manager\+.*listing-2\.asm:74/);
});

test("the echo server sends back what it gets, also more than fits, to several at once", () => {
  const world = new World();
  const lan = new Switch({ clock: world.clock });
  const server = new Computer({ world, interfaces: [{ port: lan.plug(), address: "10.0.2.15/24" }] });
  server.load(program("asm/echo-server.asm"), { args: "7007" });
  world.run({ until: () => server.debugBoard.includes("\n"), timeout: SECOND });
  expect(server.debugBoard).toBe("Echoing on port 7007\r\n");

  const station = new Computer({ world, interfaces: [{ port: lan.plug(), address: "10.0.2.16/24" }] });
  const room = new Uint8Array(65536);
  const clients = Array.from({ length: 3 }, (_, client) => {
    const sent = Uint8Array.from({ length: 100_000 }, (_, i) => (i * (client + 3)) >>> 2);
    const socket: Socket = station.stack.sockets.stream();
    const state = { taken: 0, back: [] as number[], socket, sent };
    socket.onChange = () => {
      for (;;) {
        const length = socket.receive(room);
        if (typeof length === "string" || length === 0) break;
        state.back.push(...room.subarray(0, length));
      }
      while (state.taken < sent.length) {
        const taken = socket.send(sent.subarray(state.taken));
        if (typeof taken === "string") break;
        state.taken += taken;
      }
    };
    socket.connect(parseAddress("10.0.2.15")!, 7007);
    return state;
  });
  world.run({
    until: () => clients.every(({ sent, back }) => back.length >= sent.length),
    timeout: 30 * SECOND,
  });
  for (const { sent, back } of clients) expect(Buffer.compare(Uint8Array.from(back), sent)).toBe(0);
  for (const { socket } of clients) socket.close();
  world.advance(SECOND / 10);
  expect(server.memory.u32(server.address("tcp_server.client_count"))).toBe(0);
});

test("the echo over IPv6, both ends of it: over IPv4 too, and every way an address can be written", () => {
  const world = new World();
  const lan = new Switch({ clock: world.clock });
  const computer = (number: number): Computer => {
    const interfaces = [
      {
        port: lan.plug(),
        address: `10.0.2.${number}/24`,
        addresses6: [`fd00::${number}/64`, "2001:db8:1:2:3:4:5:6/64"],
      },
    ];
    if (number !== 15) interfaces[0]!.addresses6.pop();
    return new Computer({ world, interfaces });
  };
  const server = computer(15);
  server.load(program("asm/echo6.asm"));
  world.run({ until: () => server.debugBoard.includes("\n"), timeout: SECOND });
  expect(server.debugBoard).toBe("Echoing on port 7\r\n");
  let number = 16;
  const say = (args: string): string => {
    const client = computer(number++);
    const [network, gateway] = [parseAddress6("2001:db8:1:2::")!, parseAddress6("fd00::15")!];
    client.stack.addRoute6({ network, prefixLength: 64, gateway });
    client.load(program("asm/echo6.asm"), { args });
    expect(client.run({ timeout: 10 * SECOND })).toEqual({ reason: "exit" });
    return client.debugBoard;
  };
  const peers: number[][] = [];
  for (const address of ["fd00::15", "FD00:0:0::0015", "2001:db8:1:2:3:4:5:6", "::ffff:a00:20f"]) {
    expect([address, say(`${address} Hello to you`)]).toEqual([address, "Hello to you\r\n"]);
    peers.push([...server.memory.read(server.address("peer"), 28)!]);
  }
  // What accept tells: family 10, and the address of the other side, mapped when it is of IPv4.
  expect(peers[0]!.slice(0, 2)).toEqual([10, 0]);
  expect(peers[0]!.slice(8)).toEqual([0xfd, ...Array(14).fill(0), 0x16, 0, 0, 0, 0]);
  expect(peers[3]!.slice(8)).toEqual([...Array(10).fill(0), 255, 255, 10, 0, 2, 19, 0, 0, 0, 0]);
  for (const wrong of ["fd00", "1::2::3", "1:2:3:4:5:6:7:8:9", "12345::", "g::", "1:2:3:4:5:6:7::8", ""])
    expect(say(`${wrong}| x`)).toBe("Command line: nothing for the server, ADDRESS TEXT for the client\r\n");
  expect(say("fd00::77 x")).toBe("No connection.\r\n");
});
