/** The arms' module. The build puts the same here, written (scripts/ready.mjs): to write it takes milliseconds. */
import { armsBytes } from "./arms.ts";

export const arms = (): Uint8Array<ArrayBuffer> => armsBytes(true);
