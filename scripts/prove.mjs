// npm run prove: bundles test/conformance/processor/prove.ts and runs it.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "kolibri-prove-"));
try {
  const program = join(folder, "prove.mjs");
  const proof = join(root, "test/conformance/processor");
  await build({
    entryPoints: [join(proof, "prove.ts")],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
  });
  const source = ["--source", join(proof, "oracle.c")];
  const ran = spawnSync(process.execPath, [program, ...source, ...process.argv.slice(2)], {
    stdio: "inherit",
  });
  process.exitCode = ran.status ?? 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
