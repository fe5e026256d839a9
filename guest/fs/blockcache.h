/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A write-back cache in front of a block device, for a file system that decides what is written
 * when.
 *
 * The device is cut into blocks of 4 KiB, such that one begins where the file system's data begins:
 * clusters of 4 KiB and more are whole blocks.  A position is a byte of the device, counted from
 * the beginning of block 0, which may lie before the device's first sector.
 *
 *     sector      0           first
 *     device      |-----------|--------------------------------|
 *     block    |--0--|--1--|--2--|--3--| ...
 *
 * Of each sector of a block it is known whether it is valid (holds what was read or written), and
 * for each class whether it is dirty: cache_write_back() writes one class, and the file system
 * says in which order.  Only what is CACHE_CONTENT may be written earlier, to make room.
 *
 * It does not lock, and it never reads or writes beyond the device.
 */
#include "guest/block.h"

#define CACHE_BLOCK_BYTES   4096U
#define CACHE_BLOCK_SECTORS (CACHE_BLOCK_BYTES / SECTOR_BYTES)
#define CACHE_NONE          UINT32_MAX

/* What a sector is part of, in the order in which a file system writes. */
enum cache_class { CACHE_CONTENT, CACHE_TABLE, CACHE_ENTRIES, CACHE_CLASSES };

/* The place of one block in memory. */
struct cache_slot {
    u8 *at;
    u32 block; /* CACHE_NONE: holds nothing */
    u32 next;  /* slot of the same bucket, or CACHE_NONE */
    u32 pins;  /* it stays until they are gone */
    u8 valid;  /* bit i: sector i */
    u8 dirty[CACHE_CLASSES];
    bool used; /* since the hand of the clock was here */
};

/* Some sectors of a slot. */
struct cache_part {
    struct cache_slot *slot;
    u8 sectors;
};

struct cache {
    struct block *block;
    u32 lead;   /* sectors of block 0 that lie before the device */
    u32 blocks; /* of the device */
    u32 slots;  /* of the cache, and how many have memory */
    u32 backed;
    u32 hand;
    u32 mask;    /* of buckets */
    u32 *bucket; /* first slot, or CACHE_NONE */
    struct cache_slot *slot;
    u8 **chunks;
    u32 dirty_blocks[CACHE_CLASSES]; /* slots with a dirty sector of the class */
    u32 copies;                      /* of CACHE_TABLE: each is written as often, */
    u64 copy_sectors;                /* so far behind each other */
    bool unflushed;                  /* something was written since the last flush */
    u32 pieces_max;
    struct block_piece *pieces;
    struct cache_slot **filling; /* what is being read: [pieces_max] */
    struct cache_part *gathered; /* what is being written: [pieces_max] */
};

/* bytes of memory at most; first_sector begins a block.  ENOMEM, EINVAL (too large a device, or its
 * requests too small) */
__must_check int cache_create(struct cache **made, struct block *block, u64 first_sector,
                              u32 bytes);
/* What is dirty is lost. */
void cache_destroy(struct cache *cache);

static inline u64 cache_position(const struct cache *cache, u64 sector)
{
    return (sector + cache->lead) * SECTOR_BYTES;
}

/* The block of a position, all of it valid.  Without a pin it stays until the next call. */
__must_check int cache_load(struct cache *cache, u64 position, struct cache_slot **slot);

/* May read what will be needed. */
void cache_ahead(struct cache *cache, u64 position, u64 bytes);

static inline bool cache_holds(const struct cache_slot *slot, u64 position)
{
    return slot->block == position / CACHE_BLOCK_BYTES && slot->valid == UINT8_MAX;
}

static inline void *cache_at(const struct cache_slot *slot, u64 position)
{
    return slot->at + position % CACHE_BLOCK_BYTES;
}

/* The sector of a position, in a slot that was just loaded or is pinned, was changed. */
void cache_mark(struct cache *cache, struct cache_slot *slot, u64 position, enum cache_class class);

/* Bytes of any number; what is missing is read with up to `ahead` bytes behind the end. */
__must_check int cache_read(struct cache *cache, u64 position, void *to, u64 bytes, u64 ahead);
/* The same without keeping what is read: for more than the cache can hold. */
__must_check int cache_read_past(struct cache *cache, u64 position, void *to, u64 bytes);
/* Content; from NULL: zeros.  What lies at or behind `end`, which begins a sector, is not worth
 * reading first: the rest of a sector becomes zeros there.  *done bytes are written, after an error
 * as well. */
__must_check int cache_write(struct cache *cache, u64 position, const void *from, u64 bytes,
                             u64 end, u64 *done);
/* What of a block behind a position was never read or written becomes zeros, and dirty content: so
 * that it is written in one request with the next block. */
void cache_pad(struct cache *cache, u64 position);
/* Whole sectors, at once and past the cache. */
__must_check int cache_write_past(struct cache *cache, u64 position, const void *from, u64 bytes);
/* Content there need not be written any more. */
void cache_drop(struct cache *cache, u64 position, u64 bytes);

/* All that is dirty of a class; after an error some of it still is. */
__must_check int cache_write_back(struct cache *cache, enum cache_class class);
/* What was written before is on the medium. */
__must_check int cache_flush(struct cache *cache);
