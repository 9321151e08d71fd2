/**
 * The public interface of the npm package @alexaltea/unicorn-js (its src/unicorn-wrapper.js), played by libunicorn
 * through koffi, which is the same emulator: for tests where the package is not installed. As strict as the package:
 * numbers go in, BigInts come back for addresses, what fails is thrown as text.
 */
import type { PackageEmulator, PackageModule } from "../../src/node/unicorn/package.ts";

type Native = (...values: unknown[]) => number;

interface Koffi {
  load(name: string): { func(declaration: string): Native };
  proto(declaration: string): unknown;
  pointer(type: unknown): unknown;
  register(called: (...values: never[]) => unknown, type: unknown): unknown;
  unregister(callback: unknown): void;
}

const HOOK_INTR = 1;
const HOOK_CODE = 4;
const MEM_UNMAPPED = 0x70;
const [CTL_CPU_MODEL, CTL_REMOVE_CACHE] = [0x4400_0007, 0x4800_0009];
const CPU_EPYC = 35;

/** The module, or why it cannot be. */
export async function playedUnicorn(): Promise<PackageModule | { error: string }> {
  try {
    const name: string = "koffi";
    const { default: koffi } = (await import(name)) as { default: Koffi };
    return play(koffi, koffi.load("libunicorn.so.2"));
  } catch (error) {
    return { error: (error as Error).message };
  }
}

function play(koffi: Koffi, library: ReturnType<Koffi["load"]>): PackageModule {
  const call = (declaration: string): ((...values: unknown[]) => void) => {
    const native = library.func(declaration);
    const name = /(uc_\w+)\(/.exec(declaration)![1]!;
    return (...values) => {
      const code = native(...values);
      if (code !== 0) throw `Unicorn.js: Function ${name} failed with code ${code}:\n${code}`;
    };
  };
  const type = (declaration: string) => koffi.pointer(koffi.proto(declaration));
  const code = type("void PlayedCode(void *handle, uint64_t address, uint32_t size, void *user)");
  const interrupt = type("void PlayedInterrupt(void *handle, uint32_t vector, void *user)");
  const memory = type(
    "void PlayedMemory(void *handle, int kind, uint64_t address, int size, int64_t value, void *user)",
  );
  const event = type(
    "bool PlayedEvent(void *handle, int kind, uint64_t address, int size, int64_t value, void *user)",
  );
  const open = call("int uc_open(int architecture, int mode, _Out_ void **handle)");
  const close = call("int uc_close(void *handle)");
  const control = call("int uc_ctl(void *handle, int control, ...)");
  const regRead = call("int uc_reg_read(void *handle, int register_, _Out_ uint8_t *value)");
  const regWrite = call("int uc_reg_write(void *handle, int register_, const uint8_t *value)");
  const memMap = call("int uc_mem_map(void *handle, uint64_t address, size_t size, uint32_t rights)");
  const memUnmap = call("int uc_mem_unmap(void *handle, uint64_t address, size_t size)");
  const memWrite = call(
    "int uc_mem_write(void *handle, uint64_t address, const uint8_t *bytes, size_t size)",
  );
  const memRead = call("int uc_mem_read(void *handle, uint64_t address, _Out_ uint8_t *bytes, size_t size)");
  const hookAdd = call(
    "int uc_hook_add(void *handle, _Out_ size_t *hook, int kind, void *callback, void *user, uint64_t begin, uint64_t end)",
  );
  const hookDel = call("int uc_hook_del(void *handle, size_t hook)");
  const start = call(
    "int uc_emu_start(void *handle, uint64_t begin, uint64_t until, uint64_t timeout, size_t count)",
  );
  const stop = call("int uc_emu_stop(void *handle)");
  const allocate = call("int uc_context_alloc(void *handle, _Out_ void **context)");
  const save = call("int uc_context_save(void *handle, void *context)");
  const free = call("int uc_context_free(void *context)");
  const restore = call("int uc_context_restore(void *handle, void *context)");

  class Unicorn implements PackageEmulator {
    readonly #handle: unknown;

    constructor(architecture: number, mode: number) {
      const handle: unknown[] = [null];
      open(architecture, mode, handle);
      this.#handle = handle[0];
      // What the package has by itself is a processor with SSE 4; the library's own choice is an older one.
      control(this.#handle, CTL_CPU_MODEL, "int", CPU_EPYC);
    }

    reg_write = (register: number, bytes: Uint8Array): void => regWrite(this.#handle, register, bytes);
    reg_read = (register: number, size: number): Uint8Array => {
      const value = new Uint8Array(Math.max(size, 16));
      regRead(this.#handle, register, value);
      return value.slice(0, size);
    };
    mem_map = (address: number, size: number, rights: number): void =>
      memMap(this.#handle, address, size, rights);
    mem_unmap = (address: number, size: number): void => {
      // The package's version forgets what it has translated of these pages; the library's is older.
      control(this.#handle, CTL_REMOVE_CACHE, "uint64_t", address, "uint64_t", address + size);
      memUnmap(this.#handle, address, size);
    };
    mem_write = (address: number, bytes: Uint8Array): void =>
      memWrite(this.#handle, address, bytes, bytes.length);
    mem_read = (address: number, size: number): Uint8Array => {
      const bytes = new Uint8Array(size);
      memRead(this.#handle, address, bytes, size);
      return bytes;
    };
    hook_add = (kind: number, callback: (...values: never[]) => unknown): unknown => {
      // The package calls back with itself in the place of the handle.
      const called = callback as (...values: unknown[]) => unknown;
      let types = memory;
      let wrapped: (...values: unknown[]) => unknown = (_, access, address, size, value) =>
        called(this, access, BigInt(address as number), size, BigInt(value as number), {});
      if (kind === HOOK_INTR) {
        types = interrupt;
        wrapped = (_, vector) => called(this, vector, {});
      } else if (kind === HOOK_CODE) {
        types = code;
        wrapped = (_, address, size) => called(this, BigInt(address as number), size, {});
      } else if (kind & MEM_UNMAPPED) types = event;
      const registered = koffi.register(wrapped, types);
      const hook: unknown[] = [0];
      hookAdd(this.#handle, hook, kind, registered, null, 1, 0);
      return { handle: hook[0], callback: registered };
    };
    hook_del = (hook: unknown): void => {
      const { handle, callback } = hook as { handle: unknown; callback: unknown };
      hookDel(this.#handle, handle);
      koffi.unregister(callback);
    };
    emu_start = (begin: number, until: number, timeout: number, count: number): void =>
      start(this.#handle, begin, until, timeout, count);
    emu_stop = (): void => stop(this.#handle);
    context_alloc = (): unknown => {
      const context: unknown[] = [null];
      allocate(this.#handle, context);
      return context[0];
    };
    context_save = (context: unknown): void => save(this.#handle, context);
    context_restore = (context: unknown): void => restore(this.#handle, context);
    context_free = (context: unknown): void => free(context);
    close = (): void => close(this.#handle);
  }

  return {
    ARCH_X86: 4,
    MODE_32: 4,
    PROT_READ: 1,
    PROT_EXEC: 4,
    PROT_ALL: 7,
    HOOK_MEM_WRITE: 1 << 11,
    HOOK_MEM_UNMAPPED: MEM_UNMAPPED,
    MEM_FETCH_UNMAPPED: 21,
    X86_REG_EIP: 26,
    arch_supported: (architecture) => architecture === 4,
    Unicorn,
  };
}
