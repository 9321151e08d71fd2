/** EFLAGS bits and the sixteen conditions that test them (SDM vol. 1, 3.4.3; vol. 1, appendix B). */

export const CF = 0x001;
export const PF = 0x004;
export const AF = 0x010;
export const ZF = 0x040;
export const SF = 0x080;
export const TF = 0x100;
export const IF = 0x200;
export const DF = 0x400;
export const OF = 0x800;

/** The six flags that arithmetic sets. */
export const STATUS_FLAGS = OF | SF | ZF | AF | PF | CF;

const letters: Readonly<Record<string, number>> = {
  o: OF,
  s: SF,
  z: ZF,
  a: AF,
  p: PF,
  c: CF,
  d: DF,
  i: IF,
  t: TF,
};

/** The flags named by one letter each, as the rows of `forms/` write them. */
export function flagsOf(text: string): number {
  let mask = 0;
  for (const letter of text) {
    const flag = letters[letter];
    if (flag === undefined) throw new Error(`no flag is called "${letter}"`);
    mask |= flag;
  }
  return mask;
}

export interface Condition {
  /** The number in the low four bits of jcc, setcc and cmovcc. Odd conditions negate the one before. */
  readonly code: number;
  /** What follows j, set or cmov; the first name is the one printed. */
  readonly names: readonly string[];
  /** The flags tested. */
  readonly reads: number;
}

const condition = (code: number, names: string, reads: number): Condition => ({
  code,
  names: names.split(" "),
  reads,
});

export const conditions: readonly Condition[] = [
  condition(0x0, "o", OF),
  condition(0x1, "no", OF),
  condition(0x2, "b c nae", CF),
  condition(0x3, "ae nb nc", CF),
  condition(0x4, "e z", ZF),
  condition(0x5, "ne nz", ZF),
  condition(0x6, "be na", CF | ZF),
  condition(0x7, "a nbe", CF | ZF),
  condition(0x8, "s", SF),
  condition(0x9, "ns", SF),
  condition(0xa, "p pe", PF),
  condition(0xb, "np po", PF),
  condition(0xc, "l nge", SF | OF),
  condition(0xd, "ge nl", SF | OF),
  condition(0xe, "le ng", SF | OF | ZF),
  condition(0xf, "g nle", SF | OF | ZF),
];
