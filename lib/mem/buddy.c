/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Buddies.  A block of order o has 32 << o bytes and is at a multiple of that, counted from address
 * 0; so it is also aligned to its size.  Its buddy is the other half of the block of order o + 1
 * that it is part of: the address with one bit changed.
 *
 * A map outside of the blocks has a byte for each 32 bytes (a granule) of the window:
 *
 *     MAP_FREE | order    a free block begins here; it is in the list of its order
 *     MAP_USED | order    a used block begins here
 *     0                   neither, or not ours
 *
 * So a pointer that is no block, or no longer one, is always told from one that is; and blocks
 * touch across what was added at different times.
 *
 * Invariant: two buddies are never both free.
 *
 * A request gets the next power of two, so half of a block may be lost.
 */
#include "lib/mem/buddy.h"

#include <string.h>

#include "lib/kit/bits.h"

#define GRANULE     32U
#define GRANULE_LOG 5
#define BYTES_MAX   ((u64)GRANULE << (BUDDY_ORDERS - 1)) /* of a block */

#define MAP_FREE  0x80U
#define MAP_USED  0x40U
#define MAP_ORDER 0x3fU

struct buddy_block {
    struct buddy_block *next, *prev;
};

_Static_assert(sizeof(struct buddy_block) <= GRANULE, "a free block has room for its links");
_Static_assert(GRANULE == 1 << GRANULE_LOG && BUDDY_ORDERS <= 32, "logarithms, bits of orders");

size_t buddy_map_bytes(size_t window_bytes)
{
    return window_bytes / GRANULE;
}

static u64 granule_of(const struct buddy *buddy, u64 address)
{
    return (address - buddy->base) / GRANULE;
}

static u8 *map_at(const struct buddy *buddy, u64 address)
{
    return (u8 *)(uintptr_t)(buddy->map_bias + address / GRANULE);
}

static struct buddy_block *block_at(u64 address)
{
    return (struct buddy_block *)(uintptr_t)address;
}

static u64 bytes_of(u32 order)
{
    return (u64)GRANULE << order;
}

/* The smallest order of at least so many bytes, which are at most BYTES_MAX. */
static u32 order_for(u64 bytes)
{
    return bytes <= GRANULE ? 0 : bits_highest64(bytes - 1) + 1 - GRANULE_LOG;
}

static void enlist(struct buddy *buddy, u64 address, u32 order)
{
    struct buddy_block *block = block_at(address), *head = buddy->list[order];

    *map_at(buddy, address) = (u8)(MAP_FREE | order);
    *block = (struct buddy_block){.next = head};
    if (head != NULL)
        head->prev = block;
    buddy->list[order] = block;
    buddy->orders |= 1U << order;
}

static void delist(struct buddy *buddy, u64 address, u32 order)
{
    struct buddy_block *block = block_at(address);

    *map_at(buddy, address) = 0;
    if (block->next != NULL)
        block->next->prev = block->prev;
    if (block->prev != NULL)
        block->prev->next = block->next;
    else
        buddy->list[order] = block->next;
    if (buddy->list[order] == NULL)
        buddy->orders &= ~(1U << order);
}

/* Whether a free block of this order begins at an address, which may be anywhere. */
static bool is_free(const struct buddy *buddy, u64 address, u32 order)
{
    u64 granule = granule_of(buddy, address);

    return granule - buddy->low < buddy->high - buddy->low &&
           buddy->map[granule] == (MAP_FREE | order);
}

/* Makes [address, + order) free, together with its buddy, and that one with its own... */
static void give(struct buddy *buddy, u64 address, u32 order)
{
    for (; order < BUDDY_ORDERS - 1 && is_free(buddy, address ^ bytes_of(order), order); order++) {
        delist(buddy, address ^ bytes_of(order), order);
        address &= ~bytes_of(order);
    }
    enlist(buddy, address, order);
}

/* Frees the upper halves of a block that is in no list, until it has order `to`. */
static void split(struct buddy *buddy, u64 address, u32 from, u32 to)
{
    while (from > to) {
        from--;
        enlist(buddy, address + bytes_of(from), from);
    }
    *map_at(buddy, address) = (u8)(MAP_USED | to);
}

