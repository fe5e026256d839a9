/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two-level segregated fit.  How memory is cut into blocks is in tlsf_block.h.
 *
 * The bin of a block says in which list it is while free.  Below 512 bytes each size has a bin
 * of its own; above, each power of two has 32 of equal width.  Two bitmaps tell the lists that are
 * not empty, so that the first one from some bin on is found in two steps.
 *
 * One free block is in no list: the rest of the last block that a small request was cut from.  The
 * next small requests are cut from it too, and what is freed beside it becomes part of it, without
 * a look at bins and lists.
 *
 * A small request takes a list of its own level; or else the rest, if no level that was below that
 * one's has a block; or else the next list.  A larger one takes the lowest block that is large
 * enough among the LOOK first ones of its own bin, or else among those of the next bin that has
 * any; or the rest, if that is of no larger bin.  So the time is bounded, whatever the heap
 * holds.  All take the low end, so that what is used stays together.
 *
 * A request of more than 2 KiB is rounded up to 1/128 of its power of two.  So one that is only a
 * little larger than what was freed before still fits there: this loses less than 1 % of a block,
 * and saves a heap from holes that nothing fits into.
 *
 * Invariants: no two free blocks touch; a free block is the rest or in the list of its bin.
 *
 * A used block's word has its own address in it: a pointer to anything else, a block that is freed
 * twice and a header that was overwritten are told apart from a block, but for one chance in 2^28.
 */
#include "lib/mem/tlsf_block.h"

/* Of a block with so many bytes for the caller. */
static u64 size_for(u64 bytes)
{
    u64 size = align_up(bytes + HEADER, GRANULE);

    return size < BLOCK_MIN ? BLOCK_MIN : size;
}

static u64 round_up_size(u64 size)
{
    u32 log = bits_highest64(size | GRANULE << ROUND_LOG);

    return align_up(size, 1UL << (log - ROUND_LOG));
}

static void enlist(struct tlsf *tlsf, struct tlsf_block *block, u64 size)
{
    u32 bin = bin_of(size);
    struct tlsf_block *head = tlsf->list[bin];

    block->word = (u64)bin << WORD_TAG_SHIFT | size | WORD_FREE;
    block->next = head;
    block->prev = NULL;
    *end_of(block, size) = size;
    tlsf->list[bin] = block;
    if (head != NULL) {
        head->prev = block;
    } else {
        tlsf->second[bin / TLSF_SECOND] |= 1U << bin % TLSF_SECOND;
        tlsf->first |= 1U << bin / TLSF_SECOND;
    }
}

static inline void write_rest(struct tlsf *tlsf, struct tlsf_block *block, u64 size)
{
    block->word = size | WORD_FREE;
    *end_of(block, size) = size;
    tlsf->rest = block;
    tlsf->rest_bytes = size;
}

/* Makes a free block the rest; the one that was it goes into its list. */
static void change_rest(struct tlsf *tlsf, struct tlsf_block *block, u64 size)
{
    struct tlsf_block *old = tlsf->rest;

    if (old != NULL)
        enlist(tlsf, old, size_of(old));
    write_rest(tlsf, block, size);
    tlsf->below_rest = ((1U << bin_of(size) / TLSF_SECOND) - 1) & ~1U;
}

static void delist(struct tlsf *tlsf, struct tlsf_block *block)
{
    u32 bin = bin_of_free(block), *second = &tlsf->second[bin / TLSF_SECOND];

    if (block == tlsf->rest) {
        tlsf->rest = NULL;
        tlsf->rest_bytes = 0;
        return;
    }
    if (block->next != NULL)
        block->next->prev = block->prev;
    if (block->prev != NULL) {
        block->prev->next = block->next;
        return;
    }
    tlsf->list[bin] = block->next;
    if (block->next != NULL)
        return;
    *second &= ~(1U << bin % TLSF_SECOND);
    if (*second == 0)
        tlsf->first &= ~(1U << bin / TLSF_SECOND);
}

