/**
 * node: the only room that touches the real world: files, sockets, the terminal. Everything here is thin;
 * whatever can be thought about without a disk or a network lives in the other rooms.
 */
export { diskFiles, readFile, reason } from "./files.ts";
export { failureOf, NodeOutside } from "./host.ts";
export { SocketLink } from "./link.ts";
export type { Outlet } from "./outlet.ts";
export { OutputFile, writeFile } from "./output.ts";
export { parseTap, Tap } from "./tap.ts";
export { unicornEngine } from "./unicorn/engine.ts";
