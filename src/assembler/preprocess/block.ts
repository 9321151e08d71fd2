/** Blocks that are expanded where they stand: rept, irp, irps, irpv, match (FASM.TXT 2.3.5, 2.3.6). */

import { preprocessorValue } from "../expression/parse.ts";
import { refuse } from "../messages.ts";
import { END, isName, textOf } from "../tokens.ts";
import { EQU } from "./definitions.ts";
import { Frame } from "./frame.ts";
import { ArgumentReader, expandBlock, skipValue } from "./macro.ts";
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

/** Runs a collected block; the current line is the directive's. */
export function runBlock(p: Preprocessor, block: Collection): void {
  if (block.block === BLOCK_REPT) rept(p, block);
  else if (block.block === BLOCK_IRP) irp(p, block);
  else if (block.block === BLOCK_IRPS) irps(p, block);
  else if (block.block === BLOCK_IRPV) irpv(p, block);
  else match(p, block);
}

function expand(p: Preprocessor, frame: Frame, block: Collection): void {
  expandBlock(p, frame, { line: block.line, start: block.argumentsEnd }, block.name, true, -1, -1);
}

function rept(p: Preprocessor, block: Collection): void {
  const { tokens } = p.store;
  const count = preprocessorValue(p, block.argumentsAt);
  if (count.value < 0) refuse("valueOutOfRange");
  const frame = new Frame();
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
  if (frame.limit === 0) return;
  expandBlock(p, frame, { line: block.line, start: at }, block.name, true, -1, -1);
}

function irp(p: Preprocessor, block: Collection): void {
  const { tokens } = p.store;
  if (!isName(tokens[block.argumentsAt]!)) refuse("invalidMacroArguments");
  let at = block.argumentsAt + 1;
  if (tokens[at] === COLON || tokens[at] === EQUALS) at = skipValue(tokens, at + 1, true, false);
  else if (tokens[at] === STAR) at++;
  if (tokens[at] !== COMMA) refuse("invalidMacroArguments");
  const frame = new Frame();
  const reader = new ArgumentReader(p, frame, block.argumentsAt, at + 1);
  for (;;) {
    frame.limit++;
    reader.parameterAt = block.argumentsAt;
    reader.take(block.argumentsEnd);
    if (reader.argumentAt >= block.argumentsEnd || tokens[reader.argumentAt] !== COMMA) break;
    reader.argumentAt++;
  }
  expand(p, frame, block);
}

function irps(p: Preprocessor, block: Collection): void {
  const { tokens } = p.store;
  const name = tokens[block.argumentsAt]!;
  if (!isName(name) || tokens[block.argumentsAt + 1] !== COMMA) refuse("invalidMacroArguments");
  const frame = new Frame();
  for (let at = block.argumentsAt + 2; at < block.argumentsEnd; at++) {
    frame.limit++;
    const replacement = frame.add(textOf(name), frame.limit);
    replacement.start = at;
    replacement.length = 1;
  }
  if (frame.limit > 0) expand(p, frame, block);
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
  const frame = new Frame();
  for (const definition of p.definitions.values(text)) {
    frame.limit++;
    const replacement = frame.add(textOf(name), frame.limit);
    replacement.start = definition.start;
    replacement.length = definition.length;
  }
  if (block.argumentsAt + 3 !== block.argumentsEnd) refuse("invalidMacroArguments");
  expand(p, frame, block);
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

interface Matched {
  /** The pattern's name. */
  readonly pattern: number;
  readonly start: number;
  end: number;
}

/**
 * Matches greedily from the left as FASM does: a name takes as few tokens as it can, at least one, and when what
 * follows does not fit, it takes one more; the last name before the end takes all that is left.
 */
function match(p: Preprocessor, block: Collection): void {
  const { tokens } = p.store;
  const end = block.argumentsEnd;
  const matched: Matched[] = [];
  let pattern = block.argumentsAt;
  let at = beginMatch(tokens, pattern);

  /** As far as pattern and text agree without names. */
  const exact = () => {
    while (at !== end) {
      let wanted = tokens[pattern]!;
      if (wanted === COMMA || isName(wanted)) return;
      let step = 1;
      if (wanted === EQUALS) {
        wanted = tokens[pattern + 1]!;
        step = 2;
      }
      if (wanted !== tokens[at]) return;
      pattern += step;
      at++;
    }
  };
  exact();
  if (!isName(tokens[pattern]!)) {
    if (tokens[pattern] !== COMMA || at !== end) return;
    finish(p, block, matched);
    return;
  }
  let taking = true;
  for (;;) {
    if (taking) {
      // A name begins to match here, with one element.
      matched.push({ pattern, start: at, end: at });
    }
    let current = matched[matched.length - 1]!;
    if (at === end) {
      // Nothing is left to take: an earlier name, one that something literal follows, must take more.
      for (;;) {
        matched.pop();
        if (matched.length === 0) return;
        current = matched[matched.length - 1]!;
        pattern = current.pattern + 1;
        if (!isName(tokens[pattern]!)) break;
      }
      at = current.end;
      taking = false;
      continue;
    }
    at++;
    current.end = at;
    if (taking) {
      pattern = current.pattern + 1;
      if (isName(tokens[pattern]!)) continue;
    }
    exact();
    if (at === end) {
      if (tokens[pattern] !== COMMA) return;
      finish(p, block, matched);
      return;
    }
    if (isName(tokens[pattern]!)) {
      taking = true;
      continue;
    }
    pattern = current.pattern + 1;
    at = current.end;
    taking = false;
  }
}

function finish(p: Preprocessor, block: Collection, matched: readonly Matched[]): void {
  const { tokens } = p.store;
  const frame = new Frame();
  for (const part of matched) {
    const replacement = frame.add(textOf(tokens[part.pattern]!), 0);
    replacement.start = part.start;
    replacement.length = part.end - part.start;
  }
  expand(p, frame, block);
}
