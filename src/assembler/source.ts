/** Where source text and included files come from. */

import { latin1Bytes } from "../base/index.ts";

/**
 * The seam to whatever holds files. Paths are as the source names them, joined to the directory of the including
 * file or of an include directory, with every \ turned into /. A source's own part of a path has one character a byte.
 */
export interface Files {
  /** The file's bytes, or undefined when there is none. FASM takes a directory for a file larger than its memory. */
  read(path: string): Uint8Array | SourceText | "directory" | undefined;
}

/** A text that carries its own line numbers, as a corrected file does. */
export interface SourceText {
  readonly bytes: Uint8Array;
  /** The number to report for each line, from 1; without it lines count from 1. */
  readonly lines?: Int32Array;
}

/** A path without `.` and `..` where they can be resolved, with every \ as /. */
export function plain(path: string): string {
  const parts: string[] = [];
  for (const part of path.replaceAll("\\", "/").split("/")) {
    if (part === ".." && parts.length > 0 && parts.at(-1) !== "..") parts.pop();
    else if (part !== "." && part !== "") parts.push(part);
  }
  return parts.join("/");
}

/**
 * Files from memory, for tests and browsers. Names compare as they stand, but for `.` and `..` and with \ read as /;
 * those in sources are UTF-8.
 */
export function memoryFiles(files: Readonly<Record<string, string | Uint8Array>>): Files {
  const utf8 = new TextEncoder();
  const key = (path: string): string => (/^[\\/]/.test(path) ? "/" : "") + plain(path);
  const byPath = new Map<string, Uint8Array>();
  for (const [name, content] of Object.entries(files)) {
    byPath.set(key(name), typeof content === "string" ? utf8.encode(content) : content);
  }
  return {
    read(path) {
      const name = key(path);
      return byPath.get(name) ?? byPath.get(new TextDecoder().decode(latin1Bytes(name)));
    },
  };
}

/** A file that has been read, under the name that messages call it by. */
export interface LoadedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly lines?: Int32Array;
  /** It is none. */
  readonly isDirectory?: true;
}

/** Bytes up to the first that differs; infinitely many of files that are the same, or that both do not exist. */
export function commonStart(a: LoadedFile | undefined, b: LoadedFile | undefined): number {
  if (a === undefined || b === undefined) return a === b ? Number.POSITIVE_INFINITY : 0;
  if (a.isDirectory !== b.isDirectory || !haveSameLines(a, b)) return 0;
  if (a.bytes === b.bytes) return Number.POSITIVE_INFINITY;
  const length = Math.min(a.bytes.length, b.bytes.length);
  let at = 0;
  while (at < length && a.bytes[at] === b.bytes[at]) at++;
  return at === a.bytes.length && at === b.bytes.length ? Number.POSITIVE_INFINITY : at;
}

/** Bytes behind the last that differs; none where lines have numbers of their own. */
export function commonEnd(a: LoadedFile, b: LoadedFile): number {
  if (a.isDirectory !== b.isDirectory || a.lines || b.lines) return 0;
  const [first, second] = [a.bytes, b.bytes];
  let at = first.length;
  let other = second.length;
  while (at > 0 && other > 0 && first[at - 1] === second[other - 1]) {
    at--;
    other--;
  }
  return first.length - at;
}

function haveSameLines(a: LoadedFile, b: LoadedFile): boolean {
  if (!a.lines || !b.lines) return a.lines === b.lines;
  const { lines } = b;
  return a.lines.length === lines.length && a.lines.every((line, at) => line === lines[at]);
}

/** The directory part of a path, with its separator: "" when it has none. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}

/**
 * Finds files in FASM's order: beside the including file, in each include directory, then as named (that is, in the
 * current directory). Each file is read once. %NAME% in a path stands for the environment's variable.
 */
export class FileLoader {
  readonly #files: Files;
  readonly #includes: readonly string[];
  readonly #environment: Readonly<Record<string, string>>;
  /** What has been asked for, in the order of the first asking, and what was found. */
  readonly loaded = new Map<string, LoadedFile | undefined>();

  constructor(files: Files, includes: readonly string[], environment: Readonly<Record<string, string>>) {
    this.#files = files;
    this.#includes = includes;
    this.#environment = environment;
  }

  main(path: string): LoadedFile | undefined {
    return this.#load(path);
  }

  /** A path with its environment's variables. */
  expanded(path: string): string {
    return path.replace(/%([^%]*)%/g, (_, name: string) => this.#environment[name] ?? "");
  }

  find(path: string, directory: string): LoadedFile | undefined {
    const expanded = this.expanded(path);
    const beside = this.#load(directory + expanded);
    if (beside) return beside;
    for (const include of this.#includes) {
      if (include === "") continue;
      const found = this.#load(/[/\\]$/.test(include) ? include + expanded : `${include}/${expanded}`);
      if (found) return found;
    }
    return this.#load(expanded);
  }

  #load(path: string): LoadedFile | undefined {
    if (this.loaded.has(path)) return this.loaded.get(path);
    const content = this.#files.read(path.replaceAll("\\", "/"));
    let file: LoadedFile | undefined;
    if (ArrayBuffer.isView(content)) file = { name: path, bytes: content };
    else if (content === "directory") file = { name: path, bytes: new Uint8Array(0), isDirectory: true };
    else if (content)
      file = { name: path, bytes: content.bytes, ...(content.lines && { lines: content.lines }) };
    this.loaded.set(path, file);
    return file;
  }
}