/* The first bin from this one on that has a block. */
static inline u32 find_bin(const struct tlsf *tlsf, u32 bin)
{
    u32 first = bin / TLSF_SECOND, bits;

    if (bin >= TLSF_BINS)
        return NONE;
    bits = tlsf->second[first] >> bin % TLSF_SECOND;
    if (bits != 0)
        return bin + bits_lowest32(bits);
    bits = tlsf->first >> first >> 1;
    if (bits == 0)
        return NONE;
    first += 1 + bits_lowest32(bits);
    return first * TLSF_SECOND + bits_lowest32(tlsf->second[first]);
}

/* Of the LOOK first blocks of a list, the lowest that is large enough. */
static struct tlsf_block *find_lowest(struct tlsf_block *block, u64 size)
{
    struct tlsf_block *lowest = NULL;

    for (u32 look = 0; block != NULL && look < LOOK; look++, block = block->next) {
        if (size_of(block) >= size && (lowest == NULL || block < lowest))
            lowest = block;
    }
    return lowest;
}

/* A free block of at least size bytes, which are not small; NULL if none is found. */
static struct tlsf_block *find(const struct tlsf *tlsf, u64 size)
{
    u32 bin = bin_of(size);
    struct tlsf_block *block = find_lowest(tlsf->list[bin], size);

    if (block == NULL) {
        bin = find_bin(tlsf, bin + 1);
        if (bin != NONE)
            block = find_lowest(tlsf->list[bin], size);
    }
    if (tlsf->rest_bytes >= size && (block == NULL || bin_of(tlsf->rest_bytes) <= bin))
        block = tlsf->rest;
    return block;
}

/*
 * Makes the low `size` bytes of a free block a used one, and what is left a free one: the rest, if
 * it is of that or is_small, else one in a list.
 */
static void *take(struct tlsf *tlsf, struct tlsf_block *block, u64 size, bool is_small)
{
    u64 have = size_of(block), left = have - size;
    bool was_rest = block == tlsf->rest;

    delist(tlsf, block);
    if (left < BLOCK_MIN) {
        above(block, have)->word &= ~WORD_BELOW_FREE;
        size = have;
    } else if (was_rest) {
        write_rest(tlsf, above(block, size), left);
    } else if (is_small) {
        change_rest(tlsf, above(block, size), left);
    } else {
        enlist(tlsf, above(block, size), left);
    }
    block->word = used_word(block, size); /* below a free block is a used one */
    return (u8 *)block + HEADER;
}

/* Makes a used block a free one, together with its free neighbours. */
static __attribute__((noinline)) void give(struct tlsf *tlsf, struct tlsf_block *block)
{
    u64 size = size_of(block);
    struct tlsf_block *next = above(block, size), *rest = tlsf->rest;
    bool is_rest = false;

    if (next->word & WORD_FREE) {
        is_rest = next == rest;
        size += size_of(next);
        delist(tlsf, next);
    } else {
        next->word |= WORD_BELOW_FREE;
    }
    if (block->word & WORD_BELOW_FREE) {
        block->word = 0; /* if it is freed again, it is seen */
        block = below(block);
        is_rest = is_rest || block == rest;
        size += size_of(block);
        delist(tlsf, block);
    }
    if (is_rest)
        write_rest(tlsf, block, size);
    else
        enlist(tlsf, block, size);
}

/* Cuts a used block down to size, if what is left is a block. */
static void trim(struct tlsf *tlsf, struct tlsf_block *block, u64 size)
{
    u64 left = size_of(block) - size;
    struct tlsf_block *tail = above(block, size);

    if (left < BLOCK_MIN)
        return;
    block->word -= left;
    tail->word = used_word(tail, left);
    give(tlsf, tail);
}

/* A used block whose bytes begin at a multiple of align.  size is that of a block. */
static void *alloc_aligned(struct tlsf *tlsf, u64 size, u64 align)
{
    struct tlsf_block *block = NULL, *front;
    u64 gap, need = size + align + BLOCK_MIN; /* room for another block in front, or for none */

    if (align < TLSF_SIZE_MAX && need < TLSF_SIZE_MAX)
        block = find(tlsf, need);
    if (block == NULL)
        return NULL;
    (void)take(tlsf, block, need, false);
    gap = align_up(address_of(block) + HEADER, align) - HEADER - address_of(block);
    if (gap != 0) {
        if (gap < BLOCK_MIN)
            gap += align;
        front = block;
        block = above(front, gap);
        block->word = used_word(block, size_of(front) - gap);
        front->word = used_word(front, gap);
        give(tlsf, front);
    }
    trim(tlsf, block, size);
    return (u8 *)block + HEADER;
}

