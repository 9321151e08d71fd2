import { describe, expect, test } from "vitest";
import { FOREVER, latin1, type Micros, PAGE, Random, SECOND } from "../base/index.ts";
import { rawImage } from "../image/index.ts";
import type { Registers } from "../machine/index.ts";
import {
  cable,
  linkLocalOf,
  maskOf,
  Nic,
  type Port,
  parseAddress,
  parseAddress6,
  parseNetwork6,
  Stack,
  showAddress6,
  TcpState,
} from "../net/index.ts";
import { bytesOfAddress6 } from "../net/wire/address6.ts";
import { type GuideOptions, guide, Kernel, type Process, showCall } from "./index.ts";

/** `int 0x40`, then `jmp $`. */
const PROGRAM = Uint8Array.of(0xcd, 0x40, 0xeb, 0xfe);
const TRAP = 0;
/** Where tests keep what they pass by address: a page of the program's own. */
const DATA = 0x1000;
const UNMAPPED = 0x0800_0000;

type Set = Partial<Record<"eax" | "ebx" | "ecx" | "edx" | "esi" | "edi" | "ebp" | "esp" | "eflags", number>>;

/** A program that makes one system call after another, as the test says. */
class Guest {
  readonly kernel: Kernel;
  readonly process: Process;
  readonly stack: Stack | undefined;
  now: Micros = 0;
  board = "";

  constructor(
    options: GuideOptions = {},
    kernel: { port?: Port; address?: string; maxSockets?: number } = {},
  ) {
    const { port, address } = kernel;
    if (port && address) {
      const ip = parseAddress(address)!;
      this.stack = new Stack({
        nics: [new Nic({ port, mac: 0x5254_0000_0000 + (ip & 0xff) })],
        random: new Random(ip),
      });
      this.stack.configure(0, { address: ip, mask: maskOf(24), gateway: parseAddress("10.0.0.254")! });
    }
    this.kernel = new Kernel({
      personality: guide(options),
      stack: this.stack,
      startOfClock: 12 * 3600 + 34 * 60 + 56,
      memoryBytes: 1 << 20,
      ...(kernel.maxSockets !== undefined && { maxSockets: kernel.maxSockets }),
      debugBoard: (byte) => (this.board += String.fromCharCode(byte)),
    });
    const process = this.kernel.spawn(rawImage(PROGRAM, { stackSize: 2 * PAGE }));
    if ("error" in process) throw new Error(process.error);
    this.process = process;
  }

  get cpu(): Registers {
    return this.process.cpu;
  }

  /** Begins a system call with these registers. Answers EAX, signed, or "waits". */
  call(registers: Set): number | "waits" {
    for (const [name, value] of Object.entries(registers)) this.cpu[name as "eax"] = value;
    this.cpu.eip = TRAP;
    this.kernel.run(this.now, 1);
    return this.answer;
  }

  get answer(): number | "waits" {
    return this.process.threads[0]!.state === "parked" ? "waits" : this.cpu.eax | 0;
  }

  poke(bytes: readonly number[], at = DATA): number {
    this.process.memory.write(at, Uint8Array.from(bytes));
    return at;
  }

  peek(length: number, at = DATA): number[] {
    return [...this.process.memory.read(at, length)!];
  }

  // The calls of the guide, by name.
  open = (type = 1, protocol = 0) => this.call({ eax: 75, ebx: type, ecx: protocol });
  close = (fd: number, ebx = fd) => {
    const { esp } = this.cpu;
    this.process.memory.set32(esp - 4, fd);
    const answer = this.call({ eax: 76, ebx, esp: esp - 4 });
    this.cpu.esp = esp;
    return answer;
  };
  bind = (fd: number, address: string, port: number) =>
    this.call({ eax: 77, ebx: fd, ecx: this.poke(sockaddr(address, port)), edx: 16 });
  listen = (fd: number, backlog = 5) => this.call({ eax: 78, ebx: fd, ecx: backlog });
  connect = (fd: number, address: string, port: number) =>
    this.call({ eax: 79, ebx: fd, ecx: this.poke(sockaddr(address, port)), edx: 16 });
  accept = (fd: number, at = 0, length = 0) => this.call({ eax: 80, ebx: fd, ecx: at, edx: length });
  send = (fd: number, text: string) =>
    this.call({ eax: 81, ebx: fd, ecx: this.poke([...text].map((c) => c.charCodeAt(0))), edx: text.length });
  receive = (fd: number, length = 100) => this.call({ eax: 82, ebx: fd, ecx: DATA, edx: length });
  option = (fd: number, option: number) => this.call({ eax: 83, ebx: fd, ecx: option });
  setOption = (fd: number, option: number, value: number) =>
    this.call({ eax: 84, ebx: value, ecx: fd, edx: option });
  state = (fd: number) => this.option(fd, 2);
  nonBlocking(fd: number): void {
    expect(this.setOption(fd, 1, 1)).toBe(0);
  }
}

const sockaddr = (address: string, port: number, family = 2): number[] => [
  family & 0xff,
  family >> 8,
  port >> 8,
  port & 0xff,
  ...address.split(".").map(Number),
  ...new Array(8).fill(0),
];

