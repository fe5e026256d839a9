/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cache's requests: blocks that follow each other on the device are read and written together,
 * as many as one request may have.
 *
 * A read that fails leaves nothing in the cache.  A write that fails leaves dirty what it was to
 * write.  When reading ahead fails, what was asked for is read alone.
 */
#include "guest/fs/blockcache_io.h"

#include <errno.h>
#include <string.h>

static int submit(struct cache *cache, enum block_op op, u64 sector,
                  const struct block_piece *pieces, u32 count)
{
    struct block *block = cache->block;
    struct block_request request = {.op = op, .count = count, .sector = sector, .pieces = pieces};
    int error = block->ops->start(block, &request);

    if (error != 0)
        return error;
    block->ops->wait(block, &request);
    return request.error;
}

static u64 sector_of(const struct cache *cache, u32 block, u32 bit)
{
    return (u64)block * CACHE_BLOCK_SECTORS + bit - cache->lead;
}

/* How many low bits are set, one after the other. */
static u32 ones(u32 bits)
{
    u32 count = 0;

    for (; bits & 1; bits >>= 1)
        count++;
    return count;
}

static u32 zeros(u32 bits)
{
    return ones(~bits);
}

/* One piece more, or the last one longer. */
static u32 add_piece(struct cache *cache, u32 count, u8 *at, u32 bytes)
{
    struct block_piece *last = &cache->pieces[count - 1];

    if (count != 0 && (u8 *)last->at + last->bytes == at) {
        last->bytes += bytes;
        return count;
    }
    cache->pieces[count] = (struct block_piece){at, bytes};
    return count + 1;
}

static u32 request_blocks(const struct cache *cache)
{
    const u32 by_bytes = cache->block->bytes_max / CACHE_BLOCK_BYTES;

    if (by_bytes == 0)
        return 1;
    return by_bytes < cache->pieces_max ? by_bytes : cache->pieces_max;
}

/* ---- reading ---- */

/* What of a block is missing. */
static int complete(struct cache *cache, struct cache_slot *slot)
{
    for (u32 bit = zeros(~(u32)slot->valid & UINT8_MAX); slot->valid != UINT8_MAX;
         bit = zeros(~(u32)slot->valid & UINT8_MAX)) {
        const u32 count = ones((~(u32)slot->valid & UINT8_MAX) >> bit);
        struct block_piece piece = {slot->at + bit * SECTOR_BYTES, count * SECTOR_BYTES};
        int error = submit(cache, BLOCK_READ, sector_of(cache, slot->block, bit), &piece, 1);

        if (error != 0)
            return error;
        slot->valid |= (u8)(((1U << count) - 1) << bit);
    }
    return 0;
}

/* Reads into slots that were just taken, whose blocks follow each other.  What is valid in them is
 * not on the device: before the first sector, and behind the last. */
static int read_slots(struct cache *cache, struct cache_slot *const *slots, u32 count)
{
    const u32 before = ones(slots[0]->valid);
    u32 behind = 0, pieces = 0;

    while (slots[count - 1]->valid >> (CACHE_BLOCK_SECTORS - 1 - behind) & 1)
        behind++;
    for (u32 i = 0; i < count; i++)
        pieces = add_piece(cache, pieces, slots[i]->at, CACHE_BLOCK_BYTES);
    cache->pieces[0].at = (u8 *)cache->pieces[0].at + before * SECTOR_BYTES;
    cache->pieces[0].bytes -= before * SECTOR_BYTES;
    cache->pieces[pieces - 1].bytes -= behind * SECTOR_BYTES;
    return submit(cache, BLOCK_READ, sector_of(cache, slots[0]->block, before), cache->pieces,
                  pieces);
}

