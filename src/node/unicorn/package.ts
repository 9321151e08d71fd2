/**
 * The npm package @alexaltea/unicorn-js, which is Unicorn 2 as WebAssembly, in the place of libunicorn. Its memory is its
 * own, not the machine's: a page goes there when it is first touched, and again when somebody else has changed it before
 * a run; what the guest writes comes here before the next instruction begins.
 *
 * The names are those of the package's src/unicorn-wrapper.js, version 2.1.4. Addresses and values come from it as
 * BigInt; what goes wrong it throws as text, with Unicorn's number in it.
 */
import type { Callback, Handle, Unicorn } from "./library.ts";

/** What is used of an emulator of the package. */
export interface PackageEmulator {
  reg_write(register: number, bytes: Uint8Array): void;
  reg_read(register: number, size: number): Uint8Array;
  mem_map(address: number, size: number, rights: number): void;
  mem_unmap(address: number, size: number): void;
  mem_write(address: number, bytes: Uint8Array): void;
  mem_read(address: number, size: number): Uint8Array;
  hook_add(type: number, callback: (...values: never[]) => unknown): unknown;
  hook_del(hook: unknown): void;
  emu_start(begin: number, until: number, timeout: number, count: number): void;
  emu_stop(): void;
  context_alloc(): unknown;
  context_save(context: unknown): void;
  context_restore(context: unknown): void;
  close(): void;
}

/** What is used of the package once it is there. */
export interface PackageModule {
  readonly ARCH_X86: number;
  readonly MODE_32: number;
  readonly PROT_READ: number;
  readonly PROT_EXEC: number;
  readonly PROT_ALL: number;
  readonly HOOK_MEM_WRITE: number;
  readonly HOOK_MEM_UNMAPPED: number;
  readonly MEM_FETCH_UNMAPPED: number;
  readonly X86_REG_EIP: number;
  arch_supported(architecture: number): unknown;
  readonly Unicorn: new (architecture: number, mode: number) => PackageEmulator;
}

const NAME = "@alexaltea/unicorn-js";
const PAGE = 4096;

interface Region {
  readonly address: number;
  readonly bytes: Uint8Array;
  readonly writable: boolean;
}

interface Write {
  readonly address: number;
  readonly size: number;
}

/** One machine's emulator, and what it holds of the machine's memory. */
class Emulator {
  readonly emulator: PackageEmulator;
  readonly #module: PackageModule;
  readonly #written: (address: number, length: number) => void;
  #regions: Region[] = [];
  /** By address: what the emulator's page holds. */
  readonly #pages = new Map<number, Uint8Array>();
  /** What the present instruction has written. */
  #writes: Write[] = [];
  /** Code was missing and is there now. */
  #again = false;

  constructor(module: PackageModule, written: (address: number, length: number) => void) {
    this.#module = module;
    this.#written = written;
    this.emulator = new module.Unicorn(module.ARCH_X86, module.MODE_32);
    this.emulator.hook_add(
      module.HOOK_MEM_UNMAPPED,
      (_: never, kind: number, address: bigint, size: number): boolean => {
        const brought = this.#bring(Number(address), size);
        // What is translated from a page that was not there, Unicorn does not connect with the page.
        if (kind !== module.MEM_FETCH_UNMAPPED) return brought;
        this.#again = brought;
        return false;
      },
    );
    this.emulator.hook_add(
      module.HOOK_MEM_WRITE,
      (_: never, __: never, address: bigint, size: number): void => {
        this.#writes.push({ address: Number(address), size });
      },
    );
  }

  map(region: Region): void {
    this.#regions.push(region);
  }

  unmap(address: number, length: number): void {
    this.#regions = this.#regions.filter((region) => region.address !== address);
    this.drop(address, length);
  }

  /** Pages that are to be brought again, and with them all that was made of their code. */
  drop(address: number, length: number): void {
    for (const page of this.#pages.keys()) {
      if (page + PAGE <= address || page >= address + length) continue;
      this.emulator.mem_unmap(page, PAGE);
      this.#pages.delete(page);
    }
  }

