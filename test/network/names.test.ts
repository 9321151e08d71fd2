/** What the host's resolver says, as `DnsServer` needs to know it: no such name, or nobody who could tell. */
import { lookup } from "node:dns";
import { expect, test, vi } from "vitest";
import type { Failure } from "../../src/net/index.ts";
import { NodeOutside } from "../../src/node/index.ts";

vi.mock("node:dns", () => ({ lookup: vi.fn() }));

/** The answer when `lookup` of Node ends so. */
async function resolved(error: { code: string } | null, addresses: { address: string }[] = []) {
  vi.mocked(lookup).mockImplementation(((
    _name: string,
    _options: object,
    done: (...args: unknown[]) => void,
  ) => done(error && Object.assign(new Error("getaddrinfo"), error), addresses)) as never);
  const outside = new NodeOutside();
  const answer = await new Promise<readonly string[] | Failure>((settle) =>
    outside.resolve("name.example", settle),
  );
  outside.close();
  return answer;
}

test("addresses of both kinds", async () => {
  expect(await resolved(null, [{ address: "192.0.2.1" }, { address: "2001:db8::1" }])).toEqual([
    "192.0.2.1",
    "2001:db8::1",
  ]);
});

test("a name that is none is told apart from one that nobody can tell about", async () => {
  expect(await resolved({ code: "ENOTFOUND" })).toEqual({
    reason: "bad-address",
    text: "name.example: no such host",
  });
  expect(await resolved({ code: "EAI_AGAIN" })).toEqual({
    reason: "failed",
    text: "name.example: the name cannot be resolved now",
  });
});
