import { expect, test } from "vitest";
import { type Given, position } from "./position.ts";
import { guideImage } from "./programs.ts";

/** The seven routines that the guide calls and does not print. Those of the server are used in http.test.ts. */

const stage = (given: Given = {}) => position(guideImage(), given).computer;

const REGISTERS = { ebx: 0xb, ecx: 0xc, edx: 0xd, esi: 0x51, edi: 0xd1, ebp: 0xb9 };

test("sleep_ms keeps what does not fill a hundredth of a second for the next call", () => {
  const computer = stage();
  const delays: number[] = [];
  computer.onInstruction((at) => {
    const { cpu, memory } = computer;
    if (memory.u8(at) === 0xcd && memory.u8(at + 1) === 0x40 && cpu.eax === 5) delays.push(cpu.ebx);
    return false;
  });
  for (const milliseconds of [...Array<number>(20).fill(1), 10, 7, 1000, 3, 0]) {
    expect(computer.call("sleep_ms", [milliseconds]).stop).toEqual({ reason: "returned" });
  }
  const tenth = [...Array<number>(9).fill(0), 1];
  expect(delays).toEqual([...tenth, ...tenth, 1, 0, 100, 1, 0]);
});

test("sleep_ms with the longest time there is asks for just that", () => {
  const computer = stage();
  computer.call("sleep_ms", [9]);
  computer.call("sleep_ms", [0xffff_ffff], { timeout: 1000 });
  expect(computer.kernel.parked.map(({ parked }) => parked.row.name)).toEqual(["delay"]);
  expect(computer.cpu.ebx).toBe(Math.floor((0xffff_ffff + 9) / 10));
});

test("sleep_ms takes its parameter off the stack and keeps every register", () => {
  const computer = stage();
  const { stackBalance } = computer.call("sleep_ms", [25], { registers: { eax: 0xa, ...REGISTERS } });
  const { eax, ebx, ecx, edx, esi, edi, ebp } = computer.cpu;
  expect({ stackBalance, eax, ebx, ecx, edx, esi, edi, ebp }).toEqual({
    stackBalance: 4,
    eax: 0xa,
    ...REGISTERS,
  });
});

test("set_socket_reuse_addr sets and clears the option of its socket", () => {
  const { computer, blocks } = position(guideImage(), { sockets: ["open"], blocks: [4096] });
  const [info] = blocks as [number];
  computer.memory.set32(info + computer.address("socket_info.socket_fd"), 16);
  const { options } = computer.process.sockets.get(16)!.socket;
  for (const flag of [1, 0]) {
    const { eax, stackBalance } = computer.call("set_socket_reuse_addr", [info, flag], { order: "pascal" });
    expect([eax, stackBalance, options.reuseAddress]).toEqual([0, 8, flag === 1]);
  }
});

test("allocate_client_buffers gives back what it got when there is not enough", () => {
  const { computer, blocks } = position(guideImage(), { heap: false, blocks: [] }, { memoryBytes: 2 ** 16 });
  expect(blocks).toEqual([]);
  const { heap } = computer.process;
  const client = computer.address("program_memory_end") - 2048;
  const last = 2 ** 16 - 4096;
  expect(heap.free(last)).toBe(true); // room for one buffer of the two
  computer.memory.set32(computer.address("tcp_server_config.buffer_size"), 4096);
  const { used } = heap;
  const { eax, stackBalance } = computer.call("allocate_client_buffers", [client]);
  const field = (name: string) =>
    computer.memory.u32(client + computer.address(`client_connection.socket_info.${name}`));
  expect({
    eax,
    stackBalance,
    used: heap.used,
    sizes: [field("send_buf_size"), field("recv_buf_size")],
  }).toEqual({
    eax: 0,
    stackBalance: 4,
    used,
    sizes: [0, 0],
  });
});
