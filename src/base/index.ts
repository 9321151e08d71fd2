/**
 * base: words every room may use. Knows neither x86 nor networks, owns no clock and no chance of its own.
 */
export { alignUp, PAGE, signExtend8, signExtend16 } from "./bits.ts";
export {
  base64,
  base64Bytes,
  bytesOf,
  concat,
  latin1,
  latin1Bytes,
  setU16be,
  setU16le,
  setU32be,
  setU32le,
  u16be,
  u16le,
  u32be,
  u32le,
} from "./bytes.ts";
export { type Clock, FOREVER, ManualClock, type Micros, MS, SECOND } from "./clock.ts";
export { Deadlines, type Timed } from "./deadlines.ts";
export { Fifo } from "./fifo.ts";
export { Random } from "./random.ts";
export { ByteRing } from "./ring.ts";
export { type InRow, Row } from "./row.ts";
export { count, dump, hex, hexBytes, nearest, thousands } from "./text.ts";
export { type Placed, Turns } from "./turns.ts";
