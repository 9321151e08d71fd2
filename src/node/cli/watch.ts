import { SECOND } from "../../base/index.ts";
import type { Computer, Limits, State } from "../../computer.ts";
import { isSameFile } from "../files.ts";
import { OutputFile } from "../output.ts";
import { Refusal } from "./command.ts";
import type { Io, Out } from "./io.ts";
import { number, seconds, type Values } from "./options.ts";

/** The options of every command that runs a program: limits, and what is to be seen of the run. */
export const watchOptions = {
  trace: { value: "FILE", optional: true, help: "one line an instruction, with the registers it changed" },
  strace: { value: "FILE", optional: true, help: "one line a system call, with arguments and answer" },
  state: { value: "FILE", help: "at the end: why it stopped, registers, counters, as JSON" },
  "max-instructions": { value: "N", help: "stop after so many instructions", read: number(0) },
  timeout: {
    value: "SECONDS",
    help: "stop after so long on the program's clock, which is virtual unless the outside takes part",
    read: seconds,
  },
  seed: {
    value: "N",
    advanced: true,
    help: "all chance follows from it: ports, sequence numbers (1)",
    read: number(0, 0xffff_ffff),
  },
} as const;

type WatchValues = Values<typeof watchOptions>;

/** What is written about a run. Files are created before it begins, so that no long run ends in "permission denied". */
export class Watch {
  /** How far the run may go. */
  readonly limits: Limits & { signal: AbortSignal };
  readonly #io: Io;
  readonly #program: string;
  readonly #files: OutputFile[] = [];
  readonly #state: OutputFile | undefined;
  readonly #trace: ((line: string) => void) | undefined;
  readonly #strace: ((line: string) => void) | undefined;
  #board: Board | undefined;
  #endTrace: (() => void) | undefined;
  /** Called before something is written to the terminal: a status line must give way. */
  beforeOutput: () => void = () => {};

  /** @param program the file that is run, which nothing must replace */
  constructor(values: WatchValues, program: string, io: Io) {
    this.#io = io;
    this.#program = program;
    const { timeout, "max-instructions": maxInstructions } = values;
    this.limits = {
      signal: io.interrupted,
      ...(maxInstructions !== undefined && { maxInstructions }),
      ...(timeout !== undefined && { timeout: Math.ceil(timeout * SECOND) }),
    };
    try {
      this.#trace = this.lines(values.trace);
      this.#strace = this.lines(values.strace);
      this.#state = values.state === undefined ? undefined : this.open(values.state);
    } catch (error) {
      this.discard();
      throw error;
    }
  }

  /** A further file that is finished when the run is. */
  open(path: string): OutputFile {
    if (isSameFile(path, this.#program)) throw new Refusal(`${path}: that would replace the program`, 2);
    const file = new OutputFile(path);
    this.#files.push(file);
    return file;
  }

  /** Begins to look at a computer that has its program. */
  async attach(computer: Computer): Promise<void> {
    this.#board = new Board(this.#io.stdout, () => this.beforeOutput());
    const board = this.#board;
    computer.onDebugBoard((byte) => board.write(byte));
    if (this.#strace) {
      const { showCallLine } = await import("../../kernel/index.ts");
      const line = this.#strace;
      computer.onCall((record) => line(showCallLine(record)));
    }
    if (this.#trace) {
      const { InstructionTrace } = await import("../../debug/index.ts");
      const trace = new InstructionTrace(computer.machine, computer.process.image, this.#trace);
      computer.onInstruction(trace.before);
      this.#endTrace = () => trace.flush();
    }
  }

  /** The run is over: everything is written out. */
  finish(state: State): void {
    this.#board?.flush();
    this.#endTrace?.();
    this.#state?.write(`${JSON.stringify(state, undefined, 2)}\n`);
    for (const file of this.#files) file.commit();
  }

  /** Nothing is to be kept. */
  discard(): void {
    for (const file of this.#files) file.discard();
  }

  /** Where lines go: to a file, to standard error, or nowhere. */
  lines(target: string | true | undefined): ((line: string) => void) | undefined {
    if (target === undefined) return undefined;
    if (target !== true) {
      const file = this.open(target);
      return (line) => file.write(`${line}\n`);
    }
    return (line) => {
      this.beforeOutput();
      this.#io.stderr.write(`${line}\n`);
    };
  }
}

/** Bytes of the debug board on their way to the terminal: whole lines, or what there is when the host has its turn. */
class Board {
  readonly #out: Out;
  readonly #before: () => void;
  #bytes: number[] = [];
  #soon: NodeJS.Immediate | undefined;

  constructor(out: Out, before: () => void) {
    this.#out = out;
    this.#before = before;
  }

  write(byte: number): void {
    this.#bytes.push(byte);
    if (byte === 0x0a || this.#bytes.length >= 4096) this.flush();
    else this.#soon ??= setImmediate(() => this.flush());
  }

  flush(): void {
    if (this.#soon) clearImmediate(this.#soon);
    this.#soon = undefined;
    if (this.#bytes.length === 0) return;
    this.#before();
    this.#out.write(Uint8Array.from(this.#bytes));
    this.#bytes = [];
  }
}
