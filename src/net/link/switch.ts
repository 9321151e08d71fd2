import { type Clock, type Micros, SECOND } from "../../base/index.ts";
import { FrameQueue, type Port } from "./port.ts";

/**
 * A learning Ethernet switch. IEEE 802.1D-2004: §7.7 forwarding, §7.8 learning, §7.9 the table and its ageing.
 *
 * A frame is learnt from first and forwarded second. It goes to the port where its destination was last heard,
 * or to every other port (broadcast, multicast, unknown), and never back where it came from. Frames are not
 * copied: flooding hands one array to many.
 */
export interface SwitchOptions {
  clock: Clock;
  /** How long an address is remembered without being heard. Default 300 s, IEEE 802.1D-2004 table 7-5. */
  ageing?: Micros;
  /** Frames that may wait at one port before further ones are dropped. Default 1024. */
  queue?: number;
  /** Addresses remembered at most; frames to further ones are flooded. Default 8192. */
  addresses?: number;
}

export interface SwitchPort extends Port {
  readonly name: string;
  readonly counters: Readonly<SwitchPortCounters>;
}

/** As the switch sees them: in from the station, out to the station. */
export interface SwitchPortCounters {
  inFrames: number;
  inBytes: number;
  outFrames: number;
  outBytes: number;
  /** Frames for the station that found its queue full. */
  dropped: number;
}

export interface SwitchCounters {
  /** Frames that went to exactly one port. */
  forwarded: number;
  /** Frames that went to every other port. */
  flooded: number;
  /** Frames whose destination is on the side they came from, which has heard them already. */
  filtered: number;
  /** Frames shorter than an Ethernet header, and frames from a port that is unplugged. */
  discarded: number;
  /** Frames to the addresses a bridge keeps to itself, 01-80-C2-00-00-00 … 0F (IEEE 802.1D-2004 §7.12.6). */
  reserved: number;
  /** Times a known address was heard at another port than before. */
  moved: number;
}

/** An address the switch has heard. */
export interface LearntAddress {
  readonly mac: number;
  readonly port: string;
  readonly heard: Micros;
}

const HEADER = 14;
const TWO_32 = 0x1_0000_0000;

interface Entry {
  readonly high: number;
  readonly low: number;
  /** Undefined once the entry has left the table. */
  end: End | undefined;
  heard: Micros;
}

class End implements SwitchPort {
  readonly name: string;
  readonly counters: SwitchPortCounters = { inFrames: 0, inBytes: 0, outFrames: 0, outBytes: 0, dropped: 0 };
  readonly queue: FrameQueue;
  plugged = true;
  /** The entries used last by this port: most frames of a station repeat both addresses. */
  lastSource: Entry | undefined;
  lastDestination: Entry | undefined;
  readonly #enter: (from: End, frame: Uint8Array) => void;

  constructor(name: string, queue: number, enter: (from: End, frame: Uint8Array) => void) {
    this.name = name;
    this.queue = new FrameQueue(queue);
    this.#enter = enter;
  }

  send(frame: Uint8Array): void {
    this.#enter(this, frame);
  }

  receive(): Uint8Array | undefined {
    return this.queue.shift();
  }

  watch(arrived: () => void): boolean {
    this.queue.onPush = arrived;
    return true;
  }

  deliver(frame: Uint8Array): void {
    const counters = this.counters;
    if (this.queue.push(frame)) {
      counters.outFrames++;
      counters.outBytes += frame.length;
    } else {
      counters.dropped++;
    }
  }
}

export class Switch {
  readonly counters: SwitchCounters = {
    forwarded: 0,
    flooded: 0,
    filtered: 0,
    discarded: 0,
    reserved: 0,
    moved: 0,
  };
  readonly #clock: Clock;
  readonly #ageing: Micros;
  readonly #queue: number;
  readonly #addresses: number;
  readonly #table = new Map<number, Entry>();
  readonly #enter = (from: End, frame: Uint8Array): void => this.#frame(from, frame);
  #ends: End[] = [];
  #plugged = 0;

  constructor(options: SwitchOptions) {
    this.#clock = options.clock;
    this.#ageing = options.ageing ?? 300 * SECOND;
    this.#queue = options.queue ?? 1024;
    this.#addresses = options.addresses ?? 8192;
  }

