/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What TLSF has, and whether it is in order: a walk from block to block through each region, and
 * one through each list.  Nothing is followed before it has been looked at.
 */
#include "lib/mem/tlsf_block.h"

void tlsf_stats(const struct allocator *a, struct mem_stats *stats)
{
    const struct tlsf *tlsf = (const struct tlsf *)a;

    *stats = (struct mem_stats){0};
    for (const struct tlsf_region *region = tlsf->regions; region != NULL; region = region->next) {
        const struct tlsf_block *block = first_block(region);

        for (; block != last_word(region); block = above(block, size_of(block))) {
            u64 size = size_of(block);

            stats->total_bytes += size;
            if (!(block->word & WORD_FREE))
                stats->used_bytes += size;
            else if (size - HEADER > stats->largest_bytes)
                stats->largest_bytes = size - HEADER;
        }
    }
    stats->free_bytes = stats->total_bytes - stats->used_bytes;
}

/* What is wrong with a block of a region; below_free is what it should say of the block below. */
static const char *check_block(const struct tlsf *tlsf, const struct tlsf_block *block, u64 end,
                               bool below_free)
{
    u64 size = size_of(block);

    if (size < BLOCK_MIN || size > end - address_of(block))
        return "the size of a block does not fit its region";
    if (((block->word & WORD_BELOW_FREE) != 0) != below_free)
        return "a block is wrong about the one below it";
    if (!(block->word & WORD_FREE))
        return is_used(block) ? NULL : "the word of a used block has been overwritten";
    if (below_free)
        return "two free blocks touch";
    if (((const u64 *)above(block, size))[-1] != size)
        return "a free block does not have its size at its end";
    if (bin_of_free(block) != (block == tlsf->rest ? 0 : bin_of(size)))
        return "a free block has the bin of another size";
    return NULL;
}

static bool is_in_region(const struct tlsf *tlsf, const void *p)
{
    u64 at = address_of(p);

    for (const struct tlsf_region *region = tlsf->regions; region != NULL; region = region->next) {
        if (at % GRANULE == HEADER && at > address_of(region) && at < region->end - HEADER)
            return true;
    }
    return false;
}

/* What is wrong with the list of a bin; *count goes up by its blocks. */
static const char *check_list(const struct tlsf *tlsf, u32 bin, u64 *count, const void **at)
{
    const struct tlsf_block *prev = NULL, *block = tlsf->list[bin];
    u32 second = tlsf->second[bin / TLSF_SECOND];

    *at = &tlsf->list[bin];
    if ((second >> bin % TLSF_SECOND & 1) != (block != NULL) ||
        (tlsf->first >> bin / TLSF_SECOND & 1) != (second != 0))
        return "the bitmaps do not say which lists have blocks";
    for (; block != NULL; prev = block, block = block->next, ++*count) {
        *at = prev;
        if (!is_in_region(tlsf, block))
            return "the link of a free block leads out of the heap";
        *at = block;
        if (!(block->word & WORD_FREE) || bin_of_free(block) != bin)
            return "a list has a block that is not free or of another bin";
        if (block->prev != prev)
            return "the links of a free block do not agree";
    }
    return NULL;
}

const char *tlsf_check(const struct allocator *a, const void **at)
{
    const struct tlsf *tlsf = (const struct tlsf *)a;
    const char *words = NULL;
    u64 free_blocks = 0, listed = 0;

    for (const struct tlsf_region *region = tlsf->regions; region != NULL; region = region->next) {
        const struct tlsf_block *block = first_block(region), *last = last_word(region);
        bool below_free = false;

        for (; block != last; block = above(block, size_of(block))) {
            *at = (const u8 *)block + HEADER;
            words = check_block(tlsf, block, address_of(last), below_free);
            if (words != NULL)
                return words;
            below_free = block->word & WORD_FREE;
            free_blocks += below_free;
        }
        *at = last;
        if (last->word != (used_word(last, 0) | WORD_END | (below_free ? WORD_BELOW_FREE : 0)))
            return "the word that ends a region has been overwritten";
    }
    for (u32 bin = 0; bin < TLSF_BINS && words == NULL; bin++)
        words = check_list(tlsf, bin, &listed, at);
    if (words != NULL)
        return words;
    *at = tlsf->rest;
    if (tlsf->rest == NULL
            ? tlsf->rest_bytes != 0
            : !is_in_region(tlsf, tlsf->rest) || tlsf->rest->word != (tlsf->rest_bytes | WORD_FREE))
        return "the rest is no free block";
    *at = tlsf;
    return listed + (tlsf->rest != NULL) == free_blocks ? NULL : "a free block is in no list";
}
