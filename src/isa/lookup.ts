/**
 * The rows by the questions their users ask: which form do these opcode bytes mean, which forms has this mnemonic.
 */
import { type Form, MAP_0F3A, MAP_0F38, PREFIX_ANY, PREFIX_NONE, read } from "./form.ts";
import { avx } from "./forms/avx.ts";
import { isAvx } from "./forms/avx-names.ts";
import { plain } from "./plain.ts";
import { LEGACY_PLACES, type Meaning, meaningOf, type RowTable, SPACES, tableOf } from "./table.ts";

/** The rows of AVX and AVX-512, once somebody has asked for one. */
let more: RowTable | undefined;

const vectorRows = (): RowTable => (more ??= tableOf(avx()));

/** Rows are read when first asked for: few programs need more than some hundreds of the four thousand. */
const made: (Form | undefined)[] = [];

function formAt(index: number): Form {
  const { count } = plain;
  return (made[index] ??= read(index < count ? plain.row(index) : vectorRows().row(index - count), index));
}

let named: Map<string, () => number[]> | undefined;
let namesAreAll = false;

/** The rows of each name; of those of AVX once it was asked for `all`. */
function names(all: boolean): Map<string, () => number[]> {
  named ??= plain.names();
  if (all && !namesAreAll) {
    namesAreAll = true;
    for (const [name, rows] of vectorRows().names()) {
      const before = named.get(name);
      named.set(name, () => [...(before?.() ?? []), ...rows().map((row) => plain.count + row)]);
    }
  }
  return named;
}

let every: readonly Form[] | undefined;

/** Every form there is, by index. */
export function forms(): readonly Form[] {
  every ??= Array.from({ length: plain.count + vectorRows().count }, (_, index) => formAt(index));
  return every;
}

const formsOf = new Map<string, readonly Form[]>();

/** The forms that a mnemonic (lower case) may mean, FASM's favourite first; an empty list when it is none. */
export function byMnemonic(name: string): readonly Form[] {
  let found = formsOf.get(name);
  if (found === undefined) {
    found = (names(isAvx(name)).get(name)?.() ?? []).map(formAt);
    if (found.length > 0) formsOf.set(name, found);
  }
  return found;
}

/** Whether there is such a mnemonic. */
export const isMnemonic = (name: string): boolean => names(isAvx(name)).has(name);

/** Every mnemonic, aliases included; without those of AVX, unless they are known already, when not `all`. */
export const mnemonics = (all: boolean): IterableIterator<string> => names(all).keys();

/** What an opcode byte means, with the lists of forms that were asked for. */
interface Known extends Meaning {
  /** By ModR/M.reg, with memory and then with registers; all in the first where there is no ModR/M byte. */
  readonly forms: (readonly Form[] | undefined)[];
}

/** By space, and then by byte. */
const known: (Known | undefined)[][] = Array.from({ length: SPACES }, () => []);

function knownAt(space: number, code: number): Known {
  return (known[space]![code] ??= look(space * 256 + code));
}

function look(at: number): Known {
  const { takesModrm, rows } = at < LEGACY_PLACES ? plain.meaning(at) : meaningOf(vectorForms(at));
  return { takesModrm, rows, forms: [] };
}

const vectorForms = (at: number): Form[] =>
  [
    ...plain.at(at),
    ...vectorRows()
      .at(at)
      .map((row) => plain.count + row),
  ].map(formAt);

/** Whether a ModR/M byte follows this opcode byte. One answer for all forms of a byte, except F3 90 and the like, which have none. */
export function takesModrm(space: number, code: number): boolean {
  // Behind 0F 38 and 0F 3A there is one whatever the opcode.
  return space === MAP_0F38 || space === MAP_0F3A || knownAt(space, code).takesModrm;
}

/** One of the forms with this opcode byte, with this prefix (66 F2 F3) if there is one of it. */
export function someForm(space: number, code: number, prefix: number): Form | undefined {
  const list = knownAt(space, code).rows(undefined).map(formAt);
  return list.find((form) => form.prefix === prefix) ?? list[0];
}

/** The forms that have this ModR/M byte, but for its rm. */
function candidates(space: number, code: number, modrm: number): readonly Form[] {
  const { takesModrm, rows, forms } = knownAt(space, code);
  if (!takesModrm) return (forms[0] ??= rows(undefined).map(formAt));
  const which = (modrm >= 0xc0 ? 8 : 0) | ((modrm >> 3) & 7);
  return (forms[which] ??= rows(which).map(formAt));
}

/** What stands around an opcode byte and decides between the forms that share it. */
export interface Surroundings {
  /** 16 or 32: after prefixes. */
  operandSize: number;
  addressSize: number;
  /** Whether 0x66 stands before the opcode. */
  sizePrefix: boolean;
  /** 0xF2 or 0xF3, whichever came last, or 0. */
  repPrefix: number;
  /** 128, 256 or 512; 0 in legacy forms. */
  vectorLength: number;
  /** EVEX.b on registers: a rounding mode in the place of the length, or no exceptions. */
  rounds: boolean;
  /** VEX.W, EVEX.W or XOP.W. */
  w: number;
}

/**
 * The form that these bytes mean, or undefined. `modrm` is ignored where the opcode has none. Forms that fix a
 * last byte come first in `alternatives`, which the caller settles when it has read that byte.
 * A mandatory prefix wins over its other meanings: F2 or F3 first, then 66 (SDM vol. 2A, 2.1.2).
 */
export function find(
  space: number,
  code: number,
  modrm: number,
  around: Surroundings,
  last: number,
): Form | undefined {
  const list = candidates(space, code, modrm);
  let found: Form | undefined;
  let foundRank = -1;
  for (let i = 0; i < list.length; i++) {
    const form = list[i]!;
    if (form.rm >= 0 && form.rm !== (modrm & 7)) continue;
    if (form.suffix >= 0 && form.suffix !== last) continue;
    if (form.operandSize !== 0 && form.operandSize !== around.operandSize) continue;
    if (form.addressSize !== 0 && form.addressSize !== around.addressSize) continue;
    if (form.encoding !== "legacy") {
      if (form.w >= 0 && form.w !== around.w && !form.attributes.has("w64")) continue;
      const er = around.rounds && form.attributes.has("er");
      if (around.rounds && !er && !form.attributes.has("sae")) continue;
      if (!er && form.vectorLength !== 0 && form.vectorLength !== around.vectorLength) continue;
    }
    let rank: number;
    switch (form.prefix) {
      case PREFIX_ANY:
        rank = 0;
        break;
      case PREFIX_NONE:
        if (around.sizePrefix || around.repPrefix !== 0) continue;
        rank = 3;
        break;
      case 0x66:
        if (!around.sizePrefix || around.repPrefix !== 0) continue;
        rank = 1;
        break;
      default:
        if (form.prefix !== around.repPrefix) continue;
        rank = 2;
    }
    if (rank > foundRank) {
      found = form;
      foundRank = rank;
    }
  }
  return found;
}

/** Whether some form with this opcode and ModR/M byte fixes its last byte, which `find` must then be given. */
export function fixesLast(space: number, code: number, modrm: number): boolean {
  const list = candidates(space, code, modrm);
  return list.length > 0 && list[0]!.suffix >= 0;
}
