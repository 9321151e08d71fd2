import { unicornPackage } from "./package.ts";

/** What is used of Unicorn 2, and libunicorn through koffi (package.ts has the npm package). Numbers are those of unicorn/unicorn.h and unicorn/x86.h. */

export const REG = {
  EIP: 26,
  EFLAGS: 25,
  /** eax ecx edx ebx esp ebp esi edi */
  GENERAL: [19, 22, 24, 21, 30, 20, 29, 23],
  /** es cs ss ds fs gs */
  SEGMENTS: [28, 11, 49, 17, 32, 33],
  CR0: 50,
  CR4: 54,
  GDTR: 243,
  /** Eight physical registers of 80 bits. */
  FP: 82,
  FPSW: 31,
  FPCW: 246,
  FPTAG: 247,
  XMM: 122,
  MXCSR: 249,
} as const;

export const HOOK = { INTERRUPT: 1, CODE: 4, MEMORY_READ: 1 << 10, MEMORY_WRITE: 1 << 11 } as const;

/** What the memory hook calls a read; a write is 17. */
export const MEMORY_READ = 16;

const ARCH_X86 = 4;
const MODE_32 = 4;
/** uc_ctl, writing: which processor it is; forget what was translated of [from, to). */
const CTL_CPU_MODEL = 0x4400_0007;
const CTL_REMOVE_CACHE = 0x4800_0009;
/** UC_CPU_X86_EPYC */
const CPU_EPYC = 35;

export type Handle = unknown;

/** A function of JavaScript that the library can call. */
export type Callback = unknown;

export interface Unicorn {
  /** Whether long stretches of code without a jump do it harm (stretches.ts). */
  readonly needsStops: boolean;
  /** Names of instructions that it cannot execute. */
  readonly without: ReadonlySet<string>;
  /** `written` is told what the guest writes, where the library has a memory of its own. */
  open(written: (address: number, length: number) => void): Handle;
  close(handle: Handle): void;
  /**
   * Whole pages. `bytes` must stay where they are until they are unmapped: memory of WebAssembly does. What the guest
   * writes is in them when the next instruction begins.
   */
  map(handle: Handle, address: number, bytes: Uint8Array, writable: boolean): void;
  unmap(handle: Handle, address: number, length: number): void;
  /** Executes until something stops it, or up to `until`; 0, or the library's number for why it could not go on. */
  start(handle: Handle, address: number, until: number): number;
  stop(handle: Handle): void;
  /** Whether its registers are still those with which it has stopped. */
  keeps(handle: Handle): boolean;
  readRegister(handle: Handle, register: number, into: Uint8Array): void;
  writeRegister(handle: Handle, register: number, from: Uint8Array): void;
  saveContext(handle: Handle): Handle;
  restoreContext(handle: Handle, context: Handle): void;
  addHook(handle: Handle, kind: number, callback: Callback): Handle;
  removeHook(handle: Handle, hook: Handle): void;
  forget(handle: Handle, address: number, length: number): void;
  onCode(called: (address: number) => void): Callback;
  onInterrupt(called: (vector: number) => void): Callback;
  onMemory(called: (kind: number, address: number, size: number) => void): Callback;
}

/** What is used of the package koffi. */
interface Koffi {
  load(name: string): { func(declaration: string): (...values: unknown[]) => number };
  proto(declaration: string): unknown;
  pointer(type: unknown): unknown;
  register(called: (...values: never[]) => void, type: unknown): Callback;
}

const LIBRARIES: Readonly<Record<string, string>> = {
  darwin: "libunicorn.2.dylib",
  win32: "unicorn.dll",
};

/** How to get what is missing. */
const HOW =
  "The engine unicorn needs the package @alexaltea/unicorn-js (npm install @alexaltea/unicorn-js, where kolibri-emu is installed), or libunicorn 2 " +
  "(Debian and Ubuntu: apt-get install libunicorn2; macOS: brew install unicorn) and the package koffi, which calls " +
  "it (npm install koffi).";

let known: Promise<Unicorn | { error: string }> | undefined;

/** The npm package where it is installed, else the library, or what there is to do to have one of them. */
export function unicornLibrary(): Promise<Unicorn | { error: string }> {
  return (known ??= unicornPackage().then((found) => found ?? nativeLibrary()));
}

