/**
 * Makes a checkout ready to use: dependencies and build, each only when missing or out of date.
 * Runs before anything is installed, so it uses nothing but Node.
 */
import { spawn } from "node:child_process";
import { lstatSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Installs and builds what is needed; says one line a step, and nothing when there is nothing to do. */
export async function setUp(say = (line) => process.stderr.write(`${line}\n`)) {
  requireNode(readJson("package.json").engines.node.match(/\d+/)[0]);
  if (!dependenciesStand())
    await step(say, "Installing dependencies (npm ci)", npm, ["ci", "--loglevel=error"]);
  if (!buildStands()) await step(say, "Building", process.execPath, [join("scripts", "build.mjs")]);
}

/**
 * Runs a program in the project's folder. Its words are kept back and shown only if it fails. With `mortal` it ends, with
 * all that it has started, when this process does.
 */
export function quietly(command, args, { mortal = false, ...options } = {}) {
  return new Promise((resolve) => {
    const windows = process.platform === "win32";
    const child = spawn(command, args, {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      shell: windows && command === npm,
      detached: mortal && !windows,
      ...options,
    });
    const end = () => (windows ? child.kill() : process.kill(-child.pid, "SIGKILL"));
    if (mortal && child.pid) process.prependOnceListener("exit", end);
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.on("error", (error) => resolve({ status: 127, output: error.message }));
    child.on("close", (status, signal) => {
      process.off("exit", end);
      resolve({ status: status ?? 1, output, signal });
    });
  });
}

const npm = process.platform === "win32" ? "npm.cmd" : "npm";

async function step(say, title, command, args) {
  const start = performance.now();
  const terminal = process.stderr.isTTY && process.env.TERM !== "dumb";
  if (terminal) process.stderr.write(`${title} …`);
  const { status, output } = await quietly(command, args);
  if (terminal) process.stderr.write("\r\x1b[K");
  if (status !== 0) {
    say(`${title}: failed\n${output.trimEnd()}`);
    process.exit(1);
  }
  say(`${title}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
}

/** @param least `20` or `20.19` */
export function requireNode(least, what = "") {
  const [major, minor = 0] = least.split(".").map(Number);
  const [ours, more] = process.versions.node.split(".").map(Number);
  if (ours > major || (ours === major && more >= minor)) return;
  process.stderr.write(`Node ${least} or newer is needed${what}; this is ${process.versions.node}.\n`);
  process.exit(1);
}

/** Whether what npm installed is what the lock file asks for: the same packages in the same versions. */
function dependenciesStand() {
  let installed;
  try {
    installed = readJson(join("node_modules", ".package-lock.json")).packages;
  } catch {
    return false;
  }
  return Object.entries(readJson("package-lock.json").packages).every(
    ([path, { version, optional }]) =>
      path === "" || (optional && !installed[path]) || installed[path]?.version === version,
  );
}

/** Whether the build is newer than everything it is made of. */
export function buildStands() {
  let built;
  try {
    built = statSync(join(root, "dist", "cli.cjs")).mtimeMs;
  } catch {
    return false;
  }
  return ["src", "package.json", "tsconfig.json", "tsconfig.build.json", join("scripts", "build.mjs")].every(
    (path) => newest(join(root, path)) <= built,
  );
}

function newest(path) {
  const facts = lstatSync(path);
  if (!facts.isDirectory()) return facts.mtimeMs;
  return readdirSync(path).reduce((time, name) => Math.max(time, newest(join(path, name))), facts.mtimeMs);
}

function readJson(path) {
  return JSON.parse(readFileSync(join(root, path), "utf8"));
}
