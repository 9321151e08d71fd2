/** One instruction as text → operands, as simply as the cases are written, and through the encoder. */

import { mnemonic } from "../../src/assembler/encode.ts";
import { type Message, messages, Refusal } from "../../src/assembler/messages.ts";
import {
  ABSOLUTE,
  BOUND,
  BROADCAST,
  CONTROL,
  DEBUG,
  type Encoding,
  FAR,
  GPR8,
  GPR8_HIGH,
  GPR16,
  GPR32,
  GPR64,
  IMMEDIATE,
  JUMP_FAR,
  MALFORMED,
  MASK,
  MASKING,
  MEMORY,
  MMX,
  NEAR,
  newOperand,
  type Operand,
  REGISTER,
  register,
  SEGMENT,
  SHORT,
  ST,
  TEST,
  XMM,
  YMM,
  ZEROING,
  ZMM,
} from "../../src/assembler/operand.ts";

export const sizes: Readonly<Record<string, number>> = {
  byte: 1,
  word: 2,
  dword: 4,
  pword: 6,
  qword: 8,
  tbyte: 10,
  dqword: 16,
  qqword: 32,
  dqqword: 64,
};

const registers = new Map<string, number>();
const name = (names: string, kind: number, first = 0): void => {
  for (const [i, one] of names.split(" ").entries()) registers.set(one, register(kind, first + i));
};
name("al cl dl bl", GPR8);
name("ah ch dh bh", GPR8_HIGH, 4);
name("ax cx dx bx sp bp si di", GPR16);
name("eax ecx edx ebx esp ebp esi edi", GPR32);
name("rax rcx rdx rbx", GPR64);
name("cr8 cr9", CONTROL, 8);
name("es cs ss ds fs gs", SEGMENT);
for (let i = 0; i < 8; i++) {
  for (const [stem, kind] of [
    ["cr", CONTROL],
    ["dr", DEBUG],
    ["tr", TEST],
    ["st", ST],
    ["mm", MMX],
    ["xmm", XMM],
    ["ymm", YMM],
    ["zmm", ZMM],
    ["k", MASK],
    ["bnd", BOUND],
  ] as const)
    registers.set(stem + i, register(kind, i));
}

/** Address at which every line is assembled. */
export const ORIGIN = 0x1000;

function readOperand(text: string, comma: boolean): Operand {
  const operand = newOperand();
  operand.comma = comma;
  let rest = text.trim();
  const word = (among: Readonly<Record<string, number>>): number => {
    const found = /^([a-z]+) ?(?=.)/.exec(rest);
    if (found === null || among[found[1]!] === undefined) return 0;
    rest = rest.slice(found[0].length);
    return among[found[1]!]!;
  };
  operand.jump = word({ short: SHORT, near: NEAR, far: JUMP_FAR });
  operand.size = word(sizes);
  operand.sizeDeclared = operand.size !== 0;
  const decorated = /^(.*?)((?:\s*\{[^}]*\})+)$/.exec(rest);
  if (decorated !== null) {
    rest = decorated[1]!;
    for (const [, mark] of decorated[2]!.matchAll(/\{([^}]*)\}/g)) {
      let code = MALFORMED;
      if (/^k[1-7]$/.test(mark!)) {
        operand.mask = Number(mark![1]);
        code = MASKING | operand.mask;
      } else if (mark === "z") {
        operand.zeroing = true;
        code = ZEROING;
      } else if (/^1to\d+$/.test(mark!)) {
        operand.broadcast = Number(mark!.slice(3));
        code = BROADCAST | Math.log2(operand.broadcast);
      }
      if (code !== MALFORMED) operand.decorators = [...operand.decorators, code];
      else {
        operand.kind = 6;
        operand.rounding = ["rn-sae", "rd-sae", "ru-sae", "rz-sae", "sae"].indexOf(mark!);
      }
    }
    if (operand.kind === 6) return operand;
  }
  if (registers.has(rest)) {
    operand.kind = REGISTER;
    operand.register = registers.get(rest)!;
  } else if (rest.startsWith("[")) readAddress(rest.slice(1, -1), operand);
  else {
    const [first, second] = rest.split(":");
    operand.kind = second === undefined ? IMMEDIATE : FAR;
    operand.segmentValue = second === undefined ? 0 : numberOf(first!);
    setValue(operand, numberOf((second ?? first)!));
  }
  return operand;
}

