/** The Linux kernel as a neighbour: a network namespace whose only card is a TAP device that we hold the other end of. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { FrameQueue, type Port } from "../../src/net/index.ts";
import type { Moving } from "./pair.ts";

/** Why the kernel cannot be asked here, or undefined. */
export function missing(): string | undefined {
  if (process.platform !== "linux") return "not Linux";
  if (process.getuid?.() !== 0) return "not root";
  if (!existsSync("/dev/net/tun")) return "no /dev/net/tun";
  for (const tool of ["ip", "python3"]) if (!has(tool)) return `no ${tool}`;
  const probe = `kolibri-probe-${process.pid}`;
  try {
    execFileSync("ip", ["netns", "add", probe], { stdio: "ignore" });
    execFileSync("ip", ["netns", "del", probe], { stdio: "ignore" });
  } catch {
    return "no network namespaces";
  }
  return undefined;
}

/** Where a program is, by the PATH. */
export function find(tool: string): string | undefined {
  const folders = (process.env.PATH ?? "").split(":");
  return folders.map((folder) => `${folder}/${tool}`).find((path) => existsSync(path));
}

export function has(tool: string): boolean {
  return find(tool) !== undefined;
}

export class Linux implements Port {
  /** The bridge to the TAP device; a program that is bundled says where it is. */
  static script = fileURLToPath(new URL("tap.py", import.meta.url));
  readonly namespace: string;
  readonly #helper: ChildProcess;
  readonly #incoming = new FrameQueue(100_000);
  #partial: Buffer = Buffer.alloc(0);
  #moving: Moving[] = [];
  #timer: NodeJS.Timeout | undefined;
  #scheduled = false;
  /** Called after each round, as a program would get its turn. */
  onTurn: (() => void) | undefined;

  private constructor(namespace: string, helper: ChildProcess) {
    this.namespace = namespace;
    this.#helper = helper;
  }

  /** A namespace with `tap0` at `address` (as 10.0.2.2/24), up. */
  static async start(address: string, mtu = 1500): Promise<Linux> {
    const namespace = `kolibri-${process.pid}-${Math.floor(performance.now())}`;
    execFileSync("ip", ["netns", "add", namespace]);
    const helper = spawn("ip", ["netns", "exec", namespace, "python3", Linux.script, "tap0"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const linux = new Linux(namespace, helper);
    await new Promise<void>((resolve, reject) => {
      helper.once("exit", (code) => reject(new Error(`tap.py ended with ${code}`)));
      helper.stdout!.once("data", (data: Buffer) => {
        linux.#partial = data.subarray(4);
        resolve();
      });
    });
    helper.stdout!.on("data", (data: Buffer) => linux.#arrive(data));
    linux.ip("addr", "add", address, "dev", "tap0");
    linux.ip("link", "set", "tap0", "mtu", String(mtu), "up");
    linux.ip("link", "set", "lo", "up");
    return linux;
  }

  ip(...words: string[]): string {
    return this.run("ip", ...words);
  }

  /** Runs a command in the namespace and waits for it: only for those that need no answer from us. */
  run(command: string, ...words: string[]): string {
    return execFileSync("ip", ["netns", "exec", this.namespace, command, ...words], { encoding: "utf8" });
  }

  /** Waits until somebody in the namespace listens at a TCP port (state 0A in the kernel's tables). */
  async listening(port: number): Promise<void> {
    const line = new RegExp(`:${port.toString(16).toUpperCase().padStart(4, "0")} \\S+ 0A `);
    await this.shows(line, "cat", "/proc/net/tcp", "/proc/net/tcp6");
  }

  /** Waits until a command in the namespace says something, asking again and again; what it said then. */
  async shows(what: RegExp, command: string, ...words: string[]): Promise<string> {
    for (;;) {
      const { output } = await this.command(command, ...words);
      if (what.test(output)) return output;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Does something whenever a frame has come or a deadline is reached, until it answers true. */
  until(step: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const before = this.onTurn;
      this.onTurn = () => {
        before?.();
        try {
          if (!step()) return;
        } catch (error) {
          reject(error);
        }
        this.onTurn = before;
        resolve();
      };
      this.drive();
    });
  }

  /** Runs a command in the namespace; its output when it has ended. */
  async command(command: string, ...words: string[]): Promise<{ code: number; output: string }> {
    const child = spawn("ip", ["netns", "exec", this.namespace, command, ...words]);
    let output = "";
    child.stdout.on("data", (data) => (output += data));
    child.stderr.on("data", (data) => (output += data));
    return await new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code) => resolve({ code: code ?? -1, output }));
    });
  }

  /** Gives stacks and links their turns whenever a frame arrives or a deadline is reached, by the real clock. */
  drive(...moving: Moving[]): void {
    this.#moving.push(...moving);
    this.#schedule();
  }

  now(): number {
    return Math.floor(performance.now() * 1000);
  }

  send(frame: Uint8Array): void {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(frame.length);
    this.#helper.stdin!.write(length);
    this.#helper.stdin!.write(frame);
  }

  receive(): Uint8Array | undefined {
    return this.#incoming.shift();
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#moving = [];
    const ended = new Promise((resolve) => this.#helper.once("exit", resolve));
    this.#helper.removeAllListeners("exit");
    this.#helper.once("exit", () => undefined);
    this.#helper.stdin!.end();
    await Promise.race([ended, new Promise((resolve) => this.#helper.once("close", resolve))]);
    execFileSync("ip", ["netns", "del", this.namespace]);
  }

  #arrive(data: Buffer): void {
    const bytes = this.#partial.length > 0 ? Buffer.concat([this.#partial, data]) : data;
    let at = 0;
    while (bytes.length - at >= 4) {
      const length = bytes.readUInt32BE(at);
      if (bytes.length - at < 4 + length) break;
      this.#incoming.push(Uint8Array.from(bytes.subarray(at + 4, at + 4 + length)));
      at += 4 + length;
    }
    this.#partial = bytes.subarray(at);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    clearTimeout(this.#timer);
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#scheduled = false;
    for (let round = 0; round < 100; round++) {
      let did = false;
      for (const each of this.#moving) if (each.poll(this.now())) did = true;
      this.onTurn?.();
      if (!did) break;
    }
    const next = Math.min(...this.#moving.map((each) => each.deadline()));
    if (next !== Number.POSITIVE_INFINITY) {
      this.#timer = setTimeout(() => this.#schedule(), Math.max(0, (next - this.now()) / 1000));
    }
  }
}
