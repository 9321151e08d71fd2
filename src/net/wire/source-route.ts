/** The options of RFC 791 3.1 by which a sender names gateways, as RFC 1122 3.2.1.8 has hosts use and answer them. */
import { setU32be, u32be } from "../../base/index.ts";
import { type Address, BROADCAST, isMulticast } from "./address.ts";
import { eachOption } from "./ipv4-options.ts";

const LOOSE = 0x83;
const STRICT = 0x89;
/** Kind, length, pointer. */
const HEAD = 3;
/** Nine addresses fit into a header. */
const LONGEST = 9;

export interface SourceRoute {
  /** Every hop is named; else there may be others between them. */
  readonly strict: boolean;
  /** One to nine, in the order in which they are passed, without the destination. */
  readonly gateways: readonly Address[];
}

/** Such an option in a packet on its way. */
export interface RouteOption {
  readonly strict: boolean;
  /** Where the option says that the packet goes next; undefined: it has passed all. */
  readonly next: Address | undefined;
  /** Those it has passed, as they gave themselves, then those still to come and the destination. */
  readonly addresses: readonly Address[];
}

/** Whether a packet can be sent by it. */
export const isSourceRoute = ({ gateways }: SourceRoute): boolean =>
  gateways.length > 0 &&
  gateways.length <= LONGEST &&
  !gateways.some((each) => each === 0 || each === BROADCAST || isMulticast(each));

/** Bytes of a header's options that `writeRoute` makes. */
export const lengthOfRoute = ({ gateways }: SourceRoute): number => 4 + 4 * gateways.length;

export const sameRoute = (a: SourceRoute | undefined, b: SourceRoute | undefined): boolean =>
  a?.strict === b?.strict && a?.gateways.join() === b?.gateways.join();

/** The options of a packet that is sent to the first gateway: the others, and behind them the destination. */
export function writeRoute({ strict, gateways }: SourceRoute, destination: Address): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * gateways.length);
  bytes.set([1, strict ? STRICT : LOOSE, bytes.length - 1, HEAD + 1]);
  for (const [i, address] of [...gateways.slice(1), destination].entries())
    setU32be(bytes, 4 + 4 * i, address);
  return bytes;
}

/** The source route among options; "bad": one that makes no sense, or more than one (RFC 1122 3.2.1.8e). */
export function readRoute(options: Uint8Array): RouteOption | "bad" | undefined {
  const found = eachOption(options).filter(isRoute);
  const [option] = found;
  if (option === undefined) return undefined;
  const pointer = option[2] ?? 0;
  const whole = option.length >= HEAD && (option.length - HEAD) % 4 === 0;
  if (found.length > 1 || !whole || pointer < HEAD + 1 || pointer % 4 !== 0) return "bad";
  const addresses: Address[] = [];
  for (let at = HEAD; at < option.length; at += 4) addresses.push(u32be(option, at));
  return { strict: option[0] === STRICT, next: addresses[(pointer - HEAD - 1) / 4], addresses };
}

const isRoute = (option: Uint8Array): boolean => option[0] === LOOSE || option[0] === STRICT;

/** The options as they leave a gateway that the route has named: `own` stands where the next one stood. */
export function passedRoute(options: Uint8Array, own: Address): Uint8Array {
  const passed = options.slice();
  const option = eachOption(passed).find(isRoute)!;
  setU32be(option, option[2]! - 1, own);
  option[2]! += 4;
  return passed;
}

/**
 * The way back of a packet that has come to the end of its route: those it has passed, the last first. That its source
 * may stand among them is no matter (RFC 1122 3.2.1.8, case B).
 */
export function returnRoute(options: Uint8Array, source: Address): SourceRoute | undefined {
  const route = readRoute(options);
  if (route === undefined || route === "bad" || route.next !== undefined) return undefined;
  const { strict, addresses } = route;
  const gateways = (addresses[0] === source ? addresses.slice(1) : addresses).toReversed();
  return gateways.length > 0 ? { strict, gateways } : undefined;
}

/** Where a packet is to come in the end. */
export function endOfRoute(destination: Address, options: Uint8Array): Address {
  const route = options.length > 0 ? readRoute(options) : undefined;
  return route === undefined || route === "bad" || route.next === undefined
    ? destination
    : route.addresses.at(-1)!;
}

/** What is left of options without a source route, in whole words. */
export function withoutRoute(options: Uint8Array): Uint8Array {
  const kept = eachOption(options).filter((option) => !isRoute(option));
  const bytes = kept.flatMap((option) => [...option]);
  while (bytes.length % 4 !== 0) bytes.push(0);
  return Uint8Array.from(bytes);
}
