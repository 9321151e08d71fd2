import { hex, latin1, setU16be, setU16le, setU32be, u16be, u16le, u32be, u32le } from "../base/index.ts";
import type { Memory, Registers } from "../machine/index.ts";
import {
  type Address,
  type Endpoint,
  mapAddress,
  mappedAddress,
  readAddress6,
  showAddress,
  showIpEndpoint,
  writeAddress6,
} from "../net/index.ts";
import type { Kind } from "./call.ts";
import type { Process, SocketFile } from "./process.ts";
import { BAD_ADDRESS, BAD_HANDLE, INVALID, NO_OPTION, type Reason } from "./reasons.ts";

/**
 * The kinds of argument that tables are written with. Each reads itself from registers and memory, checked, and
 * shows itself. A register is named as in the manual, in lower case.
 */
export type Register = "eax" | "ebx" | "ecx" | "edx" | "esi" | "edi" | "ebp" | "esp";

// One function a register rather than cpu[name]: a call with a fixed name stays fast.
const REGISTERS: Record<Register, (cpu: Registers) => number> = {
  eax: (cpu) => cpu.eax,
  ebx: (cpu) => cpu.ebx,
  ecx: (cpu) => cpu.ecx,
  edx: (cpu) => cpu.edx,
  esi: (cpu) => cpu.esi,
  edi: (cpu) => cpu.edi,
  ebp: (cpu) => cpu.ebp,
  esp: (cpu) => cpu.esp,
};

/** An unsigned number in a register. */
export function number(register: Register): Kind<number> {
  const get = REGISTERS[register];
  return { read: ({ cpu }) => get(cpu), show: ({ cpu }) => `${get(cpu)}` };
}

/** An address in a register, not looked into. */
export function pointer(register: Register): Kind<number> {
  const get = REGISTERS[register];
  return { read: ({ cpu }) => get(cpu), show: ({ cpu }) => showPointer(get(cpu)) };
}

/** The lowest byte of a register, a character. */
export function character(register: Register): Kind<number> {
  const get = REGISTERS[register];
  return {
    read: ({ cpu }) => get(cpu) & 0xff,
    show: ({ cpu }) => `'${printable(String.fromCharCode(get(cpu) & 0xff))}'`,
  };
}

/** A span in hundredths of a second, the kernel's tick. */
export function hundredths(register: Register): Kind<number> {
  const get = REGISTERS[register];
  return { read: ({ cpu }) => get(cpu), show: ({ cpu }) => `${(get(cpu) / 100).toFixed(2)} s` };
}

/** A number that must be one of those named; others are invalid. */
export function choice<T>(register: Register, names: Record<number, { name: string; value: T }>): Kind<T> {
  const get = REGISTERS[register];
  return {
    read: ({ cpu }) => {
      const chosen = names[get(cpu)];
      return chosen ? chosen.value : INVALID;
    },
    show: ({ cpu }) => names[get(cpu)]?.name ?? `${get(cpu) | 0}`,
  };
}

/** The number of an open socket, in a register or (`onStack`) in the dword at ESP. */
export function socket(place: Register | "onStack"): Kind<SocketFile> {
  if (place === "onStack") {
    return {
      read: (guest) => {
        const at = guest.memory.u32(guest.cpu.esp);
        return at === undefined ? BAD_ADDRESS : (guest.sockets.get(at) ?? BAD_HANDLE);
      },
      show: ({ cpu, memory }) => {
        const at = memory.u32(cpu.esp);
        return at === undefined ? `fd at ${showPointer(cpu.esp)}` : `fd ${at | 0}`;
      },
    };
  }
  const get = REGISTERS[place];
  return {
    read: (guest) => guest.sockets.get(get(guest.cpu)) ?? BAD_HANDLE,
    show: ({ cpu }) => `fd ${get(cpu) | 0}`,
  };
}

/** A socket's option: how a program asks for it and sets it. */
export interface Option {
  readonly name: string;
  get(file: SocketFile): number;
  /** Absent where it can only be read. */
  set?(file: SocketFile, value: number): Reason | undefined;
  show?(value: number): string;
}

export function option(register: Register, options: Readonly<Record<number, Option>>): Kind<Option> {
  const get = REGISTERS[register];
  return {
    read: ({ cpu }) => options[get(cpu)] ?? NO_OPTION,
    show: ({ cpu }) => options[get(cpu)]?.name ?? `option ${get(cpu)}`,
  };
}

