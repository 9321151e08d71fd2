import { type BigIntStats, readFileSync, statSync } from "node:fs";
import { isAbsolute, sep } from "node:path";
import { bytesOf as bytesOfText, latin1, latin1Bytes } from "../base/index.ts";

/**
 * Source files on disk, as the assembler asks for them. A file is read once, so every pass sees the same
 * bytes. Backslashes are taken as slashes where the system does not: sources written elsewhere use them. The system
 * resolves `..`, so that what is on the way has to be there.
 * A source names files in bytes, one character each: such a name is tried first, then the same as text.
 */
export function diskFiles(folder: string = process.cwd()): {
  read(path: string): Uint8Array | "directory" | undefined;
} {
  const seen = new Map<string, Uint8Array | "directory" | undefined>();
  return {
    read(path) {
      // No name is no file, also where a folder would be found under it.
      if (path === "") return undefined;
      const place = within(folder, path);
      if (!seen.has(place)) seen.set(place, bytesOf(inBytes(folder, path)) ?? bytesOf(place));
      return seen.get(place);
    },
  };
}

/** A path as a source names it, with the separators of this system. */
export function onThisSystem(path: string): string {
  return sep === "/" ? path.replaceAll("\\", "/") : path;
}

function within(folder: string, path: string): string {
  const named = onThisSystem(path);
  return isAbsolute(named) ? named : `${folder}${sep}${named}`;
}

/** A name of which each character is a byte; undefined where that is the same as the text. */
function inBytes(folder: string, path: string): Uint8Array | undefined {
  if (!/[\x80-\xff]/.test(path)) return undefined;
  return latin1Bytes(within(latin1(bytesOfText(folder)), path));
}

function bytesOf(place: string | Uint8Array | undefined): Uint8Array | "directory" | undefined {
  if (place === undefined) return undefined;
  try {
    return readFileSync(typeof place === "string" ? place : Buffer.from(place));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EISDIR" ? "directory" : undefined;
  }
}

/**
 * Reads a file whole, or says in words why it cannot be read. A pipe is read but once: who asks again gets the same; `-` is
 * standard input.
 */
export function readFile(path: string): Uint8Array | { error: string } {
  const before = piped.get(path);
  if (before) return before;
  try {
    if (path === "-" || facts(path)?.isFIFO()) {
      const content = readFileSync(path === "-" ? 0 : path);
      piped.set(path, content);
      return content;
    }
    const there = statSync(path);
    if (there.isDirectory()) return { error: `${path} is a directory` };
    if (!there.isFile()) return { error: `${path} is not a file` }; // /dev/zero has no end
    return readFileSync(path);
  } catch (error) {
    return { error: `${path}: ${reason(error)}` };
  }
}

/** Whether both names lead to one file that is there. */
export function isSameFile(one: string, other: string): boolean {
  const [a, b] = [facts(one), facts(other)];
  return a?.isFile() === true && a.dev === b?.dev && a.ino === b.ino;
}

export const isDirectory = (path: string): boolean => facts(path)?.isDirectory() === true;

/** Whether something is there that is no plain file. */
export const isDevice = (path: string): boolean => facts(path)?.isFile() === false;

/** Undefined where nothing can be found out. */
function facts(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true });
  } catch {
    return undefined;
  }
}

const piped = new Map<string, Uint8Array>();

/** What `readFile` has read of a pipe. */
export const pipedIn = (path: string): Uint8Array | undefined => piped.get(path);

const words: Record<string, string> = {
  ENOENT: "no such file",
  ENOTDIR: "part of the path is not a directory",
  EISDIR: "is a directory",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOSPC: "no space left on the device",
  EADDRINUSE: "the port is taken",
  ENAMETOOLONG: "the name is too long",
  EFBIG: "the file would be larger than is allowed",
  EDQUOT: "there is no more room for this user",
  ELOOP: "the links go in a circle",
};

/** A system error in words. */
export function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return (code && words[code]) ?? message;
}
