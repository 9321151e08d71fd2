/** NTP packets (RFC 5905 section 7.3), without the extension fields that may follow. */
import { setU32be, u32be } from "../../../base/index.ts";

const at = {
  flags: 0,
  stratum: 1,
  poll: 2,
  precision: 3,
  rootDelay: 4,
  rootDispersion: 8,
  reference: 12,
  referenceTime: 16,
  originTime: 24,
  receiveTime: 32,
  transmitTime: 40,
} as const;
export const LENGTH = 48;

export const Mode = {
  SYMMETRIC_ACTIVE: 1,
  SYMMETRIC_PASSIVE: 2,
  CLIENT: 3,
  SERVER: 4,
  BROADCAST: 5,
} as const;

/** Seconds since 1900-01-01 in the upper 32 bits, the fraction in the lower (section 6). */
export type NtpTime = bigint;

export interface Ntp {
  /** 0 no warning, 1 … 2 the last minute has 61 or 59 seconds, 3 not synchronised. */
  leap: number;
  /** 1 … 7 */
  version: number;
  mode: number;
  stratum: number;
  /** Exponent of two, in seconds, signed. */
  poll: number;
  precision: number;
  /** In 2^-16 s. */
  rootDelay: number;
  rootDispersion: number;
  /** Four characters at stratum 1. */
  reference: number;
  referenceTime: NtpTime;
  originTime: NtpTime;
  receiveTime: NtpTime;
  transmitTime: NtpTime;
}

export type NtpReason = "short" | "version";

export function check(bytes: Uint8Array): NtpReason | undefined {
  if (bytes.length < LENGTH) return "short";
  const version = (bytes[at.flags]! >> 3) & 7;
  return version >= 1 && version <= 4 ? undefined : "version";
}

const signed = (byte: number): number => (byte << 24) >> 24;

export function read(bytes: Uint8Array): Ntp {
  const time = (offset: number): NtpTime =>
    (BigInt(u32be(bytes, offset)) << 32n) | BigInt(u32be(bytes, offset + 4));
  return {
    leap: bytes[at.flags]! >> 6,
    version: (bytes[at.flags]! >> 3) & 7,
    mode: bytes[at.flags]! & 7,
    stratum: bytes[at.stratum]!,
    poll: signed(bytes[at.poll]!),
    precision: signed(bytes[at.precision]!),
    rootDelay: u32be(bytes, at.rootDelay),
    rootDispersion: u32be(bytes, at.rootDispersion),
    reference: u32be(bytes, at.reference),
    referenceTime: time(at.referenceTime),
    originTime: time(at.originTime),
    receiveTime: time(at.receiveTime),
    transmitTime: time(at.transmitTime),
  };
}

export function lengthOf(_ntp: Ntp): number {
  return LENGTH;
}

export function write(ntp: Ntp, into: Uint8Array): void {
  const time = (offset: number, value: NtpTime): void => {
    setU32be(into, offset, Number(value >> 32n));
    setU32be(into, offset + 4, Number(value & 0xffffffffn));
  };
  into[at.flags] = (ntp.leap << 6) | (ntp.version << 3) | ntp.mode;
  into[at.stratum] = ntp.stratum;
  into[at.poll] = ntp.poll;
  into[at.precision] = ntp.precision;
  setU32be(into, at.rootDelay, ntp.rootDelay);
  setU32be(into, at.rootDispersion, ntp.rootDispersion);
  setU32be(into, at.reference, ntp.reference);
  time(at.referenceTime, ntp.referenceTime);
  time(at.originTime, ntp.originTime);
  time(at.receiveTime, ntp.receiveTime);
  time(at.transmitTime, ntp.transmitTime);
}

/** Seconds from 1900 to 1970 (RFC 5905 figure 4). */
const ERA_TO_UNIX = 2_208_988_800n;

/** Microseconds since 1970 as a time stamp; from 2036 on in the next era, as everybody counts. */
export function ntpTime(unixMicros: bigint): NtpTime {
  const seconds = (unixMicros / 1_000_000n + ERA_TO_UNIX) & 0xffffffffn;
  return (seconds << 32n) | (((unixMicros % 1_000_000n) << 32n) / 1_000_000n);
}

const MODES = [
  "reserved",
  "symmetric active",
  "symmetric passive",
  "client",
  "server",
  "broadcast",
  "control",
  "private",
];

export function show(bytes: Uint8Array): string {
  const reason = check(bytes);
  if (reason) return `NTP ${bytes.length} bytes (bad: ${reason})`;
  const { version, mode, stratum, transmitTime } = read(bytes);
  const seconds = transmitTime >> 32n;
  return `NTPv${version} ${MODES[mode]} stratum ${stratum} transmit ${seconds}`;
}