  start(address: number, until: number): number {
    this.#refresh();
    for (let from = address; ; ) {
      this.#again = false;
      const code = this.#run(from, until);
      this.settle();
      if (!this.#again) return code;
      const eip = this.emulator.reg_read(this.#module.X86_REG_EIP, 4);
      from = new DataView(eip.buffer, eip.byteOffset).getUint32(0, true);
    }
  }

  #run(address: number, until: number): number {
    try {
      this.emulator.emu_start(address, until, 0, 0);
      return 0;
    } catch (error) {
      const code = /failed with code (\d+)/.exec(`${error}`)?.[1];
      if (code !== undefined) return Number(code);
      const isItsOwn = error instanceof WebAssembly.RuntimeError;
      throw isItsOwn ? new Error(`${NAME} has failed: ${error.message}`, { cause: error }) : error;
    }
  }

  #regionOf(address: number): Region | undefined {
    return this.#regions.find(
      (each) => address >= each.address && address < each.address + each.bytes.length,
    );
  }

  /** Where it is that a page has its bytes. */
  #bytesOf(page: number): Uint8Array {
    const region = this.#regionOf(page)!;
    return region.bytes.subarray(page - region.address, page - region.address + PAGE);
  }

  /** Maps the pages of an access that has found one missing; false where the machine has none. */
  #bring(address: number, size: number): boolean {
    for (let page = address & -PAGE; ; page += PAGE) {
      const at = page >>> 0;
      const region = this.#regionOf(at);
      if (region === undefined) return at > address;
      if (!this.#pages.has(at)) {
        const { PROT_READ, PROT_EXEC, PROT_ALL } = this.#module;
        this.emulator.mem_map(at, PAGE, region.writable ? PROT_ALL : PROT_READ | PROT_EXEC);
        const bytes = this.#bytesOf(at);
        this.emulator.mem_write(at, bytes);
        this.#pages.set(at, bytes.slice());
      }
      if (at + PAGE >= address + size) return true;
    }
  }

  /** Pages that others have changed since they were brought. */
  #refresh(): void {
    for (const [page, held] of this.#pages) {
      if (Buffer.compare(this.#bytesOf(page), held) !== 0) this.drop(page, PAGE);
    }
  }

  /** What was written, and did not fault, is brought to the machine. */
  settle(): void {
    if (this.#writes.length === 0) return;
    const writes = this.#writes;
    this.#writes = [];
    for (const { address, size } of writes) {
      const allowed = [address, address + size - 1].every((at) => this.#regionOf(at)?.writable === true);
      if (!allowed) continue;
      // Not what was to be written: an instruction that is begun anew has written nothing yet.
      const bytes = this.emulator.mem_read(address, size);
      for (let i = 0; i < size; i++) {
        const page = (address + i) & -PAGE;
        const offset = (address + i) & (PAGE - 1);
        this.#bytesOf(page >>> 0)[offset] = bytes[i]!;
        const held = this.#pages.get(page >>> 0);
        if (held !== undefined) held[offset] = bytes[i]!;
      }
      this.#written(address, size);
    }
  }
}

/** The package, as the engine wants it. */
export function wrappedPackage(module: PackageModule): Unicorn {
  const of = (handle: Handle): Emulator => handle as Emulator;
  /** What a hook calls, made for one emulator. */
  type Hooked = (emulator: Emulator) => (...values: never[]) => void;
  return {
    needsStops: true,
    open: (written) => new Emulator(module, written),
    close: (handle) => of(handle).emulator.close(),
    map: (handle, address, bytes, writable) => of(handle).map({ address, bytes, writable }),
    unmap: (handle, address, length) => of(handle).unmap(address, length),
    start: (handle, address, until) => of(handle).start(address, until),
    stop: (handle) => of(handle).emulator.emu_stop(),
    readRegister(handle, register, into) {
      into.set(of(handle).emulator.reg_read(register, into.length));
    },
    writeRegister: (handle, register, from) => of(handle).emulator.reg_write(register, from),
    saveContext(handle) {
      const { emulator } = of(handle);
      const context = emulator.context_alloc();
      emulator.context_save(context);
      return context;
    },
    restoreContext: (handle, context) => of(handle).emulator.context_restore(context),
    addHook: (handle, kind, callback) => of(handle).emulator.hook_add(kind, (callback as Hooked)(of(handle))),
    removeHook: (handle, hook) => of(handle).emulator.hook_del(hook),
    forget: (handle, address, length) => of(handle).drop(address, length),
    onCode: (called): Callback => {
      const hooked: Hooked = (emulator) => (_: never, address: bigint) => {
        emulator.settle();
        called(Number(address));
      };
      return hooked;
    },
    onInterrupt: (called): Callback => {
      const hooked: Hooked = (emulator) => (_: never, vector: number) => {
        emulator.settle();
        called(vector);
      };
      return hooked;
    },
    onMemory: (called): Callback => {
      const hooked: Hooked = () => (_: never, kind: number, address: bigint, size: number) =>
        called(kind, Number(address), size);
      return hooked;
    },
  };
}

/** Node's own way to it, which knows what is installed where this file stands. */
function installed(): Promise<unknown> {
  // Named so that neither the compiler nor the bundler looks for a package that need not be there.
  const name: string = `${NAME}/x86`;
  return import(name);
}

/** The package as `load` finds it; undefined where it is not installed. */
export async function unicornPackage(
  load: () => Promise<unknown> = installed,
): Promise<Unicorn | { error: string } | undefined> {
  let found: unknown;
  try {
    found = await load();
  } catch (error) {
    return isMissing(error)
      ? undefined
      : { error: `${NAME} is installed here, but cannot be loaded: ${said(error)}` };
  }
  const make = (found as { default?: unknown } | undefined)?.default;
  if (typeof make !== "function")
    return { error: `${NAME} is installed here, but is not what is known by that name` };
  try {
    const module = (await make()) as PackageModule | undefined;
    if (module?.Unicorn === undefined)
      return { error: `${NAME} is installed here, but has no emulator in it` };
    if (!module.arch_supported(module.ARCH_X86))
      return { error: `${NAME} is installed here, but without x86` };
    return wrappedPackage(module);
  } catch (error) {
    return { error: `${NAME} is installed here, but does not start: ${said(error)}` };
  }
}

/** Not: something that it needs itself is missing. */
function isMissing(error: unknown): boolean {
  const { code, message } = error as { code?: string; message?: string };
  // The built program has require in the place of import.
  if (code !== "ERR_MODULE_NOT_FOUND" && code !== "MODULE_NOT_FOUND") return false;
  return [`${NAME}/x86`, `'${NAME}'`].some((name) => message?.includes(name));
}

/** The package throws text, too. */
const said = (error: unknown): string =>
  (error instanceof Error ? error.message : `${error}`).split("\n")[0]!;
