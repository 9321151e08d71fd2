/**
 * The operators that act inside expanded lines: \` makes a string of the next name, # joins names or strings, and a
 * backslash is taken off escaped names (FASM.TXT 2.3.3). They act after arguments have been put in.
 */
import { refuse } from "../messages.ts";
import type { TokenStore } from "../tokens.ts";
import {
  END,
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
  const tokens = store.tokens;
  let first = start;
  for (; ; first++) {
    const token = tokens[first]!;
    if (token === END) return;
    if (token === BACKQUOTE || token === HASH) break;
    if (token >= 256) {
      if (isSpent(token)) return;
      if (isName(token) && texts.escaped[textOf(token)] === 1) break;
    }
  }
  rewrite(store, start, first, texts);
}

function rewrite(store: TokenStore, start: number, first: number, texts: Texts): void {
  // What # can join to stands just before it.
  let last = first > start ? store.tokens[first - 1]! : 0;
  let joinable = isName(last) || isString(last);
  store.lift(first);
  const input = store.lifted;
  let at = 0;
  const replaceLast = (token: number) => {
    store.tokens[store.length - 1] = token;
    last = token;
  };
  const emit = (token: number, canJoin: boolean) => {
    store.push(token);
    last = token;
    joinable = canJoin;
  };
  const unescaped = (text: string) => (text.startsWith("\\") ? text.slice(1) : text);
  for (;;) {
    const token = input[at++]!;
    if (token === END) break;
    if (isSpent(token)) {
      // Behind a spent name nothing is looked at any more.
      store.push(token);
      while (input[at] !== END) store.push(input[at++]!);
      break;
    }
    if (isName(token)) {
      const text = texts.text(textOf(token));
      if (text.charCodeAt(0) !== 0x5c) {
        emit(token, true);
        continue;
      }
      const rest = text.slice(1);
      if (rest.length === 1 && isSeparator(rest.charCodeAt(0))) emit(rest.charCodeAt(0), false);
      else emit(nameToken(texts.number(rest)), true);
      continue;
    }
    if (token === BACKQUOTE) {
      let next = input[at]!;
      while (next === BACKQUOTE) next = input[++at]!;
      if (isString(next)) {
        // A string stays what it is.
        at++;
        emit(next, true);
      } else if (isName(next)) {
        at++;
        emit(stringToken(texts.number(unescaped(texts.text(textOf(next))))), true);
      } else if (next === END || next === HASH) {
        emit(stringToken(texts.number("")), true);
      } else {
        at++;
        emit(stringToken(texts.number(String.fromCharCode(next))), true);
      }
      continue;
    }
    if (token === HASH) {
      const next = input[at]!;
      if (!joinable) continue;
      if (isName(last)) {
        if (!isName(next)) continue;
        let text = texts.text(textOf(next));
        if (text.startsWith("\\")) {
          text = text.slice(1);
          if (text.length > 0 && isSeparator(text.charCodeAt(0))) continue;
        }
        at++;
        const head = texts.text(textOf(last));
        if (head.length + text.length > 255) refuse("nameTooLong");
        const whole = texts.escaped[textOf(next)] === 0;
        replaceLast(nameToken(whole ? texts.join(textOf(last), textOf(next)) : texts.number(head + text)));
      } else {
        let part: string;
        if (isString(next)) {
          at++;
          part = texts.text(textOf(next));
        } else if (next === BACKQUOTE) {
          while (input[at] === BACKQUOTE) at++;
          const value = input[at]!;
          if (value === END || value === HASH) continue;
          at++;
          if (isString(value)) part = texts.text(textOf(value));
          else if (isName(value)) part = unescaped(texts.text(textOf(value)));
          else part = String.fromCharCode(value);
        } else continue;
        replaceLast(stringToken(texts.number(texts.text(textOf(last)) + part)));
      }
      continue;
    }
    emit(token, isString(token));
  }
  store.push(END);
}
