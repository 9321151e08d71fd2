import type { Micros } from "../base/index.ts";
import type { Registers } from "../machine/index.ts";
import type { Socket, Stack } from "../net/index.ts";
import type { Process, SocketFile, Thread, Wait } from "./process.ts";
import type { Reason, Refusal } from "./reasons.ts";

/**
 * One row of a personality's table:
 *
 *     call("77", "bind", [socket("ebx"), sockaddr("ecx", "edx")], status, bind)
 *
 * reads as documentation does: function 77 is bind, its arguments are a socket in EBX and the address at ECX that
 * is EDX bytes long, its answer is a status, and `bind` does it. The kinds of argument read themselves from the
 * guest, once and checked, and show themselves in the trace. The service gets values and answers with a value, a
 * reason or a wait; it never sees a register.
 */
export interface Row {
  /** As the documentation writes it: `77`, `68.12`, `76.*` (every other subfunction), `-1`. */
  readonly key: string;
  /** What it is called in traces and counters. */
  readonly name: string;
  readonly kinds: readonly Kind<unknown>[];
  readonly answer: AnswerKind;
  readonly service: Service;
}

/** A kind of argument. */
export interface Kind<T> {
  /** The value, or why there is none. */
  read(guest: Process): T | Refusal;
  /** What the registers hold, as people read it; also where `read` refuses it. */
  show(guest: Process): string;
  /** The same once the call is done: a buffer shows what came into it. */
  showDone?(value: T, answer: number | undefined): string;
  /** It is the value of the argument before it, and is shown behind an equals sign. */
  readonly assigned?: boolean;
}

/** Who asks, and when. */
export interface Asking {
  readonly kernel: Services;
  readonly process: Process;
  readonly thread: Thread;
  readonly now: Micros;
  /** When the call was made; `now` unless it has had to wait. */
  readonly since: Micros;
}

/** What services may ask of the kernel beyond the process they work for. */
export interface Services {
  readonly stack: Stack | undefined;
  /** The moment the virtual or real clock of this kernel began. */
  readonly start: Micros;
  /** Seconds since 1970-01-01 at `start`, local time of the computer. */
  readonly startOfClock: number;
  debugBoard(byte: number, thread: Thread): void;
  /** Ends a thread; with its last thread a process ends, and its sockets are closed. */
  endThread(thread: Thread): void;
  /** Lets others run before the calling thread goes on. */
  yield(): void;
  /** Gives a socket a number, or nothing when the process has as many as it may. */
  openSocket(process: Process, make: () => Socket | Reason): SocketFile | Reason;
  closeSocket(process: Process, file: SocketFile): void;
}

/** A value for the guest, nothing for it, why not, or what to wait for before asking again. */
export type Outcome = number | undefined | Reason | Wait;

// A table holds services of every signature; `call` has checked each against its kinds.
// biome-ignore lint/suspicious/noExplicitAny: see above
type Service = (asking: Asking, ...values: any[]) => Outcome;

/** A kind of answer: how a value goes into the registers, and how it is shown. */
export interface AnswerKind {
  store(value: number | undefined, cpu: Registers): void;
  show(value: number | undefined, values: readonly unknown[]): string;
}

type Values<K extends readonly Kind<unknown>[]> = { [I in keyof K]: K[I] extends Kind<infer T> ? T : never };

export function call<const K extends readonly Kind<unknown>[]>(
  key: string,
  name: string,
  kinds: K,
  answer: AnswerKind,
  service: (asking: Asking, ...values: Values<K>) => Outcome,
): Row {
  return { key, name, kinds, answer, service: service as Service };
}

/** One system's way of numbering, passing and answering. All personalities stand on the same services. */
export interface Personality {
  readonly name: string;
  readonly rows: readonly Row[];
  /** The vector of `int` that is the door. */
  readonly gate: number;
  /** The first number a socket gets. */
  readonly firstSocket: number;
  number(cpu: Registers): number;
  /** For functions whose rows have subfunctions. */
  subfunction(number: number, cpu: Registers): number;
  /** Tells the guest why not; answers how the trace shows it. */
  refuse(reason: Reason, cpu: Registers): void;
  showRefusal(reason: Reason): string;
  /** Tells the guest that there is no such function. */
  unknown(cpu: Registers): void;
}

/** A row in use: how often it was called. */
export interface Entry {
  readonly row: Row;
  count: number;
}

/** A personality's rows by number and subfunction. */
export class Table {
  readonly entries: readonly Entry[];
  /** By function number, 0 … 255. */
  readonly #small: (FunctionEntries | undefined)[] = new Array(256).fill(undefined);
  readonly #others = new Map<number, FunctionEntries>();
  readonly #personality: Personality;

  constructor(personality: Personality) {
    this.#personality = personality;
    this.entries = personality.rows.map((row) => ({ row, count: 0 }));
    for (const entry of this.entries) {
      const [number, subfunction] = entry.row.key.split(".") as [string, string?];
      const entries = this.#of(Number(number)) ?? this.#make(Number(number));
      if (subfunction === undefined) entries.only = entry;
      else if (subfunction === "*") entries.other = entry;
      else entries.by[Number(subfunction)] = entry;
    }
  }

  find(number: number, cpu: Registers): Entry | undefined {
    const entries = this.#of(number);
    if (entries === undefined || entries.only !== undefined) return entries?.only;
    const subfunction = this.#personality.subfunction(number, cpu);
    return (subfunction < entries.by.length ? entries.by[subfunction] : undefined) ?? entries.other;
  }

  /** What the trace calls a number without a row: `6`, or `68.99` where the function has subfunctions. */
  keyOf(number: number, cpu: Registers): string {
    return this.#of(number) ? `${number}.${this.#personality.subfunction(number, cpu)}` : `${number}`;
  }

  #of(number: number): FunctionEntries | undefined {
    return number >= 0 && number < 256 ? this.#small[number] : this.#others.get(number);
  }

  #make(number: number): FunctionEntries {
    const entries: FunctionEntries = { only: undefined, by: [], other: undefined };
    if (number >= 0 && number < 256) this.#small[number] = entries;
    else this.#others.set(number, entries);
    return entries;
  }
}

interface FunctionEntries {
  /** A function without subfunctions. */
  only: Entry | undefined;
  readonly by: (Entry | undefined)[];
  /** Every other subfunction. */
  other: Entry | undefined;
}
