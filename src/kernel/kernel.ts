import { FOREVER, type Micros } from "../base/index.ts";
import type { Image } from "../image/index.ts";
import {
  type LoadOptions,
  loadImage,
  Machine,
  type MachineOptions,
  type Stop as MachineStop,
} from "../machine/index.ts";
import type { Socket, Stack } from "../net/index.ts";
import { type Asking, type Outcome, type Personality, type Row, type Services, Table } from "./call.ts";
import { Heap } from "./heap.ts";
import { placeOf } from "./place.ts";
import { type ParkedCall, Process, SocketFile, type Thread, type Wait } from "./process.ts";
import { type Reason, Refusal } from "./reasons.ts";
import type { CallObserver } from "./trace.ts";

export interface KernelOptions {
  personality: Personality;
  /** The network of this computer, looked at when a program uses it; without one, sockets cannot be opened. */
  readonly stack?: Stack | undefined;
  /** The moment its clock begins. Default 0. */
  start?: Micros;
  /** Seconds since 1970 that the clock shows then, as local time. Default 0. */
  startOfClock?: number;
  /** How many instructions take one microsecond. Default 100. */
  instructionsPerMicro?: number;
  /** Instructions after which another runnable thread has its turn. Default 1,000,000: 10 ms, as in KolibriOS. */
  timeSlice?: number;
  /** Sockets a process may have open at once. Default 4096. */
  maxSockets?: number;
  /** Bytes of address space of each process; the machine's own default unless given. */
  memoryBytes?: number | undefined;
  /** What executes the instructions of each process; the machine's own default unless given. */
  engine?: MachineOptions["engine"] | undefined;
  /** Which processor it has; the machine's own default unless given. */
  model?: MachineOptions["model"] | undefined;
  /** Whose habits it has where manuals leave flags undefined. Default: the model's. */
  undefinedFlags?: MachineOptions["undefinedFlags"] | undefined;
  /** Gets each byte written to the debug board. */
  debugBoard?: (byte: number, thread: Thread) => void;
}

/** Why the kernel cannot go on by itself. */
export type KernelStop =
  /** Every thread has ended. */
  | { readonly reason: "exit" }
  /** A thread's machine stopped for something that is no system call. */
  | { readonly reason: "machine"; readonly thread: Thread; readonly stop: MachineStop };

/**
 * Answers the system calls of its processes and shares the processor among their threads. It owns no clock: `run`
 * is told when it begins and how many instructions it may spend, and the moment of a call follows from how many were.
 */
export class Kernel implements Services {
  readonly start: Micros;
  readonly startOfClock: number;
  readonly personality: Personality;
  readonly processes: Process[] = [];
  readonly #table: Table;
  readonly #options: KernelOptions;
  readonly #perMicro: number;
  readonly #timeSlice: number;
  /** Calls of functions that do not exist, by what the trace calls them. */
  readonly #unknownCounts = new Map<string, number>();
  readonly #threads: Thread[] = [];
  readonly #woken = new Set<Thread>();
  /** Values of the call that is being answered: one array for all calls, so that none is allocated. */
  readonly #values: unknown[] = [];
  readonly #asking: Question;
  #nextProcess = 1;
  #nextThread = 1;
  /** Index in #threads of the thread that ran last. */
  #turn = 0;
  #yielded = false;
  /** When this run began, and the instructions since, without those of the thread that runs now. */
  #began: Micros = 0;
  #spent = 0;
  /** The machine that runs now, and where its count stood. */
  #machine: Machine | undefined;
  #from = 0;
  /** The thread that runs now. */
  #thread: Thread | undefined;
  /** The moment of the poll in which calls are asked again; -1 outside of one. */
  #polling: Micros = -1;
  #instructions = 0;
  #stop: KernelStop | undefined;
  /** Whoever is told about calls, as one function; undefined without any, so that it costs nothing. */
  #observer: CallObserver | undefined;
  #mainObserver: CallObserver | undefined;
  readonly #watchers = new Set<CallObserver>();

  constructor(options: KernelOptions) {
    this.#options = options;
    this.personality = options.personality;
    this.start = options.start ?? 0;
    this.startOfClock = options.startOfClock ?? 0;
    this.#perMicro = options.instructionsPerMicro ?? 100;
    this.#timeSlice = options.timeSlice ?? 1_000_000;
    this.#table = new Table(options.personality);
    this.#asking = new Question(this);
  }