/* The block, which no slot has, and what of the next ones no slot has either, `count` in all. */
static int fill(struct cache *cache, u32 block, u32 count, struct cache_slot **first)
{
    struct cache_slot **slots = cache->filling;
    u32 taken = 0;
    int error = 0;

    if (count > request_blocks(cache))
        count = request_blocks(cache);
    if (count > cache->blocks - block)
        count = cache->blocks - block;
    while (taken < count && (taken == 0 || cache_find(cache, block + taken) == NULL)) {
        error = cache_take(cache, block + taken, &slots[taken]);
        if (error != 0)
            break;
        taken++;
    }
    if (taken == 0)
        return error;
    error = read_slots(cache, slots, taken);
    for (u32 i = 0; i < taken; i++) {
        slots[i]->pins--;
        if (error != 0)
            cache_forget(cache, slots[i]);
        else
            slots[i]->valid = UINT8_MAX;
    }
    *first = slots[0];
    return error != 0 && taken > 1 ? fill(cache, block, 1, first) : error;
}

int cache_load(struct cache *cache, u64 position, struct cache_slot **slot)
{
    const u32 block = (u32)(position / CACHE_BLOCK_BYTES);
    struct cache_slot *found = cache_find(cache, block);
    int error;

    if (block >= cache->blocks)
        return EIO;
    error = found == NULL ? fill(cache, block, 1, &found) : complete(cache, found);
    if (error != 0)
        return error;
    found->used = true;
    *slot = found;
    return 0;
}

void cache_ahead(struct cache *cache, u64 position, u64 bytes)
{
    const u32 block = (u32)(position / CACHE_BLOCK_BYTES);
    struct cache_slot *slot;

    if (block < cache->blocks && cache_find(cache, block) == NULL &&
        fill(cache, block, (u32)(bytes / CACHE_BLOCK_BYTES), &slot) != 0)
        return; /* whoever needs it reads again, and learns why not */
}

static u32 in_block(u64 position, u64 bytes)
{
    const u32 left = CACHE_BLOCK_BYTES - (u32)(position % CACHE_BLOCK_BYTES);

    return bytes < left ? (u32)bytes : left;
}

int cache_read(struct cache *cache, u64 position, void *to, u64 bytes, u64 ahead)
{
    u8 *at = to;

    while (bytes != 0) {
        const u32 block = (u32)(position / CACHE_BLOCK_BYTES);
        const u32 offset = position % CACHE_BLOCK_BYTES, length = in_block(position, bytes);
        struct cache_slot *slot = cache_find(cache, block);
        int error = 0;

        if (slot == NULL)
            error = fill(
                cache, block,
                (u32)((offset + bytes + ahead + CACHE_BLOCK_BYTES - 1) / CACHE_BLOCK_BYTES), &slot);
        else if (slot->valid != UINT8_MAX)
            error = complete(cache, slot);
        if (error != 0)
            return error;
        memcpy(at, slot->at + offset, length);
        /* who reads to the end of a block goes on with the next, rather than to read it again */
        slot->used |= offset + length != CACHE_BLOCK_BYTES;
        at += length;
        position += length;
        bytes -= length;
    }
    return 0;
}

/* How many bytes from this position on, a sector's beginning, are in blocks that no slot has. */
static u64 absent(const struct cache *cache, u64 position, u64 bytes)
{
    u32 block = (u32)(position / CACHE_BLOCK_BYTES);
    u64 length = 0;

    if (bytes > cache->block->bytes_max)
        bytes = align_down(cache->block->bytes_max, SECTOR_BYTES);
    while (length < bytes && cache_find(cache, block++) == NULL)
        length += in_block(position + length, bytes - length);
    return align_down(length, SECTOR_BYTES);
}

static u64 sector_at(const struct cache *cache, u64 position)
{
    return position / SECTOR_BYTES - cache->lead;
}

