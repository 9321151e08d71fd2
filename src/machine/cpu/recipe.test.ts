import { expect, test } from "vitest";
import { DECODED, decode, makeInstruction } from "../../isa/index.ts";
import { executorOf } from "./execute/index.ts";
import { recipeOf } from "./recipe.ts";

test("what has an arm is executed without it as its executor wants", () => {
  const names = new Set<string>();
  const differing = new Set<string>();
  const fields = makeInstruction();
  for (const prefix of [[], [0x66], [0xf2], [0xf3]])
    for (const map of [[], [0x0f]])
      for (let code = 0; code < 256; code++)
        for (let modrm = 0; modrm < 256; modrm += code >> 3 === 0x1b && map.length === 0 ? 1 : 7) {
          const bytes = Uint8Array.from([...prefix, ...map, code, modrm, ...new Array<number>(16).fill(0)]);
          if (decode(bytes, 0, bytes.length, 32, fields) !== DECODED) continue;
          const form = fields.form!;
          const { arm, general, string, extra } = recipeOf(form, fields);
          if (arm === undefined || string !== undefined) continue;
          names.add(form.name);
          const found = executorOf(form);
          if (found.op !== general || (found.extra ?? extra) !== extra) differing.add(form.name);
        }
  expect([...differing]).toEqual([]);
  expect(names.size).toBeGreaterThan(200);
});
