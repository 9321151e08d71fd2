/**
 * What is kept of a connection in TIME-WAIT that no program holds. A busy server has thousands of these, and all that they do
 * is to answer a late segment now and then, so they shall not cost what a connection costs. When a segment comes, the
 * connection is made of it again, and the rules of `arrive.ts` hold as for any other.
 */
import { FOREVER, type InRow, type Micros, type Timed } from "../../base/index.ts";
import { TcpState } from "../sockets.ts";
import { defaultOptions } from "../station.ts";
import type { IpAddress } from "../wire/ip-address.ts";
import type { SourceRoute } from "../wire/source-route.ts";
import { Connection, type Ecn, type Rcv, type Snd, type Timestamps } from "./connection.ts";
import type { Flow } from "./flows.ts";
import type { FourTuple } from "./isn.ts";
import type { TcpSettings } from "./settings.ts";

export class TimeWait implements FourTuple, Timed, InRow {
  readonly state = TcpState.TIME_WAIT;
  readonly localAddress: IpAddress;
  readonly localPort: number;
  readonly remoteAddress: IpAddress;
  readonly remotePort: number;
  readonly settings: TcpSettings;
  readonly passive: boolean;
  readonly ourMss: number;
  readonly pathMss: number;
  readonly peerMss: number;
  readonly defaultMss: number;
  readonly sack: boolean;
  readonly scaling: boolean;
  readonly ttl: number;
  readonly tos: number;
  readonly route: SourceRoute | undefined;
  readonly snd: Snd;
  readonly rcv: Rcv;
  readonly timestamps: Timestamps;
  readonly ecn: Ecn;
  readonly heard: Micros;
  /** When it is over. */
  readonly until: Micros;
  // The heap of deadlines, the row of those left by their programs and the flow table have these.
  due: Micros = FOREVER;
  slot = -1;
  row: object | undefined = undefined;
  before: InRow | undefined = undefined;
  behind: InRow | undefined = undefined;
  serial: number;
  chain: Flow | undefined = undefined;

  constructor(c: Connection) {
    this.localAddress = c.localAddress;
    this.localPort = c.localPort;
    this.remoteAddress = c.remoteAddress;
    this.remotePort = c.remotePort;
    this.settings = c.settings;
    this.passive = c.passive;
    this.ourMss = c.ourMss;
    this.pathMss = c.pathMss;
    this.peerMss = c.peerMss;
    this.defaultMss = c.defaultMss;
    this.sack = c.sack;
    this.scaling = c.scaling;
    this.ttl = c.options.ttl;
    this.tos = c.options.tos;
    this.route = c.route;
    this.snd = c.snd;
    this.rcv = c.rcv;
    this.timestamps = c.timestamps;
    this.ecn = c.ecn;
    this.heard = c.heard;
    this.until = c.timers.wait;
    this.serial = c.serial;
  }
}

/** Whether nothing but the record need be kept: no program will ask, and nothing is left to be sent or told. */
export function canRest(c: Connection): boolean {
  return c.state === TcpState.TIME_WAIT && c.orphan && !c.queued && !c.telling && c.news === 0;
}

/** The connection as it was. */
export function awake(rest: TimeWait): Connection {
  const { passive, snd, ourMss: mss, pathMss, defaultMss, timestamps, settings, ttl, tos } = rest;
  const c = new Connection({
    flow: rest,
    passive,
    iss: snd.iss,
    mss,
    pathMss,
    defaultMss,
    timestampOffset: timestamps.offset,
    settings,
    options: { ...defaultOptions(), ttl, tos },
  });
  c.state = TcpState.TIME_WAIT;
  c.orphan = true;
  c.route = rest.route;
  c.peerMss = rest.peerMss;
  c.sack = rest.sack;
  c.scaling = rest.scaling;
  c.heard = rest.heard;
  c.serial = rest.serial;
  c.timers.wait = rest.until;
  Object.assign(c.snd, snd);
  Object.assign(c.rcv, rest.rcv);
  Object.assign(c.timestamps, timestamps);
  Object.assign(c.ecn, rest.ecn);
  return c;
}
