import { readFileSync } from "node:fs";
import { Script } from "node:vm";

/**
 * Behind which room V8 goes without Sparkplug, its first compiler. It compiles whole functions, of which a program often needs
 * little: with it a guest's first instructions come 2 ms later and more, and its steady state no sooner. The assembler is slower
 * without.
 */
const WITHOUT_SPARKPLUG = "machine.cjs";

/**
 * The rooms of the built program: files `NAME.cjs` in one folder, each loaded when something in it is first wanted. A
 * room is a function of `module` and `require`, and has parts, source files by their paths (scripts/rooms.mjs), which
 * others require as `./NAME.cjs#PART`.
 * Beside each stands in `NAME.cjs.compiled` what V8 made of it at the time (scripts/build.mjs), so that it need not be
 * compiled again; what another V8 has compiled, or nobody, is compiled now. `require` is for all that is no room;
 * `loaded` is told of every room with its script.
 */
export function roomsIn<Rooms>(
  folder: string,
  require: (name: string) => unknown,
  loaded?: (name: string, script: Script) => void,
) {
  const known = new Map<string, unknown>();
  let sparkplug = true;
  return room as <Name extends keyof Rooms & string>(name: Name) => Rooms[Name];

  function room(name: string): unknown {
    if (!known.has(name)) {
      const source = readFileSync(`${folder}/${name}`, "latin1");
      const cachedData = read(`${folder}/${name}.compiled`);
      // V8 takes what was compiled under the same flags.
      if (!sparkplug) setFlags("--sparkplug");
      const script = new Script(source, {
        filename: name, // where the program stood when it was built is nobody's affair
        ...(cachedData && { cachedData }),
      });
      if (name === WITHOUT_SPARKPLUG) sparkplug = false;
      if (!sparkplug) setFlags("--no-sparkplug");
      const module = { exports: {} };
      script.runInThisContext()(module, wanted);
      known.set(name, module.exports);
      loaded?.(name, script);
    }
    return known.get(name);
  }

  function setFlags(flags: string): void {
    (wanted("node:v8") as typeof import("node:v8")).setFlagsFromString(flags);
  }

  /** Node's own modules are loaded when something of them is first used: the network's take as long as a short program. */
  function wanted(name: string): unknown {
    const [file, part] = name.split("#");
    if (part !== undefined) return (room(file!.slice(2)) as Record<string, unknown>)[part];
    if (!name.startsWith("node:")) return require(name);
    return new Proxy({}, { get: (_, member) => (require(name) as Record<string | symbol, unknown>)[member] });
  }
}

function read(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