/** Two guests on one cable, at 10.0.0.1 and 10.0.0.2. */
function pair(): { one: Guest; two: Guest; settle: () => void; wait: (span: Micros) => void } {
  const [a, b] = cable();
  const one = new Guest({}, { port: a, address: "10.0.0.1" });
  const two = new Guest({}, { port: b, address: "10.0.0.2" });
  const guests = [one, two];
  const settle = (): void => {
    let moved = true;
    while (moved) {
      moved = false;
      for (const { stack, kernel, now } of guests) {
        if (stack!.poll(now)) moved = true;
        if (kernel.poll(now)) moved = true;
      }
    }
  };
  /** Lets time pass, deadline by deadline. */
  const wait = (span: Micros): void => {
    const end = one.now + span;
    for (;;) {
      settle();
      const deadlines = guests.flatMap(({ stack, kernel }) => [stack!.deadline(), kernel.deadline()]);
      const next = Math.max(one.now + 1, Math.min(...deadlines));
      if (next > end) break;
      one.now = two.now = next;
    }
    one.now = two.now = end;
    settle();
  };
  return { one, two, settle, wait };
}

/** A connection between two guests: `two` listens on port 80. */
function connected() {
  const world = pair();
  const { one, two, settle } = world;
  const listener = two.open() as number;
  expect(two.bind(listener, "0.0.0.0", 80)).toBe(0);
  expect(two.listen(listener)).toBe(0);
  const client = one.open() as number;
  expect(one.connect(client, "10.0.0.2", 80)).toBe("waits");
  settle();
  expect(one.answer).toBe(0);
  const server = two.accept(listener) as number;
  return { ...world, listener, client, server };
}

describe("every call", () => {
  test("leaves all registers but EAX, and EFLAGS, as they were", () => {
    const guest = new Guest();
    const set = {
      ebx: 0x1111,
      ecx: 0x2222,
      edx: 0x3333,
      esi: 0x4444,
      edi: 0x5555,
      ebp: 0x6666,
      esp: 0x2ffc,
      eflags: 0x1ed7, // all arithmetic flags and DF
    };
    for (const eax of [3, 5, 63, 68, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 999]) {
      // A delay would park the thread: ask for none.
      const registers = eax === 5 ? { ...set, ebx: 0 } : set;
      guest.call({ eax, ...registers });
      for (const [name, value] of Object.entries(registers)) {
        expect([eax, name, guest.cpu[name as "ebx"]]).toEqual([eax, name, value]);
      }
      expect(guest.cpu.eip).toBe(TRAP + 2);
    }
  });

  test("is chosen by all of EAX", () => {
    const guest = new Guest();
    expect(guest.call({ eax: 0x0100_0003 })).toBe(-1);
    expect(guest.call({ eax: 0x1_9044, ebx: 11 })).toBe(-1);
  });

  test("is chosen by AL alone on request, as the KolibriOS kernel does", () => {
    const guest = new Guest({ selection: "al" });
    guest.now = 7 * SECOND;
    expect(guest.call({ eax: 0x0100_0003 })).toBe(7);
    guest.call({ eax: 0x1234_56ff });
    expect(guest.kernel.stop).toEqual({ reason: "exit" });
  });

  test.each([
    ["function", { eax: 6 }],
    ["function 0", { eax: 0 }],
    ["negative function", { eax: -2 }],
    ["subfunction of 63", { eax: 63, ebx: 99 }],
    ["subfunction of 68", { eax: 68, ebx: 99 }],
  ])("answers -1 for an unknown %s", (_, registers) => {
    expect(new Guest().call(registers)).toBe(-1);
  });

  test.each([
    ["bind", { eax: 77, edx: 16 }],
    ["connect", { eax: 79, edx: 16 }],
    ["accept", { eax: 80, edx: 16 }],
    ["send", { eax: 81, edx: 1 }],
    ["receive", { eax: 82, edx: 1 }],
  ])("%s answers -14 for a pointer that is not mapped, and does nothing", (_, registers) => {
    const { two, client, server, one } = connected();
    one.send(client, "x");
    const before = two.stack!.nics[0]!.counters.txPackets;
    expect(two.call({ ...registers, ebx: server, ecx: UNMAPPED })).toBe(-14);
    expect(two.stack!.nics[0]!.counters.txPackets).toBe(before);
  });
});

describe("-1", () => {
  test("ends the program", () => {
    const guest = new Guest();
    guest.call({ eax: -1 });
    expect(guest.kernel.stop).toEqual({ reason: "exit" });
    expect(guest.kernel.run(0, 100)).toBe(0);
  });

  test("closes its sockets: the peer sees the end", () => {
    const { one, two, client, settle } = connected();
    two.call({ eax: -1 });
    settle();
    expect(one.receive(client)).toBe(0);
    expect(one.state(client)).toBe(TcpState.CLOSE_WAIT);
  });
});

