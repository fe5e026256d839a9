/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Memory by the page, the lowest fit, from bitmaps.  See bitmap.c. */
#include "lib/mem/alloc.h"

struct bitmap {
    struct allocator allocator;
    u64 base;  /* address of page 0 */
    u32 pages; /* in the window */
    u32 words; /* of free[] and head[] */
    u64 *free; /* the state of a page is a bit of each: see bitmap.c */
    u64 *head;
    u64 *any;        /* bit w: a page of word w is free */
    u32 first_free;  /* no page below is free */
    u32 added_pages; /* that mem_add gave */
    u32 free_pages;  /* of these */
};

/* The bytes of maps for a window of memory. */
size_t bitmap_map_bytes(size_t window_bytes);
/* An allocator without memory, for what is added between base and base + bytes, whole pages. */
struct allocator *bitmap_init(struct bitmap *bitmap, void *base, size_t bytes, void *map);
