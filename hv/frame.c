/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Physical frames.
 *
 * RAM is an array of struct frame, one per 4 KiB.  Free frames lie in groups of four, aligned to
 * 16 KiB, because the root of an Sv39x4 table needs such a group:
 *
 *     group state    lists                 refs of its frames
 *     all 4 free     `whole`               FREE FREE FREE FREE
 *     some free      `partial`             FREE for the free ones
 *     none free      none                  all others
 *
 * A hart takes from a cache of its own and gives back to it; only when that is empty or full does
 * it move half of it under the lock.  Page tables that are given back are known to be all zero and
 * wait on lists of their own for the next taker; when everything else is used up they are ordinary
 * memory again.
 *
 * Invariant: every frame is in exactly one of: a free group, a hart's cache, the list of clean
 * tables or roots, or held with refs above 0.  frame_free_count() adds up the first four.
 *
 * It does not keep quotas, and it does not zero: callers say what they need.
 */
#include "hv/frame.h"

#include "lib/kit/spinlock.h"

#include "hv/hart.h"
#include "hv/panic.h"

#define NONE  UINT32_MAX
#define GROUP 4U

#define RESERVED_MAX 32
#define FREE         UINT32_MAX /* refs of a frame in a group; 0 is a held one that is just given back */

u64 frame_table_bias;

static struct frame *frames;
static u64 first_pfn; /* of frames[0] */
static u32 frame_slots;
static u64 total_frames;

static struct {
    struct spinlock lock;
    u32 whole, partial; /* heads: first frame of a group */
    u64 in_groups;      /* free frames in both lists */
    u32 clean;          /* head: tables, all zero */
    u32 clean_roots;    /* head: roots, all zero */
    u64 clean_count;    /* frames in these two lists */
} pool = {.whole = NONE, .partial = NONE, .clean = NONE, .clean_roots = NONE};

static u32 index_of(hpa_t hpa)
{
    return (u32)((hpa.v >> PAGE_SHIFT) - first_pfn);
}

static hpa_t hpa_at(u32 index)
{
    return (hpa_t){(first_pfn + index) << PAGE_SHIFT};
}

static void group_push(u32 *head, u32 group)
{
    frames[group].next = *head;
    frames[group].prev = NONE;
    if (*head != NONE)
        frames[*head].prev = group;
    *head = group;
}

static void group_remove(u32 *head, u32 group)
{
    u32 next = frames[group].next, prev = frames[group].prev;

    if (next != NONE)
        frames[next].prev = prev;
    if (prev != NONE)
        frames[prev].next = next;
    else
        *head = next;
}

/* How many frames of a group are free.  A cached frame has refs 1. */
static u32 group_free_frames(u32 group)
{
    u32 count = 0;

    for (u32 i = 0; i < GROUP; i++)
        count += frames[group + i].refs == FREE;
    return count;
}

/* pool.lock is held.  The frame is FREE from here on. */
static void pool_give(u32 index)
{
    u32 group = index & ~(GROUP - 1);
    u32 were_free = group_free_frames(group);

    frames[index].refs = FREE;
    pool.in_groups++;
    if (were_free == 0) {
        group_push(&pool.partial, group);
    } else if (were_free == GROUP - 1) {
        group_remove(&pool.partial, group);
        group_push(&pool.whole, group);
    }
}

/*
 * pool.lock is held, some group has a free frame, and the cache has room for one.  All free frames
 * of that group go into the cache, with refs 1, so that the group knows them as taken and what
 * frame_alloc() hands out is ready.
 */
static void pool_take_group(struct frame_cache *cache)
{
    u32 *head = pool.partial != NONE ? &pool.partial : &pool.whole;
    u32 group = *head;

    group_remove(head, group);
    for (u32 i = group; i < group + GROUP; i++) {
        if (frames[i].refs == FREE) {
            frames[i].refs = 1;
            cache->index[cache->count++] = i;
            pool.in_groups--;
        }
    }
}

/* pool.lock is held.  Makes clean tables ordinary memory again. */
static void reclaim_clean(void)
{
    while (pool.clean != NONE) {
        u32 index = pool.clean;

        pool.clean = frames[index].next_clean;
        pool_give(index);
    }
    while (pool.clean_roots != NONE) {
        u32 index = pool.clean_roots;

        pool.clean_roots = frames[index].next_clean;
        for (u32 i = 0; i < GROUP; i++)
            pool_give(index + i);
    }
    pool.clean_count = 0;
}