describe("3 time", () => {
  test("is whole seconds, never decreasing", () => {
    const guest = new Guest();
    const seen = [0, 999_999, 1_000_000, 61_500_000].map((now) => {
      guest.now = now;
      return guest.call({ eax: 3 });
    });
    expect(seen).toEqual([0, 0, 1, 61]);
  });

  test("is the time of day in BCD on request: 0x00SSMMHH", () => {
    const guest = new Guest({ time: "bcd" });
    expect(guest.call({ eax: 3 })).toBe(0x563412);
    guest.now = 86400 * SECOND + 5 * SECOND;
    expect(guest.call({ eax: 3 })).toBe(0x013512);
  });
});

describe("5 delay", () => {
  test("waits hundredths of a second and leaves EAX unchanged", () => {
    const guest = new Guest();
    guest.now = 123;
    expect(guest.call({ eax: 5, ebx: 7 })).toBe("waits");
    expect(guest.kernel.deadline()).toBe(70_123);
    expect(guest.kernel.poll(70_122)).toBe(false);
    expect(guest.kernel.poll(70_123)).toBe(true);
    expect(guest.answer).toBe(5);
  });

  test("of 0 lets others run and goes on", () => {
    const guest = new Guest();
    guest.cpu.eip = TRAP;
    guest.cpu.eax = 5;
    guest.cpu.ebx = 0;
    expect(guest.kernel.run(0, 1000)).toBe(1);
    expect(guest.kernel.runnable).toBe(true);
    expect(guest.kernel.run(0, 1000)).toBe(1000);
  });
});

test("63.1 writes the character in CL to the debug board", () => {
  const guest = new Guest();
  for (const letter of "Hi\n") guest.call({ eax: 63, ebx: 1, ecx: 0xabcdef00 + letter.charCodeAt(0) });
  expect(guest.board).toBe("Hi\n");
  expect(guest.cpu.eax).toBe(63);
});

describe("68 memory", () => {
  const allocate = (guest: Guest, bytes: number) => guest.call({ eax: 68, ebx: 12, ecx: bytes }) as number;
  const free = (guest: Guest, block: number) => guest.call({ eax: 68, ebx: 13, ecx: block });

  test("12 gives a zero-filled block of whole pages at a page", () => {
    const guest = new Guest();
    const block = allocate(guest, PAGE + 1);
    expect(block % PAGE).toBe(0);
    expect(block).toBeGreaterThan(0);
    expect(guest.process.memory.isMapped(block, 2 * PAGE, "write")).toBe(true);
    expect(guest.peek(2 * PAGE, block).every((byte) => byte === 0)).toBe(true);
  });

  test("12 gives 0 for 0 bytes and when there is no room", () => {
    const guest = new Guest();
    expect(allocate(guest, 0)).toBe(0);
    expect(allocate(guest, 0xffff_ffff)).toBe(0);
    expect(allocate(guest, guest.kernel.processes[0]!.heap.size + 1)).toBe(0);
    expect(allocate(guest, guest.kernel.processes[0]!.heap.size)).toBeGreaterThan(0);
    expect(allocate(guest, 1)).toBe(0);
  });

  test("13 gives a block back: 1, its pages are gone, and the first gap is taken again, zero-filled", () => {
    const guest = new Guest();
    const [a, b, c] = [allocate(guest, PAGE), allocate(guest, 3 * PAGE), allocate(guest, PAGE)];
    guest.poke([1, 2, 3], b);
    expect(free(guest, b)).toBe(1);
    expect(guest.process.memory.u8(b)).toBeUndefined();
    expect(guest.process.memory.u8(a)).toBe(0);
    const again = allocate(guest, 2 * PAGE);
    expect(again).toBe(b);
    expect(guest.peek(3, again)).toEqual([0, 0, 0]);
    expect(allocate(guest, 2 * PAGE)).toBeGreaterThan(c);
  });

  test("13 answers 0 for what is no block", () => {
    const guest = new Guest();
    const block = allocate(guest, 2 * PAGE);
    expect(free(guest, block + PAGE)).toBe(0);
    expect(free(guest, 0)).toBe(0);
    expect(free(guest, block)).toBe(1);
    expect(free(guest, block)).toBe(0);
  });

  test("11 tells the heap's size: from the program's last page to the end of memory", () => {
    const guest = new Guest();
    expect(guest.call({ eax: 68, ebx: 11 })).toBe((1 << 20) - 3 * PAGE);
  });
});

describe("75 open socket", () => {
  const alone = () => new Guest({}, { port: cable()[0], address: "10.0.0.1" });

  test("numbers from 16 upwards, never twice", () => {
    const guest = alone();
    expect([guest.open(), guest.open(2), guest.open(1, 6)]).toEqual([16, 17, 18]);
    expect(guest.close(17)).toBe(0);
    expect(guest.open(2, 17)).toBe(19);
  });

  test.each([
    ["type 0", 0, 0],
    ["type 4", 4, 0],
    ["the guide's arguments in the wrong order", 8192, 6],
    ["UDP over a stream", 1, 17],
    ["TCP in datagrams", 2, 6],
    ["a raw protocol of more than 8 bits", 3, 256],
  ])("%s is -22", (_, type, protocol) => {
    expect(alone().open(type, protocol)).toBe(-22);
  });

  test("raw sockets take any protocol", () => {
    expect(alone().open(3, 1)).toBe(16);
  });

  test("-24 when there are too many", () => {
    const guest = new Guest({}, { port: cable()[0], address: "10.0.0.1", maxSockets: 2 });
    expect([guest.open(), guest.open(), guest.open()]).toEqual([16, 17, -24]);
    guest.close(16);
    expect(guest.open()).toBe(18);
  });
});

