import type { Micros } from "../base/index.ts";
import type { Image } from "../image/index.ts";
import type { Context, Machine, Memory, Registers } from "../machine/index.ts";
import type { Socket } from "../net/index.ts";
import type { Row } from "./call.ts";
import { Handles } from "./handles.ts";
import type { Heap } from "./heap.ts";

/** A socket as its process holds it: what the network keeps, and how this program wants to be treated. */
export class SocketFile {
  readonly number: number;
  readonly socket: Socket;
  /** Calls that cannot be done at once are refused instead of waiting. */
  nonBlocking = false;
  /** It was bound or connected by a sockaddr_in6, so that is what it is told of others. */
  six = false;
  /** False once its number is closed: a call that waited for it learns so. */
  open = true;
  /** Threads whose calls wait for this socket. */
  readonly waiting = new Set<Thread>();

  constructor(number: number, socket: Socket) {
    this.number = number;
    this.socket = socket;
  }
}

/** What a call waits for: a change of the socket, a moment, or whichever comes first. */
export interface Wait {
  readonly file?: SocketFile;
  readonly until?: Micros;
}

/** A call that could not be answered yet: plain data, asked again when what it waits for has come. */
export interface ParkedCall {
  readonly row: Row;
  readonly values: readonly unknown[];
  readonly since: Micros;
  /** The address of the trap instruction. */
  readonly address: number;
  /** The arguments as the trace shows them; empty without a trace. */
  readonly shown: readonly string[];
  wait: Wait;
}

export interface Thread {
  /** From 1, never reused within a kernel. */
  readonly id: number;
  readonly process: Process;
  state: "running" | "parked" | "ended";
  /** Set while the state is "parked". */
  parked: ParkedCall | undefined;
  /** Its registers while another thread of the same process has the machine. */
  context: Context | undefined;
}

export interface ProcessOptions {
  readonly id: number;
  readonly machine: Machine;
  readonly image: Image;
  readonly heap: Heap;
  readonly firstSocket: number;
  readonly maxSockets: number;
}

/** A program that runs: a machine of its own, what it holds, its threads. */
export class Process {
  readonly id: number;
  readonly machine: Machine;
  readonly cpu: Registers;
  readonly memory: Memory;
  readonly image: Image;
  readonly heap: Heap;
  readonly sockets: Handles<SocketFile>;
  readonly threads: Thread[] = [];
  /** The thread whose registers are in the machine. */
  #current: Thread | undefined;

  constructor({ id, machine, image, heap, firstSocket, maxSockets }: ProcessOptions) {
    this.id = id;
    this.machine = machine;
    this.cpu = machine.cpu;
    this.memory = machine.memory;
    this.image = image;
    this.heap = heap;
    this.sockets = new Handles(firstSocket, maxSockets);
  }

  get ended(): boolean {
    return this.threads.every((thread) => thread.state === "ended");
  }

  /** Makes the machine's registers those of `thread`. */
  activate(thread: Thread): void {
    if (this.#current === thread) return;
    if (this.#current) this.#current.context = this.machine.saveContext();
    if (thread.context) this.machine.loadContext(thread.context);
    thread.context = undefined;
    this.#current = thread;
  }
}
