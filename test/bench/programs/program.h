/*
 * What the programs here have in common: they stand at 0x1000, flat, with nothing beneath them, and end with an
 * int 0x40 that has what they worked out in EAX, bit 31 set, which tells it from a system call.
 */
#include <stddef.h>
#include <stdint.h>

uint32_t program(void);

__attribute__((section(".start"), naked, used)) static void start(void)
{
    __asm__("call program\n\tor $0x80000000, %eax\n\tint $0x40\n0:\tjmp 0b");
}

/* A compiler calls these by itself. */
__attribute__((used)) void *memcpy(void *to, const void *from, size_t count)
{
    char *t = to;
    const char *f = from;
    while (count--) *t++ = *f++;
    return to;
}

__attribute__((used)) void *memset(void *to, int byte, size_t count)
{
    char *t = to;
    while (count--) *t++ = (char)byte;
    return to;
}

static uint32_t seed = 1;

static inline uint32_t chance(void)
{
    seed = seed * 1103515245u + 12345u;
    return seed >> 8;
}