/* A small block that is not simply cut from the rest.  It may be cut from the rest all the same. */
static void *alloc_small(struct tlsf *tlsf, u64 size)
{
    u32 bin = find_bin(tlsf, (u32)size / GRANULE);

    if (bin >= TLSF_SECOND && tlsf->rest_bytes >= size &&
        (bin == NONE || !(tlsf->first & tlsf->below_rest)))
        return take(tlsf, tlsf->rest, size, true);
    return bin == NONE ? NULL : take(tlsf, tlsf->list[bin], size, bin >= TLSF_SECOND);
}

/* What tlsf_alloc does not do itself. */
static __attribute__((noinline)) void *alloc_slowly(struct tlsf *tlsf, size_t bytes, size_t align)
{
    struct tlsf_block *block = NULL;
    u64 size, rounded;

    if (bytes > TLSF_SIZE_MAX - SMALL || !mem_is_power_of_two(align))
        return NULL;
    size = size_for(bytes);
    if (align > MEM_ALIGN)
        return alloc_aligned(tlsf, size, align);
    if (size < SMALL)
        return alloc_small(tlsf, size);
    rounded = round_up_size(size);
    if (rounded < TLSF_SIZE_MAX)
        block = find(tlsf, rounded);
    if (block != NULL)
        return take(tlsf, block, rounded, false);
    block = find(tlsf, size);
    return block == NULL ? NULL : take(tlsf, block, size, false);
}

/* The first block of a list of small ones, which have exactly the size that is asked for. */
static inline void *take_exact(struct tlsf *tlsf, u32 bin, u64 size)
{
    struct tlsf_block *block = tlsf->list[bin], *next = block->next;

    tlsf->list[bin] = next;
    if (next != NULL) {
        next->prev = NULL;
    } else {
        tlsf->second[0] &= ~(1U << bin);
        if (tlsf->second[0] == 0)
            tlsf->first &= ~1U;
    }
    above(block, size)->word &= ~WORD_BELOW_FREE;
    block->word = used_word(block, size);
    return (u8 *)block + HEADER;
}

static void *tlsf_alloc(struct allocator *a, size_t bytes, size_t align)
{
    struct tlsf *tlsf = (struct tlsf *)a;
    struct tlsf_block *block = tlsf->rest;
    u64 size;
    u32 bits;

    if (unlikely(bytes > SMALL - GRANULE - HEADER || align != MEM_ALIGN))
        return alloc_slowly(tlsf, bytes, align);
    size = size_for(bytes);
    bits = tlsf->second[0] >> size / GRANULE;
    if (bits & 1)
        return take_exact(tlsf, (u32)size / GRANULE, size);
    if (bits != 0 || tlsf->rest_bytes < size + BLOCK_MIN || (tlsf->first & tlsf->below_rest) != 0)
        return alloc_slowly(tlsf, bytes, align);
    write_rest(tlsf, above(block, size), tlsf->rest_bytes - size);
    block->word = used_word(block, size);
    return (u8 *)block + HEADER;
}

/* The used block of this pointer, or why there is none. */
static inline enum err find_used(const struct tlsf *tlsf, const void *p, struct tlsf_block **block)
{
    u64 at = address_of(p);

    *block = block_at(at - HEADER);
    if (at % MEM_ALIGN != 0 || at - tlsf->low >= tlsf->high - tlsf->low)
        return ERR_INVAL;
    if (likely(is_used(*block)))
        return ERR_OK;
    return (*block)->word == 0 || (*block)->word & WORD_FREE ? ERR_STATE : ERR_INVAL;
}

static enum err tlsf_free(struct allocator *a, void *p)
{
    struct tlsf *tlsf = (struct tlsf *)a;
    struct tlsf_block *block;
    enum err err = find_used(tlsf, p, &block);

    if (unlikely(err != ERR_OK))
        return err;
    if (above(block, size_of(block)) == tlsf->rest && !(block->word & WORD_BELOW_FREE))
        write_rest(tlsf, block, size_of(block) + tlsf->rest_bytes);
    else
        give(tlsf, block);
    return ERR_OK;
}

