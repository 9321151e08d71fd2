import type { Registers } from "../../machine/index.ts";
import { stateName, type TcpState } from "../../net/index.ts";
import { type AnswerKind, call, type Personality } from "../call.ts";
import {
  bytesIn,
  bytesOut,
  character,
  choice,
  hundredths,
  networkAddress,
  number,
  type Option,
  option,
  optionValue,
  pointer,
  sockaddr,
  sockaddrOut,
  socket,
} from "../kinds.ts";
import type { Reason } from "../reasons.ts";
import { writeByte } from "../service/debug.ts";
import { allocate, free, heapSize } from "../service/memory.ts";
import {
  countInterfaces,
  INTERFACE_RECORD,
  readInterface,
  setAddress,
  setGateway,
  setMask,
} from "../service/network.ts";
import { exit } from "../service/process.ts";
import {
  accept,
  bind,
  closeSocket,
  connect,
  getOption,
  listen,
  openSocket,
  receive,
  type SocketType,
  send,
  setOption,
} from "../service/socket.ts";
import { delay, seconds, timeOfDay } from "../service/time.ts";

/**
 * The system calls as the guide uses them. Its numbers are its own: functions 75 to 84 are not those of KolibriOS.
 * The number is in EAX, the answer goes to EAX, an error is a negative number there. Everything else survives.
 */
export interface GuideOptions {
  /** What selects the function: all of EAX (default), or AL alone, as the KolibriOS kernel does. */
  selection?: "eax" | "al";
  /** What function 3 answers: seconds since the clock began (default), or the time of day in BCD as in KolibriOS. */
  time?: "seconds" | "bcd";
}

/** The errors: the numbers the guide's own code compares with, completed with those of Linux. */
const ERRORS: Readonly<Record<Reason, readonly [number, string]>> = {
  "bad-handle": [-9, "EBADF"],
  "would-block": [-11, "EAGAIN"],
  "bad-address": [-14, "EFAULT"],
  "no-device": [-19, "ENODEV"],
  invalid: [-22, "EINVAL"],
  "too-many": [-24, "EMFILE"],
  closed: [-32, "EPIPE"],
  // Linux has 115 and 114 here; the guide compares with -36, and does not tell the two apart.
  "in-progress": [-36, "EINPROGRESS"],
  already: [-36, "EINPROGRESS"],
  "too-long": [-90, "EMSGSIZE"],
  truncated: [-90, "EMSGSIZE"],
  "no-option": [-92, "ENOPROTOOPT"],
  "protocol-unreachable": [-92, "ENOPROTOOPT"],
  "not-supported": [-95, "EOPNOTSUPP"],
  "in-use": [-98, "EADDRINUSE"],
  "not-available": [-99, "EADDRNOTAVAIL"],
  "network-unreachable": [-101, "ENETUNREACH"],
  aborted: [-103, "ECONNABORTED"],
  reset: [-104, "ECONNRESET"],
  connected: [-106, "EISCONN"],
  "not-connected": [-107, "ENOTCONN"],
  "timed-out": [-110, "ETIMEDOUT"],
  refused: [-111, "ECONNREFUSED"],
  "host-unreachable": [-113, "EHOSTUNREACH"],
  prohibited: [-113, "EHOSTUNREACH"],
};

const UNKNOWN = -1;

const eax = (show: AnswerKind["show"]): AnswerKind => ({
  store(value, cpu) {
    cpu.eax = value!;
  },
  show,
});

const status = eax((value) => `${value}`);
const value = status;
const address = eax((value) => (value === 0 ? "0" : `0x${value!.toString(16)}`));
const newSocket = eax((value) => `fd ${value}`);
const bcd = eax((value) => `0x${value!.toString(16).padStart(6, "0")}`);
const optionState = eax((value, values) => {
  const show = (values[1] as Option).show;
  return show ? show(value!) : `${value}`;
});
/** EAX keeps the function's number. */
const nothing: AnswerKind = { store() {}, show: () => "" };

const TYPES: Record<number, { name: string; value: SocketType }> = {
  1: { name: "SOCK_STREAM", value: "stream" },
  2: { name: "SOCK_DGRAM", value: "datagram" },
  3: { name: "SOCK_RAW", value: "raw" },
};

