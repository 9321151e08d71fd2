import { type Address, parseAddress, parseNetwork } from "../wire/address.ts";

/** What a guest wants to reach outside. */
export interface Target {
  readonly protocol: "tcp" | "udp";
  readonly address: Address;
  readonly port: number;
}

/** Whether guests may reach it. */
export type Policy = (target: Target) => boolean;

/**
 * A policy that allows what one of the rules names, and nothing else: `192.0.2.0/24:80`, `192.0.2.1:53/udp`,
 * `0.0.0.0/0:443/tcp`, `198.51.100.7:*`. Without a protocol, a rule is about both.
 */
export function allowOnly(rules: readonly string[]): Policy | { error: string } {
  const policies: Policy[] = [];
  for (const rule of rules) {
    const policy = parseRule(rule);
    if (policy === undefined) {
      return {
        error: `${JSON.stringify(rule)}: expected ADDRESS[/BITS]:PORT[/tcp|/udp], with * for any port`,
      };
    }
    policies.push(policy);
  }
  return (target) => policies.some((allows) => allows(target));
}

function parseRule(rule: string): Policy | undefined {
  const match = /^([\d./]+):(\*|\d{1,5})(?:\/(tcp|udp))?$/.exec(rule);
  if (!match) return undefined;
  const [, place, portText, protocol] = match as unknown as [string, string, string, string | undefined];
  const single = parseAddress(place);
  const network = single === undefined ? parseNetwork(place) : { address: single, mask: 0xffffffff };
  const port = portText === "*" ? undefined : Number(portText);
  if (network === undefined || (port !== undefined && (port < 1 || port > 65535))) return undefined;
  const prefix = (network.address & network.mask) >>> 0;
  return (target) =>
    (target.address & network.mask) >>> 0 === prefix &&
    (port === undefined || port === target.port) &&
    (protocol === undefined || protocol === target.protocol);
}

/**
 * Addresses that no gateway sends on, whatever is allowed: this host (RFC 1122 3.2.1.3), link-local ones, behind which
 * hosts keep services for themselves (RFC 3927 7), groups (RFC 1112) and reserved ones.
 */
export function neverOutside(address: Address): boolean {
  const first = address >>> 24;
  return first === 0 || first === 127 || address >>> 16 === 0xa9fe || first >= 224;
}