static enum err tlsf_resize(struct allocator *a, void *p, size_t bytes)
{
    struct tlsf *tlsf = (struct tlsf *)a;
    struct tlsf_block *block, *next;
    enum err err = find_used(tlsf, p, &block);
    u64 size, have, below_free;

    if (err != ERR_OK)
        return err;
    if (bytes > TLSF_SIZE_MAX - SMALL)
        return ERR_NOMEM;
    size = size_for(bytes);
    have = size_of(block);
    if (size > have) {
        next = above(block, have);
        if (!(next->word & WORD_FREE) || have + size_of(next) < size)
            return ERR_NOMEM;
        below_free = block->word & WORD_BELOW_FREE;
        (void)take(tlsf, next, size - have < BLOCK_MIN ? BLOCK_MIN : size - have, false);
        block->word = used_word(block, have + size_of(next)) | below_free;
        next->word = 0;
    }
    trim(tlsf, block, size);
    return ERR_OK;
}

static size_t tlsf_usable(const struct allocator *a, const void *p)
{
    struct tlsf_block *block;

    return find_used((const struct tlsf *)a, p, &block) == ERR_OK ? size_of(block) - HEADER : 0;
}

/* Takes the region out of the list that ends at an address (or begins there). */
static struct tlsf_region *touching(struct tlsf *tlsf, u64 at, bool begins)
{
    for (struct tlsf_region **link = &tlsf->regions; *link != NULL; link = &(*link)->next) {
        struct tlsf_region *region = *link;

        if ((begins ? address_of(region) : region->end) == at) {
            *link = region->next;
            return region;
        }
    }
    return NULL;
}

/*
 * tlsf_add - take over memory.
 *
 * It becomes one used block, which is then freed.  Where it touches a region below, that block
 * begins at the word that ended the region; where it touches one above, it reaches to the first
 * block of that.
 */
static enum err tlsf_add(struct allocator *a, void *base, size_t bytes)
{
    struct tlsf *tlsf = (struct tlsf *)a;
    u64 at = align_up(address_of(base), GRANULE),
        end = align_down(address_of(base) + bytes, GRANULE);
    struct tlsf_region *region, *upper;
    struct tlsf_block *block, *last;
    u64 below_free = 0;

    if (bytes >= TLSF_SIZE_MAX || address_of(base) + bytes < address_of(base) ||
        at + sizeof(*region) + BLOCK_MIN + HEADER > end ||
        tlsf->total_bytes + bytes >= TLSF_SIZE_MAX)
        return ERR_INVAL;
    for (region = tlsf->regions; region != NULL; region = region->next) {
        if (at < region->end && address_of(region) < end)
            return ERR_INVAL;
    }
    tlsf->total_bytes += end - at;
    if (at + sizeof(*region) + HEADER < tlsf->low)
        tlsf->low = at + sizeof(*region) + HEADER; /* where the first block begins */
    tlsf->high = end > tlsf->high ? end : tlsf->high;
    region = touching(tlsf, at, false);
    upper = touching(tlsf, end, true);
    if (region != NULL) {
        block = last_word(region);
        below_free = block->word & WORD_BELOW_FREE;
    } else {
        region = (struct tlsf_region *)(uintptr_t)at;
        block = first_block(region);
    }
    region->end = upper != NULL ? upper->end : end;
    last = upper != NULL ? first_block(upper) : last_word(region);
    if (upper == NULL)
        last->word = used_word(last, 0) | WORD_END;
    region->next = tlsf->regions;
    tlsf->regions = region;
    block->word = used_word(block, address_of(last) - address_of(block)) | below_free;
    give(tlsf, block);
    return ERR_OK;
}

static const struct allocator_ops tlsf_ops = {
    .name = "tlsf",
    .alloc = tlsf_alloc,
    .free = tlsf_free,
    .resize = tlsf_resize,
    .usable = tlsf_usable,
    .add = tlsf_add,
    .stats = tlsf_stats,
    .check = tlsf_check,
};

struct allocator *tlsf_init(struct tlsf *tlsf)
{
    *tlsf = (struct tlsf){.allocator = {&tlsf_ops}, .low = UINT64_MAX};
    return &tlsf->allocator;
}