/** libunicorn, called through koffi. */
export async function nativeLibrary(): Promise<Unicorn | { error: string }> {
  let koffi: Koffi;
  try {
    // Named so that neither the compiler nor the bundler looks for a package that need not be there.
    const name: string = "koffi";
    koffi = ((await import(name)) as { default: Koffi }).default;
  } catch {
    return { error: `${HOW} koffi is not installed here.` };
  }
  try {
    return wrapped(koffi, koffi.load(LIBRARIES[process.platform] ?? "libunicorn.so.2"));
  } catch (error) {
    return { error: `${HOW} libunicorn cannot be loaded here: ${(error as Error).message}` };
  }
}

function wrapped(koffi: Koffi, library: ReturnType<Koffi["load"]>): Unicorn {
  const call = (declaration: string): ((...values: unknown[]) => void) => {
    const native = library.func(declaration);
    const name = /(uc_\w+)\(/.exec(declaration)![1]!;
    return (...values) => {
      const code = native(...values);
      if (code !== 0) throw new Error(`${name} answers ${code}: ${text(code)}`);
    };
  };
  const text = library.func("const char *uc_strerror(int code)") as unknown as (code: number) => string;
  const open = call("int uc_open(int architecture, int mode, _Out_ void **handle)");
  const control = call("int uc_ctl(void *handle, int control, ...)");
  const allocate = call("int uc_context_alloc(void *handle, _Out_ void **context)");
  const save = call("int uc_context_save(void *handle, void *context)");
  const map = call(
    "int uc_mem_map_ptr(void *handle, uint64_t address, size_t size, uint32_t rights, void *bytes)",
  );
  const addHook = call(
    "int uc_hook_add(void *handle, _Out_ size_t *hook, int kind, void *callback, void *user, uint64_t begin, uint64_t end)",
  );
  const start = library.func(
    "int uc_emu_start(void *handle, uint64_t begin, uint64_t until, uint64_t timeout, size_t count)",
  );
  const code = koffi.proto("void UnicornCode(void *handle, uint64_t address, uint32_t size, void *user)");
  const interrupt = koffi.proto("void UnicornInterrupt(void *handle, uint32_t vector, void *user)");
  const memory = koffi.proto(
    "void UnicornMemory(void *handle, int kind, uint64_t address, int size, int64_t value, void *user)",
  );
  return {
    needsStops: false,
    without: new Set(),
    open() {
      const handle: Handle[] = [null];
      open(ARCH_X86, MODE_32, handle);
      control(handle[0], CTL_CPU_MODEL, "int", CPU_EPYC);
      return handle[0];
    },
    close: call("int uc_close(void *handle)"),
    map: (handle, address, bytes, writable) => map(handle, address, bytes.length, writable ? 7 : 5, bytes),
    unmap: call("int uc_mem_unmap(void *handle, uint64_t address, size_t size)"),
    start: (handle, address, until) => start(handle, address, until, 0, 0),
    keeps: () => true,
    stop: call("int uc_emu_stop(void *handle)"),
    readRegister: call("int uc_reg_read(void *handle, int register_, _Out_ uint8_t *value)"),
    writeRegister: call("int uc_reg_write(void *handle, int register_, const uint8_t *value)"),
    saveContext(handle) {
      const context: Handle[] = [null];
      allocate(handle, context);
      save(handle, context[0]);
      return context[0];
    },
    restoreContext: call("int uc_context_restore(void *handle, void *context)"),
    addHook(handle, kind, callback) {
      const hook: Handle[] = [0];
      // A range that ends before it begins means everywhere.
      addHook(handle, hook, kind, callback, null, 1, 0);
      return hook[0];
    },
    removeHook: call("int uc_hook_del(void *handle, size_t hook)"),
    forget: (handle, address, length) =>
      control(handle, CTL_REMOVE_CACHE, "uint64_t", address, "uint64_t", address + length),
    onCode: (called) =>
      koffi.register((_: never, address: never) => called(Number(address)), koffi.pointer(code)),
    onInterrupt: (called) =>
      koffi.register((_: never, vector: never) => called(vector), koffi.pointer(interrupt)),
    onMemory: (called) =>
      koffi.register(
        (_: never, kind: never, address: never, size: never) => called(kind, Number(address), size),
        koffi.pointer(memory),
      ),
  };
}
