/**
 * Builds dist/: the library, module by module with its types (tsc), and the command line in rooms
 * that load fast (esbuild). It is made beside the old one and then takes its place.
 */
import { chmodSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { build } from "esbuild";
import { coldPlugin } from "./cold.mjs";
import { hasNumbers, withNumbers } from "./numbers.mjs";
import { ready, readyPlugin } from "./ready.mjs";
import { buildRooms } from "./rooms.mjs";
import { quietly, root } from "./set-up.mjs";

const dist = join(root, "dist");
const fresh = join(root, `dist.new-${process.pid}`);
const remove = (folder) => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
process.on("exit", () => remove(fresh));
for (const [signal, number] of Object.entries({ SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }))
  process.on(signal, () => process.exit(128 + number));
for (const name of readdirSync(root)) {
  const [, maker] = /^dist\.new-(\d+)$/.exec(name) ?? [];
  if (maker && !isAlive(Number(maker))) remove(join(root, name)); // what was left by a build that was killed
}

const bundle = {
  absWorkingDir: root,
  bundle: true,
  plugins: [readyPlugin, coldPlugin],
  external: ["koffi"], // optional, and it loads a library of its own
  alias: { yaml: join(root, "node_modules", "yaml", "browser", "index.js") }, // its modules; Node would get CommonJS
  platform: "node",
  target: "node20",
  minifySyntax: true,
  minifyWhitespace: true,
  logLevel: "warning",
};
const rooms = buildRooms("src/node/cli/program-file.ts", join(fresh, "cli"), bundle);
// Ctrl-C ends esbuild's process, too: it is our end that is to be told, not esbuild's.
await Promise.all([library(), door(), rooms.then(live)]).catch((error) =>
  setTimeout(100).then(() => Promise.reject(error)),
);
remove(dist);
renameSync(fresh, dist);

function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === "EPERM";
  }
}

async function library() {
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const argv = [tsc, "-p", "tsconfig.build.json", "--outDir", fresh];
  const { status, output } = await quietly(process.execPath, argv, { mortal: true });
  if (status !== 0) {
    process.stderr.write(output);
    process.exit(1);
  }
  for (const [path, contents] of Object.entries(ready))
    writeFileSync(join(fresh, `${path}.js`), contents(".js"));
  const written = readdirSync(fresh, { recursive: true }).filter(
    (path) => path.endsWith(".js") && hasNumbers(path),
  );
  await Promise.all(
    written.map(async (path) => {
      const file = join(fresh, path);
      writeFileSync(file, await withNumbers(readFileSync(file, "utf8"), path));
    }),
  );
}

/** The few lines that the shell starts: they load the rooms that are wanted (src/node/cli/rooms.ts). */
async function door() {
  const outfile = join(fresh, "cli.cjs");
  const entry = join(root, "src", "node", "cli", "main.ts");
  await build({
    ...bundle,
    entryPoints: [entry],
    outfile,
    format: "cjs",
    banner: { js: "#!/usr/bin/env node" },
  });
  chmodSync(outfile, 0o755);
}

/**
 * Lives in the rooms for a while and keeps what V8 has compiled in the meantime: a process begins with that. The rest
 * is compiled when it is first used.
 */
async function live() {
  const { outputFiles } = await build({
    ...bundle,
    entryPoints: [join(root, "src", "node", "cli", "rooms.ts")],
    format: "esm",
    write: false,
  });
  const { roomsIn } = await import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
  const scripts = new Map();
  const folder = join(fresh, "cli");
  const room = roomsIn(folder, createRequire(join(fresh, "cli.cjs")), (name, script) =>
    scripts.set(name, script),
  );
  const { cli, machine, rawImage } = room("program.cjs")["node/cli/program-file"];
  const quiet = { write: () => true };
  const io = { stdout: quiet, stderr: quiet, env: {}, interrupted: new AbortController().signal };
  const kolibri = async (...argv) => {
    if ((await cli(argv, io)) > 1) throw new Error(`kolibri ${argv.join(" ")} does not work`);
  };
  /** Has it compiled whatever the kernels do: they want memory that no program gets by itself. */
  const calculate = async (kernel) => {
    const { loadImage, Machine } = await machine();
    const end = 0x100_0000;
    const guest = new Machine({ memoryBytes: end, engine: "compiled" });
    loadImage(guest, rawImage(kernel, { origin: 0x1000 }));
    guest.memory.map(0, end);
    guest.cpu.esp = end;
    guest.onInterrupt(() => guest.cpu.eax === 3);
    const { reason } = guest.run(3_000_000);
    if (reason === "fault") throw new Error(`a kernel ends with a fault at ${guest.cpu.eip}`);
  };
  setFlagsFromString("--no-flush-bytecode"); // what was used once is wanted, too
  const source = join(root, "asm");
  const image = join(fresh, "trial");
  for (const name of readdirSync(source).filter((name) => name.endsWith(".asm")))
    await kolibri("asm", join(source, name), image);
  for (const name of readdirSync(join(source, "bench")).filter((name) => name.endsWith(".asm"))) {
    await kolibri("asm", join(source, "bench", name), image);
    await calculate(readFileSync(image));
  }
  room("rare.cjs"); // of the compiler, which no kernel enters
  await kolibri("asm", join(source, "hello.asm"), image);
  await kolibri("run", image);
  await kolibri("disasm", image);
  await kolibri("lab", join(source, "labs", "lost-segment.yaml"));
  rmSync(image);
  setFlagsFromString("--flush-bytecode --sparkplug"); // as by default: code is taken only where the flags are the same
  for (const [name, script] of scripts)
    writeFileSync(join(folder, `${name}.compiled`), script.createCachedData());
}
