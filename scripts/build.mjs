/**
 * Builds dist/: the library, module by module with its types (tsc), and the command line bundled into
 * few files that load fast (esbuild). It is made beside the old one and then takes its place.
 */
import { chmodSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { quietly, root } from "./set-up.mjs";

const dist = join(root, "dist");
const fresh = join(root, `dist.new-${process.pid}`);
process.on("exit", () => rmSync(fresh, { recursive: true, force: true }));

await Promise.all([library(), commandLine()]);
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
