/**
 * What a laboratory's description may say: every name, what may stand behind it, and what it means. `describeLab` reads a
 * tree of `fields.ts` by these tables; the types of the result follow from them.
 */
import { cpuModels } from "../machine/index.ts";
import {
  allowOnly,
  parseAddress,
  parseAddress6,
  parseMac,
  parseNetwork6,
  parseOwnAddress,
  parsePublication,
  parseRemoteLink,
  parseRoute,
  TcpState,
} from "../net/index.ts";
import {
  bytes,
  chance,
  flag,
  LabError,
  listOf,
  mapOf,
  oneOf,
  oneOrMore,
  parsed,
  type Read,
  rate,
  record,
  type Spot,
  span,
  text,
  told,
  type Written,
  whole,
  wrong,
} from "./fields.ts";

/** A name of something else in the description, with the place of the mention. */
export interface Reference {
  readonly name: string;
  readonly spot: Spot | undefined;
  readonly path: string;
}

const reference: Read<Reference> = (piece, path) => ({ name: text(piece, path), spot: piece.spot, path });

const address = parsed(parseAddress, "an address such as 10.0.0.1");
const address6 = parsed((word) => (parseAddress6(word) ? word : undefined), "an address such as fd00::1");
/** Kept as text: who uses it parses it. */
const network6 = parsed(
  (word) => (parseNetwork6(word) ? word : undefined),
  "an address such as fd00:1::1/64",
);
const network = parsed(
  (word) => (parseOwnAddress(word) ? word : undefined),
  "an address such as 10.0.0.1/24",
);
const mac = parsed((word) => {
  const number = parseMac(word);
  // Group addresses have the lowest bit of their first byte set: no card has one.
  return number !== undefined && number > 0 && Math.floor(number / 2 ** 40) % 2 === 0 ? number : undefined;
}, "a card's MAC address such as 52:54:00:12:34:56");
const route = parsed((word) => {
  try {
    parseRoute(word);
    return word;
  } catch {
    return undefined;
  }
}, "a route such as 10.0.9.0/24 via 10.0.2.7");
const date = parsed((word) => {
  const ms = Date.parse(
    /[zZ]|[+-]\d\d:\d\d$/.test(word) ? word : `${word}${word.includes("T") ? "" : "T00:00:00"}Z`,
  );
  return Number.isNaN(ms) ? undefined : ms;
}, "a date such as 2026-01-31T12:00:00");

// --- frames ----------------------------------------------------------------------------------------------------------

/**
 * One end of a flow: `10.0.0.1:80`, `[fd00::1]:80`, `10.0.0.1`, `:80`, or the name of a station instead of its address.
 */
const end: Read<{ host: Reference | undefined; port: number | undefined }> = (piece, path) => {
  const [, six, plain, port] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*))(?::(\d{1,5}))?$/.exec(text(piece, path)) ?? [];
  const host = six ?? plain;
  if (host === undefined || (host === "" && port === undefined) || Number(port ?? 1) > 65535)
    return wrong(piece, path, "an end of a flow is ADDRESS:PORT, NAME:PORT, or one of the two");
  return {
    host: host === "" ? undefined : { name: host, spot: piece.spot, path },
    port: port === undefined ? undefined : Number(port),
  };
};

const flow = { from: end, to: end };
/** F S R P A U */
const flags = parsed(
  (word) => (/^[FSRPAU]+$/.test(word) ? word : undefined),
  "a text of some of the flags F S R P A U",
);

/** `[2, 5]` */
const firstAndLast: Read<readonly [number, number]> = (piece, path) => {
  const [first = 0, last = 0, ...more] = listOf(whole(1))(piece, path);
  return more.length === 0 && first > 0 && first <= last
    ? [first, last]
    : wrong(piece, path, "the numbers of the first and the last such as [2, 5] are needed");
};

/** Which frames are meant: one protocol and what it must have; then perhaps one of them by number. */
export const match = record({
  tcp: record({ ...flow, flags, data: flag, seq: whole(0, 2 ** 32 - 1) }),
  udp: record(flow),
  arp: record({}),
  /** Any frame. */
  any: record({}),
  /** Only the frame with this number among those, from 1; */
  nth: whole(1),
  /** those from the first to the last, `[2, 5]`; */
  between: firstAndLast,
  /** every so many. */
  every: whole(1),
});
export type MatchDescription = ReturnType<typeof match>;

