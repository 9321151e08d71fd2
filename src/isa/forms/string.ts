/**
 * String instructions and port input and output (SDM vol. 1, 7.3.9). The operands FASM takes for the general
 * names (movs, cmps, …) choose size, address size and segment; the processor knows the sized names only.
 */
import { form, type Row } from "../form.ts";

const sized = (stem: string, code: number, flags: string, rep: string, level = ""): Row[] => {
  const hex = (value: number): string => value.toString(16).toUpperCase().padStart(2, "0");
  const attributes = `${rep} ${level}`.trim();
  return [
    ...form(`${stem}b`, hex(code), "", flags, attributes),
    ...form(`${stem}w`, `o16 ${hex(code + 1)}`, "", flags, attributes),
    ...form(`${stem}d`, `o32 ${hex(code + 1)}`, "", flags, `${rep} 386`.trim()),
  ];
};

export const string: readonly Row[] = [
  ...sized("movs", 0xa4, "r:d", "rep"),
  ...sized("cmps", 0xa6, "r:d w:oszapc", "repc"),
  ...sized("stos", 0xaa, "r:d", "rep"),
  ...sized("lods", 0xac, "r:d", "rep"),
  ...sized("scas", 0xae, "r:d w:oszapc", "repc"),
  ...sized("ins", 0x6c, "r:d", "rep iopl", "186"),
  ...sized("outs", 0x6e, "r:d", "rep iopl", "186"),

  ...form("xlatb", "D7"),

  ...form("in", "E4 ib", "=al imm8", "", "iopl apart"),
  ...form("in", "E5 ib", "=accv imm8", "", "iopl apart narrow"),
  ...form("in", "EC", "=al dx", "", "iopl apart"),
  ...form("in", "ED", "=accv dx", "", "iopl apart narrow"),
  ...form("out", "E6 ib", "imm8 al", "", "iopl apart"),
  ...form("out", "E7 ib", "imm8 accv", "", "iopl apart narrow"),
  ...form("out", "EE", "dx al", "", "iopl apart"),
  ...form("out", "EF", "dx accv", "", "iopl apart narrow"),
];
