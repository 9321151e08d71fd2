/** Asks two assemblers about one source: an installed fasm, and ours in a thread. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Question } from "./ours.ts";
import type { Answer } from "./verdict.ts";

/** What both are given. */
export interface Shared {
  readonly seconds: number;
  readonly kilobytes: number;
  /** INCLUDE. */
  readonly include: string;
  /** NAME=VALUE. */
  readonly defines: readonly string[];
}

export interface Place {
  readonly directory: string;
  readonly source: string;
}

const OUTPUT = "a";

export class Fasm {
  readonly #shared: Shared;
  readonly #folder = mkdtempSync(join(tmpdir(), "kolibri-fasm-"));

  constructor(shared: Shared) {
    this.#shared = shared;
  }

  static isInstalled(): boolean {
    return spawnSync("fasm", [], { stdio: "ignore" }).error === undefined;
  }

  /** Its answer, and the first and the last second in which it was at work. */
  async ask(place: Place): Promise<{ answer: Answer; second: number; lastSecond: number }> {
    const second = now();
    const answer = await this.#run(place);
    return { answer, second, lastSecond: now() };
  }

  #run({ directory, source }: Place): Promise<Answer> {
    const { seconds, kilobytes, include, defines } = this.#shared;
    const options = ["-m", String(kilobytes), ...defines.flatMap((one) => ["-d", one])];
    const env = { ...process.env, INCLUDE: include };
    const child = spawn("fasm", [...options, source, join(this.#folder, OUTPUT)], {
      cwd: directory,
      env,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: seconds * 1000,
    });
    let said = "";
    let complained = "";
    child.stdout.setEncoding("latin1").on("data", (text: string) => {
      said += text;
    });
    child.stderr.setEncoding("latin1").on("data", (text: string) => {
      complained += text;
    });
    return new Promise((done) => {
      child.on("error", (error) => done({ kind: "silent", why: error.message }));
      child.on("close", (status, signal) => {
        const files = this.#takeFiles();
        if (signal !== null) done({ kind: "silent", why: `no answer in ${seconds} s (${signal})` });
        else if (status !== 0) done({ kind: "refused", text: complained });
        else done({ kind: "made", passes: Number(/(\d+) passes/.exec(said)?.[1] ?? 0), files });
      });
    });
  }

  /** The output under "", others that `virtual as` asked for under their extensions. */
  #takeFiles(): Map<string, Uint8Array> {
    const files = new Map<string, Uint8Array>();
    for (const name of readdirSync(this.#folder)) {
      const path = join(this.#folder, name);
      files.set(name === OUTPUT ? "" : name.slice(OUTPUT.length + 1), readFileSync(path));
      rmSync(path);
    }
    return files;
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const now = (): number => Math.floor(Date.now() / 1000);

export class Ours {
  readonly #shared: Shared;
  #worker: Worker | undefined;

  constructor(shared: Shared) {
    this.#shared = shared;
  }

  ask({ directory, source }: Place, epochSeconds: number): Promise<Answer> {
    const { seconds, kilobytes, include, defines } = this.#shared;
    const question: Question = {
      folder: directory,
      source,
      includes: include.split(";").filter((one) => one !== ""),
      environment: process.env as Record<string, string>,
      defines: Object.fromEntries(defines.map((one) => one.split(/=(.*)/s).slice(0, 2))),
      epochSeconds,
      maxMemory: kilobytes * 1024,
    };
    this.#worker ??= new Worker(new URL("ours.mjs", import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: 4096 },
    });
    const worker = this.#worker;
    return new Promise((done) => {
      const finish = (answer: Answer) => {
        clearTimeout(timer);
        worker.off("message", finish);
        worker.off("error", fail);
        done(answer);
      };
      /** A thread that has failed or has been given up is not asked again. */
      const giveUp = (why: string) => {
        this.#worker = undefined;
        finish({ kind: "silent", why });
        // What it still has to say interests nobody.
        worker.on("error", () => {});
        worker.terminate();
      };
      const fail = (error: unknown) => giveUp(String(error));
      const timer = setTimeout(() => giveUp(`no answer in ${seconds} s`), seconds * 1000);
      worker.on("error", fail);
      worker.on("message", finish);
      worker.postMessage(question);
    });
  }

  close(): void {
    this.#worker?.terminate();
  }
}
