/** Bytes of a WebAssembly module: a growing buffer, code with labels, sections. WebAssembly Core 2.0, 5. */
import {
  BLOCK,
  BR,
  BR_IF,
  BR_TABLE,
  CALL,
  CALL_INDIRECT,
  DROP,
  ELSE,
  EMPTY,
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
  type Opcode,
  RETURN,
  RETURN_CALL,
  RETURN_CALL_INDIRECT,
  UNREACHABLE,
  V128_CONST,
  type ValueType,
  W,
} from "./opcodes.ts";

/**
 * A buffer that grows, with WebAssembly's numbers. The compiler's first regions are written by code that V8 executes in
 * its bytecode interpreter, where a call costs as much as ten steps: so what is written most often is written out.
 */
export class Bytes {
  protected buffer: Uint8Array;
  length = 0;

  constructor(size = 1024) {
    this.buffer = new Uint8Array(size);
  }

  get bytes(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  byte(value: number): void {
    if (this.length === this.buffer.length) this.grow(1);
    this.buffer[this.length++] = value;
  }

  /** Two bytes, as most instructions are. */
  pair(first: number, second: number): void {
    const at = this.length;
    if (at + 2 > this.buffer.length) this.grow(2);
    const { buffer } = this;
    buffer[at] = first;
    buffer[at + 1] = second;
    this.length = at + 2;
  }

  append(bytes: Uint8Array | readonly number[]): void {
    if (this.length + bytes.length > this.buffer.length) this.grow(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Unsigned LEB128 of a number below 2^32. */
  u32(value: number): void {
    if (this.length + 5 > this.buffer.length) this.grow(5);
    const buffer = this.buffer;
    let at = this.length;
    let rest = value >>> 0;
    while (rest > 0x7f) {
      buffer[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    buffer[at++] = rest;
    this.length = at;
  }

  /** Signed LEB128 of 32 bits. */
  s32(value: number): void {
    let at = this.length;
    if (at + 5 > this.buffer.length) this.grow(5);
    const { buffer } = this;
    let rest = value | 0;
    while (rest < -0x40 || rest > 0x3f) {
      buffer[at++] = (rest & 0x7f) | 0x80;
      rest >>= 7;
    }
    buffer[at++] = rest & 0x7f;
    this.length = at;
  }

  /** Signed LEB128 of 64 bits. */
  s64(value: bigint): void {
    let rest = BigInt.asIntN(64, value);
    for (;;) {
      const low = Number(rest & 0x7fn);
      rest >>= 7n;
      if (rest === (low & 0x40 ? -1n : 0n)) {
        this.byte(low);
        return;
      }
      this.byte(low | 0x80);
    }
  }

  /** A name of ASCII characters. */
  name(value: string): void {
    this.u32(value.length);
    for (let i = 0; i < value.length; i++) this.byte(value.charCodeAt(i));
  }

  clear(): void {
    this.length = 0;
  }

  protected grow(by: number): void {
    const buffer = new Uint8Array(Math.max(this.buffer.length * 2, this.length + by));
    buffer.set(this.buffer);
    this.buffer = buffer;
  }
}

/** The place that a branch leads to: the end of a block, or the head of a loop. */
export class Label {
  /** How many blocks were open when this one was opened; -1 when it is not open. */
  depth = -1;
}

/** The code of one function. */
export class Code extends Bytes {
  readonly #open: Label[] = [];
  readonly #parameters: number;
  readonly #locals: ValueType[] = [];

  constructor(parameters: number) {
    super(8192);
    this.#parameters = parameters;
  }

  /** A new local variable. */
  local(type: ValueType): number {
    return this.#parameters + this.#locals.push(type) - 1;
  }

  op(code: Opcode): void {
    if (code < 0x100) {
      if (this.length === this.buffer.length) this.grow(1);
      this.buffer[this.length++] = code;
    } else {
      this.byte(code >>> 16);
      this.u32(code & 0xffff);
    }
  }

  /** A load or store of naturally any alignment. */
  access(code: Opcode, offset: number): void {
    if (code < 0x100) this.pair(code, 0);
    else {
      this.op(code);
      this.byte(0);
    }
    this.u32(offset);
  }

  /** Bytes that follow an instruction: a lane, the pattern of a shuffle. */
  immediate(bytes: readonly number[]): void {
    this.append(bytes);
  }

  i32(value: number): void {
    let at = this.length;
    if (at + 6 > this.buffer.length) this.grow(6);
    const { buffer } = this;
    let rest = value | 0;
    buffer[at++] = I32_CONST;
    while (rest < -0x40 || rest > 0x3f) {
      buffer[at++] = (rest & 0x7f) | 0x80;
      rest >>= 7;
    }
    buffer[at++] = rest & 0x7f;
    this.length = at;
  }

  i64(value: bigint): void {
    this.op(I64_CONST);
    this.s64(value);
  }

  f32(value: number): void {
    this.op(F32_CONST);
    const view = new DataView(new ArrayBuffer(4));
    view.setFloat32(0, value, true);
    this.append(new Uint8Array(view.buffer));
  }

  f64(value: number): void {
    this.op(F64_CONST);
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, value, true);
    this.append(new Uint8Array(view.buffer));
  }

  v128(bytes: Uint8Array | readonly number[]): void {
    this.op(V128_CONST);
    this.append(bytes);
  }

  get(local: number): void {
    const at = this.length;
    if (local > 0x7f || at + 2 > this.buffer.length) this.#local(LOCAL_GET, local);
    else {
      const { buffer } = this;
      buffer[at] = LOCAL_GET;
      buffer[at + 1] = local;
      this.length = at + 2;
    }
  }

  set(local: number): void {
    const at = this.length;
    if (local > 0x7f || at + 2 > this.buffer.length) this.#local(LOCAL_SET, local);
    else {
      const { buffer } = this;
      buffer[at] = LOCAL_SET;
      buffer[at + 1] = local;
      this.length = at + 2;
    }
  }

  /** Takes a number from 0 on from a local variable: what every way out of compiled code does. */
  subtract(local: number, number: number): void {
    const at = this.length;
    if (local > 0x7f || number > 0x3f || at + 7 > this.buffer.length) {
      this.get(local);
      this.i32(number);
      this.op(W.i32_sub);
      this.set(local);
      return;
    }
    const { buffer } = this;
    buffer[at] = LOCAL_GET;
    buffer[at + 1] = local;
    buffer[at + 2] = I32_CONST;
    buffer[at + 3] = number;
    buffer[at + 4] = W.i32_sub;
    buffer[at + 5] = LOCAL_SET;
    buffer[at + 6] = local;
    this.length = at + 7;
  }

  tee(local: number): void {
    this.#local(LOCAL_TEE, local);
  }

  #local(code: Opcode, local: number): void {
    this.byte(code);
    this.u32(local);
  }

  drop(): void {
    this.op(DROP);
  }

  call(index: number): void {
    this.op(CALL);
    this.u32(index);
  }

  /** Calls a function whose number is not known yet. Answers where it will stand, for `callee`. */
  callLater(): number {
    this.op(CALL);
    const at = this.length;
    this.append([0x80, 0]);
    return at;
  }

  /** The number of a function, below 2^14, that is called at a place which `callLater` has answered. */
  callee(at: number, index: number): void {
    this.buffer[at] = 0x80 | (index & 0x7f);
    this.buffer[at + 1] = index >> 7;
  }

  returnCall(index: number): void {
    this.op(RETURN_CALL);
    this.u32(index);
  }

  callIndirect(type: number, table: number): void {
    this.op(CALL_INDIRECT);
    this.u32(type);
    this.u32(table);
  }

  returnCallIndirect(type: number, table: number): void {
    this.op(RETURN_CALL_INDIRECT);
    this.u32(type);
    this.u32(table);
  }

  memoryCopy(): void {
    this.op(MEMORY_COPY);
    this.append([0, 0]);
  }

  memoryFill(): void {
    this.op(MEMORY_FILL);
    this.byte(0);
  }

  return(): void {
    this.op(RETURN);
  }

  unreachable(): void {
    this.op(UNREACHABLE);
  }

  block(label = new Label()): Label {
    return this.#enter(BLOCK, label);
  }

  loop(label = new Label()): Label {
    return this.#enter(LOOP, label);
  }

  if(label = new Label()): Label {
    return this.#enter(IF, label);
  }

  /** An `if` whose arms give a value. */
  ifValue(type: ValueType): Label {
    const label = new Label();
    label.depth = this.#open.push(label);
    this.pair(IF, type);
    return label;
  }

  else(): void {
    this.op(ELSE);
  }

  end(): void {
    const label = this.#open.pop();
    if (label === undefined) throw new Error("there is no block to end");
    label.depth = -1;
    this.op(END);
  }

  br(label: Label): void {
    this.#branch(BR, label);
  }

  brIf(label: Label): void {
    this.#branch(BR_IF, label);
  }

  #branch(code: Opcode, label: Label): void {
    const distance = this.#open.length - label.depth;
    if (label.depth < 0 || distance > 0x7f) {
      this.op(code);
      this.#to(label);
    } else this.pair(code, distance);
  }

  brTable(labels: readonly Label[], otherwise: Label): void {
    this.op(BR_TABLE);
    this.u32(labels.length);
    for (const label of labels) this.#to(label);
    this.#to(otherwise);
  }

  #enter(kind: number, label: Label): Label {
    label.depth = this.#open.push(label);
    this.pair(kind, EMPTY);
    return label;
  }

  #to(label: Label): void {
    if (label.depth < 0) throw new Error("a branch leads to a block that is not open");
    this.u32(this.#open.length - label.depth);
  }

  /** Locals and instructions, as the code section wants them: appends them with their size. */
  finish(section: Bytes): void {
    if (this.#open.length > 0) throw new Error(`${this.#open.length} blocks are still open`);
    const locals = new Bytes(64);
    const types = this.#locals;
    let runs = 0;
    for (let i = 0; i < types.length; runs++) {
      const first = i++;
      while (i < types.length && types[i] === types[first]) i++;
      locals.u32(i - first);
      locals.byte(types[first]!);
    }
    const head = new Bytes(8);
    head.u32(runs);
    section.u32(head.length + locals.length + this.length + 1);
    section.append(head.bytes);
    section.append(locals.bytes);
    section.append(this.bytes);
    section.byte(END);
  }
}

export interface FunctionType {
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
}

export type Import =
  | { readonly kind: "function"; readonly module: string; readonly name: string; readonly type: number }
  | { readonly kind: "table"; readonly module: string; readonly name: string }
  /** A memory of so many pages of 64 KiB, or up to `most`; with undefined, of any number. */
  | {
      readonly kind: "memory";
      readonly module: string;
      readonly name: string;
      readonly pages: number | undefined;
      readonly most?: number;
    };

export interface ModuleParts {
  readonly types: readonly FunctionType[];
  readonly imports: readonly Import[];
  /**
   * Functions with their types and the names they are exported by, if they are. Imported functions come first in
   * numbering.
   */
  readonly functions: readonly { readonly type: number; readonly name?: string; readonly code: Code }[];
  /** A table of the module's own: numbers of functions; the name it is exported by. */
  readonly table?: { readonly name: string; readonly functions: readonly number[] };
  /** Numbers of functions by the places of an imported table that will hold them. */
  readonly places?: ReadonlyMap<number, number>;
}

const FUNCREF = 0x70;

/** The bytes of a module. WebAssembly Core 2.0, 5.5. */
export function moduleBytes({
  types,
  imports,
  functions,
  table,
  places,
}: ModuleParts): Uint8Array<ArrayBuffer> {
  const out = new Bytes();
  const section = new Bytes();
  const put = (id: number): void => {
    out.byte(id);
    out.u32(section.length);
    out.append(section.bytes);
    section.clear();
  };
  out.append([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);

  section.u32(types.length);
  for (const { parameters, results } of types) {
    section.byte(0x60);
    section.u32(parameters.length);
    section.append(parameters);
    section.u32(results.length);
    section.append(results);
  }
  put(1);

  section.u32(imports.length);
  for (const each of imports) {
    section.name(each.module);
    section.name(each.name);
    if (each.kind === "function") {
      section.byte(0);
      section.u32(each.type);
    } else if (each.kind === "table") section.append([1, FUNCREF, 0, 0]);
    else if (each.pages === undefined) section.append([2, 0, 1]);
    else {
      section.append([2, 1]);
      section.u32(each.pages);
      section.u32(each.most ?? each.pages);
    }
  }
  put(2);

  section.u32(functions.length);
  for (const { type } of functions) section.u32(type);
  put(3);

  if (table !== undefined) {
    section.append([1, FUNCREF, 0]);
    section.u32(table.functions.length);
    put(4);
  }

  const imported = imports.filter(({ kind }) => kind === "function").length;
  section.u32(functions.filter(({ name }) => name !== undefined).length + (table ? 1 : 0));
  if (table !== undefined) {
    section.name(table.name);
    section.append([1, 0]);
  }
  for (const [i, { name }] of functions.entries()) {
    if (name === undefined) continue;
    section.name(name);
    section.byte(0);
    section.u32(imported + i);
  }
  put(7);

  if (table !== undefined) {
    section.append([1, 0, I32_CONST, 0, END]);
    section.u32(table.functions.length);
    for (const index of table.functions) section.u32(index);
    put(9);
  }
  if (places !== undefined) {
    section.u32(places.size);
    for (const [place, index] of places) {
      section.append([0, I32_CONST]);
      section.s32(place);
      section.append([END, 1]);
      section.u32(index);
    }
    put(9);
  }

  section.u32(functions.length);
  for (const { code } of functions) {
    code.finish(section);
  }
  put(10);
  return out.bytes.slice();
}
