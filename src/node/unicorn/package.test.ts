import { expect, test } from "vitest";
import { playedUnicorn } from "../../../test/engines/played-unicorn.ts";
import { Machine } from "../../machine/index.ts";
import { UnicornFailure } from "../failure.ts";
import { UnicornEngine } from "./engine.ts";
import { type PackageModule, unicornPackage, wrappedPackage } from "./package.ts";

const notFound = (message: string, code: string): Error => Object.assign(new Error(message), { code });
const missing = (message: string) => () => Promise.reject(notFound(message, "MODULE_NOT_FOUND"));
const offering = (made: unknown) => () => Promise.resolve({ default: made });

test.each([
  [
    "the built program",
    missing("Cannot find module '@alexaltea/unicorn-js/x86'\nRequire stack:\n- /x/cli.cjs"),
  ],
  ["modules", missing("Cannot find package '@alexaltea/unicorn-js' imported from /x/package.ts")],
])("is not there: %s", async (_, load) => {
  expect(await unicornPackage(load)).toBeUndefined();
});

test.each([
  [
    "its file is missing",
    missing("Cannot find module '/x/node_modules/@alexaltea/unicorn-js/dist/unicorn_x86.js'\nRequire stack:"),
    /installed here, but cannot be loaded: Cannot find module '[^']+unicorn_x86.js'$/,
  ],
  [
    "it needs another",
    missing("Cannot find module 'fs-more'"),
    /cannot be loaded: Cannot find module 'fs-more'$/,
  ],
  [
    "it is something else",
    offering({ Unicorn: 1 }),
    /installed here, but is not what is known by that name$/,
  ],
  ["it exports nothing", () => Promise.resolve(undefined), /is not what is known by that name$/],
  ["it makes nothing", offering(() => undefined), /installed here, but has no emulator in it$/],
  [
    "it does not start",
    offering(() => Promise.reject(new WebAssembly.RuntimeError("Aborted(no room)\n  at x"))),
    /installed here, but does not start: Aborted\(no room\)$/,
  ],
  [
    "it is for ARM",
    offering(() => ({ Unicorn: class {}, ARCH_X86: 4, arch_supported: (kind: number) => kind === 1 })),
    /installed here, but without x86$/,
  ],
])("says in words what is wrong with it: %s", async (_, load, words) => {
  const end = ". Without it libunicorn would be used.";
  const { error } = (await unicornPackage(load)) as { error: string };
  expect(error.slice(-end.length)).toBe(end);
  expect(error.slice(0, -end.length)).toMatch(words);
});

const played = await playedUnicorn();
const why = "error" in played ? ` (skipped: ${played.error})` : "";

/** A machine that executes nop for ever, and whose emulator is spoilt. */
function spoilt(spoil: (emulator: InstanceType<PackageModule["Unicorn"]>) => void): Machine {
  const module = played as PackageModule;
  class Spoilt extends module.Unicorn {
    constructor(architecture: number, mode: number) {
      super(architecture, mode);
      spoil(this);
    }
  }
  const library = wrappedPackage({ ...module, Unicorn: Spoilt });
  const machine = new Machine({ memoryBytes: 1 << 20, engine: (core) => new UnicornEngine(library, core) });
  machine.memory.map(0x1000, 0x1000);
  machine.memory.write(0x1000, Uint8Array.of(0x90, 0xeb, 0xfd));
  machine.cpu.eip = 0x1000;
  return machine;
}

test.skipIf(why)(`what goes wrong in it is told with the place${why}`, () => {
  let starts = 0;
  const machine = spoilt((emulator) => {
    const start = emulator.emu_start;
    emulator.emu_start = (...given) => {
      if (++starts === 8) throw new WebAssembly.RuntimeError("memory access out of bounds");
      start(...given);
    };
  });
  expect(machine.run(5)).toEqual({ reason: "budget" });
  expect(() => {
    for (;;) machine.run(5);
  }).toThrow(
    expect.objectContaining({
      message: expect.stringMatching(
        /^@alexaltea\/unicorn-js has failed: memory access out of bounds \(in the code at 0x100[01]\)$/,
      ),
      constructor: UnicornFailure,
    }),
  );
  // Another emulator goes on where that one was.
  const { instructions } = machine;
  expect(machine.run(5)).toEqual({ reason: "budget" });
  expect(machine.instructions).toBe(instructions + 5);
});

test.skipIf(why)(`so is what it refuses${why}`, () => {
  const refused = "Unicorn.js: Function uc_open failed with code 1:\nNo memory";
  const refuse = (): never => {
    throw refused;
  };
  expect(() => spoilt(refuse)).toThrow(
    "@alexaltea/unicorn-js has failed: Unicorn.js: Function uc_open failed with code 1: No memory",
  );
});
