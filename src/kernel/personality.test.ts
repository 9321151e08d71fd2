import { expect, test } from "vitest";
import { Random } from "../base/index.ts";
import { rawImage } from "../image/index.ts";
import { cable, Nic, Stack } from "../net/index.ts";
import { type AnswerKind, call, type Personality } from "./call.ts";
import { Kernel } from "./kernel.ts";
import { choice, number, option, sockaddr, socket } from "./kinds.ts";
import { bind, closeSocket, getOption, openSocket } from "./service/socket.ts";
import { delay, seconds } from "./service/time.ts";

/**
 * Sockets as KolibriOS itself numbers them (sysfuncs: function 75): AL selects, the subfunction is in EBX, errors are
 * -1 in EAX and a positive number in EBX. Nothing but a table: the services are those of the guide.
 */
function another(): Personality {
  const answer: AnswerKind = {
    store(value, cpu) {
      cpu.eax = value!;
      cpu.ebx = 0;
    },
    show: String,
  };
  const plain: AnswerKind = { store: (value, cpu) => void (cpu.eax = value!), show: String };
  const none: AnswerKind = { store() {}, show: () => "" };
  const stream = choice("edx", { 1: { name: "SOCK_STREAM", value: "stream" as const } });
  const errors: Partial<Record<string, number>> = { "bad-handle": 11, invalid: 11, "in-use": 20 };
  return {
    name: "another",
    gate: 0x40,
    firstSocket: 1,
    rows: [
      call("26.9", "ticks", [], plain, seconds),
      call("5", "delay", [number("ebx")], none, delay),
      call("75.0", "open", [stream, number("esi")], answer, openSocket),
      call("75.1", "close", [socket("ecx")], answer, closeSocket),
      call("75.2", "bind", [socket("ecx"), sockaddr("edx", "esi")], answer, bind),
      call("75.9", "get option", [socket("ecx"), option("edx", {})], answer, getOption),
    ],
    number: (cpu) => cpu.eax & 0xff,
    subfunction: (_, cpu) => cpu.ebx,
    refuse(reason, cpu) {
      cpu.eax = -1;
      cpu.ebx = errors[reason] ?? 4;
    },
    showRefusal: (reason) => `-1 ${errors[reason] ?? 4} (${reason})`,
    unknown(cpu) {
      cpu.eax = -1;
    },
  };
}

test("another system is another table over the same services", () => {
  const stack = new Stack({
    nics: [new Nic({ port: cable()[0], mac: 0x5254_0000_0001 })],
    random: new Random(1),
  });
  const kernel = new Kernel({ personality: another(), stack, memoryBytes: 1 << 20 });
  const process = kernel.spawn(rawImage(Uint8Array.of(0xcd, 0x40)));
  if ("error" in process) throw new Error(process.error);
  const { cpu, memory } = process;
  const ask = (set: Record<string, number>): [number, number] => {
    Object.assign(cpu, { eip: 0, ...set });
    kernel.run(0, 1);
    return [cpu.eax | 0, cpu.ebx];
  };
  memory.write(0x1000, Uint8Array.of(2, 0, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
  const open = { eax: 0xabcd_004b, ebx: 0, edx: 1, esi: 0 };
  expect(ask(open)).toEqual([1, 0]);
  expect(ask(open)).toEqual([2, 0]);
  const bound = { eax: 75, ebx: 2, edx: 0x1000, esi: 16 };
  expect(ask({ ...bound, ecx: 1 })).toEqual([0, 0]);
  expect(ask({ ...bound, ecx: 2 })).toEqual([-1, 20]);
  expect(ask({ ...bound, ecx: 3 })).toEqual([-1, 11]);
  expect(ask({ eax: 75, ebx: 1, ecx: 1 })).toEqual([0, 0]);
  expect(ask({ eax: 75, ebx: 99 })).toEqual([-1, 99]);
  expect(ask({ eax: 26, ebx: 9 })).toEqual([0, 9]);
});
