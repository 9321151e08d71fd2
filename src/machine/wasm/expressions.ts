/**
 * Code written as nested calls, `i32.add(a.get, i32.const(1))`, that read like the expression they make. A piece of
 * code puts itself into the function that is being written; the operations come from the table of opcodes.
 */
import { F32, F64, I32, I64, type Opcode, V128, type ValueType, W } from "./opcodes.ts";
import { Code, type FunctionType, type Label } from "./writer.ts";

/** Writes itself. */
export type Expression = (code: Code) => void;

const TYPES = { i32: I32, i64: I64, f32: F32, f64: F64, v128: V128 } as const;
export type TypeName = keyof typeof TYPES;

/** A parameter or a variable of a function. */
export class Local {
  readonly #number: number;
  /** Its value. */
  readonly get: Expression;

  constructor(number: number) {
    this.#number = number;
    this.get = (code) => code.get(number);
  }

  set(value: Expression): Expression {
    return (code) => {
      value(code);
      code.set(this.#number);
    };
  }

  /** Sets it, and is the value that was set. */
  tee(value: Expression): Expression {
    return (code) => {
      value(code);
      code.tee(this.#number);
    };
  }
}

/** One function while it is written. */
export class WasmFunction {
  readonly type: FunctionType;
  readonly code: Code;

  constructor(parameters: readonly TypeName[], results: readonly TypeName[]) {
    const types = (names: readonly TypeName[]): ValueType[] => names.map((name) => TYPES[name]);
    this.type = { parameters: types(parameters), results: types(results) };
    this.code = new Code(parameters.length);
  }

  parameter(number: number): Local {
    return new Local(number);
  }

  local(type: TypeName): Local {
    return new Local(this.code.local(TYPES[type]));
  }

  /** Appends code. */
  add(...expressions: Expression[]): void {
    for (const expression of expressions) expression(this.code);
  }
}

// Control ----------------------------------------------------------------------------------------------------

export const sequence =
  (...parts: Expression[]): Expression =>
  (code) => {
    for (const part of parts) part(code);
  };

export const nothing = sequence();

/** A branch to the label leads behind it. */
export const block = (label: Label, ...body: Expression[]): Expression =>
  sequence(
    (code) => void code.block(label),
    ...body,
    (code) => code.end(),
  );

/** A branch to the label leads to its beginning. */
export const loop = (label: Label, ...body: Expression[]): Expression =>
  sequence(
    (code) => void code.loop(label),
    ...body,
    (code) => code.end(),
  );

export const when =
  (condition: Expression, then: Expression, otherwise?: Expression): Expression =>
  (code) => {
    condition(code);
    code.if();
    then(code);
    if (otherwise !== undefined) {
      code.else();
      otherwise(code);
    }
    code.end();
  };

export const br =
  (label: Label): Expression =>
  (code) =>
    code.br(label);

export const brIf = (label: Label, condition: Expression): Expression =>
  sequence(condition, (code) => code.brIf(label));

/** To the label of the number that `which` answers, or to another. */
export const brTable = (labels: readonly Label[], otherwise: Label, which: Expression): Expression =>
  sequence(which, (code) => code.brTable(labels, otherwise));

export const giveBack = (...values: Expression[]): Expression => sequence(...values, (code) => code.return());

/** A call of a function by its number. */
export const call = (index: number, ...operands: Expression[]): Expression =>
  sequence(...operands, (code) => code.call(index));

export const returnCall = (index: number, ...operands: Expression[]): Expression =>
  sequence(...operands, (code) => code.returnCall(index));

/** A call through the table, of the first of the module's types; the last operand is the place in it. */
export const callIndirect = (...operands: Expression[]): Expression =>
  sequence(...operands, (code) => code.callIndirect(0, 0));

/** The same, of a type by its number. */
export const callIndirectOf = (type: number, ...operands: Expression[]): Expression =>
  sequence(...operands, (code) => code.callIndirect(type, 0));

export const returnCallIndirect = (...operands: Expression[]): Expression =>
  sequence(...operands, (code) => code.returnCallIndirect(0, 0));

// Operations -------------------------------------------------------------------------------------------------

type One = (a: Expression) => Expression;
type Two = (a: Expression, b: Expression) => Expression;
type Three = (a: Expression, b: Expression, c: Expression) => Expression;
type Load = (at: Expression, offset?: number) => Expression;
type Store = (at: Expression, value: Expression, offset?: number) => Expression;

/** Names of instructions that have one operand, up to their first _. */
type OneOperand =
  | (
      | "eqz"
      | "clz"
      | "ctz"
      | "popcnt"
      | "abs"
      | "neg"
      | "sqrt"
      | "ceil"
      | "floor"
      | "trunc"
      | "nearest"
      | "not"
    )
  | ("any" | "all" | "bitmask" | "splat" | "wrap" | "reinterpret" | "convert" | "promote" | "demote")
  | ("extend" | "extend8" | "extend16" | "extend32" | "extadd");

type Head<Name extends string> = Name extends `${infer First}_${string}` ? First : Name;

type Shape<Name extends string> = Name extends `load${string}`
  ? Load
  : Name extends `store${string}`
    ? Store
    : Name extends "bitselect"
      ? Three
      : Head<Name> extends OneOperand
        ? One
        : Two;

/** Instructions of one type, by what follows the type in their names. */
type Group<Type extends string> = {
  readonly [Name in keyof typeof W as Name extends `${Type}_${infer Rest}`
    ? Rest
    : never]: Name extends `${Type}_${infer Rest}` ? Shape<Rest> : never;
};

function shaped(name: string, opcode: number): One | Two | Three | Load | Store {
  const load: Load =
    (at, offset = 0) =>
    (code) => {
      at(code);
      code.access(opcode, offset);
    };
  const store: Store =
    (at, value, offset = 0) =>
    (code) => {
      at(code);
      value(code);
      code.access(opcode, offset);
    };
  // With as many operands as it is given.
  const operation = (...operands: Expression[]): Expression =>
    sequence(...operands, (code) => code.op(opcode));
  if (name.startsWith("load")) return load;
  return name.startsWith("store") ? store : operation;
}

/** Operations by what stands before the first _ in their names, with what stands behind it. */
const byType = new Map<string, [name: string, opcode: number][]>();
for (const [name, opcode] of Object.entries(W)) {
  const at = name.indexOf("_");
  const type = name.slice(0, at);
  let list = byType.get(type);
  if (list === undefined) byType.set(type, (list = []));
  list.push([name.slice(at + 1), opcode]);
}

function group<Type extends string, Constant>(
  type: Type,
  constant: (code: Code, value: Constant) => void,
): Group<Type> & { const(value: Constant): Expression } {
  const made: Record<string, unknown> = { const: (value: Constant) => (code: Code) => constant(code, value) };
  for (const [rest, opcode] of byType.get(type)!) made[rest] = shaped(rest, opcode);
  return made as Group<Type> & { const(value: Constant): Expression };
}

export const i32 = group("i32", (code, value: number) => code.i32(value));
export const i64 = group("i64", (code, value: bigint) => code.i64(value));
export const f32 = group("f32", (code, value: number) => code.f32(value));
export const f64 = group("f64", (code, value: number) => code.f64(value));
const bytes = (code: Code, value: readonly number[]): void => code.v128(value);
export const v128 = group("v128", bytes);
export const i8x16 = group("i8x16", bytes);
export const i16x8 = group("i16x8", bytes);
export const i32x4 = group("i32x4", bytes);
export const f32x4 = group("f32x4", bytes);
export const i64x2 = group("i64x2", bytes);
export const f64x2 = group("f64x2", bytes);

export const select = (yes: Expression, no: Expression, condition: Expression): Expression =>
  sequence(yes, no, condition, (code) => code.op(W.select));

/** An instruction on two vectors by its code, or with a pattern of lanes: a shuffle of their 32 bytes. */
export const vectors =
  (what: number | readonly number[]): Two =>
  (a, b) =>
    sequence(a, b, (code) => {
      code.op(typeof what === "number" ? what : W.i8x16_shuffle);
      if (typeof what !== "number") code.immediate(what);
    });

/** Makes expressions as the compiler makes its values: by the codes of instructions. */
export const maker = {
  pure: (opcode: Opcode, ...args: Expression[]): Expression => sequence(...args, (code) => code.op(opcode)),
  pureWith: (opcode: Opcode, _: ValueType, lanes: readonly number[], ...args: Expression[]): Expression =>
    sequence(...args, (code) => {
      code.op(opcode);
      code.immediate(lanes);
    }),
  const: i32.const,
  wide: (_: ValueType, value: bigint | readonly number[]): Expression =>
    typeof value === "bigint" ? i64.const(value) : v128.const(value),
  select: (condition: Expression, yes: Expression, no: Expression): Expression => select(yes, no, condition),
} as const;
