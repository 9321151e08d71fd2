/**
 * The operators that act inside expanded lines: \` makes a string of the next name, # joins names or strings, and a
 * backslash is taken off escaped names (FASM.TXT 2.3.3). They act after arguments have been put in.
 */
import { refuse } from "../messages.ts";
import type { TokenStore } from "../tokens.ts";
import {
  END,
  ESCAPED,
  isName,
  isSeparator,
  isSpent,
  isString,
  nameToken,
  stringToken,
  type Texts,
  textOf,
} from "../tokens.ts";

const BACKQUOTE = 0x60;
const HASH = 0x23;

/** Rewrites the last line of the store, which begins at `start`. */
export function applyOperators(store: TokenStore, start: number, texts: Texts): void {
  const { tokens } = store;
  const { traits } = texts;
  let first = start;
  for (; ; first++) {
    const token = tokens[first]!;
    if (token === END) return;
    if (token === BACKQUOTE || token === HASH) break;
    if (token >= 256) {
      if (isSpent(token)) return;
      if (isName(token) && traits[textOf(token)]! & ESCAPED) break;
    }
  }
  rewrite(store, start, first, texts);
}

/** Rewrites it where it stands, from `first` on: it never comes to be longer. */
function rewrite(store: TokenStore, start: number, first: number, texts: Texts): void {
  const { tokens } = store;
  // What # can join to stands just before it.
  let last = first > start ? tokens[first - 1]! : 0;
  let joinable = isName(last) || isString(last);
  let at = first;
  let to = first;
  for (;;) {
    const token = tokens[at++]!;
    if (token === END) break;
    if (isSpent(token)) {
      // Behind a spent name nothing is looked at any more.
      tokens[to++] = token;
      while (tokens[at] !== END) tokens[to++] = tokens[at++]!;
      break;
    }
    if (isName(token)) {
      last = texts.traits[textOf(token)]! & ESCAPED ? texts.bare(textOf(token)) : token;
      joinable = isName(last);
    } else if (token === BACKQUOTE) {
      while (tokens[at] === BACKQUOTE) at++;
      const next = tokens[at]!;
      if (next !== END && next !== HASH) at++;
      last = quoted(texts, next);
      joinable = true;
    } else if (token === HASH) {
      const next = tokens[at]!;
      if (!joinable) continue;
      if (isName(last)) {
        if (!isName(next)) continue;
        const tail = texts.traits[textOf(next)]! & ESCAPED ? texts.bare(textOf(next)) : next;
        if (!isName(tail) || (tail !== next && isSeparator(texts.first(textOf(tail))))) continue;
        at++;
        if (texts.length(textOf(last)) + texts.length(textOf(tail)) > 255) refuse("nameTooLong");
        last = nameToken(texts.join(textOf(last), textOf(tail)));
      } else {
        let part = next;
        if (next === BACKQUOTE) {
          while (tokens[at] === BACKQUOTE) at++;
          part = tokens[at]!;
          if (part === END || part === HASH) continue;
          part = quoted(texts, part);
        } else if (!isString(next)) continue;
        at++;
        last = stringToken(texts.join(textOf(last), textOf(part)));
      }
      tokens[to - 1] = last;
      continue;
    } else {
      last = token;
      joinable = isString(token);
    }
    tokens[to++] = last;
  }
  tokens[to] = END;
  store.length = to + 1;
}

/** The string that a backquote makes of the token behind it; a string stays what it is. */
function quoted(texts: Texts, token: number): number {
  if (isString(token)) return token;
  if (token === END || token === HASH) return stringToken(texts.number(""));
  const bare = isName(token) && texts.traits[textOf(token)]! & ESCAPED ? texts.bare(textOf(token)) : token;
  return stringToken(isName(bare) ? textOf(bare) : texts.number(String.fromCharCode(bare)));
}
