/**
 * A wireless medium: access points that announce networks, radios that scan, associate and roam, and one channel that
 * all of them share. What a station's stack sees is a port like any other; what a program sees of it is the card's
 * counters and whether its link runs.
 *
 * It is a model of IEEE 802.11 at the level of frames: who hears whom and how well, the rate that follows, attempts and
 * acknowledgements, airtime. Management frames are events and not bytes on the air, and nothing is encrypted: a key is
 * only compared. Signals follow the distance: 20 dBm sent, 40 dB lost on the first metre (free space at 2.4 GHz), and
 * 30 dB with each tenfold distance (indoors, ITU-R P.1238).
 */
import { type Clock, FOREVER, type Micros, MS, type Random } from "../../base/index.ts";
import { isGroupMac, type Mac } from "../wire/address.ts";
import { destinationOf, sourceOf } from "../wire/ethernet.ts";
import { FrameQueue, type Port } from "./port.ts";

/** Metres. */
export type Position = readonly [x: number, y: number];

export interface AirOptions {
  clock: Clock;
  random: Random;
}

export interface AccessPointOptions {
  /** The network's name, 0 … 32 bytes. */
  ssid: string;
  /** Who does not have it is not let in. Default: an open network. */
  key?: string;
  /** 1 … 14; stations of different channels do not disturb each other. Default 1. */
  channel?: number;
  /** The access point's own address. */
  bssid: Mac;
  /** The wired side: a port of a switch. */
  port: Port;
  position?: Position;
  /** dBm; default 20. */
  power?: number;
}

export interface RadioOptions {
  mac: Mac;
  position?: Position;
  /** dBm; default 20. */
  power?: number;
}

/** A network as a scan finds it. */
export interface HeardNetwork {
  readonly ssid: string;
  readonly bssid: Mac;
  readonly channel: number;
  /** dBm. */
  readonly signal: number;
  readonly secured: boolean;
}

/** Why an association did not come about. */
export type JoinFailure = "not-found" | "wrong-key" | "no-answer";

export interface AirCounters {
  /** Frames that arrived. */
  delivered: number;
  /** Frames that no attempt got across, and those that found too many others waiting. */
  lost: number;
  /** Attempts beyond the first. */
  retries: number;
  /** Frames of radios that are not associated, and those that a radio had no room for. */
  dropped: number;
}

/** IEEE 802.11-2020 table 17-18: sensitivity in dBm for each rate in Mbit/s, at which one frame of 1000 bytes in ten is lost. */
const RATES: readonly (readonly [rate: number, sensitivity: number])[] = [
  [54, -65],
  [48, -66],
  [36, -70],
  [24, -74],
  [18, -77],
  [12, -79],
  [9, -81],
  [6, -82],
];
const SLOWEST = RATES.at(-1)!;
/** What the loss of a frame falls to a tenth with, in dB above the sensitivity. */
const DECADE = 3;
/** Weaker beacons are not understood. */
const LEAST_SIGNAL = -86;
/** dot11ShortRetryLimit. */
const ATTEMPTS = 7;
/** Preamble, SIFS, acknowledgement and the mean wait before an attempt, in µs. */
const OVERHEAD: Micros = 20 + 16 + 44 + 100;
/** 100 time units (9.4.1.3): how long a scan listens. */
const BEACON: Micros = 102_400;
/** How long a radio that lost its network waits before it looks for it again. */
const LOOK_AGAIN: Micros = 1000 * MS;
/** Bytes of a management frame. */
const MANAGEMENT = 120;
/** Authentication and association, there and back. */
const JOIN_FRAMES = 4;
const QUEUE = 256;
const POWER = 20;

/** The air of one place. */
export class Air {
  readonly counters: AirCounters = { delivered: 0, lost: 0, retries: 0, dropped: 0 };
  readonly clock: Clock;
  readonly #random: Random;
  readonly accessPoints: AccessPoint[] = [];
  readonly radios: Radio[] = [];
  /** By channel: until when somebody sends, and what is on its way. */
  readonly #busy = new Map<number, Micros>();
  readonly #events: { at: Micros; deed: () => void }[] = [];

