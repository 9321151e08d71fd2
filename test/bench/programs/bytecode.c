/* An interpreter of byte code for a stack machine: one loop around a table of jumps. */
#include "program.h"

enum { PUSH, LOAD, STORE, ADD, SUB, MUL, XOR, AND, SHIFT, LESS, UNLESS, JUMP, CALL, RETURN, COPY, END };

static const int code[] = {
    PUSH, 0, STORE, 0, PUSH, 0, STORE, 1,                    /* a = b = 0 */
    LOAD, 1, PUSH, 20000, LESS, UNLESS, 44,                  /* 8: while (b < 20000) { */
    LOAD, 0, LOAD, 1, PUSH, 3, MUL, ADD, PUSH, 0x55, XOR,    /* 15: a = (a + 3 * b) ^ 0x55 */
    COPY, PUSH, 5, SHIFT, ADD, CALL, 47, STORE, 0,           /* 26: a = mix(a + (a >> 5)) */
    LOAD, 1, PUSH, 1, ADD, STORE, 1, JUMP, 8,                /* 35: b = b + 1 } */
    LOAD, 0, END,                                            /* 44 */
    PUSH, 0xffffff, AND, COPY, PUSH, 7, MUL, SUB, RETURN,    /* 47: mix(x) = y - 7 * y where y = x & 0xffffff */
};

static int run(void)
{
    int stack[64], *top = stack, variables[4] = {0}, returns[16], *back = returns;
    const int *at = code;
    for (;;) {
        switch (*at++) {
        case PUSH: *top++ = *at++; break;
        case LOAD: *top++ = variables[*at++]; break;
        case STORE: variables[*at++] = *--top; break;
        case ADD: top--; top[-1] += top[0]; break;
        case SUB: top--; top[-1] -= top[0]; break;
        case MUL: top--; top[-1] *= top[0]; break;
        case XOR: top--; top[-1] ^= top[0]; break;
        case AND: top--; top[-1] &= top[0]; break;
        case SHIFT: top--; top[-1] = (int)((unsigned)top[-1] >> top[0]); break;
        case LESS: top--; top[-1] = top[-1] < top[0]; break;
        case UNLESS: at = *--top ? at + 1 : code + *at; break;
        case JUMP: at = code + *at; break;
        case CALL: *back++ = (int)(at + 1 - code); at = code + *at; break;
        case RETURN: at = code + *--back; break;
        case COPY: *top = top[-1]; top++; break;
        default: return *--top;
        }
    }
}

uint32_t program(void)
{
    uint32_t sum = 0;
    for (int round = 0; round < 60; round++) sum = sum * 31 + (uint32_t)run();
    return sum;
}
