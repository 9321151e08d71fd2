/** How FASM reads the instructions of MMX and SSE: what reader.ts says. */
import { byMnemonic } from "../../isa/index.ts";
import { GPR32, MMX, type Operand, register, registerClass, registerNumber } from "../operand.ts";
import {
  exactly,
  fail,
  fourOrWide,
  isMemory,
  isNumber,
  isRegister,
  type Reader,
  type Reading,
  type Readings,
  unitOf,
} from "./reader.ts";

const [EAX, ECX, EDX] = [0, 1, 2].map((number) => register(GPR32, number)) as [number, number, number];

const takesNumber = (name: string): boolean =>
  byMnemonic(name).some(({ operands }) => operands.at(-1)?.kind === "imm");

/** A number of one byte comes last where the rows have one. */
function lastNumber(reader: Reader, name: string, stores: boolean): void {
  if (takesNumber(name)) reader.number(stores);
}

/** Two operands of one size, MMX or XMM. */
const eitherFile: Reading = (reader, name) => {
  reader.takes("legacyVector");
  reader.comma();
  fromEitherFile(reader, name);
};

function fromEitherFile(reader: Reader, name: string): void {
  const operand = reader.thing();
  const stores = isMemory(operand);
  if (stores) reader.memory(operand);
  else if (isRegister(operand)) reader.legacyVector(operand);
  else fail("invalidOperand");
  lastNumber(reader, name, stores);
}

const shiftsVector: Reading = (reader) => {
  reader.takes("legacyVector");
  reader.comma();
  reader.forget();
  const operand = reader.thing();
  if (!isNumber(operand)) {
    if (isRegister(operand)) reader.legacyVector(operand);
    else reader.memory(operand);
    return;
  }
  reader.value(operand);
  if (reader.size > 1) fail("invalidValue");
};

const shuffles: Reading = (reader, name) => {
  reader.takes("legacyVector");
  reader.only(name === "pshufw" ? 8 : 16);
  reader.comma();
  fromEitherFile(reader, name);
};

const now3d: Reading = (reader) => {
  reader.takes("legacyVector");
  reader.only(8);
  reader.comma();
  reader.vectorOrMemory("legacyVector");
};

const movesByteSigns: Reading = (reader) => {
  const size = reader.register();
  if (size !== 4 && !(size === 8 && reader.isLong)) fail("invalidOperandSize");
  reader.forget();
  reader.comma();
  reader.takes("legacyVector");
};

const movesSigns: Reading = (reader) => {
  const size = reader.register();
  if (size !== 4) {
    reader.only(8);
    if (!reader.isLong) fail("invalidOperand");
  }
  reader.forget();
  reader.comma();
  reader.takes("xmm");
};

/** movd and movq. */
const movesWord: Reading = (reader, name) => {
  const unit = name === "movq" ? 8 : 4;
  const first = reader.thing();
  if (isMemory(first)) {
    reader.memory(first);
    reader.only(0, unit);
  } else {
    if (!isRegister(first)) fail("invalidOperand");
    if (registerClass(first.register) >= MMX) {
      movesIntoVector(reader, first, unit);
      return;
    }
    reader.general(first);
    reader.only(unit);
    if (unit === 8) reader.wide();
  }
  reader.forget();
  reader.comma();
  reader.takes("legacyVector");
};

function movesIntoVector(reader: Reader, first: Operand, unit: number): void {
  const bytes = reader.legacyVector(first);
  reader.comma();
  reader.forget();
  const second = reader.thing();
  if (isMemory(second)) {
    reader.memory(second);
    reader.only(0, unit);
  } else if (!isRegister(second)) fail("invalidOperand");
  else if (unit === 8 && registerClass(second.register) >= MMX) {
    reader.legacyVector(second);
    reader.only(bytes);
  } else {
    // FASM forgets what is written before this register.
    if (unit === 8) reader.forget();
    reader.general(second);
    reader.only(unit);
    if (unit === 8) reader.wide();
  }
}

const movesWhole: Reading = (reader) => {
  const first = reader.thing();
  if (isMemory(first)) {
    reader.memory(first);
    reader.comma();
    reader.takes("xmm");
    return;
  }
  if (!isRegister(first)) fail("invalidOperand");
  reader.xmm(first);
  reader.comma();
  reader.vectorOrMemory("xmm");
};

/** XMM from memory and nothing else. */
const loadsVector: Reading = (reader) => {
  reader.takes("xmm");
  reader.comma();
  reader.addressOnly();
};

const movesBetweenFiles: Reading = (reader, name) => {
  const [to, from] = name === "movdq2q" ? [8, 16] : [16, 8];
  reader.takes("legacyVector");
  reader.only(to);
  reader.forget();
  reader.comma();
  reader.takes("legacyVector");
  reader.only(from);
};

