import { FACT, LINE_SHIFT, type Memory, RAM_BASE } from "../memory/memory.ts";
import { transferAt } from "../transfer.ts";
import { decodeOperation } from "./decode.ts";
import type { Core } from "./engine.ts";
import { OP } from "./op.ts";
import { type Executor, Operation } from "./operation.ts";
import { Records } from "./records.ts";
import { leads, mayLead } from "./specialise.ts";

/** What is kept of one page of code. */
export interface CodePage {
  /** The record of the operation that begins at each offset, or 0. Out of reach of the garbage collector: most are 0. */
  readonly records: Int32Array;
  /** 1 for each byte that may belong to a decoded instruction: data beside code is told from code by it. */
  readonly covered: Uint8Array;
}

/** Who compiles hot code, and must hear what happens to it. */
export interface CodeListener {
  /** Arrivals at a jump's target after which the interpreter's loop is left, where they are counted. */
  readonly threshold?: number;
  /** It keeps code that the interpreter has not decoded, and must hear of every write to a page with the fact CODE. */
  readonly isShared?: boolean;
  /** A jump back, no call, was decoded while arrivals are not counted. Answers what it leads to. */
  jumpsBack?(jump: Operation): Operation;
  /** Bytes of code have changed. */
  changed(address: number, length: number): void;
  /** Whether there is a breakpoint at an address with decoded code has changed. */
  stopChanged(address: number): void;
  /** An instruction was decoded: these bytes belong to code. */
  covered(address: number, length: number): void;
  /** All code is forgotten. */
  forgotten(): void;
}

const PAGE_BYTES = 4096;
const OFFSET = PAGE_BYTES - 1;
const LINE = 1 << LINE_SHIFT;
/** An instruction that covers a byte begins at most this far before it. */
const REACH = 14;

/**
 * Pages that something is kept of at most. A guest that executes more, or more instructions than there are records, makes the
 * machine forget everything and begin again.
 */
const MOST_PAGES = 2048;
/** Arrivals that nobody counts. */
const MOST_ARRIVALS = 0x7fff_ffff;

const notDecoded: Executor = () => {
  throw new Error("an operation was executed before it was decoded");
};

/**
 * The operations of all code that was reached, by address. A write to a page with code comes here (the fact
 * CODE keeps it off the fast path); only the instructions whose own bytes were written are decoded anew.
 */
export class Code {
  readonly #memory: Memory;
  readonly #core: Core;
  readonly #listener: CodeListener | undefined;
  readonly records: Records;
  /** Whether others keep code of the same pages. */
  readonly isShared: boolean;
  /** Whether arrivals are counted at what jumps lead to. */
  #counts = false;
  /** By page number. The interpreter looks targets up here itself. */
  readonly pages: (CodePage | undefined)[];
  /** Every operation that a page knows. */
  #all: Operation[] = [];
  /** Numbers of the pages that something is kept of. */
  #kept: number[] = [];
  /**
   * The repetition that has begun and has not come to its end. It is not fetched again meanwhile, so that what it writes
   * over itself is executed when it has ended: undefined.ts.
   */
  repeating: Operation | undefined;
  /** Of it. */
  #overwritten = false;

  constructor(core: Core, listener?: CodeListener) {
    const { memory } = core;
    this.#core = core;
    this.#listener = listener;
    this.records = new Records(memory);
    this.isShared = listener?.isShared === true;
    this.#memory = memory;
    this.pages = new Array(memory.reach / PAGE_BYTES).fill(undefined);
  }

  /** There is room for more pages. */
  memoryMoved(): void {
    this.records.look();
    for (let page = this.pages.length; page < this.#memory.reach / PAGE_BYTES; page++)
      this.pages.push(undefined);
  }

  /** The operation at an address (signed), decoded or not. */
  at(address: number): Operation {
    return this.known(address) ?? this.#make(address);
  }

  /** Where an indirect jump to an address begins. */
  arrive(address: number): Operation {
    return this.#counts ? this.head(address) : this.at(address);
  }

  /** What a direct jump leads to that was just decoded. */
  #lead(jump: Operation): Operation {
    const isBack = jump.op !== OP.CALL && jump.immediate >>> 0 <= jump.address >>> 0;
    const looped = isBack && !this.#counts ? this.#listener?.jumpsBack?.(jump) : undefined;
    return looped ?? this.arrive(jump.immediate);
  }

  /** From now on arrivals are counted, those of jumps that are decoded already, too. */
  count(): void {
    this.#counts = true;
    this.records.unlink();
    for (const operation of this.#all) {
      const jump = operation.op === OP.BREAK ? operation.beneath! : operation;
      if (leads(jump.op)) jump.next = this.head(jump.immediate);
      else if (mayLead(jump.op)) jump.target = this.head(jump.immediate);
    }
  }

