/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Bytes from the low end of memory, pages from its high end, hardly ever given back.  See bump.c.
 */
#include "lib/mem/alloc.h"

struct bump {
    struct allocator allocator;
    u64 window, window_end; /* all memory is in there */
    u32 *runs;              /* of each page of the window from `pages` on: see bump.c */
    u64 base, end;          /* the memory */
    u64 top;                /* where the next block of bytes begins: its word */
    u64 pages;              /* the lowest page of a run, or end */
    u64 live;               /* used blocks of bytes */
};

/* The bytes of the map for a window of memory. */
size_t bump_map_bytes(size_t window_bytes);
/* An allocator without memory, for what is added between base and base + bytes, whole pages. */
struct allocator *bump_init(struct bump *bump, void *base, size_t bytes, void *map);
/* Whole pages from the high end, whatever their number. */
void *bump_alloc_pages(struct bump *bump, size_t pages, size_t align);
