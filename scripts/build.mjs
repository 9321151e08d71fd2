/**
 * Builds dist/: the library, module by module with its types (tsc), and the command line in rooms
 * that load fast (esbuild). It is made beside the old one and then takes its place.
 */
import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { build, transform } from "esbuild";
import { packedRows, packedRowsPlugin } from "./rows.mjs";
import { quietly, root } from "./set-up.mjs";

const dist = join(root, "dist");
const fresh = join(root, `dist.new-${process.pid}`);
process.on("exit", () => rmSync(fresh, { recursive: true, force: true }));

const bundle = {
  bundle: true,
  plugins: [packedRowsPlugin],
  external: ["koffi"], // optional, and it loads a library of its own
  alias: { yaml: join(root, "node_modules", "yaml", "browser", "index.js") }, // its modules; Node would get CommonJS
  platform: "node",
  target: "node20",
  minifySyntax: true,
  minifyWhitespace: true,
  logLevel: "warning",
};
await Promise.all([library(), door(), rooms().then(live)]);
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
  if (status !== 0) {
    process.stderr.write(output);
    process.exit(1);
  }
  writeFileSync(join(fresh, "isa", "plain.js"), packedRows("./table.js"));
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

/** All commands: what is imported when it is wanted, and what several such parts share, is a file cli/NAME.cjs. */
async function rooms() {
  const { outputFiles, metafile } = await build({
    ...bundle,
    entryPoints: { program: join(root, "src", "node", "cli", "program-file.ts") },
    outdir: "cli",
    format: "esm",
    splitting: true,
    metafile: true,
    write: false,
    charset: "ascii", // they are read as Latin-1
  });
  const names = namesOf(metafile.outputs);
  mkdirSync(join(fresh, "cli"), { recursive: true });
  for (const { path, text } of outputFiles) {
    const { code } = await transform(
      text.replaceAll(/"\.\/([^"/]+\.js)"/g, (whole, name) =>
        names.has(name) ? `"./${names.get(name)}"` : whole,
      ),
      {
        format: "cjs",
        target: bundle.target,
        minifyWhitespace: true,
        supported: { "dynamic-import": false },
      },
    );
    writeFileSync(join(fresh, "cli", names.get(basename(path))), code);
  }
}

/** A room is called as the folder of src/ that most of it comes from; a second one of the same name gets a number. */
function namesOf(outputs) {
  const names = new Map();
  const taken = new Set();
  for (const [path, { entryPoint, inputs }] of Object.entries(outputs)) {
    const bytes = new Map([[folderOf(entryPoint ?? ""), 0]]);
    for (const [file, { bytesInOutput }] of Object.entries(inputs))
      bytes.set(folderOf(file), (bytes.get(folderOf(file)) ?? 0) + bytesInOutput);
    const [[largest]] = [...bytes].sort(([, a], [, b]) => b - a);
    const wanted = entryPoint?.endsWith("program-file.ts") ? "program" : largest;
    let name = wanted;
    for (let number = 2; taken.has(name); number++) name = `${wanted}-${number}`;
    taken.add(name);
    names.set(basename(path), `${name}.cjs`);
  }
  return names;
}

function folderOf(file) {
  return /src\/(?:node\/)?(\w+)\//.exec(file)?.[1] ?? "yaml";
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
  const { cli } = room("program.cjs");
  const quiet = { write: () => true };
  const io = { stdout: quiet, stderr: quiet, env: {}, interrupted: new AbortController().signal };
  const kolibri = async (...argv) => {
    if ((await cli(argv, io)) > 1) throw new Error(`kolibri ${argv.join(" ")} does not work`);
  };
  setFlagsFromString("--no-flush-bytecode"); // what was used once is wanted, too
  const source = join(root, "asm");
  const image = join(fresh, "trial");
  for (const name of readdirSync(source).filter((name) => name.endsWith(".asm")))
    await kolibri("asm", join(source, name), image);
  for (const name of ["alu.asm", "sort.asm"]) {
    await kolibri("asm", join(source, "bench", name), image);
    await kolibri("run", image, "--raw", "--org", "0x1000", "--max-instructions", "3000000");
  }
  await kolibri("asm", join(source, "hello.asm"), image);
  await kolibri("run", image);
  await kolibri("disasm", image);
  await kolibri("lab", join(source, "labs", "lost-segment.yaml"));
  rmSync(image);
  setFlagsFromString("--flush-bytecode"); // as it is by default: code is taken only where the flags are the same
  for (const [name, script] of scripts)
    writeFileSync(join(folder, `${name}.compiled`), script.createCachedData());
}
