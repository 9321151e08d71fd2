/**
 * What stands in the place of src/isa/plain.ts in everything that is built: the same table as text, so that no process
 * works it out again (src/isa/table.ts).
 */
import { join } from "node:path";
import { build } from "esbuild";
import { root } from "./set-up.mjs";

const folder = join(root, "src", "isa");

const { outputFiles } = await build({
  stdin: {
    contents: 'export { rows } from "./forms/index.ts"; export { pack } from "./table.ts";',
    resolveDir: folder,
  },
  bundle: true,
  format: "esm",
  write: false,
});
const { rows, pack } = await import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
const text = JSON.stringify(pack(rows));

/** The module; `table` is where it finds table.ts. */
export const packedRows = (table) => `import { unpack } from "${table}";
export const plain = unpack(${text});
`;

/** For esbuild. */
export const packedRowsPlugin = {
  name: "packed-rows",
  setup: ({ onLoad }) =>
    onLoad({ filter: /[\\/]src[\\/]isa[\\/]plain\.ts$/ }, () => ({
      contents: packedRows("./table.ts"),
      loader: "js",
      resolveDir: folder,
    })),
};
