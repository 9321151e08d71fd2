/**
 * Programs that take many passes: what stands further on decides how much stands before it. Sizes of operands and jumps,
 * repetitions, conditions, reserved space, areas and what is loaded from them name labels and constants of anywhere, so that
 * some settle soon, some late, and some never.
 */
import { Chance, words } from "./chance.ts";

const HEADS: readonly (readonly [head: string, part: string])[] = [
  ["", ""],
  ["format PE console", "section '.s#' code readable executable"],
  ["format PE64 DLL at 10000h", "section '.s#' data readable writeable"],
  ["format ELF executable", "segment readable executable"],
  ["format ELF64", "section '.s#' executable"],
  ["format MS COFF", "section '.s#' code"],
  ["format MZ", "segment s# use16"],
];
const EDGES = words("1 2 3 5 13 60 63 100 118 120 121 122 123 124 125 126 127 128 129 130 200 250 255 256");
const SIZES = words("byte word dword qword");

class Writer {
  readonly #chance: Chance;
  readonly #labels = words("l0 l1 l2 l3 l4 l5");
  readonly #constants = words("c0 c1 c2 c3");
  /** What may be defined or not. */
  readonly #flags = words("f0 f1 f2");
  readonly #areas: string[] = [];
  #names = 0;
  /** Loops around what is being written: names would be defined once a round there. */
  #loops = 0;
  /** The constants that a number may name. */
  #named = this.#constants;

  constructor(seed: number) {
    this.#chance = new Chance(seed);
  }

  program(): string {
    const chance = this.#chance;
    const [head, part] = chance.oneIn(3) ? chance.pick(HEADS) : HEADS[0]!;
    const missing = chance.oneIn(40) ? chance.pick([...this.#labels, ...this.#constants]) : "";
    const size = chance.pick([..."bwd"]);
    const label = (name: string): string =>
      chance.oneIn(4) ? `${name} d${chance.oneIn(9) ? chance.pick([..."bwd"]) : size} ?` : `${name}:`;
    const anchors = [
      ...this.#labels.map(label),
      ...this.#constants.map((name, at) => `${name} = ${this.#worth(at)}`),
    ].filter((line) => !line.startsWith(missing === "" ? "\n" : missing));
    const lines = chance.some(4, 22, () => this.#statement(2));
    for (const line of anchors) lines.splice(chance.below(lines.length + 1), 0, line);
    if (part !== "") {
      const parts = chance.below(3);
      for (let at = 0; at < parts; at++)
        lines.splice(chance.below(lines.length + 1), 0, part.replace("#", String(at)));
      lines.unshift(part.replace("#", "x"));
    }
    const bits = chance.pick(words("use16 use32 use32 use32 use64"));
    const at = chance.pick(["", "", "org 100h", "org 7Eh", `org ${this.#value()}`]);
    return `${[head, part === "" ? at : "", ...(part === "" ? [bits] : []), "v = 1", ...lines].join("\n")}\n`;
  }

  /** What a constant is: it seldom depends on itself. */
  #worth(at: number): string {
    this.#named = this.#chance.oneIn(15) ? this.#constants : this.#constants.slice(at + 1);
    if (this.#named.length === 0) this.#named = this.#labels.map((name) => `(${name}-$)`);
    const made = this.#chance.oneIn(3) ? this.#value() : this.#count();
    this.#named = this.#constants;
    return made;
  }

  #label(): string {
    const chance = this.#chance;
    return chance.oneIn(12) ? chance.pick(["@f", "@b", "$"]) : chance.pick(this.#labels);
  }

  /** A number that depends on where things are. */
  #distance(): string {
    const chance = this.#chance;
    const labels = this.#labels;
    return chance.pick([
      () => `(${chance.pick(labels)}-${chance.pick(labels)})`,
      () => `(${chance.pick(labels)}-$)`,
      () => `($-${chance.pick(labels)})`,
      () => chance.pick(this.#named),
      () => chance.pick(this.#named),
    ])();
  }

  #value(): string {
    const chance = this.#chance;
    const distance = (): string => this.#distance();
    return chance.pick([
      distance,
      distance,
      () => `${distance()}${chance.pick([..."+-*"])}${chance.pick(EDGES)}`,
      () => `${distance()} ${chance.pick(["and", "or", "xor", "shr", "mod"])} ${1 + chance.below(15)}`,
      () => `${distance()}${chance.pick([..."+-"])}${distance()}`,
      () => `${distance()}/${1 + chance.below(5)}`,
      () => chance.pick(EDGES),
      () => `-${distance()}`,
      () => `not ${distance()}`,
      () => (chance.oneIn(2) ? `bsr (${distance()} or 1)` : `${chance.pick(this.#labels)}`),
    ])();
  }

  /** A small one, most of the time, that is not negative. */
  #count(): string {
    const chance = this.#chance;
    if (chance.oneIn(20)) return `${chance.pick(this.#labels)}-${chance.pick(this.#labels)}`;
    return `(${this.#value()}) and ${chance.pick([1, 3, 7, chance.oneIn(6) ? 127 : 15])}`;
  }

  #condition(depth = 1): string {
    const chance = this.#chance;
    return chance.pick([
      () => `defined ${chance.pick(chance.oneIn(3) ? this.#labels : this.#flags)}`,
      () => `used ${chance.pick(chance.oneIn(3) ? this.#flags : this.#labels)}`,
      () => `${this.#value()} ${chance.pick(words("= < > <= >= <>"))} ${this.#value()}`,
      () => `${this.#distance()} ${chance.pick([..."<>"])} ${chance.pick(EDGES)}`,
      () => `${this.#distance()} and 1`,
      () => (chance.oneIn(4) ? `${this.#label()} relativeto ${this.#label()}` : `${this.#distance()} = 0`),
      () => (depth > 0 ? `~ ${this.#condition(depth - 1)}` : "1"),
      () => (depth > 0 ? `${this.#condition(0)} ${chance.pick([..."&|"])} ${this.#condition(0)}` : "0"),
    ])();
  }

  #block(depth: number, most = 3): string {
    return this.#chance.some(1, most, () => this.#statement(depth)).join("\n");
  }

