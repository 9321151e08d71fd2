import { describe, expect, test } from "vitest";
import {
  assemble,
  type CallRecord,
  Computer,
  type Image,
  memoryFiles,
  Switch,
  showCall,
  World,
} from "../../src/index.ts";

/** The library as its users have it: everything through the door, programs as FASM sources. */

const PROGRAM = `
use32
org 0
  db 'MENUET01'
  dd 1, start, image_end, memory_end, memory_end, 0, 0
macro call_system number, [register, value] {
  common mov eax, number
  forward mov register, value
  common int 0x40
}
macro exit {
  mov eax, -1
  int 0x40
}
`;
const END = `
image_end:
  rb 4096
memory_end:
`;

function program(text: string): Image {
  const { image, diagnostics } = assemble("a.asm", { files: memoryFiles({ "a.asm": PROGRAM + text + END }) });
  expect(diagnostics).toEqual([]);
  return image!;
}

function computer(text: string): Computer {
  const made = new Computer();
  made.load(program(text));
  return made;
}

test("a source with an error gives a diagnostic, and no image", () => {
  const files = memoryFiles({ "a.asm": "mov eax,\n" });
  const { ok, image, diagnostics } = assemble("a.asm", { files });
  expect([ok, image]).toEqual([false, undefined]);
  expect(diagnostics[0]).toMatchObject({ kind: "error", text: "invalid operand", file: "a.asm", line: 1 });
});

describe("one routine", () => {
  const sum = `
start:
  exit
sum:                     ; EAX = sum of the words at [ESP+4], whose number is at [ESP+8]
  push esi ecx
  mov esi, [esp+12]
  mov ecx, [esp+16]
  xor eax, eax
.next:
  add eax, [esi]
  add esi, 4
  loop .next
  mov [total], eax
  pop ecx esi
  ret 8
numbers dd 1, 2, 3, 4
total dd 0
`;

  test("is called by name, with arguments, and what it did to memory is read by name", () => {
    const one = computer(sum);
    const { stop, eax, stackBalance } = one.call("sum", [one.address("numbers"), 4]);
    expect({ stop, eax, stackBalance }).toEqual({ stop: { reason: "returned" }, eax: 10, stackBalance: 8 });
    expect(one.memory.u32(one.address("total"))).toBe(10);
    one.memory.set32(one.address("numbers"), 1000);
    expect(one.call("sum", [one.address("numbers"), 1]).eax).toBe(1000);
  });

  test("is watched: every instruction, every write", () => {
    const one = computer(sum);
    const places = new Set<string | undefined>();
    one.onInstruction((address) => {
      places.add(one.place(address).symbol?.replace(/\+.*/, ""));
      return false;
    });
    const total = one.address("total");
    const writes: number[] = [];
    one.onMemory([{ start: total, end: total + 4, write: true }], () => writes.push(one.cpu.eip));
    one.call("sum", [one.address("numbers"), 2]);
    expect([...places]).toEqual(["sum", "sum.next"]);
    expect(writes.map((address) => one.place(address).symbol)).toEqual(["sum.next+0x7"]);
  });

  test("runs until a label, again and again", () => {
    const one = computer(`
start:
  mov ecx, 3
.again:
  dec ecx
  jnz .again
  exit
`);
    const seen: number[] = [];
    while (one.run({ until: "start.again" }).reason === "breakpoint") seen.push(one.cpu.ecx);
    expect(seen).toEqual([3, 2, 1]);
    expect(one.stop).toEqual({ reason: "exit" });
    expect(one.machine.breakpoints.size).toBe(0);
  });
});

const SERVER = `
start:
  call_system 75, ebx, 1, ecx, 6
  mov [listener], eax
  call_system 77, ebx, [listener], ecx, address, edx, 16
  call_system 78, ebx, [listener], ecx, 5
.next:
  call_system 80, ebx, [listener], ecx, 0, edx, 0
  mov [client], eax
  call_system 82, ebx, [client], ecx, buffer, edx, 64
  mov edi, eax
  call_system 81, ebx, [client], ecx, buffer, edx, edi
  push [client]
  mov eax, 76
  mov ebx, [client]
  int 0x40
  pop eax
  jmp .next
listener dd 0
client dd 0
address: dw 2
  db 0, 7, 0, 0, 0, 0
  rb 8
buffer: rb 64
`;

const CLIENT = `
start:
  call_system 75, ebx, 1, ecx, 6
  mov [socket], eax
  call_system 79, ebx, [socket], ecx, address, edx, 16
  call_system 81, ebx, [socket], ecx, question, edx, 5
  call_system 82, ebx, [socket], ecx, answer, edx, 64
  exit
socket dd 0
address: dw 2
  db 0, 7, 10, 0, 2, 15
  rb 8
question db 'hello'
answer: rb 64
`;

