// npm run prove [-- NAME]: bundles the long comparison of that name with something we did not write, and runs it.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));

/** What is compared: its program, and what that is always given. The first is meant when no name is said. */
const proofs = {
  processor: {
    program: "test/conformance/processor/prove.ts",
    given: ["--source", join(root, "test/conformance/processor/oracle.c")],
  },
  mutations: { program: "test/conformance/assembler/mutations.ts", given: ["--root", root] },
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
  const program = join(folder, "prove.mjs");
  await build({
    entryPoints: [join(root, proof.program)],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
  });
  const ran = spawnSync(process.execPath, [program, ...proof.given, ...asked], { stdio: "inherit" });
  process.exitCode = ran.status ?? 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
