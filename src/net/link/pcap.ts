import { bytesOf, type Clock, type Micros, setU16le, setU32le } from "../../base/index.ts";
import type { Port } from "./port.ts";
import { type Direction, tap } from "./tap.ts";

/**
 * Writes captures as pcapng, the format of Wireshark: draft-ietf-opsawg-pcapng-03. A capture is a section header,
 * then for each interface a description, then a block for each frame; every chunk handed to the sink is one whole
 * block, so whatever has been written so far is a valid file.
 */
export interface PcapOptions {
  /** Unit of the time stamps. Default "us". */
  resolution?: "us" | "ns";
  /** Written as the application that made the capture. */
  application?: string;
  /** About the whole capture; Wireshark shows it in the file's properties. */
  comment?: string;
}

export interface PcapInterface {
  name: string;
  description?: string;
  mac?: number;
}

export interface PcapFrame {
  /** What `addInterface` answered. */
  interface: number;
  /** Since 1970-01-01, or since the start of virtual time; a fraction counts only with resolution "ns". */
  time: Micros;
  bytes: Uint8Array;
  direction?: Direction;
  comment?: string;
}

// Block types (§4) and options (§3.5, §4.1–4.3).
const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const ENHANCED_PACKET = 6;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const LINKTYPE_ETHERNET = 1;
const opt = {
  end: 0,
  comment: 1,
  application: 4,
  interfaceName: 2,
  interfaceDescription: 3,
  macAddress: 6,
  timeResolution: 9,
  packetFlags: 2,
} as const;

/** epb_flags bits 0–1: inbound 1, outbound 2. */
const FLAGS: Record<Direction, number> = { received: 1, sent: 2 };

const TWO_32 = 0x1_0000_0000;
const padded = (length: number): number => (length + 3) & ~3;

export class PcapWriter {
  readonly #sink: (chunk: Uint8Array) => void;
  readonly #nanoseconds: boolean;
  #interfaces = 0;

  /** @param sink is given the file's bytes, a block at a time; the arrays are its to keep */
  constructor(sink: (chunk: Uint8Array) => void, options: PcapOptions = {}) {
    this.#sink = sink;
    this.#nanoseconds = options.resolution === "ns";
    const about = [text(opt.application, options.application ?? "kolibri-emu")];
    if (options.comment !== undefined) about.push(text(opt.comment, options.comment));
    const { bytes, body } = block(SECTION_HEADER, 16, about);
    setU32le(body, 0, BYTE_ORDER_MAGIC);
    setU16le(body, 4, 1); // version 1.0
    setU32le(body, 8, 0xffffffff); // section length: not known
    setU32le(body, 12, 0xffffffff);
    sink(bytes);
  }

  /** Answers the interface's number in this capture. */
  addInterface(facts: PcapInterface): number {
    const about = [text(opt.interfaceName, facts.name)];
    if (facts.description !== undefined) about.push(text(opt.interfaceDescription, facts.description));
    if (facts.mac !== undefined) about.push({ code: opt.macAddress, value: macBytes(facts.mac) });
    about.push({ code: opt.timeResolution, value: Uint8Array.of(this.#nanoseconds ? 9 : 6) });
    const { bytes, body } = block(INTERFACE_DESCRIPTION, 8, about);
    setU16le(body, 0, LINKTYPE_ETHERNET);
    setU32le(body, 4, 0); // frames are never cut
    this.#sink(bytes);
    return this.#interfaces++;
  }

  frame(frame: PcapFrame): void {
    if (!(frame.interface >= 0 && frame.interface < this.#interfaces)) {
      throw new RangeError(`interface ${frame.interface} has not been added to this capture`);
    }
    const about: Option[] = [];
    if (frame.direction !== undefined) {
      about.push({ code: opt.packetFlags, value: Uint8Array.of(FLAGS[frame.direction], 0, 0, 0) });
    }
    if (frame.comment !== undefined) about.push(text(opt.comment, frame.comment));
    const length = frame.bytes.length;
    const { bytes, body } = block(ENHANCED_PACKET, 20 + length, about);
    const [high, low] = this.#stamp(frame.time);
    setU32le(body, 0, frame.interface);
    setU32le(body, 4, high);
    setU32le(body, 8, low);
    setU32le(body, 12, length);
    setU32le(body, 16, length);
    body.set(frame.bytes, 20);
    this.#sink(bytes);
  }

  #stamp(time: Micros): [number, number] {
    if (!this.#nanoseconds) return [Math.floor(time / TWO_32), time % TWO_32];
    // Nanoseconds since 1970 are beyond 2^53, where a number would round them.
    const whole = Math.floor(time);
    const units = BigInt(whole) * 1000n + BigInt(Math.floor((time - whole) * 1000));
    return [Number(units >> 32n), Number(units & 0xffffffffn)];
  }
}

/** The same port, with every frame that the station sends and takes written to `writer`, stamped by `clock`. */
export function capture(port: Port, writer: PcapWriter, number: number, clock: Clock): Port {
  return tap(port, (bytes, direction) =>
    writer.frame({ interface: number, time: clock.now(), bytes, direction }),
  );
}

interface Option {
  code: number;
  value: Uint8Array;
}

/** An option's length has 16 bits: longer text is cut there. */
const text = (code: number, value: string): Option => ({ code, value: bytesOf(value).subarray(0, 0xfffc) });

/** §3.1: type and length, the body, options behind it, and the length again. The body is still to be filled. */
function block(
  type: number,
  bodyLength: number,
  options: readonly Option[],
): { bytes: Uint8Array; body: Uint8Array } {
  let length = 12 + padded(bodyLength);
  for (const { value } of options) length += 4 + padded(value.length);
  if (options.length > 0) length += 4; // opt_endofopt: all zero
  const bytes = new Uint8Array(length);
  setU32le(bytes, 0, type);
  setU32le(bytes, 4, length);
  let at = 8 + padded(bodyLength);
  for (const { code, value } of options) {
    setU16le(bytes, at, code);
    setU16le(bytes, at + 2, value.length);
    bytes.set(value, at + 4);
    at += 4 + padded(value.length);
  }
  setU32le(bytes, length - 4, length);
  return { bytes, body: bytes.subarray(8, 8 + bodyLength) };
}

function macBytes(mac: number): Uint8Array {
  const bytes = new Uint8Array(6);
  for (let i = 5, rest = mac; i >= 0; i--, rest = Math.floor(rest / 256)) bytes[i] = rest % 256;
  return bytes;
}
