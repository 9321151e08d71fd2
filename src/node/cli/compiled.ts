import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { Script } from "node:vm";

/**
 * A part of the built program from `NAME.cjs` in a folder, where it stands in one file, and beside that in
 * `NAME.cjs.compiled` what V8 made of it at the time, so that it need not be compiled again (scripts/build.mjs).
 * Undefined when there is no such file. What another V8 has compiled, or nobody, is compiled now: `accepted` tells which.
 */
export function compiled<Room>(folder: URL, name: string): { room: Room; accepted: boolean } | undefined {
  const url = new URL(`${name}.cjs`, folder);
  const filename = fileURLToPath(url);
  const source = read(filename)?.toString("latin1");
  if (source === undefined) return undefined;
  const cachedData = read(`${filename}.compiled`);
  const script = new Script(wrapped(source), { filename, ...(cachedData && { cachedData }) });
  const module = { exports: {} };
  script.runInThisContext()(module, later(createRequire(url)), url.href);
  return {
    room: module.exports as Room,
    accepted: cachedData !== undefined && script.cachedDataRejected === false,
  };
}

/** Node's own modules are loaded when something of them is first used: the network's take as long as a short program. */
const later =
  (require: NodeJS.Require) =>
  (name: string): unknown =>
    name.startsWith("node:") ? new Proxy({}, { get: (_, member) => require(name)[member] }) : require(name);

/** What is compiled: the file as a function. The build wraps it in the same way. */
const wrapped = (source: string): string => `(function(module,require,url){${source}\n})`;

function read(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
