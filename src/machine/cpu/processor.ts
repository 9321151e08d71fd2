import { type Access, FACT, RAM_BASE } from "../memory/memory.ts";
import type { Stop } from "../stop.ts";
import type { Code } from "./code.ts";
import type { Core } from "./engine.ts";
import { type Family, type Fast, fastMmx, fastSse, fastStrings, fastX87 } from "./fast/index.ts";
import { beyond, fault, type GuestFault, pageFault } from "./fault.ts";
import { KEPT } from "./flags.ts";
import { KIND, namesMemory, type Operation } from "./operation.ts";
import { EDI, ES, ESI, ESP, SEGMENT, SS, WORD } from "./state.ts";

/** What a write touches: data, or code as well. */
const PLAIN = 0;
const CODE_TOO = 1;

const { READ, WRITE, PRESENT, WRITABLE, CODE, WATCH_READ, WATCH_WRITE } = FACT;

/** Below it the general way is quicker than compiling. */
const PATIENCE = 3000;

/** In the place of fast functions, for a machine that is to do everything in the general way. */
export const noFastFunctions: readonly Fast[] = new Array<Fast>(256).fill(() => 0);

/** Looked up when they are wanted, so that nobody loads them before. */
const families = { x87: () => fastX87, sse: () => fastSse, mmx: () => fastMmx, strings: () => fastStrings };

/** Bytes of the area of FXSAVE. */
const LARGEST_OPERAND = 512;

const CODE_PAGE = PRESENT | WRITABLE | CODE | WATCH_WRITE;

/**
 * What the executors in execute/ work with: registers, memory as the guest sees it, operands and flags.
 *
 * Values of 8 and 16 bits are passed zero-extended, of 32 bits signed. Addresses are signed. An access that the
 * guest may not make throws before anything is written, also when it straddles two pages.
 */
export class Processor {
  readonly core: Core;
  readonly #code: Code;
  /** The state page as dwords, words and bytes: registers are at the same index everywhere. */
  words!: Int32Array;
  halves!: Uint16Array;
  bytes!: Uint8Array;
  view!: DataView;
  facts!: Uint8Array;
  /** Instructions executed before the present one; up to date for operations that ask for it (OP.EXACT). */
  now = 0;
  /** SS has just been loaded: a single step does not trap before the next instruction. SDM vol. 3A, 6.8.3. */
  shadow = false;
  /** Iterations of a repeated string instruction executed in this turn. */
  iterations = 0;
  /** Instructions executed by JavaScript, for they have no arm, or more than it does. */
  general = 0;
  /** A turn ends, at the latest with the next of them, when there were so many. */
  mostGeneral = Number.POSITIVE_INFINITY;

  /** How often a family has been asked for in vain. */
  readonly #times = { x87: 0, sse: 0, mmx: 0, strings: 0 };
  #fastX87: readonly Fast[] | undefined;
  #fastSse: readonly Fast[] | undefined;
  #fastMmx: readonly Fast[] | undefined;
  #fastStrings: readonly Fast[] | undefined;
  readonly #families = new Map<Family, readonly Fast[]>();

  constructor(core: Core, code: Code) {
    this.core = core;
    this.#code = code;
    this.look();
  }

  /** Takes the memory's views, at first and when it has moved. */
  look(): void {
    const { memory } = this.core;
    this.words = memory.words;
    this.halves = new Uint16Array(memory.wasm.buffer, 0, 0x8000);
    this.bytes = memory.bytes;
    this.view = memory.view;
    this.facts = memory.facts;
  }

  // Fast functions (fast/index.ts): to make them costs milliseconds, so that they have to be asked for often first.

  get fastX87(): readonly Fast[] {
    return this.#fastX87 ?? this.#asked("x87");
  }

  get fastSse(): readonly Fast[] {
    return this.#fastSse ?? this.#asked("sse");
  }

  get fastMmx(): readonly Fast[] {
    return this.#fastMmx ?? this.#asked("mmx");
  }

  get fastStrings(): readonly Fast[] {
    return this.#fastStrings ?? this.#asked("strings");
  }

