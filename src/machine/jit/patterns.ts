/**
 * Code that stands in many places of a region, and is written once: from a few values of a block it makes two others, or
 * leaves the region where they are not its case. Where it stands nothing is left to do but to say which local variables
 * it works on. So a long computation costs the compiler no more than a short one.
 */
import {
  Code,
  type Expression,
  I32,
  I64,
  type Label,
  type Opcode,
  type ValueType,
  W,
} from "../wasm/index.ts";

const one =
  (opcode: Opcode) =>
  (a: Expression): Expression =>
  (code) => {
    a(code);
    code.op(opcode);
  };
const two =
  (opcode: Opcode) =>
  (a: Expression, b: Expression): Expression =>
  (code) => {
    a(code);
    b(code);
    code.op(opcode);
  };

/** What patterns are written with: few of the operations in ../wasm/expressions.ts, which would bring a table of all. */
export const i32 = {
  const:
    (value: number): Expression =>
    (code) =>
      code.i32(value),
  add: two(W.i32_add),
  and: two(W.i32_and),
  eqz: one(W.i32_eqz),
  ge_u: two(W.i32_ge_u),
  gt_u: two(W.i32_gt_u),
  lt_u: two(W.i32_lt_u),
  or: two(W.i32_or),
  shl: two(W.i32_shl),
  shr_s: two(W.i32_shr_s),
  shr_u: two(W.i32_shr_u),
  sub: two(W.i32_sub),
  wrap_i64: one(W.i32_wrap_i64),
  xor: two(W.i32_xor),
};
export const i64 = {
  const:
    (value: bigint): Expression =>
    (code) =>
      code.i64(value),
  add: two(W.i64_add),
  and: two(W.i64_and),
  clz: one(W.i64_clz),
  eq: two(W.i64_eq),
  eqz: one(W.i64_eqz),
  extend_i32_s: one(W.i64_extend_i32_s),
  extend_i32_u: one(W.i64_extend_i32_u),
  ge_s: two(W.i64_ge_s),
  gt_u: two(W.i64_gt_u),
  lt_u: two(W.i64_lt_u),
  mul: two(W.i64_mul),
  ne: two(W.i64_ne),
  or: two(W.i64_or),
  shl: two(W.i64_shl),
  shr_u: two(W.i64_shr_u),
  sub: two(W.i64_sub),
  xor: two(W.i64_xor),
};
export const select =
  (yes: Expression, no: Expression, condition: Expression): Expression =>
  (code) => {
    yes(code);
    no(code);
    condition(code);
    code.op(W.select);
  };

/** What is done with a local variable, or where blocks begin and end: in the lowest bits, the variable above them. */
export const PIECE = { GET: 0, SET: 1, TEE: 2, BLOCK: 3, END: 4, LEAVE: 5, BITS: 3 } as const;

/** Bytes, or one of PIECE. */
export type Piece = Uint8Array | number;

export interface Pattern {
  readonly name: string;
  /** How many values it is given: the first local variables. Then come two for the results, then its own. */
  readonly given: number;
  readonly results: readonly [ValueType, ValueType];
  readonly own: readonly ValueType[];
  readonly pieces: readonly Piece[];
}

/** A pattern while it is written: what stands in for local variables, blocks and exits is taken down beside the bytes. */
export class PatternWriter extends Code {
  readonly #name: string;
  readonly #given: number;
  readonly #results: readonly [ValueType, ValueType];
  readonly #own: ValueType[] = [];
  readonly #pieces: Piece[] = [];

  constructor(name: string, given: number, results: readonly [ValueType, ValueType]) {
    super(given + 2);
    this.#name = name;
    this.#given = given;
    this.#results = results;
  }

  finished(): Pattern {
    this.#cut();
    return {
      name: this.#name,
      given: this.#given,
      results: this.#results,
      own: this.#own,
      pieces: this.#pieces,
    };
  }

  /** The value number `which` that is given; it must not be changed. */
  value(which: number): Expression {
    return (code) => code.get(which);
  }

  setResult(which: 0 | 1, value: Expression): void {
    value(this);
    this.set(this.#given + which);
  }

  result(which: 0 | 1): Expression {
    return (code) => code.get(this.#given + which);
  }

  /** Computes something once that is needed more often. */
  keep32(value: Expression): Expression {
    return this.#kept(I32, value);
  }

  keep64(value: Expression): Expression {
    return this.#kept(I64, value);
  }

  #kept(type: ValueType, value: Expression): Expression {
    const local = this.local(type);
    this.#own.push(type);
    value(this);
    this.set(local);
    return (code) => code.get(local);
  }

  /** What is to be done if one of several conditions holds. */
  whenAny(conditions: readonly Expression[], then: () => void): void {
    const usual = this.block();
    const rare = this.block();
    for (const condition of conditions) {
      condition(this);
      this.brIf(rare);
    }
    this.br(usual);
    this.end();
    then();
    this.end();
  }

  /** Leaves if one of several conditions holds. */
  leaveIf(...conditions: Expression[]): void {
    conditions.reduce((sum, each) => i32.or(sum, each))(this);
    this.#piece(PIECE.LEAVE);
  }

  #cut(): void {
    if (this.length > 0) this.#pieces.push(this.bytes.slice());
    this.length = 0;
  }

  #piece(piece: number, local = 0): void {
    this.#cut();
    this.#pieces.push((local << PIECE.BITS) | piece);
  }

  override get(local: number): void {
    this.#piece(PIECE.GET, local);
  }

  override set(local: number): void {
    this.#piece(PIECE.SET, local);
  }

  override tee(local: number): void {
    this.#piece(PIECE.TEE, local);
  }

  override block(): Label {
    this.#piece(PIECE.BLOCK);
    const label = super.block();
    this.length = 0;
    return label;
  }

  override end(): void {
    this.#piece(PIECE.END);
    super.end();
    this.length = 0;
  }
}

const patterns: Pattern[] = [];

/** A pattern by its number. */
export const patternOf = (number: number): Pattern => patterns[number]!;

/** Keeps a pattern; answers its number. */
export const addPattern = (writer: PatternWriter): number => patterns.push(writer.finished()) - 1;
