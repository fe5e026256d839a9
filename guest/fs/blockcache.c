/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cache's memory: which block is in which slot, and what goes when room is needed.
 *
 * Slots are given out by a clock: its hand goes round and takes the first slot that is clean,
 * unpinned, and was not used since it was here last.  So blocks that are read one after the other
 * stand one after the other in memory, too, and a request for many of them has few pieces.
 *
 * Memory comes in chunks, as it is needed; when there is no more, the cache stays as large as it
 * is.
 */
#include "guest/fs/blockcache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "guest/fs/blockcache_io.h"

#define CHUNK_BLOCKS 32U
#define SLOTS_MIN    (2 * CHUNK_BLOCKS)
#define PIECES_MAX   128U /* of a request: half a megabyte */

static u32 divide_up(u32 x, u32 by)
{
    return (x + by - 1) / by;
}

static bool allocate(struct cache *cache)
{
    cache->bucket = malloc((cache->mask + 1UL) * sizeof(*cache->bucket));
    cache->slot = calloc(cache->slots, sizeof(*cache->slot));
    cache->chunks = calloc(divide_up(cache->slots, CHUNK_BLOCKS), sizeof(*cache->chunks));
    cache->pieces = malloc(cache->pieces_max * sizeof(*cache->pieces));
    cache->filling = malloc(cache->pieces_max * sizeof(*cache->filling));
    cache->gathered = malloc(cache->pieces_max * sizeof(*cache->gathered));
    return cache->bucket != NULL && cache->slot != NULL && cache->chunks != NULL &&
           cache->pieces != NULL && cache->filling != NULL && cache->gathered != NULL;
}

int cache_create(struct cache **made, struct block *block, u64 first_sector, u32 bytes)
{
    const u32 lead = (u32)(-first_sector % CACHE_BLOCK_SECTORS);
    struct cache *cache;

    if (block->sectors > (u64)(CACHE_NONE - 1) * CACHE_BLOCK_SECTORS ||
        block->bytes_max < CACHE_BLOCK_BYTES)
        return EINVAL;
    cache = calloc(1, sizeof(*cache));
    if (cache == NULL)
        return ENOMEM;
    cache->block = block;
    cache->lead = lead;
    cache->blocks = (u32)((block->sectors + lead + CACHE_BLOCK_SECTORS - 1) / CACHE_BLOCK_SECTORS);
    cache->slots = bytes / CACHE_BLOCK_BYTES;
    if (cache->slots < SLOTS_MIN)
        cache->slots = SLOTS_MIN;
    cache->pieces_max = block->pieces_max < PIECES_MAX ? block->pieces_max : PIECES_MAX;
    if (cache->pieces_max > cache->slots / 4)
        cache->pieces_max = cache->slots / 4;
    cache->copies = 1;
    for (cache->mask = 1; cache->mask < cache->slots; cache->mask *= 2)
        ;
    cache->mask = 2 * cache->mask - 1;
    if (!allocate(cache)) {
        cache_destroy(cache);
        return ENOMEM;
    }
    for (u32 i = 0; i <= cache->mask; i++)
        cache->bucket[i] = CACHE_NONE;
    *made = cache;
    return 0;
}

void cache_destroy(struct cache *cache)
{
    if (cache->chunks != NULL) {
        for (u32 i = 0; i < divide_up(cache->slots, CHUNK_BLOCKS); i++)
            free(cache->chunks[i]);
    }
    free(cache->chunks);
    free(cache->slot);
    free(cache->bucket);
    free(cache->pieces);
    free(cache->filling);
    free(cache->gathered);
    free(cache);
}

/* ---- which block is where ---- */

struct cache_slot *cache_find(const struct cache *cache, u32 block)
{
    for (u32 i = cache->bucket[block & cache->mask]; i != CACHE_NONE; i = cache->slot[i].next) {
        if (cache->slot[i].block == block)
            return &cache->slot[i];
    }
    return NULL;
}

