/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Blocks of powers of two, aligned to their size.  See buddy.c. */
#include "lib/mem/alloc.h"

#define BUDDY_ORDERS 32

struct buddy_block;

struct buddy {
    struct allocator allocator;
    u64 base;                               /* address of granule 0 */
    u64 granules;                           /* in the window */
    u64 map_bias;                           /* the entry of an address is at this + address / 32 */
    u8 *map;                                /* of each granule, what begins there: see buddy.c */
    u64 low, high;                          /* map[] is valid between these */
    u64 total_bytes, free_bytes;            /* added; of these, in lists */
    u32 orders;                             /* bit o: list[o] is not empty */
    struct buddy_block *list[BUDDY_ORDERS]; /* free blocks of 32 << o bytes */
};

/* The bytes of the map for a window of memory. */
size_t buddy_map_bytes(size_t window_bytes);
/* An allocator without memory, for what is added between base and base + bytes. */
struct allocator *buddy_init(struct buddy *buddy, void *base, size_t bytes, void *map);
