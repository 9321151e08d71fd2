/**
 * Makes cases from the table of instruction forms: every form in every shape its operands can take, prefixes,
 * registers with telling values, and memory operands that land in the middle of a page, across two, at the end of
 * what is mapped, where nothing may be written, and nowhere. The same seed makes the same cases.
 */
import { Random } from "../../../src/base/index.ts";
import { type Form, type FormOperand, forms } from "../../../src/isa/index.ts";
import { CODE, CONSTANT, DATA, LOW, SMALL, STACK } from "./arena.ts";
import type { Case, Poke } from "./case.ts";
import { fxsaveArea, isVector, vectorBytes } from "./vector.ts";

/** Why a form cannot be asked of the host's processor, or undefined when it can. */
export function notAsked(form: Form): string | undefined {
  if (form.encoding !== "legacy") return "not a 32-bit integer instruction";
  if (form.encodeOnly) return "another form's other name";
  if (form.level === "long") return "64-bit code";
  const why: Record<string, string> = {
    rdtsc: "time differs",
    monitor: "virtual machines differ",
    mwait: "virtual machines differ",
    rdpmc: "depends on the operating system",
    cpuid: "the model differs",
    rdrand: "chance",
    rdseed: "chance",
    sysenter: "enters the operating system",
    syscall: "enters the operating system",
    sgdt: "the operating system emulates it",
    sidt: "the operating system emulates it",
    sldt: "the operating system emulates it",
    str: "the operating system emulates it",
    int1: "virtual machines report another EIP",
    smsw: "the operating system emulates it",
  };
  return why[form.name];
}

const integerLevels = new Set("8086 186 286 386 486 p5 p6 sse sse2 sse4 bmi adx movbe".split(" "));
/** Integer instructions among later levels. */
const also = new Set(
  (
    "endbr32 endbr64 wbnoinvd sysret rdsspd cldemote prefetch prefetchw prefetchwt1 " +
    "bndcl bndcu bndcn bndmk bndmov bndldx bndstx"
  ).split(" "),
);
/** Instructions of the floating-point and vector units without an operand that says so. */
const notInteger = /^(fx|ldmxcsr|stmxcsr|emms|maskmov)/;

/** Forms of the integer instruction set that can be asked. */
export const asked: readonly Form[] = forms().filter(
  (form) => notAsked(form) === undefined && isInteger(form),
);

/** Forms of MMX and SSE. */
export const askedVector: readonly Form[] = forms().filter(
  (form) => notAsked(form) === undefined && isVector(form),
);

function isInteger(form: Form): boolean {
  if (!integerLevels.has(form.level) && !also.has(form.name)) return false;
  if (notInteger.test(form.name)) return false;
  if (form.map === 0 && form.code >= 0xd8 && form.code <= 0xdf) return false;
  return form.operands.every(
    (operand) => !["mm", "mmm", "xmm", "xmmm", "st", "ymm", "ymmm"].includes(operand.kind),
  );
}

/** LOCK MOV CR0 means CR8 on AMD's processors, and some take LOCK VERW: neither is the manual's. */
const hostTakesLock = (form: Form): boolean =>
  form.map === 1 && (form.code === 0 || (form.code >= 0x20 && form.code < 0x28));

export const TELLING = [
  0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 15, 16, 17, 31, 32, 33, 63, 64, 0x7e, 0x7f, 0x80, 0x81, 0xfe, 0xff, 0x100,
  0x1ff, 0x7ffe, 0x7fff, 0x8000, 0x8001, 0xfffe, 0xffff, 0x1_0000, 0x7fff_fffe, 0x7fff_ffff, 0x8000_0000,
  0x8000_0001, 0xffff_ff7f, 0xffff_ff80, 0xffff_ff81, 0xffff_7fff, 0xffff_8000, 0xffff_fffe, 0xffff_ffff,
] as const;

/** Selectors that the host and the model both know, and some that neither does. */
const SELECTORS = [
  0x2b, 0x2b, 0x23, 0x00, 0x03, 0x2a, 0x20, 0x22, 0x0008, 0x0010, 0xfff3, 0x1005, 0x0217,
] as const;

