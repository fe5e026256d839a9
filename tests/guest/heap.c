/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The heap that a payload gets: "act=NAME" does something wrong to it, which must be told; without
 * it, blocks of all sizes come, move and go, and nothing may be lost.
 */
#include "guest/heap.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest/args.h"
#include "guest/guest.h"

#define BLOCKS 300
#define ROUNDS 40

static u64 seed = 88172645463325252;

static u64 random_below(u64 limit)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % limit;
}

static struct {
    unsigned char *at;
    size_t bytes;
    unsigned char value;
} blocks[BLOCKS];

static void expect(const char *what, bool holds)
{
    if (!holds) {
        printf("heap: %s\n", what);
        guest_exit(1);
    }
}

static bool holds_value(size_t i, size_t bytes)
{
    for (size_t at = 0; at < bytes; at++) {
        if (blocks[i].at[at] != blocks[i].value) {
            return false;
        }
    }
    return true;
}

static void fill(size_t i, size_t bytes)
{
    blocks[i].bytes = bytes;
    blocks[i].value = (unsigned char)random_below(256);
    memset(blocks[i].at, blocks[i].value, bytes);
}

static void change(size_t i)
{
    size_t bytes = random_below(random_below(16) ? 500 : 100000);
    size_t align = 16UL << random_below(9);

    switch (random_below(4)) {
    case 0:
        blocks[i].at = realloc(blocks[i].at, bytes + 1);
        expect("realloc gave nothing", blocks[i].at);
        expect("realloc lost contents",
               holds_value(i, bytes < blocks[i].bytes ? bytes : blocks[i].bytes));
        break;
    case 1:
        free(blocks[i].at);
        blocks[i].at = aligned_alloc(align, bytes);
        expect("aligned_alloc gave nothing", blocks[i].at);
        expect("aligned_alloc did not align", (u64)blocks[i].at % align == 0);
        break;
    case 2:
        free(blocks[i].at);
        blocks[i].at = calloc(bytes, 1);
        expect("calloc gave nothing", blocks[i].at);
        blocks[i].value = 0;
        expect("calloc did not clear", holds_value(i, bytes));
        break;
    default:
        free(blocks[i].at);
        blocks[i].at = malloc(bytes);
        expect("malloc gave nothing", blocks[i].at);
    }
    expect("a block is not aligned", (u64)blocks[i].at % 16 == 0);
    expect("less is usable than was asked for", malloc_usable_size(blocks[i].at) >= bytes);
    fill(i, bytes);
}

static void churn(void)
{
    const void *at;

    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < BLOCKS; i++) {
            expect("a block was overwritten", holds_value(i, blocks[i].bytes));
            change(i);
        }
        expect("the allocator's own state", heap_check(&at) == NULL);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        free(blocks[i].at);
        blocks[i].bytes = 0;
        blocks[i].at = NULL;
    }
}

/* All there is can be had, and had again when it was given back. */
static void exhaust(void)
{
    size_t count[2] = {0, 0};
    volatile size_t all = ~0UL; /* which the compiler would refuse to ask for */

    for (int round = 0; round < 2; round++) {
        void **last = NULL, **block;

        while ((block = malloc(64 * 1024)) != NULL) {
            *block = last;
            last = block;
            count[round]++;
        }
        expect("errno is not ENOMEM", errno == ENOMEM);
        for (; last; last = block) {
            block = *last;
            free(last);
        }
    }
    expect("less than half of memory can be had", count[0] * 64 * 1024 > 8 << 20);
    expect("memory is gone", count[1] >= count[0]);
    expect("more than there is", malloc(all) == NULL && malloc(all - 4096) == NULL);
    expect("count times size overflows", calloc(all / 4, all / 4) == NULL);
    expect("realloc to more than there is", realloc(NULL, all / 2) == NULL);
}

static void act(void)
{
    unsigned char *volatile block = malloc(100);

    if (args_is("act", "twice")) {
        free(block);
        free(block);
    } else if (args_is("act", "past")) {
        block[100] = 1;
        free(block);
    } else if (args_is("act", "before")) {
        block[-1] = 1;
        free(block);
    } else if (args_is("act", "after")) {
        free(block);
        block[5] = 1;
        for (int i = 0; i < 100; i++) {
            free(malloc(5));
        }
    } else if (args_is("act", "inside")) {
        free(block + 16);
    } else if (args_is("act", "realloc")) {
        free(block);
        block = realloc(block, 200);
    }
    printf("heap: nobody noticed\n");
}

int main(void)
{
    if (args_has("act")) {
        act();
        return 2;
    }
    churn();
    exhaust();
    printf("heap: ok\n");
    return 0;
}
