import type { Io } from "./io.ts";
import type { Options, Values } from "./options.ts";

/** One command: what it is called with, and what it does. Its help is made from these words. */
export interface Command<O extends Options = Options> {
  readonly name: string;
  /** The arguments behind the name: `SOURCE [OUTPUT]`. Those without brackets must be there. */
  readonly synopsis: string;
  /** One line. */
  readonly summary: string;
  /** More, shown by `--help` below the summary. */
  readonly description?: string;
  /** Command lines that work, shown at the end of the help. */
  readonly examples?: readonly string[];
  readonly options: O;
  /** The exit status of a wrong command line; 2 unless said otherwise. */
  readonly usageStatus?: number;
  /** Does the deed and returns the exit status. */
  run(args: readonly string[], values: Values<O>, io: Io): Promise<number>;
}

/** Lets the compiler see which options a command has. */
export const command = <const O extends Options>(description: Command<O>): Command<O> => description;

/** An end that is the user's affair: said in one message, without a stack. */
export class Refusal extends Error {
  readonly status: number | undefined;

  /** Without a status, that of a wrong command line. */
  constructor(message: string, status?: number) {
    super(message);
    this.status = status;
  }
}