describe("76", () => {
  test("0 counts interfaces", () => {
    const { one } = pair();
    expect(one.call({ eax: 76, ebx: 0 })).toBe(1);
    expect(new Guest().call({ eax: 76, ebx: 0 })).toBe(0);
  });

  test("1 writes the record of an interface as listing 1 lays it out", () => {
    const { one } = connected();
    one.poke(new Array(80).fill(0xee));
    expect(one.call({ eax: 76, ebx: 1, ecx: 0, edi: DATA })).toBe(0);
    const bytes = Uint8Array.from(one.peek(80));
    const dword = (at: number) => new DataView(bytes.buffer).getUint32(at, true);
    expect(latin1(bytes.subarray(0, 16))).toBe("eth0".padEnd(16, "\0"));
    expect([dword(16), dword(20), dword(24)]).toEqual([1, 1500, 0x43]);
    expect([...bytes.subarray(28, 40)]).toEqual([10, 0, 0, 1, 255, 255, 255, 0, 10, 0, 0, 254]);
    expect([...bytes.subarray(40, 46)]).toEqual([0x52, 0x54, 0, 0, 0, 1]);
    const { rxPackets, txPackets, rxBytes, txBytes, rxErrors, txErrors } = one.stack!.nics[0]!.counters;
    expect(rxPackets).toBeGreaterThan(0);
    expect([46, 50, 54, 58, 62, 66].map(dword)).toEqual([
      rxPackets,
      txPackets,
      rxBytes,
      txBytes,
      rxErrors,
      txErrors,
    ]);
    expect([...bytes.subarray(70)]).toEqual(new Array(10).fill(0xee));
  });

  test("2, 3, 4 set address, mask and gateway, given in network order", () => {
    const { one } = pair();
    expect(one.call({ eax: 76, ebx: 2, ecx: 0, edx: 0x0501a8c0 })).toBe(0);
    expect(one.call({ eax: 76, ebx: 3, ecx: 0, edx: 0x0000ffff })).toBe(0);
    expect(one.call({ eax: 76, ebx: 4, ecx: 0, edx: 0x0101a8c0 })).toBe(0);
    expect(one.stack!.configuration(0)).toEqual({
      address: parseAddress("192.168.1.5"),
      mask: parseAddress("255.255.0.0"),
      gateway: parseAddress("192.168.1.1"),
    });
  });

  test("3 answers -22 for what is no mask", () => {
    const { one } = pair();
    expect(one.call({ eax: 76, ebx: 3, ecx: 0, edx: 0x00ff00ff })).toBe(-22);
    expect([0, 0xffffffff].map((edx) => one.call({ eax: 76, ebx: 3, ecx: 0, edx }))).toEqual([0, 0]);
  });

  test.each([1, 2, 3, 4])("%i answers -19 for an interface that is not there", (ebx) => {
    expect(pair().one.call({ eax: 76, ebx, ecx: 1, edi: DATA })).toBe(-19);
  });

  test("1 answers -14 for a buffer that is not mapped", () => {
    expect(pair().one.call({ eax: 76, ebx: 1, ecx: 0, edi: UNMAPPED })).toBe(-14);
  });

  test("any other EBX closes the socket whose number is on the stack", () => {
    const { one } = pair();
    for (const ebx of [5, 16, -1, 0x8000_0000]) {
      const fd = one.open() as number;
      expect(one.close(fd, ebx)).toBe(0);
      expect(one.state(fd)).toBe(-9);
    }
  });

  test("close answers -9 for a number that is not open, and -14 without a stack", () => {
    const { one } = pair();
    expect(one.close(16)).toBe(-9);
    expect(one.call({ eax: 76, ebx: 16, esp: UNMAPPED })).toBe(-14);
  });
});

describe("77 bind", () => {
  test("0, then -22 for a second time, -98 where another socket is", () => {
    const { one } = pair();
    const [a, b] = [one.open() as number, one.open() as number];
    expect(one.bind(a, "0.0.0.0", 80)).toBe(0);
    expect(one.listen(a)).toBe(0);
    expect(one.bind(a, "0.0.0.0", 81)).toBe(-22);
    expect(one.bind(b, "10.0.0.1", 80)).toBe(-98);
  });

  test("-9 for a number that is no socket, -22 for a short length or another family", () => {
    const { one } = pair();
    const fd = one.open() as number;
    expect(one.bind(99, "0.0.0.0", 80)).toBe(-9);
    const at = one.poke(sockaddr("0.0.0.0", 80));
    expect(one.call({ eax: 77, ebx: fd, ecx: at, edx: 15 })).toBe(-22);
    one.poke(sockaddr("0.0.0.0", 80, 10));
    expect(one.call({ eax: 77, ebx: fd, ecx: at, edx: 16 })).toBe(-22);
    one.poke(sockaddr("0.0.0.0", 80));
    expect(one.call({ eax: 77, ebx: fd, ecx: at, edx: 28 })).toBe(0);
  });
});

