/** The same for hosts whose WebAssembly has no calls in tail position; the build has this written, too. */
import { armsBytes } from "./arms.ts";

export const arms = (): Uint8Array<ArrayBuffer> => armsBytes(false);
