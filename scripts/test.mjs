/** Everything that is to hold, in one command: set-up, style, types, tests. Arguments go to vitest. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { quietly, requireNode, root, setUp } from "./set-up.mjs";

const began = performance.now();
const say = (line) => process.stdout.write(`${line}\n`);

requireNode("20.19", " for the tests, by vitest");
await setUp(say);
const failed = (await Promise.all([check("biome", ["check", "."]), ...types()])).includes(false);
const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
const tests = spawnSync(process.execPath, [vitest, "run", ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
});
const ok = !failed && tests.status === 0;
say(`${ok ? "All is well" : "Failed"}, ${((performance.now() - began) / 1000).toFixed(0)} s.`);
process.exitCode = ok ? 0 : 1;

function types() {
  return ["tsconfig.json", "tsconfig.node.json"].map((project) => check("typescript", ["-p", project]));
}

async function check(tool, args) {
  const programs = { biome: ["@biomejs", "biome", "bin", "biome"], typescript: ["typescript", "bin", "tsc"] };
  const program = join(root, "node_modules", ...programs[tool]);
  const { status, output } = await quietly(process.execPath, [program, ...args]);
  say(`${tool} ${args.join(" ")}: ${status === 0 ? "ok" : `failed\n${output.trimEnd()}`}`);
  return status === 0;
}
