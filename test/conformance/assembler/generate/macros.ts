/**
 * Programs of the preprocessor: macros that define macros, constants that hide each other, patterns, operators and escapes,
 * with few names for everything, so that each is a macro here and a constant or a label there.
 */
import { Chance, words } from "./chance.ts";

const NAMES = words("a b c m n a.b .d");
const TOKENS = words("+ - * = : & | ? ( ) [ ] < > # ` 1 2 0 'x' \"y\" eax dword $ % . ,");

class Writer {
  readonly #chance: Chance;

  constructor(seed: number) {
    this.#chance = new Chance(seed);
  }

  program(): string {
    return `${this.#chance.some(3, 14, () => this.#statement(3)).join("\n")}\n`;
  }

  #name(): string {
    return this.#chance.pick(NAMES);
  }

  #names(): string {
    return this.#chance.some(1, 3, () => this.#name()).join(this.#chance.oneIn(20) ? " " : ",");
  }

  /** Tokens with a blank between them or none; now and then the line goes on in the next one. */
  #tokens(most = 4): string {
    const chance = this.#chance;
    const one = (): string => (chance.oneIn(2) ? this.#name() : chance.pick(TOKENS));
    const gap = (): string =>
      chance.oneIn(40) ? chance.pick([" \\\n", "\\ ; } {\n", " \\\r\n\t"]) : chance.oneIn(3) ? "" : " ";
    return chance.some(0, most, () => one() + gap()).join("");
  }

  #arguments(): string {
    const chance = this.#chance;
    const one = (): string =>
      chance.pick([
        () => this.#tokens(2),
        () => this.#name(),
        () => `<${this.#tokens(3)}>`,
        () => "",
        () => "7",
      ])();
    return chance.some(0, 4, one).join(",");
  }

  #parameters(): string {
    const chance = this.#chance;
    const one = (): string =>
      this.#name() + chance.pick(["", "", "", "", "*", ":5", "=b", ":<1,2>", "&", ":", "*:1"]);
    const all = chance.some(0, 4, one);
    if (all.length > 0 && chance.oneIn(3)) all.push(`[${all.pop()}${chance.oneIn(3) ? `,${one()}` : ""}]`);
    return all.join(",");
  }

  #pattern(): string {
    const chance = this.#chance;
    const one = (): string =>
      chance.pick([
        () => this.#name(),
        () => this.#name(),
        () => `=${chance.pick([...TOKENS, ...NAMES])}`,
        () => chance.pick(TOKENS),
      ])();
    return chance.some(0, 4, one).join(chance.oneIn(4) ? "" : " ");
  }

  /** A block in braces, whose own braces (and now and then other tokens) are escaped once more. */
  #braces(depth: number): string {
    const chance = this.#chance;
    const escaped = (text: string): string =>
      text
        .replace(/[{}]/g, "\\$&")
        .replace(/[#`]|\b(?:local|forward|common|a|b)\b/g, (found) =>
          chance.oneIn(25) ? `\\${found}` : found,
        );
    const lines = chance.some(0, 4, () => this.#line(depth));
    const [open, close] = [
      chance.pick([" {", "\n{", " {\n", "\n{ "]),
      chance.pick([" }", "\n}", "\n}\n", "\n} "]),
    ];
    const behind = chance.oneIn(15) ? this.#tokens(2) : "";
    return `${open}${escaped(lines.join("\n"))}${close}${behind}`;
  }

  /** A line of a macro's body. */
  #line(depth: number): string {
    const chance = this.#chance;
    return chance.pick([
      () => `local ${this.#names()}`,
      () => chance.pick(["forward", "reverse", "common"]) + (chance.oneIn(3) ? ` db ${this.#tokens()}` : ""),
      () => `db \`${this.#name()}`,
      () => `${this.#name()}#${this.#tokens(2)} equ ${this.#tokens()}`,
      () => `db ${this.#tokens()}`,
      () => this.#statement(depth - 1),
      () => this.#statement(depth - 1),
    ])();
  }

  #statement(depth: number): string {
    const chance = this.#chance;
    const name = (): string => this.#name();
    const simple = [
      () => `${name()} ${chance.pick(["equ", "equ", "fix"])} ${this.#tokens()}`,
      () => `define ${name()} ${this.#tokens()}`,
      () => `${chance.pick(["restore", "restore", "purge", "restruc"])} ${this.#names()}`,
      () => `${name()} ${this.#arguments()}`,
      () => `${name()} ${this.#arguments()}`,
      () => `${name()} ${name()} ${this.#arguments()}`,
      () => `${name()}: ${name()} ${this.#arguments()}`,
      () => `db ${this.#tokens()}${chance.oneIn(20) ? " ; { }" : ""}`,
      () => this.#tokens(6),
    ];
    const deep = [
      () => `macro ${name()} ${this.#parameters()}${this.#braces(depth)}`,
      () => `macro ${name()} ${this.#parameters()}${this.#braces(depth)}`,
      () => `struc ${name()} ${this.#parameters()}${this.#braces(depth)}`,
      () => `irp ${this.#parameters()},${this.#arguments()}${this.#braces(depth)}`,
      () => `irps ${name()},${this.#tokens(5)}${this.#braces(depth)}`,
      () => `irpv ${name()},${name()}${this.#braces(depth)}`,
      () =>
        `rept ${chance.pick(["0", "1", "2", "3", "1+1", name()])} ${chance.pick(["", name(), `${name()}:4`, `${name()}:-1,${name()}`])}${this.#braces(depth)}`,
      () => `match ${this.#pattern()},${this.#tokens(6)}${this.#braces(depth)}`,
      () => `match ${this.#pattern()},${this.#tokens(6)}${this.#braces(depth)}`,
      () => `postpone${this.#braces(depth)}`,
    ];
    return chance.pick(depth > 0 && chance.oneIn(2) ? deep : simple)();
  }
}

export const macroProgram = (seed: number): string => new Writer(seed).program();