  /** What counts arrivals at an address; the operation itself where nothing can be kept. */
  head(address: number): Operation {
    const operation = this.at(address);
    if (operation.start !== operation || this.known(address) !== operation) return operation.start;
    const head = new Operation(this.records, address, OP.COUNT, notDecoded);
    head.immediate = Math.min(this.#listener!.threshold!, MOST_ARRIVALS);
    head.next = operation;
    operation.start = head;
    this.records.relink(address, head);
    return head;
  }

  /** The operation at an address, if there is one. */
  known(address: number): Operation | undefined {
    const record = this.pages[address >>> 12]?.records[address & OFFSET];
    return record ? this.records.at(record) : undefined;
  }

  /** The operations that cover a byte of [address, address + length), decoded. */
  *covering(address: number, length: number): Generator<Operation> {
    for (let at = address - REACH; at < address + length; at++) {
      const operation = this.known(at);
      if (operation === undefined || operation.op === OP.DECODE) continue;
      if (at + operation.length > address) yield operation;
    }
  }

  #make(address: number): Operation {
    const operation = new Operation(this.records, address, OP.DECODE, notDecoded);
    // A jump into nothing leaves nothing behind: see decode for what happens if something is mapped there later.
    if (this.#memory.facts[address >>> 12]! & FACT.PRESENT) {
      this.#page(address >>> 12).records[address & OFFSET] = operation.record;
      this.#all.push(operation);
    }
    return operation;
  }

