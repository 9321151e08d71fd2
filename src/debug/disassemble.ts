/**
 * Machine code → one instruction in FASM's syntax, from the same rows that decode and encode. What is printed
 * assembles again to the same bytes wherever FASM has a way to say them; where it has none (a prefix without
 * effect, a longer encoding than FASM would choose), the text is the plain instruction.
 */
import {
  DECODED,
  decode,
  decodeLong,
  displacementUnit,
  type Form,
  type FormOperand,
  INVALID,
  type Instruction,
  type LongInstruction,
  makeInstruction,
  makeLongInstruction,
  reg8Names,
  reg16Names,
  reg32Names,
  reg64Names,
  SIZE_FAR,
  SIZE_V,
  segmentNames,
  TOO_LONG,
} from "../isa/index.ts";

export interface Disassembly {
  /** One line of FASM; `db …` where the bytes are no instruction. */
  text: string;
  /** Bytes it takes, 1 … 15; 0 when there were none. */
  length: number;
  /** False when the bytes are no instruction, or end before it does. */
  valid: boolean;
}

export interface DisassemblyOptions {
  /** Of the first byte; jump targets are counted from it. Default 0. */
  address?: number;
  /** 16-, 32- or 64-bit code; 32 is the default. */
  bits?: 16 | 32 | 64;
  /** A name for an address, used for targets of jumps and for addresses without registers. */
  nameOf?: (address: number) => string | undefined;
}

const sizeNames: Readonly<Record<number, string>> = {
  1: "byte",
  2: "word",
  4: "dword",
  6: "pword",
  8: "qword",
  10: "tbyte",
  16: "dqword",
  32: "qqword",
  64: "dqqword",
};

const SP = 4;
const BP = 5;
const SS = 2;
const DS = 3;

/** A number as people read it: decimal up to 9, hexadecimal beyond. */
function number(value: number): string {
  const size = Math.abs(value);
  const text = size < 10 ? String(size) : `0x${size.toString(16).toUpperCase()}`;
  return value < 0 ? `-${text}` : text;
}

/** The same of 64 bits, which are read as one unsigned number. */
function wideNumber(value: bigint): string {
  const unsigned = BigInt.asUintN(64, value);
  return unsigned < 10n ? String(unsigned) : `0x${unsigned.toString(16).toUpperCase()}`;
}

const scratch = makeInstruction();
const scratchLong = makeLongInstruction();

const isLong = (instruction: Instruction): instruction is LongInstruction => "rex" in instruction;

/** The instruction at `at`; bytes from `end` on are not read. */
export function disassemble(
  bytes: Uint8Array,
  at = 0,
  end = bytes.length,
  options: DisassemblyOptions = {},
): Disassembly {
  const bits = options.bits ?? 32;
  const instruction = bits === 64 ? scratchLong : scratch;
  const outcome =
    bits === 64 ? decodeLong(bytes, at, end, scratchLong) : decode(bytes, at, end, bits, scratch);
  if (outcome !== DECODED) {
    const length = outcome === INVALID ? 1 : Math.min(end - at, outcome === TOO_LONG ? 1 : 15);
    const list = Array.from(bytes.subarray(at, at + length), (byte) => number(byte));
    return { text: length > 0 ? `db ${list.join(",")}` : "", length, valid: false };
  }
  return { text: print(instruction, bits, options), length: instruction.length, valid: true };
}

/** The text of a decoded instruction. */
export function print(
  instruction: Instruction,
  bits: 16 | 32 | 64,
  options: DisassemblyOptions = {},
): string {
  const form = instruction.form!;
  const address = options.address ?? 0;
  const words: string[] = [];
  // AMD's CR8 outside 64-bit code is CR0 behind LOCK.
  const lock = instruction.lock && !form.operands.some((operand) => operand.kind === "cr");
  if (lock) words.push("lock");
  if (instruction.rep !== 0 && form.prefix !== instruction.rep) {
    const scans = form.rep === "repc";
    words.push(instruction.rep === 0xf2 ? "repne" : scans ? "repe" : "rep");
  }

  const text = pointerString(instruction, form, bits) ?? plain(instruction, form, bits, address, options);
  const prefix = text.segment === undefined ? [] : [segmentNames[text.segment]!];
  return [...words, ...prefix, text.text].join(" ");
}

