/** Who can run a flat kernel of asm/bench, as commands that print nanoseconds, EAX and perhaps a count. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

export interface Peer {
  readonly name: string;
  /** Why it is left out. */
  readonly absent?: string;
  readonly command: readonly string[];
  /** Worth a look at what is lost before the steady state. */
  readonly warmsUp?: boolean;
}

export interface Outcome {
  readonly nanoseconds: number;
  readonly eax: number;
  /** Guest instructions, where the peer counts them. */
  readonly instructions: number | undefined;
}

const works = (command: string, args: string[]): boolean => spawnSync(command, args).status === 0;

/** Finds the peers, and builds the small programs around two of them into `folder`. */
export function findPeers(folder: string, self: string): Peer[] {
  const here = "test/bench/peers";
  const native = join(folder, "native");
  const above = ["-m32", "-O2", "-static", "-no-pie", "-Wl,-Ttext-segment=0x60000000"];
  const x86 = process.platform === "linux" && (process.arch === "x64" || process.arch === "ia32");
  const noLoader =
    process.platform !== "linux"
      ? "not on Linux"
      : works("gcc", [...above, "-o", native, `${here}/native.c`])
        ? undefined
        : "gcc -m32 cannot build its loader";
  const unicorn = join(folder, "unicorn");
  const noUnicorn = works("gcc", ["-O2", "-o", unicorn, `${here}/unicorn.c`, "-lunicorn"])
    ? undefined
    : "gcc finds no libunicorn to build with";
  const noQemu = noLoader ?? (works("qemu-i386", ["--version"]) ? undefined : "not installed");
  const noV86 = existsSync("node_modules/v86/build/v86.wasm") ? undefined : "not installed";
  const cell = (peer: string) => [process.execPath, self, "cell", peer];
  const peers: [name: string, absent: string | undefined, command: string[], warmsUp?: boolean][] = [
    ["native", noLoader ?? (x86 ? undefined : "not an x86 processor"), [native]],
    ["qemu-i386", noQemu, ["qemu-i386", native]],
    ["v86", noV86, cell("v86"), true],
    ["v86-interp", noV86, cell("v86-interp")],
    ["unicorn", noUnicorn, [unicorn]],
    ["interpreter", undefined, cell("interpreter")],
    ["compiled", undefined, cell("compiled"), true],
  ];
  return peers.map(([name, absent, command, warmsUp = false]) => ({
    name,
    command,
    warmsUp,
    ...(absent !== undefined && { absent }),
  }));
}

/** Runs one kernel on one peer; throws with the peer's words when it fails. */
export function measure({ name, command }: Peer, file: string): Promise<Outcome> {
  const [program, ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program!, [...args, file], { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let errors = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (errors += chunk));
    child.on("error", reject);
    child.on("close", (status) => {
      const [nanoseconds = "", eax = "", instructions = ""] = output.trim().split(" ");
      if (status !== 0 || eax === "")
        reject(new Error(`${name}: ${errors.trim() || output.trim() || status}`));
      else
        resolve({
          nanoseconds: Number(nanoseconds),
          eax: Number(eax),
          instructions: instructions === "" ? undefined : Number(instructions),
        });
    });
  });
}