int cache_read_past(struct cache *cache, u64 position, void *to, u64 bytes)
{
    u8 *at = to;

    while (bytes != 0) {
        const bool fits = position % SECTOR_BYTES == 0 && (uintptr_t)at % 4 == 0;
        u64 length = fits ? absent(cache, position, bytes) : 0;
        struct block_piece piece = {at, (u32)length};
        int error;

        if (length == 0 || submit(cache, BLOCK_READ, sector_at(cache, position), &piece, 1) != 0) {
            length = in_block(position, bytes);
            error = cache_read(cache, position, at, length, 0);
            if (error != 0)
                return error;
        }
        at += length;
        position += length;
        bytes -= length;
    }
    return 0;
}

/* ---- writing into the cache ---- */

/* Makes valid what of the sectors that are not written whole is needed: read, or behind the end,
 * zeros. */
static int prepare(struct cache *cache, struct cache_slot *slot, u64 position, u32 length, u64 end)
{
    const u64 first = align_down(position, SECTOR_BYTES), after = position + length;
    const u64 last = align_down(after, SECTOR_BYTES);
    const u64 edges[2] = {first, last};
    const bool cut[2] = {position != first, after != last};

    for (u32 i = 0; i < ARRAY_LEN(edges); i++) {
        const u8 sector = cut[i] ? cache_span(edges[i], 1) : 0;
        int error;

        if ((slot->valid & sector) == sector)
            continue;
        if (edges[i] < end) {
            error = complete(cache, slot);
            if (error != 0)
                return error;
        } else {
            memset(cache_at(slot, edges[i]), 0, SECTOR_BYTES);
            slot->valid |= sector;
        }
    }
    return 0;
}

static int write_in_block(struct cache *cache, u64 position, const void *from, u32 length, u64 end)
{
    const u32 block = (u32)(position / CACHE_BLOCK_BYTES);
    struct cache_slot *slot = cache_find(cache, block);
    const u8 sectors = cache_span(position, length);
    int error = 0;

    if (slot == NULL) {
        error = cache_take(cache, block, &slot);
        if (error != 0)
            return error;
        slot->pins--;
    }
    if (sectors != UINT8_MAX || length != CACHE_BLOCK_BYTES)
        error = prepare(cache, slot, position, length, end);
    if (error != 0)
        return error;
    if (from != NULL)
        memcpy(cache_at(slot, position), from, length);
    else
        memset(cache_at(slot, position), 0, length);
    slot->valid |= sectors;
    cache_dirty(cache, slot, sectors, CACHE_CONTENT);
    return 0;
}

int cache_write(struct cache *cache, u64 position, const void *from, u64 bytes, u64 end, u64 *done)
{
    const u8 *at = from;

    *done = 0;
    while (*done < bytes) {
        const u32 length = in_block(position, bytes - *done);
        int error = 0;

        if (cache->dirty_blocks[CACHE_CONTENT] > cache->slots / 2)
            error = cache_write_back(cache, CACHE_CONTENT);
        if (error == 0)
            error = write_in_block(cache, position, at, length, end);
        if (error != 0)
            return error;
        if (at != NULL)
            at += length;
        position += length;
        *done += length;
    }
    return 0;
}

void cache_pad(struct cache *cache, u64 position)
{
    struct cache_slot *slot = cache_find(cache, (u32)(position / CACHE_BLOCK_BYTES));
    const u64 from = align_up(position, SECTOR_BYTES);

    if (from % CACHE_BLOCK_BYTES == 0 || slot == NULL)
        return;
    for (u64 at = from; at % CACHE_BLOCK_BYTES != 0 || at == from; at += SECTOR_BYTES) {
        const u8 sector = cache_span(at, 1);

        if (slot->valid & sector)
            continue;
        memset(cache_at(slot, at), 0, SECTOR_BYTES);
        slot->valid |= sector;
        cache_dirty(cache, slot, sector, CACHE_CONTENT);
    }
}

