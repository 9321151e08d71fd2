/** Files and folders in memory, for the services that give and take files. Paths are absolute: `/a/b`. */
import { bytesOf, type Micros } from "../../base/index.ts";
import type { Endpoint } from "../sockets.ts";

export interface TreeFile {
  bytes: Uint8Array;
  modified: Micros;
}

/** A file that somebody has sent, as it came. */
export interface Upload {
  at: Micros;
  from: Endpoint;
  path: string;
  bytes: Uint8Array;
}

/** Why something could not be done with a path. */
export type TreeReason = "not found" | "is a folder" | "not a folder" | "exists" | "not empty" | "full";

/** `a/../b/` from `/x` is `/x/b`. It never leads above the root. */
export function resolvePath(path: string, from = "/"): string {
  const parts: string[] = [];
  for (const part of `${path.startsWith("/") ? "" : from}/${path}`.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

export class Tree {
  /** Bytes of all files together. */
  readonly capacity: number;
  readonly #files = new Map<string, TreeFile>();
  readonly #folders = new Set(["/"]);
  #used = 0;

  /**
   * @param files path → text or bytes; the folders above come by themselves
   * @param capacity in bytes; default 64 MiB
   */
  constructor(files: Readonly<Record<string, string | Uint8Array>> = {}, capacity = 64 * 1024 * 1024) {
    this.capacity = capacity;
    for (const [name, content] of Object.entries(files)) {
      const path = resolvePath(name);
      for (let folder = parentOf(path); !this.#folders.has(folder); folder = parentOf(folder))
        this.#folders.add(folder);
      const reason = this.write(path, typeof content === "string" ? bytesOf(content) : content, 0);
      if (reason) throw new Error(`file ${name}: ${reason}`);
    }
  }

  /** The content as it is now; it stays as it is when the file is written anew. */
  file(path: string): Readonly<TreeFile> | undefined {
    return this.#files.get(path);
  }

  isFolder(path: string): boolean {
    return this.#folders.has(path);
  }

  /** Bytes that still can be written. */
  get free(): number {
    return this.capacity - this.#used;
  }

  /** Whether a file may be written there. */
  objection(path: string): TreeReason | undefined {
    if (this.#folders.has(path)) return "is a folder";
    if (!this.#folders.has(parentOf(path)))
      return this.#files.has(parentOf(path)) ? "not a folder" : "not found";
    return undefined;
  }

  /** @param bytes are kept, so they must not be changed any more */
  write(path: string, bytes: Uint8Array, modified: Micros): TreeReason | undefined {
    const reason = this.objection(path);
    if (reason) return reason;
    const before = this.#files.get(path)?.bytes.length ?? 0;
    if (bytes.length - before > this.free) return "full";
    this.#used += bytes.length - before;
    this.#files.set(path, { bytes, modified });
    return undefined;
  }

  remove(path: string): TreeReason | undefined {
    const file = this.#files.get(path);
    if (file === undefined) return this.#folders.has(path) ? "is a folder" : "not found";
    this.#used -= file.bytes.length;
    this.#files.delete(path);
    return undefined;
  }

  makeFolder(path: string): TreeReason | undefined {
    if (this.#folders.has(path) || this.#files.has(path)) return "exists";
    if (!this.#folders.has(parentOf(path))) return "not found";
    this.#folders.add(path);
    return undefined;
  }

  removeFolder(path: string): TreeReason | undefined {
    if (!this.#folders.has(path)) return this.#files.has(path) ? "not a folder" : "not found";
    if (path === "/" || this.list(path)!.length > 0) return "not empty";
    this.#folders.delete(path);
    return undefined;
  }

  /** A file takes the place of another file; a folder goes with all that is in it. */
  rename(from: string, to: string): TreeReason | undefined {
    const file = this.#files.get(from);
    if (file) {
      const reason = this.objection(to);
      if (reason || from === to) return reason;
      this.remove(to);
      this.#files.delete(from);
      this.#files.set(to, file);
      return undefined;
    }
    if (!this.#folders.has(from)) return "not found";
    if (this.#folders.has(to) || this.#files.has(to)) return "exists";
    if (!this.#folders.has(parentOf(to)) || to.startsWith(`${from}/`)) return "not found";
    const moved = (path: string): string | undefined =>
      path === from || path.startsWith(`${from}/`) ? to + path.slice(from.length) : undefined;
    for (const [path, each] of [...this.#files]) {
      const place = moved(path);
      if (place && this.#files.delete(path)) this.#files.set(place, each);
    }
    for (const path of [...this.#folders]) {
      const place = moved(path);
      if (place && this.#folders.delete(path)) this.#folders.add(place);
    }
    return undefined;
  }

  /** Names in a folder in their order, folders with a `/` at the end; undefined when it is none. */
  list(path: string): string[] | undefined {
    if (!this.#folders.has(path)) return undefined;
    const names: string[] = [];
    for (const each of this.#files.keys()) if (parentOf(each) === path) names.push(nameOf(each));
    for (const each of this.#folders)
      if (each !== "/" && parentOf(each) === path) names.push(`${nameOf(each)}/`);
    return names.sort();
  }

  /** All files' paths in their order. */
  paths(): string[] {
    return [...this.#files.keys()].sort();
  }
}

export const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);
export const parentOf = (path: string): string => path.slice(0, path.lastIndexOf("/")) || "/";
