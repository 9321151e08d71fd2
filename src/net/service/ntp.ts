/** A time server (RFC 5905 section 14: what is left of NTP when nobody is to be followed). */
import type { Micros } from "../../base/index.ts";
import type { Endpoint } from "../sockets.ts";
import { Calendar } from "./calendar.ts";
import { Journal } from "./journal.ts";
import { Service, type ServiceOptions } from "./service.ts";
import { check, LENGTH, Mode, type Ntp, ntpTime, read, write } from "./wire/ntp.ts";

export interface NtpOptions extends ServiceOptions {
  calendar?: Calendar;
  /** 1 … 15; default 1. 16 says that the time is not to be relied on. */
  stratum?: number;
  /** How far its clock is ahead of the world's, in µs; default 0. */
  offset?: Micros;
  /** Default 123. */
  port?: number;
}

export interface NtpRequest {
  at: Micros;
  from: Endpoint;
  packet: Ntp;
  answered: boolean;
}

const PORT = 123;
/** A clock of microseconds: 2^-20 s. */
const PRECISION = -20;
/** RFC 5905 figure 12: an uncalibrated local clock. */
const LOCAL = 0x4c4f434c;
const UNSYNCHRONISED = 16;

export class NtpServer extends Service {
  readonly name = "NTP server";
  readonly requests = new Journal<NtpRequest>();
  readonly malformed = new Map<string, number>();
  readonly #calendar: Calendar;
  readonly #stratum: number;
  readonly #offset: Micros;
  readonly #port: number;

  constructor({
    stack,
    on = true,
    calendar = new Calendar(),
    stratum = 1,
    offset = 0,
    port = PORT,
  }: NtpOptions) {
    super(stack);
    if (!Number.isInteger(stratum) || stratum < 1 || stratum > UNSYNCHRONISED)
      throw new RangeError(`stratum ${stratum}: 1 … 16 are possible`);
    this.#calendar = calendar;
    this.#stratum = stratum;
    this.#offset = offset;
    this.#port = port;
    if (on) this.start();
  }

  protected open(): void {
    this.serveUdp(this.#port, ({ payload, from }, socket) => {
      const reason = check(payload);
      if (reason) {
        this.malformed.set(reason, (this.malformed.get(reason) ?? 0) + 1);
        return;
      }
      const packet = read(payload);
      const mode = { [Mode.CLIENT]: Mode.SERVER, [Mode.SYMMETRIC_ACTIVE]: Mode.SYMMETRIC_PASSIVE }[
        packet.mode
      ];
      this.requests.add({ at: this.now, from, packet, answered: mode !== undefined });
      if (mode === undefined) return; // an answer to an answer would never end
      const bytes = new Uint8Array(LENGTH);
      write(this.#answer(packet, mode), bytes);
      socket.send(bytes, from);
    });
  }

  #answer({ version, poll, transmitTime }: Ntp, mode: number): Ntp {
    const micros = BigInt(this.#calendar.epochMs) * 1000n + BigInt(Math.floor(this.now + this.#offset));
    const now = ntpTime(micros);
    const good = this.#stratum < UNSYNCHRONISED;
    return {
      leap: good ? 0 : 3,
      version,
      mode,
      stratum: good ? this.#stratum : 0, // section 7.3: 16 is written as 0
      poll,
      precision: PRECISION,
      rootDelay: 0,
      rootDispersion: 0,
      reference: good ? LOCAL : 0,
      referenceTime: good ? now : 0n,
      originTime: transmitTime,
      receiveTime: now,
      transmitTime: now,
    };
  }
}
