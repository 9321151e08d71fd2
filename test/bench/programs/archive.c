/* A text is made smaller, made larger again and summed up: matches found by chains of hashes, then CRC-32. */
#include "program.h"

#define SIZE 120000
#define WINDOW 32768
#define LONGEST 130
#define SHORTEST 4

static const char *const words[] = {"the ",  "network ", "program ", "packet ",     "socket ", "guide ",   "listing ",
                                    "of ",   "and ",     "a ",       "connection ", "bytes ",  "window\n", "segment "};
static uint8_t text[SIZE], packed[2 * SIZE], again[SIZE];
static int heads[65536], before[WINDOW];
static uint32_t crcs[256];

static uint32_t hashed(const uint8_t *at)
{
    return (at[0] | at[1] << 8 | at[2] << 16 | (uint32_t)at[3] << 24) * 2654435761u >> 16;
}

static int matching(int at, int with, int most)
{
    int length = 0;
    while (length < most && text[at + length] == text[with + length]) length++;
    return length;
}

static void note(int at)
{
    uint32_t hash = hashed(&text[at]);
    before[at & (WINDOW - 1)] = heads[hash];
    heads[hash] = at;
}

/* 0 to 127: so many bytes and one as they are; 128 on: a match of so many and SHORTEST, and how far back. */
static int pack(int size)
{
    int out = 0, plain = 0;
    memset(heads, -1, sizeof heads);
    for (int at = 0; at < size;) {
        int best = 0, from = 0, most = size - at < LONGEST ? size - at : LONGEST;
        if (size - at >= SHORTEST) {
            int tries = 24;
            for (int with = heads[hashed(&text[at])]; with >= 0 && at - with < WINDOW && tries--; with = before[with & (WINDOW - 1)]) {
                int length = matching(at, with, most);
                if (length > best) best = length, from = with;
            }
        }
        if (best >= SHORTEST) {
            packed[out++] = (uint8_t)(128 + best - SHORTEST);
            packed[out++] = (uint8_t)(at - from);
            packed[out++] = (uint8_t)((at - from) >> 8);
            plain = 0;
        } else {
            best = 1;
            if (plain == 0 || packed[plain] == 127) packed[plain = out++] = 0;
            else packed[plain]++;
            packed[out++] = text[at];
        }
        for (; best--; at++)
            if (size - at >= SHORTEST) note(at);
    }
    return out;
}

static int unpack(int size)
{
    int out = 0;
    for (int at = 0; at < size;) {
        int what = packed[at++];
        if (what < 128) {
            for (; what-- >= 0;) again[out++] = packed[at++];
        } else {
            int back = packed[at] | packed[at + 1] << 8;
            at += 2;
            for (what += SHORTEST - 128; what--; out++) again[out] = again[out - back];
        }
    }
    return out;
}

static uint32_t summed(int size)
{
    uint32_t crc = ~0u;
    for (int i = 0; i < size; i++) crc = crc >> 8 ^ crcs[(crc ^ again[i]) & 255];
    return ~crc;
}

uint32_t program(void)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < 256; i++) {
        crcs[i] = i;
        for (int bit = 0; bit < 8; bit++) crcs[i] = crcs[i] >> 1 ^ (crcs[i] & 1 ? 0xedb88320u : 0);
    }
    for (int round = 0; round < 10; round++) {
        int size = 0;
        while (size < SIZE - 16) {
            for (const char *word = words[chance() % 14]; *word; word++) text[size++] = (uint8_t)*word;
        }
        int length = pack(size);
        if (unpack(length) != size) return 0;
        sum = sum * 31 + summed(size) + (uint32_t)length;
    }
    return sum;
}
