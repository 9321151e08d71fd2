/**
 * `npm run prove`: compares for as long as you like. Bundles a program of test/conformance and runs it: with --sources the
 * assembler with an installed fasm (sources/prove.ts), otherwise the processor with the host's (processor/prove.ts).
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const asked = process.argv.slice(2);
const sources = asked.some((word) => word.startsWith("--sources"));
const proof = join(root, "test/conformance", sources ? "sources" : "processor");
const folder = mkdtempSync(join(tmpdir(), "kolibri-prove-"));
try {
  await build({
    entryPoints: (sources ? ["prove.ts", "ours.ts"] : ["prove.ts"]).map((name) => join(proof, name)),
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
  });
  const oracle = sources ? [] : ["--source", join(proof, "oracle.c")];
  const ran = spawnSync(process.execPath, [join(folder, "prove.mjs"), ...oracle, ...asked], {
    stdio: "inherit",
  });
  process.exitCode = ran.status ?? 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
