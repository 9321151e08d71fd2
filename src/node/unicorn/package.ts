/**
 * The npm package @alexaltea/unicorn-js, which is Unicorn 2 as WebAssembly, in the place of libunicorn. Its memory is its
 * own, not the machine's: a page goes there when it is first touched, and again when somebody else has changed it before
 * a run; what the guest writes comes here before the next instruction begins.
 *
 * The names are those of the package's src/unicorn-wrapper.js, version 2.1.4, as it was released: without uc_ctl, so the
 * processor is its own choice, a Haswell, and what it has translated it forgets with the page. Addresses and values come
 * from it as BigInt; what goes wrong it throws as text, with Unicorn's number in it. What it must be kept from stands in
 * stretches.ts.
 */
import { UnicornFailure } from "../failure.ts";
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
  context_free(context: unknown): void;
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

interface Hook {
  readonly kind: number;
  readonly callback: (...values: never[]) => unknown;
  /** What the package calls it. */
  name: unknown;
}

/** What the package throws: text, what WebAssembly says, or that it would end the process. */
function failure(error: unknown): Error {
  if (error instanceof Error && !(error instanceof WebAssembly.RuntimeError)) return error;
  return new UnicornFailure(`${NAME} has failed: ${said(error)}`, { cause: error });
}

/**
 * Emulators that are open at once. Each takes 32 MiB of the package's memory for what it translates, and where there is
 * no room for another the package ends the process: those that have rested longest are closed, and made anew when they
 * are needed.
 */
const MOST_OPEN = 24;

/** One machine's emulator, and what it holds of the machine's memory. */
class Emulator {
  readonly #module: PackageModule;
  readonly #written: (address: number, length: number) => void;
  /** All that are open, the one that was used last at the end. */
  readonly #open: Emulator[];
  #opened: PackageEmulator | undefined;
  /** What is to be done with a new one: registers, then their context is kept, and hooks. */
  readonly #registers: { register: number; bytes: Uint8Array }[] = [];
  #isPrepared = false;
  #context: unknown;
  readonly #hooks = new Set<Hook>();
  #regions: Region[] = [];
  /** By address: what the emulator's page holds. */
  readonly #pages = new Map<number, Uint8Array>();
  /** What the present instruction has written. */
  #writes: Write[] = [];
  /** Code was missing and is there now. */
  #again = false;
  #isRunning = false;

  constructor(module: PackageModule, open: Emulator[], written: (address: number, length: number) => void) {
    this.#module = module;
    this.#open = open;
    this.#written = written;
    this.addHook(
      module.HOOK_MEM_UNMAPPED,
      (_: never, kind: number, address: bigint, size: number): boolean => {
        const brought = this.#bring(Number(address), size);
        // What is translated from a page that was not there, Unicorn does not connect with the page.
        if (kind !== module.MEM_FETCH_UNMAPPED) return brought;
        this.#again = brought;
        return false;
      },
    );
    this.addHook(module.HOOK_MEM_WRITE, (_: never, __: never, address: bigint, size: number): void => {
      this.#writes.push({ address: Number(address), size });
    });
  }

  get emulator(): PackageEmulator {
    return this.#opened ?? this.#made();
  }

  get isOpen(): boolean {
    return this.#opened !== undefined;
  }