  constructor({ clock, random }: AirOptions) {
    this.clock = clock;
    this.#random = random;
  }

  accessPoint(options: AccessPointOptions): AccessPoint {
    const point = new AccessPoint(this, options);
    this.accessPoints.push(point);
    return point;
  }

  radio(options: RadioOptions): Radio {
    const radio = new Radio(this, options);
    this.radios.push(radio);
    return radio;
  }

  /** Does what is due: frames arrive, scans end, radios look for their networks. False when nothing moved. */
  poll(now: Micros): boolean {
    let moved = false;
    for (const point of this.accessPoints) if (point.takeWired()) moved = true;
    while (this.#events.length > 0 && this.#events[0]!.at <= now) {
      this.#events.shift()!.deed();
      moved = true;
    }
    return moved;
  }

  deadline(): Micros {
    return this.#events[0]?.at ?? FOREVER;
  }

  // For access points and radios.

  after(span: Micros, deed: () => void): void {
    this.at(this.clock.now() + span, deed);
  }

  at(moment: Micros, deed: () => void): void {
    let index = this.#events.length;
    while (index > 0 && this.#events[index - 1]!.at > moment) index--;
    this.#events.splice(index, 0, { at: moment, deed });
  }

  /** Sends a frame of so many bytes to one who acknowledges it; `done` is told whether it came across. */
  unicast(channel: number, length: number, signal: number, done: (arrived: boolean) => void): void {
    const [rate, sensitivity] = RATES.find(([, least]) => signal >= least) ?? SLOWEST;
    const chance = lossOf(length, signal, sensitivity);
    let attempts = 1;
    let arrived = !this.#happens(chance);
    while (!arrived && attempts < ATTEMPTS) {
      attempts++;
      arrived = !this.#happens(chance);
    }
    this.counters.retries += attempts - 1;
    const span = attempts * (OVERHEAD + (length * 8) / rate);
    if (!this.#occupy(channel, span, () => done(arrived))) done(false);
  }

  /** Sends a frame to all once, at the slowest rate, as nobody acknowledges it. */
  groupcast(channel: number, length: number, done: (arrives: (signal: number) => boolean) => void): void {
    const [rate, sensitivity] = SLOWEST;
    const arrives = (signal: number): boolean => !this.#happens(lossOf(length, signal, sensitivity));
    this.#occupy(channel, OVERHEAD + (length * 8) / rate, () => done(arrives));
  }

  /** False when too many frames wait already. */
  #occupy(channel: number, span: Micros, deed: () => void): boolean {
    if (this.#events.length >= QUEUE + this.radios.length) return false;
    const begin = Math.max(this.#busy.get(channel) ?? 0, this.clock.now());
    const end = begin + Math.ceil(span);
    this.#busy.set(channel, end);
    this.at(end, deed);
    return true;
  }

  #happens(chance: number): boolean {
    return chance > 0 && this.#random.unit() < chance;
  }
}

/** dBm that arrive over a distance. */
export function signalBetween(power: number, from: Position, to: Position): number {
  const distance = Math.max(1, Math.hypot(from[0] - to[0], from[1] - to[1]));
  return power - 40 - 30 * Math.log10(distance);
}

function lossOf(length: number, signal: number, sensitivity: number): number {
  const perThousand = Math.min(1, 0.1 * 10 ** ((sensitivity - signal) / DECADE));
  return 1 - (1 - perThousand) ** (length / 1000);
}

/** A bridge between the air and a switch. */
export class AccessPoint {
  readonly ssid: string;
  readonly bssid: Mac;
  readonly channel: number;
  readonly secured: boolean;
  position: Position;
  readonly power: number;
  readonly #air: Air;
  readonly #key: string | undefined;
  readonly #port: Port;
  readonly #stations = new Map<Mac, Radio>();

  constructor(air: Air, options: AccessPointOptions) {
    const { ssid, key, channel = 1, bssid, port, position = [0, 0], power = POWER } = options;
    if (new TextEncoder().encode(ssid).length > 32)
      throw new RangeError(`an SSID has at most 32 bytes: ${ssid}`);
    if (!Number.isInteger(channel) || channel < 1 || channel > 14)
      throw new RangeError(`channel ${channel}: 1 … 14 are possible`);
    this.ssid = ssid;
    this.bssid = bssid;
    this.channel = channel;
    this.secured = key !== undefined;
    this.position = position;
    this.power = power;
    this.#air = air;
    this.#key = key;
    this.#port = port;
  }

  /** Stations that are associated. */
  get stations(): readonly Mac[] {
    return [...this.#stations.keys()];
  }

  // For radios and the air.

  admits(key: string | undefined): boolean {
    return this.#key === undefined || this.#key === key;
  }

  admit(radio: Radio): void {
    this.#stations.set(radio.mac, radio);
  }

  leave(radio: Radio): void {
    if (this.#stations.get(radio.mac) === radio) this.#stations.delete(radio.mac);
  }

  /** What the switch has for the air. */
  takeWired(): boolean {
    let took = false;
    for (let frame = this.#port.receive(); frame !== undefined; frame = this.#port.receive()) {
      took = true;
      this.#toAir(frame, undefined);
    }
    return took;
  }

  /** A frame of a station has come across. */
  arrived(frame: Uint8Array, from: Radio): void {
    const destination = destinationOf(frame);
    const other = this.#stations.get(destination);
    if (isGroupMac(destination) || other) this.#toAir(frame, from);
    if (!other) this.#port.send(frame);
  }

  #toAir(frame: Uint8Array, from: Radio | undefined): void {
    const destination = destinationOf(frame);
    const { counters } = this.#air;
    if (isGroupMac(destination)) {
      const listeners = [...this.#stations.values()].filter(
        (each) => each !== from && each.mac !== sourceOf(frame),
      );
      if (listeners.length === 0) return;
      this.#air.groupcast(this.channel, frame.length, (arrives) => {
        for (const each of listeners) {
          if (each.accessPoint !== this || !arrives(each.signal ?? LEAST_SIGNAL)) counters.lost++;
          else each.deliver(frame);
        }
      });
      return;
    }
    const radio = this.#stations.get(destination);
    if (radio === undefined) return; // for somebody on the wire
    this.#air.unicast(this.channel, frame.length, radio.signal ?? LEAST_SIGNAL, (arrived) => {
      if (arrived && radio.accessPoint === this) radio.deliver(frame);
      else counters.lost++;
    });
  }
}

