/**
 * Numbers with names, and members of tables of them, as literals where they are used, in all that is built of the
 * assembler and the machine: else V8 looks a name up each time until it has optimized a function, and never makes a table
 * of a `switch`, for which its cases have to be literals.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { build, transform } from "esbuild";
import { root } from "./set-up.mjs";

const source = join(root, "src");

const IMPORT = /^import \{([^}]*)\} from "(\.[^"]*)";$/gm;
/** A number that a file has a name for. */
const NUMBER = /^(export )?const ([A-Z][A-Z0-9_]*) = (-?[0-9][0-9a-fx_]*);$/gm;

/** Who exports something that may be a number or a table, be it of another. */
const modules = ["assembler", "machine"].flatMap((folder) =>
  readdirSync(join(source, folder), { recursive: true })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    .map((name) => join(folder, name).replaceAll(sep, "/"))
    .filter((file) => /^export (?:const [A-Z]\w* =|\{)/m.test(readFileSync(join(source, file), "utf8"))),
);

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
  typeof value === "object" &&
  Object.getPrototypeOf(value) === Object.prototype &&
  Object.values(value).every((member) => typeof member === "number");

/** The code of a file of the assembler or the machine, be it TypeScript or what has become of it, at this path under src/. */
export async function withNumbers(text, path) {
  const rest = text.replaceAll(IMPORT, "");
  const numbers = {};
  const own = text
    .replaceAll(IMPORT, (whole, names, from) => {
      const file = join(dirname(path), from.replace(/\.js$/, ".ts")).replaceAll(sep, "/");
      const values = exported[file];
      if (values === undefined) return whole;
      const tables = [];
      const others = names.split(",").filter((each) => {
        const name = each.trim();
        const value = values[name];
        if (typeof value === "number") numbers[name] = String(value);
        // Who wants more of a table than a member by its name gets the table.
        else if (isTable(value) && !new RegExp(`\\b${name}\\b(?!\\.)`).test(rest))
          tables.push(`const enum ${name} { ${Object.entries(value).map((member) => member.join("="))} }`);
        else return true;
        return false;
      });
      const isNeeded = others.some((each) => each.trim() !== "" && !each.trim().startsWith("type "));
      return `${isNeeded ? `import {${others}} from "${from}";` : ""}${tables.join("")}`;
    })
    .replaceAll(NUMBER, (_, exports, name, digits) => {
      const value = Number(digits.replaceAll("_", ""));
      numbers[name] = String(value);
      return exports ? `const $${name} = ${value}; export { $${name} as ${name} };` : "";
    });
  const { code } = await transform(own, { loader: "ts", define: numbers, target: "es2022" });
  return code;
}

/** Whether a path under src/ is that of one of these files. */
export const hasNumbers = (path) => /^(assembler|machine)[\\/]/.test(path);

/** For esbuild; `prepared` is what becomes of a file's text first. */
export const numbersPlugin = (prepared = (text) => text) => ({
  name: "numbers",
  setup: ({ onLoad }) =>
    onLoad({ filter: /[\\/]src[\\/](assembler|machine)[\\/].*\.ts$/ }, async ({ path }) => ({
      contents: await withNumbers(prepared(readFileSync(path, "utf8")), relative(source, path)),
      loader: "js",
    })),
});