describe("AF_INET6", () => {
  const sockaddr6 = (address: string, port: number, scope = 0): number[] => [
    10,
    0,
    port >> 8,
    port & 0xff,
    ...[0, 0, 0, 0],
    ...bytesOfAddress6(parseAddress6(address)!),
    ...[scope, 0, 0, 0],
  ];
  const pair6 = () => {
    const both = pair();
    both.one.kernel.stack!.configure6(0, {
      addresses: [parseNetwork6("fd00::1/64")!],
      duplicateDetection: 0,
    });
    both.two.kernel.stack!.configure6(0, {
      addresses: [parseNetwork6("fd00::2/64")!],
      duplicateDetection: 0,
    });
    return both;
  };
  const give = (guest: Guest, eax: number, ebx: number, bytes: number[], edx = 28) =>
    guest.call({ eax, ebx, ecx: guest.poke(bytes), edx });

  test("28 bytes, or 24 without the interface; fewer are none", () => {
    const { one } = pair6();
    const answers = [23, 24, 27, 28].map((length) =>
      give(one, 77, one.open() as number, sockaddr6("fd00::1", 1000 + length), length),
    );
    expect(answers).toEqual([-22, 0, 0, 0]);
    expect(give(one, 77, one.open() as number, sockaddr6("fd00::9", 80))).toBe(-99);
  });

  test("connect, and what accept tells: an address of 28 bytes, mapped where it is of IPv4", () => {
    const { one, two, settle } = pair6();
    const listener = one.open() as number;
    expect(give(one, 77, listener, sockaddr6("::", 80))).toBe(0);
    one.listen(listener);
    const [six, four] = [two.open() as number, two.open() as number];
    two.nonBlocking(six);
    two.nonBlocking(four);
    give(two, 79, six, sockaddr6("fd00::1", 80));
    settle();
    two.connect(four, "10.0.0.1", 80);
    settle();
    const told = [0, 1].map(() => {
      one.poke(new Array(32).fill(0xee));
      expect(one.accept(listener, DATA, 28)).toBeGreaterThan(15);
      return one.peek(30);
    });
    expect(told[0]!.slice(8)).toEqual([0xfd, ...new Array(14).fill(0), 2, 0, 0, 0, 0, 0xee, 0xee]);
    expect(told[1]!.slice(8)).toEqual([
      ...new Array(10).fill(0),
      255,
      255,
      10,
      0,
      0,
      2,
      0,
      0,
      0,
      0,
      0xee,
      0xee,
    ]);
    expect(told.map((bytes) => bytes.slice(0, 2))).toEqual([
      [10, 0],
      [10, 0],
    ]);
  });

  test("a mapped address is an IPv4 one, and a link-local one names its interface", () => {
    const { one, two, settle } = pair6();
    const listener = one.open() as number;
    one.bind(listener, "10.0.0.1", 80);
    one.listen(listener);
    const mapped = two.open() as number;
    two.nonBlocking(mapped);
    give(two, 79, mapped, sockaddr6("::ffff:10.0.0.1", 80));
    settle();
    expect(two.state(mapped)).toBe(TcpState.ESTABLISHED);
    const other = one.open() as number;
    expect(give(one, 77, other, sockaddr6("::", 81))).toBe(0);
    one.listen(other);
    const local = two.open() as number;
    two.nonBlocking(local);
    const address = showAddress6(linkLocalOf(one.kernel.stack!.nics[0]!.mac));
    give(two, 79, local, sockaddr6(address, 81, 1));
    settle();
    expect(two.state(local)).toBe(TcpState.ESTABLISHED);
  });
});

describe("78 listen", () => {
  test("0 and state LISTEN; -9 for a number that is no socket, negative for datagrams", () => {
    const { one } = pair();
    const fd = one.open() as number;
    one.bind(fd, "0.0.0.0", 80);
    expect(one.state(fd)).toBe(TcpState.CLOSED);
    expect(one.listen(fd, 10)).toBe(0);
    expect(one.state(fd)).toBe(TcpState.LISTEN);
    expect(one.listen(99)).toBe(-9);
    expect(one.listen(one.open(2) as number)).toBe(-95);
  });
});

