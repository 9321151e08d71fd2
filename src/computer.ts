import { FOREVER, type Micros, Random } from "./base/index.ts";
import { type Image, imageFrom } from "./image/index.ts";
import {
  type CallObserver,
  guide,
  Kernel,
  type KernelOptions,
  type KernelStop,
  type Personality,
  type Place,
  type Process,
  placeOf,
  showPlace,
  type Thread,
} from "./kernel/index.ts";
import type {
  Access,
  CpuModel,
  CpuName,
  FaultName,
  InstructionHook,
  LoadOptions,
  Machine,
  MachineOptions,
  Memory,
  MemoryHook,
  Registers,
  UndefinedFamily,
  WatchedRange,
} from "./machine/index.ts";
import {
  macFor,
  Nic,
  type Port,
  parseAddress,
  parseAddress6,
  parseMac,
  parseNetwork,
  parseNetwork6,
  Stack,
  type TcpSettings,
} from "./net/index.ts";
import { ReturnWatch } from "./returns.ts";
import { type Moving, World, type WorldEnd } from "./world.ts";

/** A network card of a computer and its addresses, as text. */
export interface InterfaceOptions {
  /** What the card is plugged into: a switch's port, an end of a cable, or a wrapper around either. */
  port: Port;
  /** `10.0.2.15/24`. None: the program configures it. */
  address?: string;
  /** `10.0.2.2` */
  gateway?: string;
  /**
   * `fd00::15/64`: IPv6 runs on the card, with these addresses and a link-local one, which can be used at once: nobody
   * is asked whether they are free. What routers advertise is used too, with no gateway given. None: no IPv6.
   */
  addresses6?: readonly string[];
  /** `fd00::2` */
  gateway6?: string;
  /** `52:54:00:00:02:0f`. Default: made of the address. */
  mac?: string;
  /** Bytes. Default 1500. */
  mtu?: number;
  /** Default `eth0`, `eth1` … */
  name?: string;
  /** Segmentation offload: see `NicOptions`. Default false. */
  offload?: boolean;
}

/**
 * A network on which nothing happens before a computer uses it. It is made then, as it would be by now if it had been
 * there from the beginning: a program that opens no socket does without.
 */
export interface QuietNetwork {
  /** Makes it. */
  interfaces(): readonly InterfaceOptions[];
  /** A turn of all that is on it, apart from the computer. */
  poll(now: Micros): boolean;
}

export interface ComputerOptions {
  /** Where it lives; without one, a world of its own in virtual time. */
  world?: World;
  interfaces?: readonly InterfaceOptions[] | QuietNetwork;
  /** Default: the guide's. */
  personality?: Personality;
  /** Bytes of address space for a program. Default: the machine's. */
  memoryBytes?: number;
  /** Which processor it has: a model of `cpuModels` by its name, or one of your own. Default "zen4", which has everything. */
  cpu?: CpuName | CpuModel;
  /** Whose habits it has where the manual leaves flags undefined. Default: those of `cpu`, Zen 4's for "zen4". */
  undefinedFlags?: UndefinedFamily;
  /** What executes its instructions. Default: the machine's. */
  engine?: MachineOptions["engine"];
  /** Instructions that take a microsecond of virtual time. Default 100. */
  instructionsPerMicro?: number;
  /** Seconds since 1970 that its clock shows at the start, local time. Default 0. */
  startOfClock?: number;
  /** What differs from the usual settings of its TCP. */
  tcp?: Partial<TcpSettings>;
  /** Sockets a program may have open at once. Default 4096. */
  maxSockets?: number;
}

export interface Limits {
  /** Instructions this computer may still execute. Default: no limit. */
  maxInstructions?: number;
  /** Span on the world's clock, in µs. Default: no limit. */
  timeout?: Micros;
  /**
   * Where to stop before all that: before the instruction at an address or symbol (as a breakpoint there does), or
   * when a function answers true, which is asked whenever the world has moved a step.
   */
  until?: string | number | (() => boolean);
}