static void cache_fill(struct frame_cache *cache)
{
    spin_lock(&pool.lock);
    if (pool.in_groups == 0)
        reclaim_clean();
    while (cache->count <= FRAME_CACHE / 2 - GROUP && pool.in_groups > 0)
        pool_take_group(cache);
    spin_unlock(&pool.lock);
}

static void cache_spill(struct frame_cache *cache, u32 down_to)
{
    spin_lock(&pool.lock);
    while (cache->count > down_to)
        pool_give(cache->index[--cache->count]);
    spin_unlock(&pool.lock);
}

hpa_t frame_alloc(void)
{
    struct frame_cache *cache = &this_hart()->frames;

    if (unlikely(cache->count == 0)) {
        cache_fill(cache);
        if (cache->count == 0)
            return (hpa_t){0};
    }
    return hpa_at(cache->index[--cache->count]);
}

static void frame_free(hpa_t hpa)
{
    struct frame_cache *cache = &this_hart()->frames;

    if (unlikely(cache->count == FRAME_CACHE))
        cache_spill(cache, FRAME_CACHE / 2);
    frame_of(hpa)->refs = 1;
    cache->index[cache->count++] = index_of(hpa);
}

void frame_put_last(hpa_t hpa, u32 before)
{
    assert(before == 1);
    frame_free(hpa);
}

/*
 * frame_alloc_group - four frames for the root of an Sv39x4 table.
 *
 * The hart's cached frames may be what keeps groups from being whole; they are given back before
 * this fails.
 */
hpa_t frame_alloc_group(void)
{
    u32 group;

    if (pool.whole == NONE)
        cache_spill(&this_hart()->frames, 0);
    spin_lock(&pool.lock);
    if (pool.whole == NONE)
        reclaim_clean();
    group = pool.whole;
    if (group != NONE) {
        group_remove(&pool.whole, group);
        pool.in_groups -= GROUP;
        for (u32 i = 0; i < GROUP; i++)
            frames[group + i].refs = 1;
    }
    spin_unlock(&pool.lock);
    return group == NONE ? (hpa_t){0} : hpa_at(group);
}

void frame_free_group(hpa_t group)
{
    u32 index = index_of(group);

    spin_lock(&pool.lock);
    for (u32 i = 0; i < GROUP; i++)
        pool_give(index + i);
    spin_unlock(&pool.lock);
}

/* Takes the first of a clean list; {0} if it is empty.  count: frames that one item stands for. */
static hpa_t clean_take(u32 *head, u32 count)
{
    u32 index;

    spin_lock(&pool.lock);
    index = *head;
    if (index != NONE) {
        *head = frames[index].next_clean;
        pool.clean_count -= count;
    }
    spin_unlock(&pool.lock);
    return index == NONE ? (hpa_t){0} : hpa_at(index);
}

static void clean_give(u32 *head, u32 index, u32 count)
{
    spin_lock(&pool.lock);
    frames[index].next_clean = *head;
    *head = index;
    pool.clean_count += count;
    spin_unlock(&pool.lock);
}

static hpa_t span_reset(hpa_t table)
{
    struct frame *frame = frame_of(table);

    frame->first = UINT16_MAX;
    frame->end = 0;
    return table;
}

hpa_t table_alloc(void)
{
    hpa_t table = clean_take(&pool.clean, 1);

    if (table.v == 0) {
        table = frame_alloc();
        if (table.v == 0)
            return table;
        page_zero(table);
    }
    return span_reset(table);
}

void table_free(hpa_t table)
{
    clean_give(&pool.clean, index_of(table), 1);
}

hpa_t table_alloc_root(void)
{
    hpa_t root = clean_take(&pool.clean_roots, GROUP);

    if (root.v == 0) {
        root = frame_alloc_group();
        if (root.v == 0)
            return root;
        for (u64 i = 0; i < GROUP; i++)
            page_zero((hpa_t){root.v + i * PAGE_BYTES});
    }
    return span_reset(root);
}

void table_free_root(hpa_t root)
{
    clean_give(&pool.clean_roots, index_of(root), GROUP);
}

u64 frame_free_count(void)
{
    u64 count = 0;

    spin_lock(&pool.lock);
    count = pool.in_groups + pool.clean_count;
    for (u32 i = 0; i < hart_count(); i++)
        count += hart_at(i)->frames.count;
    spin_unlock(&pool.lock);
    return count;
}

