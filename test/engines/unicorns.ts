/**
 * All Unicorns that there are here, as engines: libunicorn; the npm package as Node finds it, or as it was installed in
 * the folder that the environment variable UNICORN_JS names; and libunicorn in the part of the package.
 */
import { createRequire } from "node:module";
import { resolve } from "node:path";
import type { EngineMaker } from "../../src/machine/index.ts";
import { UnicornEngine } from "../../src/node/unicorn/engine.ts";
import { nativeLibrary, type Unicorn } from "../../src/node/unicorn/library.ts";
import { unicornPackage, wrappedPackage } from "../../src/node/unicorn/package.ts";
import { playedUnicorn } from "./played-unicorn.ts";

const { UNICORN_JS } = process.env;

async function installed(): Promise<Unicorn | { error: string }> {
  const fromFolder = async (): Promise<unknown> => ({
    default: createRequire(resolve(UNICORN_JS!, "package.json"))("@alexaltea/unicorn-js/x86"),
  });
  const found = UNICORN_JS ? await unicornPackage(fromFolder) : await unicornPackage();
  return (
    found ?? {
      error: "@alexaltea/unicorn-js is not installed here; UNICORN_JS may name a folder where it is",
    }
  );
}

const played = await playedUnicorn();
const all: readonly (readonly [name: string, library: Unicorn | { error: string }])[] = [
  ["libunicorn", await nativeLibrary()],
  ["the npm package", await installed()],
  ["the npm package, played by libunicorn", "error" in played ? played : wrappedPackage(played)],
];

/** Titles say why one is missing. */
export const unicorns = all.map(([name, library]) => {
  const isPlayed = name.includes("played");
  if ("error" in library)
    return { title: `${name} (skipped: ${library.error})`, engine: undefined, isPlayed };
  const engine: EngineMaker = (core) => new UnicornEngine(library, core);
  return { title: name, engine, isPlayed };
});