/* The slots that have blocks of these have what was written. */
static void refresh(struct cache *cache, u64 position, const u8 *from, u64 bytes)
{
    while (bytes != 0) {
        const u32 length = in_block(position, bytes);
        const u8 sectors = cache_span(position, length);
        struct cache_slot *slot = cache_find(cache, (u32)(position / CACHE_BLOCK_BYTES));

        if (slot != NULL) {
            memcpy(cache_at(slot, position), from, length);
            slot->valid |= sectors;
            cache_clean(cache, slot, sectors, CACHE_CONTENT);
        }
        position += length;
        from += length;
        bytes -= length;
    }
}

int cache_write_past(struct cache *cache, u64 position, const void *from, u64 bytes)
{
    const u8 *at = from;
    const u64 limit = align_down(cache->block->bytes_max, SECTOR_BYTES);

    if ((uintptr_t)at % 4 != 0)
        return EINVAL;
    while (bytes != 0) {
        const u64 length = bytes < limit ? bytes : limit;
        struct block_piece piece = {(void *)(uintptr_t)at, (u32)length};
        int error = submit(cache, BLOCK_WRITE, sector_at(cache, position), &piece, 1);

        cache->unflushed = true;
        if (error != 0)
            return error;
        refresh(cache, position, at, length);
        at += length;
        position += length;
        bytes -= length;
    }
    return 0;
}

/* ---- writing back ---- */

/* The first slot of the dirty sectors that lead to this one's first. */
static struct cache_slot *run_start(struct cache *cache, struct cache_slot *slot,
                                    enum cache_class class)
{
    for (u32 steps = request_blocks(cache); steps > 1 && slot->dirty[class] & 1 && slot->block != 0;
         steps--) {
        struct cache_slot *before = cache_find(cache, slot->block - 1);

        if (before == NULL || before->dirty[class] >> (CACHE_BLOCK_SECTORS - 1) == 0)
            break;
        slot = before;
    }
    return slot;
}

/* Writes the first dirty sectors of a slot, with those of the next blocks that follow them. */
static int write_run(struct cache *cache, struct cache_slot *slot, enum cache_class class)
{
    const u32 limit = request_blocks(cache), copies = class == CACHE_TABLE ? cache->copies : 1;
    const u64 sector = sector_of(cache, slot->block, zeros(slot->dirty[class]));
    u32 bit = zeros(slot->dirty[class]), count = 0, pieces = 0;
    int error = 0;

    while (count < limit) {
        const u32 length = ones((u32)slot->dirty[class] >> bit);

        pieces = add_piece(cache, pieces, slot->at + bit * SECTOR_BYTES, length * SECTOR_BYTES);
        cache->gathered[count].slot = slot;
        cache->gathered[count++].sectors = (u8)(((1U << length) - 1) << bit);
        if (bit + length != CACHE_BLOCK_SECTORS)
            break;
        slot = cache_find(cache, slot->block + 1);
        if (slot == NULL || (slot->dirty[class] & 1) == 0)
            break;
        bit = 0;
    }
    cache->unflushed = true;
    for (u32 i = 0; i < copies && error == 0; i++)
        error = submit(cache, BLOCK_WRITE, sector + i * cache->copy_sectors, cache->pieces, pieces);
    for (u32 i = 0; i < count && error == 0; i++)
        cache_clean(cache, cache->gathered[i].slot, cache->gathered[i].sectors, class);
    return error;
}

int cache_write_back(struct cache *cache, enum cache_class class)
{
    for (u32 i = 0; i < cache->backed && cache->dirty_blocks[class] != 0; i++) {
        struct cache_slot *slot = &cache->slot[i];

        while (slot->dirty[class] != 0) {
            int error = write_run(cache, run_start(cache, slot, class), class);

            if (error != 0)
                return error;
        }
    }
    return 0;
}

int cache_flush(struct cache *cache)
{
    int error = 0;

    if (cache->unflushed && cache->block->has_flush)
        error = submit(cache, BLOCK_FLUSH, 0, NULL, 0);
    if (error == 0)
        cache->unflushed = false;
    return error;
}
