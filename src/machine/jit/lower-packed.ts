/** MMX, and the instructions of SSE to SSE4.1 on packed integers and single lanes → IR. */

import {
  blendedByMask,
  extensions,
  isShift,
  laneOf,
  packedOperations,
  shiftedByConstant,
  shuffle,
  withLane,
  ZEROS,
  zero,
} from "../cpu/fast/packed-operations.ts";
import { KIND, type Operation } from "../cpu/operation.ts";
import { WORD } from "../cpu/state.ts";
import { RAM_BASE } from "../memory/memory.ts";
import { I64, V128, W } from "../wasm/index.ts";
import { SLOT, type Value } from "./ir.ts";
import { isMemory, type Lowering } from "./lower.ts";
import { demandAlignment, slotOf, storeTo } from "./lower-sse.ts";
import { mmxRegisters } from "./mmx-registers.ts";
import { FLAGS } from "./status.ts";

const isVector = (kind: number): boolean => kind === KIND.VECTOR;
const isInMemory = (kind: number): boolean => kind === KIND.MEMORY || isMemory(kind);

/** The registers of one file. */
interface Registers {
  readonly bytes: 8 | 16;
  read(index: number): Value;
  write(index: number, value: Value): void;
}

const mmxNumber = (index: number): number => (index - WORD.X87) >> 2;

function mmx(l: Lowering): Registers {
  const registers = mmxRegisters(l.b);
  return {
    bytes: 8,
    read: (index) => registers.read(mmxNumber(index)),
    write: (index, value) => registers.write(mmxNumber(index), value),
  };
}

const xmm = ({ b }: Lowering): Registers => ({
  bytes: 16,
  read: (index) => b.get(slotOf(index)),
  write: (index, value) => b.set(slotOf(index), value),
});

/** The second operand; `size` bytes of it when it is memory, where it can be accessed that way. */
function second(l: Lowering, op: Operation, registers: Registers, size: number, aligned: boolean): Value {
  const { b } = l;
  if (isVector(op.kind2)) return registers.read(op.b);
  const address = l.address(op);
  b.check(address, size, false);
  if (aligned) demandAlignment(l, address);
  if (size === 2) return b.pure(W.i32x4_splat, b.load(W.i32_load16_u, address, RAM_BASE));
  const opcode = size === 16 ? W.v128_load : size === 8 ? W.v128_load64_zero : W.v128_load32_zero;
  return b.load(opcode, address, RAM_BASE);
}

const quadword = (l: Lowering, value: Value): Value => l.b.pureWith(W.i64x2_extract_lane, I64, [0], value);

/** A quadword of an MMX register to memory, which is checked here. */
function storeQuadword(l: Lowering, op: Operation): void {
  const address = l.address(op);
  const registers = mmxRegisters(l.b);
  l.b.check(address, 8, true);
  l.b.store(W.i64_store, address, quadword(l, registers.read(mmxNumber(op.b))), RAM_BASE);
  registers.executed();
}

/** Moves of MMX registers; undefined for other instructions. */
function moveMmx(l: Lowering, op: Operation, name: string, toMmx: boolean): boolean | undefined {
  const { b } = l;
  switch (name) {
    case "movq":
    case "movntq": {
      if (op.form!.places[0] === "rm" && !isVector(op.kind1)) {
        storeQuadword(l, op);
        return true;
      }
      const registers = mmx(l);
      registers.write(op.a, second(l, op, registers, 8, false));
      return true;
    }
    case "movd": {
      const registers = mmxRegisters(b);
      if (toMmx) {
        const place = l.place(op, false);
        const value =
          place !== undefined
            ? b.load(W.v128_load32_zero, place, RAM_BASE)
            : b.pureWith(W.i32x4_replace_lane, V128, [0], zero(b), b.get(op.b));
        registers.write(mmxNumber(op.a), value);
        return true;
      }
      const place = l.place(op, true);
      l.store(op.kind1, op.a, place, laneOf(b, "d", registers.read(mmxNumber(op.b)), 0));
      registers.executed();
      return true;
    }
    case "movq2dq": {
      const registers = mmxRegisters(b);
      const value = registers.read(mmxNumber(op.b));
      b.set(slotOf(op.a), shuffle(b, value, zero(b), LOW_QUADWORD));
      registers.executed();
      return true;
    }
    case "movdq2q":
      mmxRegisters(b).write(mmxNumber(op.a), b.get(slotOf(op.b)));
      return true;
    case "pmovmskb": {
      const registers = mmxRegisters(b);
      const mask = b.pure(W.i8x16_bitmask, registers.read(mmxNumber(op.b)));
      b.set(op.a, b.pure(W.i32_and, mask, b.const(0xff)));
      registers.executed();
      return true;
    }
    default:
      return undefined;
  }
}

const LOW_QUADWORD = [0, 1, 2, 3, 4, 5, 6, 7, 16, 16, 16, 16, 16, 16, 16, 16];

