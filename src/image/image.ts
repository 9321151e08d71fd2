import { readHeader } from "./header.ts";
import type { LineMap } from "./lines.ts";
import type { Symbols } from "./symbols.ts";

/** A program as it is to be loaded: its bytes, where they go, and what the program wants around them. */
export interface Image {
  readonly bytes: Uint8Array;
  /** The guest address of the first byte. */
  readonly origin: number;
  /** The first EIP. */
  readonly entry: number;
  /** Bytes of memory from address 0: image, reserved data and stack. */
  readonly memorySize: number;
  /** The first ESP. */
  readonly stackTop: number;
  /** Where the command line goes; 0 for nowhere (header field 0x1C). */
  readonly parameters: number;
  /** Where the program's path goes; 0 for nowhere (header field 0x20). */
  readonly path: number;
  /** The header variant, or undefined for a raw image. */
  readonly header?: "MENUET01" | "MENUET02";
  readonly symbols?: Symbols;
  readonly lines?: LineMap;
}

export interface RawOptions {
  origin?: number;
  entry?: number;
  /** Bytes for the stack behind the image; rounded up to whole pages. */
  stackSize?: number;
}

const RAW_STACK = 64 * 1024;

/** An image without a header: loaded at `origin`, its stack in the pages behind it. */
export function rawImage(bytes: Uint8Array, options: RawOptions = {}): Image {
  const origin = options.origin ?? 0;
  const stackBottom = Math.ceil((origin + bytes.length) / 4096) * 4096;
  const stackTop = stackBottom + Math.ceil((options.stackSize ?? RAW_STACK) / 4096) * 4096;
  return {
    bytes,
    origin,
    entry: options.entry ?? origin,
    memorySize: stackTop,
    stackTop,
    parameters: 0,
    path: 0,
  };
}

/** The image that a file's bytes describe, or why they describe none. */
export function imageFrom(bytes: Uint8Array): Image | { error: string } {
  const header = readHeader(bytes);
  if ("error" in header) return header;
  return {
    bytes,
    origin: 0,
    entry: header.entry,
    memorySize: header.memorySize,
    stackTop: header.stackTop,
    parameters: header.parameters,
    path: header.path,
    header: header.variant,
  };
}
