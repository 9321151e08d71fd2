/** Programs of the language: labels, constants, macros, repetitions, conditions, areas. */
import { Chance, words } from "./chance.ts";
import { Data } from "./data.ts";

const LABELS = words("a b c d x y .l .m a.l later last");
const CONSTANTS = words("n1 n2 n3");
const SYMBOLS = words("q1 q2 q3");
/** Lines that are wrong, or are where they stand. */
const WRONG = words(
  "end_if end_repeat } { break foo a_b_c else virtual if db =_1 match local_q forward err rept_{ irp_a { macro mov_eax,",
).map((line) => line.replaceAll("_", " "));

class Writer {
  readonly #chance: Chance;
  readonly #data: Data;
  readonly #macros: { name: string; parameters: number }[] = [];
  #labels = 0;

  constructor(seed: number) {
    this.#chance = new Chance(seed);
    this.#data = new Data(this.#chance, () => this.#name());
  }

  #name(): string {
    return this.#chance.pick([LABELS, CONSTANTS, SYMBOLS, ["@f", "@b"]][this.#chance.below(4)]!);
  }

  /** A label that is new, most of the time. */
  #fresh(): string {
    return `${this.#chance.pick(LABELS)}${this.#chance.oneIn(12) ? "" : this.#labels++}`;
  }

  program(): string {
    const chance = this.#chance;
    const before = [
      `use${chance.pick([16, 32, 32, 64])}`,
      "n1 = 1\nn2 = 2\nn3 = 3",
      "q1 equ 1\nq2 equ 2\nq3 equ n1+1",
    ];
    const body = chance.some(3, 16, () => this.#statement(3));
    const labels = words("a: b:dd_5 c_dw_1 d: .l: .m_dd_3 x_dd_1 y: later: nop last:").map((line) =>
      line.replaceAll("_", " "),
    );
    const after = labels.filter(() => !chance.oneIn(20));
    return `${[...before.filter(() => !chance.oneIn(9)), ...body, ...after].join("\n")}\n`;
  }

  #instruction(): string {
    const chance = this.#chance;
    const value = (): string => this.#data.expression(1);
    return chance.pick([
      () => `mov ${chance.pick(words("eax ax al ecx"))},${value()}`,
      () => `${chance.pick(words("jmp jz jc loop call jecxz"))} ${this.#name()}`,
      () => `add ${chance.pick(["eax", "dword [ebx]", "ecx", "bx"])},${value()}`,
      () => `push ${value()}`,
      () => `lea eax,[${value()}]`,
      () => `mov eax,[${this.#name()}+${chance.below(9)}]`,
      () => chance.pick(words("nop ret cld int3")),
      () => `cmp [${this.#name()}],${this.#data.number()}`,
    ])();
  }

  #block(depth: number, most = 3): string {
    return this.#chance.some(1, most, () => this.#statement(depth)).join("\n");
  }

  /** A block for the body of a macro, whose own macros need their braces escaped. */
  #inside(depth: number): string {
    return this.#block(depth, 2).replace(/[{}]/g, "\\$&");
  }

  #arguments(count: number): string {
    const chance = this.#chance;
    const given = chance.oneIn(5) ? chance.below(4) : count;
    const one = (): string =>
      chance.pick([() => this.#data.number(), () => this.#name(), () => "<1,2>", () => "", () => "eax"])();
    return Array.from({ length: given }, one).join(",");
  }

  #newMacro(depth: number): string {
    const chance = this.#chance;
    const isStruc = chance.oneIn(4);
    const parameters = chance.below(4);
    const name = `${isStruc ? "s" : "m"}${chance.below(3)}`;
    const given = Array.from(
      { length: parameters },
      (_, at) => `p${at}${chance.pick(["", "", "", "*", ":7", ":<1,2>"])}`,
    );
    const last = given.pop();
    if (last !== undefined) given.push(chance.pick([last, last, `[${last}]`, `${last}&`]));
    const body = chance.some(1, 4, () =>
      chance.pick([
        () => "local loc\nloc:",
        () => chance.pick(["forward", "reverse", "common"]),
        () => "dd p0",
        () => "db `p1",
        () => "l#p0 = 1",
        () => (isStruc ? ".f dd p0" : "match u,p1 \\{ dd u \\}"),
        () => "irp v,p0 \\{ db v \\}",
        () => "if p0 eq \nelse\ndb 1\nend if",
        () => this.#inside(depth - 1),
      ])(),
    );
    this.#macros.push({ name, parameters });
    return `${isStruc ? "struc" : "macro"} ${name} ${given.join(",")} {\n${body.join("\n")}\n}`;
  }

  #useMacro(): string {
    const { name, parameters } = this.#chance.pick(this.#macros);
    return `${name.startsWith("s") ? `${this.#fresh()} ` : ""}${name} ${this.#arguments(parameters)}`;
  }

  #statement(depth: number): string {
    const chance = this.#chance;
    const data = this.#data;
    const simple = [
      () => data.line(),
      () => this.#instruction(),
      () => `${this.#fresh()}: ${this.#instruction()}`,
      () => `${this.#fresh()} ${data.line()}`,
      () => `@@: ${this.#instruction()}`,
      () => `${chance.pick(CONSTANTS)} = ${data.expression()}`,
      () => `${chance.pick(SYMBOLS)} ${chance.pick(["equ", "reequ", "fix"])} ${data.number()}`,
      () => `define ${chance.pick(SYMBOLS)} ${data.expression(1)}`,
      () => `${chance.pick(["restore", "purge", "restruc"])} ${chance.pick([...SYMBOLS, "m0", "s0"])}`,
      () => `times ${chance.below(5)} ${chance.pick(["db %", this.#instruction()])}`,
      () =>
        `label ${this.#fresh()} ${chance.pick(["", "byte", "dword"])} ${chance.oneIn(2) ? `at ${data.expression(1)}` : ""}`,
      () =>
        chance.pick([
          `org ${chance.pick(words("0 100h 400000h"))}`,
          `align ${chance.pick(words("2 4 16 3 1"))}`,
        ]),
      () =>
        `load ${chance.pick(CONSTANTS)} ${chance.pick(words("byte word dword qword"))} from $$+${chance.below(3)}`,
      () => `store ${chance.pick(["byte", "word", "dword"])} ${data.number()} at $$+${chance.below(3)}`,
      () => `${chance.pick(["assert", "display"])} ${chance.pick(["1", "'x'", "10,13", data.expression(1)])}`,
      () => (this.#macros.length > 0 ? this.#useMacro() : "nop"),
      () => (this.#macros.length > 0 ? this.#useMacro() : "nop"),
      () => (chance.oneIn(4) ? chance.pick(WRONG) : "nop"),
    ];
    const deep = [
      () => this.#newMacro(depth),
      () =>
        `rept ${chance.below(4)} i${chance.oneIn(3) ? `:${chance.below(9)}` : ""} {\ndb i\n${this.#inside(depth - 1)}\n}`,
      () =>
        `${chance.pick(["irp", "irps"])} v,${chance.pick(["1,2,3", "a b", "<1,2>,3", "", "eax+1"])} {\ndb \`v\n}`,
      () => `irpv v,${chance.pick(SYMBOLS)} {\ndb \`v\n}`,
      () =>
        `match ${chance.pick(["u", "u v", "=a u", "u+v", "u=,v", ""])},${this.#arguments(2)} {\n${this.#inside(depth - 1)}\n}`,
      () =>
        `if ${data.condition()}\n${this.#block(depth - 1)}\n${chance.oneIn(2) ? `else\n${this.#block(depth - 1, 2)}\n` : ""}end if`,
      () =>
        `repeat ${chance.below(5)}\n${this.#block(depth - 1, 2)}\n${chance.oneIn(4) ? "break\n" : ""}end repeat`,
      () => `n1 = 0\nwhile n1 < ${1 + chance.below(4)}\n${this.#block(depth - 1, 1)}\nn1 = n1+1\nend while`,
      () => `virtual ${chance.pick(["", "at ebx", "at 0", "at $"])}\n${this.#block(depth - 1)}\nend virtual`,
      () =>
        `virtual at 0\nv${this.#labels}::\n${data.line()}\nend virtual\nload n2 byte from v${this.#labels++}:0`,
      () => `postpone {\n${this.#inside(depth - 1)}\n}`,
    ];
    return chance.pick(depth > 0 && chance.oneIn(3) ? deep : simple)();
  }
}

export const languageProgram = (seed: number): string => new Writer(seed).program();