// --- links -----------------------------------------------------------------------------------------------------------

/** A fault for chosen frames: the deed, and behind it the frames. */
const rule = record({
  drop: match,
  duplicate: match,
  corrupt: match,
  /** What no chance may touch. */
  pass: match,
  delay: match,
  /** How much later, for `delay`. */
  by: span,
});
export type RuleDescription = ReturnType<typeof rule>;

const faults = {
  loss: chance,
  delay: span,
  jitter: span,
  rate,
  /** Frames that may wait. */
  queue: whole(1),
  reorder: chance,
  "reorder-by": span,
  duplicate: chance,
  corrupt: chance,
  cut: flag,
  rules: listOf(rule),
};
const oneWay = record(faults);
export type FaultsDescription = ReturnType<typeof oneWay>;

/** The cable of one interface. What is said of it counts both ways, unless one way says otherwise. */
const link = record({
  ...faults,
  /** From the station to the network, */
  sending: oneWay,
  /** and back. */
  receiving: oneWay,
  /** Changes: from a moment on, */
  later: listOf(record({ ...faults, at: span }, ["at"])),
});
export type LinkDescription = ReturnType<typeof link>;

/** Metres, `[30, 5]`. */
const position: Read<readonly [number, number]> = (piece, path) => {
  const numbers =
    piece.kind === "list" ? piece.items.map((each) => (each.kind === "scalar" ? each.value : null)) : [];
  const [x, y] = numbers;
  return numbers.length === 2 && typeof x === "number" && typeof y === "number"
    ? [x, y]
    : wrong(piece, path, "a position in metres such as [30, 5] is needed");
};

/** An access point. */
const accessPoint = record(
  {
    ssid: text,
    /** Without one the network is open. */
    key: text,
    channel: whole(1, 14),
    /** The switch it is plugged into. */
    network: reference,
    position,
    /** dBm */
    power: whole(-20, 36),
  },
  ["ssid"],
);
export type AccessPointDescription = ReturnType<typeof accessPoint>;

/** A wireless card, in the place of a cable: it keeps to a network by its name. */
const radio = record(
  {
    ssid: text,
    key: text,
    position,
    power: whole(-20, 36),
    /** Where it is carried, and when. */
    later: listOf(record({ at: span, position }, ["at", "position"])),
  },
  ["ssid"],
);
export type RadioDescription = ReturnType<typeof radio>;

// --- stations --------------------------------------------------------------------------------------------------------

const card = {
  /** A name of `networks`; may be left out where there is one. */
  network: reference,
  address: network,
  gateway: address,
  /** With it the card speaks IPv6. */
  address6: network6,
  /** Default: the router that advertises itself. */
  gateway6: address6,
  mac,
  mtu: whole(68, 65535),
  name: text,
  link,
  /** Instead of a cable to a switch. */
  radio,
};
const cards = record(card);
export type CardDescription = ReturnType<typeof cards>;

const machine = record(
  {
    /** A source or an image, found from the file's folder. */
    program: text,
    /** A list of corrections for the source. */
    corrections: text,
    arguments: text,
    /** When its program begins; its network stands from the start. */
    start: span,
    /** So many of the kind, NAME-1, NAME-2 …, their addresses counted up; `{n}` in the arguments is the number. */
    count: whole(1, 10_000),
    /** How long after each other they begin. */
    every: span,
    /** Address space of the program: 64 KB to 2 GB. */
    memory: (piece, path) => {
      const size = bytes(piece, path);
      return size >= 65536 && size <= 2 ** 31
        ? Math.floor(size)
        : wrong(piece, path, "64 KB to 2 GB are possible");
    },
    /** Which processor it has: `--cpu`. */
    cpu: oneOf(...(Object.keys(cpuModels) as (keyof typeof cpuModels)[])),
    /** What executes its instructions: `--engine`. */
    engine: oneOf("interpreter", "compiled", "unicorn"),
    /** How its TCP's window grows after a loss: RFC 5681, or RFC 9438. */
    congestion: oneOf("reno", "cubic"),
    /** What its clock shows at the start. */
    clock: date,
    ...card,
    /** Several cards, instead of the one described here. */
    interfaces: listOf(cards),
  },
  ["program"],
);
export type MachineDescription = ReturnType<typeof machine>;