static void *buddy_alloc(struct allocator *a, size_t bytes, size_t align)
{
    struct buddy *buddy = (struct buddy *)a;
    u32 order, from, orders;
    u64 address;

    bytes = bytes < align ? align : bytes;
    if (!mem_is_power_of_two(align) || bytes > BYTES_MAX)
        return NULL;
    order = order_for(bytes);
    orders = buddy->orders >> order;
    if (orders == 0)
        return NULL;
    from = order + bits_lowest32(orders);
    address = (u64)(uintptr_t)buddy->list[from];
    delist(buddy, address, from);
    buddy->free_bytes -= bytes_of(order);
    split(buddy, address, from, order);
    return block_at(address);
}

/* The order of a used block, or why there is none. */
static enum err find_block(const struct buddy *buddy, const void *block, u32 *order)
{
    u64 address = (u64)(uintptr_t)block, granule = granule_of(buddy, address);

    if (address % GRANULE != 0 || granule - buddy->low >= buddy->high - buddy->low)
        return ERR_INVAL;
    *order = buddy->map[granule] & MAP_ORDER;
    if (buddy->map[granule] & MAP_USED)
        return ERR_OK;
    return buddy->map[granule] & MAP_FREE ? ERR_STATE : ERR_INVAL;
}

static enum err buddy_free(struct allocator *a, void *block)
{
    struct buddy *buddy = (struct buddy *)a;
    u64 address = (u64)(uintptr_t)block;
    u32 order;
    enum err err = find_block(buddy, block, &order);

    if (err != ERR_OK)
        return err;
    *map_at(buddy, address) = 0;
    buddy->free_bytes += bytes_of(order);
    give(buddy, address, order);
    return ERR_OK;
}

/* A block grows only upwards, over buddies that are all free. */
static enum err buddy_resize(struct allocator *a, void *block, size_t bytes)
{
    struct buddy *buddy = (struct buddy *)a;
    u64 address = (u64)(uintptr_t)block;
    u32 order, wanted;
    enum err err = find_block(buddy, block, &order);

    if (err != ERR_OK)
        return err;
    if (bytes > BYTES_MAX)
        return ERR_NOMEM;
    wanted = order_for(bytes);
    if (wanted < order) {
        buddy->free_bytes += bytes_of(order) - bytes_of(wanted);
        split(buddy, address, order, wanted);
        return ERR_OK;
    }
    for (u32 above = order; above < wanted; above++) {
        if (address & bytes_of(above) || !is_free(buddy, address + bytes_of(above), above))
            return ERR_NOMEM;
    }
    buddy->free_bytes -= bytes_of(wanted) - bytes_of(order);
    for (; order < wanted; order++)
        delist(buddy, address + bytes_of(order), order);
    *map_at(buddy, address) = (u8)(MAP_USED | order);
    return ERR_OK;
}

static size_t buddy_usable(const struct allocator *a, const void *block)
{
    u32 order;

    return find_block((const struct buddy *)a, block, &order) == ERR_OK ? bytes_of(order) : 0;
}

/* Whether a block begins between two granules, or one from below reaches there. */
static bool has_blocks(const struct buddy *buddy, u64 from, u64 to)
{
    from = from < buddy->low ? buddy->low : from;
    to = to > buddy->high ? buddy->high : to;
    for (u64 granule = buddy->low; granule < to;) {
        u64 next = granule + 1;

        if (buddy->map[granule] != 0) {
            next = granule + (1UL << (buddy->map[granule] & MAP_ORDER));
            if (next > from)
                return true;
        }
        granule = next;
    }
    return false;
}

/* Makes the map valid for [from, to) too, and for what is between that and what it was valid for.
 */
static void widen_map(struct buddy *buddy, u64 from, u64 to)
{
    if (buddy->low == buddy->high)
        buddy->low = buddy->high = from;
    if (from < buddy->low) {
        memset(buddy->map + from, 0, buddy->low - from);
        buddy->low = from;
    }
    if (to > buddy->high) {
        memset(buddy->map + buddy->high, 0, to - buddy->high);
        buddy->high = to;
    }
}

/* Cuts what is given into the largest blocks that are aligned to their size. */
static enum err buddy_add(struct allocator *a, void *base, size_t bytes)
{
    struct buddy *buddy = (struct buddy *)a;
    u64 at = align_up((u64)(uintptr_t)base, GRANULE);
    u64 end = align_down((u64)(uintptr_t)base + bytes, GRANULE);
    u64 from = granule_of(buddy, at), to = granule_of(buddy, end);

