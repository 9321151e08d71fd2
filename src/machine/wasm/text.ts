/** The code of a module that writer.ts wrote, as text: one instruction a line, indented by blocks. */
import { isAccess, lanesBehind, nameOf, typeNames } from "./names.ts";
import {
  BLOCK,
  BR,
  BR_IF,
  BR_TABLE,
  BULK,
  CALL,
  CALL_INDIRECT,
  DROP,
  ELSE,
  END,
  F32_CONST,
  F64_CONST,
  I32_CONST,
  I64_CONST,
  IF,
  LOCAL_GET,
  LOCAL_SET,
  LOCAL_TEE,
  LOOP,
  MEMORY_COPY,
  MEMORY_FILL,
  RETURN,
  RETURN_CALL,
  RETURN_CALL_INDIRECT,
  SIMD,
  UNREACHABLE,
  V128_CONST,
} from "./opcodes.ts";

const words: Readonly<Record<number, string>> = {
  [UNREACHABLE]: "unreachable",
  [BLOCK]: "block",
  [LOOP]: "loop",
  [IF]: "if",
  [ELSE]: "else",
  [END]: "end",
  [BR]: "br",
  [BR_IF]: "br_if",
  [BR_TABLE]: "br_table",
  [RETURN]: "return",
  [CALL]: "call",
  [CALL_INDIRECT]: "call_indirect",
  [RETURN_CALL]: "return_call",
  [RETURN_CALL_INDIRECT]: "return_call_indirect",
  [DROP]: "drop",
  [LOCAL_GET]: "local.get",
  [LOCAL_SET]: "local.set",
  [LOCAL_TEE]: "local.tee",
  [I32_CONST]: "i32.const",
  [I64_CONST]: "i64.const",
  [F32_CONST]: "f32.const",
  [F64_CONST]: "f64.const",
  [V128_CONST]: "v128.const",
  [MEMORY_COPY]: "memory.copy",
  [MEMORY_FILL]: "memory.fill",
};

const CODE_SECTION = 10;

/** Every function of a module, from its bytes. */
export function moduleText(bytes: Uint8Array): string {
  let at = 8;
  const u32 = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  };
  const signed = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(Number(shift) + 7, value);
    }
  };
  const lines: string[] = [];
  const body = (end: number): void => {
    const locals: string[] = [];
    for (let runs = u32(); runs > 0; runs--) locals.push(`${u32()} ${typeNames[bytes[at++]!]}`);
    lines.push(`function, locals ${locals.join(" ") || "none"}`);
    let depth = 1;
    while (at < end) {
      let code = bytes[at++]!;
      if (code === BULK >>> 16 || code === SIMD >>> 16) code = (code << 16) | u32();
      if (code === END || code === ELSE) depth--;
      let text = words[code] ?? nameOf(code);
      switch (code) {
        case BLOCK:
        case LOOP:
        case IF: {
          const type = typeNames[bytes[at++]!];
          if (type !== undefined) text += ` ${type}`;
          break;
        }
        case BR:
        case BR_IF:
        case CALL:
        case RETURN_CALL:
        case LOCAL_GET:
        case LOCAL_SET:
        case LOCAL_TEE:
          text += ` ${u32()}`;
          break;
        case BR_TABLE: {
          const labels: number[] = [];
          for (let n = u32() + 1; n > 0; n--) labels.push(u32());
          text += ` ${labels.join(" ")}`;
          break;
        }
        case CALL_INDIRECT:
        case RETURN_CALL_INDIRECT:
          text += ` ${u32()} ${u32()}`;
          break;
        case I32_CONST:
        case I64_CONST:
          text += ` ${signed()}`;
          break;
        case F32_CONST:
          text += ` ${new DataView(bytes.buffer, bytes.byteOffset + at).getFloat32(0, true)}`;
          at += 4;
          break;
        case F64_CONST:
          text += ` ${new DataView(bytes.buffer, bytes.byteOffset + at).getFloat64(0, true)}`;
          at += 8;
          break;
        case V128_CONST:
          text += ` ${[...bytes.subarray(at, at + 16)].join(" ")}`;
          at += 16;
          break;
        case MEMORY_COPY:
          at += 2;
          break;
        case MEMORY_FILL:
          at += 1;
          break;
        default:
          if (isAccess(code)) {
            u32();
            text += ` 0x${u32().toString(16)}`;
          } else {
            const lanes = lanesBehind(code);
            text += [...bytes.subarray(at, at + lanes)].map((lane) => ` ${lane}`).join("");
            at += lanes;
          }
      }
      lines.push(`${"  ".repeat(depth)}${text}`);
      if (code === BLOCK || code === LOOP || code === IF || code === ELSE) depth++;
    }
  };
  while (at < bytes.length) {
    const section = bytes[at++]!;
    const length = u32();
    const end = at + length;
    if (section === CODE_SECTION)
      for (let functions = u32(); functions > 0; functions--) {
        const length = u32();
        body(at + length);
      }
    at = end;
  }
  return `${lines.join("\n")}\n`;
}
