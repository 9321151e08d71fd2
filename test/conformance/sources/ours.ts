/** A thread that assembles with our assembler what it is told, so that whoever waits can give it up. */
import { parentPort } from "node:worker_threads";
import { assemble, fasmText } from "../../../src/assembler/index.ts";
import { bytesOf, latin1 } from "../../../src/base/index.ts";
import { diskFiles } from "../../../src/node/index.ts";
import type { Answer } from "./verdict.ts";

export interface Question {
  /** The folder that it is assembled in, and the source's name there. */
  readonly folder: string;
  readonly source: string;
  readonly includes: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly defines: Readonly<Record<string, string>>;
  readonly epochSeconds: number;
  readonly maxMemory: number;
}

export function answer(question: Question): Answer {
  const { folder, source, ...options } = question;
  const assembled = assemble(latin1(bytesOf(source)), { files: diskFiles(folder), ...options });
  if (assembled.ok) {
    const files = new Map([["", assembled.bytes]]);
    for (const { extension, bytes } of assembled.areas) files.set(extension, bytes);
    return { kind: "made", passes: assembled.passes, files };
  }
  const shown = Array.from(assembled.display, (letter) => String.fromCharCode(letter)).join("");
  const separator = shown === "" || shown.endsWith("\n") ? "" : "\n";
  return { kind: "refused", text: shown + separator + assembled.diagnostics.map(fasmText).join("") };
}

parentPort?.on("message", (question: Question) => {
  parentPort?.postMessage(answer(question));
});