/** Behind a destination whose size does not count: an XMM register, or memory of the size that the instruction reads. */
function sourceOf(reader: Reader, name: string, unit: number, registers = true): void {
  reader.forget();
  reader.comma();
  const operand = reader.thing();
  const stores = isMemory(operand);
  if (stores) {
    reader.memory(operand);
    reader.only(0, unit);
  } else if (registers && isRegister(operand)) reader.xmm(operand);
  else fail("invalidOperand");
  lastNumber(reader, name, stores);
  const additional = byMnemonic(name).some(({ operands }) => operands.at(-1)?.text === "xmm0");
  if (!additional || reader.follows() === undefined) return;
  reader.comma();
  const third = reader.unsized();
  if (!isRegister(third)) fail("invalidOperand");
  reader.xmm(third);
  if (registerNumber(third.register) !== 0) fail("invalidOperand");
}

const sse: Reading = (reader, name) => {
  reader.takes("xmm");
  sourceOf(reader, name, unitOf(name));
};

const movesSse: Reading = (reader, name) => {
  const unit = unitOf(name);
  const half = /^mov[hl]p/.test(name);
  const operand = reader.thing();
  if (isRegister(operand)) {
    reader.xmm(operand);
    sourceOf(reader, name, unit, !half);
    return;
  }
  reader.memory(operand);
  reader.only(0, unit);
  reader.forget();
  reader.comma();
  reader.takes("xmm");
};

const movesAcross: Reading = (reader) => {
  reader.takes("xmm");
  reader.comma();
  reader.takes("xmm");
};

const storesMasked: Reading = (reader, name) => {
  reader.takes("legacyVector");
  reader.only(name === "maskmovq" ? 8 : 16);
  reader.comma();
  reader.takes("legacyVector");
};

const fromMmx: Reading = (reader) => {
  reader.takes("xmm");
  reader.forget();
  reader.comma();
  const operand = reader.thing();
  if (isMemory(operand)) {
    reader.memory(operand);
    reader.only(0, 8);
  } else {
    if (!isRegister(operand)) fail("invalidOperand");
    reader.legacyVector(operand);
    reader.only(8);
  }
};

const toMmx: Reading = (reader, name) => {
  reader.takes("legacyVector");
  reader.only(8);
  sourceOf(reader, name, unitOf(name));
};

const fromInteger: Reading = (reader) => {
  reader.takes("xmm");
  reader.forget();
  reader.comma();
  const operand = reader.thing();
  if (isMemory(operand)) {
    reader.memory(operand);
    if (reader.size !== 0) fourOrWide(reader, reader.size);
  } else {
    if (!isRegister(operand)) fail("invalidOperand");
    fourOrWide(reader, reader.general(operand));
  }
};

const toInteger: Reading = (reader, name) => {
  fourOrWide(reader, reader.register());
  sourceOf(reader, name, unitOf(name));
};

const shiftsWhole: Reading = (reader) => {
  reader.takes("xmm");
  reader.number(false);
};

/** A part of a vector goes to memory. */
function stored(reader: Reader, operand: Operand, bytes: number): void {
  reader.memory(operand);
  reader.only(0, bytes);
  if (bytes === 8) reader.wide();
  reader.forget();
  reader.comma();
  reader.takes("xmm");
  reader.number(true);
}

const extractsSingle: Reading = (reader) => {
  const operand = reader.thing();
  if (isMemory(operand)) return stored(reader, operand, 4);
  if (!isRegister(operand)) fail("invalidOperand");
  const size = reader.general(operand);
  reader.forget();
  reader.comma();
  reader.takes("xmm");
  if (size !== 4) {
    if (size !== 8) fail("invalidOperandSize");
    if (!reader.isLong) fail("illegalInstruction");
  }
  reader.number(false);
};

const partBytes: Readonly<Record<string, number>> = { b: 1, w: 2, d: 4, q: 8 };

const extracts: Reading = (reader, name) => {
  const unit = partBytes[name.at(-1)!]!;
  const operand = reader.thing();
  if (isMemory(operand)) return stored(reader, operand, unit);
  if (!isRegister(operand)) fail("invalidOperand");
  const size = reader.general(operand);
  if (unit === 8) {
    reader.only(8);
    reader.wide();
  } else if (size !== 4 && !(size === 8 && reader.isLong)) fail("invalidOperandSize");
  reader.forget();
  reader.comma();
  const from = reader.takes("legacyVector");
  if (unit !== 2 && from !== 16) fail("invalidOperandSize");
  reader.number(false);
};

