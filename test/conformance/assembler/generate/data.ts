/** Numbers, expressions, conditions and data, as programs of any format have them. */
import { type Chance, words } from "./chance.ts";

const NUMBERS = words(
  `0 1 2 3 4 5 7 8 10h 7Fh 80h 0FFh 100h 7FFFh 8000h 0FFFFh 10000h 7FFFFFFFh 80000000h 0FFFFFFFFh 100000000h
   7FFFFFFFFFFFFFFFh 8000000000000000h 0FFFFFFFFFFFFFFFFh 'a' 'ab' "abcd" 'abcdefgh' 101b 17o 0x1F $1A 1_000`,
);
const FLOATS = words(
  `1.0 0.1 1e10 3.14159265358979323846 -0.0 1e-5 123456789.987654321 1.17549435e-38 1.4e-45 3.4028236e38 4.9e-324
   2.2250738585072014e-308 1.7976931348623159e308 1e-4950 1e4932 16777217.0 65520.0 6e-8 5e+3 1.25f`,
);

export class Data {
  readonly chance: Chance;
  /** The labels and constants that an expression may name. */
  readonly names: () => string;

  constructor(chance: Chance, names: () => string) {
    this.chance = chance;
    this.names = names;
  }

  number(): string {
    const { chance } = this;
    return chance.oneIn(2)
      ? String(chance.below(6))
      : chance.pick(chance.oneIn(3) ? NUMBERS : NUMBERS.slice(0, 12));
  }

  expression(depth = 2): string {
    const { chance } = this;
    if (depth === 0 || chance.oneIn(3)) {
      if (chance.oneIn(12)) return chance.pick(["$", "$$", "%", "$%"]);
      return chance.oneIn(3) ? this.names() : this.number();
    }
    const inner = (): string => this.expression(depth - 1);
    switch (chance.below(8)) {
      case 0:
        return `(${inner()})`;
      case 1:
        return `${chance.pick(["-", "not ", "bsf ", "bsr ", "+"])}(${inner()})`;
      case 2:
        return `${inner()} ${chance.pick(["and", "or", "xor"])} ${inner()}`;
      case 3:
        return `${inner()} ${chance.pick(["shl", "shr"])} ${chance.below(9)}`;
      case 4:
        return `${inner()} ${chance.pick(["/", "mod"])} ${chance.oneIn(4) ? inner() : 1 + chance.below(9)}`;
      default:
        return `${inner()}${chance.pick(["*", "-", "+", "+"])}${inner()}`;
    }
  }

  condition(depth = 2): string {
    const { chance } = this;
    if (depth > 0 && chance.oneIn(3)) {
      const inner = (): string => this.condition(depth - 1);
      return chance.pick([
        () => `~ ${inner()}`,
        () => `${inner()} & ${inner()}`,
        () => `${inner()} | (${inner()})`,
      ])();
    }
    const thing = (): string => chance.pick(["eax", "a", "1", "'x'", "<a,b>", "[ebx]", "1.0", "byte"]);
    switch (chance.below(7)) {
      case 0:
        return `${chance.pick(["defined", "used"])} ${this.names()}`;
      case 1:
        return `${thing()} ${chance.pick(["eq", "eqtype"])} ${thing()}`;
      case 2:
        return `${thing()} in <${thing()},b,1>`;
      case 3:
        return `${this.expression(1)} relativeto ${this.expression(1)}`;
      default:
        return `${this.expression(1)}${chance.pick(["=", "<", ">", "<=", ">=", "<>"])}${this.expression(1)}`;
    }
  }

  /** A line of data. */
  line(): string {
    const { chance } = this;
    const directive = chance.pick(["db", "dw", "dd", "dd", "dq", "dt", "dp", "du", "rb", "rw", "rd"]);
    if (directive.startsWith("r")) return `${directive} ${chance.below(9)}`;
    return `${directive} ${chance.some(1, 3, () => this.#datum(directive)).join(",")}`;
  }

  #datum(directive: string): string {
    const { chance } = this;
    const plain = (): string => {
      if (directive === "dt") return chance.pick(FLOATS);
      if (directive === "db") return `(${this.expression()}) and 7Fh`;
      return directive === "dw" || directive === "du"
        ? `(${this.expression()}) and 7FFFh`
        : this.expression();
    };
    switch (chance.below(8)) {
      case 0:
        return "?";
      case 1:
        return `${chance.below(4)} dup (${plain()}${chance.oneIn(2) ? `,${plain()}` : ""})`;
      case 2:
        return /^d[bwu]$/.test(directive) ? chance.pick(["'str'", '"it\'s"', "'o''k'"]) : plain();
      case 3:
        return /^d[dqtw]$/.test(directive) ? chance.pick(FLOATS) : plain();
      default:
        return plain();
    }
  }
}