  #asked(name: keyof typeof families): readonly Fast[] {
    const times = ++this.#times[name];
    return times < PATIENCE || this.core.unspecialised ? noFastFunctions : this.fast(families[name]());
  }

  /** The functions of a family, without more ado. */
  fast(family: Family): readonly Fast[] {
    let functions = this.#families.get(family);
    if (functions === undefined) {
      functions = family.functions(this.core.memory.wasm);
      this.#families.set(family, functions);
      if (family === fastX87) this.#fastX87 = functions;
      else if (family === fastSse) this.#fastSse = functions;
      else if (family === fastMmx) this.#fastMmx = functions;
      else if (family === fastStrings) this.#fastStrings = functions;
    }
    return functions;
  }

  // Memory by linear address ---------------------------------------------------------------------------------

  read8(address: number): number {
    if (!(this.facts[address >>> 12]! & READ)) this.#admitRead(address, 1);
    return this.bytes[(address + RAM_BASE) >>> 0]!;
  }

  read16(address: number): number {
    if (!(this.facts[address >>> 12]! & this.facts[(address + 1) >>> 12]! & READ))
      this.#admitRead(address, 2);
    return this.view.getUint16((address + RAM_BASE) >>> 0, true);
  }

  read32(address: number): number {
    if (!(this.facts[address >>> 12]! & this.facts[(address + 3) >>> 12]! & READ))
      this.#admitRead(address, 4);
    return this.view.getInt32((address + RAM_BASE) >>> 0, true);
  }

  write8(address: number, value: number): void {
    const fast = this.facts[address >>> 12]! & WRITE;
    const written = fast ? PLAIN : this.#writing(address, 1);
    this.bytes[(address + RAM_BASE) >>> 0] = value;
    if (written === CODE_TOO) this.#code.written(address >>> 0, 1);
  }

  write16(address: number, value: number): void {
    const fast = this.facts[address >>> 12]! & this.facts[(address + 1) >>> 12]! & WRITE;
    const written = fast ? PLAIN : this.#writing(address, 2);
    this.view.setUint16((address + RAM_BASE) >>> 0, value, true);
    if (written === CODE_TOO) this.#code.written(address >>> 0, 2);
  }

  write32(address: number, value: number): void {
    const fast = this.facts[address >>> 12]! & this.facts[(address + 3) >>> 12]! & WRITE;
    const written = fast ? PLAIN : this.#writing(address, 4);
    this.view.setInt32((address + RAM_BASE) >>> 0, value, true);
    if (written === CODE_TOO) this.#code.written(address >>> 0, 4);
  }

  /**
   * Asks for [address, address + length), at most one page long, to be read as one access: throws where the guest
   * may not, and tells who watches. Its bytes are then read from `view`.
   */
  reading(address: number, length: number): void {
    if (!(this.facts[address >>> 12]! & this.facts[(address + length - 1) >>> 12]! & READ))
      this.#admitRead(address, length);
  }

  /** The same for a write; `written` follows it when the answer is true. */
  writing(address: number, length: number): boolean {
    if (this.facts[address >>> 12]! & this.facts[(address + length - 1) >>> 12]! & WRITE) return false;
    return this.#writing(address, length) === CODE_TOO;
  }

  /** A repetition begins, or goes on. */
  repeats(op: Operation): void {
    this.#code.repeats(op);
  }

  /** Bytes that `writing` said are code have been written. */
  written(address: number, length: number): void {
    this.#code.written(address >>> 0, length);
  }

  /** Reads `size` bytes (4, 8 or 16) as one access, into `to` from index `lane` on. */
  readDwords(address: number, size: number, to: Int32Array, lane: number): void {
    this.reading(address, size);
    const { view } = this;
    const from = (address + RAM_BASE) >>> 0;
    for (let at = 0; at < size; at += 4) to[lane + (at >> 2)] = view.getInt32(from + at, true);
  }

  /** Writes `size` bytes (4, 8 or 16) as one access, from index `lane` of `from` on. */
  writeDwords(address: number, size: number, from: Int32Array, lane: number): void {
    const code = this.writing(address, size);
    const { view } = this;
    const to = (address + RAM_BASE) >>> 0;
    for (let at = 0; at < size; at += 4) view.setInt32(to + at, from[lane + (at >> 2)]!, true);
    if (code) this.written(address, size);
  }

  /** Throws where the guest may not write; otherwise what the write will touch. */
  #writing(address: number, length: number): number {
    const facts = this.facts[address >>> 12]!;
    const offset = address & 0xfff;
    if (offset + length > 0x1000 || (facts & CODE_PAGE) !== (CODE_PAGE & ~WATCH_WRITE)) {
      return this.admitWrite(address, length) ? CODE_TOO : PLAIN;
    }
    // A page that holds code: data beside code is told from it byte by byte.
    const page = this.#code.pages[address >>> 12];
    if (page === undefined || this.#code.isShared) return CODE_TOO;
    const { covered } = page;
    for (let at = offset; at < offset + length; at++) if (covered[at] !== 0) return CODE_TOO;
    return PLAIN;
  }

  /** Throws where the guest may not read [address, address + length), and tells who watches. */
  #admitRead(address: number, length: number): void {
    this.#admit(address, length, PRESENT, "read");
    const last = (address + length - 1) >>> 12;
    if ((this.facts[address >>> 12]! | this.facts[last]!) & WATCH_READ) {
      this.core.onMemory?.("read", address >>> 0, length);
    }
  }

  /**
   * Throws where the guest may not write [address, address + length), at most one page long, and tells who
   * watches. Answers whether a page holds code, so that the keeper of code must hear of the write.
   */
  admitWrite(address: number, length: number): boolean {
    this.#admit(address, length, PRESENT | WRITABLE, "write");
    const facts = this.facts[address >>> 12]! | this.facts[(address + length - 1) >>> 12]!;
    if (facts & WATCH_WRITE) this.core.onMemory?.("write", address >>> 0, length);
    return (facts & CODE) !== 0;
  }

  /** Throws where the guest may not read, before anything is read; who watches hears nothing. */
  admitRead(address: number, length: number): void {
    this.#admit(address, length, PRESENT, "read");
  }

  /** The read half of reading, changing and writing back: the processor asks for the right to write first. */
  admitChange(address: number, length: number): void {
    this.#admit(address, length, PRESENT | WRITABLE, "write");
  }

  /** Throws where [address, address + length) does not end below 4 GiB. */
  admitInSegment(address: number, length: number, access: Access): void {
    if ((address >>> 0) + length > 0x1_0000_0000) throw beyond(address, access);
  }

  #admit(address: number, length: number, needed: number, access: "read" | "write"): void {
    this.admitInSegment(address, length, access);
    const first = this.facts[address >>> 12]!;
    if ((first & needed) !== needed) throw pageFault(address, access, (first & PRESENT) !== 0);
    const end = address + length - 1;
    const last = this.facts[end >>> 12]!;
    // The page that begins inside the access: its first byte is what the processor reports in CR2.
    if ((last & needed) !== needed) throw pageFault(end & ~0xfff, access, (last & PRESENT) !== 0);
  }

  /** Reads a dword that will be written back. */
  change32(address: number): number {
    this.admitChange(address, 4);
    return this.read32(address);
  }

  // Segments -------------------------------------------------------------------------------------------------

  /** The linear address of `offset` in a segment, of which `size` bytes are to be accessed. SDM vol. 3A, 5.3. */
  linear(segment: number, offset: number, size: number, write: boolean): number {
    const rights = this.words[WORD.RIGHTS + segment]!;
    if (rights & SEGMENT.FLAT) return offset;
    const needed = write ? SEGMENT.WRITABLE : SEGMENT.READABLE;
    const limit = this.words[WORD.LIMITS + segment]! >>> 0;
    if (!(rights & needed) || (offset >>> 0) + size - 1 > limit) {
      throw fault(segment === SS ? "#SS" : "#GP");
    }
    return (this.words[WORD.BASES + segment]! + offset) | 0;
  }

  /** What a fault of `op` is to the program: what ends beyond 4 GiB is #SS where it was accessed through SS. */
  stopOf(op: Operation, { stop }: GuestFault): Stop {
    if (stop.reason !== "fault" || stop.fault !== "#GP" || stop.address === undefined) return stop;
    return this.#segmentOf(op, stop.address) === SS ? { ...stop, fault: "#SS" } : stop;
  }

  /** The segment register through which `op`, which has changed nothing, accesses what begins at an address. */
  #segmentOf(op: Operation, address: number): number {
    const { name } = op.form!;
    const isAt = (register: number): boolean => this.words[register]! >>> 0 === address;
    // Of two accesses at one address the first has failed.
    if (/^(movs|lods)/.test(name) && op.string) return isAt(ESI) ? op.segment : ES;
    if (op.string) return name.startsWith("cmps") && !isAt(EDI) ? op.segment : ES;
    // Strings of bits reach far from where the operand says.
    if (/^maskmov|^bt/.test(name)) return op.segment;
    if (!namesMemory(op) || (name === "pop" && isAt(ESP))) return SS;
    return (address - this.offset(op)) >>> 0 < LARGEST_OPERAND ? op.segment : SS;
  }

  /** Whether a jump or call may lead through this selector; raises #GP if not, and loads nothing. */
  checkCode(selector: number): void {
    if ((selector & 0xfffc) === 0) throw fault("#GP");
    if (this.core.segments.descriptor(selector)?.kind !== "code") throw fault("#GP", selector & 0xfffc);
  }

  // Operands -------------------------------------------------------------------------------------------------

  /** The offset that the memory operand names, without its segment. */
  offset(op: Operation): number {
    const words = this.words;
    return (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) & op.addressMask;
  }

  /** The linear address of the memory operand, or of what is `inside` bytes from its beginning. */
  address(op: Operation, size: number, write: boolean, inside = 0): number {
    return this.linear(op.segment, (this.offset(op) + inside) & op.addressMask, size, write);
  }

  /**
   * Where in the machine's memory the memory operand of `size` bytes is, when FACT.READ or FACT.WRITE (`right`) says
   * that the access needs no thought; otherwise, or where it may wrap at 64 KiB, 0, and nothing has happened.
   */
  place(op: Operation, size: number, right: number): number {
    if (!(this.words[WORD.RIGHTS + op.segment]! & SEGMENT.FLAT)) return 0;
    const address = this.offset(op);
    if (((address + size - 1) & ~op.addressMask) !== 0) return 0;
    if (!(this.facts[address >>> 12]! & this.facts[(address + size - 1) >>> 12]! & right)) return 0;
    return (address + RAM_BASE) | 0;
  }

  load(op: Operation, kind: number, index: number): number {
    switch (kind) {
      case KIND.R8:
        return this.bytes[index]!;
      case KIND.R16:
        return this.halves[index]!;
      case KIND.R32:
        return this.words[index]!;
      case KIND.M8:
        return this.read8(this.address(op, 1, false));
      case KIND.M16:
        return this.read16(this.address(op, 2, false));
      case KIND.M32:
        return this.read32(this.address(op, 4, false));
      default:
        return op.immediate;
    }
  }

  store(op: Operation, kind: number, index: number, value: number): void {
    switch (kind) {
      case KIND.R8:
        this.bytes[index] = value;
        break;
      case KIND.R16:
        this.halves[index] = value;
        break;
      case KIND.R32:
        this.words[index] = value;
        break;
      case KIND.M8:
        this.write8(this.address(op, 1, true), value);
        break;
      case KIND.M16:
        this.write16(this.address(op, 2, true), value);
        break;
      case KIND.M32:
        this.write32(this.address(op, 4, true), value);
        break;
      default:
        throw new Error(`operand kind ${kind} cannot be stored`);
    }
  }

  load1(op: Operation): number {
    return this.load(op, op.kind1, op.a);
  }

  load2(op: Operation): number {
    return this.load(op, op.kind2, op.b);
  }

  store1(op: Operation, value: number): void {
    this.store(op, op.kind1, op.a, value);
  }

  store2(op: Operation, value: number): void {
    this.store(op, op.kind2, op.b, value);
  }

  /** The first operand, which will be written back: a place that cannot be written faults as a write. */
  change1(op: Operation): number {
    const kind = op.kind1;
    if (kind >= KIND.M8 && kind <= KIND.M32) {
      const size = 1 << (kind - KIND.M8);
      this.admitChange(this.address(op, size, true), size);
    }
    return this.load(op, kind, op.a);
  }

  // The stack ------------------------------------------------------------------------------------------------

  /** Pushes `size` bytes (2 or 4). ESP changes only when the write has succeeded. */
  push(value: number, size: number): void {
    const esp = (this.words[ESP]! - size) | 0;
    const at = this.linear(SS, esp, size, true);
    if (size === 4) this.write32(at, value);
    else this.write16(at, value);
    this.words[ESP] = esp;
  }

  /** What `pop` would read at ESP + `skip`; ESP is left alone. */
  peek(size: number, skip = 0): number {
    const at = this.linear(SS, (this.words[ESP]! + skip) | 0, size, false);
    return size === 4 ? this.read32(at) : this.read16(at);
  }

  // Flags ----------------------------------------------------------------------------------------------------

  /** Flags of `left + right (+ carry) = value` in the low bits; `shift` is 32 less the operand's bits. */
  flagsOfSum(left: number, right: number, value: number, shift: number): void {
    const carries = (left & right) | ((left | right) & ~value);
    this.words[WORD.RESULT] = (value << shift) >> shift;
    this.words[WORD.CARRIES] =
      shift === 0 ? carries & KEPT : ((carries << shift) & 0xc000_0000) | (carries & 8);
  }

  /** Flags of `left - right (- borrow) = value`. */
  flagsOfDifference(left: number, right: number, value: number, shift: number): void {
    const borrows = (~left & right) | (~(left ^ right) & value);
    this.words[WORD.RESULT] = (value << shift) >> shift;
    this.words[WORD.CARRIES] =
      shift === 0 ? borrows & KEPT : ((borrows << shift) & 0xc000_0000) | (borrows & 8);
  }

  /** ZF, SF and PF of `value`; CF, OF and AF cleared. */
  flagsOfLogic(value: number, shift: number): void {
    this.words[WORD.RESULT] = (value << shift) >> shift;
    this.words[WORD.CARRIES] = 0;
  }

  /** ZF, SF and PF of `value`; the others (0 or 1 each) as given. */
  setFlags(value: number, shift: number, cf: number, of: number, af: number): void {
    this.words[WORD.RESULT] = (value << shift) >> shift;
    this.words[WORD.CARRIES] = (cf << 31) | ((cf ^ of) << 30) | (af << 3);
  }

  get carry(): number {
    return this.words[WORD.CARRIES]! >>> 31;
  }

  get overflow(): number {
    const carries = this.words[WORD.CARRIES]!;
    return ((carries >>> 31) ^ (carries >>> 30)) & 1;
  }

  /** Sets CF and OF (0 or 1 each) and leaves the other flags. */
  setCarryAndOverflow(cf: number, of: number): void {
    const kept = this.words[WORD.CARRIES]! & 0x3fff_ffff;
    this.words[WORD.CARRIES] = kept | (cf << 31) | ((cf ^ of) << 30);
  }

  /** Sets CF (0 or 1) and leaves the other flags. */
  setCarry(cf: number): void {
    const carries = this.words[WORD.CARRIES]!;
    this.setCarryAndOverflow(cf, ((carries >>> 31) ^ (carries >>> 30)) & 1);
  }

  /** Sets ZF, and leaves the other flags. */
  setZero(zf: boolean): void {
    const words = this.words;
    const result = words[WORD.RESULT]!;
    if ((result === 0) === zf) return;
    // The result changes between 0 and something else: SF and PF keep their values through the corrections.
    const replacement = zf ? 0 : 1;
    const parityChange = (result ^ replacement) & 0xff;
    const signChange = (result ^ replacement) >>> 31;
    words[WORD.RESULT] = replacement;
    words[WORD.CARRIES] = words[WORD.CARRIES]! ^ (parityChange << 8) ^ signChange;
  }
}
