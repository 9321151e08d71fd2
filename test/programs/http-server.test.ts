import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Random } from "../../src/base/index.ts";
import { Computer } from "../../src/computer.ts";
import { Nic, parseNetwork, type Socket, Stack, Switch } from "../../src/net/index.ts";
import { World } from "../../src/world.ts";

/** What fasm made of asm/http-server.asm with all corrections. */
const image = readFileSync(new URL("../../fixtures/guide/images/http-server.corrected.bin", import.meta.url));

/** The server at 10.0.2.15 on a switch with another station, in virtual time. */
function lab() {
  const world = new World();
  const lan = new Switch({ clock: world.clock });
  const server = new Computer({ world, interfaces: [{ port: lan.plug(), address: "10.0.2.15/24" }] });
  server.load(new Uint8Array(image));
  const station = new Stack({
    nics: [new Nic({ port: lan.plug(), mac: 0x5254_0000_0001 })],
    random: new Random(world.random.u32()),
  });
  station.configure(0, parseNetwork("10.0.2.1/24")!);
  world.add(station);
  world.run({ until: () => server.debugBoard.includes("\n"), timeout: 10_000_000 });
  return { world, server, station };
}

/** One request of its own connection; answers what came until the server closed, or undefined while it goes on. */
function get(station: Stack, path: string): () => string | undefined {
  const socket: Socket = station.sockets.stream();
  socket.connect(0x0a00020f, 80);
  let asked = false;
  let text = "";
  let over = false;
  const into = new Uint8Array(65536);
  socket.onChange = () => {
    if (!asked && socket.writable) {
      asked = true;
      socket.send(new TextEncoder().encode(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`));
    }
    for (;;) {
      const length = socket.receive(into);
      if (length === "would-block") return;
      if (typeof length === "string" || length === 0) break;
      text += new TextDecoder().decode(into.subarray(0, length));
    }
    over = true;
    socket.close();
  };
  return () => (over ? text : undefined);
}

test("the guide's server answers a request", () => {
  const { world, server, station } = lab();
  expect(server.debugBoard).toBe("Listening on port 80\r\n");
  const answer = get(station, "/");
  expect(world.run({ until: () => answer() !== undefined, timeout: 10_000_000 })).toBe("done");
  expect(answer()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  expect(answer()).toContain("</html>");
  expect(server.stop).toBeUndefined();
});

test("fifty at a time, again and again", () => {
  const { world, server, station } = lab();
  for (let round = 0; round < 4; round++) {
    const answers = Array.from({ length: 50 }, () => get(station, "/"));
    const all = () => answers.every((answer) => answer() !== undefined);
    expect(world.run({ until: all, timeout: 60_000_000 })).toBe("done");
    for (const answer of answers) expect(answer()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  }
  expect(server.kernel.counts).toMatchObject({ "open socket": 1, bind: 1, listen: 1 });
});
