/* Words counted in a table of chains, and sorted through a pointer to what compares them. */
#include "program.h"

#define WORDS 200000
#define CHAINS 65536

struct entry {
    struct entry *next;
    uint32_t key, count;
};

static struct entry entries[WORDS];
static struct entry *chains[CHAINS];
static uint32_t keys[WORDS];

typedef int compare(const uint32_t *left, const uint32_t *right);

static int upwards(const uint32_t *left, const uint32_t *right)
{
    return *left < *right ? -1 : *left > *right;
}

static int downwards(const uint32_t *left, const uint32_t *right)
{
    return upwards(right, left);
}

static void sort(uint32_t *first, int count, compare *by)
{
    while (count > 1) {
        uint32_t pivot = first[count / 2];
        int low = 0, high = count - 1;
        while (low <= high) {
            while (by(&first[low], &pivot) < 0) low++;
            while (by(&first[high], &pivot) > 0) high--;
            if (low <= high) {
                uint32_t kept = first[low];
                first[low++] = first[high];
                first[high--] = kept;
            }
        }
        if (high + 1 < count - low) {
            sort(first, high + 1, by);
            first += low;
            count -= low;
        } else {
            sort(first + low, count - low, by);
            count = high + 1;
        }
    }
}

static int counted(void)
{
    int used = 0;
    memset(chains, 0, sizeof chains);
    for (int i = 0; i < WORDS; i++) {
        uint32_t key = chance() % (WORDS / 2);
        struct entry **chain = &chains[key * 2654435761u >> 16], *entry = *chain;
        while (entry && entry->key != key) entry = entry->next;
        if (entry) {
            entry->count++;
            continue;
        }
        entries[used] = (struct entry){*chain, key, 1};
        *chain = &entries[used++];
    }
    return used;
}

uint32_t program(void)
{
    uint32_t sum = 0;
    for (int round = 0; round < 6; round++) {
        int count = counted();
        for (int i = 0; i < count; i++) keys[i] = entries[i].key ^ entries[i].count << 3;
        sort(keys, count, round & 1 ? downwards : upwards);
        for (int i = 0; i < count; i += 97) sum = sum * 31 + keys[i];
    }
    return sum;
}
