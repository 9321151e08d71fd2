import { describe, expect, test } from "vitest";
import { hexBytes, Random } from "./base/index.ts";
import { Computer, describeStop } from "./computer.ts";
import { type Image, LineMap, rawImage, Symbols } from "./image/index.ts";
import { cable, Nic, parseNetwork, Stack, Switch, tap } from "./net/index.ts";
import { World } from "./world.ts";

const MOV_EAX = (value: number) => [0xb8, value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24];
const INT40 = [0xcd, 0x40];
const EXIT = [...MOV_EAX(-1), ...INT40];
const FOREVER = [0xeb, 0xfe];
const RET = 0xc3;

/** A computer with machine code at address 0, and labels. */
function computerWith(
  code: readonly number[],
  labels: Record<string, number> = {},
  image: Partial<Image> = {},
) {
  const computer = new Computer({ memoryBytes: 1 << 20 });
  const symbols = Object.entries(labels).map(([name, value]) => ({
    name,
    value,
    kind: "label" as const,
    size: 0,
  }));
  computer.load({ ...rawImage(Uint8Array.from(code)), symbols: new Symbols(symbols), ...image });
  return computer;
}

describe("run", () => {
  test("until the program ends itself", () => {
    const computer = computerWith([0x90, ...EXIT]);
    expect(computer.run()).toEqual({ reason: "exit" });
    expect(computer.instructions).toBe(3);
  });

  test("a fault is a value with address, symbol and line", () => {
    const lines = new LineMap([{ file: "a.asm", line: 3, address: 1, length: 6 }]);
    const computer = computerWith([0x90, 0xff, 0x05, 0, 0, 0x10, 0], { main: 0 }, { lines });
    const stop = computer.run();
    expect(stop).toEqual({
      reason: "fault",
      fault: "#PF",
      code: 6,
      address: 0x100000,
      access: "write",
      at: { address: 1, symbol: "main+0x1", line: "a.asm:3" },
    });
    expect(describeStop(stop)).toBe("fault #PF: write of 0x100000 at 0x1 <main+0x1> a.asm:3");
  });

  test.each([
    ["fault #DE: division by zero or a quotient that does not fit at 0x1", [0x90, 0xf7, 0xf1]],
    ["fault #UD: undefined instruction at 0x0", [0x0f, 0x0b]],
    ["fault #GP: privileged, unaligned, overlong or outside a segment at 0x0", [0xf4]],
    ["fault #GP: int 0x21 is no system call at 0x0", [0xcd, 0x21]],
    ["fault #GP: selector 0x1234 at 0x4", [0x66, 0xb8, 0x37, 0x12, 0x8e, 0xd8]],
    ["trap #BP: int3 before 0x1", [0xcc]],
  ])("says what exceptions come of: %s", (text, code) => {
    expect(describeStop(computerWith(code).run())).toBe(text);
  });

  test("to an exact count of instructions, and on from there", () => {
    const computer = computerWith([0x40, 0xeb, 0xfd]);
    expect(computer.run({ maxInstructions: 12_345 })).toMatchObject({
      reason: "limit",
      limit: "instructions",
    });
    expect([computer.instructions, computer.cpu.eax]).toEqual([12_345, 6173]);
    computer.run({ maxInstructions: 1 });
    expect([computer.instructions, computer.cpu.eax, computer.cpu.eip]).toEqual([12_346, 6173, 0]);
  });

  test("to a moment of virtual time: 100 instructions a microsecond", () => {
    const computer = computerWith(FOREVER);
    expect(computer.run({ timeout: 2500 })).toMatchObject({ reason: "limit", limit: "time" });
    expect([computer.world.now, computer.instructions]).toEqual([2500, 250_000]);
  });

  test("to a breakpoint, and past it", () => {
    const computer = computerWith([0x40, 0x40, ...EXIT]);
    computer.machine.breakpoints.add(1);
    expect(computer.run()).toEqual({ reason: "breakpoint", at: { address: 1 } });
    expect(computer.cpu.eax).toBe(1);
    expect(computer.run()).toEqual({ reason: "exit" });
  });

  test("delays pass in no time at all, and time is what they say", () => {
    // mov ebx, 250; mov eax, 5; int 0x40; mov eax, 3; int 0x40; mov esi, eax
    const seconds = [
      0xbb,
      250,
      0,
      0,
      0,
      ...MOV_EAX(5),
      ...INT40,
      ...MOV_EAX(3),
      ...INT40,
      0x89,
      0xc6,
      ...EXIT,
    ];
    const computer = computerWith(seconds);
    expect(computer.run()).toEqual({ reason: "exit" });
    expect(computer.cpu.esi).toBe(2);
    expect(computer.world.now).toBeGreaterThan(2_500_000);
    expect(computer.world.now).toBeLessThan(2_500_010);
  });

  test("the time stamp is the same clock: instructions, and what a delay lasts", () => {
    const rdtsc = [0x0f, 0x31];
    // rdtsc; mov esi,eax; mov eax,5; mov ebx,150; int 0x40; rdtsc; sub eax,esi; mov esi,eax; exit
    const code = [
      ...rdtsc,
      0x89,
      0xc6,
      ...MOV_EAX(5),
      0xbb,
      150,
      0,
      0,
      0,
      ...INT40,
      ...rdtsc,
      0x29,
      0xf0,
      0x89,
      0xc6,
    ];
    const computer = computerWith([...code, ...EXIT]);
    expect(computer.run()).toEqual({ reason: "exit" });
    // 1.5 s of 100 instructions a microsecond; less than a microsecond is lost when the clock is read.
    expect(computer.cpu.esi).toBeGreaterThan(149_999_900);
    expect(computer.cpu.esi).toBeLessThan(150_000_200);
  });

  test("is stopped by a signal, and goes on", async () => {
    const computer = computerWith(FOREVER);
    const abort = new AbortController();
    setTimeout(() => abort.abort());
    expect(await computer.go({ signal: abort.signal })).toEqual({ reason: "stopped", at: { address: 0 } });
    expect(computer.run({ maxInstructions: 5 })).toMatchObject({ reason: "limit" });
  });

  test("the same program gives the same run, whatever gives the host its turn", async () => {
    const loop = [
      ...MOV_EAX(5),
      0xbb,
      1,
      0,
      0,
      0,
      ...INT40,
      0x46,
      0x81,
      0xfe,
      50,
      0,
      0,
      0,
      0x75,
      256 - 21,
      ...EXIT,
    ];
    const [one, two] = [computerWith(loop), computerWith(loop)];
    one.run();
    await two.go();
    expect(two.state).toEqual(one.state);
    expect(two.world.now).toBe(one.world.now);
    expect(one.state.calls).toEqual({ delay: 50, exit: 1 });
  });

  test("without a program, or with one that cannot be, says so", () => {
    expect(() => new Computer().run()).toThrow("load one first");
    expect(() => new Computer().load(Uint8Array.of(1, 2, 3))).toThrow("does not begin with MENUET01");
    expect(() => computerWith(FOREVER).load(rawImage(Uint8Array.of(0x90)))).toThrow("has a program already");
  });
});