  #made(): PackageEmulator {
    if (this.#open.length >= MOST_OPEN) this.#open[0]!.close();
    const { ARCH_X86, MODE_32, Unicorn } = this.#module;
    const emulator = new Unicorn(ARCH_X86, MODE_32);
    this.#opened = emulator;
    this.#open.push(this);
    for (const hook of this.#hooks) hook.name = emulator.hook_add(hook.kind, hook.callback);
    for (const { register, bytes } of this.#registers) emulator.reg_write(register, bytes);
    if (this.#isPrepared) this.#keepContext();
    return emulator;
  }

  /** It may be used again. */
  close(): void {
    const emulator = this.#opened;
    if (emulator === undefined) return;
    this.#leave();
    for (const { name } of this.#hooks) emulator.hook_del(name);
    if (this.#isPrepared) emulator.context_free(this.#context);
    emulator.close();
  }

  #leave(): void {
    this.#opened = undefined;
    this.#pages.clear();
    this.#open.splice(this.#open.indexOf(this), 1);
  }

  addHook(kind: number, callback: Hook["callback"]): Hook {
    const hook = { kind, callback, name: this.#opened?.hook_add(kind, callback) };
    this.#hooks.add(hook);
    return hook;
  }

  removeHook(hook: Hook): void {
    this.#hooks.delete(hook);
    this.#opened?.hook_del(hook.name);
  }

  writeRegister(register: number, from: Uint8Array): void {
    if (!this.#isPrepared) this.#registers.push({ register, bytes: from.slice() });
    this.emulator.reg_write(register, from);
  }

  saveContext(): void {
    this.#isPrepared = true;
    this.#keepContext();
  }

  #keepContext(): void {
    this.#context = this.emulator.context_alloc();
    this.emulator.context_save(this.#context);
  }

  restoreContext(): void {
    const { emulator } = this;
    emulator.context_restore(this.#context);
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
    // What changes while it runs is seen to before it runs again.
    if (this.#isRunning) return;
    for (const page of this.#pages.keys()) {
      if (page + PAGE <= address || page >= address + length) continue;
      this.emulator.mem_unmap(page, PAGE);
      this.#pages.delete(page);
    }
  }

  start(address: number, until: number): number {
    const { emulator } = this;
    this.#open.push(...this.#open.splice(this.#open.indexOf(this), 1));
    this.#refresh();
    for (let from = address; ; ) {
      this.#again = false;
      const code = this.#run(from, until);
      this.settle();
      if (!this.#again) return code;
      const eip = emulator.reg_read(this.#module.X86_REG_EIP, 4);
      from = new DataView(eip.buffer, eip.byteOffset).getUint32(0, true);
    }
  }

  #run(address: number, until: number): number {
    this.#isRunning = true;
    try {
      this.emulator.emu_start(address, until, 0, 0);
      return 0;
    } catch (error) {
      const code = /failed with code (\d+)/.exec(`${error}`)?.[1];
      if (code !== undefined) return Number(code);
      // It was left in the middle of something.
      this.#leave();
      throw error;
    } finally {
      this.#isRunning = false;
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
  const open: Emulator[] = [];
  /** What a hook calls, made for one emulator. */
  type Hooked = (emulator: Emulator) => Hook["callback"];
  const asked =
    <Given extends unknown[], Answer>(ask: (emulator: Emulator, ...given: Given) => Answer) =>
    (handle: Handle, ...given: Given): Answer => {
      try {
        return ask(handle as Emulator, ...given);
      } catch (error) {
        throw failure(error);
      }
    };
  return {
    needsStops: true,
    // Its interpreter of QEMU's operations ends the process at loads of 16 bits from a register (externals/qemu-5.0.1).
    without: new Set(["pextrw"]),
    open: (written) => new Emulator(module, open, written),
    close: asked((emulator) => emulator.close()),
    map: asked((emulator, address: number, bytes: Uint8Array, writable: boolean) =>
      emulator.map({ address, bytes, writable }),
    ),
    unmap: asked((emulator, address: number, length: number) => emulator.unmap(address, length)),
    start: asked((emulator, address: number, until: number) => emulator.start(address, until)),
    keeps: (handle) => (handle as Emulator).isOpen,
    stop: (handle) => (handle as Emulator).emulator.emu_stop(),
    readRegister: asked(({ emulator }, register: number, into: Uint8Array) =>
      into.set(emulator.reg_read(register, into.length)),
    ),
    writeRegister: asked((emulator, register: number, from: Uint8Array) =>
      emulator.writeRegister(register, from),
    ),
    saveContext: asked((emulator) => emulator.saveContext()),
    restoreContext: asked((emulator) => emulator.restoreContext()),
    addHook: asked((emulator, kind: number, callback: Callback) =>
      emulator.addHook(kind, (callback as Hooked)(emulator)),
    ),
    removeHook: asked((emulator, hook: Handle) => emulator.removeHook(hook as Hook)),
    forget: asked((emulator, address: number, length: number) => emulator.drop(address, length)),
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
  const wrong = (what: string): { error: string } => ({
    error: `${NAME} is installed here, but ${what}. Without it libunicorn would be used.`,
  });
  let found: unknown;
  try {
    found = await load();
  } catch (error) {
    return isMissing(error) ? undefined : wrong(`cannot be loaded: ${said(error)}`);
  }
  const make = (found as { default?: unknown } | undefined)?.default;
  if (typeof make !== "function") return wrong("is not what is known by that name");
  try {
    const module = (await make()) as PackageModule | undefined;
    if (module?.Unicorn === undefined) return wrong("has no emulator in it");
    if (!module.arch_supported(module.ARCH_X86)) return wrong("without x86");
    return wrappedPackage(module);
  } catch (error) {
    return wrong(`does not start: ${said(error)}`);
  }
}

/** Not: something that it needs itself is missing. */
function isMissing(error: unknown): boolean {
  const { code, message } = error as { code?: string; message?: string };
  // The built program has require in the place of import.
  if (code !== "ERR_MODULE_NOT_FOUND" && code !== "MODULE_NOT_FOUND") return false;
  return [`${NAME}/x86`, `'${NAME}'`].some((name) => message?.includes(name));
}

/** In words what was thrown, which may be text; of an error the first line, behind which Node says who wanted it. */
function said(error: unknown): string {
  const { message } = error as { message?: string };
  return message?.split("\n")[0] ?? `${error}`.replaceAll(/\s*\n\s*/g, " ");
}
