/**
 * Builds dist/: the library, module by module with its types (tsc), and the command line in two
 * files that load fast (esbuild). It is made beside the old one and then takes its place.
 */
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Script } from "node:vm";
import { build } from "esbuild";
import { packedRows, packedRowsPlugin } from "./rows.mjs";
import { quietly, root } from "./set-up.mjs";

const dist = join(root, "dist");
const fresh = join(root, `dist.new-${process.pid}`);
process.on("exit", () => rmSync(fresh, { recursive: true, force: true }));

const bundle = {
  bundle: true,
  plugins: [packedRowsPlugin],
  external: ["koffi"], // optional, and it loads a library of its own
  alias: { yaml: join(root, "node_modules", "yaml", "browser", "index.js") }, // its modules; Node would get CommonJS
  platform: "node",
  target: "node20",
  sourcemap: true,
  minifySyntax: true,
  minifyWhitespace: true,
  logLevel: "warning",
};
await Promise.all([library(), commandLine(), assembler().then(program)]);
chmodSync(join(fresh, "cli.js"), 0o755);
rmSync(dist, { recursive: true, force: true });
renameSync(fresh, dist);

async function library() {
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const { status, output } = await quietly(process.execPath, [
    tsc,
    "-p",
    "tsconfig.build.json",
    "--outDir",
    fresh,
  ]);
  if (status !== 0) {
    process.stderr.write(output);
    process.exit(1);
  }
  writeFileSync(join(fresh, "isa", "plain.js"), packedRows("./table.js"));
}

/** The few lines that the shell starts: they load kolibri.cjs (see src/node/cli/compiled.ts). */
async function commandLine() {
  await build({
    ...bundle,
    entryPoints: { cli: join(root, "src", "node", "cli", "main.ts") },
    outdir: fresh,
    format: "esm",
    banner: { js: "#!/usr/bin/env node" },
  });
}

/** All commands in one file. The assembler has a file of its own, so that running an image does not load it. */
async function program() {
  const { exports, keep } = await compiled("kolibri", join("node", "cli", "program-file.ts"));
  const silent = { write: () => true };
  const io = { stdout: silent, stderr: silent, env: {}, interrupted: new AbortController().signal };
  const source = join(root, "asm");
  for (const name of ["hello.asm", join("bench", "alu.asm"), join("bench", "sort.asm")]) {
    const image = join(fresh, "image");
    await exports.cli(["asm", join(source, name), image], io);
    const raw = name === "hello.asm" ? [] : ["--raw", "--org", "0x1000", "--max-instructions", "3000000"];
    await exports.cli(["run", image, ...raw], io);
    rmSync(image);
  }
  keep();
}

async function assembler() {
  const { exports, keep } = await compiled("assembler", join("assembler", "index.ts"));
  const asm = join(root, "asm");
  const files = {
    read(path) {
      const place = join(asm, path);
      return existsSync(place) && statSync(place).isFile() ? readFileSync(place) : undefined;
    },
  };
  for (const name of readdirSync(asm).filter((name) => name.endsWith(".asm")))
    exports.assemble(name, { files });
  keep();
}

/**
 * A part of the program in one file, cli/NAME.cjs, and beside it what V8 makes of it: a process begins with that instead
 * of compiling. Any V8 that is not this one passes it over. What V8 has compiled when `keep` is called is what has been
 * used until then; the rest is compiled when it is first used.
 */
async function compiled(name, entry) {
  const file = join(fresh, "cli", `${name}.cjs`);
  await build({
    ...bundle,
    entryPoints: [join(root, "src", entry)],
    outfile: file,
    format: "cjs",
    charset: "ascii", // it is read as Latin-1
    define: { "import.meta.url": "url" },
    external: [...bundle.external, "*/assembler/index.ts"],
    supported: { "dynamic-import": false },
  });
  const url = pathToFileURL(file);
  const script = new Script(`(function(module,require,url){${readFileSync(file, "latin1")}\n})`, {
    filename: file,
  });
  const module = { exports: {} };
  script.runInThisContext()(module, createRequire(url), url.href);
  const keep = () => writeFileSync(`${file}.compiled`, script.createCachedData());
  return { exports: module.exports, keep };
}