test("the state is plain data with unsigned numbers", () => {
  const computer = computerWith([...MOV_EAX(-2), 0x48, ...EXIT]);
  computer.run({ maxInstructions: 2 });
  expect(JSON.parse(JSON.stringify(computer.state))).toEqual({
    stop: { reason: "limit", limit: "instructions", at: { address: 6 } },
    registers: {
      eax: 0xffff_fffd,
      ebx: 0,
      ecx: 0,
      edx: 0,
      esi: 0,
      edi: 0,
      ebp: 0,
      esp: 0x11000,
      eip: 6,
      eflags: 0x1282,
    },
    instructions: 2,
    calls: {},
  });
});

describe("hooks", () => {
  test("see every instruction, and can stop before one", () => {
    const computer = computerWith([0x40, 0x40, 0x40, ...EXIT]);
    const seen: number[] = [];
    computer.onInstruction((address) => {
      seen.push(address);
      return address === 2;
    });
    expect(computer.run()).toEqual({ reason: "hook", at: { address: 2 } });
    expect([seen, computer.cpu.eax]).toEqual([[0, 1, 2], 2]);
    computer.onInstruction(undefined);
    expect(computer.run()).toEqual({ reason: "exit" });
  });

  test("see memory accesses in a range", () => {
    // mov [0x2000], eax; mov eax, [0x2000]
    const computer = computerWith([0xa3, 0, 0x20, 0, 0, 0xa1, 0, 0x20, 0, 0, ...EXIT]);
    const seen: unknown[] = [];
    computer.onMemory([{ start: 0x2000, end: 0x2004, read: true, write: true }], (...access) =>
      seen.push(access),
    );
    computer.run();
    expect(seen).toEqual([
      ["write", 0x2000, 4],
      ["read", 0x2000, 4],
    ]);
  });

  test("see system calls and the debug board", () => {
    const computer = computerWith([0xbb, 1, 0, 0, 0, 0xb1, 0x21, ...MOV_EAX(63), ...INT40, ...EXIT]);
    const names: (string | undefined)[] = [];
    const bytes: number[] = [];
    computer.onCall(({ name }) => names.push(name));
    computer.onDebugBoard((byte) => bytes.push(byte));
    computer.run();
    expect([names, bytes, computer.debugBoard]).toEqual([["debug board", "exit"], [0x21], "!"]);
  });
});

