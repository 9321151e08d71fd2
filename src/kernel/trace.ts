import { type Micros, SECOND } from "../base/index.ts";
import type { Socket } from "../net/index.ts";
import { type Place, showPlace } from "./place.ts";

/** One system call as an observer gets it. A call that waits is told twice: when it parks, and when it is answered. */
export interface CallRecord {
  readonly at: Micros;
  readonly process: number;
  readonly thread: number;
  /** The trap instruction. */
  readonly place: Place;
  /** The function's number, with the subfunction's where it has some: `84`, `68.12`. */
  readonly key: string;
  /** Its name, or undefined where the personality has no such function. */
  readonly name: string | undefined;
  readonly arguments: readonly string[];
  /**
   * parked: it waits. done: it has been answered. ended: it does not come back, because it ended the thread.
   */
  readonly phase: "parked" | "done" | "ended";
  /** What the guest was told; undefined unless done. Empty where it was told nothing. */
  readonly answer: string | undefined;
  /** How long it waited, where it did. */
  readonly waited: Micros | undefined;
  /** The socket it is about: its first argument. */
  readonly socket: Socket | undefined;
  /** The number it was answered with; undefined where it was refused, waits, or is told nothing. */
  readonly value: number | undefined;
}

export type CallObserver = (record: CallRecord) => void;

/** `84 set option(fd 16, O_NONBLOCK=1) = 0` */
export function showCall({ key, name, arguments: shown, phase, answer, waited }: CallRecord): string {
  const joined = shown.reduce(
    (all, each) => `${all}${all === "" || each.startsWith("=") ? "" : ", "}${each}`,
    "",
  );
  const head = name === undefined ? `${key} (no such function)` : `${key} ${name}(${joined})`;
  if (phase === "parked") return `${head} waits`;
  if (phase === "ended") return head;
  const tail = answer ? ` = ${answer}` : "";
  return waited === undefined ? `${head}${tail}` : `${head}${tail} after ${seconds(waited)} s`;
}

/** A whole line of the trace: time, thread, call, place. */
export function showCallLine(record: CallRecord): string {
  return `${seconds(record.at).padStart(12)} [${record.thread}] ${showCall(record)}  ; ${showPlace(record.place)}`;
}

const seconds = (span: Micros): string => (span / SECOND).toFixed(6);