interface Text {
  text: string;
  /** A segment prefix that the operands do not say. */
  segment: number | undefined;
}

/** String instructions name their pointers only when these are not the code's own: movs byte [di],[fs:si]. */
function pointerString(instruction: Instruction, form: Form, bits: number): Text | undefined {
  const stem = /^(movs|cmps|stos|lods|scas|ins|outs)([bwdq])$/.exec(form.name);
  const xlat = form.name === "xlatb";
  if ((stem === null && !xlat) || form.operands.length > 0) return undefined;
  const segment = instruction.segment < 0 ? undefined : instruction.segment;
  if (instruction.addressSize === bits) return { text: form.name, segment };
  const names = addressNames(instruction);
  const over = segment === undefined || segment === DS ? "" : `${segmentNames[segment]!}:`;
  if (stem === null) return { text: `xlat [${over}${names[3]}]`, segment: undefined };
  const size = { b: "byte", w: "word", d: "dword", q: "qword" }[stem[2] as "b" | "w" | "d" | "q"];
  const source = `[${over}${names[6]}]`;
  const target = `[${names[7]}]`;
  const operands = {
    movs: `${size} ${target},${source}`,
    cmps: `${size} ${source},${target}`,
    stos: `${size} ${target}`,
    scas: `${size} ${target}`,
    lods: `${size} ${source}`,
    ins: `${size} ${target},dx`,
    outs: `dx,${size} ${source}`,
  }[stem[1]!]!;
  return { text: `${stem[1]} ${operands}`, segment: undefined };
}

/** Names that change with a size prefix, beyond what rows of their own say. */
function nameOf(instruction: Instruction, form: Form, bits: number): string {
  const name = form.name;
  const letter = (size: number): string => (size === 16 ? "w" : size === 32 ? "d" : "q");
  if (/^(loop|loope|loopne)$/.test(name) && instruction.addressSize !== bits) {
    return name + letter(instruction.addressSize);
  }
  if (name === "push" && form.operands[0]!.signed && instruction.operandSize !== bits) {
    return name + letter(instruction.operandSize);
  }
  if (/^(ret|retf)$/.test(name) && instruction.operandSize !== bits)
    return name + letter(instruction.operandSize);
  return name;
}

function plain(
  instruction: Instruction,
  form: Form,
  bits: number,
  address: number,
  options: DisassemblyOptions,
): Text {
  const v = instruction.operandSize / 8;
  const name = nameOf(instruction, form, bits);
  if (name === "nop" && instruction.sizePrefix && !form.modrm)
    return { text: v === 2 ? "xchg ax,ax" : "xchg eax,eax", segment: undefined };
  const parts: string[] = [];
  let segment: number | undefined = instruction.segment < 0 ? undefined : instruction.segment;
  let immediates = 0;
  for (let i = 0; i < form.operands.length; i++) {
    const operand = form.operands[i]!;
    const size = sizeOf(operand.size, v);
    switch (form.places[i]) {
      case "none":
        parts.push(
          operand.kind === "one" ? String(operand.number) : registerName(operand, operand.number, size),
        );
        break;
      case "vvvv":
        parts.push(registerName(operand, instruction.vvvv, size));
        break;
      case "is4":
        parts.push(
          registerName(
            operand,
            isLong(instruction) ? instruction.lastRegister : (instruction.immediate >> 4) & 7,
            size,
          ),
        );
        break;
      case "opcode":
        parts.push(
          isLong(instruction)
            ? registerName(operand, instruction.opcodeRegister, size, instruction.rex !== 0)
            : registerName(operand, instruction.code & 7, size),
        );
        break;
      case "reg":
        parts.push(registerName(operand, controlNumber(operand, instruction), size, hasRex(instruction)));
        break;
      case "rm":
        if (instruction.mod === 3)
          parts.push(registerName(operand, instruction.rm, size, hasRex(instruction)));
        else {
          const [inside, outside] = addressText(instruction, bits, segment, options);
          segment = outside;
          parts.push(memorySize(form, i, v, bits, instruction.sizePrefix, instruction.broadcast) + inside);
        }
        break;
      case "moffs": {
        const [inside, outside] = addressText(instruction, bits, segment, options);
        segment = outside;
        parts.push(inside);
        break;
      }
      default:
        parts.push(
          operand.kind === "rel" || operand.kind === "ptr"
            ? target(instruction, form, operand, bits, address, options)
            : immediate(instruction, form, operand, v, immediates++, bits),
        );
    }
  }
  // FASM writes the first register of xchg into ModR/M.reg.
  if (name === "xchg" && instruction.mod === 3 && form.modrm) parts.reverse();
  if (/^push|^pop/.test(name) && form.operands[0]?.file === "segment" && instruction.sizePrefix) {
    parts[0] = `${sizeNames[v]} ${parts[0]}`;
  }
  if (form.encoding === "evex") decorate(parts, instruction, form);
  return { text: parts.length === 0 ? name : `${name} ${parts.join(",")}`, segment };
}

