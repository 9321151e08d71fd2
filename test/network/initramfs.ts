/**
 * A Linux to be booted: a kernel that is unpacked somewhere, and an initial file system (initramfs) made of its modules
 * and of programs of this host with the libraries they need.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { basename, dirname } from "node:path";
import { latin1 } from "../../src/base/index.ts";

export interface Kernel {
  readonly version: string;
  /** The file that is booted. */
  readonly image: string;
  /** Module files that are to be loaded, each after those that it needs. What is built in is not among them. */
  readonly modules: readonly string[];
}

/** The kernels below `root` (as Linux packages unpack: boot/vmlinuz-VERSION, lib/modules/VERSION), the newest first. */
export function findKernel(root: string, wanted: readonly string[]): Kernel | undefined {
  const found = [`${root}/lib/modules`, `${root}/usr/lib/modules`].find(existsSync);
  if (found === undefined) return undefined;
  const newest = new Intl.Collator("en", { numeric: true });
  for (const version of readdirSync(found).sort((a, b) => newest.compare(b, a))) {
    const image = [`${root}/boot/vmlinuz-${version}`, `${found}/${version}/vmlinuz`].find(existsSync);
    const modules = image && modulesOf(`${found}/${version}`, wanted);
    if (modules) return { version, image, modules };
  }
  return undefined;
}

/** The files of `wanted` modules and of those they depend on, in the order of loading; undefined when one is missing. */
function modulesOf(folder: string, wanted: readonly string[]): string[] | undefined {
  const name = (path: string) =>
    basename(path)
      .replace(/\.ko(\.\w+)?$/, "")
      .replaceAll("-", "_");
  const builtIn = `${folder}/modules.builtin`;
  const inside = new Set(
    existsSync(builtIn) ? readFileSync(builtIn, "utf8").trim().split("\n").map(name) : [],
  );
  const files = new Map<string, string>();
  for (const path of readdirSync(folder, { recursive: true, encoding: "utf8" }))
    if (/\.ko(\.\w+)?$/.test(path)) files.set(name(path), `${folder}/${path}`);
  const order: string[] = [];
  const load = (module: string): boolean => {
    if (inside.has(module)) return true;
    const file = files.get(module);
    if (file === undefined) return false;
    if (order.includes(file)) return true;
    const needs = /\0depends=([^\0]*)\0/.exec(latin1(unpacked(file)))?.[1] ?? "";
    if (!needs.split(",").every((each) => each === "" || load(each.replaceAll("-", "_")))) return false;
    order.push(file);
    return true;
  };
  return wanted.every(load) ? order : undefined;
}

/** Some distributions pack each module. */
function unpacked(file: string): Uint8Array {
  const packer = { ".xz": "xz", ".zst": "zstd", ".gz": "gzip" }[/\.\w+$/.exec(file)![0]];
  return packer ? execFileSync(packer, ["-dc", file], { maxBuffer: 1 << 26 }) : readFileSync(file);
}

/** An archive in cpio's "newc" format, which a kernel unpacks as its first file system (Documentation/…/initramfs-format). */
export class Initramfs {
  readonly #parts: Uint8Array[] = [];
  readonly #there = new Set<string>();

  /** A file, with the folders that it stands in. */
  file(path: string, contents: Uint8Array | string, mode = 0o644): void {
    if (this.#there.has(path)) return;
    this.folder(dirname(path));
    this.#add(path, 0o100000 | mode, Buffer.from(contents));
  }

  folder(path: string): void {
    if (path === "/" || this.#there.has(path)) return;
    this.folder(dirname(path));
    this.#add(path, 0o040755, Buffer.alloc(0));
  }

  /** A program of this host, in /bin, and the libraries that it needs, where it looks for them. */
  program(path: string): void {
    this.file(`/bin/${basename(path)}`, readFileSync(path), 0o755);
    const static_ = "not a dynamic executable"; // ldd ends with an error for these
    let needed = "";
    try {
      needed = execFileSync("ldd", [path], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    } catch (error) {
      if (!String((error as { stderr: string }).stderr).includes(static_)) throw error;
    }
    for (const [library] of needed.matchAll(/\/\S+/g))
      this.file(library, readFileSync(realpathSync(library)), 0o755);
  }

  /** A kernel's modules, in /modules, numbered in the order of loading. */
  modules({ modules }: Kernel): void {
    for (const [index, file] of modules.entries())
      this.file(`/modules/${String(index).padStart(2, "0")}.ko`, unpacked(file));
  }

  bytes(): Uint8Array {
    return Buffer.concat([...this.#parts, entry("TRAILER!!!", 0, Buffer.alloc(0), 0)]);
  }

  #add(path: string, mode: number, contents: Buffer): void {
    this.#there.add(path);
    this.#parts.push(entry(path.slice(1), mode, contents, this.#there.size));
  }
}

/** One member: a header of hexadecimal fields, its name and its contents, each filled up to a multiple of four bytes. */
function entry(name: string, mode: number, contents: Buffer, inode: number): Buffer {
  const links = 1;
  const fields = [inode, mode, 0, 0, links, 0, contents.length, 0, 0, 0, 0, name.length + 1, 0];
  const head = `070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}${name}\0`;
  const filled = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
  return Buffer.concat([filled(Buffer.from(head, "latin1")), filled(contents)]);
}
