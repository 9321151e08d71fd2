/** What this host can do with modules. */
import { I32, moduleBytes, V128, W, Code as WasmCode } from "../wasm/index.ts";
import { STATUS } from "./status.ts";

/** Whether this host's WebAssembly has what compiled code needs: calls in tail position, vectors, bulk memory. */
export function canCompile(): boolean {
  const code = new WasmCode(2);
  const local = code.local(V128);
  code.i32(0);
  code.access(W.v128_load, 0);
  code.set(local);
  for (let n = 0; n < 3; n++) code.get(0);
  code.memoryCopy();
  for (let n = 0; n < 3; n++) code.get(0);
  code.returnCallIndirect(0, 0);
  const bytes = moduleBytes({
    types: [{ parameters: [I32, I32], results: [I32] }],
    imports: [
      { kind: "memory", module: "m", name: "m", pages: 1 },
      { kind: "table", module: "m", name: "t" },
    ],
    functions: [{ type: 0, name: "r", code }],
  });
  return WebAssembly.validate(bytes);
}

/** What stands in the table for a region that is gone: it says that nothing was done. */
export function nothing(): () => number {
  const code = new WasmCode(2);
  code.i32(STATUS.LOOK);
  const bytes = moduleBytes({
    types: [{ parameters: [I32, I32], results: [I32] }],
    imports: [],
    functions: [{ type: 0, name: "r", code }],
  });
  return new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports["r"] as () => number;
}
