/**
 * What Intel's manual leaves undefined, in one table for each family of processors. A machine follows one of them:
 * that of its model (model.ts), or the one it is told (MachineOptions.undefinedFlags).
 *
 * zen4 is the default, AMD's Zen 4 (family 19h, model 11h), all of it measured by test/conformance/processor:
 *
 *     and or xor test              AF = 0
 *     shl shr sar shld shrd        AF = 1; OF as the last single shift of the row of shifts would set it
 *     shl shr beyond the operand   CF of the last single shift: 0 once the operand's bits are all gone
 *     rol ror rcl rcr              OF likewise: of the result, CF against its sign, or its two topmost bits
 *     shld shrd of 16 bits by 16   the second operand, rotated by what exceeds 16; CF, and OF of shld, as if the
 *       or more                    first operand had been shifted alone
 *     mul imul                     SF, ZF, AF and PF keep their values
 *     div idiv                     CF and OF keep their values; SF = ZF = PF = 0, AF = 1
 *     bt bts btr btc               OF, SF, ZF, AF and PF keep their values
 *     bsf bsr, source not 0        CF = OF = SF = AF = 0, PF of the result
 *     bsf bsr, source 0            the destination keeps its value; CF = OF = SF = AF = 0, PF = 1
 *     tzcnt lzcnt                  OF keeps its value; SF = AF = PF = 0
 *     daa das                      OF of the one addition, or subtraction, that both corrections are
 *     aaa aas                      OF, SF, ZF and PF of AX after the addition of 0x106, or its subtraction, if it
 *                                  takes place, and before AL is cut to 4 bits
 *     aam                          CF = OF = AF = 0
 *     aad                          OF, AF and CF of the 8-bit addition
 *     repne loope, repe loopne     the prefix wins: the first is loopne, the second loope
 *     cmps, of two faults          the one of the string in ES, but with REPE CMPSB the other
 *     rep movs, rep stos           over itself: goes to its end, if no fault and no single step comes between, before what
 *                                  it has written there is executed
 *     push of a segment register   writes zeros above the selector
 *     bswap of 16 bits             the result is 0
 *     rcpps rsqrtps and scalars    the tables of float/estimate.ts
 *     emms                         TOP = 0
 *     cvtpi2ps from memory         x87 mode does not end
 *     cvtps2pi and its like        x87 mode ends even when an unmasked exception is #XM
 *     maskmovq maskmovdqu          all bytes must be writable whatever the mask; x87 mode ends (maskmovq) even
 *                                  when they are not
 *     dpps dppd                    an unmasked exception of one step keeps the next from being taken
 *     division of denormals by 0   ZE alone, without DE
 *     fxsave                       the pointers to the last x87 instruction are 0 unless an exception of it waits
 *     fxsave fxrstor               a fault names the last byte of the area if that cannot be accessed
 *     fxsave fxrstor, fldenv,      parts wrap at 64 KiB, and are held against the segment's end, one by one; operands of
 *       fnsave and their like        ten bytes are parts of 8 and 2
 *     fldenv frstor fnstenv fnsave a fault names the first part if that cannot be accessed, else the last byte; if only
 *                                  one between them cannot, those before it have been accessed, but FPU control is as it was
 *     pusha popa enter             what was pushed and loaded before an access that faults stays [M says so of popa]
 *     ud0 ud1, mov of test         have no ModR/M byte, and XOP of map 8 no constant: told by what is longer than 15 bytes,
 *       registers, XOP             or ends where nothing can be fetched
 *     punpckl… unpckl… and shifts  read 8 of the 16 bytes that their operand in memory has
 *     MXCSR.MM                     exists: operands of 16 bytes need not be aligned while it is set, except of
 *                                  aligned and non-temporal moves
 *
 * zen3, AMD's Zen 3 (family 19h, model 01h), measured likewise, is the same but for
 *
 *     bsf bsr                      only ZF changes, for a source of 0, too
 *     repe cmpsb, of two faults    the one of the string in ES
 *
 * The others are told by what differs from zen4, and by who measured it, for we have no such processor: [S] the table
 * of undefined flags of sandpile.org (flags), [B] comments of Bochs on real hardware (cpu/bcd.cc, cpu/shift16.cc),
 * [M] Intel's manual (SDM vol. 2A, FXSAVE; vol. 2B, PUSH and UD; vol. 3A, 6.5), [T] test386.asm, whose expectations were
 * validated on an 80386SX, [E] what was found in SingleStepTests' recordings of a 386EX (its issue 4). What stands in no row
 * is as above, because the source says the same or, where marked ?, because nobody has told us.
 *
 * all of these others
 *
 *     ud0 ud1, mov of test         have a ModR/M byte [M], which says that some have none for ud0: ? which
 *       registers
 *     VEX EVEX XOP                 are LES, LDS, BOUND and POP there, which are undefined with a register [M]
 *
 * p6, the Pentium Pro to the Pentium III and what came of them:
 *
 *     shl shr sar shld shrd        AF keeps its value; OF too, for counts above 1 [S]; ? CF of shl and shr beyond
 *                                  the operand: [S] has a rule of its own for it, which we could not read
 *     shld shrd of 16 bits above   the first operand follows the second: op1:op2:op1 is shifted; CF is the last bit
 *       16                         that left it [B]
 *     rol ror                      OF keeps its value for counts above 1 [S]; ? OF of rcl and rcr: [S] has a rule of its
 *                                  own for that too, and neither Bochs, test386 nor any recording tells of a P6
 *     div idiv                     all six keep their values [S]
 *     bsf bsr                      only ZF changes [S]
 *     daa das                      OF keeps its value [S]
 *     aaa aas                      OF keeps its value, SF = 0, ZF of AX [S]; PF of AL [S, B], once it is cut
 *     aad                          CF = OF = AF = 0 [S, B]
 *     push of a segment register   writes 16 bits, and leaves those above [M]
 *     fxsave                       the pointers to the last x87 instruction, whatever waits [M]
 *
 * core2, the same, but for
 *
 *     aaa                          OF = 1 [S]
 *     aas daa das                  OF = 0 [S]
 *
 * pentium4:
 *
 *     shl shr sar shld shrd        AF = 0 [S]
 *     mul imul                     SF, ZF and PF of the result [S], ? which we take to be its lower half; AF = 0 [S]
 *     div idiv                     all six keep their values [S]
 *     rcl rcr                      OF keeps its value for counts of 9, 18 and 27 (8 bits) and 17 (16 bits) [S]
 *     daa das                      OF = 0 [S]
 *     aaa aas                      OF = SF = 0, ZF and PF of AL [S], once it is cut; ? PF of aas
 *     fxsave                       the pointers to the last x87 instruction, whatever waits [M]
 *
 * i386:
 *
 *     shl shr of 8 bits by 16, 24  CF is the last bit of the operand that left it by 8; OF of shl likewise [T, E]
 *     shld shrd of 16 bits by 16   as zen4 [E]
 *       or more
 *     bt bts btr btc               OF as ror of the operand by the bit's number would set it [E; T agrees]
 *     aaa aas                      OF, SF, ZF and PF of the 8-bit addition of 6 to AL, or its subtraction [T]
 *     push of a segment register   writes 16 bits, and leaves those above [T]
 *     ? mul imul div idiv          what a step of their loop leaves. SingleStepTests/80386 has recorded it of a 386EX, some
 *                                  600 MB that nobody has made a rule of; recordings of an 80286 say that it is none of
 *                                  these families' rules
 *     ? bsf bsr                    but ZF, and the destination for a source of 0, which stays: recorded there too
 *
 * What is marked ? is as on zen4, or as the row says: the manual calls it undefined (SDM vol. 2A, BSF, DIV, IDIV and AAS; vol.
 * 2B, MUL, RCL and SAL), so that a program which holds to the manual cannot tell.
 */
export const ADJUST_AFTER_SHIFT = 1;
export const ADJUST_AFTER_DIVISION = 1;

/** The families there are, by name. The first is the default. */
export const undefinedFamilies = ["zen4", "zen3", "p6", "core2", "pentium4", "i386"] as const;

export type UndefinedFamily = (typeof undefinedFamilies)[number];

/** Whether a family is AMD's. */
export const isZen = (family: UndefinedFamily): boolean => family === "zen4" || family === "zen3";
