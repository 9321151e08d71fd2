/** Blocks that are expanded where they stand: rept, irp, irps, irpv, match (FASM.TXT 2.3.5, 2.3.6). */

import { preprocessorValue } from "../expression/parse.ts";
import { refuse } from "../messages.ts";
import { END, isName, textOf } from "../tokens.ts";
import { EQU } from "./definitions.ts";
import { type Expansion, skipValue } from "./macro.ts";
import {
  BLOCK_IRP,
  BLOCK_IRPS,
  BLOCK_IRPV,
  BLOCK_REPT,
  type Collection,
  type Preprocessor,
} from "./preprocess.ts";

const COMMA = 0x2c;
const OPEN = 0x7b;
const COLON = 0x3a;
const EQUALS = 0x3d;
const STAR = 0x2a;

/**
 * Runs a collected block; the current line is the directive's. What was collected is not looked at any more when its lines
 * are put out: they may collect another.
 */
export function runBlock(p: Preprocessor, block: Collection): void {
  if (block.block === BLOCK_REPT) rept(p, block);
  else if (block.block === BLOCK_IRP) irp(p, block);
  else if (block.block === BLOCK_IRPS) irps(p, block);
  else if (block.block === BLOCK_IRPV) irpv(p, block);
  else match(p, block);
}

function run(expansion: Expansion, block: Collection, bodyAt: number): void {
  expansion.run(block.line, bodyAt, block.name, true, -1, -1);
}

function rept(p: Preprocessor, block: Collection): void {
  const { tokens } = p.store;
  const count = preprocessorValue(p, block.argumentsAt);
  if (count.value < 0) refuse("valueOutOfRange");
  const expansion = p.beginExpansion();
  const { frame } = expansion;
  frame.limit = count.value;
  let at = count.end;
  let token = tokens[at]!;
  if (token !== END && token !== OPEN) {
    for (;;) {
      if (!isName(token)) refuse("invalidMacroArguments");
      const counter = frame.add(textOf(token), 0);
      counter.start = -1;
      counter.length = 1;
      token = tokens[++at]!;
      if (token === COLON) {
        const base = preprocessorValue(p, at + 1);
        if (base.value + frame.limit > 0x7fffffff) refuse("valueOutOfRange");
        counter.length = base.value;
        at = base.end;
        token = tokens[at]!;
      }
      if (token !== COMMA) break;
      token = tokens[++at]!;
    }
  }
  if (frame.limit > 0) run(expansion, block, at);
  else p.endExpansion(expansion);
}

function irp(p: Preprocessor, block: Collection): void {
  const { tokens } = p.store;
  if (!isName(tokens[block.argumentsAt]!)) refuse("invalidMacroArguments");
  let at = block.argumentsAt + 1;
  if (tokens[at] === COLON || tokens[at] === EQUALS) at = skipValue(tokens, at + 1, true);
  else if (tokens[at] === STAR) at++;
  if (tokens[at] !== COMMA) refuse("invalidMacroArguments");
  const expansion = p.beginExpansion();
  const { frame } = expansion;
  const reader = p.argumentReader;
  reader.begin(block.argumentsAt, at + 1);
  // Where the arguments end the line does, for good if one of them is refused.
  const behind = tokens[block.argumentsEnd]!;
  tokens[block.argumentsEnd] = END;
  for (;;) {
    frame.limit++;
    reader.parameterAt = block.argumentsAt;
    reader.take(frame);
    if (tokens[reader.argumentAt] !== COMMA) break;
    reader.argumentAt++;
  }
  tokens[block.argumentsEnd] = behind;
  run(expansion, block, block.argumentsEnd);
}

function irps(p: Preprocessor, block: Collection): void {
  const { tokens } = p.store;
  const name = tokens[block.argumentsAt]!;
  if (!isName(name) || tokens[block.argumentsAt + 1] !== COMMA) refuse("invalidMacroArguments");
  const expansion = p.beginExpansion();
  const { frame } = expansion;
  for (let at = block.argumentsAt + 2; at < block.argumentsEnd; at++) {
    frame.limit++;
    const replacement = frame.add(textOf(name), frame.limit);
    replacement.start = at;
    replacement.length = 1;
  }
  if (frame.limit > 0) run(expansion, block, block.argumentsEnd);
  else p.endExpansion(expansion);
}