  #page(number: number): CodePage {
    const known = this.pages[number];
    if (known !== undefined) return known;
    const page = { records: new Int32Array(PAGE_BYTES), covered: new Uint8Array(PAGE_BYTES) };
    this.pages[number] = page;
    this.#kept.push(number);
    return page;
  }

  /** Forgets everything: nobody may use an operation any more. */
  discard(): void {
    this.repeating = undefined;
    this.#listener?.forgotten();
    for (const number of this.#kept) {
      this.pages[number] = undefined;
      this.#memory.lines.fill(0, (number * PAGE_BYTES) / LINE, ((number + 1) * PAGE_BYTES) / LINE);
      this.#memory.mark(number, 0, FACT.CODE);
    }
    this.#all = [];
    this.#kept = [];
    this.records.clear();
  }

  /** Everything should be forgotten before more is decoded. */
  get isFull(): boolean {
    return this.records.isFull || this.#kept.length > MOST_PAGES;
  }

  /** Decodes in place. Throws a GuestFault when nothing can be fetched. */
  decode(operation: Operation): void {
    this.records.forgetPatches();
    if (operation === this.repeating) this.repeating = undefined;
    const length = decodeOperation(this.#core, operation);
    const known = this.at(operation.address);
    if (known !== operation) {
      // It was made when its page was not there. Writes to its bytes will find the known one only.
      operation.op = OP.FORWARD;
      operation.next = known;
      return;
    }
    if (leads(operation.op)) operation.next = this.#lead(operation);
    else operation.next = this.at(operation.following);
    if (mayLead(operation.op)) operation.target = this.#lead(operation);
    const start = operation.address >>> 0;
    if (this.#stopsAt(start)) this.#bury(operation);
    const end = start + length;
    const inPage = Math.min(end, ((start | OFFSET) >>> 0) + 1);
    this.#cover(start, inPage);
    if (inPage < end) this.#cover(inPage, end);
    this.#listener?.covered(start, length);
  }

  /** Bytes [start, end) of one page belong to code. */
  #cover(start: number, end: number): void {
    const { covered } = this.#page(start >>> 12);
    const { lines } = this.#memory;
    for (let at = start & OFFSET, left = end - start; left > 0; at++, left--) covered[at] = 1;
    // No instruction is longer than a line.
    lines[start >>> LINE_SHIFT] = 1;
    lines[(end - 1) >>> LINE_SHIFT] = 1;
    this.#mark(start >>> 12);
  }

  /** A repetition begins, or goes on. */
  repeats(operation: Operation): void {
    if (this.repeating === operation) return;
    if (this.repeating !== undefined) this.refetch();
    this.repeating = operation;
    this.#overwritten = false;
  }

  /** The repetition has ended, or was interrupted by what a processor would have been: it is fetched anew. */
  refetch(): void {
    const operation = this.repeating!;
    this.repeating = undefined;
    if (!this.#overwritten) return;
    operation.op = OP.DECODE;
    this.#listener?.changed(operation.address >>> 0, operation.length);
  }

  #stopsAt(address: number): boolean {
    const { breakpoints, stopsAtTransfers } = this.#core;
    if (breakpoints.has(address)) return true;
    return stopsAtTransfers && transferAt((at) => this.#memory.u8(at), address) !== undefined;
  }

  /** Puts a breakpoint over an operation just decoded. */
  #bury(operation: Operation): void {
    const beneath = new Operation(this.records, operation.address, OP.DECODE, notDecoded);
    decodeOperation(this.#core, beneath);
    beneath.next = operation.next;
    if (mayLead(beneath.op)) beneath.target = operation.target;
    operation.op = OP.BREAK;
    operation.beneath = beneath;
    operation.constantAt = operation.length; // a constant that is written is not that of this record
  }

  /** A breakpoint has come to an address, or has left it. */
  breakpointChanged(address: number): void {
    const operation = this.known(address);
    if (operation === undefined || operation.op === OP.DECODE) return;
    operation.op = OP.DECODE;
    this.#listener?.stopChanged(address);
  }

  #mark(page: number): void {
    if (!(this.#memory.facts[page]! & FACT.CODE)) this.#memory.mark(page, FACT.CODE);
  }

  /** Bytes have changed: instructions that cover one of them are no longer known. */
  written(address: number, length: number): void {
    this.#listener?.changed(address, length);
    const patched = length === 4 ? this.records.patched(address) : undefined;
    if (patched !== undefined) {
      patched.immediate = this.#memory.view.getInt32(RAM_BASE + address, true);
      return;
    }
    for (let at = address; at < address + length; at += PAGE_BYTES - (at & OFFSET)) {
      if (this.pages[at >>> 12] === undefined) continue;
      const end = Math.min(address + length, ((at | OFFSET) >>> 0) + 1);
      this.#writtenInPage(at, end);
    }
  }

  #writtenInPage(address: number, end: number): void {
    const page = this.pages[address >>> 12]!;
    const { covered, records } = page;
    const from = address & OFFSET;
    const to = from + (end - address);
    let any = 0;
    for (let at = from; at < to; at++) any |= covered[at]!;
    if (any === 0) return;
    let kept: Operation | undefined;
    let found = 0;
    for (let start = from < REACH ? 0 : from - REACH; start < to; start++) {
      const operation = this.#decodedAt(records, start);
      if (operation === undefined || start + operation.length <= from) continue;
      found++;
      if (this.#changed(operation, start, from)) kept = operation;
    }
    // An instruction may begin in the page before.
    const before = from < REACH ? this.pages[(address >>> 12) - 1] : undefined;
    if (before !== undefined) {
      for (let start = from - REACH; start < 0; start++) {
        const operation = this.#decodedAt(before.records, start + PAGE_BYTES);
        if (operation === undefined || start + operation.length <= from) continue;
        found++;
        if (this.#changed(operation, start, from)) kept = operation;
      }
    }
    // Unless one of them is still known, nothing covers these bytes any more.
    if (kept === undefined) {
      covered.fill(0, from, to);
      const { lines } = this.#memory;
      for (let at = from & -LINE; at < to; at += LINE) {
        const line = ((address & ~OFFSET) + at) >>> LINE_SHIFT;
        const next = covered.indexOf(1, at);
        lines[line] = next >= 0 && next < at + LINE ? 1 : 0;
      }
    } else if (found === 1 && end - address === 4 && (kept.address >>> 0) + kept.constantAt === address) {
      // Listeners have heard of it, and leave the constant of a soft operation out: the arms write there from now on.
      this.records.patch(address, kept);
    }
  }

  #decodedAt(records: Int32Array, offset: number): Operation | undefined {
    const record = records[offset]!;
    if (record === 0) return undefined;
    const operation = this.records.at(record);
    return operation.op === OP.DECODE ? undefined : operation;
  }

  /** Bytes from offset `from` on have changed; `operation` begins at offset `start`. Answers whether it is still known. */
  #changed(operation: Operation, start: number, from: number): boolean {
    if (operation === this.repeating) {
      this.#overwritten = true;
      return true;
    }
    const at = (operation.address >>> 0) + operation.constantAt;
    if (from >= start + operation.constantAt && this.#memory.isMapped(at, 4, "read")) {
      // Only its constant has changed, as programs that patch themselves like to do.
      operation.immediate = this.#memory.view.getInt32(RAM_BASE + at, true);
      operation.soft = true;
      return true;
    }
    operation.op = OP.DECODE;
    return false;
  }

  /** Everything is to be decoded anew. */
  flush(): void {
    for (const operation of this.#all) operation.op = OP.DECODE;
    this.#listener?.forgotten();
  }
}
