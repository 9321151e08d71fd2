import {
  chmodSync,
  closeSync,
  fstatSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { bytesOf } from "../base/index.ts";
import { reason } from "./files.ts";

/** Why a file cannot be written: the system's code and message, and `words` for people. */
export class OutputError extends Error {
  readonly path: string;
  readonly code: string | undefined;
  readonly words: string;

  constructor(path: string, cause: unknown) {
    const { code, message } = cause as NodeJS.ErrnoException;
    super(message, { cause });
    this.path = path;
    this.code = code;
    this.words = code === "ENOENT" ? "no such directory" : reason(cause);
  }
}

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

  /** Throws an OutputError when it cannot be created. */
  constructor(path: string) {
    this.path = path;
    try {
      [this.#descriptor, this.#target, this.#temporary] = create(path);
    } catch (error) {
      throw new OutputError(path, error);
    }
    if (this.#temporary === undefined) return;
    unfinished.add(this);
    if (!watching) process.on("exit", discardUnfinished);
    watching = true;
  }

  /** Whether it is that file. */
  writes(target: string): boolean {
    return this.#target === target;
  }

  /** Appends. The bytes are kept for a while: they must not change afterwards. */
  write(chunk: string | Uint8Array): void {
    const bytes = typeof chunk === "string" ? bytesOf(chunk) : chunk;
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    if (this.#pendingBytes >= BUFFER) this.#flush();
  }

  /** Makes what was written appear under its name. Throws an OutputError, and then nothing appears. */
  commit(): void {
    if (!this.#open) return;
    try {
      this.#flush();
      this.#close();
      if (this.#temporary) renameSync(this.#temporary, this.#target);
    } catch (error) {
      this.discard();
      throw error instanceof OutputError ? error : new OutputError(this.path, error);
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
    try {
      for (const chunk of chunks) {
        for (let at = 0; at < chunk.length; ) at += writeSync(this.#descriptor, chunk, at);
      }
    } catch (error) {
      throw new OutputError(this.path, error);
    }
  }

  #close(): void {
    this.#open = false;
    unfinished.delete(this);
    if (this.#descriptor > 2) closeSync(this.#descriptor);
  }
}

/** Whatever ends the process, no temporary file stays behind. */
const unfinished = new Set<OutputFile>();
let watching = false;

function discardUnfinished(): void {
  for (const file of unfinished) file.discard();
}

/** Descriptor, where the file is in the end, and under which name it is written until then. */
function create(path: string): [number, string, string | undefined] {
  if (path === "-") throw new Error("an output needs a name; /dev/stdout is standard output");
  const old = statSync(path, { throwIfNoEntry: false });
  const standard = old?.isFile() ? [1, 2].find((descriptor) => isOpenAs(descriptor, old)) : undefined;
  if (standard !== undefined) return [standard, path, undefined];
  if (old?.isDirectory()) throw Object.assign(new Error(`${path} is a directory`), { code: "EISDIR" });
  if (old && !old.isFile()) return [openSync(path, "w"), path, undefined];
  const target = old ? realpathSync(path) : resolve(path);
  for (const other of unfinished)
    if (other.writes(target)) throw new Error("another output goes to the same file");
  if (old) closeSync(openSync(target, "r+")); // a read-only file stays
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}.tmp`);
  const descriptor = openSync(temporary, "w", old ? old.mode : 0o666);
  if (old) chmodSync(temporary, old.mode); // the umask has no say in a mode that was there
  return [descriptor, target, temporary];
}

/** /dev/stdout is the file itself where the shell has sent standard output to one: it must not be replaced. */
function isOpenAs(descriptor: number, { dev, ino }: Stats): boolean {
  try {
    const there = fstatSync(descriptor);
    return there.dev === dev && there.ino === ino;
  } catch {
    return false; // it is closed
  }
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