u64 frame_total_count(void)
{
    return total_frames;
}

/* The first run of whole pages in `range` from `at` on of which nothing is reserved.  Empty: none.
 */
static struct memory_range next_run(const struct memory_range *range, u64 at,
                                    const struct memory_range *reserved, size_t reserved_count)
{
    u64 end = align_down(range->base + range->bytes, PAGE_BYTES);
    bool moved;

    at = align_up(at, PAGE_BYTES);
    do {
        moved = false;
        for (size_t i = 0; i < reserved_count; i++) {
            u64 after = align_up(reserved[i].base + reserved[i].bytes, PAGE_BYTES);

            if (reserved[i].base < at + PAGE_BYTES && at < after) {
                at = after;
                moved = true;
            }
        }
    } while (moved);
    for (size_t i = 0; i < reserved_count; i++) {
        if (reserved[i].base > at && reserved[i].base < end)
            end = align_down(reserved[i].base, PAGE_BYTES);
    }
    return (struct memory_range){.base = at, .bytes = at < end ? end - at : 0};
}

/* Room for the frame array: the beginning of a run.  0: there is none. */
static u64 place_array(const struct memory_range *ranges, size_t range_count,
                       const struct memory_range *reserved, size_t reserved_count, u64 bytes)
{
    for (size_t i = 0; i < range_count; i++) {
        struct memory_range run = {.base = ranges[i].base};

        do {
            run = next_run(&ranges[i], run.base + run.bytes, reserved, reserved_count);
            if (run.bytes >= bytes)
                return run.base;
        } while (run.bytes != 0);
    }
    return 0;
}

/* Frees a run; in whole groups as far as possible, so that a large memory costs little time. */
static void give_run(struct memory_range run)
{
    u32 index = index_of((hpa_t){run.base}), end = index + (u32)(run.bytes >> PAGE_SHIFT);

    total_frames += end - index;
    while (index < end) {
        if (index % GROUP == 0 && end - index >= GROUP) {
            for (u32 i = index; i < index + GROUP; i++)
                frames[i].refs = FREE;
            group_push(&pool.whole, index);
            pool.in_groups += GROUP;
            index += GROUP;
        } else {
            pool_give(index++);
        }
    }
}

/*
 * frame_init - find room for the frame array itself, then free every frame that is RAM and is not
 * reserved.
 *
 * The array spans the lowest to the highest address, rounded out to groups; frames in holes are
 * held for ever.  Panics if there is no room for it, or for its own range among the reserved ones:
 * nothing can run then.
 */
void frame_init(const struct memory_range *ranges, size_t range_count,
                const struct memory_range *reserved, size_t reserved_count)
{
    struct memory_range taken[RESERVED_MAX];
    u64 low = UINT64_MAX, high = 0, bytes, at;

    for (size_t i = 0; i < range_count; i++) {
        u64 end = ranges[i].base + ranges[i].bytes;

        low = ranges[i].base < low ? ranges[i].base : low;
        high = end > high ? end : high;
    }
    low = align_down(low, GROUP * PAGE_BYTES);
    high = align_up(high, GROUP * PAGE_BYTES);
    first_pfn = low >> PAGE_SHIFT;
    frame_slots = (u32)((high - low) >> PAGE_SHIFT);
    bytes = align_up((u64)frame_slots * sizeof(struct frame), PAGE_BYTES);
    at = place_array(ranges, range_count, reserved, reserved_count, bytes);
    if (at == 0)
        panic("no room for the frame array (%lu KiB): give the machine more memory",
              (unsigned long)(bytes >> 10));
    assert(reserved_count < RESERVED_MAX);
    for (size_t i = 0; i < reserved_count; i++)
        taken[i] = reserved[i];
    taken[reserved_count] = (struct memory_range){at, bytes};

    frames = hpa_ptr((hpa_t){at});
    frame_table_bias = at - (first_pfn << 4);
    for (u32 i = 0; i < frame_slots; i++)
        frames[i] = (struct frame){.refs = 1};
    for (size_t i = range_count; i-- > 0;) {
        struct memory_range run = {.base = ranges[i].base};

        do {
            run = next_run(&ranges[i], run.base + run.bytes, taken, reserved_count + 1);
            give_run(run);
        } while (run.bytes != 0);
    }
}
