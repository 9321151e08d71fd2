/**
 * DNS messages (RFC 1035 section 4), with AAAA (RFC 3596) and the OPT record (RFC 6891). Names are text without a dot
 * at the end, "" = the root; a dot or backslash within a label, and what is not printable, is written `\.`, `\\`,
 * `\003` (RFC 1035 5.1).
 */
import { setU16be, setU32be, u16be, u32be } from "../../../base/index.ts";
import type { Address } from "../../wire/address.ts";
import { type Address6, bytesOfAddress6, readAddress6 } from "../../wire/address6.ts";
import { showIpAddress } from "../../wire/ip-address.ts";

const at = { id: 0, flags: 2, questions: 4, answers: 6, authorities: 8, additionals: 10 } as const;
export const HEADER = 12;
/** RFC 1035 4.2.1: what UDP carries unless the asker has said otherwise. */
export const UDP_LIMIT = 512;
export const TCP_LIMIT = 65535;

export const Type = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  OPT: 41,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const;
export const CLASS_IN = 1;
export const CLASS_ANY = 255;
export const OPCODE_QUERY = 0;

export const Rcode = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  /** RFC 6891 6.1.3; its upper bits stand in the OPT record. */
  BADVERS: 16,
} as const;

export interface Question {
  name: string;
  type: number;
  class: number;
}

export interface Soa {
  primary: string;
  mailbox: string;
  serial: number;
  refresh: number;
  retry: number;
  expire: number;
  minimum: number;
}

/** What a record says, by its type. */
export type RecordData =
  | { type: typeof Type.A; address: Address }
  /** 16 bytes. */
  | { type: typeof Type.AAAA; address: Address6 }
  | { type: typeof Type.NS | typeof Type.CNAME | typeof Type.PTR; target: string }
  | { type: typeof Type.MX; preference: number; target: string }
  /** Each of at most 255 bytes. */
  | { type: typeof Type.TXT; strings: readonly Uint8Array[] }
  | ({ type: typeof Type.SOA } & Soa)
  /** A type that this room does not look into. */
  | { type: number; bytes: Uint8Array };

export interface ResourceRecord {
  name: string;
  class: number;
  /** Seconds, 0 … 2^31-1. */
  ttl: number;
  data: RecordData;
}

export interface DnsMessage {
  id: number;
  response: boolean;
  opcode: number;
  authoritative: boolean;
  truncated: boolean;
  recursionDesired: boolean;
  recursionAvailable: boolean;
  /** The four bits of the header. */
  rcode: number;
  questions: readonly Question[];
  answers: readonly ResourceRecord[];
  authorities: readonly ResourceRecord[];
  additionals: readonly ResourceRecord[];
}

export type DnsReason =
  | "short"
  | "name runs out"
  | "compression loop"
  | "label type"
  | "name too long"
  | "record runs out"
  | "record length";

export function check(bytes: Uint8Array): DnsReason | undefined {
  const result = parse(bytes);
  return typeof result === "string" ? result : undefined;
}

/** A message that `check` has nothing against. */
export function read(bytes: Uint8Array): DnsMessage {
  const result = parse(bytes);
  if (typeof result === "string") throw new RangeError(`not a DNS message: ${result}`);
  return result;
}

/** A message and its sense in one go, or why there is none. */
export function parse(bytes: Uint8Array): DnsMessage | DnsReason {
  if (bytes.length < HEADER) return "short";
  const reader = new Reader(bytes);
  const flags = u16be(bytes, at.flags);
  const questions: Question[] = [];
  for (let count = u16be(bytes, at.questions); count > 0 && !reader.wrong; count--) {
    const name = reader.name();
    questions.push({ name, type: reader.u16(), class: reader.u16() });
  }
  const answers = reader.records(u16be(bytes, at.answers));
  const authorities = reader.records(u16be(bytes, at.authorities));
  const additionals = reader.records(u16be(bytes, at.additionals));
  if (reader.wrong) return reader.wrong;
  return {
    id: u16be(bytes, at.id),
    response: (flags & 0x8000) !== 0,
    opcode: (flags >> 11) & 15,
    authoritative: (flags & 0x0400) !== 0,
    truncated: (flags & 0x0200) !== 0,
    recursionDesired: (flags & 0x0100) !== 0,
    recursionAvailable: (flags & 0x0080) !== 0,
    rcode: flags & 15,
    questions,
    answers,
    authorities,
    additionals,
  };
}

