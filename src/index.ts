/**
 * kolibri-emu as a library: assemble a KolibriOS program, put it into a computer, plug the computer into a network,
 * run it, and look at everything that happens. It runs in a browser as it is; what needs Node (files, the host's
 * sockets) is in `kolibri-emu/node`.
 *
 * Values go in and values come out: nothing starts by importing, nothing reads a clock unless it is handed one, and
 * the same seed gives the same run, instruction for instruction.
 *
 * ```ts
 * import { assemble, Computer, describeStop, memoryFiles, showCall, Switch, World } from "kolibri-emu";
 *
 * const files = memoryFiles({
 *   "server.asm": `
 *     use32
 *     org 0
 *     db 'MENUET01'
 *     dd 1, start, image_end, memory_end, memory_end, 0, 0
 *   start:
 *     mov eax, 75            ; open a socket:
 *     mov ebx, 1             ; a stream,
 *     mov ecx, 6             ; TCP
 *     int 0x40
 *     mov ebx, eax
 *     mov eax, 77            ; bind it
 *     mov ecx, address
 *     mov edx, 16
 *     int 0x40
 *     mov eax, 78            ; listen
 *     mov ecx, 5
 *     int 0x40
 *     mov eax, 80            ; accept: waits for somebody
 *     xor ecx, ecx
 *     int 0x40
 *     mov eax, -1            ; the end
 *     int 0x40
 *   address:
 *     dw 2
 *     db 0, 80, 0, 0, 0, 0
 *     rb 8
 *   image_end:
 *     rb 1024
 *   memory_end:
 *   `,
 * });
 * const { image, diagnostics } = assemble("server.asm", { files });
 * if (!image) throw new Error(diagnostics.map(({ text }) => text).join("\n"));
 *
 * const world = new World({ seed: 1 });
 * const lan = new Switch({ clock: world.clock });
 * const computer = new Computer({ world, interfaces: [{ port: lan.plug(), address: "10.0.2.15/24" }] });
 * computer.load(image);
 * computer.onCall((record) => console.log(showCall(record)));
 *
 * console.log(describeStop(computer.run()));
 * console.log(`${computer.instructions} instructions, EAX = ${computer.cpu.eax}`);
 * ```
 *
 * It prints:
 *
 * ```text
 * 75 open socket(SOCK_STREAM, 6) = fd 16
 * 77 bind(fd 16, 0.0.0.0:80) = 0
 * 78 listen(fd 16, 5) = 0
 * 80 accept(fd 16, 0) waits
 * blocked: accept waits for what can never come, at 0x5b <start+0x37> server.asm:21
 * 15 instructions, EAX = 80
 * ```
 *
 * Many machines, routers and services from one description, and what must happen with them: `Lab`.
 *
 * Read next: `Computer` (run, call one routine, hooks, state), `World` (time), `Switch` and the other links,
 * `Gateway` (the way to an outside).
 */
export {
  type Assembled,
  AssemblySession,
  assemble,
  type Correction,
  corrected,
  type Diagnostic,
  explanation,
  type Files,
  fasmText,
  memoryFiles,
} from "./assembler/index.ts";
export { type Clock, FOREVER, ManualClock, type Micros, MS, Random, SECOND } from "./base/index.ts";
export {
  type CallOptions,
  type CallResult,
  Computer,
  type ComputerOptions,
  describeStop,
  type InterfaceOptions,
  type Limits,
  type RegisterName,
  type State,
  type Stop,
  type WaitingThread,
} from "./computer.ts";
export { disassemble } from "./debug/index.ts";
export { type Image, imageFrom, LineMap, type RawOptions, rawImage, Symbols } from "./image/index.ts";
export {
  type CallRecord,
  type GuideOptions,
  guide,
  type Personality,
  type Place,
  showCall,
  showCallLine,
  showPlace,
} from "./kernel/index.ts";
export {
  describeLab,
  Lab,
  type LabDescription,
  LabError,
  type LabOptions,
  type LabResult,
  type Verdict,
  written,
} from "./lab/index.ts";
export type {
  Access,
  CpuModel,
  CpuName,
  FaultName,
  InstructionHook,
  Machine,
  Memory,
  MemoryHook,
  Registers,
  UndefinedFamily,
} from "./machine/index.ts";
export {
  ANY6,
  cable,
  capture,
  FaultyLink,
  type FaultyLinkOptions,
  Gateway,
  type GatewayOptions,
  MemoryOutside,
  type MemoryOutsideOptions,
  match,
  Nic,
  NoOutside,
  type Outside,
  PcapWriter,
  type Port,
  parseAddress,
  parseIpAddress,
  parseNetwork,
  parseNetwork6,
  parsePublication,
  Router,
  type RouterOptions,
  type Socket,
  Stack,
  Switch,
  showAddress,
  showIpAddress,
  TcpState,
  tap,
} from "./net/index.ts";
export { hostClock, type Moving, World, type WorldEnd, type WorldOptions } from "./world.ts";