const roundings = ["{rn-sae}", "{rd-sae}", "{ru-sae}", "{rz-sae}"] as const;

/** Mask and zeroing behind the first operand, a broadcast behind memory, a rounding mode behind the last register. */
function decorate(parts: string[], instruction: Instruction, form: Form): void {
  if (instruction.mask !== 0) parts[0] += `{k${instruction.mask}}${instruction.zeroing ? "{z}" : ""}`;
  if (!instruction.broadcast) return;
  const rm = form.places.indexOf("rm");
  if (instruction.mod === 3) {
    const last = form.operands.findLastIndex(({ kind }) => kind !== "imm");
    parts.splice(last + 1, 0, form.attributes.has("er") ? roundings[instruction.rounding]! : "{sae}");
  } else parts[rm] += `{1to${form.operands[rm]!.memorySize / (form.attributes.has("b8") ? 8 : 4)}}`;
}

const sizeOf = (size: number, v: number): number => (size === SIZE_V ? v : size === SIZE_FAR ? v + 2 : size);

function controlNumber(operand: FormOperand, instruction: Instruction): number {
  return operand.kind === "cr" && instruction.lock ? 8 : instruction.reg;
}

const hasRex = (instruction: Instruction): boolean => isLong(instruction) && instruction.rex !== 0;

/** Bytes that REX has in the place of ah, ch, dh and bh. */
const rexNames = ["spl", "bpl", "sil", "dil"] as const;

function generalName(register: number, size: number, rex: boolean): string {
  if (register > 7) return reg64Names[register]! + ({ 1: "b", 2: "w", 4: "d" }[size] ?? "");
  if (size === 1) return rex && register > 3 ? rexNames[register - 4]! : reg8Names[register]!;
  return (size === 2 ? reg16Names : size === 8 ? reg64Names : reg32Names)[register]!;
}

/** The general registers as an address has them. */
const addressNames = ({ addressSize }: Instruction): readonly string[] =>
  addressSize === 16
    ? reg16Names
    : addressSize === 64
      ? reg64Names
      : reg64Names.map((_, register) => generalName(register, 4, false));

function registerName(operand: FormOperand, number: number, size: number, rex = false): string {
  // Files of eight know no further bit.
  const register = /^(segment|st|mm|k)$/.test(operand.file ?? "") ? number & 7 : number;
  switch (operand.file) {
    case "segment":
      return segmentNames[register] ?? `sreg${register}`;
    case "control":
      return `cr${register}`;
    case "debug":
      return `dr${register}`;
    case "test":
      return `tr${register}`;
    case "st":
      return `st${register}`;
    case "mm":
      return `mm${register}`;
    case "k":
      return `k${register}`;
    case "bnd":
      return `bnd${register}`;
    case "vector":
      return `${size === 64 ? "z" : size === 32 ? "y" : "x"}mm${register}`;
    default:
      return generalName(register, size, rex);
  }
}