/** Goes through a message; after the first thing that is wrong, all it gives is nonsense, and `wrong` says what. */
class Reader {
  wrong: DnsReason | undefined = undefined;
  readonly #bytes: Uint8Array;
  #at = HEADER;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  u16(): number {
    return this.#need(2) ? u16be(this.#bytes, (this.#at += 2) - 2) : 0;
  }

  u32(): number {
    return this.#need(4) ? u32be(this.#bytes, (this.#at += 4) - 4) : 0;
  }

  #need(count: number): boolean {
    if (this.#at + count > this.#bytes.length) this.wrong ??= "record runs out";
    return this.wrong === undefined;
  }

  name(): string {
    const bytes = this.#bytes;
    const labels: string[] = [];
    let length = 1;
    let at = this.#at;
    let after: number | undefined; // where the message goes on, once a pointer was followed
    let start = at;
    while (this.wrong === undefined) {
      const first = bytes[at];
      if (first === undefined) {
        this.wrong = "name runs out";
      } else if (first === 0) {
        this.#at = after ?? at + 1;
        return labels.join(".");
      } else if (first >= 0xc0) {
        if (at + 1 >= bytes.length) {
          this.wrong = "name runs out";
          break;
        }
        after ??= at + 2;
        const to = u16be(bytes, at) & 0x3fff;
        // RFC 1035 4.1.4: a *prior* occurrence. Each pointer leads further back, so there is no circle.
        if (to >= start || to < HEADER) this.wrong = "compression loop";
        else start = at = to;
      } else if (first >= 0x40) {
        this.wrong = "label type";
      } else {
        length += first + 1;
        if (at + 1 + first > bytes.length) this.wrong = "name runs out";
        else if (length > LONGEST_NAME) this.wrong = "name too long";
        else labels.push(showLabel(bytes.subarray(at + 1, at + 1 + first)));
        at += 1 + first;
      }
    }
    return "";
  }

  records(count: number): ResourceRecord[] {
    const records: ResourceRecord[] = [];
    for (; count > 0 && this.wrong === undefined; count--) {
      const name = this.name();
      const type = this.u16();
      const klass = this.u16();
      const ttl = this.u32();
      const length = this.u16();
      if (!this.#need(length)) break;
      const end = this.#at + length;
      const data = this.#data(type, length);
      if (this.#at !== end) this.wrong ??= "record length";
      // RFC 2181 section 8: a TTL with the highest bit set means 0. OPT has flags there.
      records.push({ name, class: klass, ttl: type !== Type.OPT && ttl > 0x7fffffff ? 0 : ttl, data });
    }
    return records;
  }

  #data(type: number, length: number): RecordData {
    const end = this.#at + length;
    switch (type) {
      case Type.A:
        return { type, address: this.u32() };
      case Type.AAAA:
        return { type, address: readAddress6(this.#take(16), 0) };
      case Type.NS:
      case Type.CNAME:
      case Type.PTR:
        return { type, target: this.name() };
      case Type.MX: {
        const preference = this.u16();
        return { type, preference, target: this.name() };
      }
      case Type.TXT: {
        const strings: Uint8Array[] = [];
        while (this.#at < end && this.wrong === undefined) {
          const size = this.#bytes[this.#at++]!;
          strings.push(this.#take(size));
        }
        return { type, strings };
      }
      case Type.SOA: {
        const primary = this.name();
        const mailbox = this.name();
        const [serial, refresh, retry] = [this.u32(), this.u32(), this.u32()];
        return { type, primary, mailbox, serial, refresh, retry, expire: this.u32(), minimum: this.u32() };
      }
      default:
        return { type, bytes: this.#take(length) };
    }
  }

  #take(count: number): Uint8Array {
    if (!this.#need(count)) return new Uint8Array(0);
    return this.#bytes.slice(this.#at, (this.#at += count));
  }
}

/** RFC 1035 3.1: with its length bytes and the root's. */
const LONGEST_NAME = 255;
const LONGEST_LABEL = 63;

/**
 * The message as bytes, names compressed. What does not fit into `limit` is left out, whole records from the end on;
 * when an answer or authority was left out the truncation bit is set (RFC 2181 section 9), and the OPT record stays.
 */
export function write(message: DnsMessage, limit = TCP_LIMIT): Uint8Array {
  const writer = new Writer(limit);
  for (const { name, type, class: klass } of message.questions) {
    writer.name(name);
    writer.u16(type);
    writer.u16(klass);
  }
  const options = message.additionals.filter(({ data }) => data.type === Type.OPT);
  const additionals = message.additionals.filter(({ data }) => data.type !== Type.OPT);
  for (const option of options) writer.reserve(11 + ("bytes" in option.data ? option.data.bytes.length : 0));
  const answers = writer.records(message.answers);
  const answered = answers === message.answers.length;
  const authorities = answered ? writer.records(message.authorities) : 0;
  const truncated = !answered || authorities < message.authorities.length;
  const extra = truncated ? 0 : writer.records(additionals);
  writer.reserve(-Infinity);
  const opts = writer.records(options);
  const flags =
    (message.response ? 0x8000 : 0) |
    ((message.opcode & 15) << 11) |
    (message.authoritative ? 0x0400 : 0) |
    (message.truncated || truncated ? 0x0200 : 0) |
    (message.recursionDesired ? 0x0100 : 0) |
    (message.recursionAvailable ? 0x0080 : 0) |
    (message.rcode & 15);
  const bytes = writer.bytes();
  setU16be(bytes, at.id, message.id);
  setU16be(bytes, at.flags, flags);
  setU16be(bytes, at.questions, message.questions.length);
  setU16be(bytes, at.answers, answers);
  setU16be(bytes, at.authorities, authorities);
  setU16be(bytes, at.additionals, extra + opts);
  return bytes;
}

class Writer {
  readonly #limit: number;
  #bytes = new Uint8Array(UDP_LIMIT);
  #length = HEADER;
  #reserved = 0;
  /** Where a name, in lower case, stands in the message already. */
  readonly #names = new Map<string, number>();

  constructor(limit: number) {
    this.#limit = Math.min(limit, TCP_LIMIT);
  }

  reserve(count: number): void {
    this.#reserved = Math.max(0, this.#reserved + count);
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Appends records as long as they fit; answers how many did. */
  records(records: readonly ResourceRecord[]): number {
    let written = 0;
    for (const record of records) {
      const before = this.#length;
      this.#record(record);
      if (this.#length > this.#limit - this.#reserved) {
        this.#length = before;
        for (const [name, place] of this.#names) if (place >= before) this.#names.delete(name);
        return written;
      }
      written++;
    }
    return written;
  }

  #record({ name, class: klass, ttl, data }: ResourceRecord): void {
    this.name(name);
    this.u16(data.type);
    this.u16(klass);
    this.#u32(ttl);
    this.u16(0);
    const start = this.#length;
    this.#data(data);
    setU16be(this.#bytes, start - 2, this.#length - start);
  }

  #data(data: RecordData): void {
    if ("bytes" in data) this.#append(data.bytes);
    if ("preference" in data) this.u16(data.preference);
    if ("target" in data) this.name(data.target);
    if ("strings" in data) {
      for (const text of data.strings) {
        if (text.length > 255) throw new RangeError(`a TXT string of ${text.length} bytes: at most 255`);
        this.#append([text.length]);
        this.#append(text);
      }
    }
    if ("address" in data) {
      if (typeof data.address === "number") this.#u32(data.address);
      else this.#append(bytesOfAddress6(data.address));
    }
    if ("serial" in data) {
      this.name(data.primary);
      this.name(data.mailbox);
      for (const value of [data.serial, data.refresh, data.retry, data.expire, data.minimum])
        this.#u32(value);
    }
  }

  name(name: string): void {
    const labels = labelsOf(name);
    if (labels === undefined) throw new RangeError(`${JSON.stringify(name)} is not a domain name`);
    const lower = labels.map((label) => showLabel(label).toLowerCase());
    for (let index = 0; index < labels.length; index++) {
      const rest = lower.slice(index).join(".");
      const known = this.#names.get(rest);
      if (known !== undefined) {
        this.u16(0xc000 | known);
        return;
      }
      if (this.#length < 0x4000) this.#names.set(rest, this.#length);
      this.#append([labels[index]!.length]);
      this.#append(labels[index]!);
    }
    this.#append([0]);
  }

  u16(value: number): void {
    this.#append([value >>> 8, value & 255]);
  }

  #u32(value: number): void {
    const bytes = new Uint8Array(4);
    setU32be(bytes, 0, value);
    this.#append(bytes);
  }

  #append(bytes: ArrayLike<number>): void {
    while (this.#length + bytes.length > this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#bytes.length);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }
}

/** The labels of a name in text, or undefined when it is none: empty or long labels, more than 255 bytes. */
export function labelsOf(name: string): Uint8Array[] | undefined {
  if (name === "" || name === ".") return [];
  const labels: Uint8Array[] = [];
  let label: number[] = [];
  let total = 1;
  const finish = (): boolean => {
    if (label.length === 0 || label.length > LONGEST_LABEL) return false;
    total += label.length + 1;
    labels.push(Uint8Array.from(label));
    label = [];
    return total <= LONGEST_NAME;
  };
  for (let index = 0; index < name.length; index++) {
    const char = name[index]!;
    if (char === ".") {
      if (!finish()) return undefined;
      continue;
    }
    let code = name.charCodeAt(index);
    if (char === "\\") {
      const [digits] = /^\d{3}/.exec(name.slice(index + 1)) ?? [];
      if (digits === undefined && index + 1 === name.length) return undefined;
      code = digits === undefined ? name.charCodeAt(index + 1) : Number(digits);
      index += digits === undefined ? 1 : 3;
    }
    if (code > 255) return undefined;
    label.push(code);
  }
  if (label.length > 0 && !finish()) return undefined;
  return labels;
}

function showLabel(label: Uint8Array): string {
  let text = "";
  for (const byte of label) {
    if (byte === 0x2e || byte === 0x5c) text += `\\${String.fromCharCode(byte)}`;
    else if (byte > 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
    else text += `\\${String(byte).padStart(3, "0")}`;
  }
  return text;
}

/** `A`, `TYPE99` (RFC 3597 section 5) */
export function typeName(type: number): string {
  return Object.entries(Type).find(([, value]) => value === type)?.[0] ?? `TYPE${type}`;
}

export function rcodeName(rcode: number): string {
  return Object.entries(Rcode).find(([, value]) => value === rcode)?.[0] ?? `RCODE${rcode}`;
}

/** `www.example. 300 A 10.0.2.20`, the end of a line of a zone file. */
export function showRecord({ name, ttl, data }: ResourceRecord): string {
  return `${name}. ${ttl} ${typeName(data.type)} ${showData(data)}`;
}

function showData(data: RecordData): string {
  if ("bytes" in data) return `\\# ${data.bytes.length}`;
  if ("preference" in data) return `${data.preference} ${data.target}.`;
  if ("target" in data) return `${data.target}.`;
  if ("strings" in data) return data.strings.map((text) => `"${showLabel(text)}"`).join(" ");
  if ("address" in data) return showIpAddress(data.address);
  return `${data.primary}. ${data.mailbox}. ${data.serial} ${data.refresh} ${data.retry} ${data.expire} ${data.minimum}`;
}

export function show(bytes: Uint8Array): string {
  const message = parse(bytes);
  if (typeof message === "string") return `DNS ${bytes.length} bytes (bad: ${message})`;
  const asked = message.questions.map(({ name, type }) => `${typeName(type)} ${name}.`).join(", ");
  const id = message.id.toString(16).padStart(4, "0");
  if (!message.response) return `DNS ${id} ${asked}?`;
  const flags = `${message.authoritative ? " authoritative" : ""}${message.truncated ? " truncated" : ""}`;
  const answers = message.answers.map((record) => ` | ${showRecord(record)}`).join("");
  return `DNS ${id} ${asked} ${rcodeName(message.rcode)}${flags}${answers}`;
}