  /** Loads an image into a machine of its own and makes a process with one thread of it. */
  spawn(image: Image, options: LoadOptions = {}): Process | { error: string } {
    const { memoryBytes, engine, model, undefinedFlags, maxSockets = 4096 } = this.#options;
    const { gate, firstSocket } = this.personality;
    const machine = new Machine({
      gates: [gate],
      ...(memoryBytes !== undefined && { memoryBytes }),
      ...(engine !== undefined && { engine }),
      ...(model !== undefined && { model }),
      ...(undefinedFlags !== undefined && { undefinedFlags }),
    });
    const loaded = loadImage(machine, image, options);
    if ("error" in loaded) return loaded;
    const heap = new Heap(machine.memory, loaded.end, machine.memory.size);
    const id = this.#nextProcess++;
    const process = new Process({ id, machine, image, heap, firstSocket, maxSockets });
    this.processes.push(process);
    process.activate(this.#addThread(process));
    return process;
  }

  /** Another thread of a process, with fresh registers but these. */
  startThread(process: Process, { eip, esp }: { eip: number; esp: number }): Thread {
    const { machine, cpu } = process;
    const thread = this.#addThread(process);
    const registers = machine.saveContext();
    machine.reset();
    cpu.eip = eip;
    cpu.esp = esp;
    thread.context = machine.saveContext();
    machine.loadContext(registers);
    return thread;
  }

  get stack(): Stack | undefined {
    return this.#options.stack;
  }

  /** Instructions executed by all processes. */
  get instructions(): number {
    return this.#instructions + this.#underWay;
  }

  /** Why `run` does nothing more, until `resume`. */
  get stop(): KernelStop | undefined {
    return this.#stop;
  }

  /** Forgets the stop: the thread goes on at its EIP. */
  resume(): void {
    if (this.#stop?.reason !== "exit") this.#stop = undefined;
  }

  /** Lets a thread run again from registers to be set, whatever it waited for. */
  restart(thread: Thread): void {
    if (thread.state === "ended") throw new Error("the program has ended: it cannot run again");
    thread.parked?.wait.file?.waiting.delete(thread);
    thread.parked = undefined;
    thread.state = "running";
    thread.process.activate(thread);
  }

  /** A thread could run now. */
  get runnable(): boolean {
    return this.#stop === undefined && this.#threads.some((thread) => thread.state === "running");
  }

  /** Threads that wait, with the calls they wait in. */
  get parked(): readonly (Thread & { parked: ParkedCall })[] {
    return this.#threads.filter(
      (thread): thread is Thread & { parked: ParkedCall } => thread.parked !== undefined,
    );
  }

  /** How often each function was called, by name; unknown ones by what the trace calls them. */
  get counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { row, count } of this.#table.entries) if (count > 0) counts[row.name] = count;
    for (const [key, count] of this.#unknownCounts) counts[`unknown ${key}`] = count;
    return counts;
  }

  /** Tells `observer` about every system call; undefined takes it away. Costs nothing without one. */
  onCall(observer: CallObserver | undefined): void {
    this.#mainObserver = observer;
    this.#gatherObservers();
  }

  /** Another observer beside that of `onCall`. What is answered takes it away. */
  watchCalls(observer: CallObserver): () => void {
    this.#watchers.add(observer);
    this.#gatherObservers();
    return () => {
      this.#watchers.delete(observer);
      this.#gatherObservers();
    };
  }

  #gatherObservers(): void {
    const all = [...(this.#mainObserver ? [this.#mainObserver] : []), ...this.#watchers];
    if (all.length <= 1) [this.#observer] = all;
    else
      this.#observer = (record) => {
        for (const each of all) each(record);
      };
  }

  /**
   * Runs threads from `now` on for at most `budget` instructions, and answers how many were executed. Fewer mean that
   * all threads wait, that one yielded, or that there is a `stop`.
   */
  run(now: Micros, budget: number): number {
    // A real clock may be behind what the instructions of the last run took; a program's time never goes back.
    this.#began = Math.max(now, this.now);
    this.#spent = 0;
    this.#yielded = false;
    while (this.#spent < budget && this.#stop === undefined && !this.#yielded) {
      const thread = this.#nextThreadToRun();
      if (thread === undefined) break;
      thread.process.activate(thread);
      this.#runThread(thread, Math.min(budget - this.#spent, this.#timeSlice));
    }
    return this.#spent;
  }

  /** Asks parked calls again whose socket has changed or whose moment has come. Answers whether one was answered. */
  poll(now: Micros): boolean {
    let answered = false;
    this.#polling = now;
    for (const thread of this.#threads) {
      const { parked } = thread;
      if (!parked) continue;
      const due = parked.wait.until !== undefined && parked.wait.until <= now;
      if (!due && !this.#woken.has(thread)) continue;
      this.#woken.delete(thread);
      if (this.#askAgain(thread, parked)) answered = true;
    }
    this.#polling = -1;
    this.#woken.clear();
    return answered;
  }

  /** The first moment at which `poll` has something to do. */
  deadline(): Micros {
    if (this.#woken.size > 0) return 0;
    let earliest = FOREVER;
    for (const { parked } of this.#threads) {
      if (parked?.wait.until !== undefined && parked.wait.until < earliest) earliest = parked.wait.until;
    }
    return earliest;
  }

  /** The moment of the call that is being answered: while a program runs, its instructions tell. */
  get now(): Micros {
    if (this.#polling >= 0) return this.#polling;
    return this.#began + Math.floor((this.#spent + this.#underWay) / this.#perMicro);
  }

  // What services ask of the kernel.

  debugBoard(byte: number, thread: Thread): void {
    this.#options.debugBoard?.(byte, thread);
  }

  yield(): void {
    this.#yielded = true;
  }

  endThread(thread: Thread): void {
    thread.state = "ended";
    const { process } = thread;
    if (process.ended) for (const file of [...process.sockets.values()]) this.closeSocket(process, file);
    if (this.#threads.every(({ state }) => state === "ended")) this.#stop = { reason: "exit" };
  }

  openSocket(process: Process, make: () => Socket | Reason): SocketFile | Reason {
    if (process.sockets.full) return "too-many";
    const socket = make();
    if (typeof socket === "string") return socket;
    const file = new SocketFile(process.sockets.next, socket);
    process.sockets.add(file);
    socket.onChange = () => this.#changed(file);
    return file;
  }

  closeSocket(process: Process, file: SocketFile): void {
    process.sockets.remove(file.number);
    file.open = false;
    file.socket.onChange = undefined;
    file.socket.close();
    this.#changed(file);
  }

  /** Instructions of the thread that runs now. */
  get #underWay(): number {
    return this.#machine === undefined ? 0 : this.#machine.instructions - this.#from;
  }

  #changed(file: SocketFile): void {
    for (const thread of file.waiting) this.#woken.add(thread);
  }

  #addThread(process: Process): Thread {
    const id = this.#nextThread++;
    const thread: Thread = { id, process, state: "running", parked: undefined, context: undefined };
    process.threads.push(thread);
    this.#threads.push(thread);
    return thread;
  }

  /** The next thread in turn that can run. */
  #nextThreadToRun(): Thread | undefined {
    const threads = this.#threads;
    for (let i = 1; i <= threads.length; i++) {
      const at = (this.#turn + i) % threads.length;
      if (threads[at]!.state === "running") {
        this.#turn = at;
        return threads[at];
      }
    }
    return undefined;
  }

  /** Runs one thread for at most `budget` instructions, until it cannot or will not go on. */
  #runThread(thread: Thread, budget: number): void {
    const { machine } = thread.process;
    this.#asking.of(thread, -1);
    this.#machine = machine;
    this.#thread = thread;
    this.#from = machine.instructions;
    // RDTSC is the same clock, in instructions: `instructionsPerMicro` of them pass in an idle microsecond too.
    machine.timeStampOffset = (this.#began - this.start) * this.#perMicro + this.#spent - this.#from;
    machine.onInterrupt(this.#answer);
    try {
      const stop = machine.run(budget);
      if (stop.reason !== "budget" && stop.reason !== "interrupt")
        this.#stop = { reason: "machine", thread, stop };
    } finally {
      machine.onInterrupt(undefined);
    }
    const executed = machine.instructions - this.#from;
    this.#machine = undefined;
    this.#spent += executed;
    this.#instructions += executed;
  }

  /** A system call of the thread that runs now: the machine asks in the middle of its run. True: the thread goes on. */
  readonly #answer = (): boolean => {
    const thread = this.#thread!;
    this.#trap(thread);
    return thread.state === "running" && !this.#yielded;
  };

  #trap(thread: Thread): void {
    const { process } = thread;
    const { cpu } = process;
    const { personality } = this;
    const number = personality.number(cpu);
    const entry = this.#table.find(number, cpu);
    if (entry === undefined) {
      this.#unknown(thread, number);
      return;
    }
    entry.count++;
    const { row } = entry;
    // The arguments are shown as they were before the call.
    const shown = this.#observer === undefined ? NONE : row.kinds.map((kind) => showArgument(kind, process));
    const outcome = this.#ask(row, process);
    if (typeof outcome === "object") {
      this.#park(thread, row, outcome, shown);
      return;
    }
    if (typeof outcome === "string") personality.refuse(outcome, cpu);
    else row.answer.store(outcome, cpu);
    if (this.#observer !== undefined) {
      const call = { row, values: this.#values, since: this.now, address: cpu.eip - TRAP_LENGTH, shown };
      this.#tell(thread, call, thread.state === "ended" ? "ended" : "done", outcome);
    }
  }

  #park(thread: Thread, row: Row, wait: Wait, shown: readonly string[]): void {
    const values = this.#values.slice(0, row.kinds.length);
    const address = thread.process.cpu.eip - TRAP_LENGTH;
    const parked: ParkedCall = { row, values, since: this.now, address, shown, wait };
    thread.state = "parked";
    thread.parked = parked;
    wait.file?.waiting.add(thread);
    if (this.#observer) this.#tell(thread, parked, "parked", undefined);
  }

  /** Reads the arguments and asks the service. */
  #ask(row: Row, process: Process): Outcome {
    const values = this.#values;
    const { kinds } = row;
    for (let i = 0; i < kinds.length; i++) {
      const value = kinds[i]!.read(process);
      if (value instanceof Refusal) return value.reason;
      values[i] = value;
    }
    return serve(row, this.#asking, values);
  }

  #askAgain(thread: Thread, parked: ParkedCall): boolean {
    const { process } = thread;
    const asking = this.#asking.of(thread, parked.since);
    const outcome = serve(parked.row, asking, parked.values);
    parked.wait.file?.waiting.delete(thread);
    if (typeof outcome === "object") {
      parked.wait = outcome;
      outcome.file?.waiting.add(thread);
      return false;
    }
    thread.parked = undefined;
    if (thread.state === "parked") thread.state = "running";
    process.activate(thread);
    if (typeof outcome === "string") this.personality.refuse(outcome, process.cpu);
    else parked.row.answer.store(outcome, process.cpu);
    if (this.#observer) this.#tell(thread, parked, "done", outcome);
    return true;
  }

  #unknown(thread: Thread, number: number): void {
    const { cpu, image } = thread.process;
    const key = this.#table.keyOf(number, cpu);
    this.#unknownCounts.set(key, (this.#unknownCounts.get(key) ?? 0) + 1);
    this.personality.unknown(cpu);
    this.#observer?.({
      at: this.now,
      process: thread.process.id,
      thread: thread.id,
      place: placeOf(image, cpu.eip - TRAP_LENGTH),
      key,
      name: undefined,
      arguments: [],
      phase: "done",
      answer: `${cpu.eax | 0}`,
      waited: undefined,
      socket: undefined,
      value: cpu.eax | 0,
    });
  }

  #tell(
    thread: Thread,
    { row, values, since, address, shown }: Omit<ParkedCall, "wait">,
    phase: "parked" | "done" | "ended",
    outcome: Exclude<Outcome, Wait>,
  ): void {
    const { now } = this;
    const refused = typeof outcome === "string";
    let answer: string | undefined;
    if (phase === "done") {
      answer = refused ? this.personality.showRefusal(outcome) : row.answer.show(outcome, values);
    }
    this.#observer?.({
      at: now,
      process: thread.process.id,
      thread: thread.id,
      place: placeOf(thread.process.image, address),
      key: row.key.replace(".*", ""),
      name: row.name,
      arguments: shown.map((text, i) => {
        const { showDone } = row.kinds[i]!;
        return phase === "done" && !refused && showDone ? showDone(values[i], outcome) : text;
      }),
      phase,
      answer,
      waited: phase === "done" && now > since ? now - since : undefined,
      socket: row.kinds.length > 0 && values[0] instanceof SocketFile ? values[0].socket : undefined,
      value: typeof outcome === "number" ? outcome : undefined,
    });
  }
}

