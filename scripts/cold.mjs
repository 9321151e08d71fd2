/**
 * The sources of assembler and machine as V8 begins best with them, for it comes by nearly all of a compiler for the first
 * time: beside the numbers (numbers.mjs), private members have plain names, which are found sooner.
 */
import { numbersPlugin } from "./numbers.mjs";

/** `this.#name` and its declaration become `$name`. No class has the private names of one that it extends. */
const withPlainNames = (text) =>
  text
    .replaceAll(/\.#(?=\w)/g, ".$")
    .replaceAll(/^(\s+(?:(?:readonly|static|async|get|set) )*\*?)#(?=\w)/gm, "$1$");

/** For esbuild. */
export const coldPlugin = numbersPlugin(withPlainNames);
