/** TFTP packets (RFC 1350) with options (RFC 2347). */
import { latin1, setU16be, u16be } from "../../../base/index.ts";

export const Opcode = { RRQ: 1, WRQ: 2, DATA: 3, ACK: 4, ERROR: 5, OACK: 6 } as const;

export const ErrorCode = {
  UNDEFINED: 0,
  NOT_FOUND: 1,
  ACCESS: 2,
  FULL: 3,
  ILLEGAL: 4,
  UNKNOWN_ID: 5,
  EXISTS: 6,
  OPTIONS: 8,
} as const;

/** Names in lower case, values as they stand. */
export type TftpOptions = ReadonlyMap<string, string>;

export type Tftp =
  | { opcode: 1 | 2; file: string; mode: string; options: TftpOptions }
  | { opcode: 3; block: number; data: Uint8Array }
  | { opcode: 4; block: number }
  | { opcode: 5; code: number; message: string }
  | { opcode: 6; options: TftpOptions };

export type TftpReason = "short" | "opcode" | "text without end" | "option without value";

export function check(bytes: Uint8Array): TftpReason | undefined {
  const result = parse(bytes);
  return typeof result === "string" ? result : undefined;
}

export function read(bytes: Uint8Array): Tftp {
  const result = parse(bytes);
  if (typeof result === "string") throw new RangeError(`not a TFTP packet: ${result}`);
  return result;
}

export function parse(bytes: Uint8Array): Tftp | TftpReason {
  if (bytes.length < 2) return "short";
  const opcode = u16be(bytes, 0);
  const rest = bytes.subarray(2);
  switch (opcode) {
    case Opcode.RRQ:
    case Opcode.WRQ: {
      const words = texts(rest);
      if (words === undefined || words.length < 2) return "text without end";
      const [file, mode, ...more] = words;
      if (more.length % 2 === 1) return "option without value";
      return { opcode, file: file!, mode: mode!.toLowerCase(), options: optionsOf(more) };
    }
    case Opcode.DATA:
      return bytes.length < 4 ? "short" : { opcode, block: u16be(bytes, 2), data: bytes.slice(4) };
    case Opcode.ACK:
      return bytes.length < 4 ? "short" : { opcode, block: u16be(bytes, 2) };
    case Opcode.ERROR: {
      if (bytes.length < 4) return "short";
      const text = bytes.subarray(4);
      const end = text.indexOf(0);
      return { opcode, code: u16be(bytes, 2), message: latin1(end < 0 ? text : text.subarray(0, end)) };
    }
    case Opcode.OACK: {
      const words = texts(rest);
      if (words === undefined) return "text without end";
      return words.length % 2 === 1 ? "option without value" : { opcode, options: optionsOf(words) };
    }
    default:
      return "opcode";
  }
}

function texts(bytes: Uint8Array): string[] | undefined {
  const words = latin1(bytes).split("\0");
  return words.pop() === "" ? words : undefined;
}

function optionsOf(words: readonly string[]): TftpOptions {
  const options = new Map<string, string>();
  for (let index = 0; index < words.length; index += 2)
    options.set(words[index]!.toLowerCase(), words[index + 1]!);
  return options;
}

export function lengthOf(tftp: Tftp): number {
  switch (tftp.opcode) {
    case Opcode.DATA:
      return 4 + tftp.data.length;
    case Opcode.ACK:
      return 4;
    case Opcode.ERROR:
      return 5 + tftp.message.length;
    default:
      return 2 + textOf(tftp).length;
  }
}

function textOf(tftp: Tftp & { options: TftpOptions }): string {
  const words = [...tftp.options].flat();
  if ("file" in tftp) words.unshift(tftp.file, tftp.mode);
  return words.map((word) => `${word}\0`).join("");
}

export function write(tftp: Tftp, into: Uint8Array): void {
  setU16be(into, 0, tftp.opcode);
  const text = (value: string, offset: number): void => {
    for (let index = 0; index < value.length; index++) into[offset + index] = value.charCodeAt(index);
  };
  if (tftp.opcode === Opcode.DATA || tftp.opcode === Opcode.ACK) setU16be(into, 2, tftp.block);
  if (tftp.opcode === Opcode.DATA) into.set(tftp.data, 4);
  if (tftp.opcode === Opcode.ERROR) {
    setU16be(into, 2, tftp.code);
    text(`${tftp.message}\0`, 4);
  }
  if ("options" in tftp) text(textOf(tftp), 2);
}

export function show(bytes: Uint8Array): string {
  const tftp = parse(bytes);
  if (typeof tftp === "string") return `TFTP ${bytes.length} bytes (bad: ${tftp})`;
  const name = Object.entries(Opcode).find(([, value]) => value === tftp.opcode)![0];
  if ("options" in tftp) {
    const options = [...tftp.options].map(([option, value]) => ` ${option}=${value}`).join("");
    return `TFTP ${name}${"file" in tftp ? ` ${tftp.file} ${tftp.mode}` : ""}${options}`;
  }
  if (tftp.opcode === Opcode.ERROR) return `TFTP ERROR ${tftp.code} ${tftp.message}`;
  return `TFTP ${name} ${tftp.block}${"data" in tftp ? ` length ${tftp.data.length}` : ""}`;
}
