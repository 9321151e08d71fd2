/**
 * The command line in rooms: one script for what is used together, so that a process loads what it needs and little
 * else. src/node/cli/rooms.ts enters them; this decides which source is in which room.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { build } from "esbuild";

/** The room of a file is the first whose pattern fits its path. */
const rooms = {
  yaml: /node_modules\/yaml/,
  base: /^src\/(base|image)\//,
  avx: /^src\/isa\/(decode-long|forms\/avx(-schemes)?)\./,
  isa: /^src\/isa\//,
  assembler: /^src\/assembler\//,
  debug: /^src\/debug\//,
  unicorn: /^src\/node\/unicorn\//,
  net: /^src\/net\//,
  lab: /^src\/lab\/|^src\/node\/cli\/lab(oratory|-file)\./,
  network: /^src\/node\/(host|link|tap)\.|^src\/node\/cli\/(network|folder|progress)\./,
  fast: /^src\/machine\/cpu\/fast\/(index|kept|modules|plans|scans|sizes)\./,
  poor: /^src\/machine\/cpu\/arms\/without-tail-calls\./,
  explain: /^src\/machine\/(explain\.|jit\/print\.|wasm\/(names|opcodes|text)\.)/,
  packed: /^src\/machine\/(cpu\/fast\/packed-operations|jit\/(lower-(packed|convert)|mmx))/,
  vectors: /^src\/machine\/(cpu\/fast\/packed|jit\/(lower-sse|looks))/,
  x87: /^src\/machine\/jit\/(lower-)?x87/,
  rare: /^src\/machine\/jit\/lower-(bits|general|narrow|scan|status)\./,
  compiler:
    /^src\/machine\/(wasm\/|cpu\/fast\/|jit\/(?!cache|early|flag-words|flow|foresight|guesses|index|ranges|status))/,
  units: /^src\/machine\/cpu\/(float\/|execute\/(sse|vector|x87))/,
  machine:
    /^src\/(machine|kernel)\/|^src\/(world|computer|returns)\.|^src\/node\/cli\/(running|stop|usual-network)\./,
  program: /./,
};
/**
 * Programs may end without these, which need others at once. Whoever else imports from one of them enters it when it
 * first uses a name of it, not before: `import_net.Stack` becomes `import_net.room.Stack`.
 */
const late = {
  net: [],
  lab: ["net"],
  network: ["net", "lab"],
  compiler: [],
  vectors: ["compiler"],
  packed: ["compiler", "vectors"],
  x87: ["compiler"],
  rare: ["compiler"],
  poor: [],
  explain: ["compiler"],
  fast: [],
  units: [],
  avx: [],
};

const roomOf = (file) => Object.keys(rooms).find((name) => rooms[name].test(file));
/** What a file is called in its room. */
const nameOf = (file) => file.replace(/^.*?(src|node_modules)\/|\.\w+$/g, "");

/**
 * Writes the rooms that `entry` needs as folder/NAME.cjs: each a function, for a room's names are its own, which exports the
 * files that others import, by their names.
 */
export async function buildRooms(entry, folder, options) {
  const { metafile } = await build({
    ...options,
    entryPoints: [entry],
    outdir: folder,
    format: "esm",
    splitting: true,
    metafile: true,
    write: false,
  });
  const doors = new Map([[roomOf(entry), new Set([entry])]]);
  for (const [file, { imports }] of Object.entries(metafile.inputs)) {
    for (const { path, external } of imports) {
      const room = roomOf(path);
      if (external || room === roomOf(file)) continue;
      if (!doors.has(room)) doors.set(room, new Set());
      doors.get(room).add(path);
    }
  }
  mkdirSync(folder, { recursive: true });
  await Promise.all(
    Array.from(doors, async ([room, files]) => {
      const { outputFiles } = await build({
        ...options,
        stdin: {
          contents: Array.from(files, (file) => `export * as "${nameOf(file)}" from "./${file}";`).join("\n"),
          resolveDir: options.absWorkingDir,
        },
        plugins: [...options.plugins, othersOutside(room, options.absWorkingDir)],
        format: "cjs",
        supported: { "dynamic-import": false },
        charset: "ascii", // they are read as Latin-1
        write: false,
      });
      const code = enteredLate(outputFiles[0].text, late[room] ?? []);
      writeFileSync(join(folder, `${room}.cjs`), `(function(module,require){${code}\n})`);
    }),
  );
}

/** For esbuild: what is in another room is required from there, as `./ROOM.cjs#FILE`. */
const othersOutside = (room, root) => ({
  name: "rooms",
  setup: ({ onResolve, resolve }) =>
    onResolve({ filter: /./ }, async ({ path, pluginData, ...where }) => {
      if (pluginData === room || where.kind === "entry-point") return undefined;
      const found = await resolve(path, { ...where, pluginData: room });
      if (found.external || found.errors.length > 0) return found;
      const file = relative(root, found.path);
      return roomOf(file) === room
        ? found
        : { path: `./${roomOf(file)}.cjs#${nameOf(file)}`, external: true, sideEffects: false };
    }),
});

/** A room's code, entering late rooms when it uses a name of theirs; not those that it needs at once. */
function enteredLate(code, needed) {
  const variables = [];
  const prepared = code.replaceAll(
    /(import_\w+)=(require\("\.\/(\w+)\.cjs#[^"]+"\))/g,
    (whole, variable, required, room) => {
      if (!(room in late) || needed.includes(room)) return whole;
      variables.push(variable);
      return `${variable}={get room(){let value=${required};Object.defineProperty(this,"room",{value});return value}}`;
    },
  );
  return variables.reduce(
    (text, variable) => text.replaceAll(new RegExp(`\\b${variable}\\b(?!=)`, "g"), `${variable}.room`),
    prepared,
  );
}
