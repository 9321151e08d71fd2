/**
 * What Intel's manual leaves undefined follows one processor family: AMD's Zen 4 (family 19h, model 11h), as measured by
 * test/conformance/processor. Everything is told here; the executors take it from here.
 *
 *     and or xor test              AF = 0
 *     shl shr sar shld shrd        AF = 1; OF as the last single shift of the row of shifts would set it
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
 *     fxsave fxrstor               a fault names the last byte of the area if that cannot be accessed
 *     punpckl… unpckl… and shifts  read 8 of the 16 bytes that their operand in memory has
 *     MXCSR.MM                     exists: operands of 16 bytes need not be aligned while it is set, except of
 *                                  aligned and non-temporal moves
 */
export const ADJUST_AFTER_SHIFT = 1;
export const ADJUST_AFTER_DIVISION = 1;
