/**
 * What stands in the place of some files in everything that is built: what they would work out, as text, so that no
 * process works it out again. The table of instructions (src/isa/table.ts), the names of those of AVX, the module of the
 * interpreter's arms (src/machine/cpu/arms/), and those of its fast functions (src/machine/cpu/fast/kept.ts).
 */
import { dirname, join } from "node:path";
import { build } from "esbuild";
import { root } from "./set-up.mjs";

async function evaluated(folder, contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: join(root, "src", folder) },
    bundle: true,
    format: "esm",
    write: false,
  });
  return import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
}

async function table() {
  const { rows, pack } = await evaluated(
    "isa",
    'export { rows } from "./forms/index.ts"; export { pack } from "./table.ts";',
  );
  return (extension) => `import { unpack } from "./table${extension}";
export const plain = unpack(${JSON.stringify(pack(rows))});
`;
}

async function avxNames() {
  const { avxList } = await evaluated("isa", 'export { avxList } from "./forms/avx-list.ts";');
  return () => `export const avxList = () => ${JSON.stringify(avxList())};
`;
}

async function fastFunctions() {
  const { modules, keep } = await evaluated(
    "machine/cpu/fast",
    'export { modules } from "./modules.ts"; export { keep } from "./written.ts";',
  );
  const lines = Object.entries(modules).map(
    ([name, family]) => `${name}: kept(${keep(family).map(JSON.stringify)}),`,
  );
  return (extension) => `import { kept } from "./kept${extension}";
export const modules = {
${lines.join("\n")}
};
`;
}

async function arms(name) {
  const { arms, base64 } = await evaluated(
    "machine/cpu/arms",
    `export { arms } from "./${name}.ts"; export { base64 } from "../../../base/index.ts";`,
  );
  const text = base64(arms());
  return (extension) => `import { base64Bytes } from "../../../base/index${extension}";
export const arms = () => base64Bytes(${JSON.stringify(text)});
`;
}

/** By folder under src/ and name: the module, which finds its neighbours under names with this extension. */
export const ready = {
  "isa/forms/avx-list": await avxNames(),
  "isa/plain": await table(),
  "machine/cpu/fast/modules": await fastFunctions(),
  "machine/cpu/arms/modules": await arms("modules"),
  "machine/cpu/arms/without-tail-calls": await arms("without-tail-calls"),
};

/** For esbuild. */
export const readyPlugin = {
  name: "ready",
  setup: ({ onLoad }) => {
    for (const [path, contents] of Object.entries(ready)) {
      const filter = new RegExp(`[\\\\/]src[\\\\/]${path.replaceAll("/", "[\\\\/]")}\\.ts$`);
      onLoad({ filter }, () => ({
        contents: contents(".ts"),
        loader: "js",
        resolveDir: dirname(join(root, "src", path)),
      }));
    }
  },
};