/** Their first constant moves ESP: a modest one. The order in which a far return finds two faults is its own. */
const form16 = new Set(["enter", "ret", "retf"]);

const form512 = /^fx(save|rstor)$/;

const ESP = 4;
const ECX = 1;

/** What stays the same about a form when the table grows. */
export const keyOf = (form: Form): string => `${form.name} ${form.opcode}`;

/** Cases that are made by number: of one form, or sequences of many. */
export interface Series {
  readonly key: string;
  /** The mnemonic, where there is one. */
  readonly name: string;
  /** Made of several instructions: as many of these as `--sequences` says. */
  readonly sequences?: true;
  /** Its vector registers may hold code. */
  readonly codeInRegisters?: boolean;
  make(seed: number, n: number): Case;
}

/** One series for each form that can be asked, and the sequences. */
export const allSeries = (): Series[] => [
  ...asked.map(
    (form): Series => ({
      key: keyOf(form),
      name: form.name,
      make: (seed, n) => generate(form, seed, n),
    }),
  ),
  { key: SEQUENCES, name: SEQUENCES, sequences: true, make: sequence },
];

export const SEQUENCES = "sequences";

/** One series for each form of MMX and SSE. */
export const vectorSeries = (): Series[] =>
  askedVector.map((form) => ({
    // One opcode may have a row for memory and another for registers.
    key: `${keyOf(form)} ${form.operands.map(({ text }) => text).join(" ")}`,
    name: form.name,
    make: (seed, n) => {
      const one = generate(form, seed, n);
      return {
        ...one,
        fxsave: fxsaveArea(form, new Random((Math.imul(seed, 0xc2b2_ae35) + hashOf(form) + n) | 0)),
      };
    },
  }));

/** Everything that can be asked, by the name of its recording in fixtures/processor. */
export const groups = { integer: allSeries, vector: vectorSeries } as const;

/** Case number `n` of a form, in the series that `seed` names. */
export function generate(form: Form, seed: number, n: number): Case {
  const start = (hashOf(form) + Math.imul(seed, 0x9e37_79b9) + n) | 0;
  return { ...new Generator(form, start).make(), number: n };
}

function hashOf(form: Form): number {
  let hash = 0x811c_9dc5; // FNV-1a
  for (const letter of keyOf(form)) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x0100_0193);
  return hash;
}

/** Forms that neither leave their place nor depend on what registers hold. */
export const steady: readonly Form[] = asked.filter(
  (form) =>
    !/^(jmp|call|ret|loop|j.*cxz|int|iret|bound|enter|leave|ud|hlt|xlatb|cli|sti|pop[af]|push|pop(?!cnt)|mov[sz]|div|idiv|aam|arpl|lar|lsl|verr|verw|l[defgs]s|bound|cmpxchg8b)/.test(
      form.name,
    ) &&
    !form.privileged &&
    !form.iopl &&
    form.rep === "" &&
    form.name !== "rsm" &&
    form.name !== "getsec" &&
    (form.condition < 0 || !form.name.startsWith("j")) &&
    !form.operands.some((operand) => ["sreg", "cr", "dr", "tr", "ptr"].includes(operand.kind)),
);

/** A form that leads elsewhere: the case then ends where the host could not execute. */
export const JUMP = forms().findIndex(({ name }) => name === "jmp");

/** Instructions one after another: what one leaves behind, in flags above all, the next ones read. */
export function sequence(seed: number, n: number): Case {
  const random = new Random((Math.imul(seed, 0x85eb_ca6b) + n) | 0);
  const code: number[] = [];
  let form = steady[0]!;
  for (let length = 4 + random.below(24); length > 0; length--) {
    form = steady[random.below(steady.length)]!;
    code.push(...plainCode(form, random));
  }
  const registers = Array.from({ length: 8 }, () =>
    random.below(2) === 0 ? TELLING[random.below(TELLING.length)]! : random.u32(),
  );
  registers[ESP] = STACK.start + 0x800;
  const pokes: Poke[] = [
    { address: DATA.start, bytes: Uint8Array.from({ length: 64 }, () => random.below(256)) },
    { address: CODE.start + 0x400, bytes: Uint8Array.from(code) },
  ];
  const eflags = 0x202 | (random.u32() & 0x8d5);
  return { registers, eip: CODE.start + 0x400, eflags, pokes, form: form.index, number: n };
}