    if ((u64)(uintptr_t)base + bytes < bytes || at >= end || at < buddy->base ||
        to > buddy->granules || has_blocks(buddy, from, to))
        return ERR_INVAL;
    widen_map(buddy, from, to);
    buddy->total_bytes += end - at;
    buddy->free_bytes += end - at;
    while (at < end) {
        u32 order = bits_highest64(end - at) - GRANULE_LOG;
        u32 aligned = bits_lowest64(at) - GRANULE_LOG;

        order = aligned < order ? aligned : order;
        order = order < BUDDY_ORDERS ? order : BUDDY_ORDERS - 1;
        give(buddy, at, order);
        at += bytes_of(order);
    }
    return ERR_OK;
}

static void buddy_stats(const struct allocator *a, struct mem_stats *stats)
{
    const struct buddy *buddy = (const struct buddy *)a;

    *stats = (struct mem_stats){
        .total_bytes = buddy->total_bytes,
        .used_bytes = buddy->total_bytes - buddy->free_bytes,
        .free_bytes = buddy->free_bytes,
        .largest_bytes = buddy->orders == 0 ? 0 : bytes_of(bits_highest64(buddy->orders)),
    };
}

/* What is wrong with the list of an order; *bytes goes up by its blocks. */
static const char *check_list(const struct buddy *buddy, u32 order, u64 *bytes, const void **at)
{
    const struct buddy_block *prev = NULL, *block = buddy->list[order];

    *at = &buddy->list[order];
    if ((buddy->orders >> order & 1) != (block != NULL))
        return "the bits do not say which lists have blocks";
    for (; block != NULL; prev = block, block = block->next) {
        *at = prev;
        if (!is_free(buddy, (u64)(uintptr_t)block, order))
            return "the link of a free block leads to what is none of its order";
        *at = block;
        if (block->prev != prev)
            return "the links of a free block do not agree";
        *bytes += bytes_of(order);
    }
    return NULL;
}

static const char *buddy_check(const struct allocator *a, const void **at)
{
    const struct buddy *buddy = (const struct buddy *)a;
    const char *words = NULL;
    u64 listed_bytes = 0, free_bytes = 0, all_bytes = 0, end = 0;

    for (u64 granule = buddy->low; granule < buddy->high; granule++) {
        u64 address = buddy->base + granule * GRANULE;
        u32 is = buddy->map[granule], order = is & MAP_ORDER;

        if (is == 0)
            continue;
        *at = block_at(address);
        if (order >= BUDDY_ORDERS || (is & MAP_FREE) / MAP_FREE == (is & MAP_USED) / MAP_USED ||
            address % bytes_of(order) != 0 || address < end)
            return "the map of a block has been overwritten";
        if (is & MAP_FREE && is_free(buddy, address ^ bytes_of(order), order))
            return "two free blocks are buddies";
        end = address + bytes_of(order);
        all_bytes += bytes_of(order);
        free_bytes += is & MAP_FREE ? bytes_of(order) : 0;
    }
    for (u32 order = 0; order < BUDDY_ORDERS && words == NULL; order++)
        words = check_list(buddy, order, &listed_bytes, at);
    if (words != NULL)
        return words;
    *at = buddy;
    if (free_bytes != listed_bytes || free_bytes != buddy->free_bytes)
        return "a free block is in no list";
    return all_bytes == buddy->total_bytes ? NULL : "the blocks do not add up";
}

static const struct allocator_ops buddy_ops = {
    .name = "buddy",
    .alloc = buddy_alloc,
    .free = buddy_free,
    .resize = buddy_resize,
    .usable = buddy_usable,
    .add = buddy_add,
    .stats = buddy_stats,
    .check = buddy_check,
};

/*
 * buddy_init - an allocator that has no memory yet.
 *
 * base and bytes are multiples of 32: the window that all memory it will ever get is in.  map:
 * buddy_map_bytes(bytes), which stays with it; it is written only for what is added.
 */
struct allocator *buddy_init(struct buddy *buddy, void *base, size_t bytes, void *map)
{
    *buddy = (struct buddy){.allocator = {&buddy_ops},
                            .base = (u64)(uintptr_t)base,
                            .granules = bytes / GRANULE,
                            .map = map,
                            .map_bias = (u64)(uintptr_t)map - (u64)(uintptr_t)base / GRANULE};
    return &buddy->allocator;
}