describe("79 connect", () => {
  test("blocking: waits and answers 0 when connected", () => {
    const { one, client, two, server } = connected();
    expect(one.state(client)).toBe(TcpState.ESTABLISHED);
    expect(two.state(server)).toBe(TcpState.ESTABLISHED);
  });

  test("non-blocking: -36 in SYN_SENT, -36 again while it lasts, 0 once ESTABLISHED", () => {
    const { one, two, settle } = pair();
    const listener = two.open() as number;
    two.bind(listener, "0.0.0.0", 80);
    two.listen(listener);
    const fd = one.open() as number;
    one.nonBlocking(fd);
    expect(one.connect(fd, "10.0.0.2", 80)).toBe(-36);
    expect(one.state(fd)).toBe(TcpState.SYN_SENT);
    expect(one.connect(fd, "10.0.0.2", 80)).toBe(-36);
    settle();
    expect(one.state(fd)).toBe(TcpState.ESTABLISHED);
    expect(one.connect(fd, "10.0.0.2", 80)).toBe(0);
  });

  test("-111 and state CLOSED when refused, waiting or not", () => {
    const { one, settle } = pair();
    const fd = one.open() as number;
    expect(one.connect(fd, "10.0.0.2", 81)).toBe("waits");
    settle();
    expect(one.answer).toBe(-111);
    expect(one.state(fd)).toBe(TcpState.CLOSED);
    const other = one.open() as number;
    one.nonBlocking(other);
    expect(one.connect(other, "10.0.0.2", 81)).toBe(-36);
    settle();
    expect(one.state(other)).toBe(TcpState.CLOSED);
    expect(one.connect(other, "10.0.0.2", 81)).toBe(-111);
  });

  test("-9 for a number that is no socket, -22 for a short length or another family", () => {
    const { one } = pair();
    const fd = one.open() as number;
    expect(one.connect(99, "10.0.0.2", 80)).toBe(-9);
    expect(one.call({ eax: 79, ebx: fd, ecx: one.poke(sockaddr("10.0.0.2", 80)), edx: 8 })).toBe(-22);
    expect(one.call({ eax: 79, ebx: fd, ecx: one.poke(sockaddr("10.0.0.2", 80, 1)), edx: 16 })).toBe(-22);
  });

  test("nobody at that address: an error after a while, state CLOSED", () => {
    const { one, wait } = pair();
    const fd = one.open() as number;
    expect(one.connect(fd, "10.0.0.77", 80)).toBe("waits");
    wait(600 * SECOND);
    expect([-110, -113]).toContain(one.answer);
    expect(one.state(fd)).toBe(TcpState.CLOSED);
  });
});

describe("80 accept", () => {
  test("gives a new socket, ESTABLISHED and blocking, and the peer's address", () => {
    const { one, two, settle } = pair();
    const listener = two.open() as number;
    two.bind(listener, "0.0.0.0", 80);
    two.listen(listener);
    two.nonBlocking(listener);
    expect(two.accept(listener)).toBe(-11);
    one.connect(one.open() as number, "10.0.0.2", 80);
    settle();
    two.poke(new Array(16).fill(0xee));
    const fd = two.accept(listener, DATA, 16) as number;
    expect(fd).toBe(17);
    expect([two.state(fd), two.option(fd, 1)]).toEqual([TcpState.ESTABLISHED, 0]);
    const address = two.peek(16);
    expect([...address.slice(0, 2), ...address.slice(4)]).toEqual([
      2, 0, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0,
    ]);
  });

  test("cuts the address off at the length given", () => {
    const { one, two, listener, settle } = connected();
    one.connect(one.open() as number, "10.0.0.2", 80);
    settle();
    two.poke(new Array(16).fill(0xee));
    expect(two.accept(listener, DATA, 4)).toBeGreaterThan(0);
    expect(two.peek(6).slice(4)).toEqual([0xee, 0xee]);
    expect(two.peek(2)).toEqual([2, 0]);
  });

  test("blocking: waits until somebody connects", () => {
    const { one, two, listener, settle } = connected();
    expect(two.accept(listener)).toBe("waits");
    settle();
    expect(two.answer).toBe("waits");
    one.connect(one.open() as number, "10.0.0.2", 80);
    settle();
    expect(two.answer).toBe(18);
  });

  test("negative for a socket that does not listen, -9 for none", () => {
    const { one, client } = connected();
    expect(one.accept(client)).toBe(-22);
    expect(one.accept(99)).toBe(-9);
  });
});

