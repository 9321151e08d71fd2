/**
 * The machine's sources as V8 begins best with them, for it comes by nearly all of a compiler for the first time. Numbers
 * with names, and members of tables of them, stand as literals where they are used: else they would be looked up there.
 * Private members have plain names, which are found sooner.
 */
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { build } from "esbuild";
import { root } from "./set-up.mjs";

const source = join(root, "src");
/** Who exports them. */
const modules = [
  "machine/cpu/flags.ts",
  "machine/cpu/op.ts",
  "machine/cpu/operation.ts",
  "machine/cpu/state.ts",
  "machine/jit/discover.ts",
  "machine/jit/ir.ts",
  "machine/jit/numbers.ts",
  "machine/jit/slots.ts",
  "machine/jit/status.ts",
  "machine/jit/what.ts",
  "machine/memory/memory.ts",
  "machine/wasm/index.ts",
  "machine/wasm/opcodes.ts",
];

const { outputFiles } = await build({
  stdin: {
    contents: modules.map((file) => `export * as "${file}" from "./${file}";`).join("\n"),
    resolveDir: source,
  },
  bundle: true,
  format: "esm",
  write: false,
});
const exported = await import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);

const isTable = (value) =>
  typeof value === "object" && Object.values(value).every((member) => typeof member === "number");

const IMPORT = /^import \{([^}]*)\} from "(\.[^"]*)";$/gm;

/** A file's text with declarations of its own in place of such imports: esbuild puts the values of those where they are used. */
function withOwn(text, folder) {
  const code = text.replaceAll(IMPORT, "");
  return text.replaceAll(IMPORT, (whole, names, path) => {
    const values = exported[relative(source, join(folder, path))];
    if (values === undefined) return whole;
    const own = [];
    const others = names.split(",").filter((each) => {
      const name = each.trim();
      const value = values[name];
      if (typeof value === "number") own.push(`const ${name} = ${value};`);
      // Who wants more of a table than a member by its name gets the table.
      else if (isTable(value) && !new RegExp(`\\b${name}\\b(?!\\.)`).test(code))
        own.push(`const enum ${name} { ${Object.entries(value).map((member) => member.join("="))} }`);
      else return true;
      return false;
    });
    const isNeeded = others.some((each) => !each.trim().startsWith("type "));
    return `${isNeeded ? `import {${others}} from "${path}";` : ""}${own.join("")}`;
  });
}

/** `this.#name` and its declaration become `$name`. No class of the machine has the private names of one it extends. */
const withPlainNames = (text) =>
  text
    .replaceAll(/\.#(?=\w)/g, ".$")
    .replaceAll(/^(\s+(?:(?:readonly|static|async|get|set) )*\*?)#(?=\w)/gm, "$1$");

/** For esbuild. */
export const coldPlugin = {
  name: "cold",
  setup: ({ onLoad }) =>
    onLoad({ filter: /[\\/]src[\\/]machine[\\/].*\.ts$/ }, ({ path }) => ({
      contents: withPlainNames(withOwn(readFileSync(path, "utf8"), dirname(path))),
      loader: "ts",
    })),
};
