/** What a name server knows: zones (RFC 1034 section 4.2), and names of hosts as in a hosts file. */
import { bytesOf } from "../../base/index.ts";
import { type Address, parseAddress } from "../wire/address.ts";
import { type Address6, bytesOfAddress6, parseAddress6 } from "../wire/address6.ts";
import { CLASS_IN, labelsOf, type RecordData, type ResourceRecord, type Soa, Type } from "./wire/dns.ts";

export interface ZoneOptions {
  /** The domain: "lab.example". */
  origin: string;
  /**
   * One record a line, as in a zone file (RFC 1035 5.1): `www 300 A 10.0.2.20`. A name without a dot at the end is
   * below the origin, `@` is the origin itself; seconds and class `IN` may be left out.
   */
  records: string | readonly string[];
  /** Seconds that answers may be kept unless a record says otherwise. Default 300. */
  ttl?: number;
  /** What differs from a start of authority record that suits a laboratory. */
  soa?: Partial<Soa>;
}

/** What looking up a name in a zone comes to. */
export type Found =
  | { kind: "answer"; records: ResourceRecord[] }
  | { kind: "alias"; record: ResourceRecord; target: string }
  /** The name belongs to others, who are named. */
  | { kind: "referral"; records: ResourceRecord[] }
  /** The name is there and has no record of the type. */
  | { kind: "nodata" }
  | { kind: "nxdomain" };

/** A name for comparison: lower case, no dot at the end. */
export const fold = (name: string): string => name.toLowerCase().replace(/(?<!\\)\.$/, "");

export class Zone {
  readonly origin: string;
  readonly soa: ResourceRecord;
  readonly #names = new Map<string, ResourceRecord[]>();

  /** Throws, naming the line, when a record makes no sense. */
  constructor({ origin, records, ttl = 300, soa = {} }: ZoneOptions) {
    if (labelsOf(origin) === undefined) throw new Error(`${JSON.stringify(origin)} is not a domain name`);
    this.origin = fold(origin);
    const data = {
      type: Type.SOA,
      primary: join("ns", this.origin),
      mailbox: join("hostmaster", this.origin),
      serial: 1,
      refresh: 3600,
      retry: 600,
      expire: 86400,
      minimum: 60,
      ...soa,
    };
    this.soa = { name: this.origin, class: CLASS_IN, ttl, data };
    this.#add(this.soa);
    const lines = typeof records === "string" ? records.split("\n") : records;
    for (const [index, line] of lines.entries()) {
      const text = line.trim();
      if (text === "" || text.startsWith(";")) continue;
      const record = parseRecord(text, this.origin, ttl);
      const wrong = typeof record === "string" ? record : this.#objection(record);
      if (wrong) throw new Error(`zone ${this.origin || "."}, record ${index + 1} (${text}): ${wrong}`);
      this.#add(record as ResourceRecord);
    }
  }

  /** Whether a folded name lies in this zone. */
  holds(name: string): boolean {
    return this.origin === "" || name === this.origin || name.endsWith(`.${this.origin}`);
  }

