import {
  chmodSync,
  closeSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { bytesOf } from "../base/index.ts";

const BUFFER = 64 * 1024;

/**
 * A file being written. It is written under a temporary name beside its own and renamed by `commit`, so that
 * nobody ever sees half of it; after `discard`, or when the process ends before, what stood there stays.
 * What is not a plain file (a pipe, a device) is written directly.
 */
export class OutputFile {
  readonly path: string;
  readonly #target: string;
  readonly #temporary: string | undefined;
  readonly #descriptor: number;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #open = true;

  /** Throws the system's error when it cannot be created. */
  constructor(path: string) {
    this.path = path;
    const old = statSync(path, { throwIfNoEntry: false });
    if (old?.isDirectory()) throw Object.assign(new Error(`${path} is a directory`), { code: "EISDIR" });
    if (old && !old.isFile()) {
      this.#target = path;
      this.#descriptor = openSync(path, "w");
      return;
    }
    this.#target = old ? realpathSync(path) : path;
    if (old) closeSync(openSync(this.#target, "r+")); // a read-only file stays
    this.#temporary = join(dirname(this.#target), `.${basename(this.#target)}.${process.pid}.tmp`);
    this.#descriptor = openSync(this.#temporary, "w", old ? old.mode : 0o666);
    if (old) chmodSync(this.#temporary, old.mode); // the umask has no say in a mode that was there
    unfinished.add(this);
    if (!watching) process.on("exit", discardUnfinished);
    watching = true;
  }

  /** Appends. The bytes are kept for a while: they must not change afterwards. */
  write(chunk: string | Uint8Array): void {
    const bytes = typeof chunk === "string" ? bytesOf(chunk) : chunk;
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    if (this.#pendingBytes >= BUFFER) this.#flush();
  }

  /** Makes what was written appear under its name. Throws the system's error, and then nothing appears. */
  commit(): void {
    if (!this.#open) return;
    try {
      this.#flush();
      this.#close();
      if (this.#temporary) renameSync(this.#temporary, this.#target);
    } catch (error) {
      this.discard();
      throw error;
    }
  }

  /** Forgets what was written. */
  discard(): void {
    if (this.#open) this.#close();
    if (this.#temporary) rmSync(this.#temporary, { force: true });
  }

  #flush(): void {
    const chunks = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    for (const chunk of chunks) {
      for (let at = 0; at < chunk.length; ) at += writeSync(this.#descriptor, chunk, at);
    }
  }

  #close(): void {
    this.#open = false;
    unfinished.delete(this);
    closeSync(this.#descriptor);
  }
}

/** Whatever ends the process, no temporary file stays behind. */
const unfinished = new Set<OutputFile>();
let watching = false;

function discardUnfinished(): void {
  for (const file of unfinished) file.discard();
}

/** Writes a whole file, or leaves what stood there. */
export function writeFile(path: string, content: string | Uint8Array): void {
  const file = new OutputFile(path);
  try {
    file.write(content);
  } catch (error) {
    file.discard();
    throw error;
  }
  file.commit();
}
