/**
 * node: the only room that says `node:`. Thin edges between the thinking rooms and this host: sockets, files, command line.
 */
export { failureOf, NodeOutside } from "./host.ts";
