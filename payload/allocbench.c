/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Row lab1: how long an allocator lasts.  Round i takes 15 blocks of 32 * 2^k + i bytes, frees
 * those of even k, the newest first, and keeps the others; and so on until memory ends.
 *
 * What decides: the indicator, the number of whole rounds.  It tells how well the holes that freed
 * blocks leave are used for the slightly larger ones of later rounds.  The study's best is 170 in a
 * machine of 128 MiB.  It counts only if no block was damaged.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/kit/types.h"

#include "guest/guest.h"

#define BLOCKS 15

/* A block: filled with the number of its round, but for this in front. */
struct kept {
    struct kept *before;
    size_t bytes;
};

static unsigned char *fill_of(struct kept *block)
{
    return (unsigned char *)(block + 1);
}

static struct kept *take(size_t round, unsigned k)
{
    size_t bytes = (32UL << k) + round;
    struct kept *block = malloc(bytes);

    if (block) {
        block->bytes = bytes;
        memset(fill_of(block), (int)(round % 256), bytes - sizeof(*block));
    }
    return block;
}

static void give(struct kept *block, size_t round)
{
    unsigned char *fill = fill_of(block);

    for (size_t i = 0; i < block->bytes - sizeof(*block); i++) {
        if (fill[i] != round % 256) {
            printf("lab1: a block of round %lu was damaged\n", (unsigned long)round);
            guest_exit(1);
        }
    }
    free(block);
}

/* Blocks that stay go in front of *kept.  False: memory ended. */
static bool round_ok(size_t round, struct kept **kept)
{
    struct kept *block[BLOCKS];

    for (unsigned k = 0; k < BLOCKS; k++) {
        block[k] = take(round, k);
        if (!block[k]) {
            return false;
        }
    }
    for (unsigned k = BLOCKS; k-- > 0;) {
        if (k % 2 == 0) {
            give(block[k], round);
        } else {
            block[k]->before = *kept;
            *kept = block[k];
        }
    }
    return true;
}

int main(void)
{
    struct kept *kept = NULL;
    size_t rounds = 0;

    while (round_ok(rounds, &kept)) {
        rounds++;
    }
    for (size_t left = rounds; left-- > 0;) {
        for (unsigned i = 0; i < BLOCKS / 2; i++) {
            struct kept *block = kept;

            kept = block->before;
            give(block, left);
        }
    }
    printf("lab1: indicator %lu\n", (unsigned long)rounds);
    return 0;
}
