/**
 * kernel: answers `int 0x40`. A personality is a table (personality/guide.ts): each row names a function, says where
 * its arguments are and what they mean, and which service does it. Services (service/) are plain functions over
 * what a process holds; they never see a register. A call that cannot be answered yet parks its thread as data and
 * is asked again when its socket changes or its moment comes.
 *
 * It knows no files, no host and no clock of its own. Read first: call.ts, then personality/guide.ts.
 */
export { call, type Kind, type Outcome, type Personality, type Row } from "./call.ts";
export { Kernel, type KernelOptions, type KernelStop } from "./kernel.ts";
export { type GuideOptions, guide } from "./personality/guide.ts";
export { type Place, placeOf, showPlace } from "./place.ts";
export type { ParkedCall, Process, SocketFile, Thread } from "./process.ts";
export type { Reason } from "./reasons.ts";
export { type CallObserver, type CallRecord, showCall, showCallLine } from "./trace.ts";