/* The sectors of a block that the device has. */
u8 cache_sectors_of(const struct cache *cache, u32 block)
{
    const u64 first = (u64)block * CACHE_BLOCK_SECTORS, end = cache->lead + cache->block->sectors;
    u32 sectors = UINT8_MAX;

    if (block == 0)
        sectors &= UINT32_MAX << cache->lead;
    if (end - first < CACHE_BLOCK_SECTORS)
        sectors &= (1U << (end - first)) - 1;
    return (u8)sectors;
}

/* What the slot holds is gone. */
void cache_forget(struct cache *cache, struct cache_slot *slot)
{
    u32 *place = &cache->bucket[slot->block & cache->mask];

    while (&cache->slot[*place] != slot)
        place = &cache->slot[*place].next;
    *place = slot->next;
    slot->block = CACHE_NONE;
}

static bool is_dirty(const struct cache_slot *slot)
{
    return (slot->dirty[CACHE_CONTENT] | slot->dirty[CACHE_TABLE] | slot->dirty[CACHE_ENTRIES]) !=
           0;
}

/* Memory for one chunk more of slots. */
static bool grow(struct cache *cache)
{
    u8 *chunk;

    if (cache->backed == cache->slots)
        return false;
    chunk = aligned_alloc(CACHE_BLOCK_BYTES, CHUNK_BLOCKS * CACHE_BLOCK_BYTES);
    if (chunk == NULL)
        return false;
    cache->chunks[cache->backed / CHUNK_BLOCKS] = chunk;
    for (u32 i = 0; i < CHUNK_BLOCKS && cache->backed < cache->slots; i++) {
        struct cache_slot *slot = &cache->slot[cache->backed++];

        slot->at = chunk + i * CACHE_BLOCK_BYTES;
        slot->block = CACHE_NONE;
    }
    return true;
}

static struct cache_slot *sweep(struct cache *cache)
{
    for (u32 steps = 2 * cache->backed; steps != 0; steps--) {
        struct cache_slot *slot;

        if (cache->hand == cache->backed && !grow(cache))
            cache->hand = 0;
        slot = &cache->slot[cache->hand++];
        if (slot->pins != 0 || is_dirty(slot))
            continue;
        if (!slot->used)
            return slot;
        slot->used = false;
    }
    return NULL;
}

/*
 * cache_take - a slot for a block that has none, with nothing in it.
 *
 * It is pinned.  ENOMEM if there is no memory at all, or nothing clean and no way to make it so.
 */
int cache_take(struct cache *cache, u32 block, struct cache_slot **taken)
{
    struct cache_slot *slot;
    u32 *bucket = &cache->bucket[block & cache->mask];

    if (cache->backed == 0 && !grow(cache))
        return ENOMEM;
    slot = sweep(cache);
    if (slot == NULL) {
        int error = cache_write_back(cache, CACHE_CONTENT);

        if (error != 0)
            return error;
        slot = sweep(cache);
        if (slot == NULL)
            return ENOMEM;
    }
    if (slot->block != CACHE_NONE)
        cache_forget(cache, slot);
    slot->block = block;
    slot->valid = (u8)~cache_sectors_of(cache, block);
    slot->used = false;
    slot->pins = 1;
    slot->next = *bucket;
    *bucket = (u32)(slot - cache->slot);
    *taken = slot;
    return 0;
}

/* ---- what is dirty ---- */

void cache_mark(struct cache *cache, struct cache_slot *slot, u64 position, enum cache_class class)
{
    const u8 sector = (u8)(1U << position % CACHE_BLOCK_BYTES / SECTOR_BYTES);

    cache_dirty(cache, slot, sector, class);
}

void cache_drop(struct cache *cache, u64 position, u64 bytes)
{
    u32 block = (u32)(position / CACHE_BLOCK_BYTES);
    u64 end = position + bytes;

    while (position < end && cache->dirty_blocks[CACHE_CONTENT] != 0) {
        struct cache_slot *slot = cache_find(cache, block);
        const u64 next = ((u64)block + 1) * CACHE_BLOCK_BYTES;

        if (slot != NULL)
            cache_clean(cache, slot, cache_span(position, (next < end ? next : end) - position),
                        CACHE_CONTENT);
        position = next;
        block++;
    }
}