const forward = parsed((word) => {
  const [, outer, host, inner, protocol = "tcp"] =
    /^(\d{1,5}):([\d.]+):(\d{1,5})(?:\/(tcp|udp))?$/.exec(word) ?? [];
  const to = host === undefined ? undefined : parseAddress(host);
  if (to === undefined || Number(outer) > 65535 || Number(inner) > 65535) return undefined;
  const kind: "tcp" | "udp" = protocol === "udp" ? "udp" : "tcp";
  return { protocol: kind, port: Number(outer), to: { address: to, port: Number(inner) } };
}, "a forwarded port such as 8080:10.0.1.5:80");

const router = record(
  {
    interfaces: listOf(
      record({
        ...card,
        /** What leaves here comes from this interface's address: true, or the ports that lead inside. */
        nat: (piece, path) => (piece.kind === "list" ? listOf(forward)(piece, path) : flag(piece, path)),
      }),
    ),
    routes: listOf(route),
    /** Packets go by the way that their senders name (RFC 791, loose and strict source routes). */
    "source-routes": flag,
  },
  ["interfaces"],
);
export type RouterDescription = ReturnType<typeof router>;

const page: Read<string | { body: string; type?: string; status?: number }> = (piece, path) =>
  piece.kind === "map"
    ? record({ body: text, type: text, status: whole(200, 599) }, ["body"])(piece, path)
    : text(piece, path);
const port = whole(1, 65535);
const small = record({ port });
/** Files in memory: names and texts, or a folder whose files are taken. */
const files = { files: mapOf(text), folder: text };

/** A station with servers of the library. */
export const serviceFields = {
  dns: record({
    hosts: mapOf(oneOrMore(text)),
    zones: listOf(record({ origin: text, records: listOf(text), ttl: whole(0) }, ["origin", "records"])),
    /** Ask the host about all other names; only where `outside` allows the way out. */
    forward: flag,
    port,
  }),
  dhcp: record(
    {
      first: address,
      last: address,
      router: address,
      dns: oneOrMore(address),
      ntp: oneOrMore(address),
      domain: text,
      lease: span,
      /** For machines that boot from the network: which file, and where it is. */
      boot: record({ server: address, file: text }, ["server", "file"]),
      fixed: listOf(record({ mac, address, name: text }, ["mac", "address"])),
    },
    ["first", "last"],
  ),
  ntp: record({ stratum: whole(1, 16), offset: span, port }),
  http: record({ pages: mapOf(page), folder: text, port }),
  ftp: record({ ...files, users: mapOf(text), writable: flag, port }),
  tftp: record({ ...files, writable: flag, port }),
  smtp: record({ host: text, port }),
  syslog: small,
  echo: small,
  discard: small,
  daytime: small,
  chargen: small,
};
const service = record({ ...card, ...serviceFields }, ["address"]);
export type ServiceDescription = ReturnType<typeof service>;

/** One place of an allow-list. */
const allowRule = (word: string): object => {
  const policy = allowOnly([word]);
  return typeof policy === "object" ? policy : {};
};

/** The host outside. With it the laboratory runs in real time. */
const outside = record({
  network: reference,
  /** Of the gateway. Default 10.0.2.2/24. */
  address: network,
  /** Its address of IPv6, as fd00::2/64. Default: none. */
  address6: network6,
  /** To networks behind routers, as a router's. */
  routes: listOf(route),
  /** As `--publish`: `8080:10.0.2.15:80`. */
  publish: listOf(told((word) => parsePublication(word))),
  /** True, or the places that may be reached, as `192.0.2.0/24:80`. */
  outbound: (piece, path) =>
    piece.kind === "list" ? listOf(told(allowRule))(piece, path) : flag(piece, path),
  /** As `--tap`. */
  tap: listOf(text),
  /** As `--link`. */
  link: listOf(told(parseRemoteLink)),
});
export type OutsideDescription = ReturnType<typeof outside>;