function irpv(p: Preprocessor, block: Collection): void {
  const { tokens } = p.store;
  const name = tokens[block.argumentsAt]!;
  if (!isName(name) || tokens[block.argumentsAt + 1] !== COMMA) refuse("invalidMacroArguments");
  const variable = tokens[block.argumentsAt + 2]!;
  if (!isName(variable)) refuse("invalidMacroArguments");
  const text = textOf(variable);
  const found = p.constant(EQU, text);
  if (found === undefined) return;
  if (found === "file" || found === "line") refuse("invalidUseOfSymbol");
  const expansion = p.beginExpansion();
  const { frame } = expansion;
  for (const definition of p.definitions.values(text)) {
    frame.limit++;
    const replacement = frame.add(textOf(name), frame.limit);
    replacement.start = definition.start;
    replacement.length = definition.length;
  }
  if (block.argumentsAt + 3 !== block.argumentsEnd) refuse("invalidMacroArguments");
  run(expansion, block, block.argumentsEnd);
}

/** Passes over the pattern of `match`; returns where the text to be matched begins. */
export function beginMatch(tokens: Int32Array, from: number): number {
  let at = from;
  for (;;) {
    const token = tokens[at++]!;
    if (token === END) refuse("invalidMacroArguments");
    if (token === COMMA) return at;
    // A character behind = is meant as it is, even a comma.
    if (token === EQUALS && tokens[at]! < 256 && tokens[at] !== END) at++;
  }
}

/** How far the pattern of a `match` and its text agree, and what its names have taken. */
export class Matcher {
  /** For each name so far: where it stands in the pattern, where what it takes begins, and where that ends. */
  readonly taken: number[] = [];
  /** Places in the pattern and in the text, and where the text ends. */
  #pattern = 0;
  #at = 0;
  #end = 0;

  /**
   * Whether the text from `from` to `end` fits. Matches greedily from the left as FASM does: a name takes as few tokens as
   * it can, at least one, and when what follows does not fit, it takes one more; the last name before the end takes all
   * that is left.
   */
  fits(tokens: Int32Array, pattern: number, from: number, end: number): boolean {
    const { taken } = this;
    while (taken.length > 0) taken.pop();
    this.#pattern = pattern;
    this.#at = from;
    this.#end = end;
    this.#exact(tokens);
    if (!isName(tokens[this.#pattern]!)) return tokens[this.#pattern] === COMMA && this.#at === end;
    let taking = true;
    for (;;) {
      if (taking) {
        // A name begins to match here, with one element.
        taken.push(this.#pattern, this.#at, this.#at);
      }
      if (this.#at === end) {
        // Nothing is left to take: an earlier name, one that something literal follows, must take more.
        do {
          for (let field = 0; field < 3; field++) taken.pop();
          if (taken.length === 0) return false;
          this.#pattern = taken[taken.length - 3]! + 1;
        } while (isName(tokens[this.#pattern]!));
        this.#at = taken[taken.length - 1]!;
        taking = false;
        continue;
      }
      taken[taken.length - 1] = ++this.#at;
      const behind = taken[taken.length - 3]! + 1;
      if (taking) {
        this.#pattern = behind;
        if (isName(tokens[behind]!)) continue;
      }
      this.#exact(tokens);
      if (this.#at === end) return tokens[this.#pattern] === COMMA;
      if (isName(tokens[this.#pattern]!)) {
        taking = true;
        continue;
      }
      this.#pattern = behind;
      this.#at = taken[taken.length - 1]!;
      taking = false;
    }
  }

  /** As far as pattern and text agree without names. */
  #exact(tokens: Int32Array): void {
    while (this.#at !== this.#end) {
      let wanted = tokens[this.#pattern]!;
      if (wanted === COMMA || isName(wanted)) return;
      let step = 1;
      if (wanted === EQUALS) {
        wanted = tokens[this.#pattern + 1]!;
        step = 2;
      }
      if (wanted !== tokens[this.#at]) return;
      this.#pattern += step;
      this.#at++;
    }
  }
}

function match(p: Preprocessor, block: Collection): void {
  const { tokens } = p.store;
  const { matcher } = p;
  const pattern = block.argumentsAt;
  if (!matcher.fits(tokens, pattern, beginMatch(tokens, pattern), block.argumentsEnd)) return;
  const expansion = p.beginExpansion();
  const { taken } = matcher;
  for (let part = 0; part < taken.length; part += 3) {
    const replacement = expansion.frame.add(textOf(tokens[taken[part]!]!), 0);
    replacement.start = taken[part + 1]!;
    replacement.length = taken[part + 2]! - taken[part + 1]!;
  }
  run(expansion, block, block.argumentsEnd);
}
