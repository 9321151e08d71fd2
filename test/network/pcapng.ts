import { u16le, u32le } from "../../src/base/index.ts";

export interface Captured {
  readonly interface: string;
  readonly time: number;
  readonly bytes: Uint8Array;
  readonly comment: string | undefined;
}

/** The frames of a capture with their interfaces' names and comments: draft-ietf-opsawg-pcapng, as far as we write it. */
export function readCapture(file: Uint8Array): { interfaces: string[]; frames: Captured[] } {
  const interfaces: string[] = [];
  const frames: Captured[] = [];
  for (let at = 0; at < file.length; ) {
    const [type, length] = [u32le(file, at), u32le(file, at + 4)];
    if (type === 1) interfaces.push(option(file, at + 16, at + length - 4, 2) ?? "");
    if (type === 6) {
      const captured = u32le(file, at + 20);
      frames.push({
        interface: interfaces[u32le(file, at + 8)]!,
        time: u32le(file, at + 12) * 2 ** 32 + u32le(file, at + 16),
        bytes: file.subarray(at + 28, at + 28 + captured),
        comment: option(file, at + 28 + ((captured + 3) & ~3), at + length - 4, 1),
      });
    }
    at += length;
  }
  return { interfaces, frames };
}

function option(file: Uint8Array, from: number, to: number, wanted: number): string | undefined {
  for (let at = from; at + 4 <= to; at += 4 + ((u16le(file, at + 2) + 3) & ~3)) {
    if (u16le(file, at) === wanted)
      return new TextDecoder().decode(file.subarray(at + 4, at + 4 + u16le(file, at + 2)));
  }
  return undefined;
}