describe("call", () => {
  /** A routine at 0x10, nothing before it. */
  const routine = (...code: number[]) =>
    computerWith([...new Array(16).fill(0xf4), ...code], { routine: 16 });
  const ADD_ARGUMENTS = [0x8b, 0x44, 0x24, 4, 0x2b, 0x44, 0x24, 8]; // mov eax, [esp+4]; sub eax, [esp+8]

  test("returns with EAX, the count, and the stack's balance", () => {
    const computer = routine(...ADD_ARGUMENTS, RET);
    expect(computer.call("routine", [50, 8])).toEqual({
      stop: { reason: "returned" },
      eax: 42,
      stackBalance: 0,
      instructions: 3,
    });
  });

  test("a routine that removes its arguments has a balance of their bytes", () => {
    const computer = routine(...ADD_ARGUMENTS, 0xc2, 8, 0);
    expect(computer.call("routine", [50, 8])).toMatchObject({ eax: 42, stackBalance: 8 });
  });

  test("arguments can be pushed the other way round, and registers set", () => {
    const computer = routine(...ADD_ARGUMENTS, 0x01, 0xd8, RET); // add eax, ebx
    expect(computer.call("routine", [8, 50], { order: "pascal", registers: { ebx: 100 } }).eax).toBe(142);
  });

  test("can be followed at full speed", () => {
    const computer = routine(...ADD_ARGUMENTS, RET);
    expect(computer.call(16, [3, 2], { astray: "follow" })).toMatchObject({
      stop: { reason: "returned" },
      eax: 1,
    });
  });

  test("watched or not, the same: loops compiled, calls within calls", () => {
    // mov ecx, [esp+4]; again: call inner; dec ecx; jnz again; ret; inner: mov edx, 200; dec edx; jnz $-1; inc eax; ret
    const inner = [0xba, 200, 0, 0, 0, 0x4a, 0x75, 0xfd, 0x40, RET];
    const code = [0x8b, 0x4c, 0x24, 4, 0xe8, 4, 0, 0, 0, 0x49, 0x75, 0xf8, RET, ...inner];
    const [watched, followed] = (["stop", "follow"] as const).map((astray) => {
      const computer = routine(...code);
      return { ...computer.call("routine", [9000], { astray }), counted: computer.instructions };
    });
    expect(watched).toMatchObject({ stop: { reason: "returned" }, eax: 9000, instructions: 2 + 9000 * 406 });
    expect(followed).toEqual(watched);
  });

  test("again and again: memory stays, registers are fresh", () => {
    const computer = routine(0xff, 0x05, 0, 0x20, 0, 0, 0xa1, 0, 0x20, 0, 0, 0x01, 0xc8, RET); // inc [0x2000] …
    expect([1, 2, 3].map(() => computer.call("routine").eax)).toEqual([1, 2, 3]);
  });

  test("a RET to what was pushed is astray: from where, to where, and where it belonged", () => {
    // push 0x1234; ret
    const computer = routine(0x68, 0x34, 0x12, 0, 0, RET);
    const { stop, stackBalance } = computer.call("routine");
    expect(stop).toEqual({
      reason: "astray",
      from: { address: 0x15, symbol: "routine+0x5" },
      at: { address: 0x1234, symbol: "routine+0x1224" },
      expected: 0xffff_f000,
    });
    expect(describeStop(stop)).toBe(
      "returned astray: ret at 0x15 <routine+0x5> went to 0x1234 <routine+0x1224> instead of 0xfffff000",
    );
    expect(stackBalance).toBe(-4);
    expect(computer.cpu.eip).toBe(0x1234);
  });

  test("an inner RET can go astray as well", () => {
    // call inner; ret; inner: pop eax; push 7; ret
    const computer = routine(0xe8, 1, 0, 0, 0, RET, 0x58, 0x6a, 7, RET);
    expect(computer.call("routine").stop).toMatchObject({
      reason: "astray",
      at: { address: 7 },
      expected: 0x15,
    });
  });

  test("can be interrupted when the host gets its turn", async () => {
    const computer = computerWith(FOREVER);
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 20);
    const result = await computer.goCall(0, [], { astray: "follow", signal: stop.signal });
    expect(result.stop).toMatchObject({ reason: "stopped", at: { address: 0 } });
    expect(result.instructions).toBeGreaterThan(0);
  });

  test("calls, recursion and thrown-away return addresses are no straying", () => {
    // call over; over: pop eax; call inner; ret; inner: ret
    const computer = routine(0xe8, 0, 0, 0, 0, 0x58, 0xe8, 1, 0, 0, 0, RET, RET);
    expect(computer.call("routine")).toMatchObject({
      stop: { reason: "returned" },
      eax: 0x15,
      stackBalance: 0,
    });
    // routine: dec eax; jz done; call routine; done: ret
    const recursion = routine(0x48, 0x74, 5, 0xe8, 0xf8, 0xff, 0xff, 0xff, RET);
    expect(recursion.call("routine", [], { registers: { eax: 100 } })).toMatchObject({
      stop: { reason: "returned" },
      instructions: 99 * 4 + 3,
    });
  });

  test("ends at a fault, an exit, a limit too", () => {
    expect(routine(0xf4).call("routine").stop).toMatchObject({ reason: "fault", fault: "#GP" });
    expect(routine(...EXIT).call("routine").stop).toEqual({ reason: "exit" });
    expect(routine(...FOREVER).call("routine", [], { maxInstructions: 10 })).toMatchObject({
      stop: { reason: "limit", limit: "instructions" },
      instructions: 10,
    });
    expect(routine(...FOREVER).call("routine", [], { timeout: 10 }).stop).toMatchObject({ limit: "time" });
  });

  test("that cannot begin leaves nothing behind", () => {
    const computer = routine(0x68, 0x34, 0x12, 0, 0, RET);
    expect(() => computer.call("routine", [], { maxInstructions: Number.NaN })).toThrow("a limit of NaN");
    computer.memory.map(0x1000, 4096);
    computer.memory.write(0x1234, Uint8Array.from(FOREVER));
    computer.cpu.eip = 16;
    expect(computer.run({ maxInstructions: 10 })).toMatchObject({ reason: "limit" });
  });

  test("of what is not there says so", () => {
    const computer = routine(RET);
    expect(() => computer.call("rutine")).toThrow('no symbol "rutine"');
    const stackless = computerWith([RET], { routine: 0 }, { stackTop: 0x90000 });
    expect(() => stackless.call("routine")).toThrow("no stack to call routine on: 0x8fffc is not mapped");
    const ended = routine(...EXIT);
    ended.call("routine");
    expect(() => ended.call("routine")).toThrow("the program has ended");
  });
});

