/**
 * Names to labels: a local name belongs to the last that is none, anonymous ones to their neighbours, and `$` and its kin are
 * no labels at all (FASM.TXT 1.2.3, PARSER.INC, get_label_id).
 */
import {
  P_ACTUAL_FILE_OFFSET,
  P_COUNTER,
  P_FILE_OFFSET,
  P_HERE,
  P_ORIGIN,
  P_TIME,
} from "./expression/expressions.ts";
import { refuse } from "./messages.ts";
import type { Program } from "./program.ts";
import { Label } from "./symbols.ts";
import { DOTTED, type Texts } from "./tokens.ts";

const AT = 0x40;
const DOT = 0x2e;
const DOLLAR = 0x24;
const PERCENT = 0x25;
const QUESTION = 0x3f;

/** What a name is as a label: a label's number, or one of these. */
export const RESERVED = -100;
/** `$` and its kin are -1 - P_. */
const predefined = (number: number): number => -1 - number;

/** What local and anonymous names mean at a place of the source: texts and label numbers, -1 for none. */
export interface Surroundings {
  /** The name that local names belong to. */
  localsPrefix: number;
  anonymousBack: number;
  anonymousForward: number;
}

export const NOWHERE: Surroundings = { localsPrefix: -1, anonymousBack: -1, anonymousForward: -1 };

export class LabelNames {
  readonly #texts: Texts;
  readonly #program: Program;
  readonly #isReserved: (text: number) => boolean;
  /** Label numbers by the text of their full name. */
  readonly #labels: number[] = [];
  surroundings: Surroundings = { ...NOWHERE };

  /** `isReserved` tells which names cannot be labels where they stand. */
  constructor(texts: Texts, program: Program, isReserved: (text: number) => boolean) {
    this.#texts = texts;
    this.#program = program;
    this.#isReserved = isReserved;
  }

  /** Forgets all labels but the first `kept`, and of these all that passes have found out. */
  forget(kept: number, surroundings: Surroundings): void {
    const { labels, labelLines } = this.#program;
    for (let number = kept; number < labels.length; number++) {
      const { name } = labels[number]!;
      if (name >= 0) this.#labels[name] = undefined as unknown as number;
    }
    labels.length = kept;
    labelLines.length = kept;
    for (let number = 0; number < kept; number++) labels[number] = new Label(labels[number]!.name);
    this.surroundings = { ...surroundings };
  }

  /** Knows labels again that have been forgotten, by the texts of their names; the lines that name them first have moved. */
  know(names: readonly number[], lines: readonly number[], moved: number): void {
    for (let index = 0; index < names.length; index++) this.#new(names[index]!, lines[index]! + moved);
  }

  /** The label that a name is on a line that uses it. */
  label(text: number, line: number): number {
    const known = this.#labels[text];
    if (known === undefined || (this.#texts.traits[text]! & DOTTED) !== 0) return this.#find(text, line);
    return known;
  }

  /** The same for a name that is being defined: local names will belong to it. */
  defined(text: number, line: number): number {
    const texts = this.#texts;
    const label = this.label(text, line);
    if (label < 0 || (texts.traits[text]! & DOTTED) !== 0) return label;
    if (texts.first(text) === AT && texts.length(text) === 2) {
      const name = texts.text(text);
      if (isAnonymous(name)) return name === "@@" ? label : RESERVED;
    }
    this.surroundings.localsPrefix = text;
    return label;
  }

  #find(text: number, line: number): number {
    const texts = this.#texts;
    const first = texts.first(text);
    const isSpecial = first === AT || first === DOLLAR || first === PERCENT || first === QUESTION;
    // None of these names is longer than three characters.
    const name = isSpecial && texts.length(text) <= 3 ? texts.text(text) : "";
    switch (first) {
      case AT:
        if (name.length === 2 && isAnonymous(name)) return this.#anonymous(name, line);
        break;
      case DOT:
        if (!this.#isTwiceDotted(text) && this.surroundings.localsPrefix >= 0) return this.#local(text, line);
        break;
      case DOLLAR:
        if (name === "$") return predefined(P_HERE);
        if (name === "$$") return predefined(P_ORIGIN);
        if (name === "$%") return predefined(P_FILE_OFFSET);
        if (name === "$%%") return predefined(P_ACTUAL_FILE_OFFSET);
        break;
      case PERCENT:
        if (name === "%") return predefined(P_COUNTER);
        if (name === "%t" || name === "%T") return predefined(P_TIME);
        break;
      case QUESTION:
        if (name === "?") return RESERVED;
        break;
      default:
    }
    const known = this.#labels[text];
    if (known !== undefined) return known;
    if ((first >= 0x30 && first <= 0x39) || first === DOLLAR || this.#isReserved(text)) return RESERVED;
    return this.#new(text, line);
  }

  #isTwiceDotted(text: number): boolean {
    const { bytes } = this.#texts;
    return this.#texts.length(text) > 1 && bytes[this.#texts.start(text) + 1] === DOT;
  }

  #new(text: number, line: number): number {
    const { labels, labelLines } = this.#program;
    const number = labels.length;
    labels.push(new Label(text));
    labelLines.push(line);
    if (text >= 0) {
      while (this.#labels.length < text) this.#labels.push(undefined as unknown as number);
      this.#labels[text] = number;
    }
    return number;
  }

  #local(text: number, line: number): number {
    const texts = this.#texts;
    const composed = texts.join(this.surroundings.localsPrefix, text);
    if (texts.length(composed) > 255) refuse("nameTooLong");
    return this.#labels[composed] ?? this.#new(composed, line);
  }

  #anonymous(name: string, line: number): number {
    const { surroundings } = this;
    if (name === "@@") {
      const { anonymousForward } = surroundings;
      const label = anonymousForward >= 0 ? anonymousForward : this.#new(-1, line);
      surroundings.anonymousBack = label;
      surroundings.anonymousForward = -1;
      return label;
    }
    if (name === "@f" || name === "@F") {
      if (surroundings.anonymousForward < 0) surroundings.anonymousForward = this.#new(-1, line);
      return surroundings.anonymousForward;
    }
    // Backwards to nothing: a label that will never be defined.
    if (surroundings.anonymousBack < 0) surroundings.anonymousBack = this.#new(-1, line);
    return surroundings.anonymousBack;
  }
}

function isAnonymous(name: string): boolean {
  return /^@[@bBrRfF]$/.test(name);
}
