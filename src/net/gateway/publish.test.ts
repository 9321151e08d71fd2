import { expect, test } from "vitest";
import { parseAddress } from "../wire/address.ts";
import { allowOnly, neverOutside } from "./policy.ts";
import { parsePublication, showPublication } from "./publish.ts";

test.each([
  ["8080:80", "127.0.0.1:8080 → 10.0.2.15:80/tcp"],
  ["8080:80/tcp", "127.0.0.1:8080 → 10.0.2.15:80/tcp"],
  ["5353:53/udp", "127.0.0.1:5353 → 10.0.2.15:53/udp"],
  ["0:80", "127.0.0.1:0 → 10.0.2.15:80/tcp"],
  ["0.0.0.0:8080:80", "0.0.0.0:8080 → 10.0.2.15:80/tcp"],
  ["localhost:8080:80", "localhost:8080 → 10.0.2.15:80/tcp"],
  ["[::1]:8080:80/udp", "[::1]:8080 → 10.0.2.15:80/udp"],
  ["8080:10.0.2.16:80", "127.0.0.1:8080 → 10.0.2.16:80/tcp"],
  ["192.0.2.1:8080:10.0.2.16:80", "192.0.2.1:8080 → 10.0.2.16:80/tcp"],
  ["[::]:8080:10.0.2.16:80", "[::]:8080 → 10.0.2.16:80/tcp"],
  ["8080:[fd00::15]:80", "127.0.0.1:8080 → [fd00::15]:80/tcp"],
  ["[::1]:8080:[fd00::15]:80", "[::1]:8080 → [fd00::15]:80/tcp"],
  ["localhost:53:[fd00::15]:53/udp", "localhost:53 → [fd00::15]:53/udp"],
  ["65535:65535", "127.0.0.1:65535 → 10.0.2.15:65535/tcp"],
])("%s publishes %s", (text, shown) => {
  const publication = parsePublication(text);
  if ("error" in publication) throw new Error(publication.error);
  expect(showPublication(publication)).toBe(shown);
});

test.each([
  ["", "a part is missing"],
  ["8080", "a part is missing"],
  ["8080:", '"" is not a guest\'s port'],
  [":80", '"" is not a port'],
  ["8080:0", '"0" is not a guest\'s port'],
  ["65536:80", '"65536" is not a port'],
  ["8080:99999", '"99999" is not a guest\'s port'],
  ["-1:80", '"-1" is not a port'],
  ["80a:80", '"80a" is not a port'],
  ["8080:80/sctp", '"sctp" is not tcp or udp'],
  ["8080:80/", '"" is not tcp or udp'],
  [":8080:80", "the host is empty"],
  ["[]:8080:80", "the host is empty"],
  ["::1:8080:80", "too many parts; an IPv6 address stands in brackets"],
  ["a:1:10.0.2.256:80", '"10.0.2.256" is not an IP address'],
  ["1:2:3:4:5", "too many parts; an IPv6 address stands in brackets"],
  ["a:1:[10.0.2.16]:80", '"[10.0.2.16]" is not an IP address'],
  ["1:[fd00::15:80", "too many parts; an IPv6 address stands in brackets"],
])("%s is refused", (text, why) => {
  const answer = parsePublication(text);
  expect(answer).toEqual({ error: expect.stringContaining(why) });
  expect((answer as { error: string }).error).toContain("[HOST:]PORT:[GUEST:]GUESTPORT[/udp]");
  expect((answer as { error: string }).error).toContain(JSON.stringify(text));
});

const target = (text: string) => {
  const [, host, port, protocol] = /^(.*):(\d+)\/(tcp|udp)$/.exec(text) as unknown as [
    string,
    string,
    string,
    "tcp",
  ];
  return { protocol, address: parseAddress(host)!, port: Number(port) };
};

test("an allow-list allows what a rule names, and nothing else", () => {
  const policy = allowOnly([
    "192.0.2.0/24:80",
    "198.51.100.7:53/udp",
    "203.0.113.128/25:*/tcp",
    "0.0.0.0/0:443",
  ]);
  if (typeof policy !== "function") throw new Error(policy.error);
  const allowed = ["192.0.2.0:80/tcp", "192.0.2.255:80/udp", "198.51.100.7:53/udp", "203.0.113.128:1/tcp"];
  allowed.push("203.0.113.255:65535/tcp", "255.0.0.1:443/tcp", "1.2.3.4:443/udp");
  for (const text of allowed) expect(policy(target(text)), text).toBe(true);
  const refused = ["192.0.3.0:80/tcp", "192.0.1.255:80/tcp", "192.0.2.1:81/tcp", "198.51.100.7:53/tcp"];
  refused.push("198.51.100.8:53/udp", "203.0.113.127:1/tcp", "203.0.113.128:1/udp", "1.2.3.4:444/tcp");
  for (const text of refused) expect(policy(target(text)), text).toBe(false);
  const nothing = allowOnly([]);
  expect(typeof nothing === "function" && nothing(target("192.0.2.1:80/tcp"))).toBe(false);
});

test.each([
  "192.0.2.1",
  "192.0.2.1:",
  "192.0.2.1:0",
  "192.0.2.1:65536",
  "192.0.2.1/33:80",
  "192.0.2:80",
  "host:80",
  "192.0.2.1:80/icmp",
])("%s is no rule", (rule) => {
  expect(allowOnly(["1.2.3.4:5", rule])).toEqual({ error: expect.stringContaining(JSON.stringify(rule)) });
});

test.each([
  ["0.1.2.3", true],
  ["1.0.0.0", false],
  ["126.255.255.255", false],
  ["127.0.0.1", true],
  ["169.253.255.255", false],
  ["169.254.169.254", true],
  ["169.255.0.0", false],
  ["192.168.1.1", false],
  ["223.255.255.255", false],
  ["224.0.0.1", true],
  ["255.255.255.255", true],
])("%s never leaves: %s", (text, never) => {
  expect(neverOutside(parseAddress(text)!)).toBe(never);
});