/** Why a computer is not running, with the place in the program. */
export type Stop =
  /** The program has ended itself. */
  | { readonly reason: "exit" }
  /** An exception of the processor; the registers are those before the instruction at `at`. */
  | {
      readonly reason: "fault";
      readonly fault: FaultName;
      readonly code: number;
      /** #PF: what could not be accessed. */
      readonly address?: number;
      readonly access?: Access;
      readonly at: Place;
    }
  /** All threads wait for what can never come. `call` and `at` are those of the first; `threads` has all. */
  | {
      readonly reason: "blocked";
      readonly call: string;
      readonly at: Place;
      readonly threads: readonly WaitingThread[];
    }
  | { readonly reason: "limit"; readonly limit: "instructions" | "time"; readonly at: Place }
  | { readonly reason: "breakpoint"; readonly at: Place }
  /** What the run was to wait for has come. */
  | { readonly reason: "until"; readonly at: Place }
  /** A single-step, int3 or into exception: reported behind its instruction. */
  | { readonly reason: "trap"; readonly trap: string; readonly at: Place }
  /** A hook asked for it. */
  | { readonly reason: "hook"; readonly at: Place }
  /** An instruction that this machine does not execute yet. */
  | { readonly reason: "unsupported"; readonly instruction: string; readonly at: Place }
  /** Asked for from outside: the signal, or `World.stop`. */
  | { readonly reason: "stopped"; readonly at: Place }
  /** `call` only: the routine came back to its caller. */
  | { readonly reason: "returned" }
  /** `call` only: a RET at `from` went to `at`, where no call had come from; `expected` had been right. */
  | { readonly reason: "astray"; readonly from: Place; readonly at: Place; readonly expected: number };

/** A thread in a system call that has not been answered yet. */
export interface WaitingThread {
  readonly thread: number;
  readonly call: string;
  readonly at: Place;
}

export interface CallOptions extends Limits {
  /**
   * How arguments are pushed. "c": the last one first, so that the first is at [ESP+4] at the routine's entry
   * (cdecl and stdcall). "pascal": the first one first, as the guide's call sites do. Default "c".
   */
  order?: "c" | "pascal";
  /** Registers at the entry; the others are 0. */
  registers?: Partial<Record<"eax" | "ebx" | "ecx" | "edx" | "esi" | "edi" | "ebp", number>>;
  /**
   * What to do when a RET goes where no call came from. "stop" (default) ends the call as "astray"; every
   * CALL and RET is looked at for that. "follow" runs on, at full speed.
   */
  astray?: "stop" | "follow";
}

export interface CallResult {
  readonly stop: Stop;
  /** Unsigned. */
  readonly eax: number;
  /** Bytes that ESP is above where a plain `ret` leaves it: 0, or 4 for each argument the routine removed. */
  readonly stackBalance: number;
  readonly instructions: number;
}

/** A computer at rest, as JSON can hold it. Numbers are unsigned. */
export interface State {
  readonly stop: Stop | undefined;
  readonly registers: Readonly<Record<RegisterName, number>>;
  readonly instructions: number;
  /** System calls made, by name. */
  readonly calls: Readonly<Record<string, number>>;
}

export type RegisterName = "eax" | "ebx" | "ecx" | "edx" | "esi" | "edi" | "ebp" | "esp" | "eip" | "eflags";

/** Where a called routine returns to: nothing can be mapped there. */
const RETURN = 0xffff_f000;
/** Bytes of the debug board that are kept, as in KolibriOS. */
const BOARD = 65536;

/** A machine with a kernel and a network stack: what a program runs on. */
export class Computer {
  readonly world: World;
  readonly kernel: Kernel;
  readonly #perMicro: number;
  readonly #makeStack: () => Stack;
  #stack: Stack | undefined;
  /** Tells the world that there is something to do. */
  #ready: () => void = () => {};
  #process: Process | undefined;
  /** The beginning of the present step. */
  #now: Micros = 0;
  #limit = FOREVER;
  /** How its last run ended, until it moves again in another's. */
  #ended: Stop | undefined;
  #board = "";
  #onBoard: ((byte: number) => void) | undefined;
  /** Called when it has come to a stop by itself: `stop` tells why. */
  onStop: (() => void) | undefined;

