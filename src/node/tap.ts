import { closeSync, constants, openSync } from "node:fs";
import { getSystemErrorName } from "node:util";
import { parseNetwork, showAddress } from "../net/index.ts";
import { codeOf, wordsOf } from "./host.ts";
import type { Outlet } from "./outlet.ts";

/*
 * Linux's numbers (linux/if_tun.h, linux/if.h, linux/sockios.h, asm-generic/ioctl.h). An ioctl's number says in its upper
 * bits which way data goes, and MIPS, PowerPC and SPARC write that differently: only the others are served.
 */
const ARCHITECTURES = ["x64", "arm64", "arm", "ia32", "riscv64", "loong64"];
/** What a device answers that is not there any more; not one of those that Node has a name for. */
const EBADFD = 77;
const TUNSETIFF = 0x4004_54ca;
const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const SIOCSIFADDR = 0x8916;
const SIOCSIFNETMASK = 0x891c;
const IFF_UP = 1;
const AF_INET = 2;
const SOCK_DGRAM = 2;
const POLLIN = 1;
const EAGAIN = 11;
const EINTR = 4;

/** struct ifreq: a name of 16 bytes with its 0, and a union of 24 at most. */
const IFREQ = 40;
const NAME = 16;
/** More than any frame: the largest MTU, an Ethernet header, a VLAN tag. */
const LONGEST = 65536 + 18;
/** Frames taken until the host gets its turn: a flood must not keep the event loop from Ctrl-C. */
const TURN = 512;

type Words = { readonly error: string };

/** The few functions of the C library that are needed. */
interface Libc {
  ioctl(file: number, request: number, type: "void *", argument: Uint8Array): number;
  read(file: number, bytes: Uint8Array, count: number): number;
  write(file: number, bytes: Uint8Array, count: number): number;
  socket(family: number, type: number, protocol: number): number;
  eventfd(value: number, flags: number): number;
  /** In a thread of Node's pool; `then` is called when it is over. */
  poll(watched: Int32Array, count: number, milliseconds: number, then: () => void): void;
  /** Of the function called last. */
  errno(): number;
}

/**
 * A network device of the Linux kernel whose cable ends here: the kernel is a station at the other end. The device is
 * there from `open` to `close`, unless it was made to stay (`ip tuntap add`).
 *
 * Node can neither set such a device up nor watch it, so libc is called directly. A thread of Node's pool waits in
 * poll(2) while nothing comes; once something has, frames are read as they are asked for, without waiting, and the
 * kernel's own queue is the only one.
 */
export class Tap implements Outlet {
  /** As the kernel has called it. */
  readonly name: string;
  readonly description: string;
  dropped = 0;
  onWake: (() => void) | undefined;
  onNews: ((text: string) => void) | undefined;
  readonly #libc: Libc;
  readonly #file: number;
  /** Written to when the wait is to end. */
  readonly #end: number;
  /** Two of struct pollfd, in memory that is never moved: a thread writes there. */
  readonly #watched = new Int32Array(new ArrayBuffer(16));
  readonly #buffer = new Uint8Array(LONGEST);
  #readable = false;
  #closed = false;
  #taken = 0;
  #waiting: Promise<void> | undefined;

  private constructor(libc: Libc, file: number, name: string, address: string | undefined) {
    this.#libc = libc;
    this.#file = file;
    this.#end = libc.eventfd(0, 0);
    this.name = name;
    this.description = `tap: ${name} is up${address === undefined ? "" : `, ${address} is this host's`}`;
    // A thread that still waited in poll(2) would keep the process from ending.
    process.on("exit", this.#endWait);
    this.#wait();
  }

  /**
   * Makes the device, or takes hold of the one that is there by that name, and sets it up. `address` (10.0.2.1/24) is
   * given to the kernel's end; without one that end is left as it is.
   */
  static async open(name: string, address?: string): Promise<Tap | Words> {
    if (process.platform !== "linux") return { error: "a TAP device needs Linux" };
    if (!ARCHITECTURES.includes(process.arch))
      return { error: `a TAP device is not possible on ${process.arch}` };
    const calls = await libc();
    if ("error" in calls) return calls;
    let file: number;
    try {
      file = openSync("/dev/net/tun", constants.O_RDWR | constants.O_NONBLOCK);
    } catch (error) {
      return {
        error: `/dev/net/tun: ${explain(codeOf(error as Error) ?? "", name, wordsOf(error as Error))}`,
      };
    }
    const device = attach(calls, file, name, address);
    if (typeof device === "string") return new Tap(calls, file, device, address);
    closeSync(file);
    return device;
  }

  send(frame: Uint8Array): void {
    if (this.#closed || this.#libc.write(this.#file, frame, frame.length) < 0) this.dropped++;
  }

  receive(): Uint8Array | undefined {
    if (!this.#readable) return undefined;
    if (++this.#taken > TURN) {
      this.#readable = false;
      setImmediate(() => this.#ready());
      return undefined;
    }
    const length = this.#libc.read(this.#file, this.#buffer, LONGEST);
    if (length > 0) return this.#buffer.slice(0, length);
    this.#readable = false;
    const errno = this.#libc.errno();
    if (errno === EAGAIN || errno === EINTR) this.#wait();
    else this.#lost(errno);
    return undefined;
  }

  async close(): Promise<void> {
    if (!this.#closed) this.#shut();
    await this.#waiting;
  }

  #ready(): void {
    if (this.#closed) return;
    this.#taken = 0;
    this.#readable = true;
    this.onWake?.();
  }

  #wait(): void {
    this.#watched.set([this.#file, POLLIN, this.#end, POLLIN]);
    this.#waiting = new Promise((resolve) => {
      this.#libc.poll(this.#watched, 2, -1, () => {
        this.#waiting = undefined;
        if (this.#closed) this.#release();
        else this.#ready();
        resolve();
      });
    });
  }

  /** The device has been taken away. */
  #lost(errno: number): void {
    this.#shut();
    const why = errno === EBADFD ? "somebody has removed it" : getSystemErrorName(-errno);
    this.onNews?.(`tap: ${this.name} is gone (${why})`);
  }