/** Bytes that plain memory operands lie in, from the start of the data on; FXSAVE's area is the longest. */
export const PLAIN_BYTES = 576;

/** How an instruction names memory. */
export interface MemoryOperand {
  /** The ModR/M byte with `reg` in its middle, and what belongs to it. */
  modrm(reg: number): number[];
  /** An offset that stands alone, in as many bytes as addresses have. */
  readonly offset: readonly number[];
}

/**
 * One instruction whose memory operand, if any, is at a plain address, and whose registers leave ESP alone; or one
 * that has a memory operand, which is `memory`.
 */
export function plainCode(form: Form, random: Random, memory?: MemoryOperand): number[] {
  const code: number[] = [];
  const notEsp = (): number => (ESP + 1 + random.below(7)) & 7;
  const narrow =
    form.operandSize === 16 || (form.operandSize === 0 && form.prefix >= 0 && random.below(4) === 0);
  if (form.prefix === 0x66 || narrow) code.push(0x66);
  if (form.prefix === 0xf2 || form.prefix === 0xf3) code.push(form.prefix);
  if (form.map > 0) code.push(0x0f);
  if (form.map > 1) code.push(form.map === 2 ? 0x38 : 0x3a);
  code.push(form.code + (form.plus ? notEsp() : 0));
  const number = (size: number): void => {
    for (let i = 0; i < size; i++) code.push(random.below(256));
  };
  const address = (): void => {
    // Vectors are aligned, mostly.
    const wide = form.operands.some(({ memorySize }) => memorySize >= 16) || form512.test(form.name);
    const at = DATA.start + (wide && random.below(24) > 0 ? 16 * random.below(4) : random.below(48));
    for (let shift = 0; shift < 32; shift += 8) code.push((at >>> shift) & 0xff);
  };
  if (form.modrm) {
    const reg = form.digit >= 0 ? form.digit : notEsp();
    const bitString = /^bt/.test(form.name) && form.digit < 0;
    const register = form.mod === "register" || bitString || (form.mod === "any" && random.below(3) > 0);
    if (memory) code.push(...memory.modrm(reg));
    else if (register) code.push(0xc0 | (reg << 3) | (form.rm >= 0 ? form.rm : notEsp()));
    else {
      code.push((reg << 3) | 5);
      address();
    }
  }
  if (form.places.includes("moffs")) {
    if (memory) code.push(...memory.offset);
    else address();
  }
  for (const tail of form.tail)
    number(tail === "ib" ? 1 : tail === "iw" ? 2 : tail === "id" ? 4 : narrow ? 2 : 4);
  if (form.suffix >= 0) code.push(form.suffix);
  return code;
}

class Generator {
  readonly #random: Random;
  readonly #form: Form;
  readonly #registers: number[] = [];
  readonly #pokes: Poke[] = [];
  /** What the segment adds to an offset. */
  #base = 0;

  constructor(form: Form, seed: number) {
    this.#form = form;
    this.#random = new Random(seed);
  }

