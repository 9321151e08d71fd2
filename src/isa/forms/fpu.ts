/**
 * The x87 floating-point unit: SDM vol. 1, chapter 8. FASM's names: st0 … st7; fsub sti,st0 and its like as the
 * manual's tables have them; a leading 9B is the wait in front of the forms without "n".
 */
import { form, type Row } from "../form.ts";

const hex = (value: number): string => value.toString(16).toUpperCase().padStart(2, "0");

/** Arithmetic with st0; `digit` also numbers the register forms, with sub and div reversed when sti is written. */
const arithmetic = (name: string, digit: number): Row[] => {
  const reversed = digit >= 4 ? digit ^ 1 : digit;
  return [
    ...form(`f${name}`, `D8 /${digit}`, "m32"),
    ...form(`f${name}`, `DC /${digit}`, "m64"),
    ...form(`f${name}`, `D8 ${hex(0xc0 + digit * 8)}+i`, "+st0 sti"),
    ...form(`f${name}`, `DC ${hex(0xc0 + reversed * 8)}+i`, "+sti st0"),
    ...form(`f${name}p`, `DE ${hex(0xc1 + reversed * 8)}`, "", "", "written"),
    ...form(`f${name}p`, `DE ${hex(0xc0 + reversed * 8)}+i`, "+sti st0"),
    ...form(`fi${name}`, `DA /${digit}`, "m32"),
    ...form(`fi${name}`, `DE /${digit}`, "m16"),
  ];
};

const compare = (name: string, digit: number): Row[] => [
  ...form(`f${name}`, `D8 /${digit}`, "m32"),
  ...form(`f${name}`, `DC /${digit}`, "m64"),
  ...form(`f${name}`, `D8 ${hex(0xc1 + digit * 8)}`, "", "", "written"),
  ...form(`f${name}`, `D8 ${hex(0xc0 + digit * 8)}+i`, "sti"),
  ...form(`f${name}`, `DC ${hex(0xc0 + digit * 8)}+i`, "sti", "", "decoded"),
  ...form(`fi${name}`, `DA /${digit}`, "m32"),
  ...form(`fi${name}`, `DE /${digit}`, "m16"),
];

/** Two names of the operand size beside the plain one, and with a wait the ones without "n". */
const environment = (load: string, store: string, code: string): Row[] => {
  const sized = (name: string, opcode: string, access: string, extra = ""): Row[] => [
    ...form(`${name}w`, `${extra}o16 ${opcode}`, `${access}m`, "", `bare${extra === "" ? "" : " written"}`),
    ...form(
      `${name}d`,
      `${extra}o32 ${opcode}`,
      `${access}m`,
      "",
      `386 bare${extra === "" ? "" : " written"}`,
    ),
    ...form(name, extra + opcode, `${access}m`, "", "bare written"),
  ];
  return [
    ...sized(load, `${code} /4`, ""),
    ...sized(`fn${store}`, `${code} /6`, "="),
    ...sized(`f${store}`, `${code} /6`, "=", "9B "),
  ];
};

/** Moves on a condition and comparisons into EFLAGS name st0 or leave it out. */
const withSt0 = (name: string, opcode: string, access: string, flags: string): Row[] => [
  ...form(name, opcode, `${access}st0 sti`, flags, "p6"),
  ...form(name, opcode, "sti", flags, "p6 written"),
];

const constants: readonly [string, number][] = [
  ["fchs", 0xe0],
  ["fabs", 0xe1],
  ["ftst", 0xe4],
  ["fxam", 0xe5],
  ["fld1", 0xe8],
  ["fldl2t", 0xe9],
  ["fldl2e", 0xea],
  ["fldpi", 0xeb],
  ["fldlg2", 0xec],
  ["fldln2", 0xed],
  ["fldz", 0xee],
  ["f2xm1", 0xf0],
  ["fyl2x", 0xf1],
  ["fptan", 0xf2],
  ["fpatan", 0xf3],
  ["fxtract", 0xf4],
  ["fprem1", 0xf5],
  ["fdecstp", 0xf6],
  ["fincstp", 0xf7],
  ["fprem", 0xf8],
  ["fyl2xp1", 0xf9],
  ["fsqrt", 0xfa],
  ["fsincos", 0xfb],
  ["frndint", 0xfc],
  ["fscale", 0xfd],
  ["fsin", 0xfe],
  ["fcos", 0xff],
  ["fnop", 0xd0],
];

const comparison = "w:zpc z:osa";

