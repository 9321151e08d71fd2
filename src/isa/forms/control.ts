/** Jumps, calls, returns, loops, interrupts, and what stops or delays the flow (SDM vol. 1, 7.3.8). */
import { form, type Row } from "../form.ts";

/** A loop counts in cx or ecx by address size; FASM's names with w and d say which. */
const loop = (names: string, code: string, flags: string): Row[] => {
  const list = names.split(" ");
  const with_ = (suffix: string): string => list.map((name) => name + suffix).join(" ");
  return [
    ...form(names, `${code} cb`, "rel8", flags),
    ...form(with_("w"), `a16 ${code} cb`, "rel8", flags, "written"),
    ...form(with_("d"), `a32 ${code} cb`, "rel8", flags, "386 written"),
  ];
};

const everyFlag = "oszapcdit";

export const control: readonly Row[] = [
  ...form("jcc", "70+cc cb", "rel8", "r:cc"),
  ...form("jcc", "0F 80+cc cv", "relv", "r:cc", "386"),
  ...form("jmp", "EB cb", "rel8"),
  ...form("jmp", "E9 cv", "relv"),
  ...form("jmp", "FF /4", "rmv"),
  ...form("jmp", "EA cp", "ptr16:v"),
  ...form("jmp", "FF /5", "m16:v"),
  ...form("call", "E8 cv", "relv"),
  ...form("call", "FF /2", "rmv"),
  ...form("call", "9A cp", "ptr16:v"),
  ...form("call", "FF /3", "m16:v"),

  ...form("ret retn", "C3"),
  ...form("ret retn", "C2 iw", "imm16"),
  ...form("retf", "CB"),
  ...form("retf", "CA iw", "imm16"),
  ...form("retw retnw", "o16 C3", "", "", "written"),
  ...form("retw retnw", "o16 C2 iw", "imm16", "", "written"),
  ...form("retd retnd", "o32 C3", "", "", "386 written"),
  ...form("retd retnd", "o32 C2 iw", "imm16", "", "386 written"),
  ...form("retfw", "o16 CB", "", "", "written"),
  ...form("retfw", "o16 CA iw", "imm16", "", "written"),
  ...form("retfd", "o32 CB", "", "", "386 written"),
  ...form("retfd", "o32 CA iw", "imm16", "", "386 written"),

  ...loop("loop", "E2", ""),
  ...loop("loope loopz", "E1", "r:z"),
  ...loop("loopne loopnz", "E0", "r:z"),
  ...form("jcxz", "a16 E3 cb", "rel8"),
  ...form("jecxz", "a32 E3 cb", "rel8", "", "386"),

  ...form("enter", "C8 iw ib", "imm16 imm8", "", "186"),
  ...form("leave", "C9", "", "", "186"),
  ...form("bound", "62 /r", "rv mv&v", "", "186 not64 narrow"),

  ...form("int3", "CC", "", `r:${everyFlag} z:it`),
  ...form("int", "CD ib", "imm8", `r:${everyFlag} z:it`),
  ...form("into", "CE", "", `r:${everyFlag}`, "not64"),
  ...form("int1 icebp", "F1", "", `r:${everyFlag} z:it`, "386"),
  ...form("iretw", "o16 CF", "", `w:${everyFlag}`),
  ...form("iretd", "o32 CF", "", `w:${everyFlag}`, "386"),
  ...form("iret", "CF", "", `w:${everyFlag}`, "written not64"),

  ...form("pause", "F3 90", "", "", "sse2"),
  ...form("nop", "90"),
  ...form("nop", "0F 1F /0", "rmv", "", "p6 unsized"),
  // The rest of the hint space does nothing either, and still takes a ModR/M byte (SDM vol. 2B, NOP; opcode map A-3).
  ...form("nop", "0F 0D /r", "m", "", "p6 decoded"),
  ...["18", "19", "1A", "1B", "1C", "1D", "1E", "1F"].flatMap((code) =>
    form("nop", `0F ${code} /r`, "rmv", "", "p6 decoded"),
  ),
  ...form("endbr32", "F3 0F 1E FB", "", "", "cet"),
  ...form("endbr64", "F3 0F 1E FA", "", "", "cet"),
  ...form("wait fwait", "9B"),
  ...form("hlt", "F4", "", "", "priv"),

  ...form("ud2", "0F 0B", "", "", "p6"),
  ...form("ud1", "0F B9 /r", "r32 rm32", "", "p6"),
  ...form("ud0", "0F FF /r", "r32 rm32", "", "p6"),
];