  make(): Omit<Case, "number"> {
    const form = this.#form;
    for (let i = 0; i < 8; i++) this.#registers.push(this.#value());
    this.#registers[ESP] = this.#stackTop();
    if (this.#one(2)) this.#registers[ECX] = this.#random.below(48);
    const code = this.#encode();
    for (let reach = 0; form.rep !== "" && reach < 1; reach++) this.#strings(code);
    this.#fillMemory();
    // Now and then across a page; before the very end, behind which nothing can be fetched.
    const start = this.#one(8) ? 0x1000 - 1 - this.#random.below(code.length + 1) : 0x400;
    const eip = CODE.start + (this.#one(60) ? CODE.length - 1 - this.#random.below(code.length + 1) : start);
    const room = CODE.start + CODE.length - eip;
    this.#pokes.push({ address: eip, bytes: Uint8Array.from(code.slice(0, room)) });
    const eflags =
      0x202 | (this.#random.u32() & 0x8d5) | (this.#one(3) ? 0x400 : 0) | (this.#one(40) ? 0x100 : 0);
    return {
      registers: this.#registers.map((value) => value >>> 0),
      eip,
      eflags,
      pokes: this.#pokes,
      form: form.index,
    };
  }

  /** True once in `n` times. */
  #one(n: number): boolean {
    return this.#random.below(n) === 0;
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#random.below(list.length)]!;
  }

  #value(): number {
    return this.#one(2) ? this.#pick(TELLING) : this.#random.u32();
  }

  #stackTop(): number {
    const choice = this.#random.below(24);
    if (choice === 0) return STACK.start + this.#random.below(36);
    if (choice === 1) return STACK.start + STACK.length - this.#random.below(36);
    if (choice === 2) return STACK.start + 0x701 + this.#random.below(8);
    return STACK.start + 0x800 + 4 * this.#random.below(8);
  }

