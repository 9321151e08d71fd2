/**
 * Which forms of the table compiled code does itself, and which it leaves to the interpreter's executors. The list is
 * golden/forms.txt; a change that is meant is accepted with `npx vitest run test/engines/forms.test.ts -u`.
 */
import { expect, test } from "vitest";
import { Random } from "../../src/base/index.ts";
import type { Form } from "../../src/isa/index.ts";
import { type Core, Machine } from "../../src/machine/index.ts";
import { CompilingEngine } from "../../src/machine/jit/index.ts";
import { CODE, DATA } from "../conformance/processor/arena.ts";
import { asked, askedVector, plainCode } from "../conformance/processor/generate.ts";
import { options, Subject } from "../conformance/processor/ours.ts";
import { askedX87 } from "../conformance/processor/x87.ts";

/** Shapes that are tried of each form: operand sizes, registers and memory, constants. */
const SHAPES = 12;

let engine: CompilingEngine | undefined;
const { machine } = new Subject(
  new Machine({ ...options, engine: (core: Core) => (engine = new CompilingEngine(core, { ahead: true })) }),
);

type Fate = "compiled" | "left" | "ends";

/** What becomes of one instruction. */
function fateOf(code: readonly number[]): Fate {
  const at = CODE.start + 0x400;
  machine.memory.place(at, Uint8Array.from([...code, 0xcc]));
  const { region } = engine!.explain(at)!;
  const { end } = region.blocks[0]!;
  if (end.kind === "execute" && end.operation.address === at) return "left";
  if (end.kind === "interpret" && end.eip === at) return "ends";
  return "compiled";
}

const nameOf = (form: Form): string =>
  `${form.opcode}${form.operands.length > 0 ? ` (${form.operands.map(({ text }) => text).join(" ")})` : ""}`;

test("the list of what compiled code does itself", async () => {
  machine.reset();
  machine.cpu.ebx = DATA.start;
  const lists: Record<string, Map<string, string[]>> = {
    "Left to the interpreter's executors": new Map(),
    "Ends compiled code": new Map(),
    "Compiled in some shapes": new Map(),
    Compiled: new Map(),
  };
  const put = (list: string, name: string, what: string): void => {
    const known = lists[list]!.get(name) ?? [];
    lists[list]!.set(name, [...known, what]);
  };
  const counts: Record<string, number> = {};
  for (const form of new Set([...asked, ...askedVector, ...askedX87])) {
    const prefixes = form.rep === "" ? [[]] : [[], [0xf3], ...(form.rep === "repc" ? [[0xf2]] : [])];
    for (const prefix of prefixes) {
      const fates: Record<Fate, number> = { compiled: 0, left: 0, ends: 0 };
      for (let n = 0; n < SHAPES; n++) fates[fateOf([...prefix, ...plainCode(form, new Random(n))])]++;
      const list =
        fates.compiled === SHAPES
          ? "Compiled"
          : fates.compiled > 0
            ? "Compiled in some shapes"
            : fates.left > 0
              ? "Left to the interpreter's executors"
              : "Ends compiled code";
      const name = `${{ 0: "", 243: form.rep === "repc" ? "repe " : "rep ", 242: "repne " }[prefix[0] ?? 0]}${form.name}`;
      put(list, name, `${nameOf(form)}${list.endsWith("shapes") ? ` ${fates.compiled} of ${SHAPES}` : ""}`);
      counts[list] = (counts[list] ?? 0) + 1;
    }
  }
  const text = Object.entries(lists).map(([list, names]) =>
    [
      `${list}: ${counts[list] ?? 0} forms`,
      ...[...names].sort().map(([name, forms]) => `  ${name}: ${forms.join(", ")}`),
    ].join("\n"),
  );
  await expect(`${text.join("\n\n")}\n`).toMatchFileSnapshot("golden/forms.txt");
});
