/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sorts 3,000,000 words by their upper part, stably: a bottom-up merge sort between two arrays.
 *
 * A word is a key, which many share, above its place before the sort.  So it is sorted and stable
 * if the words as a whole ascend, and nothing is lost or made up if each word's key is that of its
 * place.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/kit/types.h"

#include "payload/apps/apps.h"

#define WORDS      3000000U
#define PLACE_BITS 32

static u64 word_of(u64 place)
{
    u64 mixed = place * 0x9e3779b97f4a7c15;

    return mixed >> 48 << PLACE_BITS | place; /* 65,536 keys */
}

/* Merges the sorted from[low..middle) and from[middle..high) into to[low..high). */
static void merge(const u64 *from, u64 *to, size_t low, size_t middle, size_t high)
{
    size_t left = low, right = middle;

    for (size_t at = low; at < high; at++) {
        bool is_left = right == high ||
                       (left < middle && from[left] >> PLACE_BITS <= from[right] >> PLACE_BITS);

        to[at] = from[is_left ? left++ : right++];
    }
}

/* Returns the one of the two arrays that holds the result. */
static u64 *merge_sort(u64 *words, u64 *spare, size_t count)
{
    for (size_t run = 1; run < count; run *= 2) {
        u64 *sorted = spare;

        for (size_t low = 0; low < count; low += 2 * run) {
            size_t middle = low + run < count ? low + run : count;
            size_t high = middle + run < count ? middle + run : count;

            merge(words, sorted, low, middle, high);
        }
        spare = words;
        words = sorted;
    }
    return words;
}

static bool is_sorted(const u64 *words)
{
    for (size_t i = 0; i < WORDS; i++) {
        u64 place = words[i] & ((1ULL << PLACE_BITS) - 1);

        if (place >= WORDS || words[i] != word_of(place) || (i > 0 && words[i] <= words[i - 1])) {
            printf("sort: wrong word %llx at %zu\n", (unsigned long long)words[i], i);
            return false;
        }
    }
    return true;
}

bool sort_ok(void)
{
    u64 *words = malloc(WORDS * sizeof(*words)), *spare = malloc(WORDS * sizeof(*spare));
    bool ok = false;

    if (words == NULL || spare == NULL) {
        printf("sort: no memory for %u words\n", 2 * WORDS);
    } else {
        for (u64 i = 0; i < WORDS; i++) {
            words[i] = word_of(i);
        }
        ok = is_sorted(merge_sort(words, spare, WORDS));
    }
    free(words);
    free(spare);
    return ok;
}