  /** A new port. Its name is for captures and traces; without one it is `port1`, `port2` … */
  plug(name?: string): SwitchPort {
    this.#plugged++;
    const end = new End(name ?? `port${this.#plugged}`, this.#queue, this.#enter);
    this.#ends.push(end);
    return end;
  }

  /** Pulls the cable: what waits for the station is lost, and every address heard there is forgotten. */
  unplug(port: Port): void {
    const end = this.#ends.find((candidate) => candidate === port);
    if (!end) throw new Error("this port is not plugged into this switch");
    end.plugged = false;
    end.queue.clear();
    this.#ends = this.#ends.filter((other) => other !== end);
    for (const [mac, entry] of this.#table) if (entry.end === end) this.#forget(mac, entry);
  }

  get ports(): readonly SwitchPort[] {
    return this.#ends;
  }

  /** What has been learnt and is still believed. */
  addresses(): LearntAddress[] {
    this.#forgetOld(this.#clock.now());
    return Array.from(this.#table, ([mac, entry]) => ({
      mac,
      port: entry.end!.name,
      heard: entry.heard,
    }));
  }

  #frame(from: End, frame: Uint8Array): void {
    if (frame.length < HEADER || !from.plugged) {
      this.counters.discarded++;
      return;
    }
    from.counters.inFrames++;
    from.counters.inBytes += frame.length;
    const now = this.#clock.now();
    this.#learn(from, frame, now);
    if ((frame[0]! & 1) !== 0) {
      if (isReserved(frame)) this.counters.reserved++;
      else this.#flood(from, frame);
      return;
    }
    const entry = this.#find(from, frame);
    // An entry that is too old is as good as none; it is removed when the table is next walked.
    if (entry === undefined || now - entry.heard > this.#ageing) {
      this.#flood(from, frame);
    } else if (entry.end === from) {
      this.counters.filtered++;
    } else {
      this.counters.forwarded++;
      entry.end!.deliver(frame);
    }
  }

  #learn(from: End, frame: Uint8Array, now: Micros): void {
    if ((frame[6]! & 1) !== 0) return; // §7.8: a group address is never a source
    const high = (frame[6]! << 8) | frame[7]!;
    const low = (frame[8]! << 24) | (frame[9]! << 16) | (frame[10]! << 8) | frame[11]!;
    const last = from.lastSource;
    if (last !== undefined && last.low === low && last.high === high && last.end === from) {
      last.heard = now;
      return;
    }
    const mac = high * TWO_32 + (low >>> 0);
    let entry = this.#table.get(mac);
    if (entry === undefined) {
      if (this.#table.size >= this.#addresses) this.#forgetOld(now);
      if (this.#table.size >= this.#addresses) return;
      entry = { high, low, end: from, heard: now };
      this.#table.set(mac, entry);
    } else {
      if (entry.end !== from) this.counters.moved++;
      entry.end = from;
      entry.heard = now;
    }
    from.lastSource = entry;
  }

  #find(from: End, frame: Uint8Array): Entry | undefined {
    const high = (frame[0]! << 8) | frame[1]!;
    const low = (frame[2]! << 24) | (frame[3]! << 16) | (frame[4]! << 8) | frame[5]!;
    const last = from.lastDestination;
    if (last !== undefined && last.low === low && last.high === high && last.end !== undefined) return last;
    const entry = this.#table.get(high * TWO_32 + (low >>> 0));
    from.lastDestination = entry;
    return entry;
  }

  #flood(from: End, frame: Uint8Array): void {
    this.counters.flooded++;
    for (const end of this.#ends) if (end !== from) end.deliver(frame);
  }

  #forgetOld(now: Micros): void {
    for (const [mac, entry] of this.#table) if (now - entry.heard > this.#ageing) this.#forget(mac, entry);
  }

  #forget(mac: number, entry: Entry): void {
    entry.end = undefined;
    this.#table.delete(mac);
  }
}

function isReserved(frame: Uint8Array): boolean {
  return (
    frame[0] === 0x01 &&
    frame[1] === 0x80 &&
    frame[2] === 0xc2 &&
    frame[3] === 0 &&
    frame[4] === 0 &&
    frame[5]! < 0x10
  );
}