/** pinsr, pextr and extractps; undefined for other instructions. */
function moveLane(l: Lowering, op: Operation, name: string): boolean | undefined {
  const { b } = l;
  const moved = /^p(ins|ext)r([bwd])$/.exec(name);
  if (!moved && name !== "extractps") return undefined;
  const letter = moved?.[2] ?? "d";
  const vector = moved?.[1] === "ins" ? op.form!.operands[0]! : op.form!.operands[1]!;
  const registers = vector.kind === "mm" ? mmx(l) : xmm(l);
  if (moved?.[1] === "ins") {
    const value = l.value(op, op.kind2, op.b, l.place(op, false));
    registers.write(op.a, withLane(b, letter, registers.read(op.a), op.immediate, value, registers.bytes));
    return true;
  }
  const place = l.place(op, true);
  l.store(op.kind1, op.a, place, laneOf(b, letter, registers.read(op.b), op.immediate, registers.bytes));
  if (registers.bytes === 8) mmxRegisters(b).executed();
  return true;
}

/** A lane of the second operand put into one of the first, others cleared. SDM vol. 2A, INSERTPS. */
function insertSingle(l: Lowering, op: Operation): boolean {
  const { b } = l;
  const { immediate } = op;
  const from = second(l, op, xmm(l), 4, false);
  const lane = isVector(op.kind2) ? (immediate >> 6) & 3 : 0;
  const to = (immediate >> 4) & 3;
  const put = shuffle(
    b,
    b.get(slotOf(op.a)),
    from,
    ZEROS.map((_, at) => (at >> 2 === to ? 16 + 4 * lane + (at & 3) : at)),
  );
  const cleared = ZEROS.map((_, at) => (immediate & (1 << (at >> 2)) ? 16 : at));
  b.set(slotOf(op.a), immediate & 15 ? shuffle(b, put, zero(b), cleared) : put);
  return true;
}

/** ZF where the operands have no bit in common, CF where the second has none that the first has not. */
function test(l: Lowering, op: Operation): boolean {
  const { b } = l;
  const y = second(l, op, xmm(l), 16, true);
  const x = b.get(slotOf(op.a));
  const common = b.pure(W.v128_any_true, b.pure(W.v128_and, x, y));
  const none = b.pure(W.i32_eqz, b.pure(W.v128_any_true, b.pure(W.v128_andnot, y, x)));
  // A result of 1 has odd parity, one of 0 has not: bit 8 of the word corrects it (cpu/flags.ts).
  const parity = b.pure(W.i32_shl, b.pure(W.i32_eqz, common), b.const(8));
  l.setFlags(common, FLAGS.WORD, parity, none);
  return true;
}

function endMmx(l: Lowering): boolean {
  l.top = 0;
  mmxRegisters(l.b).executed(0);
  return true;
}

/** The family of packed integers. */
export function lowerPacked(l: Lowering, op: Operation): boolean {
  const { form } = op;
  if (form === undefined || l.b.without === "sse") return false;
  const { name, operands } = form;
  if (name === "emms") return endMmx(l);
  const [first, other] = operands.map(({ kind }) => kind);
  const toMmx = first === "mm" || first === "mmm";
  const ofMmx = toMmx || other === "mm" || other === "mmm";
  if (!ofMmx && !/^x/.test(first ?? "") && !/^x/.test(other ?? "")) return false;
  if ((isInMemory(op.kind1) || isInMemory(op.kind2)) && !l.plain(op)) return false;
  if (/^cvt|^maskmov/.test(name)) return false;
  const { b } = l;
  if (ofMmx) {
    l.top = 0;
    const moved = moveMmx(l, op, name, toMmx);
    if (moved !== undefined) return moved;
  }
  const inserted = moveLane(l, op, name);
  if (inserted !== undefined) return inserted;
  switch (name) {
    case "insertps":
      return insertSingle(l, op);
    case "ptest":
      return test(l, op);
    case "movntdq":
    case "movntps":
    case "movntpd":
      return storeTo(l, op, 16, true, b.get(slotOf(op.b)));
    case "lddqu":
    case "movntdqa":
      b.set(slotOf(op.a), second(l, op, xmm(l), 16, name === "movntdqa"));
      return true;
    case "pblendvb":
    case "blendvps":
    case "blendvpd": {
      const y = second(l, op, xmm(l), 16, true);
      const to = slotOf(op.a);
      b.set(to, blendedByMask(b, name, b.get(to), y, b.get(SLOT.XMM)));
      return true;
    }
  }
  const extension = extensions[name];
  const operation = extension?.[0] ?? packedOperations[name];
  if (operation === undefined || !isVector(op.kind1)) return false;
  const registers = ofMmx ? mmx(l) : xmm(l);
  if (op.kind2 === KIND.IMMEDIATE) {
    if (!isShift(name)) return false;
    registers.write(op.a, shiftedByConstant(b, name, registers.read(op.a), op.immediate & 0xff));
    return true;
  }
  const { bytes } = registers;
  // Of unpacked lower halves of MMX a dword is read. SDM vol. 2B, PUNPCKLBW.
  const size: number = extension?.[1] ?? (ofMmx && name.startsWith("punpckl") ? 4 : bytes);
  const y = second(l, op, registers, size, size === 16);
  registers.write(op.a, operation(b, registers.read(op.a), y, bytes, op.immediate & 0xff));
  return true;
}