/** The size operator before a memory operand, where its registers do not tell the size. */
function memorySize(
  form: Form,
  at: number,
  v: number,
  bits: number,
  sizePrefix: boolean,
  broadcast: boolean,
): string {
  const operand = form.operands[at]!;
  if (broadcast) return "";
  const size = sizeOf(operand.memorySize, v);
  if (size === 0 || (operand.text.includes("&") && !(bits === 16 && sizePrefix))) return "";
  if (operand.size === SIZE_FAR) {
    if (form.operands.length > 1) return "";
    if (size === 10) return "tbyte ";
    return size === 6 ? "pword " : bits === 16 ? "dword " : "far dword ";
  }
  for (let i = 0; i < form.operands.length; i++) {
    const other = form.operands[i]!;
    if (i === at || other.kind === "imm" || other.kind === "one") continue;
    const pins = other.file === "general" && form.places[i] !== "none" && !form.attributes.has("apart");
    if (pins && sizeOf(other.size, v) === size) return "";
    if (
      other.kind === "fixed" &&
      !form.attributes.has("apart") &&
      other.file === "general" &&
      other.size === operand.memorySize
    )
      return "";
    if (other.kind === "sreg") return "";
  }
  if ((form.name === "jmp" || form.name === "call") && size === 4 && bits === 16) return "near dword ";
  return `${sizeNames[size]} `;
}

/** The operand in brackets, and the segment prefix that could not be said inside. */
function addressText(
  instruction: Instruction,
  bits: number,
  segment: number | undefined,
  options: DisassemblyOptions,
): [string, number | undefined] {
  const { base, index, scale, displacement, displacementSize } = instruction;
  const names = addressNames(instruction);
  const terms: string[] = [];
  if (base >= 0) terms.push(names[base]!);
  const vector = vectorIndex(instruction);
  if (vector !== undefined) terms.push(scale === 1 && base >= 0 ? vector : `${vector}*${scale}`);
  else if (index >= 0) terms.push(scale === 1 && base >= 0 ? names[index]! : `${names[index]!}*${scale}`);

  let size = "";
  let value = "";
  const wide = instruction.addressSize / 8;
  if (isLong(instruction) && instruction.relative) {
    const to = (options.address ?? 0) + instruction.length + displacement;
    const name = options.nameOf?.(to);
    // Instructions on bounds know no RIP: FASM turns their addresses into distances itself.
    if (name !== undefined) value = name;
    else if (/^bnd/.test(instruction.form!.name)) value = wideNumber(BigInt(to));
    else {
      terms.push(wide === 8 ? "rip" : "eip");
      value = displacement < 0 ? number(displacement) : `+${number(displacement)}`;
    }
  } else if (isLong(instruction) && terms.length === 0) {
    const moved = instruction.wide ?? BigInt(displacement);
    value = wideNumber(wide === 8 ? moved : BigInt.asUintN(32, moved));
    // Beside a segment register FASM takes no other address than a plain one.
    const far = instruction.wide !== undefined || (wide === 8 && displacement < 0);
    if (segment === undefined) size = far || /^bnd/.test(instruction.form!.name) ? "qword " : "dword ";
  } else if (terms.length === 0) {
    const unsigned = wide === 2 ? displacement & 0xffff : displacement >>> 0;
    value = options.nameOf?.(unsigned) ?? number(unsigned);
    // In 16-bit code an address that needs more than 16 bits says so by itself.
    if (wide * 8 !== bits && !(bits === 16 && (displacement >= 0x10000 || displacement < -0x8000))) {
      size = wide === 2 ? "word " : "dword ";
    }
  } else {
    const unit =
      instruction.form!.encoding === "evex" ? displacementUnit(instruction.form!, instruction.broadcast) : 1;
    const short = displacement >= -0x80 * unit && displacement < 0x80 * unit && displacement % unit === 0;
    if (displacement !== 0 || (displacementSize > 1 && base >= 0)) {
      value = displacement < 0 ? number(displacement) : `+${number(displacement)}`;
    }
    if (base >= 0 && displacementSize === Math.min(wide, 4) && short) size = `${sizeNames[wide]} `;
  }

  const stack = base >= 0 && (base === BP || (base === SP && wide === 4) || (wide === 2 && index === BP));
  // In 64-bit code only FS and GS have bases.
  const idle = wide === 8 || isLong(instruction);
  const silent =
    idle && segment !== undefined ? segment <= DS : segment === DS ? !stack : segment === SS ? stack : false;
  const inside = segment === undefined || silent ? "" : `${segmentNames[segment]!}:`;
  return [`[${size}${inside}${terms.join("+")}${value}]`, silent ? segment : undefined];
}

