import { base64Bytes } from "../../../base/index.ts";

/** The module of a family: names of its functions, in the order of their numbers, and its bytes. */
export interface FamilyModule {
  readonly names: readonly string[];
  readonly bytes: () => Uint8Array<ArrayBuffer>;
}

/** One that was written before: names with spaces between them, bytes in base 64. */
export const kept = (names: string, bytes: string): FamilyModule => ({
  names: names.split(" "),
  bytes: () => base64Bytes(bytes),
});
