import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Computer } from "../../src/computer.ts";
import { Switch } from "../../src/net/index.ts";
import { World } from "../../src/world.ts";

/** Programs as fasm made them of asm/, with all corrections. */
const program = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../../fixtures/guide/images/${name}.corrected.bin`, import.meta.url)));

const SECONDS = 1_000_000;

/** The guide's server at 10.0.2.15 and clients from 10.0.2.100 on, all on one switch and one virtual clock. */
function lab(clients: readonly string[], seed = 1) {
  const world = new World({ seed });
  const lan = new Switch({ clock: world.clock });
  const at = (address: string): Computer =>
    new Computer({ world, memoryBytes: 4 << 20, interfaces: [{ port: lan.plug(), address }] });
  const one = at("10.0.2.15/24");
  one.load(program("http-server"));
  world.run({ until: () => one.debugBoard.includes("\n"), timeout: SECONDS });
  const others = clients.map((args, i) => {
    const computer = at(`10.0.2.${100 + i}/24`);
    computer.load(program("tcp-client"), { args });
    return computer;
  });
  return { world, server: one, clients: others };
}

test("the guide's client fetches a page from the guide's server", () => {
  const { clients, server } = lab(["10.0.2.15 80 GET / HTTP/1.0"]);
  expect(clients[0]!.run({ timeout: 10 * SECONDS })).toEqual({ reason: "exit" });
  expect(clients[0]!.debugBoard).toMatch(/^HTTP\/1\.1 200 OK\r\n.*<\/html>/s);
  expect(server.stop).toBeUndefined();
});

test("a client whom nobody answers gives up, and says so", () => {
  const world = new World();
  const port = new Switch({ clock: world.clock }).plug();
  const client = new Computer({ world, interfaces: [{ port, address: "10.0.2.100/24" }] });
  client.load(program("tcp-client"), { args: "10.0.2.77 80" });
  expect(client.run({ timeout: 120 * SECONDS })).toEqual({ reason: "exit" });
  expect(client.debugBoard).toBe("No connection.\r\n");
});

test("the same seed, the same run: every counter of every computer", () => {
  const run = (seed: number) => {
    const requests = Array.from({ length: 5 }, () => "10.0.2.15 80 GET / HTTP/1.0");
    const { world, server, clients } = lab(requests, seed);
    world.run({ until: () => clients.every(({ stop }) => stop), timeout: 10 * SECONDS });
    return [
      world.now,
      ...[server, ...clients].flatMap(({ state, stack }) => [state, stack.nics[0]!.counters]),
    ];
  };
  expect(run(3)).toEqual(run(3));
});

test("a hundred and one computers at once", () => {
  const requests = Array.from({ length: 100 }, () => "10.0.2.15 80 GET / HTTP/1.0");
  const { world, clients } = lab(requests);
  const end = world.run({ until: () => clients.every(({ stop }) => stop), timeout: 60 * SECONDS });
  expect(end).toBe("done");
  for (const { stop, debugBoard } of clients) {
    expect(stop).toEqual({ reason: "exit" });
    expect(debugBoard).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  }
});
