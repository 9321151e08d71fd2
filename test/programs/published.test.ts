import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Computer } from "../../src/computer.ts";
import { Gateway, parsePublication, Switch } from "../../src/net/index.ts";
import { NodeOutside } from "../../src/node/index.ts";
import { hostClock, World } from "../../src/world.ts";

/** What fasm made of asm/http-server.asm with all corrections. */
const image = readFileSync(new URL("../../fixtures/guide/images/http-server.corrected.bin", import.meta.url));

test("the guide's server, published on the host, answers the host", async () => {
  const world = new World({ clock: hostClock() });
  const lan = new Switch({ clock: world.clock });
  const outside = new NodeOutside();
  outside.onWake = () => world.wake();
  const publication = parsePublication("0:80");
  if ("error" in publication) throw new Error(publication.error);
  const gateway = new Gateway({ port: lan.plug(), outside, random: world.random, publish: [publication] });
  world.add(gateway, { outside: true });
  const server = new Computer({
    world,
    interfaces: [{ port: lan.plug(), address: "10.0.2.15/24", gateway: "10.0.2.2" }],
  });
  server.load(new Uint8Array(image));
  const abort = new AbortController();
  const running = server.go({ signal: abort.signal });
  try {
    while (gateway.published[0]!.state === "opening" || server.debugBoard === "") {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const url = `http://127.0.0.1:${gateway.published[0]!.at.port}/`;
    const answers = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const response = await fetch(url, { headers: { connection: "close" } });
        return [response.status, (await response.text()).includes("</html>")];
      }),
    );
    expect(answers).toEqual(new Array(20).fill([200, true]));
  } finally {
    abort.abort();
    expect(await running).toMatchObject({ reason: "stopped" });
    await outside.close();
  }
});
