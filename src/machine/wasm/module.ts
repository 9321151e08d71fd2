/** Functions and the module around them. WebAssembly core specification, 5.5. */
import { type Code, unsigned } from "./operations.ts";

export type { Code } from "./operations.ts";

/** Types of numbers, by their codes in the binary format. */
const TYPES = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b } as const;
export type Value = keyof typeof TYPES;

/** A parameter or a variable of a function. */
export class Local {
  readonly #number: number;
  /** Its value. */
  readonly get: Code;

  constructor(number: number) {
    this.#number = number;
    this.get = [0x20, ...unsigned(number)];
  }

  set(value: Code): Code {
    return [value, 0x21, unsigned(this.#number)];
  }

  /** Sets it, and is the value that was set. */
  tee(value: Code): Code {
    return [value, 0x22, unsigned(this.#number)];
  }
}

/** One function while it is written. */
export class WasmFunction {
  readonly parameters: readonly Value[];
  readonly results: readonly Value[];
  readonly #locals: Value[] = [];
  readonly #body: Code[] = [];

  constructor(parameters: readonly Value[], results: readonly Value[]) {
    this.parameters = parameters;
    this.results = results;
  }

  parameter(number: number): Local {
    return new Local(number);
  }

  local(type: Value): Local {
    this.#locals.push(type);
    return new Local(this.parameters.length + this.#locals.length - 1);
  }

  /** Appends code. */
  add(...code: Code[]): void {
    this.#body.push(...code);
  }

  /** As it stands in the code section. */
  bytes(): Code {
    const locals = this.#locals.map((type) => [1, TYPES[type]]);
    const code = inRow([unsigned(this.#locals.length), locals, this.#body, 0x0b]);
    return [unsigned(code.length), code];
  }
}

function inRow(code: Code): number[] {
  const bytes: number[] = [];
  const put = (piece: Code): void => {
    if (typeof piece === "number") bytes.push(piece);
    else for (const each of piece) put(each);
  };
  put(code);
  return bytes;
}

const list = (items: readonly Code[]): Code => [unsigned(items.length), items];
const section = (number: number, content: Code): Code => {
  const bytes = inRow(content);
  return [number, unsigned(bytes.length), bytes];
};
const name = (text: string): Code => [unsigned(text.length), [...new TextEncoder().encode(text)]];

/** A module that imports one memory as `machine.memory` and exports functions. */
export class WasmModule {
  readonly #functions: { name: string; made: WasmFunction }[] = [];

  define(exported: string, made: WasmFunction): void {
    this.#functions.push({ name: exported, made });
  }

  bytes(): Uint8Array<ArrayBuffer> {
    const types = this.#functions.map(
      ({ made: { parameters, results } }): Code => [
        0x60,
        list(parameters.map((type) => TYPES[type])),
        list(results.map((type) => TYPES[type])),
      ],
    );
    return Uint8Array.from(
      inRow([
        [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
        section(1, list(types)),
        section(2, list([[name("machine"), name("memory"), 2, 0, 1]])),
        section(3, list(types.map((_, number) => unsigned(number)))),
        section(7, list(this.#functions.map((each, number) => [name(each.name), 0, unsigned(number)]))),
        section(10, list(this.#functions.map(({ made }) => made.bytes()))),
      ]),
    );
  }
}