/** What services are handed: one object for all calls. Its moment is worked out only for those who look. */
class Question implements Asking {
  readonly kernel: Kernel;
  thread!: Thread;
  process!: Process;
  #since: Micros = -1;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
  }

  /** `since`: when the call began to wait; -1 = it is made now. */
  of(thread: Thread, since: Micros): this {
    this.thread = thread;
    this.process = thread.process;
    this.#since = since;
    return this;
  }

  get now(): Micros {
    return this.kernel.now;
  }

  get since(): Micros {
    return this.#since < 0 ? this.kernel.now : this.#since;
  }
}

/** Bytes of `int n`. */
const TRAP_LENGTH = 2;

const NONE: readonly string[] = [];

function showArgument(kind: Row["kinds"][number], guest: Process): string {
  return `${kind.assigned ? "=" : ""}${kind.show(guest)}`;
}

/** Asks a row's service. The usual counts of arguments are written out: spreading an array costs more than the call. */
function serve({ kinds, service }: Row, asking: Asking, values: readonly unknown[]): Outcome {
  switch (kinds.length) {
    case 0:
      return service(asking);
    case 1:
      return service(asking, values[0]);
    case 2:
      return service(asking, values[0], values[1]);
    case 3:
      return service(asking, values[0], values[1], values[2]);
    default:
      return service(asking, ...values.slice(0, kinds.length));
  }
}