// --- what must happen ------------------------------------------------------------------------------------------------

const states = Object.keys(TcpState).map((name) => name.replaceAll("_", "-"));
const state = parsed((word) => (states.includes(word) ? word : undefined), `one of ${states.join(", ")}`);

/** The regular expression that `/a pattern/` is; undefined for plain text. Throws when it is none. */
export function pattern(word: string): RegExp | undefined {
  const [, source, flags = ""] = /^\/(.+)\/([ims]*)$/s.exec(word) ?? [];
  return source === undefined ? undefined : new RegExp(source, `g${flags}`);
}

/** A text, or `/a pattern/`. */
const wanted: Read<string> = (piece, path) => {
  const word = text(piece, path);
  try {
    pattern(word);
  } catch (error) {
    return wrong(piece, path, (error as Error).message);
  }
  return word;
};

const expectationFields = record({
  machine: reference,
  /** The debug board has this text in it, or `/a pattern/`. */
  prints: wanted,
  /** `exit`, `fault`, `fault #PF`, or `blocked` at the end of everything. */
  ends: parsed(
    (word) => (/^(exit|blocked|fault( #\w+)?)$/.test(word) ? word : undefined),
    "exit, blocked or fault [#NAME]",
  ),
  /** A socket comes into a state. */
  socket: record({ state, port, peer: end }, ["state"]),
  /** A frame like this is seen, */
  frame: match,
  /** by this station or interface (`client`, `client.eth0`; default: sent by anybody); */
  at: reference,
  direction: oneOf("sent", "received"),
  /** Its radio is let in by this access point. */
  joins: reference,
  service: reference,
  /** A service is asked something that has this text in it, or `/a pattern/`: see `--log`. */
  receives: wanted,
  /** So often at least. Default once. */
  times: whole(1),
  /** From the start. Default: the limit of the whole. */
  within: span,
});

export interface ExpectationDescription extends Omit<ReturnType<typeof expectationFields>, never> {
  readonly spot: Spot | undefined;
}

const DEEDS = ["prints", "ends", "socket", "frame", "receives", "joins"] as const;

const expectation: Read<ExpectationDescription> = (piece, path) => {
  const fields = expectationFields(piece, path);
  const deeds = DEEDS.filter((deed) => fields[deed] !== undefined);
  if (deeds.length !== 1)
    return wrong(piece, path, `one of ${DEEDS.join(", ")} is needed, not ${deeds.join(" and ") || "none"}`);
  const [deed] = deeds;
  if (deed !== "frame" && deed !== "receives" && !fields.machine)
    return wrong(piece, path, `${deed}: by which machine?`);
  if (deed === "receives" && !fields.service) return wrong(piece, path, "receives: which service?");
  return { ...fields, spot: piece.spot };
};

const lab = record(
  {
    /** What it shows, in a sentence. */
    about: text,
    /** All chance follows from it. Default 1. */
    seed: whole(0, 2 ** 32 - 1),
    /** No run takes longer. Default 60 s. */
    limit: span,
    /** Switches; without any there is one, `lan`. */
    networks: (piece, path) =>
      piece.kind === "list"
        ? Object.fromEntries(listOf(text)(piece, path).map((name) => [name, {}]))
        : mapOf(record({ queue: whole(1), ageing: span }))(piece, path),
    machines: mapOf(machine),
    /** Access points. */
    wireless: mapOf(accessPoint),
    routers: mapOf(router),
    services: mapOf(service),
    outside,
    /** What must happen, */
    expect: listOf(expectation),
    /** and what must not. */
    never: listOf(expectation),
  },
  ["machines"],
);
export type LabDescription = ReturnType<typeof lab>;

/** Reads a description; throws a LabError with all that is wrong with it. */
export function describeLab(tree: Written): LabDescription {
  const description = lab(tree, "");
  if (Object.keys(description.machines).length === 0)
    throw new LabError([{ spot: tree.spot, path: "machines", text: "there are none" }]);
  return description;
}
