/** A family's module, written when it is wanted, and how it is kept as text. */
import { base64 } from "../../../base/index.ts";
import { moduleBytes, type WasmFunction } from "../../wasm/index.ts";
import type { FamilyModule } from "./kept.ts";

export type Define = (each: (name: string, make: () => WasmFunction) => void) => void;

export function written(define: Define): FamilyModule {
  const known: string[] = [];
  return {
    get names() {
      if (known.length === 0) define((name) => known.push(name));
      return known;
    },
    bytes() {
      const made: { name: string; make: WasmFunction }[] = [];
      define((name, make) => made.push({ name, make: make() }));
      return moduleBytes({
        types: made.map(({ make }) => make.type),
        imports: [{ kind: "memory", module: "machine", name: "memory", pages: undefined }],
        functions: made.map(({ name, make }, type) => ({ type, name, code: make.code })),
      });
    },
  };
}

/** What `kept` takes: names and bytes in base 64. */
export const keep = ({ names, bytes }: FamilyModule): [names: string, bytes: string] => [
  names.join(" "),
  base64(bytes()),
];