/** What the option before it is to be. */
export function optionValue(register: Register): Kind<number> {
  return { ...number(register), assigned: true };
}

/** An IPv4 address or mask whose bytes in memory order are network order, loaded as a dword. */
export function networkAddress(register: Register): Kind<Address> {
  const get = REGISTERS[register];
  return {
    read: ({ cpu }) => swapped(get(cpu)),
    show: ({ cpu }) => showAddress(swapped(get(cpu))),
  };
}

/** Bytes of a program's memory that were there when the call was made. */
export class GuestBytes {
  readonly address: number;
  readonly length: number;
  readonly #memory: Memory;

  constructor(memory: Memory, address: number, length: number) {
    this.#memory = memory;
    this.address = address;
    this.length = length;
  }

  /** A copy of the first bytes; undefined if they are there no more. */
  read(atMost: number): Uint8Array | undefined {
    return this.#memory.read(this.address, Math.min(this.length, atMost));
  }

  /** Writes up to `length` bytes; false if their place is there no more. */
  write(bytes: Uint8Array): boolean {
    return this.#memory.write(
      this.address,
      bytes.length > this.length ? bytes.subarray(0, this.length) : bytes,
    );
  }
}

/** Bytes the call reads: an address, and a length in another register. */
export function bytesIn(at: Register, length: Register): Kind<GuestBytes> {
  const getAt = REGISTERS[at];
  const getLength = REGISTERS[length];
  return {
    read: ({ cpu, memory }) => region(memory, getAt(cpu), getLength(cpu), "read"),
    show: ({ cpu, memory }) => {
      const bytes = memory.read(getAt(cpu), Math.min(getLength(cpu), PREVIEW + 1));
      return `${bytes ? showBytes(bytes) : showPointer(getAt(cpu))}, ${getLength(cpu)}`;
    },
  };
}

/** Room the call fills: an address, and a length in another register or known beforehand. */
export function bytesOut(at: Register, length: Register | number): Kind<GuestBytes> {
  const getAt = REGISTERS[at];
  const getLength = typeof length === "number" ? () => length : REGISTERS[length];
  const known = typeof length === "number";
  return {
    read: ({ cpu, memory }) => region(memory, getAt(cpu), getLength(cpu), "write"),
    show: ({ cpu }) => (known ? showPointer(getAt(cpu)) : `${showPointer(getAt(cpu))}, ${getLength(cpu)}`),
    showDone: (buffer, answer) => {
      const bytes = known ? undefined : buffer.read(Math.min(answer ?? 0, PREVIEW + 1));
      if (!bytes) return showPointer(buffer.address);
      return `${showBytes(bytes)}, ${buffer.length}`;
    },
  };
}

/** Bytes of a sockaddr_in: family (host order), port, address (network order), eight that nobody reads. */
const SOCKADDR = 16;
/**
 * Bytes of a sockaddr_in6 (RFC 3493 3.3): family, port, flow label, address, and the number of the interface that a
 * link-local address is on (from 1, 0 = not said). Without the last, as RFC 2133 had it, it is good too.
 */
const SOCKADDR6 = 28;
const LEAST_SOCKADDR6 = 24;
const AF_INET = 2;
const AF_INET6 = 10;

/** An address and port as a program gives them. */
export interface Sockaddr extends Endpoint {
  /** It was a sockaddr_in6. */
  readonly six: boolean;
  /** Number of an interface, -1 = not said. */
  readonly interface: number;
}

/** An address and port at a pointer, of IPv4 or IPv6 as its family says; the length in `length` must be enough. */
export function sockaddr(at: Register, length: Register): Kind<Sockaddr> {
  const getAt = REGISTERS[at];
  const getLength = REGISTERS[length];
  const bytesAt = ({ cpu, memory }: Process): Uint8Array | undefined => {
    const family = memory.u16(getAt(cpu));
    const six = family === AF_INET6 && getLength(cpu) >= LEAST_SOCKADDR6;
    return memory.read(getAt(cpu), six ? Math.min(SOCKADDR6, getLength(cpu)) : SOCKADDR);
  };
  const show = (process: Process): string => {
    const { cpu } = process;
    const bytes = bytesAt(process);
    if (!bytes) return `${showPointer(getAt(cpu))}, ${getLength(cpu)}`;
    const family = u16le(bytes, 0);
    const short = getLength(cpu) < SOCKADDR ? `, length ${getLength(cpu)}` : "";
    const known = family === AF_INET || bytes.length > SOCKADDR;
    return `${known ? "" : `family ${family} `}${showEndpoint(endpointIn(bytes))}${short}`;
  };
  return {
    read: (process) => {
      if (getLength(process.cpu) < SOCKADDR) return INVALID;
      const bytes = bytesAt(process);
      if (!bytes) return BAD_ADDRESS;
      return u16le(bytes, 0) === AF_INET || bytes.length > SOCKADDR ? endpointIn(bytes) : INVALID;
    },
    show,
  };
}

