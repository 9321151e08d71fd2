/** From a description's words about frames to a `FrameMatch`. */

import type { FaultRule, Faults } from "../net/index.ts";
import {
  type Flow,
  type FrameMatch,
  type IpAddress,
  match,
  parseIpAddress,
  showIpAddress,
} from "../net/index.ts";
import type { FaultsDescription, MatchDescription, Reference, RuleDescription } from "./description.ts";
import { LabError, misfit } from "./fields.ts";

/** The addresses that the name of a station stands for, one of each version; undefined where there is no such name. */
export type AddressOf = (name: string) => readonly IpAddress[] | undefined;

/** A fresh match: those with numbers count from here on. */
export function frameMatch(description: MatchDescription, addressOf: AddressOf, path: string): FrameMatch {
  const { tcp, udp, arp, any, nth, between, every } = description;
  const kinds = [
    tcp && match.tcp(flowOf(tcp, addressOf), wishOf(tcp)),
    udp && match.udp(flowOf(udp, addressOf)),
    arp && match.arp,
    any && match.all,
  ].filter((each) => each !== undefined);
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1)
    return misfit(description, path, "frames are told by one of tcp, udp, arp, any");
  if (nth !== undefined) return match.nth(nth, kind);
  if (between !== undefined) return match.between(...between, kind);
  return every === undefined ? kind : match.every(every, kind);
}

/** The faults of one direction. */
export function faultsOf(
  { "reorder-by": reorderBy, rules, ...others }: FaultsDescription,
  addressOf: AddressOf,
  path: string,
): Faults {
  return {
    ...others,
    ...(reorderBy !== undefined && { reorderBy }),
    ...(rules && { rules: rules.map((rule, i) => ruleOf(rule, addressOf, `${path}.rules[${i + 1}]`)) }),
  };
}

const DEEDS = ["drop", "duplicate", "corrupt", "pass"] as const;

function ruleOf(rule: RuleDescription, addressOf: AddressOf, path: string): FaultRule {
  if (rule.delay) {
    if (rule.by === undefined) return misfit(rule, path, "by is missing: how much later?");
    return { match: frameMatch(rule.delay, addressOf, path), action: { delay: rule.by } };
  }
  const deed = DEEDS.find((each) => rule[each] !== undefined);
  if (deed === undefined) return misfit(rule, path, `one of ${DEEDS.join(", ")}, delay is needed`);
  return { match: frameMatch(rule[deed]!, addressOf, path), action: deed };
}

type Ends = { from?: End | undefined; to?: End | undefined };
type End = { host: Reference | undefined; port: number | undefined };

function flowOf({ from, to }: Ends, addressOf: AddressOf): Flow {
  const endOf = ({ host, port }: End) => ({
    ...(host && { address: resolved(host, addressOf).map(showIpAddress) }),
    ...(port !== undefined && { port }),
  });
  return { ...(from && { from: endOf(from) }), ...(to && { to: endOf(to) }) };
}

const wishOf = ({ flags, data, seq }: NonNullable<MatchDescription["tcp"]>) => ({
  ...(flags !== undefined && { flags }),
  ...(data !== undefined && { data }),
  ...(seq !== undefined && { seq }),
});

/** An address, written as one or as a station's name. */
export function resolved({ name, spot, path }: Reference, addressOf: AddressOf): readonly IpAddress[] {
  const address = parseIpAddress(name);
  const addresses = address === undefined ? addressOf(name) : [address];
  if (addresses !== undefined) return addresses;
  throw new LabError([
    { spot, path, text: `${JSON.stringify(name)} is no address and no station that has one` },
  ]);
}