describe("on a network", () => {
  const program = [
    // 0: open(stream), bind(16, 0.0.0.0:80), listen(16, 1), accept(16): 17
    [0xbb, 1, 0, 0, 0, 0x31, 0xc9, ...MOV_EAX(75), ...INT40],
    [0x89, 0xc3, 0xb9, 0x80, 0, 0, 0, 0xba, 16, 0, 0, 0, ...MOV_EAX(77), ...INT40],
    [0xb9, 1, 0, 0, 0, ...MOV_EAX(78), ...INT40],
    [0x31, 0xc9, ...MOV_EAX(80), ...INT40],
    // receive(17, 0x2000, 100), send(17, 0x2000, what came), exit
    [0x89, 0xc3, 0xb9, 0, 0x20, 0, 0, 0xba, 100, 0, 0, 0, ...MOV_EAX(82), ...INT40],
    [0x89, 0xc2, ...MOV_EAX(81), ...INT40],
    EXIT,
  ].flat();
  const ACCEPT = 52;
  const image = rawImage(
    Uint8Array.from([...program, ...new Array(0x80 - program.length).fill(0x90), 2, 0, 0, 80, 0, 0, 0, 0]),
  );

  function lab({ seed = 1 } = {}) {
    const world = new World({ seed });
    const lan = new Switch({ clock: world.clock });
    const computer = new Computer({
      world,
      interfaces: [{ port: lan.plug(), address: "10.0.2.15/24", gateway: "10.0.2.2" }],
      memoryBytes: 1 << 20,
    });
    const lines = new LineMap([{ file: "a.asm", line: 30, address: ACCEPT, length: 2 }]);
    computer.load({ ...image, lines });
    const peer = new Stack({
      nics: [new Nic({ port: lan.plug(), mac: 0x5254_00ff_ff01 })],
      random: new Random(world.random.u32()),
    });
    peer.configure(0, parseNetwork("10.0.2.1/24")!);
    world.add(peer);
    return { world, lan, computer, peer };
  }

  test("a call that waits for what can never come ends the run as blocked, with call and line", () => {
    const { computer, world } = lab();
    const stop = computer.run();
    const at = { address: ACCEPT, line: "a.asm:30" };
    expect(stop).toEqual({
      reason: "blocked",
      call: "accept",
      at,
      threads: [{ thread: 1, call: "accept", at }],
    });
    expect(describeStop(stop)).toBe("blocked: accept waits for what can never come, at 0x34 a.asm:30");
    expect(world.now).toBeLessThan(10);
  });

  test("it goes on when the world has changed", () => {
    const { computer, peer } = lab();
    computer.run();
    const socket = peer.sockets.stream();
    expect(socket.connect(0x0a00020f, 80)).toBe("in-progress");
    expect(computer.run()).toMatchObject({ reason: "blocked", call: "receive" });
    expect(socket.send(new TextEncoder().encode("echo me"))).toBe(7);
    expect(computer.run()).toEqual({ reason: "exit" });
    const answer = new Uint8Array(100);
    expect(socket.receive(answer)).toBe(7);
    expect(new TextDecoder().decode(answer.subarray(0, 7))).toBe("echo me");
    // Its end of the connection was closed with the program, and that has been sent.
    expect(socket.receive(answer)).toBe(0);
  });

  test("same seed, same run, to the frame", () => {
    const run = (seed: number) => {
      const world = new World({ seed });
      const lan = new Switch({ clock: world.clock });
      const frames: string[] = [];
      const port = tap(lan.plug(), (frame, direction) => {
        frames.push(`${world.now} ${direction} ${hexBytes(frame)}`);
      });
      const computer = new Computer({ world, interfaces: [{ port, address: "10.0.2.15/24" }] });
      computer.load(image);
      const peer = new Stack({
        nics: [new Nic({ port: lan.plug(), mac: 0x5254_00ff_ff01 })],
        random: new Random(world.random.u32()),
      });
      peer.configure(0, parseNetwork("10.0.2.1/24")!);
      world.add(peer);
      expect(computer.run()).toMatchObject({ reason: "blocked" });
      const socket = peer.sockets.stream();
      socket.connect(0x0a00020f, 80);
      socket.onChange = () => socket.writable && socket.send(Uint8Array.of(1, 2, 3));
      expect(computer.run()).toEqual({ reason: "exit" });
      return { frames, state: computer.state };
    };
    expect(run(7)).toEqual(run(7));
    expect(run(7).frames.length).toBeGreaterThan(8);
    expect(run(7).frames).not.toEqual(run(8).frames);
  });

  test("addresses that are none are refused", () => {
    const [port] = cable();
    expect(() => new Computer({ interfaces: [{ port, address: "10.0.2.15" }] })).toThrow(
      '"10.0.2.15" is not',
    );
    expect(() => new Computer({ interfaces: [{ port, gateway: "x" }] })).toThrow(
      '"x" is not an IPv4 address',
    );
    expect(() => new Computer({ interfaces: [{ port, mac: "1:2" }] })).toThrow('"1:2" is not a MAC address');
  });
});

