/**
 * Arithmetic, logic, bits and data movement of the integer registers: SDM vol. 2, chapters 3 to 5.
 * Within a mnemonic the order is FASM's order of preference.
 */
import { form, type Row } from "../form.ts";

/** The eight operations that share one scheme of encodings; the number is the digit of 80 to 83. */
const arithmetic = (name: string, number: number, access: string, flags: string, lock: string): Row[] => {
  const base = number * 8;
  const at = (offset: number): string => (base + offset).toString(16).toUpperCase().padStart(2, "0");
  return [
    ...form(name, `${at(0)} /r`, `${access}rm8 r8`, flags, lock),
    ...form(name, `${at(1)} /r`, `${access}rmv rv`, flags, lock),
    ...form(name, `${at(2)} /r`, `${access}r8 rm8`, flags),
    ...form(name, `${at(3)} /r`, `${access}rv rmv`, flags),
    ...form(name, `${at(4)} ib`, `${access}al imm8`, flags),
    ...form(name, `80 /${number} ib`, `${access}rm8 imm8`, flags, lock),
    ...form(name, `83 /${number} ib`, `${access}rmv imms8`, flags, lock),
    ...form(name, `${at(5)} iv`, `${access}accv immv`, flags),
    ...form(name, `81 /${number} iv`, `${access}rmv immv`, flags, lock),
    ...form(name, `82 /${number} ib`, `${access}rm8 imm8`, flags, `${lock} decoded`.trim()),
  ];
};

/** Shifts and rotations; a count of zero keeps every flag, so the forms that may have one read them. */
const shift = (names: string, digit: number, once: string, many: string, attributes = ""): Row[] => {
  const with_ = `apart ${attributes}`.trim();
  return [
    ...form(names, `D0 /${digit}`, "+rm8 1", once, with_),
    ...form(names, `D1 /${digit}`, "+rmv 1", once, with_),
    ...form(names, `D2 /${digit}`, "+rm8 cl", many, with_),
    ...form(names, `D3 /${digit}`, "+rmv cl", many, with_),
    ...form(names, `C0 /${digit} ib`, "+rm8 imm8", many, `186 ${with_}`),
    ...form(names, `C1 /${digit} ib`, "+rmv imm8", many, `186 ${with_}`),
  ];
};

const logicFlags = "w:szp z:oc u:a";
const shiftOnce = "w:oszpc u:a";
const shiftMany = "r:oszapc w:szpc u:oa";

const bitTest = (name: string, code: string, digit: number, access: string, lock: string): Row[] => [
  ...form(name, `0F ${code} /r`, `${access}rmv rv`, "w:c u:osap", `${lock} 386`.trim()),
  ...form(name, `0F BA /${digit} ib`, `${access}rmv imm8`, "w:c u:osap", `${lock} 386 apart`.trim()),
];

