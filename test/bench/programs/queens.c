/* Ten queens that do not see one another, and cells that live and die: bits, bytes and a recursion. */
#include "program.h"

#define WIDTH 66

static int places(int left, uint32_t columns, uint32_t down, uint32_t up)
{
    if (left == 0) return 1;
    int found = 0;
    for (uint32_t free = ~(columns | down | up) & 0x3ff; free;) {
        uint32_t bit = free & -free;
        free ^= bit;
        found += places(left - 1, columns | bit, (down | bit) << 1, (up | bit) >> 1);
    }
    return found;
}

static char cells[WIDTH][WIDTH], next[WIDTH][WIDTH];

static int alive(int generations)
{
    int count = 0;
    for (int y = 0; y < WIDTH; y++)
        for (int x = 0; x < WIDTH; x++) cells[y][x] = chance() & 1;
    while (generations--) {
        for (int y = 1; y < WIDTH - 1; y++) {
            for (int x = 1; x < WIDTH - 1; x++) {
                int around = 0;
                for (int dy = -1; dy <= 1; dy++)
                    for (int dx = -1; dx <= 1; dx++)
                        if (dx || dy) around += cells[y + dy][x + dx];
                next[y][x] = around == 3 || (around == 2 && cells[y][x]);
            }
        }
        memcpy(cells, next, sizeof cells);
    }
    for (int y = 0; y < WIDTH; y++)
        for (int x = 0; x < WIDTH; x++) count += cells[y][x];
    return count;
}

uint32_t program(void)
{
    uint32_t sum = 0;
    for (int round = 0; round < 8; round++) sum = sum * 31 + (uint32_t)places(10, 0, 0, 0) + (uint32_t)alive(40);
    return sum;
}