  /** Something whose size follows from a number or a distance. */
  #sized(): string {
    const chance = this.#chance;
    return chance.pick([
      () => `${chance.pick(words("jmp jmp jz jnc call"))} ${this.#label()}`,
      () => `jmp ${this.#label()}${chance.pick([..."+-"])}${chance.pick(EDGES)}`,
      () =>
        chance.oneIn(3) ? `${chance.pick(words("loop jecxz"))} ${this.#label()}` : `jz ${this.#label()}`,
      () => `push ${this.#value()}`,
      () => `add ${chance.pick(words("ax eax ecx bx"))},${this.#value()}`,
      () => `imul eax,ecx,${this.#value()}`,
      () => `mov eax,[ebx+${this.#value()}]`,
      () => `cmp dword [esi+${this.#distance()}],${this.#distance()}`,
      () => `mov ecx,[${this.#value()}]`,
      () => `lea edx,[eax*2+${this.#count()}]`,
    ])();
  }

  #statement(depth: number): string {
    const chance = this.#chance;
    const fresh = (): string => `n${this.#names++}`;
    const simple = [
      () => this.#sized(),
      () => this.#sized(),
      () => this.#sized(),
      () => (this.#loops > 0 ? this.#sized() : `@@: ${this.#sized()}`),
      () => `rb ${chance.pick(EDGES)}`,
      () => `rb ${this.#count()}`,
      () => `times ${this.#count()} ${chance.pick(["nop", "db %", "dw $", this.#sized()])}`,
      () => `times ${chance.pick(EDGES)} nop`,
      () => `db ${this.#count()} dup (${this.#value()} and 127)`,
      () => `d${chance.pick([..."wdqq"])} ${this.#count()}`,
      () => `align ${chance.pick(["2", "4", "16", this.#count()])}`,
      () => `${chance.pick(this.#flags)} = ${chance.pick(["1", this.#value()])}`,
      () => `v = ${this.#value()}`,
      () => `v = v+${this.#count()}`,
      () => `load v ${chance.pick(SIZES)} from ${this.#place()}`,
      () => `store ${chance.pick(SIZES)} ${this.#value()} at ${this.#place()}`,
      () =>
        `label ${fresh()} ${chance.oneIn(2) ? "dword " : ""}at ${this.#value()}\njz ${`n${this.#names - 1}`}`,
      () => (chance.oneIn(3) ? `assert ${this.#condition()}` : `dd v`),
      () => (chance.oneIn(6) ? `org ${this.#value()}` : `display '0'+${this.#count()}`),
    ];
    const deep = [
      () => this.#if(depth),
      () => this.#if(depth),
      () => `repeat ${this.#count()}\n${this.#round(depth)}\n${this.#break()}end repeat`,
      () => this.#while(depth),
      () =>
        `virtual at ${this.#value()}\n${this.#block(depth - 1)}\n${fresh()} = $\nend virtual\ndd n${this.#names - 1}`,
      () => this.#area(depth),
      () =>
        `if ~ ${chance.oneIn(2) ? "defined" : "used"} ${fresh()}\nn${this.#names - 1}:\n${this.#sized()}\nend if`,
    ];
    return chance.pick(depth > 0 && chance.oneIn(3) ? deep : simple)();
  }

  #round(depth: number): string {
    this.#loops++;
    const made = this.#block(depth - 1, 2);
    this.#loops--;
    return made;
  }

  #while(depth: number): string {
    const counter = `w${this.#names++}`;
    return `${counter} = 0\nwhile ${counter} < ${this.#count()}\n${this.#round(depth)}\n${counter} = ${counter}+1\n${this.#break()}end while`;
  }

  #break(): string {
    return this.#chance.oneIn(3) ? `if ${this.#condition()}\nbreak\nend if\n` : "";
  }

  #if(depth: number): string {
    const chance = this.#chance;
    const others = chance.some(0, 1, () => `else if ${this.#condition()}\n${this.#block(depth - 1, 2)}\n`);
    const otherwise = chance.oneIn(2)
      ? `else\n${chance.oneIn(15) ? "err" : this.#block(depth - 1, 2)}\n`
      : "";
    return `if ${this.#condition()}\n${this.#block(depth - 1)}\n${others.join("")}${otherwise}end if`;
  }

  /** An area with a name, of which others load and in which they store, before it too. */
  #area(depth: number): string {
    const name = `a${this.#areas.length}`;
    this.#areas.push(name);
    return `virtual at ${this.#chance.oneIn(2) ? "0" : this.#value()}\n${name}::\n${this.#block(depth - 1)}\nend virtual`;
  }

  /** Where there may be bytes. */
  #place(): string {
    const chance = this.#chance;
    if (chance.oneIn(3)) return `${chance.pick(["a0", "a0", "a1", ...this.#areas])}:${this.#count()}`;
    return chance.pick([
      () => `$$+${this.#count()}`,
      () => chance.pick(this.#labels),
      () => `${chance.pick(this.#labels)}+${this.#count()}`,
      () => `$-${1 + chance.below(9)}`,
    ])();
  }
}

export const passesProgram = (seed: number): string => new Writer(seed).program();
