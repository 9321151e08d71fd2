/**
 * Builds dist/: the library, module by module with its types (tsc), and the command line bundled into
 * few files that load fast (esbuild). It is made beside the old one and then takes its place.
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
import { join } from "node:path";
import { Script } from "node:vm";
import { build } from "esbuild";
import { quietly, root } from "./set-up.mjs";

const dist = join(root, "dist");
const fresh = join(root, `dist.new-${process.pid}`);
process.on("exit", () => rmSync(fresh, { recursive: true, force: true }));

await Promise.all([library(), commandLine(), assembler()]);
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
  if (status === 0) return;
  process.stderr.write(output);
  process.exit(1);
}

/**
 * The assembler in one file, and what V8 makes of it: `kolibri asm` begins with that instead of compiling (see
 * src/node/cli/assembler.ts). Any V8 that is not this one passes it over.
 */
async function assembler() {
  const file = join(fresh, "cli", "assembler.cjs");
  await build({
    entryPoints: [join(root, "src", "assembler", "index.ts")],
    outfile: file,
    bundle: true,
    format: "cjs",
    platform: "neutral",
    target: "node20",
    charset: "ascii",
    minifySyntax: true,
    minifyWhitespace: true,
    logLevel: "warning",
  });
  const script = new Script(`(function(module){${readFileSync(file, "latin1")}\n})`, { filename: file });
  const module = { exports: {} };
  script.runInThisContext()(module);
  // What a program uses is compiled when it is first used.
  const asm = join(root, "asm");
  const files = {
    read(path) {
      const place = join(asm, path);
      return existsSync(place) && statSync(place).isFile() ? readFileSync(place) : undefined;
    },
  };
  for (const name of readdirSync(asm).filter((name) => name.endsWith(".asm")))
    module.exports.assemble(name, { files });
  writeFileSync(`${file}.compiled`, script.createCachedData());
}

/** Each command is a chunk of its own, so that `kolibri asm` never reads the network. */
async function commandLine() {
  await build({
    entryPoints: { cli: join(root, "src", "node", "cli", "main.ts") },
    outdir: fresh,
    chunkNames: "cli/[name]-[hash]",
    bundle: true,
    external: ["koffi"], // optional, and it loads a library of its own
    alias: { yaml: join(root, "node_modules", "yaml", "browser", "index.js") }, // its modules; Node would get CommonJS
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    sourcemap: true,
    minifySyntax: true,
    minifyWhitespace: true,
    banner: { js: "#!/usr/bin/env node" },
    logLevel: "warning",
  });
}
