/**
 * Reads timelines in packetdrill's language: lines with their times, calls, segments, assertions, and how the host is to be set
 * up. What is not understood is `Unsupported`, with its name.
 */
import type { Micros } from "../../src/base/index.ts";
import { type IpAddress, parseIpAddress, type TcpSettings } from "../../src/net/index.ts";
import * as tcp from "../../src/net/wire/tcp.ts";

const LOCAL: IpAddress = 0xc0a80001;
const REMOTE: IpAddress = 0xc0000201;
/** packetdrill's own default. */
const TOLERANCE: Micros = 4_000;

export class Unsupported extends Error {}

export interface Call {
  kind: "call";
  name: string;
  words: string[];
  expected: string;
  errno: string | undefined;
  /** Bytes that it has sent, while it waits for room for more. */
  done: number;
}
export type Event =
  | Call
  | { kind: "in" | "out"; packet: Packet }
  | { kind: "error"; error: IcmpError }
  | { kind: "assert"; code: string }
  | { kind: "sysctl"; settings: [name: string, value: string][] };

/** An ICMP error about a segment of ours, from a router on the way. */
export interface IcmpError {
  code: number;
  mtu: number;
  seq: number;
  length: number;
}

export interface Packet {
  flags: number;
  seq: number;
  length: number;
  ack: number | undefined;
  window: number | undefined;
  urgent: number;
  /** What the IP header says; undefined: any, and none when injected. */
  ecn: string | undefined;
  /** undefined: any. */
  options: Option[] | undefined;
}

export interface Option {
  name: string;
  values: number[];
  /** Of Fast Open. */
  cookie?: Uint8Array;
}

export interface Line {
  number: number;
  text: string;
  /** How the time is meant. */
  from: "start" | "last" | "any";
  time: Micros;
  /** A call that blocks. */
  blocks: boolean;
  /** A segment may come from `time` until then. */
  latest: Micros;
  event: Event;
}

export interface Script {
  lines: Line[];
  settings: Partial<TcpSettings>;
  tolerance: Micros;
  local: IpAddress;
  remote: IpAddress;
  /** Programs name IPv4 addresses as IPv6 ones. */
  mapped: boolean;
  mtu: number;
  /** The largest segment that is injected whole: scripts show what a card has put together. */
  mss: number;
  /** Linux's `tcp_fastopen`. */
  fastOpen: number;
  /** Nothing may be sent behind the last line either; the language itself does not ask for that. */
  strict: boolean;
}

