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
import { DOTTED, FEW, grownFor, type Texts } from "./tokens.ts";

const AT = 0x40;
const DOT = 0x2e;
const DOLLAR = 0x24;
const PERCENT = 0x25;
const QUESTION = 0x3f;
const LETTER_B = 0x62;
const LETTER_F = 0x66;
const LETTER_R = 0x72;
const LETTER_T = 0x74;

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

/** What a label is reckoned at. */
const BYTES_PER_LABEL = 128;

export class LabelNames {
  readonly #texts: Texts;
  readonly #program: Program;
  readonly #limit: number;
  readonly #isReserved: (text: number) => boolean;
  /** For the text of each label's full name one more than its number. */
  #labels = new Int32Array(FEW);
  surroundings: Surroundings = { ...NOWHERE };

  /** `maxMemory` in bytes bounds how many there can be; `isReserved` tells which names cannot be labels where they stand. */
  constructor(texts: Texts, program: Program, maxMemory: number, isReserved: (text: number) => boolean) {
    this.#texts = texts;
    this.#program = program;
    this.#limit = maxMemory / BYTES_PER_LABEL;
    this.#isReserved = isReserved;
  }

  /** Forgets all labels but the first `kept`, and of these all that passes have found out. */
  forget(kept: number, surroundings: Surroundings): void {
    const { labels, labelLines } = this.#program;
    for (let number = kept; number < labels.length; number++) {
      const { name } = labels[number]!;
      if (name >= 0) this.#labels[name] = 0;
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
    const known = this.#known(text);
    return known < 0 || (this.#texts.traits[text]! & DOTTED) !== 0 ? this.#find(text, line) : known;
  }

  /** The same for a name that is being defined: local names will belong to it. */
  defined(text: number, line: number): number {
    const texts = this.#texts;
    const label = this.label(text, line);
    if (label < 0 || (texts.traits[text]! & DOTTED) !== 0) return label;
    if (texts.first(text) === AT && texts.length(text) === 2) {
      const letter = texts.bytes[texts.start(text) + 1]!;
      if (isAnonymous(letter)) return letter === AT ? label : RESERVED;
    }
    this.surroundings.localsPrefix = text;
    return label;
  }

  #find(text: number, line: number): number {
    const texts = this.#texts;
    const first = texts.first(text);
    const length = texts.length(text);
    const second = length > 1 ? texts.bytes[texts.start(text) + 1]! : 0;
    switch (first) {
      case AT:
        if (length === 2 && isAnonymous(second)) return this.#anonymous(second, line);
        break;
      case DOT:
        if (!this.#isTwiceDotted(text) && this.surroundings.localsPrefix >= 0) return this.#local(text, line);
        break;
      case DOLLAR:
        if (length === 1) return predefined(P_HERE);
        if (length === 2 && second === DOLLAR) return predefined(P_ORIGIN);
        if (length === 2 && second === PERCENT) return predefined(P_FILE_OFFSET);
        if (length === 3 && texts.text(text) === "$%%") return predefined(P_ACTUAL_FILE_OFFSET);
        break;
      case PERCENT:
        if (length === 1) return predefined(P_COUNTER);
        if (length === 2 && (second | 0x20) === LETTER_T) return predefined(P_TIME);
        break;
      case QUESTION:
        if (length === 1) return RESERVED;
        break;
      default:
    }
    const known = this.#known(text);
    if (known >= 0) return known;
    if ((first >= 0x30 && first <= 0x39) || first === DOLLAR || this.#isReserved(text)) return RESERVED;
    return this.#new(text, line);
  }

  /** The label of this full name; -1 when there is none yet. */
  #known(text: number): number {
    return text < this.#labels.length ? this.#labels[text]! - 1 : -1;
  }

  #isTwiceDotted(text: number): boolean {
    const { bytes } = this.#texts;
    return this.#texts.length(text) > 1 && bytes[this.#texts.start(text) + 1] === DOT;
  }

  #new(text: number, line: number): number {
    const { labels, labelLines } = this.#program;
    const number = labels.length;
    if (number >= this.#limit) refuse("outOfMemory");
    labels.push(new Label(text));
    labelLines.push(line);
    if (text >= 0) {
      if (text >= this.#labels.length) this.#labels = grownFor(this.#labels, text);
      this.#labels[text] = number + 1;
    }
    return number;
  }

  #local(text: number, line: number): number {
    const texts = this.#texts;
    const composed = texts.join(this.surroundings.localsPrefix, text);
    if (texts.length(composed) > 255) refuse("nameTooLong");
    const known = this.#known(composed);
    return known >= 0 ? known : this.#new(composed, line);
  }

  /** `@` and this letter. */
  #anonymous(letter: number, line: number): number {
    const { surroundings } = this;
    if (letter === AT) {
      const { anonymousForward } = surroundings;
      const label = anonymousForward >= 0 ? anonymousForward : this.#new(-1, line);
      surroundings.anonymousBack = label;
      surroundings.anonymousForward = -1;
      return label;
    }
    if ((letter | 0x20) === LETTER_F) {
      if (surroundings.anonymousForward < 0) surroundings.anonymousForward = this.#new(-1, line);
      return surroundings.anonymousForward;
    }
    // Backwards to nothing: a label that will never be defined.
    if (surroundings.anonymousBack < 0) surroundings.anonymousBack = this.#new(-1, line);
    return surroundings.anonymousBack;
  }
}

/** What stands behind `@` in the names of anonymous labels. */
function isAnonymous(letter: number): boolean {
  const small = letter | 0x20;
  return letter === AT || small === LETTER_B || small === LETTER_R || small === LETTER_F;
}