/** Where the call may write an address, or nothing where the pointer is 0. What does not fit its length is cut off. */
export class SockaddrRoom {
  readonly #bytes: GuestBytes;

  constructor(bytes: GuestBytes) {
    this.#bytes = bytes;
  }

  /** @param six as a sockaddr_in6, in which an IPv4 address is a mapped one (RFC 4291 2.5.5.2) */
  write({ address, port }: Endpoint, six: boolean): boolean {
    const bytes = new Uint8Array(six ? SOCKADDR6 : SOCKADDR);
    setU16le(bytes, 0, six ? AF_INET6 : AF_INET);
    setU16be(bytes, 2, port);
    if (six) writeAddress6(bytes, 8, typeof address === "number" ? mapAddress(address) : address);
    else if (typeof address === "number") setU32be(bytes, 4, address);
    return this.#bytes.write(bytes);
  }

  show(): string {
    const six =
      this.#bytes.length >= LEAST_SOCKADDR6 && u16le(this.#bytes.read(2) ?? NOTHING, 0) === AF_INET6;
    const bytes = this.#bytes.length < 8 ? undefined : this.#bytes.read(six ? SOCKADDR6 : SOCKADDR);
    return bytes ? showEndpoint(endpointIn(bytes)) : showPointer(this.#bytes.address);
  }
}

const NOTHING = new Uint8Array(2);

export function sockaddrOut(at: Register, length: Register): Kind<SockaddrRoom | undefined> {
  const getAt = REGISTERS[at];
  const getLength = REGISTERS[length];
  return {
    read: ({ cpu, memory }) => {
      if (getAt(cpu) === 0) return undefined;
      const room = region(memory, getAt(cpu), Math.min(getLength(cpu), SOCKADDR), "write");
      if (!(room instanceof GuestBytes)) return room;
      return new SockaddrRoom(new GuestBytes(memory, getAt(cpu), Math.min(getLength(cpu), SOCKADDR6)));
    },
    show: ({ cpu }) => (getAt(cpu) === 0 ? "0" : `${showPointer(getAt(cpu))}, ${getLength(cpu)}`),
    showDone: (room) => room?.show() ?? "0",
  };
}

function region(memory: Memory, at: number, length: number, access: "read" | "write") {
  return memory.isMapped(at, length, access) ? new GuestBytes(memory, at, length) : BAD_ADDRESS;
}

function endpointIn(sockaddr: Uint8Array): Sockaddr {
  const port = u16be(sockaddr, 2);
  if (sockaddr.length <= SOCKADDR) return { address: u32be(sockaddr, 4), port, six: false, interface: -1 };
  const address = readAddress6(sockaddr, 8);
  const scope = sockaddr.length < SOCKADDR6 ? 0 : u32le(sockaddr, 24);
  return { address: mappedAddress(address) ?? address, port, six: true, interface: scope - 1 };
}

/** The bytes of a dword in the other order. */
export function swapped(value: number): number {
  return ((value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}

/** Bytes that a trace shows of a buffer. */
const PREVIEW = 32;

function showBytes(bytes: Uint8Array): string {
  const more = bytes.length > PREVIEW ? "..." : "";
  return `"${printable(latin1(bytes.subarray(0, PREVIEW)))}"${more}`;
}

const ESCAPES: Record<string, string> = { "\r": "\\r", "\n": "\\n", "\t": "\\t", "\0": "\\0", "\\": "\\\\" };

/** Text with everything that is not printable ASCII written out. */
function printable(text: string): string {
  return Array.from(text, (letter) => {
    if (letter in ESCAPES) return ESCAPES[letter];
    return letter >= " " && letter <= "~" ? letter : `\\x${hex(letter.charCodeAt(0), 2)}`;
  }).join("");
}

const showPointer = (address: number): string => `0x${address.toString(16)}`;

export const showEndpoint = (endpoint: Endpoint): string => showIpEndpoint(endpoint);