test("how a run ended is true until the computer moves again, also in another's run", () => {
  const world = new World();
  const [one, two] = [1, 2].map(() => {
    const computer = new Computer({ world, memoryBytes: 1 << 20 });
    computer.load(rawImage(Uint8Array.from(FOREVER)));
    return computer;
  }) as [Computer, Computer];
  expect(one.run({ maxInstructions: 1000 })).toMatchObject({ reason: "limit", limit: "instructions" });
  expect([one.stop, two.stop]).toMatchObject([{ reason: "limit" }, undefined]);
  two.run({ timeout: 100 });
  expect([one.stop, two.stop]).toMatchObject([undefined, { reason: "limit", limit: "time" }]);
  expect(one.instructions).toBe(11_000);
});

test.each([Number.NaN, -1])("a limit of %d is refused", (limit) => {
  const computer = computerWith(FOREVER);
  expect(() => computer.run({ maxInstructions: limit })).toThrow(`a limit of ${limit} instructions`);
  expect(() => computer.run({ timeout: limit })).toThrow(`a timeout of ${limit} µs`);
});

test("computers of one world share its clock", () => {
  const world = new World();
  const computers = [1, 2].map(() => {
    const computer = new Computer({ world, memoryBytes: 1 << 20 });
    computer.load(rawImage(Uint8Array.from(FOREVER)));
    return computer;
  });
  computers[0]!.run({ timeout: 1000 });
  expect(computers.map(({ instructions }) => instructions)).toEqual([100_000, 100_000]);
});
