/**
 * `npm run bench [NAME…]`: runs test/bench/*.bench.ts one after another, each in a process of its own, on the code
 * as users run it (bundled, not transformed by the test runner). Names choose by part of the file name.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { root, setUp } from "./set-up.mjs";

await setUp();
const { build } = await import("esbuild");
const { numbersPlugin } = await import("./numbers.mjs");
const { readyPlugin } = await import("./ready.mjs");

const folder = join(root, "test", "bench");
const wanted = process.argv.slice(2);
const names = readdirSync(folder)
  .filter((name) => name.endsWith(".bench.ts"))
  .filter((name) => wanted.length === 0 || wanted.some((word) => name.includes(word)));
if (names.length === 0) {
  process.stderr.write(`no bench ${wanted.join(", ")} in test/bench\n`);
  process.exit(1);
}

const out = mkdtempSync(join(tmpdir(), "kolibri-bench-"));
process.on("exit", () => rmSync(out, { recursive: true, force: true }));
await build({
  entryPoints: names.map((name) => join(folder, name)),
  outdir: out,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  plugins: [readyPlugin, numbersPlugin()],
  minifySyntax: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  sourcemap: "inline",
  logLevel: "warning",
});
// Certificates that this machine gives to every process of Node: reading them takes longer than all the rest of a start.
delete process.env.NODE_EXTRA_CA_CERTS;
process.stdout.write(
  `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}\n`,
);
for (const name of names) {
  process.stdout.write(`\n${name.replace(".bench.ts", "")}\n`);
  const built = join(out, name.replace(/\.ts$/, ".mjs"));
  const { status } = spawnSync(process.execPath, ["--enable-source-maps", built], {
    cwd: root,
    stdio: "inherit",
  });
  if (status !== 0) process.exitCode = 1;
}
