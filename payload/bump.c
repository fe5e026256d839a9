/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Row alt_alloc: the double-ended allocator, chosen by naming the component bump.
 *
 * What decides: blocks go up from one end of memory and pages go down from the other; what was
 * freed is used again when the last block is freed, and not before; and it is good enough to sort
 * 3,000,000 words, stably.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/kit/types.h"

#include "guest/pages.h"

#define WORDS      3000000UL
#define DIGITS     256UL /* of the sort; a key has two */
#define KEY_SHIFT  32
#define PLACE_MASK 0xffffffffUL

static bool ends_meet(void)
{
    char *first = malloc(100), *second = malloc(100), *third, *again;
    char *high = pages_alloc(1, 1), *low = pages_alloc(2, 1);
    bool ok = first < second && second < low && low < high;

    printf("bump: blocks at %p, %p; pages at %p, %p\n", first, second, high, low);
    free(first);
    third = malloc(100);
    ok = ok && second < third; /* second is in use */
    free(third);
    free(second);
    again = malloc(100);
    ok = ok && again == first;
    free(again);
    pages_free(high);
    pages_free(low);
    again = pages_alloc(1, 1);
    ok = ok && again == high;
    pages_free(again);
    return ok;
}

/* A key of 16 bits, above its place before the sort. */
static u64 word_of(u64 place)
{
    return place * 0x9e3779b97f4a7c15UL >> 48 << KEY_SHIFT | place;
}

/* Moves the words to `to` in the order of a digit; those of the same one stay in theirs. */
static void sort_by_digit(const u64 *words, u64 *to, unsigned shift)
{
    size_t next[DIGITS] = {0}, start = 0;

    for (size_t i = 0; i < WORDS; i++) {
        next[words[i] >> shift & (DIGITS - 1)]++;
    }
    for (size_t digit = 0; digit < DIGITS; digit++) {
        size_t count = next[digit];

        next[digit] = start;
        start += count;
    }
    for (size_t i = 0; i < WORDS; i++) {
        to[next[words[i] >> shift & (DIGITS - 1)]++] = words[i];
    }
}

/* Stable and sorted: whole words ascend.  Nothing lost or made up: the key is that of its place. */
static bool is_sorted(const u64 *words)
{
    for (size_t i = 0; i < WORDS; i++) {
        u64 place = words[i] & PLACE_MASK;

        if (place >= WORDS || words[i] != word_of(place) || (i > 0 && words[i] <= words[i - 1])) {
            printf("bump: wrong word %lx at %lu\n", (unsigned long)words[i], (unsigned long)i);
            return false;
        }
    }
    return true;
}

static bool sort_ok(void)
{
    u64 *words = malloc(WORDS * sizeof(*words)), *spare = malloc(WORDS * sizeof(*spare));
    bool ok = false;

    if (words && spare) {
        for (u64 i = 0; i < WORDS; i++) {
            words[i] = word_of(i);
        }
        sort_by_digit(words, spare, KEY_SHIFT);
        sort_by_digit(spare, words, KEY_SHIFT + 8);
        ok = is_sorted(words);
        printf("bump: %lu words sorted\n", WORDS);
    } else {
        printf("bump: no memory for %lu words\n", 2 * WORDS);
    }
    free(words);
    free(spare);
    return ok;
}

int main(void)
{
    if (!ends_meet()) {
        printf("bump: not where it should be\n");
        return 1;
    }
    if (!sort_ok()) {
        return 1;
    }
    printf("bump: ok\n");
    return 0;
}