const NONBLOCK: Option = {
  name: "O_NONBLOCK",
  get: (file) => (file.nonBlocking ? 1 : 0),
  set(file, value) {
    file.nonBlocking = value !== 0;
    return undefined;
  },
};

/** The guide's SOCKET_STATE_* are numbered as `TcpState` is. */
const STATE: Option = {
  name: "state",
  get: (file) => file.socket.state,
  show: (value) => `${value} ${stateName(value as TcpState)}`,
};

const REUSEADDR: Option = {
  name: "SO_REUSEADDR",
  get: (file) => (file.socket.options.reuseAddress ? 1 : 0),
  set(file, value) {
    file.socket.options.reuseAddress = value !== 0;
    return undefined;
  },
};

const READABLE = { 1: NONBLOCK, 2: STATE, 3: REUSEADDR };
const SETTABLE = { 1: NONBLOCK, 3: REUSEADDR };

export function guide({ selection = "eax", time = "seconds" }: GuideOptions = {}): Personality {
  const rows = [
    call("-1", "exit", [], nothing, exit),
    time === "bcd" ? call("3", "time", [], bcd, timeOfDay) : call("3", "time", [], value, seconds),
    call("5", "delay", [hundredths("ebx")], nothing, delay),
    call("63.1", "debug board", [character("ecx")], nothing, writeByte),
    call("68.11", "heap size", [], value, heapSize),
    call("68.12", "allocate", [number("ecx")], address, allocate),
    call("68.13", "free", [pointer("ecx")], value, free),
    call("75", "open socket", [choice("ebx", TYPES), number("ecx")], newSocket, openSocket),
    call("76.0", "count interfaces", [], value, countInterfaces),
    call("76.1", "read interface", [number("ecx"), bytesOut("edi", INTERFACE_RECORD)], status, readInterface),
    call("76.2", "set address", [number("ecx"), networkAddress("edx")], status, setAddress),
    call("76.3", "set mask", [number("ecx"), networkAddress("edx")], status, setMask),
    call("76.4", "set gateway", [number("ecx"), networkAddress("edx")], status, setGateway),
    // The guide's close pushes the number and leaves EBX as it is; its interface calls load EBX with 0 to 4. So any
    // other EBX means close, and the number is on the stack: the only reading under which a printed close closes.
    call("76.*", "close socket", [socket("onStack")], status, closeSocket),
    call("77", "bind", [socket("ebx"), sockaddr("ecx", "edx")], status, bind),
    call("78", "listen", [socket("ebx"), number("ecx")], status, listen),
    call("79", "connect", [socket("ebx"), sockaddr("ecx", "edx")], status, connect),
    call("80", "accept", [socket("ebx"), sockaddrOut("ecx", "edx")], newSocket, accept),
    call("81", "send", [socket("ebx"), bytesIn("ecx", "edx")], value, send),
    call("82", "receive", [socket("ebx"), bytesOut("ecx", "edx")], value, receive),
    call("83", "get option", [socket("ebx"), option("ecx", READABLE)], optionState, getOption),
    // Another order of registers than 83: the guide's set_socket_nonblocking loads them so.
    call("84", "set option", [socket("ecx"), option("edx", SETTABLE), optionValue("ebx")], status, setOption),
  ];
  return {
    name: "guide",
    rows,
    gate: 0x40,
    // Not 0 (a slot whose number is 0 counts as free) and not negative; 0 to 4 would make function 76 an interface
    // call; 2, 10 and 12 are left in the register by accident in printed code, which must not work by luck.
    firstSocket: 16,
    number: selection === "al" ? byAl : byEax,
    subfunction: (_, cpu) => cpu.ebx,
    refuse(reason, cpu) {
      cpu.eax = ERRORS[reason][0];
    },
    showRefusal(reason) {
      const [number, name] = ERRORS[reason];
      return `${number} ${name} (${reason.replaceAll("-", " ")})`;
    },
    unknown(cpu) {
      cpu.eax = UNKNOWN;
    },
  };
}

const byEax = (cpu: Registers): number => cpu.eax | 0;
/** AL 0xFF is function -1. */
const byAl = (cpu: Registers): number => {
  const al = cpu.eax & 0xff;
  return al === 0xff ? -1 : al;
};