/** The vector register that serves as an index in gathers; number 4 is one too, where otherwise none is meant. */
function vectorIndex({ form, index }: Instruction): string | undefined {
  const wanted = form!.operands.find((operand) => operand.kind === "vsib");
  if (wanted === undefined) return undefined;
  return `${wanted.text.at(-1)}mm${index < 0 ? 4 : index}`;
}

function target(
  instruction: Instruction,
  form: Form,
  operand: FormOperand,
  bits: number,
  address: number,
  options: DisassemblyOptions,
): string {
  const wide = instruction.operandSize;
  if (operand.kind === "ptr") {
    const size = wide === bits ? "" : wide === 16 ? "dword " : "pword ";
    const offset = wide === 16 ? instruction.immediate & 0xffff : instruction.immediate >>> 0;
    return `${size}${number(instruction.immediate2)}:${number(offset)}`;
  }
  const sum = address + instruction.length + instruction.immediate;
  // In 64-bit code 66 makes the instruction pointer one of 16 bits, and nothing else does.
  const narrow = bits === 64 ? instruction.sizePrefix && form.name !== "xbegin" : wide === 16;
  const to = narrow ? sum & 0xffff : bits === 64 ? sum : sum >>> 0;
  const size = bits === 64 ? (narrow ? "word " : "") : wide === bits ? "" : `${sizeNames[wide / 8]} `;
  // A jump that could have been short, but is not. FASM measures from the end of the short one.
  const shortEnd =
    /^(call|xbegin)$/.test(form.name) || operand.size === 1
      ? 0
      : instruction.length - instruction.prefixes - 2;
  const distance = instruction.immediate + shortEnd;
  const near = shortEnd !== 0 && distance >= -0x80 && distance < 0x80 ? "near " : "";
  return near + size + (options.nameOf?.(to) ?? (to < 0 ? wideNumber(BigInt(to)) : number(to)));
}

function immediate(
  instruction: Instruction,
  form: Form,
  operand: FormOperand,
  v: number,
  position: number,
  bits: number,
): string {
  const size = sizeOf(operand.size, v);
  if (operand.text === "imm4") return number(instruction.immediate & 0x0f);
  if (position === 1) return number(instruction.immediate2 & 0xff);
  const value = instruction.immediate;
  if (isLong(instruction) && instruction.wide !== undefined) return `qword ${wideNumber(instruction.wide)}`;
  if (operand.signed) return number(value);
  const shortens = value >= -0x80 && value < 0x80 && operand.size === SIZE_V && hasShortForm(form);
  if (size === 8) return (shortens ? "qword " : "") + number(value);
  const unsigned = size === 1 ? value & 0xff : size === 2 ? value & 0xffff : value >>> 0;
  if (size === 2 && operand.size !== SIZE_V)
    return unsigned === 0 && form.name.startsWith("ret") ? "word 0" : number(unsigned);
  const negative = size > 1 && value < 0 && value > -0x8000;
  const text = number(negative ? value : unsigned);
  const pushes = form.name === "push" && v * 8 !== bits;
  return shortens || pushes ? `${sizeNames[size]} ${text}` : text;
}

/** add, imul, push … have a form with one byte, which FASM takes unless the size is written. */
function hasShortForm(form: Form): boolean {
  return /^(add|or|adc|sbb|and|sub|xor|cmp|imul|push)$/.test(form.name);
}
