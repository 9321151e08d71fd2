/** The options of RFC 791 3.1 that those on the way fill in: record route and internet timestamp. */
import { type Micros, MS, setU32be, u32be } from "../../base/index.ts";
import type { Address } from "./address.ts";

const END = 0;
const NOP = 1;
const RECORD_ROUTE = 7;
const TIMESTAMP = 68;
/** Flags of a timestamp option: times alone, with addresses, or of the addresses that the sender has named. */
const WITH_ADDRESSES = 1;
const OF_NAMED = 3;

/** Those that have a length, each a view from its kind on, as far as they are whole. */
export function eachOption(options: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let offset = 0; offset < options.length && options[offset] !== END; ) {
    const length = options[offset] === NOP ? 1 : (options[offset + 1] ?? 0);
    if (options[offset] !== NOP) {
      if (length < 2 || offset + length > options.length) break;
      found.push(options.subarray(offset, offset + length));
    }
    offset += length;
  }
  return found;
}

/**
 * What becomes of options at a station that passes the packet on, or answers it: record route and timestamp get an entry of
 * `own` where there is room (RFC 791, RFC 1122 3.2.2.6, RFC 1812 5.3.13); everything else stays.
 * @param options whole, as `check` of ipv4.ts finds them
 */
export function filledOptions(options: Uint8Array, own: Address, now: Micros): Uint8Array {
  const filled = options.slice();
  for (const option of eachOption(filled)) {
    if (option[0] === RECORD_ROUTE && option.length >= 3) recordRoute(option, own);
    else if (option[0] === TIMESTAMP && option.length >= 4) stamp(option, own, now);
  }
  return filled;
}

/** Where the next entry goes: the pointer counts from 1. Undefined when it points to nowhere. */
function place(option: Uint8Array, first: number, size: number): number | undefined {
  const at = option[2]! - 1;
  return at >= first && at + size <= option.length ? at : undefined;
}

function recordRoute(option: Uint8Array, own: Address): void {
  const at = place(option, 3, 4);
  if (at === undefined) return;
  setU32be(option, at, own);
  option[2]! += 4;
}

function stamp(option: Uint8Array, own: Address, now: Micros): void {
  const flag = option[3]! & 15;
  const size = flag === WITH_ADDRESSES || flag === OF_NAMED ? 8 : 4;
  const at = place(option, 4, size);
  if (at === undefined) {
    // Those for whom there was no room are counted.
    const overflow = option[3]! >>> 4;
    if (flag !== OF_NAMED && overflow < 15) option[3] = ((overflow + 1) << 4) | flag;
    return;
  }
  if (flag === OF_NAMED && u32be(option, at) !== own) return;
  if (flag === WITH_ADDRESSES) setU32be(option, at, own);
  // Not milliseconds since midnight of universal time, which nobody here knows: the high bit says so.
  setU32be(option, at + size - 4, ((Math.floor(now / MS) & 0x7fffffff) | 0x80000000) >>> 0);
  option[2]! += size;
}