/** A station's wireless card: what its stack holds is this port. */
export class Radio implements Port {
  readonly mac: Mac;
  readonly power: number;
  /** Told when the association comes or goes. */
  onChange: ((radio: Radio) => void) | undefined;
  readonly #air: Air;
  readonly #received = new FrameQueue(QUEUE);
  #position: Position;
  #accessPoint: AccessPoint | undefined;
  /** The network that is looked for whenever there is none. */
  #wish: { ssid: string; key: string | undefined } | undefined;

  constructor(air: Air, { mac, position = [0, 0], power = POWER }: RadioOptions) {
    this.#air = air;
    this.mac = mac;
    this.power = power;
    this.#position = position;
  }

  /** Where it is associated. */
  get accessPoint(): AccessPoint | undefined {
    return this.#accessPoint;
  }

  /** Frames can pass: it is associated. */
  get linked(): boolean {
    return this.#accessPoint !== undefined;
  }

  /** dBm from its access point; undefined without one. */
  get signal(): number | undefined {
    return this.#accessPoint && this.#signalOf(this.#accessPoint);
  }

  get position(): Position {
    return this.#position;
  }

  /** Carries it somewhere else. Beyond the reach of its access point the association is lost. */
  move(position: Position): void {
    this.#position = position;
    if (this.signal !== undefined && this.signal < LEAST_SIGNAL) this.#lose();
  }