  /** Where the host's process has nothing. */
  #nowhere(): number {
    return 0x1000_0000 + this.#random.below(0x6000_0000);
  }

  /** Where a memory operand is to lie. */
  #place(size: number, narrow: boolean): number {
    const low = narrow && this.#base === 0;
    const area = low ? LOW : DATA;
    const choice = this.#random.below(16);
    if (choice === 0) return area.start + 0x1000 - this.#random.below(size + 1);
    if (choice === 1) return area.start + area.length - this.#random.below(2 * size);
    if (choice === 2) return area.start - this.#random.below(size + 1);
    if (choice === 3 && !low) return CONSTANT.start + 0x100 + this.#random.below(16);
    if (choice === 4) return low ? this.#random.below(0x1_0000) : this.#nowhere();
    return area.start + 0x200 + this.#random.below(64);
  }

  /** Operands of 16 bytes and more are aligned more often than not. */
  #aligned(size: number, place: number): number {
    return isVector(this.#form) && size >= 16 && !this.#one(5) ? place & ~15 : place;
  }

  #encode(): number[] {
    const form = this.#form;
    const prefixes: number[] = [];
    const operandSize16 =
      form.operandSize === 16 || (form.operandSize === 0 && form.prefix !== 0x66 && this.#one(3));
    const address16 = form.addressSize === 16 || (form.addressSize === 0 && this.#one(6));
    if (address16) prefixes.push(0x67);
    if (this.#one(8)) {
      const override = this.#pick([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x64, 0x65]);
      prefixes.push(override);
      if (override === 0x64) this.#base = SMALL.base;
    }
    if (form.lock && this.#one(4)) prefixes.push(0xf0);
    else if (this.#one(100) && !hostTakesLock(form)) prefixes.push(0xf0);
    if (form.rep !== "" && !this.#one(4)) prefixes.push(this.#pick([0xf2, 0xf3]));
    if (form.prefix === 0xf2 || form.prefix === 0xf3) prefixes.push(form.prefix);
    if (form.prefix === 0x66 || (operandSize16 && form.prefix >= 0)) prefixes.push(0x66);
    this.#shuffle(prefixes);
    const code = [...prefixes];
    if (form.map === 1) code.push(0x0f);
    if (form.map === 2) code.push(0x0f, 0x38);
    if (form.map === 3) code.push(0x0f, 0x3a);
    const osize = operandSize16 ? 2 : 4;
    code.push(form.code + (form.plus ? this.#random.below(8) : 0));
    if (form.modrm) this.#modrm(code, address16, osize);
    if (form.places.includes("moffs")) {
      const place = this.#place(4, address16) - this.#base;
      this.#number(code, place, address16 ? 2 : 4);
    }
    for (const tail of form.tail) this.#tail(code, tail, osize);
    if (form.suffix >= 0) code.push(form.suffix);
    if (form.name === "xlatb") {
      this.#registers[3] = this.#place(1, address16) - this.#base - (this.#registers[0]! & 0xff);
    }
    if (form.name.startsWith("maskmov")) {
      const place = this.#place(16, address16) - this.#base;
      this.#registers[7] = address16 ? (this.#registers[7]! & ~0xffff) | (place & 0xffff) : place;
    }
    if (form.name === "enter" || form.name === "leave") {
      if (!this.#one(12)) this.#registers[5] = STACK.start + 0x900 + 4 * this.#random.below(16);
    }
    this.#stackContents(osize);
    return code;
  }

  #shuffle(list: number[]): void {
    for (let i = list.length - 1; i > 0; i--) {
      const j = this.#random.below(i + 1);
      [list[i], list[j]] = [list[j]!, list[i]!];
    }
  }

  #number(code: number[], value: number, size: number): void {
    for (let i = 0; i < size; i++) code.push((value >>> (8 * i)) & 0xff);
  }

  #modrm(code: number[], address16: boolean, osize: number): void {
    const form = this.#form;
    const reg = form.digit >= 0 ? form.digit : this.#registerField();
    const register = form.mod === "register" || (form.mod === "any" && this.#one(2));
    if (register) {
      code.push(0xc0 | (reg << 3) | (form.rm >= 0 ? form.rm : this.#random.below(8)));
      const source = form.operands.find((_, i) => form.places[i] === "rm");
      if (this.#takesSelector() && source) {
        this.#registers[code[code.length - 1]! & 7] = this.#pick(SELECTORS);
      }
      return;
    }
    const size = this.#sizeOfMemory(osize);
    const target = this.#aligned(size, this.#place(size, address16));
    const at = target - this.#base - this.#bitDisplacement(osize, reg);
    if (address16) this.#address16(code, reg, at);
    else this.#address32(code, reg, at);
    this.#contents(target);
  }

  #takesSelector(): boolean {
    return this.#form.operands[0]?.kind === "sreg" || /^(lar|lsl|verr|verw)$/.test(this.#form.name);
  }

  /** sreg numbers 6 and 7 do not exist; they are asked too. */
  #registerField(): number {
    return this.#random.below(8);
  }

  #sizeOfMemory(osize: number): number {
    const operand = this.#form.operands.find((_, i) => this.#form.places[i] === "rm") as
      | FormOperand
      | undefined;
    if (!operand) return 4;
    const size = operand.memorySize < 0 ? osize : operand.memorySize;
    if (size === 0 && form512.test(this.#form.name)) return 512;
    return size || (operand.text.includes(":") ? osize + 2 : operand.text.includes("&") ? 2 * osize : 4);
  }

  /** bt and its like with a register reach far: the offset register gets a modest value, and counts in the address. */
  #bitDisplacement(osize: number, reg: number): number {
    if (!/^bt[src]?$/.test(this.#form.name) || this.#form.digit >= 0) return 0;
    const offset = this.#random.below(0x400) - 0x200;
    this.#registers[reg] = osize === 4 ? offset : (this.#registers[reg]! & ~0xffff) | (offset & 0xffff);
    return osize === 4 ? (offset >> 5) * 4 : (offset >> 4) * 2;
  }

  #address32(code: number[], reg: number, at: number): void {
    const mod = this.#random.below(3);
    const rm = this.#random.below(8);
    const fixed = this.#fixedRegisters(reg);
    let base = rm;
    let index = -1;
    let scale = 0;
    let sib = -1;
    if (rm === 4) {
      base = this.#random.below(8);
      index = this.#random.below(8);
      scale = this.#random.below(4);
      sib = (scale << 6) | (index << 3) | base;
      if (index === 4) index = -1;
    }
    code.push((mod << 6) | (reg << 3) | rm);
    if (sib >= 0) code.push(sib);
    const absolute = mod === 0 && base === 5;
    let displacement = mod === 1 ? this.#random.below(256) - 128 : this.#random.below(0x2000) - 0x1000;
    if (mod === 0 && !absolute) displacement = 0;
    if (absolute) base = -1;
    const indexed = (): number => (index < 0 ? 0 : this.#registers[index]! * 2 ** scale);
    if (base >= 0 && base !== index && !fixed.includes(base) && base !== ESP) {
      if (index >= 0 && !fixed.includes(index) && index !== ESP)
        this.#registers[index] = this.#random.below(64);
      this.#registers[base] = (at - displacement - indexed()) >>> 0;
    } else if (mod === 2 || absolute) {
      displacement = at - indexed() - (base < 0 ? 0 : this.#registers[base]!);
    }
    if (absolute || mod === 2) this.#number(code, displacement, 4);
    else if (mod === 1) code.push(displacement & 0xff);
  }

  #address16(code: number[], reg: number, at: number): void {
    const mod = this.#random.below(3);
    const rm = this.#random.below(8);
    code.push((mod << 6) | (reg << 3) | rm);
    const pairs = [[3, 6], [3, 7], [5, 6], [5, 7], [6], [7], [5], [3]] as const;
    const absolute = mod === 0 && rm === 6;
    const registers: readonly number[] = absolute ? [] : pairs[rm]!;
    const fixed = this.#fixedRegisters(reg);
    let displacement =
      mod === 1 ? this.#random.below(256) - 128 : mod === 2 ? this.#random.u32() & 0xffff : 0;
    const sum = (): number => registers.reduce((total, register) => total + this.#registers[register]!, 0);
    const free = registers.find((register) => !fixed.includes(register));
    if (free !== undefined) {
      const others = sum() - this.#registers[free]!;
      this.#registers[free] =
        ((this.#registers[free]! & ~0xffff) | ((at - displacement - others) & 0xffff)) >>> 0;
    } else displacement = absolute || mod === 2 ? (at - sum()) & 0xffff : displacement;
    if (absolute || mod === 2) this.#number(code, displacement, 2);
    else if (mod === 1) code.push(displacement & 0xff);
  }

  /** Registers whose value matters to the instruction more than to the address. */
  #fixedRegisters(reg: number): number[] {
    const fixed = this.#form.digit < 0 && /^bt/.test(this.#form.name) ? [reg] : [];
    if (this.#form.operands.some((operand) => operand.text === "cl")) fixed.push(ECX);
    return fixed;
  }

  #tail(code: number[], tail: string, osize: number): void {
    switch (tail) {
      case "ib": {
        let value = this.#one(2) ? this.#random.below(40) : this.#random.below(256);
        // Linux serves this vector.
        if (this.#form.name === "int" && value === 0x80) value = 0x81;
        code.push(value);
        break;
      }
      case "cb":
        code.push(this.#random.below(100));
        break;
      case "iw":
        this.#number(code, 4 * this.#random.below(form16.has(this.#form.name) ? 8 : 0x4000), 2);
        break;
      case "id":
        this.#number(code, this.#value(), 4);
        break;
      case "iv":
      case "io":
        this.#number(code, this.#value(), osize);
        break;
      case "cv":
        this.#number(code, this.#one(8) ? this.#random.u32() : this.#random.below(0x800), osize);
        break;
      case "cp":
        this.#number(code, CODE.start + this.#random.below(CODE.length), osize);
        this.#number(code, this.#codeSelector(), 2);
        break;
      default:
        throw new Error(`no case can be made with "${tail}"`);
    }
  }

  /** Selectors of 64-bit code would leave 32-bit mode. */
  #codeSelector(): number {
    return this.#pick([0x23, 0x23, 0x23, 0x20, 0x21, 0x2b, 0, 3, 0x0008, 0x1007]);
  }

  /** What pops, returns and far returns find. */
  #stackContents(osize: number): void {
    const name = this.#form.name;
    const esp = this.#registers[ESP]!;
    const words: number[] = [];
    if (/^(ret|retf|iretw|iretd)$/.test(name)) {
      words.push(CODE.start + this.#random.below(CODE.length), this.#codeSelector());
      words.push(0x202 | (this.#random.u32() & 0x44_4dd5));
    } else if (/^popf/.test(name)) {
      words.push(this.#random.u32() & ~0x0004_0000);
    } else if (name === "pop" && this.#form.operands[0]?.file === "segment") {
      words.push(this.#pick(SELECTORS) | (this.#one(2) ? this.#random.u32() & 0xffff_0000 : 0));
    }
    const bytes: number[] = [];
    for (const word of words) this.#number(bytes, word, osize);
    while (bytes.length < 48) bytes.push(this.#random.below(256));
    this.#poke(esp, bytes);
    if (name === "enter" || name === "leave") {
      this.#poke(
        this.#registers[5]! - 32,
        Array.from({ length: 64 }, () => this.#random.below(256)),
      );
    }
  }

  /** Bytes around a memory operand. */
  #contents(target: number): void {
    const form = this.#form;
    const bytes: number[] = [];
    const far = form.operands.some((operand) => operand.text.startsWith("m16:"));
    if (far) {
      const jumps = form.name === "jmp" || form.name === "call";
      const offset = jumps ? CODE.start + this.#random.below(CODE.length) : this.#random.u32();
      const selector = jumps ? this.#codeSelector() : this.#pick(SELECTORS);
      this.#number(bytes, offset, 4);
      this.#number(bytes, selector, 2);
    } else if (form.name === "jmp" || form.name === "call") {
      this.#number(bytes, CODE.start + this.#random.below(CODE.length), 4);
    } else if (isVector(form)) {
      bytes.push(...vectorBytes(form, this.#random));
    } else if (this.#takesSelector()) {
      this.#number(bytes, this.#pick(SELECTORS), 2);
    } else {
      this.#number(bytes, this.#value(), 4);
      this.#number(bytes, this.#value(), 4);
      if (form.name === "cmpxchg8b" && this.#one(2)) {
        this.#registers[0] = this.#dword(bytes, 0);
        this.#registers[2] = this.#dword(bytes, 4);
      }
      if (form.name === "cmpxchg" && this.#one(2)) this.#registers[0] = this.#dword(bytes, 0);
    }
    this.#poke(target, bytes);
  }

  #dword(bytes: readonly number[], at: number): number {
    return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
  }

  /** Sets what lies inside the writable areas; the rest of the bytes is dropped. */
  #poke(address: number, bytes: readonly number[]): void {
    for (const area of [LOW, DATA, STACK]) {
      const from = Math.max(address, area.start);
      const to = Math.min(address + bytes.length, area.start + area.length);
      if (from < to) {
        this.#pokes.push({
          address: from,
          bytes: Uint8Array.from(bytes.slice(from - address, to - address)),
        });
      }
    }
  }

  /** Strings that are likely to be mapped, alike in part, and overlapping at times. */
  #strings(code: readonly number[]): void {
    const low = code.includes(0x67);
    const set = (register: number, value: number): void => {
      const old = this.#registers[register]!;
      this.#registers[register] = low ? ((old & ~0xffff) | (value & 0xffff)) >>> 0 : value >>> 0;
    };
    const source = this.#place(4, low);
    set(6, source - this.#base);
    set(7, this.#one(3) && this.#base === 0 ? source + this.#random.below(16) - 8 : this.#place(4, low));
    set(ECX, this.#one(6) ? 0 : this.#one(8) ? this.#random.below(0x600) : this.#random.below(40));
    const area = low ? LOW : DATA;
    const pattern = Array.from({ length: 160 }, (_, i) =>
      this.#one(12) ? this.#random.below(256) : 7 + (i & 3),
    );
    this.#poke(area.start + 0x1c0, pattern);
    if (this.#one(2)) this.#registers[0] = this.#one(2) ? 0x0a09_0807 : 0x0707_0707;
  }

  /** Something everywhere a case is likely to look. */
  #fillMemory(): void {
    if (this.#one(2)) {
      this.#poke(
        DATA.start + 0xff8,
        Array.from({ length: 16 }, () => this.#random.below(256)),
      );
    }
  }
}
