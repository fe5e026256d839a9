/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Memory by the block: one interface, five allocators (tlsf, buddy, slab, bitmap, bump).
 *
 * An allocator is a struct of its own that begins with a struct allocator; its constructor fills it
 * in, in memory of the caller.  It starts empty, and mem_add() gives it memory.  It has no globals
 * and takes no locks: the caller serialises.
 *
 * What all of them promise:
 * - A block is aligned to align, and to MEM_ALIGN at least.  It overlaps no other block until it is
 *   freed.  A block of 0 bytes is a block like any other.
 * - A call that fails has changed nothing.
 * - When every block is freed, the largest one that could be had before can be had again.
 * - mem_free, mem_resize and mem_usable refuse what is no block, as far as it can be told cheaply:
 *   each allocator says what it sees.  mem_check sees more, and takes as long as it takes.
 */
#include "lib/kit/err.h"
#include "lib/kit/types.h"

#define MEM_ALIGN      16 /* of every block: what malloc must give on RV64 */
#define MEM_PAGE_BYTES 4096

struct allocator;

struct mem_stats {
    u64 total_bytes;   /* what blocks and free memory take, headers of blocks included */
    u64 used_bytes;    /* of these, in blocks */
    u64 free_bytes;    /* the rest */
    u64 largest_bytes; /* of the largest piece of free memory: what a block could have */
};

struct allocator_ops {
    const char *name;
    void *(*alloc)(struct allocator *a, size_t bytes, size_t align);
    void *(*alloc_high)(struct allocator *a, size_t bytes); /* optional */
    enum err (*free)(struct allocator *a, void *block);
    enum err (*resize)(struct allocator *a, void *block, size_t bytes);
    size_t (*usable)(const struct allocator *a, const void *block);
    enum err (*add)(struct allocator *a, void *base, size_t bytes);
    void (*stats)(const struct allocator *a, struct mem_stats *stats);
    const char *(*check)(const struct allocator *a, const void **at);
};

struct allocator {
    const struct allocator_ops *ops;
};

/* A block, its contents anything; align is a power of two.  NULL: there is none, or align is not.
 */
static inline void *mem_alloc(struct allocator *a, size_t bytes, size_t align)
{
    return a->ops->alloc(a, bytes, align);
}

/* Whole pages as near to the end of the memory as they are to be had, where the allocator knows of
 * such a thing; else anywhere. */
static inline void *mem_alloc_high(struct allocator *a, size_t bytes)
{
    return a->ops->alloc_high ? a->ops->alloc_high(a, bytes)
                              : a->ops->alloc(a, bytes, MEM_PAGE_BYTES);
}

/*
 * Gives a block back.  ERR_STATE: it is free already.  ERR_INVAL: it is no block of a, or what is
 * written in front of it has been overwritten.
 */
__must_check static inline enum err mem_free(struct allocator *a, void *block)
{
    return a->ops->free(a, block);
}

/*
 * Makes a block larger or smaller where it is; what it holds stays.  ERR_NOMEM: not there.
 * ERR_STATE, ERR_INVAL: as of mem_free.
 */
__must_check static inline enum err mem_resize(struct allocator *a, void *block, size_t bytes)
{
    return a->ops->resize(a, block, bytes);
}

/* The bytes that the caller may use of a block, at least what was asked for.  0: no block. */
static inline size_t mem_usable(const struct allocator *a, const void *block)
{
    return a->ops->usable(a, block);
}

/*
 * Gives a memory, which stays with it for ever; memory that touches what it has becomes one with it
 * where the allocator can do that.  ERR_INVAL: too little for any block, more than it can count,
 * beyond its window, or it has some of this already.  ERR_STATE: not now (bump).
 */
__must_check static inline enum err mem_add(struct allocator *a, void *base, size_t bytes)
{
    return a->ops->add(a, base, bytes);
}

/* Counts; may walk through everything. */
static inline void mem_stats(const struct allocator *a, struct mem_stats *stats)
{
    a->ops->stats(a, stats);
}

/*
 * Walks through everything.  NULL if each invariant of the allocator holds, else the words for one
 * that does not, and *at is the block (or what stands in its place).
 */
static inline const char *mem_check(const struct allocator *a, const void **at)
{
    return a->ops->check(a, at);
}

/* Resizes a block where it is or moves it. */
__must_check void *mem_move(struct allocator *a, void *block, size_t bytes);

static inline bool mem_is_power_of_two(size_t x)
{
    return x != 0 && (x & (x - 1)) == 0;
}