  #shut(): void {
    this.#closed = true;
    this.#readable = false;
    if (this.#waiting) this.#endWait();
    else this.#release();
  }

  readonly #endWait = (): void => {
    this.#libc.write(this.#end, new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]), 8);
  };

  /** Nobody may hold a file when it is closed: its number could be another's by the time poll(2) looks. */
  #release(): void {
    process.off("exit", this.#endWait);
    closeSync(this.#end);
    closeSync(this.#file);
  }
}

/** What is used of the package koffi: functions of C libraries by their declarations. */
interface Koffi {
  load(library: null): { func(declaration: string): ((...values: never[]) => never) & { async: never } };
  errno(): number;
}

async function libc(): Promise<Libc | Words> {
  let koffi: Koffi;
  try {
    // Named so that neither the compiler nor the bundler looks for a package that need not be there.
    const name: string = "koffi";
    koffi = ((await import(name)) as { default: Koffi }).default;
  } catch {
    return { error: "a TAP device needs the package koffi, which is not installed here: npm install koffi" };
  }
  const own = koffi.load(null);
  const poll = own.func("int poll(void *watched, unsigned long count, int milliseconds)");
  return {
    ioctl: own.func("int ioctl(int file, unsigned long request, ...)"),
    read: own.func("intptr_t read(int file, void *bytes, size_t count)"),
    write: own.func("intptr_t write(int file, const void *bytes, size_t count)"),
    socket: own.func("int socket(int family, int type, int protocol)"),
    eventfd: own.func("int eventfd(unsigned int value, int flags)"),
    poll: poll.async,
    errno: () => koffi.errno(),
  };
}

/** Joins the open file with a device, sets that up, and answers its name. */
function attach(calls: Libc, file: number, name: string, address?: string): string | Words {
  const request = new Uint8Array(IFREQ);
  const view = new DataView(request.buffer);
  for (let i = 0; i < Math.min(name.length, NAME - 1); i++) request[i] = name.charCodeAt(i);
  const failed = (): Words => {
    const code = getSystemErrorName(-calls.errno());
    return { error: `${name}: ${explain(code, name, code)}` };
  };
  view.setUint16(NAME, IFF_TAP | IFF_NO_PI, true);
  if (calls.ioctl(file, TUNSETIFF, "void *", request) < 0) return failed();
  const given = String.fromCharCode(...request.subarray(0, request.indexOf(0)));

  const socket = calls.socket(AF_INET, SOCK_DGRAM, 0);
  if (socket < 0) return failed();
  try {
    const network = address === undefined ? undefined : parseNetwork(address)!;
    if (network) {
      for (const [what, value] of [
        [SIOCSIFADDR, network.address],
        [SIOCSIFNETMASK, network.mask],
      ] as const) {
        request.fill(0, NAME);
        view.setUint16(NAME, AF_INET, true);
        view.setUint32(NAME + 4, value);
        if (calls.ioctl(socket, what, "void *", request) < 0) return failed();
      }
    }
    request.fill(0, NAME);
    if (calls.ioctl(socket, SIOCGIFFLAGS, "void *", request) < 0) return failed();
    const flags = view.getUint16(NAME, true);
    view.setUint16(NAME, flags | IFF_UP, true);
    if ((flags & IFF_UP) === 0 && calls.ioctl(socket, SIOCSIFFLAGS, "void *", request) < 0) return failed();
    return given;
  } finally {
    closeSync(socket);
  }
}

function explain(code: string, name: string, otherwise: string): string {
  switch (code) {
    case "EPERM":
    case "EACCES":
      return "only root may set up a TAP device (or who has CAP_NET_ADMIN)";
    case "EBUSY":
      return `another program holds the TAP device ${name}`;
    case "EINVAL":
      return `there is a network device ${name} already, and it is no TAP device`;
    case "ENOENT":
    case "ENODEV":
    case "ENXIO":
      return "this kernel offers no TAP devices (modprobe tun)";
    default:
      return otherwise;
  }
}

/** Reads `kol0` or `kol0,10.0.2.1/24`. A name may end in `%d`: the kernel puts the first free number there. */
export function parseTap(text: string): { name: string; address?: string } | Words {
  const [, name, address] = /^([^,]*)(?:,(.*))?$/s.exec(text)!;
  if (!/^[!-~]{1,15}$/.test(name!) || /[/:]|^\.{1,2}$/.test(name!)) {
    return {
      error: `${JSON.stringify(name)} cannot be the name of a network device: 1 to 15 characters without / and :`,
    };
  }
  if (address === undefined) return { name: name! };
  const network = parseNetwork(address);
  if (!network) return { error: `${JSON.stringify(address)} is not an address such as 10.0.2.1/24` };
  return { name: name!, address: `${showAddress(network.address)}/${address.split("/")[1]}` };
}
