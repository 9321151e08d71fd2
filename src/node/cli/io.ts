import { reason } from "../files.ts";
import { computesOnce } from "./once.ts";

/** What a command may see of the world around it. Tests hand in their own. */
export interface Io {
  readonly stdout: Out;
  readonly stderr: Out;
  readonly env: Readonly<Record<string, string | undefined>>;
  /**
   * Aborted by Ctrl-C, by SIGTERM, and when nobody reads our output any more; a second Ctrl-C ends at once. Who looks
   * at it must give the host its turn now and then, or neither arrives.
   */
  readonly interrupted: AbortSignal;
  /** A process of its own has it: told when a lot is to be computed once and the process then ends (once.ts). */
  readonly computesOnce?: () => void;
}

export interface Out {
  write(chunk: string | Uint8Array): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** EX_IOERR of sysexits. */
const OUTPUT_FAILED = 74;

/** Whether the program ended because whoever read its output had enough, as `head` does. */
export const OUTPUT_CLOSED = "output closed";

/**
 * The real process. Signals are taken over when a command first looks at `interrupted`: until then, and in commands that
 * compute without a pause and never look, they end the process as they always do.
 */
export function processIo(): Io {
  const stop = new AbortController();
  const failed = (stream: NodeJS.WriteStream, error: NodeJS.ErrnoException): void => {
    if (error.code === "EPIPE") stop.abort(OUTPUT_CLOSED);
    else cannotWrite(stream, error);
  };
  let listening = false;
  const listen = (): void => {
    listening = true;
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => {
        if (stop.signal.aborted) process.exit(exitStatus(signal));
        stop.abort(signal);
      });
    }
  };
  return {
    stdout: standard("stdout", failed),
    stderr: standard("stderr", failed),
    env: process.env,
    computesOnce,
    get interrupted() {
      if (!listening) listen();
      return stop.signal;
    },
  };
}

/** A standard stream, made when something is first to be written: for Node that is more work than a small program. */
function standard(
  name: "stdout" | "stderr",
  failed: (stream: NodeJS.WriteStream, error: NodeJS.ErrnoException) => void,
): Out {
  let made: NodeJS.WriteStream | undefined;
  const stream = (): NodeJS.WriteStream => {
    if (made === undefined) {
      const opened = process[name];
      opened.on("error", (error) => failed(opened, error));
      made = opened;
    }
    return made;
  };
  return {
    write: (chunk) => stream().write(chunk),
    get isTTY() {
      return stream().isTTY;
    },
    get columns() {
      return stream().columns;
    },
  };
}

/** What was to be said is lost, on a full disk for instance: that ends the process, whatever it is at. */
function cannotWrite(stream: NodeJS.WriteStream, error: unknown): never {
  if (stream === process.stdout) process.stderr.write(`kolibri: standard output: ${reason(error)}\n`);
  process.exit(OUTPUT_FAILED);
}

/** What the shell expects of a program that a signal ended: 128 and the signal's number. */
export function exitStatus(reason: unknown): number {
  if (reason === OUTPUT_CLOSED) return 0;
  return 128 + ({ SIGHUP: 1, SIGTERM: 15 }[String(reason)] ?? 2);
}

/** Whether colours and moving lines are welcome on `out` (https://no-color.org). */
export function colourful(io: Io, out: Out): boolean {
  return out.isTTY === true && !io.env["NO_COLOR"] && io.env["TERM"] !== "dumb";
}
