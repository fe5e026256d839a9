/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * How TLSF writes its blocks down; for tlsf.c and its checker alone.
 *
 * A region is cut into blocks without gaps.  Each has one word in front; a free one also has two
 * links behind that, and its size at its end, where the block above finds it:
 *
 *     region   struct tlsf_region, then the blocks, then a word alone that ends them
 *     used     word | what the caller has ............................
 *     free     word | next | previous in its list | ............ | size
 *
 *     word     63 .. 36            35 .. 4     2          1               0
 *              used: bits 27 .. 0  size / 16   no block,  the block       this block
 *              of its address                  the end    below is free   is free
 *              free: its bin; 0: the rest
 */
#include "lib/kit/bits.h"
#include "lib/mem/tlsf.h"

#define WORD_FREE       1UL
#define WORD_BELOW_FREE 2UL
#define WORD_END        4UL /* no block, but the end of a region */
#define WORD_SIZE       0xffffffff0UL
#define WORD_TAG_SHIFT  36

#define GRANULE       16U
#define HEADER        sizeof(u64)
#define BLOCK_MIN     sizeof(struct tlsf_block)
#define SMALL         (GRANULE * TLSF_SECOND) /* below, a bin for each size */
#define SMALL_LOG     9
#define SECOND_LOG    5
#define ROUND_LOG     7 /* sizes are rounded to 2^-ROUND_LOG */
#define LOOK          8
#define TLSF_BINS     (TLSF_FIRST * TLSF_SECOND)
#define TLSF_SIZE_MAX ((u64)SMALL << (TLSF_FIRST - 1)) /* all sizes are below */
#define NONE          UINT32_MAX

struct tlsf_block {
    u64 word;
    struct tlsf_block *next, *prev; /* free */
    u64 end;                        /* free: its size, at its end */
};

struct tlsf_region {
    struct tlsf_region *next;
    u64 end; /* the address behind it */
    u64 unused;
};

_Static_assert(TLSF_FIRST <= 32 && TLSF_SECOND <= 32, "the bits of a level are a u32");
_Static_assert(TLSF_SECOND == 1 << SECOND_LOG && SMALL == 1 << SMALL_LOG, "logarithms");
_Static_assert(TLSF_SIZE_MAX - 1 == (WORD_SIZE | (GRANULE - 1)),
               "each size that a word can hold has a bin, and the last one has the largest");
_Static_assert(TLSF_BINS <= 1U << (64 - WORD_TAG_SHIFT), "a bin fits above the size");
_Static_assert(BLOCK_MIN % GRANULE == 0 && sizeof(struct tlsf_region) % GRANULE == HEADER,
               "words are at 8 modulo 16, so that what follows them is aligned");
_Static_assert(SECOND_LOG <= ROUND_LOG && SMALL >> ROUND_LOG <= GRANULE,
               "rounding goes no further than a bin, and leaves small sizes alone");

static inline u64 address_of(const void *p)
{
    return (u64)(uintptr_t)p;
}

static inline struct tlsf_block *block_at(u64 address)
{
    return (struct tlsf_block *)(uintptr_t)address;
}

static inline u64 size_of(const struct tlsf_block *block)
{
    return block->word & WORD_SIZE;
}

static inline struct tlsf_block *above(const struct tlsf_block *block, u64 size)
{
    return block_at(address_of(block) + size);
}

/* Where a free block of so many bytes says so. */
static inline u64 *end_of(struct tlsf_block *block, u64 size)
{
    return (u64 *)(uintptr_t)(address_of(block) + size - sizeof(u64));
}

static inline struct tlsf_block *below(const struct tlsf_block *block)
{
    return block_at(address_of(block) - ((const u64 *)block)[-1]);
}

static inline u64 used_word(const struct tlsf_block *block, u64 size)
{
    return address_of(block) << WORD_TAG_SHIFT | size;
}

static inline bool is_used(const struct tlsf_block *block)
{
    u64 wrong = block->word ^ used_word(block, 0);

    return wrong >> WORD_TAG_SHIFT == 0 && (wrong & (WORD_FREE | WORD_END)) == 0;
}

static inline u32 bin_of(u64 size)
{
    u32 log;

    if (size < SMALL)
        return (u32)size / GRANULE;
    log = bits_highest64(size);
    return (log - SMALL_LOG) * TLSF_SECOND + (u32)(size >> (log - SECOND_LOG));
}

static inline u32 bin_of_free(const struct tlsf_block *block)
{
    return (u32)(block->word >> WORD_TAG_SHIFT);
}

static inline struct tlsf_block *first_block(const struct tlsf_region *region)
{
    return block_at(address_of(region) + sizeof(*region));
}

static inline struct tlsf_block *last_word(const struct tlsf_region *region)
{
    return block_at(region->end - HEADER);
}

void tlsf_stats(const struct allocator *a, struct mem_stats *stats);
const char *tlsf_check(const struct allocator *a, const void **at);