test("computers on a switch talk, and every system call can be seen", () => {
  const world = new World({ seed: 5 });
  const lan = new Switch({ clock: world.clock });
  const at = (address: string, text: string): Computer => {
    const made = new Computer({ world, interfaces: [{ port: lan.plug(), address }] });
    made.load(program(text));
    return made;
  };
  const server = at("10.0.2.15/24", SERVER);
  const calls: CallRecord[] = [];
  server.onCall((record) => calls.push(record));
  // The server says when it listens by waiting.
  expect(server.run()).toMatchObject({ reason: "blocked", call: "accept" });
  const client = at("10.0.2.16/24", CLIENT);
  expect(client.run()).toEqual({ reason: "exit" });
  expect(new TextDecoder().decode(client.memory.read(client.address("answer"), 5))).toBe("hello");
  expect(calls.map(showCall)).toEqual([
    "75 open socket(SOCK_STREAM, 6) = fd 16",
    "77 bind(fd 16, 0.0.0.0:7) = 0",
    "78 listen(fd 16, 5) = 0",
    "80 accept(fd 16, 0) waits",
    expect.stringMatching(/^80 accept\(fd 16, 0\) = fd 17 after 0\.0000\d\d s$/),
    expect.stringMatching(/^82 receive\(fd 17, 0x[0-9a-f]+, 64\) waits$/),
    expect.stringMatching(/^82 receive\(fd 17, "hello", 64\) = 5 after 0\.0000\d\d s$/),
    '81 send(fd 17, "hello", 5) = 5',
    "76 close socket(fd 17) = 0",
    "80 accept(fd 16, 0) waits",
  ]);
  expect(calls[3]!.place.symbol).toBe("start.next+0x15");
  expect(server.state.calls).toEqual({
    "open socket": 1,
    bind: 1,
    listen: 1,
    accept: 2,
    receive: 1,
    send: 1,
    "close socket": 1,
  });
});

test("what a program has left to be sent is sent after its end", () => {
  const world = new World();
  const lan = new Switch({ clock: world.clock });
  const at = (address: string, text: string): Computer => {
    const made = new Computer({ world, interfaces: [{ port: lan.plug(), address }] });
    made.load(program(text));
    return made;
  };
  // Reads 10,000 bytes a hundredth of a second.
  const slow = SERVER.replace("  mov edi, eax", ".more:\n  mov edi, eax").replace(
    "  call_system 81, ebx, [client], ecx, buffer, edx, edi",
    `  add [.total], edi
  call_system 5, ebx, 1
  call_system 82, ebx, [client], ecx, buffer, edx, 10000
  test eax, eax
  jg start.more
  mov edi, [.total]
  exit
.total dd 0`,
  );
  const server = at("10.0.2.15/24", slow.replace("buffer: rb 64", "buffer: rb 10000"));
  server.run();
  const hasty = CLIENT.replace(
    "  call_system 81, ebx, [socket], ecx, question, edx, 5",
    `  xor edi, edi
.more:
  call_system 81, ebx, [socket], ecx, answer, edx, 60000
  add edi, eax
  cmp edi, 1000000
  jb start.more
  exit`,
  );
  const client = at("10.0.2.16/24", hasty.replace("answer: rb 64", "answer: rb 60000"));
  expect(client.run()).toEqual({ reason: "exit" });
  expect(client.sending).toBe(true);
  expect(server.run()).toEqual({ reason: "exit" });
  expect(client.sending).toBe(false);
  expect(client.cpu.edi).toBeGreaterThanOrEqual(1_000_000);
  expect(server.cpu.edi).toBe(client.cpu.edi);
});

test("a peer that never reads blocks its sender, although TCP goes on asking", () => {
  const world = new World();
  const lan = new Switch({ clock: world.clock });
  const at = (address: string, text: string): Computer => {
    const made = new Computer({ world, interfaces: [{ port: lan.plug(), address }] });
    made.load(program(text));
    return made;
  };
  const deaf = SERVER.replace("mov [client], eax", "jmp .next");
  const server = at("10.0.2.15/24", deaf);
  server.run();
  const talker = CLIENT.replace(
    "  call_system 82, ebx, [socket], ecx, answer, edx, 64",
    ".more:\n  call_system 81, ebx, [socket], ecx, 0, edx, 1000\n  jmp .more",
  );
  const client = at("10.0.2.16/24", talker);
  expect(client.run()).toMatchObject({ reason: "blocked", call: "send", at: { symbol: "start.more+0x15" } });
  expect(server.waiting).toMatchObject([{ call: "accept" }]);
  expect(world.now).toBeGreaterThan(24 * 3600 * 1_000_000);
});

test("time is advanced by hand", () => {
  const world = new World();
  const one = new Computer({ world });
  one.load(
    program(`
start:
  call_system 5, ebx, 100  ; a second
  inc [rounds]
  jmp start
rounds dd 0
`),
  );
  const rounds = (): number | undefined => one.memory.u32(one.address("rounds"));
  world.advance(999_999);
  expect(rounds()).toBe(0);
  world.advance(2);
  expect(rounds()).toBe(1);
  world.advance(10_000_000);
  expect([rounds(), world.now]).toEqual([11, 11_000_001]);
  expect(one.run({ until: () => rounds() === 20 })).toMatchObject({ reason: "until" });
  expect(world.now).toBeGreaterThanOrEqual(20_000_000);
});
