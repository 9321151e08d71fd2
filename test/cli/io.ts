import { latin1 } from "../../src/base/index.ts";
import { cli } from "../../src/node/cli/cli.ts";
import type { Command } from "../../src/node/cli/command.ts";
import type { Io } from "../../src/node/cli/io.ts";

export interface Said {
  status: number;
  out: string;
  err: string;
}

interface Options {
  env?: Io["env"];
  interrupted?: AbortSignal;
  commands?: Command[];
  /** Told what goes to standard output, or error, while it runs. */
  onOut?: (text: string) => void;
  onErr?: (text: string) => void;
}

/** Runs a command line as the process would, and keeps what it says. */
export async function kolibri(
  argv: readonly string[],
  { env = {}, interrupted = new AbortController().signal, commands, onOut, onErr }: Options = {},
): Promise<Said> {
  const said = { out: "", err: "" };
  const into = (where: "out" | "err") => ({
    write(chunk: string | Uint8Array) {
      const text = typeof chunk === "string" ? chunk : latin1(chunk);
      said[where] += text;
      (where === "err" ? onErr : onOut)?.(text);
    },
  });
  const io: Io = { stdout: into("out"), stderr: into("err"), env, interrupted };
  const status = await cli(argv, io, ...(commands ? [commands] : []));
  return { status, ...said };
}
