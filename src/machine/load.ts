import { alignUp, bytesOf, concat, PAGE } from "../base/index.ts";
import type { Image } from "../image/index.ts";
import type { Machine } from "./machine.ts";

export interface LoadOptions {
  /** The command line; an absent one writes one zero byte where the image wants it. */
  args?: string;
  /** The program's path as the guest sees it, e.g. `/rd/1/network/ping`. */
  path?: string;
}

/** Says that UTF-8 follows; a path that begins so can be given back to function 70 unchanged. */
const PATH_MARK = "/\x03";
/** Bytes of a path that fit the 1024 that a program sets aside, its zero apart. */
const LONGEST_PATH = 1022;
const LONGEST_ARGUMENTS = 65535;
/** Command lines from this length on get memory of their own. */
const LONG_ARGUMENTS = 256;

/**
 * Puts an image into a machine: maps whole pages for all the memory it asks for, copies its bytes, writes
 * command line and path where its header wants them, and sets the registers as a program finds them at its
 * first instruction. Returns the first address behind the program, a multiple of the page size, or why the
 * image cannot be loaded; then the machine is unchanged.
 */
export function loadImage(
  machine: Machine,
  image: Image,
  options: LoadOptions = {},
): { end: number } | { error: string } {
  const args = bytesOf(options.args ?? "");
  const path = bytesOf(PATH_MARK + (options.path ?? ""));
  if (args.length > LONGEST_ARGUMENTS) {
    return { error: `the command line has ${args.length} bytes: at most ${LONGEST_ARGUMENTS} are possible` };
  }
  if (path.length > LONGEST_PATH) {
    return { error: `the program's path has ${path.length} bytes: at most ${LONGEST_PATH} are possible` };
  }
  const long = args.length >= LONG_ARGUMENTS && image.parameters !== 0;
  const used = Math.max(image.memorySize, image.origin + image.bytes.length);
  const end = alignUp(used + (long ? args.length + 1 : 0), PAGE);
  if (end > machine.memory.size) {
    return { error: `the program asks for ${end} bytes of memory: the machine has ${machine.memory.size}` };
  }
  const places: [string, number, number][] = [
    ["command line", image.parameters, long ? 0 : args.length + 1],
    ["path", image.path, options.path === undefined ? 0 : path.length + 1],
  ];
  for (const [what, at, length] of places) {
    if (at !== 0 && at + length > end) {
      return { error: `the header wants the ${what} at 0x${at.toString(16)}: outside the program's memory` };
    }
  }
  const { memory, cpu } = machine;
  memory.map(0, end);
  memory.place(image.origin, image.bytes);
  if (image.parameters !== 0) {
    if (long) {
      // The string goes to the very end, and the header tells the program where (loader of executables).
      const at = end - args.length - 1;
      memory.place(at, concat([args, Uint8Array.of(0)]));
      memory.set32(PARAMETERS_FIELD, at);
    } else {
      memory.place(image.parameters, concat([args, Uint8Array.of(0)]));
    }
  }
  if (image.path !== 0 && options.path !== undefined) {
    memory.place(image.path, concat([path, Uint8Array.of(0)]));
  }
  machine.reset();
  cpu.eip = image.entry;
  cpu.esp = image.stackTop;
  return { end };
}

/** Where an application header keeps the address of the command line. */
const PARAMETERS_FIELD = 0x1c;
