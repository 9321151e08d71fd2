import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach } from "vitest";

/** A folder of its own for each test of a file, gone afterwards. */
export class Folder {
  path = "";

  constructor() {
    afterEach(() => {
      if (this.path) rmSync(this.path, { recursive: true });
      this.path = "";
    });
  }

  /** The path of a name in it. */
  at(...names: string[]): string {
    if (!this.path) this.path = mkdtempSync(join(tmpdir(), "kolibri-"));
    return join(this.path, ...names);
  }

  /** Writes a file and answers its path. */
  put(name: string, content: string | Uint8Array | readonly number[]): string {
    const path = this.at(name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, typeof content === "string" ? content : Uint8Array.from(content));
    return path;
  }

  text(name: string): string {
    return readFileSync(this.at(name), "latin1");
  }

  json(name: string) {
    return JSON.parse(this.text(name));
  }

  names(): string[] {
    return readdirSync(this.at()).sort();
  }
}
