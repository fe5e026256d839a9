/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What the two halves of the cache know of each other: slots (blockcache.c) and requests
 * (blockcache_io.c). */
#include "guest/fs/blockcache.h"

struct cache_slot *cache_find(const struct cache *cache, u32 block);
u8 cache_sectors_of(const struct cache *cache, u32 block);
__must_check int cache_take(struct cache *cache, u32 block, struct cache_slot **taken);

void cache_forget(struct cache *cache, struct cache_slot *slot);

/* The sectors that bytes of one block touch, as bits. */
static inline u8 cache_span(u64 position, u64 bytes)
{
    const u32 from = position % CACHE_BLOCK_BYTES / SECTOR_BYTES;
    const u32 last = (u32)((position + bytes - 1) % CACHE_BLOCK_BYTES / SECTOR_BYTES);

    return (u8)((2U << last) - (1U << from));
}

static inline void cache_dirty(struct cache *cache, struct cache_slot *slot, u8 sectors,
                               enum cache_class class)
{
    if (slot->dirty[class] == 0)
        cache->dirty_blocks[class]++;
    slot->dirty[class] |= sectors;
}

static inline void cache_clean(struct cache *cache, struct cache_slot *slot, u8 sectors,
                               enum cache_class class)
{
    if (slot->dirty[class] == 0)
        return;
    slot->dirty[class] &= (u8)~sectors;
    if (slot->dirty[class] == 0)
        cache->dirty_blocks[class]--;
}