  constructor(options: ComputerOptions = {}) {
    this.world = options.world ?? new World();
    this.#perMicro = options.instructionsPerMicro ?? 100;
    const { interfaces = [], tcp } = options;
    if ("poll" in interfaces) {
      this.#makeStack = () => this.#joined(interfaces, tcp);
    } else {
      const random = new Random(this.world.random.u32());
      this.#makeStack = () => stackOf(interfaces, random, tcp);
      if (interfaces.length > 0) this.#stack = this.#makeStack();
    }
    const stack = (): Stack => this.stack;
    const kernel: KernelOptions = {
      personality: options.personality ?? guide(),
      get stack() {
        return stack();
      },
      start: this.world.now,
      instructionsPerMicro: this.#perMicro,
      memoryBytes: options.memoryBytes,
      model: options.cpu,
      undefinedFlags: options.undefinedFlags,
      engine: options.engine,
      debugBoard: (byte) => this.#toBoard(byte),
      ...(options.startOfClock !== undefined && { startOfClock: options.startOfClock }),
      ...(options.maxSockets !== undefined && { maxSockets: options.maxSockets }),
    };
    this.kernel = new Kernel(kernel);
    this.world.add(this.#moving);
  }

  /** Loads a program: an image, or a file's bytes with an application header. Throws when it cannot be loaded. */
  load(program: Image | Uint8Array, options: LoadOptions = {}): void {
    if (this.#process) throw new Error("this computer has a program already");
    const image = ArrayBuffer.isView(program) ? imageFrom(program) : program;
    if ("error" in image) throw new Error(image.error);
    const process = this.kernel.spawn(image, options);
    if ("error" in process) throw new Error(process.error);
    this.#process = process;
    this.#ready(); // the world may be under way
  }

  /**
   * Runs the whole world until this computer stops, in virtual time. A computer that stopped for a limit, a
   * breakpoint or a block goes on where it was.
   */
  run(limits: Limits = {}): Stop {
    const { until, finish } = this.#begin(limits);
    return finish(this.world.run({ until, timeout: limits.timeout ?? FOREVER }));
  }

  /** The same, giving the host its turn: for real time, or to be stopped by a signal. */
  async go(limits: Limits & { signal?: AbortSignal } = {}): Promise<Stop> {
    const { until, finish } = this.#begin(limits);
    const { timeout = FOREVER, signal } = limits;
    return finish(await this.world.go({ until, timeout, ...(signal && { signal }) }));
  }

  /**
   * Calls one routine with fresh registers on the program's stack and runs until it is back. What earlier calls
   * left in memory stays. Throws when there is no such routine or no stack.
   */
  call(routine: string | number, args: readonly number[] = [], options: CallOptions = {}): CallResult {
    const finish = this.#beginCall(routine, args, options);
    try {
      return finish(this.run(options));
    } finally {
      this.#watch(undefined);
    }
  }

  /** The same, giving the host its turn: to be stopped by a signal. */
  async goCall(
    routine: string | number,
    args: readonly number[] = [],
    options: CallOptions & { signal?: AbortSignal } = {},
  ): Promise<CallResult> {
    const finish = this.#beginCall(routine, args, options);
    try {
      return finish(await this.go(options));
    } finally {
      this.#watch(undefined);
    }
  }

  /** Why it does not run; undefined while it could. */
  get stop(): Stop | undefined {
    if (this.#ended) return this.#ended;
    const { stop, instructions } = this.kernel;
    if (stop) return this.#stopOf(stop);
    if (instructions >= this.#limit) return { reason: "limit", limit: "instructions", at: this.#here };
    return undefined;
  }

  /** Everything about the computer as it stands, for `--state` and tests. */
  get state(): State {
    const { eax, ebx, ecx, edx, esi, edi, ebp, esp, eip, eflags } = this.cpu;
    return {
      stop: this.stop,
      registers: { eax, ebx, ecx, edx, esi, edi, ebp, esp, eip, eflags },
      instructions: this.instructions,
      calls: this.kernel.counts,
    };
  }

  /** Its TCP/IP stack, made when it is first wanted. */
  get stack(): Stack {
    if (this.#stack === undefined) {
      this.#stack = this.#makeStack();
      this.#stack.callWhenReady(this.#ready);
    }
    return this.#stack;
  }

  get process(): Process {
    if (!this.#process) throw new Error("this computer has no program: load one first");
    return this.#process;
  }

  get machine(): Machine {
    return this.process.machine;
  }

  get cpu(): Registers {
    return this.process.cpu;
  }

  get memory(): Memory {
    return this.process.memory;
  }

  get instructions(): number {
    return this.kernel.instructions;
  }

  /**
   * Connections that the program has closed still have something to send, or an end to be acknowledged. The network
   * goes on with that after the program has ended, for as long as the world is run.
   */
  get sending(): boolean {
    return this.#stack?.closing ?? false;
  }

  /** The value of a symbol of the program. Throws when it has none of that name. */
  address(symbol: string): number {
    const value = this.process.image.symbols?.value(symbol);
    if (value === undefined) throw new Error(`the program has no symbol ${JSON.stringify(symbol)}`);
    return value;
  }

  /** What an address is in the program's own words. */
  place(address: number): Place {
    return placeOf(this.process.image, address);
  }

  /** The last 64 KiB written to the debug board, a character a byte. */
  get debugBoard(): string {
    return this.#board;
  }

  onDebugBoard(told: ((byte: number) => void) | undefined): void {
    this.#onBoard = told;
  }

  /** Called with its address before every instruction; answering true stops the computer. Undefined takes it away. */
  onInstruction(hook: InstructionHook | undefined): void {
    this.machine.onInstruction(hook);
  }

  /** Called when the program reads or writes in one of the ranges. */
  onMemory(ranges: readonly WatchedRange[], hook: MemoryHook | undefined): void {
    this.machine.onMemory(ranges, hook);
  }

  /** Called about every system call. */
  onCall(observer: CallObserver | undefined): void {
    this.kernel.onCall(observer);
  }

  /** Another observer of every system call, beside that of `onCall`. What is answered takes it away. */
  watchCalls(observer: CallObserver): () => void {
    return this.kernel.watchCalls(observer);
  }

  /** The threads that wait, each with its call and where it was made. */
  get waiting(): readonly WaitingThread[] {
    return this.kernel.parked.map(({ id, parked: { row, address } }) => ({
      thread: id,
      call: row.name,
      at: this.place(address),
    }));
  }

  get #mainThread(): Thread {
    return this.process.threads[0]!;
  }

  get #here(): Place {
    return this.place(this.cpu.eip);
  }

  readonly #moving: Moving = {
    poll: (now) => {
      const moved = this.#stack?.poll(now) ?? false;
      if (!this.kernel.poll(now)) return moved;
      this.#ended = undefined;
      return true;
    },
    deadline: () => Math.min(this.#stack?.deadline() ?? FOREVER, this.kernel.deadline()),
    wakes: () => this.kernel.deadline(),
    run: (now, until) => {
      const { kernel } = this;
      if (!kernel.runnable) return now;
      const budget = Math.min((until - now) * this.#perMicro, this.#limit - kernel.instructions);
      if (budget <= 0) return now;
      this.#ended = undefined;
      this.#now = now;
      this.#stack?.at(now); // calls of sockets come from here
      const reached = now + Math.ceil(kernel.run(now, budget) / this.#perMicro);
      if (kernel.stop !== undefined) this.onStop?.();
      return reached;
    },
    callWhenReady: (ready) => {
      this.#ready = ready;
      return this.#stack?.callWhenReady(ready) ?? true;
    },
  };

  /** The stack on a quiet network, which has had all the turns that it would have had since this computer was made. */
  #joined(network: QuietNetwork, tcp: Partial<TcpSettings> | undefined): Stack {
    const interfaces = network.interfaces();
    const stack = stackOf(interfaces, new Random(this.world.random.u32()), tcp);
    const begun = this.kernel.start;
    for (let moved = true; moved; ) {
      moved = network.poll(begun);
      if (stack.poll(begun)) moved = true;
    }
    stack.at(this.#now);
    return stack;
  }

  /** Makes everything ready for a call; what is answered turns the stop of the run into the call's result. */
  #beginCall(
    routine: string | number,
    args: readonly number[],
    { registers, order, astray }: CallOptions,
  ): (stop: Stop) => CallResult {
    const { machine, image } = this.process;
    const { cpu } = machine;
    const address = typeof routine === "number" ? routine : this.address(routine);
    this.kernel.restart(this.#mainThread);
    machine.reset();
    for (const [name, value] of Object.entries(registers ?? {})) cpu[name as "eax"] = value;
    cpu.eip = address;
    cpu.esp = image.stackTop;
    const pushed = order === "pascal" ? args : args.toReversed();
    for (const value of [...pushed, RETURN]) {
      cpu.esp -= 4;
      if (!machine.memory.set32(cpu.esp, value)) {
        throw new Error(`no stack to call ${routine} on: 0x${cpu.esp.toString(16)} is not mapped`);
      }
    }
    const entry = cpu.esp;
    const before = machine.instructions;
    const watch = astray === "follow" ? undefined : new ReturnWatch(machine, RETURN);
    this.#watch(watch);
    return (ended) => {
      const stop = this.#callStop(ended, watch);
      this.#ended = stop;
      const { eax, esp } = cpu;
      return { stop, eax, stackBalance: esp - (entry + 4), instructions: machine.instructions - before };
    };
  }

  /** Makes everything ready for a run: when it is over, and what its end means. */
  #begin({ maxInstructions = FOREVER, until }: Limits): {
    until: () => boolean;
    finish: (end: WorldEnd) => Stop;
  } {
    if (!this.#process) throw new Error("this computer has no program to run: load one first");
    if (!(maxInstructions >= 0)) throw new RangeError(`a limit of ${maxInstructions} instructions`);
    const { breakpoints } = this.machine;
    const address = typeof until === "string" ? this.address(until) : until;
    const passing = typeof address === "number" && !breakpoints.has(address);
    if (passing) breakpoints.add(address);
    this.#ended = undefined;
    this.#limit = this.instructions + maxInstructions;
    this.kernel.resume();
    return {
      until: () => this.stop !== undefined || (typeof until === "function" && until()),
      finish: (end) => {
        const stop = end === "done" ? (this.stop ?? { reason: "until", at: this.#here }) : this.#stopAt(end);
        if (passing) breakpoints.delete(address);
        this.#limit = FOREVER; // it was this run's
        this.#ended = stop;
        return stop;
      },
    };
  }

  #stopAt(end: Exclude<WorldEnd, "done">): Stop {
    if (end === "stopped") return { reason: "stopped", at: this.#here };
    if (end === "time") return { reason: "limit", limit: "time", at: this.#here };
    const threads = this.waiting;
    const { call, at } = threads[0]!;
    return { reason: "blocked", call, at, threads };
  }

  #stopOf(kernelStop: KernelStop): Stop {
    if (kernelStop.reason === "exit") return { reason: "exit" };
    const { stop, thread } = kernelStop;
    const at = placeOf(thread.process.image, thread.process.cpu.eip);
    switch (stop.reason) {
      case "breakpoint":
        return { reason: "breakpoint", at };
      case "fault":
      case "trap":
      case "hook":
      case "unsupported":
        return { ...stop, at };
      case "interrupt":
      case "budget":
        throw new Error(`the kernel cannot stop for ${stop.reason}: it answers those itself`);
    }
  }

  /** What a stop means to a call: it may be the routine's return. */
  #callStop(stop: Stop, watch: ReturnWatch | undefined): Stop {
    if (this.cpu.eip === RETURN && (stop.reason === "hook" || stop.reason === "fault"))
      return { reason: "returned" };
    const found = stop.reason === "hook" ? watch?.astray : undefined;
    if (!found) return stop;
    const { from, to, expected } = found;
    return { reason: "astray", from: this.place(from), at: this.place(to), expected };
  }

  #watch(watch: ReturnWatch | undefined): void {
    this.machine.onTransfer(watch && ((kind, from, esp) => watch.told(kind, from, esp)));
  }

  #toBoard(byte: number): void {
    this.#board += String.fromCharCode(byte);
    if (this.#board.length > 2 * BOARD) this.#board = this.#board.slice(-BOARD);
    this.#onBoard?.(byte);
  }
}

/** What exceptions come of where no address tells it. SDM vol. 3A, 6.15. */
const CAUSES: Readonly<Record<string, string>> = {
  "#DE": "division by zero or a quotient that does not fit",
  "#DB": "single step or hardware breakpoint",
  "#BP": "int3",
  "#OF": "into with OF set",
  "#BR": "index out of bounds",
  "#UD": "undefined instruction",
  "#SS": "outside the stack's segment",
  "#MF": "x87 exception that is not masked",
  "#XM": "SSE exception that is not masked",
};

function causeOf({ fault, code, address, access }: Extract<Stop, { reason: "fault" }>): string {
  if (address !== undefined) return `${access} of 0x${address.toString(16)}`;
  return CAUSES[fault] ?? causeOfProtection(code);
}

/** By the error code, which names a vector or a selector. SDM vol. 3A, 6.13. */
function causeOfProtection(code: number): string {
  const what = `0x${(code >>> 3).toString(16)}`;
  if (code & 2) return `int ${what} is no system call`;
  return code === 0
    ? "privileged, unaligned, overlong or outside a segment"
    : `selector 0x${code.toString(16)}`;
}

/** A stop in one line: `fault #PF: write of 0x0 at 0x31 <main+0xd> server.asm:12`. */
export function describeStop(stop: Stop): string {
  switch (stop.reason) {
    case "exit":
      return "the program ended itself";
    case "returned":
      return "returned";
    case "fault":
      return `fault ${stop.fault}: ${causeOf(stop)} at ${showPlace(stop.at)}`;
    case "blocked":
      return `blocked: ${stop.call} waits for what can never come, at ${showPlace(stop.at)}`;
    case "limit":
      return `limit of ${stop.limit} reached at ${showPlace(stop.at)}`;
    case "trap":
      return `trap ${stop.trap}: ${CAUSES[stop.trap]} before ${showPlace(stop.at)}`;
    case "unsupported":
      return `${stop.instruction} is not supported, at ${showPlace(stop.at)}`;
    case "astray": {
      const { from, at, expected } = stop;
      return `returned astray: ret at ${showPlace(from)} went to ${showPlace(at)} instead of 0x${expected.toString(16)}`;
    }
    default:
      return `${stop.reason} at ${showPlace(stop.at)}`;
  }
}

function stackOf(
  interfaces: readonly InterfaceOptions[],
  random: Random,
  tcp: Partial<TcpSettings> | undefined,
): Stack {
  const nics = interfaces.map((each, index) => makeNic(each, index, random));
  const stack = new Stack({ nics, random, ...(tcp && { tcp }) });
  for (const [index, each] of interfaces.entries()) configure(stack, index, each);
  return stack;
}

function makeNic(
  { port, address, mac, mtu, name, offload = false }: InterfaceOptions,
  index: number,
  random: Random,
): Nic {
  const number = mac === undefined ? inventedMac(address, random) : parseMac(mac);
  if (number === undefined) throw new RangeError(`${JSON.stringify(mac)} is not a MAC address`);
  return new Nic({
    port,
    mac: number,
    name: name ?? `eth${index}`,
    offload,
    ...(mtu !== undefined && { mtu }),
  });
}

function inventedMac(address: string | undefined, random: Random): number {
  const network = address === undefined ? undefined : parseNetwork(address);
  return macFor(network ? network.address : random.below(2 ** 24));
}

function configure(
  stack: Stack,
  index: number,
  { address, gateway, addresses6, gateway6 }: InterfaceOptions,
): void {
  if (address !== undefined) {
    const network = parseNetwork(address);
    if (!network) throw new RangeError(`${JSON.stringify(address)} is not an address such as 10.0.2.15/24`);
    stack.configure(index, network);
  }
  if (gateway !== undefined) {
    const parsed = parseAddress(gateway);
    if (parsed === undefined) throw new RangeError(`${JSON.stringify(gateway)} is not an IPv4 address`);
    stack.configure(index, { gateway: parsed });
  }
  if (addresses6 === undefined) return;
  const addresses = addresses6.map((text) => {
    const network = parseNetwork6(text);
    if (!network) throw new RangeError(`${JSON.stringify(text)} is not an address such as fd00::15/64`);
    return network;
  });
  const router = gateway6 === undefined ? undefined : parseAddress6(gateway6);
  if (gateway6 !== undefined && router === undefined)
    throw new RangeError(`${JSON.stringify(gateway6)} is not an IPv6 address`);
  stack.configure6(index, {
    addresses,
    duplicateDetection: 0,
    autoconfigure: router === undefined,
    ...(router !== undefined && { gateway: router }),
  });
}