  /** RFC 1034 4.3.2 step 3. */
  find(asked: string, type: number): Found {
    const name = fold(asked);
    // From the origin down: somebody else's part of the tree begins where there are NS records (step 3b).
    for (let cut = name; cut !== this.origin; cut = parent(cut)) {
      const records = this.#of(cut, Type.NS);
      if (records.length > 0) return { kind: "referral", records };
    }
    if (this.#names.has(name)) return this.#at(asked, name, type);
    if (this.#isBetween(name)) return { kind: "nodata" };
    // Step 3c, RFC 4592: the wildcard below the closest name that exists.
    for (let above = parent(name); this.holds(above); above = parent(above)) {
      const wildcard = join("*", above);
      if (this.#names.has(wildcard)) return this.#at(asked, wildcard, type);
      if (above === this.origin || this.#names.has(above) || this.#isBetween(above)) break;
    }
    return { kind: "nxdomain" };
  }

  /** Records of a name and type as they are, for the additional section. */
  addresses(name: string): ResourceRecord[] {
    return [...this.#of(fold(name), Type.A), ...this.#of(fold(name), Type.AAAA)];
  }

  #at(asked: string, name: string, type: number): Found {
    const owned = (record: ResourceRecord): ResourceRecord => ({ ...record, name: asked });
    const all = this.#names.get(name)!;
    const [alias] = this.#of(name, Type.CNAME);
    if (alias && type !== Type.CNAME && type !== Type.ANY && "target" in alias.data)
      return { kind: "alias", record: owned(alias), target: alias.data.target };
    const records = all.filter(({ data }) => type === Type.ANY || data.type === type).map(owned);
    return records.length > 0 ? { kind: "answer", records } : { kind: "nodata" };
  }

  #of(name: string, type: number): ResourceRecord[] {
    return (this.#names.get(name) ?? []).filter(({ data }) => data.type === type);
  }

  /** A name that exists only because there are names below it (RFC 4592 2.2.2). */
  #isBetween(name: string): boolean {
    for (const other of this.#names.keys()) if (other.endsWith(`.${name}`)) return true;
    return false;
  }

  #objection(record: ResourceRecord): string | undefined {
    const name = fold(record.name);
    if (!this.holds(name)) return `${record.name} is not in this zone`;
    const others = this.#names.get(name) ?? [];
    const aliases = others.some(({ data }) => data.type === Type.CNAME);
    // RFC 1034 3.6.2: where a CNAME is, no other data should be.
    if (aliases || (record.data.type === Type.CNAME && others.length > 0))
      return `a CNAME stands beside other records of ${record.name}`;
    return undefined;
  }

  #add(record: ResourceRecord): void {
    const name = fold(record.name);
    const others = this.#names.get(name);
    if (others) others.push(record);
    else this.#names.set(name, [record]);
  }
}

const join = (label: string, origin: string): string => (origin === "" ? label : `${label}.${origin}`);

function parent(name: string): string {
  const dot = /(?<!\\)\./.exec(name);
  return dot ? name.slice(dot.index + 1) : "";
}

/** A line of a zone file, or what is wrong with it. */
function parseRecord(line: string, origin: string, defaultTtl: number): ResourceRecord | string {
  const words = line.match(/"[^"]*"|\S+/g) ?? [];
  const name = absolute(words.shift()!, origin);
  let ttl = defaultTtl;
  while (words.length > 0 && /^(\d+|IN)$/i.test(words[0]!)) {
    const word = words.shift()!;
    if (/^\d/.test(word)) ttl = Number(word);
  }
  if (ttl > 0x7fffffff) return "more seconds than 2^31-1";
  if (labelsOf(name) === undefined) return `${name} is not a domain name`;
  const [type = "", ...rest] = words;
  const data = parseData(type.toUpperCase(), rest, origin);
  return typeof data === "string" ? data : { name, class: CLASS_IN, ttl, data };
}

const absolute = (name: string, origin: string): string => {
  if (name === "@") return origin;
  return name.endsWith(".") ? name.slice(0, -1) : join(name, origin);
};

function parseData(type: string, words: readonly string[], origin: string): RecordData | string {
  const count = { A: 1, AAAA: 1, CNAME: 1, NS: 1, PTR: 1, MX: 2 }[type];
  if (count !== undefined && words.length !== count) {
    return `${type} takes ${count === 1 ? "one value" : `${count} values`}, not ${words.length}`;
  }
  const target = absolute(words.at(-1) ?? "", origin);
  switch (type) {
    case "A": {
      const address = parseAddress(words[0]!);
      return address === undefined ? `${words[0]} is not an IPv4 address` : { type: Type.A, address };
    }
    case "AAAA": {
      const address = parseAddress6(words[0]!);
      return address === undefined ? `${words[0]} is not an IPv6 address` : { type: Type.AAAA, address };
    }
    case "CNAME":
    case "NS":
    case "PTR":
      return labelsOf(target) ? { type: Type[type], target } : `${target} is not a domain name`;
    case "MX": {
      const preference = Number(words[0]);
      if (!/^\d+$/.test(words[0]!) || preference > 65535)
        return `${words[0]} is not a preference (0 … 65535)`;
      return labelsOf(target) ? { type: Type.MX, preference, target } : `${target} is not a domain name`;
    }
    case "TXT": {
      const strings = words.map((word) => bytesOf(word.replace(/^"(.*)"$/, "$1")));
      if (strings.length === 0) return "TXT takes at least one string";
      const long = strings.find((text) => text.length > 255);
      return long ? `a string of ${long.length} bytes: at most 255` : { type: Type.TXT, strings };
    }
    case "":
      return "the record's type is missing";
    default:
      return `records of type ${type} cannot be given; A, AAAA, CNAME, MX, NS, PTR and TXT can`;
  }
}

/** `15.2.0.10.in-addr.arpa` (RFC 1035 3.5) */
export function reverseName(address: Address): string {
  const bytes = [address & 255, (address >>> 8) & 255, (address >>> 16) & 255, address >>> 24];
  return `${bytes.join(".")}.in-addr.arpa`;
}

/** `1.0.0. … .ip6.arpa` (RFC 3596 2.5) */
function reverseName6(address: Address6): string {
  const digits = Array.from(bytesOfAddress6(address), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${[...digits].toReversed().join(".")}.ip6.arpa`;
}

/** Names with addresses, and the way back. */
export class Hosts {
  readonly #names = new Map<string, RecordData[]>();

  /** @param hosts name → one address, or several. Throws when one is none */
  constructor(hosts: Readonly<Record<string, string | readonly string[]>>) {
    for (const [name, list] of Object.entries(hosts)) {
      if (labelsOf(name) === undefined || name === "")
        throw new Error(`${JSON.stringify(name)} is not a host name`);
      for (const text of typeof list === "string" ? [list] : list) this.add(name, text);
    }
  }

  add(name: string, text: string): void {
    const four = parseAddress(text);
    const six = parseAddress6(text);
    const back = { type: Type.PTR, target: fold(name) };
    if (four !== undefined) {
      this.#put(fold(name), { type: Type.A, address: four });
      this.#put(reverseName(four), back);
    } else if (six !== undefined) {
      this.#put(fold(name), { type: Type.AAAA, address: six });
      this.#put(reverseName6(six), back);
    } else {
      throw new Error(`host ${name}: ${JSON.stringify(text)} is not an address`);
    }
  }

  /** Undefined when the name is not listed; empty when it has no record of the type. */
  find(asked: string, type: number, ttl: number): ResourceRecord[] | undefined {
    return this.#names
      .get(fold(asked))
      ?.filter((data) => type === Type.ANY || data.type === type)
      .map((data) => ({ name: asked, class: CLASS_IN, ttl, data }));
  }

  #put(name: string, data: RecordData): void {
    const others = this.#names.get(name);
    if (others) others.push(data);
    else this.#names.set(name, [data]);
  }
}
