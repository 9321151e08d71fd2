import { latin1, setU32le, u32le } from "../base/index.ts";

/**
 * The application header of KolibriOS (its documentation calls it MENUET01): nine dwords behind eight
 * letters, all little-endian. Variant 02 has the same fields and asks for thread-local storage.
 */
export interface Header {
  variant: "MENUET01" | "MENUET02";
  version: number;
  entry: number;
  /** Bytes of initialised image. The kernel only checks that it is not above `memorySize`. */
  imageEnd: number;
  memorySize: number;
  stackTop: number;
  parameters: number;
  path: number;
}

export const HEADER_SIZE = 0x24;

const at = {
  version: 0x08,
  entry: 0x0c,
  imageEnd: 0x10,
  memorySize: 0x14,
  stackTop: 0x18,
  parameters: 0x1c,
  path: 0x20,
} as const;

/** Programs live below 2 GiB: the kernel has the upper half. */
const USER_SPACE = 0x8000_0000;

export function hasHeader(bytes: Uint8Array): boolean {
  return latin1(bytes.subarray(0, 6)) === "MENUET";
}

export function readHeader(bytes: Uint8Array): Header | { error: string } {
  if (!hasHeader(bytes)) return { error: "no application header: the file does not begin with MENUET01" };
  const variant = latin1(bytes.subarray(0, 8));
  if (variant !== "MENUET01" && variant !== "MENUET02") {
    return {
      error: `application header ${JSON.stringify(variant)} is not supported: only MENUET01 and MENUET02 are`,
    };
  }
  if (bytes.length < HEADER_SIZE) {
    return { error: `application header cut short: ${bytes.length} bytes, ${HEADER_SIZE} needed` };
  }
  const header: Header = {
    variant,
    version: u32le(bytes, at.version),
    entry: u32le(bytes, at.entry),
    imageEnd: u32le(bytes, at.imageEnd),
    memorySize: u32le(bytes, at.memorySize),
    stackTop: u32le(bytes, at.stackTop),
    parameters: u32le(bytes, at.parameters),
    path: u32le(bytes, at.path),
  };
  if (header.memorySize >= USER_SPACE) {
    return { error: `application header asks for ${header.memorySize} bytes of memory: the limit is 2 GiB` };
  }
  if (header.imageEnd > header.memorySize) {
    return {
      error: `application header: image size ${header.imageEnd} is above the memory size ${header.memorySize}`,
    };
  }
  if (header.entry >= header.memorySize) {
    return {
      error: `application header: entry 0x${header.entry.toString(16)} is outside the ${header.memorySize} bytes of memory`,
    };
  }
  return header;
}

export function writeHeader(header: Header): Uint8Array {
  const bytes = new Uint8Array(HEADER_SIZE);
  bytes.set(Array.from(header.variant, (letter) => letter.charCodeAt(0)));
  setU32le(bytes, at.version, header.version);
  setU32le(bytes, at.entry, header.entry);
  setU32le(bytes, at.imageEnd, header.imageEnd);
  setU32le(bytes, at.memorySize, header.memorySize);
  setU32le(bytes, at.stackTop, header.stackTop);
  setU32le(bytes, at.parameters, header.parameters);
  setU32le(bytes, at.path, header.path);
  return bytes;
}