const numberOf = (text: string): number =>
  /^-/.test(text) ? -Number(text.slice(1)) : Number(text.replace(/^\+/, ""));

function setValue(operand: Operand, value: number): void {
  if (!Number.isInteger(value)) throw new Error(`a case has an operand that cannot be read`);
  operand.value = value;
  operand.low = Number(BigInt.asIntN(32, BigInt(value)));
  operand.high = Number(BigInt.asIntN(32, BigInt(value) >> 32n));
}

function readAddress(text: string, operand: Operand): void {
  operand.kind = MEMORY;
  let rest = text;
  const size = /^(word|dword) /.exec(rest);
  if (size !== null) {
    operand.addressSize = sizes[size[1]!]!;
    rest = rest.slice(size[0].length);
  }
  const override = /^([c-gs]s):/.exec(rest);
  if (override !== null) {
    operand.segment = registers.get(override[1]!)!;
    rest = rest.slice(3);
  }
  let value = 0;
  for (const [, sign, term] of rest.matchAll(/([+-]?)([^+-]+)/g)) {
    const [factor, scale] = term!.split("*");
    const found = registers.get(factor!);
    if (found === undefined) value += numberOf(sign + term);
    else if (operand.base === 0 && scale === undefined) operand.base = found;
    else {
      operand.index = found;
      operand.scale = Number(scale ?? 1);
    }
  }
  const [base, index] = [operand.base, operand.index];
  if (base === 0 && [2, 3, 5, 9].includes(operand.scale) && operand.index < register(XMM, 0)) {
    operand.base = index;
    operand.scale--;
  } else if (operand.scale === 1 && index === register(GPR32, 4)) {
    operand.base = index;
    operand.index = base;
  } else if (base >= register(XMM, 0)) {
    operand.base = index;
    operand.index = base;
    operand.scale = 1;
  }
  if (operand.base === 0 && operand.scale === 1 && operand.index < register(XMM, 0)) {
    operand.base = operand.index;
    operand.index = 0;
    operand.scale = 0;
  }
  setValue(operand, value);
}

/** Operands of a line: commas outside brackets and braces; push and pop take blanks instead. */
function readLine(text: string): { words: string[]; operands: Operand[] } {
  const words: string[] = [];
  let rest = text;
  for (;;) {
    const found = /^([a-z0-9_]+)(?: |$)/.exec(rest)!;
    words.push(found[1]!);
    rest = rest.slice(found[0].length);
    if (mnemonic(found[1]!)?.prefix !== true || rest === "") break;
  }
  if (rest === "") return { words, operands: [] };
  const operands: Operand[] = [];
  for (const part of rest.split(",")) {
    for (const [i, piece] of part.split(" & ").entries())
      operands.push(readOperand(piece, operands.length > 0 && i === 0));
  }
  return { words, operands };
}

const buffer = new Uint8Array(256);

/** Bytes as hex, or the message behind an exclamation mark; a remembered error counts as the answer. */
export function assembled(bits: number, text: string): string {
  let remembered: Message | undefined;
  const out: Encoding = {
    bytes: buffer,
    at: 0,
    bits,
    prefixes: 0,
    compresses: false,
    isLenient: () => false,
    unsized: () => out.recoverable("operandSizeNotSpecified"),
    errorLine: -1,
    recoverable: (message) => {
      remembered ??= message;
    },
    relativeTo: (target, from) => {
      out.distance = Number(BigInt.asIntN(32, BigInt(target.value) - BigInt(ORIGIN + from)));
      out.distanceHigh = 0;
      out.distanceRelocation = ABSOLUTE;
    },
    distance: 0,
    distanceHigh: 0,
    distanceRelocation: ABSOLUTE,
    distanceBase: null,
    distanceBytes: 0,
    dwords: 0,
    dwordAt: 0,
    relocate: () => {},
    endSource: () => {},
  };
  try {
    const { words, operands } = readLine(text);
    for (const [i, word] of words.entries()) {
      const found = mnemonic(word);
      if (found === undefined) return `!unknown ${word}`;
      found.encode(operands, i === words.length - 1 ? operands.length : 0, out);
    }
  } catch (error) {
    if (error instanceof Refusal) return `!${error.text}`;
    throw new Error(text, { cause: error });
  }
  if (remembered !== undefined) return `!${messages[remembered]}`;
  return Array.from(buffer.subarray(0, out.at), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
