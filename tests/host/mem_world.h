/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The allocators of lib/mem, one at a time, over memory of this process. */
#include "lib/mem/bitmap.h"
#include "lib/mem/buddy.h"
#include "lib/mem/bump.h"
#include "lib/mem/slab.h"
#include "lib/mem/tlsf.h"

#define MEM_WORLD_ALIGN (2UL << 20)

enum mem_kind {
    MEM_TLSF,
    MEM_BUDDY,
    MEM_SLAB,
    MEM_BITMAP,
    MEM_BUMP,
    MEM_SLAB_OVER_TLSF,
    MEM_KINDS
};

struct mem_world {
    enum mem_kind kind;
    struct allocator *allocator;
    u8 *memory; /* the window: nothing of it has been added */
    size_t bytes;
    void *map; /* what the allocator keeps outside of it */
    size_t map_bytes;
    struct tlsf tlsf; /* those of them that the kind needs */
    struct buddy buddy;
    struct slab slab;
    struct bitmap bitmap;
    struct bump bump;
};

const char *mem_kind_name(enum mem_kind kind);
/* memory is aligned to MEM_WORLD_ALIGN; bytes is a multiple of a page. */
void mem_world_create(struct mem_world *world, enum mem_kind kind, size_t bytes);
/* The same, and all memory is added. */
void mem_world_create_full(struct mem_world *world, enum mem_kind kind, size_t bytes);
void mem_world_destroy(struct mem_world *world);
/* Fails the test if mem_check has something to say. */
void mem_world_check(const struct mem_world *world);
/* The largest number of bytes that can be had at once. */
size_t mem_world_largest(struct mem_world *world);