export const fpu: readonly Row[] = [
  ...arithmetic("add", 0),
  ...arithmetic("mul", 1),
  ...compare("com", 2),
  ...compare("comp", 3),
  ...arithmetic("sub", 4),
  ...arithmetic("subr", 5),
  ...arithmetic("div", 6),
  ...arithmetic("divr", 7),
  ...constants.flatMap(([name, byte]) => form(name, `D9 ${hex(byte)}`)),

  ...form("fld", "D9 /0", "m32"),
  ...form("fld", "DD /0", "m64"),
  ...form("fld", "DB /5", "m80"),
  ...form("fld", "D9 C0+i", "sti"),
  ...form("fst", "D9 /2", "=m32"),
  ...form("fst", "DD /2", "=m64"),
  ...form("fst", "DD D0+i", "=sti"),
  ...form("fstp", "D9 /3", "=m32"),
  ...form("fstp", "DD /3", "=m64"),
  ...form("fstp", "DB /7", "=m80"),
  ...form("fstp", "DD D8+i", "=sti"),
  ...form("fild", "DB /0", "m32"),
  ...form("fild", "DF /0", "m16"),
  ...form("fild", "DF /5", "m64"),
  ...form("fist", "DB /2", "=m32"),
  ...form("fist", "DF /2", "=m16"),
  ...form("fistp", "DB /3", "=m32"),
  ...form("fistp", "DF /3", "=m16"),
  ...form("fistp", "DF /7", "=m64"),
  ...form("fisttp", "DB /1", "=m32", "", "sse3"),
  ...form("fisttp", "DF /1", "=m16", "", "sse3"),
  ...form("fisttp", "DD /1", "=m64", "", "sse3"),
  ...form("fbld", "DF /4", "m80"),
  ...form("fbstp", "DF /6", "=m80"),
  ...form("fxch", "D9 C9", "", "", "written"),
  ...form("fxch", "D9 C8+i", "+sti"),
  ...form("ffree", "DD C0+i", "sti"),
  ...form("ffreep", "DF C0+i", "sti"),
  ...form("fucom", "DD E1", "", "", "386 written"),
  ...form("fucom", "DD E0+i", "sti", "", "386"),
  ...form("fucomp", "DD E9", "", "", "386 written"),
  ...form("fucomp", "DD E8+i", "sti", "", "386"),
  ...form("fcompp", "DE D9"),
  ...form("fucompp", "DA E9", "", "", "386"),

  ...withSt0("fcmovb", "DA C0+i", "+", "r:c"),
  ...withSt0("fcmove", "DA C8+i", "+", "r:z"),
  ...withSt0("fcmovbe", "DA D0+i", "+", "r:cz"),
  ...withSt0("fcmovu", "DA D8+i", "+", "r:p"),
  ...withSt0("fcmovnb", "DB C0+i", "+", "r:c"),
  ...withSt0("fcmovne", "DB C8+i", "+", "r:z"),
  ...withSt0("fcmovnbe", "DB D0+i", "+", "r:cz"),
  ...withSt0("fcmovnu", "DB D8+i", "+", "r:p"),
  ...withSt0("fcomi", "DB F0+i", "", comparison),
  ...withSt0("fucomi", "DB E8+i", "", comparison),
  ...withSt0("fcomip", "DF F0+i", "", comparison),
  ...withSt0("fucomip", "DF E8+i", "", comparison),

  ...form("fldcw", "D9 /5", "m16"),
  ...form("fnstcw", "D9 /7", "=m16"),
  ...form("fstcw", "9B D9 /7", "=m16", "", "written"),
  ...form("fnstsw", "DD /7", "=m16"),
  ...form("fnstsw", "DF E0", "=ax"),
  ...form("fstsw", "9B DD /7", "=m16", "", "written"),
  ...form("fstsw", "9B DF E0", "=ax", "", "written"),
  ...environment("fldenv", "stenv", "D9"),
  ...environment("frstor", "save", "DD"),
  ...form("fneni", "DB E0"),
  ...form("feni", "9B DB E0", "", "", "written"),
  ...form("fndisi", "DB E1"),
  ...form("fdisi", "9B DB E1", "", "", "written"),
  ...form("fnclex", "DB E2"),
  ...form("fclex", "9B DB E2", "", "", "written"),
  ...form("fninit", "DB E3"),
  ...form("finit", "9B DB E3", "", "", "written"),
  ...form("fsetpm", "DB E4", "", "", "286"),
  ...form("frstpm", "DB E5", "", "", "286"),

  // Second encodings that processors accept and nobody writes (SDM vol. 2D, A.5).
  ...form("fcomp", "DE D0+i", "sti", "", "decoded"),
  ...form("fxch", "DD C8+i", "+sti", "", "decoded"),
  ...form("fxch", "DF C8+i", "+sti", "", "decoded"),
  ...form("fstp", "D9 D8+i", "=sti", "", "decoded"),
  ...form("fstp", "DF D0+i", "=sti", "", "decoded"),
  ...form("fstp", "DF D8+i", "=sti", "", "decoded"),
];
