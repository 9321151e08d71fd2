import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Script } from "node:vm";

type Assembler = typeof import("../../assembler/index.ts");

let room: Assembler | undefined;

/**
 * The assembler, from where it is quickest to be had. The built program has it in one file, and beside that what V8 made
 * of it at the time, so that it need not be compiled again (scripts/build.mjs); the source tree has neither.
 */
export async function loadAssembler(): Promise<Assembler> {
  room ??=
    (compiled(new URL("cli/", import.meta.url)) ?? compiled(new URL(".", import.meta.url)))?.room ??
    (await import("../../assembler/index.ts"));
  return room;
}

/**
 * The assembler from `assembler.cjs` in a folder; undefined when there is none. What another V8 has compiled, or nobody,
 * is compiled now: `accepted` tells which.
 */
export function compiled(folder: URL): { room: Assembler; accepted: boolean } | undefined {
  const filename = fileURLToPath(new URL("assembler.cjs", folder));
  const source = read(filename)?.toString("latin1");
  if (source === undefined) return undefined;
  const cachedData = read(`${filename}.compiled`);
  const script = new Script(wrapped(source), { filename, ...(cachedData && { cachedData }) });
  const module = { exports: {} };
  script.runInThisContext()(module);
  return {
    room: module.exports as Assembler,
    accepted: cachedData !== undefined && script.cachedDataRejected === false,
  };
}

/** What is compiled: the file as a function. The build wraps it in the same way. */
const wrapped = (source: string): string => `(function(module){${source}\n})`;

function read(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