const inserts: Reading = (reader, name) => {
  const unit = partBytes[name.at(-1)!]!;
  if (unit === 8) reader.wide();
  reader.takes(unit === 2 ? "legacyVector" : "xmm");
  reader.forget();
  reader.comma();
  const operand = reader.thing();
  if (isMemory(operand)) {
    reader.memory(operand);
    reader.only(0, unit);
    reader.number(true);
    return;
  }
  if (!isRegister(operand)) fail("invalidOperand");
  reader.general(operand);
  reader.only(Math.max(unit, 4));
  reader.number(false);
};

const insertsSingle: Reading = (reader) => {
  reader.takes("xmm");
  reader.forget();
  reader.comma();
  const operand = reader.thing();
  const stores = isMemory(operand);
  if (stores) {
    reader.memory(operand);
    reader.only(0, 4);
  } else {
    if (!isRegister(operand)) fail("invalidOperand");
    reader.legacyVector(operand);
  }
  reader.number(stores);
};

/** Memory, judged by the size that is written before it. */
const prefetches: Reading = (reader) => {
  const operand = reader.thing();
  if (!isMemory(operand)) fail("invalidOperand");
  if (operand.sizeDeclared) reader.only(1);
  reader.memory(operand);
};

const storesPast: Reading = (reader, name) => {
  reader.addressOnly();
  reader.comma();
  reader.takes("legacyVector");
  reader.only(name === "movntq" ? 8 : 16);
};

const storesScalarPast: Reading = (reader, name) => {
  reader.addressOnly();
  reader.only(0, unitOf(name));
  reader.comma();
  reader.forget();
  reader.takes("xmm");
};

const storesIntegerPast: Reading = (reader) => {
  reader.addressOnly();
  reader.comma();
  fourOrWide(reader, reader.register());
};

/** EAX, ECX and, with monitor, EDX; or nothing at all. */
const monitors: Reading = (reader, name) => {
  if (reader.peek().kind === 0 && !reader.peek().sizeDeclared && reader.peek().jump === 0) return;
  exactly(reader, EAX);
  reader.comma();
  exactly(reader, ECX);
  if (name !== "monitor") return;
  reader.comma();
  exactly(reader, EDX);
};

const extractsBits: Reading = (reader) => {
  reader.takes("xmm");
  reader.forget();
  reader.comma();
  const operand = reader.thing();
  if (isRegister(operand)) {
    reader.xmm(operand);
    return;
  }
  if (operand.sizeDeclared) reader.only(1);
  reader.value(operand);
  reader.forget();
  reader.number(false);
};

const insertsBits: Reading = (reader) => {
  reader.takes("xmm");
  reader.forget();
  reader.comma();
  reader.takes("xmm");
  if (reader.follows() === undefined) return;
  reader.forget();
  reader.number(false);
  reader.number(false);
};

export const simdReadings: Readings = [
  [/^ps(?:ll|r[al])[wdq]$/, shiftsVector],
  [/^pshuf(?:w|d|[hl]w)$/, shuffles],
  [/^(?:pf.*|pi2f[dw]|pmulhrw|pswapd|pavgusb)$/, now3d],
  [/^pmovmskb$/, movesByteSigns],
  [/^movmskp[sd]$/, movesSigns],
  [/^mov[dq]$/, movesWord],
  [/^movdq[au]$/, movesWhole],
  [/^lddqu$|^movntdqa$/, loadsVector],
  [/^movdq2q$|^movq2dq$/, movesBetweenFiles],
  [/^mov(?:[au]p[sd]|s[sd]|[hl]p[sd])$/, movesSse],
  [/^mov(?:hl|lh)ps$/, movesAcross],
  [/^maskmov/, storesMasked],
  [/^cvtpi2p[sd]$/, fromMmx],
  [/^cvtt?p[sd]2pi$/, toMmx],
  [/^cvtsi2s[sd]$/, fromInteger],
  [/^cvtt?s[sd]2si$/, toInteger],
  [/^ps[lr]ldq$/, shiftsWhole],
  [/^extractps$/, extractsSingle],
  [/^pextr[bwdq]$/, extracts],
  [/^pinsr[bwdq]$/, inserts],
  [/^insertps$/, insertsSingle],
  [/^prefetch|^clflushopt$|^clwb$/, prefetches],
  [/^movnt(?:q|p[sd]|dq)$/, storesPast],
  [/^movnts[sd]$/, storesScalarPast],
  [/^movnti$|^movdiri$/, storesIntegerPast],
  [/^monitorx?$|^mwaitx?$/, monitors],
  [/^extrq$/, extractsBits],
  [/^insertq$/, insertsBits],
];

/** Those that no line speaks of. */
export const mostSimd = (name: string): Reading =>
  byMnemonic(name).some(({ operands }) => operands.some(({ file }) => file === "mm")) ? eitherFile : sse;
