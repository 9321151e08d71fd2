import { expect, test } from "vitest";
import { Random } from "../base/index.ts";
import { Handles } from "./handles.ts";

test("numbers go upwards and lead to their things until these are removed", () => {
  const random = new Random(1);
  const handles = new Handles<string>(5, 300);
  const model = new Map<number, string>();
  for (let i = 0; i < 5000; i++) {
    if (!handles.full && random.below(100) < (i < 2500 ? 60 : 40)) {
      const number = handles.next;
      expect(handles.add(`thing ${i}`)).toBe(number);
      expect(model.has(number)).toBe(false);
      model.set(number, `thing ${i}`);
    } else {
      const number = 5 + random.below(handles.next + 5);
      expect(handles.remove(number)).toBe(model.get(number));
      model.delete(number);
      expect(handles.get(number)).toBeUndefined();
    }
    expect([handles.size, handles.full]).toEqual([model.size, model.size >= 300]);
    if (i % 100 === 0) expect(handles.values()).toEqual([...model.values()]);
  }
  for (const [number, thing] of model) expect(handles.get(number)).toBe(thing);
  expect([handles.get(-1), handles.get(4), handles.get(2 ** 32 - 1)]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