  /** Listens for the beacons of all channels, and then tells who was heard, the strongest first. */
  scan(done: (networks: HeardNetwork[]) => void): void {
    this.#air.after(BEACON, () => done(this.#heard()));
  }

  /** Asks the strongest access point of a network to be let in; `done` is told why not, or undefined. */
  associate(ssid: string, key: string | undefined, done: (failure: JoinFailure | undefined) => void): void {
    this.disassociate();
    this.#wish = undefined;
    this.#associate(ssid, key, done);
  }

  /** Associates with a network and keeps to it: when it is lost, or not there yet, it is looked for every second. */
  join(ssid: string, key?: string): void {
    this.disassociate();
    this.#wish = { ssid, key };
    this.#look();
  }

  disassociate(): void {
    this.#wish = undefined;
    if (this.#accessPoint) this.#lose();
  }

  send(frame: Uint8Array): void {
    const point = this.#accessPoint;
    const { counters } = this.#air;
    if (point === undefined) {
      counters.dropped++;
      return;
    }
    this.#air.unicast(point.channel, frame.length, this.#signalOf(point), (arrived) => {
      if (arrived && this.#accessPoint === point) {
        counters.delivered++;
        point.arrived(frame, this);
      } else counters.lost++;
    });
  }

  receive(): Uint8Array | undefined {
    return this.#received.shift();
  }

  watch(arrived: () => void): boolean {
    this.#received.onPush = arrived;
    return true;
  }

  /** For the access point: a frame has come across. */
  deliver(frame: Uint8Array): void {
    if (this.#received.push(frame)) this.#air.counters.delivered++;
    else this.#air.counters.dropped++;
  }

  #signalOf(point: AccessPoint): number {
    return signalBetween(Math.min(this.power, point.power), this.#position, point.position);
  }

  #heard(): HeardNetwork[] {
    return this.#air.accessPoints
      .map((point) => ({ point, signal: this.#signalOf(point) }))
      .filter(({ signal }) => signal >= LEAST_SIGNAL)
      .sort((a, b) => b.signal - a.signal)
      .map(({ point: { ssid, bssid, channel, secured }, signal }) => ({
        ssid,
        bssid,
        channel,
        secured,
        signal,
      }));
  }

  #associate(ssid: string, key: string | undefined, done: (failure: JoinFailure | undefined) => void): void {
    this.scan((networks) => {
      const best = networks.find((network) => network.ssid === ssid);
      const point = this.#air.accessPoints.find(({ bssid }) => bssid === best?.bssid);
      if (point === undefined) {
        done("not-found");
        return;
      }
      const step = (left: number): void => {
        this.#air.unicast(point.channel, MANAGEMENT, this.#signalOf(point), (arrived) => {
          if (!arrived) done("no-answer");
          else if (left > 1) step(left - 1);
          else if (!point.admits(key)) done("wrong-key");
          else {
            this.#accessPoint = point;
            point.admit(this);
            this.onChange?.(this);
            done(undefined);
          }
        });
      };
      step(JOIN_FRAMES);
    });
  }

  #look(): void {
    const wish = this.#wish;
    if (wish === undefined || this.#accessPoint) return;
    this.#associate(wish.ssid, wish.key, (failure) => {
      if (failure !== undefined && this.#wish === wish) this.#air.after(LOOK_AGAIN, () => this.#look());
    });
  }

  #lose(): void {
    this.#accessPoint?.leave(this);
    this.#accessPoint = undefined;
    this.onChange?.(this);
    if (this.#wish) this.#air.after(LOOK_AGAIN, () => this.#look());
  }
}
