import { maskOf } from "../wire/address.ts";
import { address6, commonPrefix, isLinkLocal6, isMulticast6 } from "../wire/address6.ts";
import { type IpAddress, parseIpAddress } from "../wire/ip-address.ts";

/** What a guest wants to reach outside. */
export interface Target {
  readonly protocol: "tcp" | "udp";
  readonly address: IpAddress;
  readonly port: number;
}

/** Whether guests may reach it. */
export type Policy = (target: Target) => boolean;

/**
 * A policy that allows what one of the rules names, and nothing else: `192.0.2.0/24:80`, `192.0.2.1:53/udp`,
 * `0.0.0.0/0:443/tcp`, `198.51.100.7:*`, `[2001:db8::/32]:443`. Without a protocol, a rule is about both.
 */
export function allowOnly(rules: readonly string[]): Policy | { error: string } {
  const policies: Policy[] = [];
  for (const rule of rules) {
    const policy = parseRule(rule);
    if (policy === undefined) {
      return {
        error: `${JSON.stringify(rule)}: expected ADDRESS[/BITS]:PORT[/tcp|/udp], with * for any port and an IPv6 address in brackets`,
      };
    }
    policies.push(policy);
  }
  return (target) => policies.some((allows) => allows(target));
}

function parseRule(rule: string): Policy | undefined {
  const match = /^(?:([\d.]+(?:\/\d+)?)|\[([\da-fA-F:.]+(?:\/\d+)?)\]):(\*|\d{1,5})(?:\/(tcp|udp))?$/.exec(
    rule,
  );
  if (!match) return undefined;
  const [, four, six, portText, protocol] = match;
  const covers = parseNetworkOf(four ?? six!, six !== undefined);
  const port = portText === "*" ? undefined : Number(portText);
  if (covers === undefined || (port !== undefined && (port < 1 || port > 65535))) return undefined;
  return (target) =>
    covers(target.address) &&
    (port === undefined || port === target.port) &&
    (protocol === undefined || protocol === target.protocol);
}

/** Whether an address is in the network, or is the one address, that stands there. */
function parseNetworkOf(text: string, six: boolean): ((address: IpAddress) => boolean) | undefined {
  const [place = "", bits] = text.split("/");
  const base = parseIpAddress(place);
  const length = bits === undefined ? (six ? 128 : 32) : Number(bits);
  if (base === undefined || (typeof base === "string") !== six || length > (six ? 128 : 32)) return undefined;
  if (typeof base === "string")
    return (address) => typeof address === "string" && commonPrefix(base, address) >= length;
  const mask = maskOf(length);
  return (address) => typeof address === "number" && ((address ^ base) & mask) === 0;
}

/** RFC 4291 2.5.5: what only stands for an IPv4 address, where the host would reach itself by another name. */
const EMBEDDED = [
  [address6(0, 0, 0, 0, 0, 0, 0, 0), 96],
  [address6(0, 0, 0, 0, 0, 0xffff, 0, 0), 96],
  [address6(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96],
  [address6(0x2002, 0, 0, 0, 0, 0, 0, 0), 16],
] as const;

/**
 * Addresses that no gateway sends on, whatever is allowed: this host (RFC 1122 3.2.1.3), link-local ones, behind which
 * hosts keep services for themselves (RFC 3927 7), groups (RFC 1112) and reserved ones; of IPv6 the same, and all that have
 * an IPv4 address inside (RFC 4291 2.5.5, RFC 6052, RFC 3056): it may be one of these.
 */
export function neverOutside(address: IpAddress): boolean {
  if (typeof address === "string") {
    const embedded = EMBEDDED.some(([prefix, length]) => commonPrefix(prefix, address) >= length);
    return embedded || isMulticast6(address) || isLinkLocal6(address);
  }
  const first = address >>> 24;
  return first === 0 || first === 127 || address >>> 16 === 0xa9fe || first >= 224;
}
