// npm run prove [-- NAME]: bundles the long comparison of that name with something we did not write, and runs it.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));

/** What is compared: its program, its thread, what it is always given. The first is meant when no name is said. */
const proofs = {
  processor: {
    program: "test/conformance/processor/prove.ts",
    given: ["--root", root],
  },
  breakpoints: { program: "test/conformance/processor/breakpoints-prove.ts", given: ["--root", root] },
  fuzz: { program: "test/conformance/fuzz-prove.ts", given: [] },
  suites: { program: "test/conformance/suites.ts", given: ["--root", root] },
  sources: {
    program: "test/conformance/sources/prove.ts",
    thread: "test/conformance/sources/ours.ts",
    given: [],
  },
  network: { program: "test/network/prove.ts", given: ["--folder", join(root, "test", "network")] },
  netem: { program: "test/network/netem-prove.ts", given: ["--folder", join(root, "test", "network")] },
  attack: { program: "test/network/attack-prove.ts", given: [] },
  mutations: { program: "test/conformance/assembler/mutations.ts", given: ["--root", root] },
  programs: { program: "test/conformance/assembler/programs.ts", given: [] },
  shapes: { program: "test/conformance/assembler/shapes.ts", given: [] },
  sessions: { program: "test/conformance/assembler/sessions.ts", given: [] },
};

const [first, ...rest] = process.argv.slice(2);
const named = Object.hasOwn(proofs, first ?? "");
if (first !== undefined && !named && !first.startsWith("-")) {
  console.error(`prove: there is no "${first}"; there are ${Object.keys(proofs).join(", ")}`);
  process.exit(1);
}
const proof = proofs[named ? first : "processor"];
const asked = named ? rest : process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "kolibri-prove-"));
try {
  await build({
    entryPoints: [proof.program, proof.thread].filter(Boolean).map((name) => join(root, name)),
    outdir: folder,
    entryNames: "[name]",
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
  });
  const program = join(folder, basename(proof.program, ".ts"));
  const ran = spawnSync(process.execPath, [`${program}.mjs`, ...proof.given, ...asked], { stdio: "inherit" });
  process.exitCode = ran.status ?? 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