export const integer: readonly Row[] = [
  // Arithmetic and logic
  ...arithmetic("add", 0, "+", "w:oszapc", "lock"),
  ...arithmetic("or", 1, "+", logicFlags, "lock"),
  ...arithmetic("adc", 2, "+", "r:c w:oszapc", "lock"),
  ...arithmetic("sbb", 3, "+", "r:c w:oszapc", "lock"),
  ...arithmetic("and", 4, "+", logicFlags, "lock"),
  ...arithmetic("sub", 5, "+", "w:oszapc", "lock"),
  ...arithmetic("xor", 6, "+", logicFlags, "lock"),
  ...arithmetic("cmp", 7, "", "w:oszapc", ""),

  ...form("inc", "40+r", "+rv", "w:oszap", "not64"),
  ...form("inc", "FE /0", "+rm8", "w:oszap", "lock"),
  ...form("inc", "FF /0", "+rmv", "w:oszap", "lock"),
  ...form("dec", "48+r", "+rv", "w:oszap", "not64"),
  ...form("dec", "FE /1", "+rm8", "w:oszap", "lock"),
  ...form("dec", "FF /1", "+rmv", "w:oszap", "lock"),
  ...form("not", "F6 /2", "+rm8", "", "lock"),
  ...form("not", "F7 /2", "+rmv", "", "lock"),
  ...form("neg", "F6 /3", "+rm8", "w:oszapc", "lock"),
  ...form("neg", "F7 /3", "+rmv", "w:oszapc", "lock"),
  ...form("mul", "F6 /4", "rm8", "w:oc u:szap"),
  ...form("mul", "F7 /4", "rmv", "w:oc u:szap"),
  ...form("imul", "F6 /5", "rm8", "w:oc u:szap"),
  ...form("imul", "F7 /5", "rmv", "w:oc u:szap"),
  ...form("imul", "0F AF /r", "+rv rmv", "w:oc u:szap", "386"),
  ...form("imul", "6B /r ib", "=rv rmv imms8", "w:oc u:szap", "186"),
  ...form("imul", "69 /r iv", "=rv rmv immv", "w:oc u:szap", "186"),
  ...form("imul", "6B /r ib", "+rv imms8", "w:oc u:szap", "186 twice written"),
  ...form("imul", "69 /r iv", "+rv immv", "w:oc u:szap", "186 twice written"),
  ...form("div", "F6 /6", "rm8", "u:oszapc"),
  ...form("div", "F7 /6", "rmv", "u:oszapc"),
  ...form("idiv", "F6 /7", "rm8", "u:oszapc"),
  ...form("idiv", "F7 /7", "rmv", "u:oszapc"),

  ...form("test", "84 /r", "rm8 r8", logicFlags),
  ...form("test", "85 /r", "rmv rv", logicFlags),
  ...form("test", "84 /r", "r8 m8", logicFlags, "written"),
  ...form("test", "85 /r", "rv mv", logicFlags, "written"),
  ...form("test", "A8 ib", "al imm8", logicFlags),
  ...form("test", "A9 iv", "accv immv", logicFlags, "unmarked"),
  ...form("test", "F6 /0 ib", "rm8 imm8", logicFlags),
  ...form("test", "F7 /0 iv", "rmv immv", logicFlags),
  ...form("test", "F6 /1 ib", "rm8 imm8", logicFlags, "decoded"),
  ...form("test", "F7 /1 iv", "rmv immv", logicFlags, "decoded"),

  ...shift("rol", 0, "w:oc", "r:oc w:c u:o"),
  ...shift("ror", 1, "w:oc", "r:oc w:c u:o"),
  ...shift("rcl", 2, "r:c w:oc", "r:oc w:c u:o"),
  ...shift("rcr", 3, "r:c w:oc", "r:oc w:c u:o"),
  ...shift("shl sal", 4, shiftOnce, shiftMany),
  ...shift("shr", 5, shiftOnce, shiftMany),
  ...shift("shl", 6, shiftOnce, shiftMany, "decoded"),
  ...shift("sar", 7, shiftOnce, shiftMany),
  ...form("shld", "0F A4 /r ib", "+rmv rv imm8", shiftMany, "386 apart"),
  ...form("shld", "0F A5 /r", "+rmv rv cl", shiftMany, "386 apart"),
  ...form("shrd", "0F AC /r ib", "+rmv rv imm8", shiftMany, "386 apart"),
  ...form("shrd", "0F AD /r", "+rmv rv cl", shiftMany, "386 apart"),

  ...bitTest("bt", "A3", 4, "", ""),
  ...bitTest("bts", "AB", 5, "+", "lock"),
  ...bitTest("btr", "B3", 6, "+", "lock"),
  ...bitTest("btc", "BB", 7, "+", "lock"),
  ...form("bsf", "0F BC /r", "+rv rmv", "w:z u:osapc", "386"),
  ...form("bsr", "0F BD /r", "+rv rmv", "w:z u:osapc", "386"),
  ...form("popcnt", "F3 0F B8 /r", "=rv rmv", "w:z z:osapc", "sse4"),
  ...form("tzcnt", "F3 0F BC /r", "=rv rmv", "w:zc u:osap", "bmi"),
  ...form("lzcnt", "F3 0F BD /r", "=rv rmv", "w:zc u:osap", "bmi"),
  ...form("bswap", "o32 0F C8+r", "+r32", "", "486"),
  ...form("bswap", "o16 0F C8+r", "+r16", "", "486 decoded"),
  ...form("setcc", "0F 90+cc /0", "=rm8", "r:cc", "386"),
  // ModR/M.reg counts for nothing. SDM vol. 2B, SETcc.
  ...form("setcc", "0F 90+cc /r", "=rm8", "r:cc", "386 decoded"),

  // Decimal adjustment
  ...form("daa", "27", "", "r:ac w:szapc u:o", "not64"),
  ...form("das", "2F", "", "r:ac w:szapc u:o", "not64"),
  ...form("aaa", "37", "", "r:a w:ac u:oszp", "not64"),
  ...form("aas", "3F", "", "r:a w:ac u:oszp", "not64"),
  ...form("aam", "D4 0A", "", "w:szp u:oac", "not64"),
  ...form("aam", "D4 ib", "imm8", "w:szp u:oac", "not64"),
  ...form("aad", "D5 0A", "", "w:szp u:oac", "not64"),
  ...form("aad", "D5 ib", "imm8", "w:szp u:oac", "not64"),

  // Moving data
  ...form("mov", "A0", "=al moffs8"),
  ...form("mov", "A1", "=accv moffsv"),
  ...form("mov", "A2", "=moffs8 al"),
  ...form("mov", "A3", "=moffsv accv"),
  ...form("mov", "88 /r", "=rm8 r8"),
  ...form("mov", "89 /r", "=rmv rv"),
  ...form("mov", "8A /r", "=r8 rm8"),
  ...form("mov", "8B /r", "=rv rmv"),
  ...form("mov", "B0+r ib", "=r8 imm8"),
  ...form("mov", "B8+r iv", "=rv immv"),
  ...form("mov", "C6 /0 ib", "=rm8 imm8"),
  ...form("mov", "C7 /0 iv", "=rmv immv"),
  ...form("mov", "8C /r", "=rvm16 sreg"),
  ...form("mov", "8E /r", "=sreg rm16"),
  ...form("mov", "0F 20 /r", "=r32 cr", "u:oszapc", "386 priv not64"),
  ...form("mov", "0F 21 /r", "=r32 dr", "u:oszapc", "386 priv not64"),
  ...form("mov", "0F 22 /r", "=cr r32", "u:oszapc", "386 priv not64"),
  ...form("mov", "0F 23 /r", "=dr r32", "u:oszapc", "386 priv not64"),
  ...form("mov", "0F 24 /r", "=r32 tr", "u:oszapc", "386 priv not64"),
  ...form("mov", "0F 26 /r", "=tr r32", "u:oszapc", "386 priv not64"),
  ...form("movzx", "0F B6 /r", "=rv rm8", "", "386"),
  ...form("movzx", "o32 0F B7 /r", "=r32 rm16", "", "386"),
  ...form("movzx", "o16 0F B7 /r", "=r16 rm16", "", "386 decoded"),
  ...form("movsx", "0F BE /r", "=rv rm8", "", "386"),
  ...form("movsx", "o32 0F BF /r", "=r32 rm16", "", "386"),
  ...form("movsx", "o16 0F BF /r", "=r16 rm16", "", "386 decoded"),
  ...form("cmovcc", "0F 40+cc /r", "+rv rmv", "r:cc", "p6"),
  ...form("movbe", "0F 38 F0 /r", "=rv mv", "", "movbe"),
  ...form("movbe", "0F 38 F1 /r", "=mv rv", "", "movbe"),
  ...form("movnti", "NP 0F C3 /r", "=m32 r32", "", "sse2"),
  ...form("lea", "8D /r", "=rv m", "", "apart"),
  ...form("xchg", "90+r", "+accv +rv"),
  ...form("xchg", "90+r", "+rv +accv", "", "written"),
  // Of two registers FASM puts the first into ModR/M.reg, unlike everywhere else.
  ...form("xchg", "86 /r", "+r8 +rm8", "", "written"),
  ...form("xchg", "87 /r", "+rv +rmv", "", "written"),
  ...form("xchg", "86 /r", "+rm8 +r8", "", "lock"),
  ...form("xchg", "87 /r", "+rmv +rv", "", "lock"),
  ...form("xadd", "0F C0 /r", "+rm8 +r8", "w:oszapc", "lock 486"),
  ...form("xadd", "0F C1 /r", "+rmv +rv", "w:oszapc", "lock 486"),
  ...form("cmpxchg", "0F B0 /r", "+rm8 r8", "w:oszapc", "lock 486"),
  ...form("cmpxchg", "0F B1 /r", "+rmv rv", "w:oszapc", "lock 486"),
  ...form("cmpxchg8b", "0F C7 /1", "+m64", "w:z", "lock p5"),

  ...form("lds", "C5 /r", "=rv m16:v", "", "not64"),
  ...form("les", "C4 /r", "=rv m16:v", "", "not64"),
  ...form("lss", "0F B2 /r", "=rv m16:v", "", "386"),
  ...form("lfs", "0F B4 /r", "=rv m16:v", "", "386"),
  ...form("lgs", "0F B5 /r", "=rv m16:v", "", "386"),

  // The stack
  ...form("push", "50+r", "rv"),
  ...form("push", "06", "es"),
  ...form("push", "0E", "cs"),
  ...form("push", "16", "ss"),
  ...form("push", "1E", "ds"),
  ...form("push", "0F A0", "fs", "", "386"),
  ...form("push", "0F A8", "gs", "", "386"),
  ...form("push", "6A ib", "imms8", "", "186"),
  ...form("push", "68 iv", "immv", "", "186"),
  ...form("push", "FF /6", "rmv"),
  ...form("pop", "58+r", "=rv"),
  ...form("pop", "07", "=es"),
  ...form("pop", "17", "=ss"),
  ...form("pop", "1F", "=ds"),
  ...form("pop", "0F A1", "=fs", "", "386"),
  ...form("pop", "0F A9", "=gs", "", "386"),
  ...form("pop", "8F /0", "=rmv"),
  ...form("pushaw", "o16 60", "", "", "186 not64"),
  ...form("pushad", "o32 60", "", "", "386 not64"),
  ...form("pusha", "60", "", "", "186 written not64"),
  ...form("popaw", "o16 61", "", "", "186 not64"),
  ...form("popad", "o32 61", "", "", "386 not64"),
  ...form("popa", "61", "", "", "186 written not64"),
  ...form("pushfw", "o16 9C", "", "r:oszapcdit"),
  ...form("pushfd", "o32 9C", "", "r:oszapcdit", "386 not64"),
  ...form("pushf", "9C", "", "r:oszapcdit", "written"),
  ...form("popfw", "o16 9D", "", "r:it w:oszapcdit"),
  ...form("popfd", "o32 9D", "", "r:it w:oszapcdit", "386 not64"),
  ...form("popf", "9D", "", "r:it w:oszapcdit", "written"),

  // Widening, and the flags themselves
  ...form("cbw", "o16 98"),
  ...form("cwde", "o32 98", "", "", "386"),
  ...form("cwd", "o16 99"),
  ...form("cdq", "o32 99", "", "", "386"),
  ...form("lahf", "9F", "", "r:szapc"),
  ...form("sahf", "9E", "", "w:szapc"),
  ...form("salc setalc", "D6", "", "r:c", "not64"),
  ...form("clc", "F8", "", "z:c"),
  ...form("stc", "F9", "", "o:c"),
  ...form("cmc", "F5", "", "r:c w:c"),
  ...form("cld", "FC", "", "z:d"),
  ...form("std", "FD", "", "o:d"),

  ...form("crc32", "F2 0F 38 F0 /r", "+r32 rm8", "", "sse4 apart"),
  ...form("crc32", "F2 0F 38 F1 /r", "+r32 rmv", "", "sse4 apart"),
  ...form("adcx", "66 0F 38 F6 /r", "+r32 rm32", "r:c w:c", "adx"),
  ...form("adox", "F3 0F 38 F6 /r", "+r32 rm32", "r:o w:o", "adx"),
  ...form("rdrand", "0F C7 /6", "=rv", "w:c z:oszap", "rdrand reg"),
  ...form("rdseed", "0F C7 /7", "=rv", "w:c z:oszap", "rdrand reg"),
];