describe("81 send and 82 receive", () => {
  test("carry bytes", () => {
    const { one, two, client, server, settle } = connected();
    expect(one.send(client, "hello")).toBe(5);
    settle();
    two.poke(new Array(8).fill(0));
    expect(two.receive(server)).toBe(5);
    expect(latin1(Uint8Array.from(two.peek(6)))).toBe("hello\0");
  });

  test("receive takes no more than asked for, and leaves the rest", () => {
    const { one, two, client, server, settle } = connected();
    one.send(client, "hello");
    settle();
    expect([two.receive(server, 2), two.receive(server, 100)]).toEqual([2, 3]);
  });

  test("receive waits for data; -11 when non-blocking", () => {
    const { one, two, client, server, settle } = connected();
    two.nonBlocking(server);
    expect(two.receive(server)).toBe(-11);
    two.setOption(server, 1, 0);
    expect(two.receive(server)).toBe("waits");
    one.send(client, "late");
    settle();
    expect(two.answer).toBe(4);
    expect(latin1(Uint8Array.from(two.peek(4)))).toBe("late");
  });

  test("receive answers 0 when the peer has closed, in CLOSE_WAIT, and for a length of 0", () => {
    const { one, two, client, server, settle } = connected();
    expect(two.receive(server, 0)).toBe(0);
    one.close(client);
    settle();
    expect(two.receive(server)).toBe(0);
    expect(two.state(server)).toBe(TcpState.CLOSE_WAIT);
  });

  test("both answer -107 when not connected, and -9 for a number that is no socket", () => {
    const { one } = pair();
    const fd = one.open() as number;
    expect([one.send(fd, "x"), one.receive(fd)]).toEqual([-107, -107]);
    expect([one.send(99, "x"), one.receive(99), one.receive(99, 0)]).toEqual([-9, -9, -9]);
  });

  test("send takes what there is room for, then waits, or answers -11", () => {
    const { one, client } = connected();
    one.nonBlocking(client);
    const block = one.call({ eax: 68, ebx: 12, ecx: 512 * 1024 }) as number;
    const send = () => one.call({ eax: 81, ebx: client, ecx: block, edx: 512 * 1024 });
    const taken = send() as number;
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThan(512 * 1024);
    expect(send()).toBe(-11);
    one.setOption(client, 1, 0);
    expect(send()).toBe("waits");
  });

  test("a send that waits goes on when the peer reads", () => {
    const { one, two, client, server, settle, wait } = connected();
    const block = one.call({ eax: 68, ebx: 12, ecx: 512 * 1024 }) as number;
    const send = () => one.call({ eax: 81, ebx: client, ecx: block, edx: 512 * 1024 });
    while (send() !== "waits") settle();
    const room = two.call({ eax: 68, ebx: 12, ecx: 256 * 1024 }) as number;
    for (let i = 0; i < 20 && one.answer === "waits"; i++) {
      two.nonBlocking(server);
      two.call({ eax: 82, ebx: server, ecx: room, edx: 256 * 1024 });
      wait(SECOND);
    }
    expect(one.answer).toBeGreaterThan(0);
  });

  test("datagrams keep their boundaries; what does not fit the room is lost", () => {
    const { one, two, settle } = pair();
    const [a, b] = [one.open(2) as number, two.open(2) as number];
    expect(two.bind(b, "0.0.0.0", 53)).toBe(0);
    expect(one.send(a, "x")).toBe(-107);
    expect(one.connect(a, "10.0.0.2", 53)).toBe(0);
    one.send(a, "first");
    one.send(a, "2nd");
    settle();
    expect(two.receive(b, 3)).toBe(3);
    expect(two.receive(b)).toBe(3);
    expect(latin1(Uint8Array.from(two.peek(3)))).toBe("2nd");
  });
});

test("a raw socket of protocol 1 pings: it sends ICMP and receives packets with their IP header", () => {
  const { one, settle } = pair();
  const fd = one.open(3, 1) as number;
  expect(one.connect(fd, "10.0.0.2", 0)).toBe(0);
  // Echo request, identifier 0x1234, sequence number 1 (RFC 792): the words' sum with the checksum is 0xffff.
  const at = one.poke([8, 0, 0xe5, 0xca, 0x12, 0x34, 0, 1]);
  expect(one.call({ eax: 81, ebx: fd, ecx: at, edx: 8 })).toBe(8);
  expect(one.receive(fd)).toBe("waits");
  settle();
  expect(one.answer).toBe(28);
  const packet = one.peek(28);
  expect([packet[0], packet[9], ...packet.slice(12, 16)]).toEqual([0x45, 1, 10, 0, 0, 2]);
  expect(packet.slice(20)).toEqual([0, 0, 0xed, 0xca, 0x12, 0x34, 0, 1]);
});

describe("83 get option and 84 set option", () => {
  test("1 is O_NONBLOCK, 3 is SO_REUSEADDR; any value but 0 sets them", () => {
    const { one } = pair();
    const fd = one.open() as number;
    for (const option of [1, 3]) {
      expect(one.option(fd, option)).toBe(0);
      expect(one.setOption(fd, option, 0x100)).toBe(0);
      expect(one.option(fd, option)).toBe(1);
      expect(one.setOption(fd, option, 0)).toBe(0);
      expect(one.option(fd, option)).toBe(0);
    }
  });

  test("2 is the state: the one of the real TCP, from beginning to end", () => {
    const { one, two, client, server, listener, settle, wait } = connected();
    const states = () => [one.state(client), two.state(server)];
    expect(two.state(listener)).toBe(1);
    expect(states()).toEqual([4, 4]);
    two.close(server);
    settle();
    expect(one.state(client)).toBe(7);
    one.close(client);
    wait(SECOND);
    expect(states()).toEqual([-9, -9]);
  });

  test("2 is CLOSED once the peer has reset the connection, and the next call tells why", () => {
    const { one, two, client, server, settle } = connected();
    one.send(client, "unread");
    settle();
    two.close(server); // with data unread: RFC 1122 4.2.2.13 demands a reset
    settle();
    expect(one.state(client)).toBe(TcpState.CLOSED);
    expect(one.receive(client)).toBe(-104);
    expect(one.send(client, "x")).toBe(-107);
  });

  test("anything else is -92, also setting the state; a number that is no socket -9", () => {
    const { one } = pair();
    const fd = one.open() as number;
    expect([one.option(fd, 0), one.option(fd, 4)]).toEqual([-92, -92]);
    expect([one.setOption(fd, 2, 1), one.setOption(fd, 9, 1)]).toEqual([-92, -92]);
    expect([one.option(99, 1), one.option(99, 9), one.setOption(99, 1, 1)]).toEqual([-9, -9, -9]);
  });
});

