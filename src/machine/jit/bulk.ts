/** Copies and fills of guest memory: what string instructions with REP do when nothing is in their way. */
import { RAM_BASE } from "../memory/memory.ts";
import { type Code, I32, I64, Label, type Opcode, V128, type ValueType, W } from "../wasm/index.ts";

interface Writer {
  readonly code: Code;
  takeTemporary(type: ValueType): number;
  giveBack(type: ValueType, local: number): void;
}

const splats: Readonly<Record<number, Opcode>> = {
  1: W.i8x16_splat,
  2: W.i16x8_splat,
  4: W.i32x4_splat,
};

/** Sizes that are copied by their two ends: from how many bytes on, and the bytes of one load. */
const ends: readonly [
  least: number,
  load: Opcode,
  store: Opcode,
  type: ValueType,
  size: number,
  times: number,
][] = [
  [33, W.v128_load, W.v128_store, V128, 16, 2],
  [16, W.v128_load, W.v128_store, V128, 16, 1],
  [8, W.i64_load, W.i64_store, I64, 8, 1],
  [4, W.i32_load, W.i32_store, I32, 4, 1],
  [2, W.i32_load16_u, W.i32_store16, I32, 2, 1],
  [1, W.i32_load8_u, W.i32_store8, I32, 1, 1],
];

/**
 * `length` bytes from `from` to `to`, which do not overlap (but may be the same). Up to 64 bytes by loads and stores
 * that reach in from both ends, for the host's own copy has a price of its own.
 */
export function copy(writer: Writer, to: number, from: number, length: number): void {
  const { code } = writer;
  const done = new Label();
  code.block(done);
  const atLeast = (bytes: number, then: () => void): void => {
    code.get(length);
    code.i32(bytes);
    code.op(W.i32_ge_u);
    code.if();
    then();
    code.br(done);
    code.end();
  };
  atLeast(65, () => {
    for (const base of [to, from]) {
      code.get(base);
      code.i32(RAM_BASE);
      code.op(W.i32_add);
    }
    code.get(length);
    code.memoryCopy();
  });
  for (const [least, load, store, type, size, times] of ends) {
    atLeast(least, () => {
      /** The address of the nth piece from the beginning, or from the end, without its offset. */
      const address = (base: number, fromEnd: number): void => {
        code.get(base);
        if (fromEnd === 0) return;
        code.get(length);
        code.op(W.i32_add);
        code.i32(fromEnd);
        code.op(W.i32_sub);
      };
      const pieces: [offset: number, fromEnd: number, local: number][] = [];
      for (let n = 0; n < times; n++) {
        pieces.push([n * size, 0, writer.takeTemporary(type)]);
        pieces.push([0, (n + 1) * size, writer.takeTemporary(type)]);
      }
      for (const [offset, fromEnd, local] of pieces) {
        address(from, fromEnd);
        code.access(load, RAM_BASE + offset);
        code.set(local);
      }
      for (const [offset, fromEnd, local] of pieces) {
        address(to, fromEnd);
        code.get(local);
        code.access(store, RAM_BASE + offset);
        writer.giveBack(type, local);
      }
    });
  }
  code.end();
}

/** `length` bytes at `to` with elements of `size` bytes; `length` is a multiple of it. */
export function fill(writer: Writer, to: number, element: number, length: number, size: number): void {
  const { code } = writer;
  const at = writer.takeTemporary(I32);
  const end = writer.takeTemporary(I32);
  const vector = writer.takeTemporary(V128);
  code.get(to);
  code.tee(at);
  code.get(length);
  code.op(W.i32_add);
  code.set(end);
  code.get(length);
  code.i32(16);
  code.op(W.i32_ge_u);
  code.if();
  code.get(element);
  code.op(splats[size]!);
  code.set(vector);
  // The last 16 bytes first: the loop leaves less than that.
  code.get(end);
  code.i32(16);
  code.op(W.i32_sub);
  code.get(vector);
  code.access(W.v128_store, RAM_BASE);
  step(code, at, end, 16, () => {
    code.get(vector);
    code.access(W.v128_store, RAM_BASE);
  });
  code.else();
  step(code, at, end, size, () => {
    code.get(element);
    code.access(size === 4 ? W.i32_store : size === 2 ? W.i32_store16 : W.i32_store8, RAM_BASE);
  });
  code.end();
  writer.giveBack(I32, at);
  writer.giveBack(I32, end);
  writer.giveBack(V128, vector);
}

/** Stores at `at` as long as `by` bytes are left before `end`. Nothing wraps: guest RAM ends far below 2^32. */
function step(code: Code, at: number, end: number, by: number, store: () => void): void {
  const done = new Label();
  code.block(done);
  const again = code.loop();
  code.get(end);
  code.get(at);
  code.op(W.i32_sub);
  code.i32(by);
  code.op(W.i32_lt_u);
  code.brIf(done);
  code.get(at);
  store();
  code.get(at);
  code.i32(by);
  code.op(W.i32_add);
  code.set(at);
  code.br(again);
  code.end();
  code.end();
}