export function parseTimeline(text: string): Script {
  const script: Script = {
    lines: [],
    settings: {},
    tolerance: TOLERANCE,
    local: LOCAL,
    remote: REMOTE,
    mapped: false,
    mtu: 1500,
    mss: 1440,
    fastOpen: 0,
    strict: true,
  };
  const sizes = new Set(Array.from(text.matchAll(/SO_SNDBUF, \[(\d+)\]/g), ([, size]) => Number(size)));
  if (sizes.size === 1) script.settings.sendBuffer = 2 * Math.max(...sizes);
  const held: string[] = [];
  /** What goes over several lines stands as one word on the first. */
  const hold = (part: string): string => `⟦${held.push(part) - 1}⟧${part.replace(/[^\n]/g, "")}`;
  const source = text
    .replaceAll("TFO_COOKIE", DEFINED.TFO_COOKIE)
    .replace(/\bCODE\b/g, DEFINED.CODE)
    .replace(/\/\*[\s\S]*?\*\//g, (part) => part.replace(/[^\n]/g, ""))
    .replace(/%\{[\s\S]*?\}%/g, hold)
    .replace(/`[\s\S]*?`/g, hold)
    .replace(/\/\/.*/g, "")
    .replace(/^\s*#.*/gm, "");
  const pending = source.split("\n");
  for (let i = 0; i < pending.length; i++) {
    const number = i + 1;
    let statement = pending[i]!.trim();
    if (statement === "") continue;
    if (statement.startsWith("--")) {
      applyOption(statement, script);
      continue;
    }
    // A call may go over several lines, and so may a segment.
    while (i + 1 < pending.length && (!isComplete(statement) || isContinued(pending[i + 1]!))) {
      statement += ` ${pending[++i]!.trim()}`;
    }
    script.lines.push(parseLine(statement.trim(), number, held));
  }
  return script;
}

/** What packetdrill's own runner defines: the cookie follows from the key in `defaults.sh`. */
const DEFINED = { TFO_COOKIE: "3021b9d889017eeb", CODE: "host_unreachable" };

/** The next line begins like no statement: it belongs to the one before. */
const isContinued = (line: string): boolean => /^\s+(ack \d|win \d|<(mss|nop|sack|TS|\.\.\.))/.test(line);

function applyOption(option: string, script: Script): void {
  const [, name = "", value = ""] = /^--(\w+)(?:=(\S+))?/.exec(option) ?? [];
  switch (name) {
    case "tolerance_usecs":
      script.tolerance = Number(value);
      return;
    case "local_ip":
    case "remote_ip": {
      const address = parseIpAddress(value);
      if (address === undefined) throw new Unsupported(`option ${option}`);
      script[name === "local_ip" ? "local" : "remote"] = address;
      return;
    }
    case "ip_version":
      if (value === "ipv4") return;
      script.mapped = value !== "ipv6";
      if (value !== "ipv6") return;
      script.local = parseIpAddress("fd3d:fa7b:d17d::1")!;
      script.remote = parseIpAddress("2001:db8:85a3::1")!;
      return;
    case "mtu":
      script.mtu = Number(value);
      return;
    case "mss":
      script.mss = Number(value);
      return;
    case "tcp_ts_tick_usecs":
      if (value === "1000") return; // ours is a millisecond as well
      break;
    case "strict_segments":
    case "non_fatal":
      return;
  }
  throw new Unsupported(`option ${option}`);
}

function isComplete(statement: string): boolean {
  const opened = (statement.match(/[([{]/g) ?? []).length;
  return opened === (statement.match(/[)\]}]/g) ?? []).length;
}

/** The sysctls that our settings have too. Those about things that our TCP has not at all make the timeline unsupported. */
export function applySysctl(
  name: string,
  value: string,
  settings: Partial<Writable<TcpSettings>>,
  script: Script,
): void {
  if (name === "tcp_timestamps") settings.timestamps = value !== "0";
  else if (name === "tcp_sack") settings.sack = value !== "0";
  else if (name === "tcp_window_scaling") settings.windowScaling = value !== "0";
  else if (name === "tcp_syncookies") settings.synCookies = value !== "0";
  else if (name === "tcp_syn_retries") settings.synRetries = Number(value);
  else if (name === "tcp_synack_retries") settings.synAckRetries = Number(value);
  else if (name === "tcp_retries2") settings.retries = Number(value);
  else if (name === "tcp_fin_timeout") settings.finWait2 = Number(value) * 1_000_000;
  else if (name === "tcp_congestion_control" && (value === "cubic" || value === "reno"))
    settings.congestion = value;
  else if (name === "tcp_fastopen") {
    script.fastOpen = Number(value);
    const { client, server, free, openServer } = FAST_OPEN_BITS;
    if (script.fastOpen & (free | openServer)) settings.fastOpen = "always";
    else settings.fastOpen = script.fastOpen & (client | server) ? "cookies" : "off";
  } else if (name === "tcp_fastopen_key")
    settings.fastOpenKey = value.split("-").map((word) => Number.parseInt(word, 16));
  else if (name === "tcp_ecn" && (value === "1" || value === "2"))
    settings.ecn = true; // 2: accepted, not offered
  else if (name === "tcp_ecn" && Number(value) > 2) throw new Unsupported("accurate ECN");
  else if (name === "tcp_mtu_probing" && value !== "0")
    throw new Unsupported("probing for the path MTU (RFC 4821)");
}

export type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Of `tcp_fastopen`: clients, servers, clients without cookies, servers that want none, all listeners. */
export const FAST_OPEN_BITS = { client: 1, server: 2, free: 4, openServer: 0x200, listeners: 0x400 };
/** May be changed while a script runs; connections that are opened afterwards follow. */
export const CHANGEABLE = new Set(["tcp_timestamps", "tcp_fastopen", "tcp_fastopen_key", "tcp_ecn"]);

function parseLine(statement: string, number: number, held: readonly string[]): Line {
  const match = /^(\*|\+?[\d.]*?)\s*(?:\.\.\.\s*(\+?[\d.]+))?(?:~\s*(\+?[\d.]+))?\s+(?=[<>a-z⟦])(.*)$/s.exec(
    ` ${statement}`.replace(/^ (?=[+*\d])/, ""),
  );
  if (match === null) throw new Unsupported(`line ${number}: ${statement}`);
  const [, time = "", end, latest, rest = ""] = match;
  const micros = (text: string): Micros => Math.round(Number(text.replace("+", "") || "0") * 1e6);
  const from = time === "*" ? "any" : time.startsWith("+") || time === "" ? "last" : "start";
  return {
    number,
    text: statement,
    from,
    time: time === "*" ? 0 : micros(time),
    blocks: end !== undefined,
    latest: latest === undefined ? micros(time) : micros(latest),
    event: parseEvent(rest, number, held),
  };
}

function parseEvent(text: string, number: number, held: readonly string[]): Event {
  const block = /^⟦(\d+)⟧$/.exec(text.trim());
  if (block) {
    const what = held[Number(block[1])]!;
    if (what.startsWith("%{")) return { kind: "assert", code: what.slice(2, -2) };
    return parseShell(what.slice(1, -1));
  }
  if (/^<\s*\[?.*icmp/.test(text)) return parseIcmp(text, number);
  return /^[<>]/.test(text) ? parsePacket(text, number) : parseCall(text, number);
}

/** Commands that set what a network has by default, or look at Linux, change nothing here. */
const HARMLESS =
  /^(nstat|ip tcp_metrics|echo 3 > \/sys\/module\/tcp_cubic\/parameters\/hystart_detect|ethtool|tc qdisc add dev tun0 root pfifo$|sysctl|sleep|true)\b|^\/tmp\/sysctl|defaults\.sh|set_sysctls/;

/** What of `defaults.sh` is not this runner's default anyhow. */
const DEFAULTS: [string, string][] = [
  ["tcp_fastopen", "0x70403"],
  ["tcp_fastopen_key", "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4"],
];

function parseShell(text: string): Event {
  const settings: [string, string][] = [];
  const commands = text
    .replaceAll("\\\n", " ")
    .split(/[\n;]|&&/)
    .map((each) => each.trim());
  for (const command of commands) {
    if (command === "" || command.startsWith("#")) continue;
    if (command.includes("defaults.sh")) settings.push(...DEFAULTS);
    const set = [
      ...command.matchAll(/net\.ipv4\.(\w+)=["']?(\S+?)["']?(?=\s|$)/g),
      ...command.matchAll(/\/ipv4\/(\w+)=(\S+)/g),
    ];
    for (const [, name, value] of set) settings.push([name!, value!]);
    if (set.length === 0 && !HARMLESS.test(command))
      throw new Unsupported(`shell command ${command.split(" ")[0]}`);
  }
  return { kind: "sysctl", settings };
}

/** `< icmp unreachable frag_needed mtu 1200 [1:1001(1000)]`, `< icmp packet_too_big mtu 1400 [0:1440(1440)]` */
function parseIcmp(text: string, number: number): Event {
  const match =
    /icmp (?:unreachable )?(?:(\w+)(?: mtu (\d+))? ?)?(?:\[(?:\.\.\. > \.\.\. )?\s*(\d+):\d+\((\d+)\)\])?$/.exec(
      text.trim(),
    );
  const codes: Record<string, number> = {
    net_unreachable: 0,
    host_unreachable: 1,
    protocol_unreachable: 2,
    port_unreachable: 3,
    frag_needed: 4,
    source_route_failed: 5,
    net_prohibited: 9,
    host_prohibited: 10,
    packet_filtered: 13,
    packet_too_big: 4, // what fragmentation needed is to IPv4
  };
  const code = match === null ? undefined : codes[match[1] ?? "net_unreachable"];
  if (match === null || code === undefined) throw new Unsupported(`line ${number}: ${text}`);
  return {
    kind: "error",
    error: { code, mtu: Number(match[2] ?? 0), seq: Number(match[3] ?? 0), length: Number(match[4] ?? 0) },
  };
}

function parseCall(text: string, number: number): Event {
  const match = /^(\w+)\s*\(([\s\S]*)\)\s*=\s*(-?\w+|\.\.\.)\s*(E\w+)?.*$/.exec(text);
  if (match === null) throw new Unsupported(`line ${number}: ${text}`);
  const [, name = "", words = "", expected = "", errno] = match;
  return { kind: "call", name, words: words.split(",").map((word) => word.trim()), expected, errno, done: 0 };
}

const flagLetters: Record<string, number> = {
  S: tcp.SYN,
  F: tcp.FIN,
  R: tcp.RST,
  P: tcp.PSH,
  U: tcp.URG,
  E: tcp.ECE,
  W: tcp.CWR,
  ".": tcp.ACK,
  "-": 0,
};

function parsePacket(text: string, number: number): Event {
  const match =
    /^([<>])\s+(?:\[(noecn|ect0|ect01|ect1|ce)\]\s+)?([SFRPUEW.]+|-)\s+(\d+):(\d+)\((\d+)\)(?:\s+ack\s+(\d+))?(?:\s+win\s+(\d+))?(?:\s+urg\s+(\d+))?\s*(?:<(.*)>)?$/.exec(
      text.trim(),
    );
  if (match === null) throw new Unsupported(`line ${number}: ${text}`);
  const [, way, ecn, letters = "", seq, , length, ack, window, urgent, options] = match;
  let flags = 0;
  for (const letter of letters) flags |= flagLetters[letter]!;
  return {
    kind: way === "<" ? "in" : "out",
    packet: {
      flags,
      seq: Number(seq),
      length: Number(length),
      ack: ack === undefined ? undefined : Number(ack),
      window: window === undefined ? undefined : Number(window),
      urgent: Number(urgent ?? 0),
      ecn,
      options: options === "..." ? undefined : parseOptions(options ?? "", number),
    },
  };
}

function parseOptions(text: string, number: number): Option[] {
  const options: Option[] = [];
  for (const part of text.split(",").map((word) => word.trim())) {
    if (part === "" || part === "nop" || part === "eol") continue;
    const match = /^(mss|wscale|sackOK|TS|sack)\b(.*)$/.exec(part);
    const [, fast, cookie = ""] = /^(FO|FOEXP)(?:\s+([0-9a-f]*))?$/.exec(part) ?? [];
    if (fast) {
      options.push({ name: fast, values: [], cookie: Uint8Array.from(Buffer.from(cookie, "hex")) });
      continue;
    }
    if (/^md5/.test(part)) throw new Unsupported("MD5 signatures");
    if (match === null) throw new Unsupported(`line ${number}: option ${part}`);
    options.push({ name: match[1]!, values: (match[2]!.match(/\d+/g) ?? []).map(Number) });
  }
  return options;
}