test("a call that waits for what never comes waits for ever", () => {
  const { two, listener, wait } = connected();
  expect(two.accept(listener)).toBe("waits");
  wait(3600 * SECOND);
  expect(two.answer).toBe("waits");
  expect([two.kernel.deadline(), two.stack!.deadline()]).toEqual([FOREVER, FOREVER]);
});

test("the trace shows a connection as a story", () => {
  const { one, two, settle } = pair();
  const lines: string[] = [];
  two.kernel.onCall((record) => lines.push(showCall(record)));
  const listener = two.open(1, 6) as number;
  two.call({ eax: 75, ebx: 8192, ecx: 6 });
  two.call({ eax: 77, ebx: listener, ecx: UNMAPPED, edx: 16 });
  two.call({ eax: 77, ebx: listener, ecx: two.poke(sockaddr("10.0.0.2", 80, 10)), edx: 12 });
  two.bind(listener, "10.0.0.2", 80);
  two.listen(listener);
  two.accept(listener, DATA, 16);
  const client = one.open() as number;
  one.now = two.now = 1_500_000;
  one.bind(client, "0.0.0.0", 4000);
  one.connect(client, "10.0.0.2", 80);
  settle();
  const server = two.answer as number;
  two.nonBlocking(server);
  two.receive(server);
  one.send(client, "GET / HTTP/1.1\r\nHost: a\tb\\c\u00e9 and so on");
  settle();
  two.receive(server);
  two.send(server, "\0");
  two.state(server);
  two.option(server, 7);
  two.close(server);
  two.call({ eax: 76, ebx: 1, ecx: 0, edi: DATA });
  two.call({ eax: 76, ebx: 2, ecx: 0, edx: 0x0501a8c0 });
  two.call({ eax: 68, ebx: 13, ecx: 0x5000 });
  expect(lines).toEqual([
    "75 open socket(SOCK_STREAM, 6) = fd 16",
    "75 open socket(8192, 6) = -22 EINVAL (invalid)",
    "77 bind(fd 16, 0x8000000, 16) = -14 EFAULT (bad address)",
    "77 bind(fd 16, family 10 10.0.0.2:80, length 12) = -22 EINVAL (invalid)",
    "77 bind(fd 16, 10.0.0.2:80) = 0",
    "78 listen(fd 16, 5) = 0",
    "80 accept(fd 16, 0x1000, 16) waits",
    "80 accept(fd 16, 10.0.0.1:4000) = fd 17 after 1.500000 s",
    "84 set option(fd 17, O_NONBLOCK=1) = 0",
    "82 receive(fd 17, 0x1000, 100) = -11 EAGAIN (would block)",
    '82 receive(fd 17, "GET / HTTP/1.1\\r\\nHost: a\\tb\\\\c\\xe9 and"..., 100) = 38',
    '81 send(fd 17, "\\0", 1) = 1',
    "83 get option(fd 17, state) = 4 ESTABLISHED",
    "83 get option(fd 17, option 7) = -92 ENOPROTOOPT (no option)",
    "76 close socket(fd 17) = 0",
    "76.1 read interface(0, 0x1000) = 0",
    "76.2 set address(0, 192.168.1.5) = 0",
    "68.13 free(0x5000) = 0",
  ]);
});

test("whatever a program asks, it gets an answer: random calls with values that matter", () => {
  const random = new Random(42);
  const pick = <T>(values: readonly T[]): T => values[random.below(values.length)]!;
  const functions = [3, 5, 63, 68, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 0];
  const values = [
    0,
    1,
    2,
    3,
    4,
    5,
    11,
    12,
    13,
    15,
    16,
    17,
    18,
    20,
    100,
    DATA,
    DATA + 4090,
    UNMAPPED,
    -1,
    -4096,
    0x7fff_ffff,
  ];
  const { one, two, settle } = pair();
  for (let i = 0; i < 20_000; i++) {
    const guest = pick([one, two]);
    const thread = guest.process.threads[0]!;
    if (thread.state === "parked") guest.kernel.restart(thread);
    if (random.below(4) === 0)
      guest.poke(sockaddr(pick(["10.0.0.1", "10.0.0.2", "0.0.0.0", "127.0.0.1"]), pick([0, 7, 80])));
    const set = Object.fromEntries(["ebx", "ecx", "edx", "edi"].map((name) => [name, pick(values)]));
    guest.poke([...PROGRAM], TRAP); // an earlier call may have written over it
    guest.call({ eax: pick(functions), ...set, esp: pick([0x2ff0, UNMAPPED]), eflags: 0x202 + 0x4d1 });
    const changed = Object.keys(set).filter((name) => guest.cpu[name as "ebx"] !== set[name]! >>> 0);
    if (guest.kernel.stop || changed.length > 0)
      expect([i, guest.kernel.stop, changed]).toEqual([i, undefined, []]);
    if (random.below(8) === 0) {
      one.now = two.now = one.now + random.below(1000);
      settle();
    }
  }
  const counts = Object.keys({ ...one.kernel.counts, ...two.kernel.counts });
  expect(counts.filter((name) => !name.startsWith("unknown")).length).toBe(
    one.kernel.personality.rows.length - 1,
  );
});
