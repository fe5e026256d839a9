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
 * Groups are cut from chunks of 2 MiB when they are needed; until then all frames of a chunk are
 * SPARE.  A whole chunk can be reserved for the pages that one leaf table maps, so that 512 of them
 * can become one leaf of 2 MiB:
 *
 *     chunk state             free frames are                         it becomes
 *     spare, in `spare`       SPARE, all 512                          reserved, or cut
 *     reserved                SPARE: the table takes them one by one  loose, or cut
 *     loose                   SPARE, until all are                    spare, or cut
 *     cut                     FREE, in groups                         spare, when all are free
 *
 * What is reserved is free memory all the same: when there is no other, such chunks are cut.  A
 * reserved chunk that is cut remains reserved, so that it cannot become another one's, until its
 * table notices that a frame is not to be had.
 *
 * A hart takes from a cache of its own and gives back to it; only when that is empty or full does
 * it move half of it under the lock.  Page tables that are given back wait in lists of their own
 * (table.c); when everything else is used up they are ordinary memory again.
 *
 * Invariant: every frame is in exactly one of: a free group, a chunk's spare frames, a hart's
 * cache, the list of clean tables or roots, or held with refs above 0.  frame_free_count() adds up
 * all but the last.  A chunk counts what is out: all but the first two.
 *
 * All states change under the pool's lock, but for one: SPARE to 1, by which the owner of a
 * reserved chunk takes a frame.
 *
 * It does not keep quotas, and it does not zero: callers say what they need.
 */
#include "hv/frame.h"

#include "lib/kit/spinlock.h"

#include "hv/charge.h"
#include "hv/frame_pool.h"
#include "hv/hart.h"
#include "hv/panic.h"
#include "hv/reclaim.h"

#define NONE  UINT32_MAX
#define GROUP 4U

u64 frame_table_bias, chunk_base;
struct chunk *chunks;

static struct frame *frames;
static u64 first_pfn; /* of frames[0] */
static u32 frame_slots, chunk_slots;
static u64 total_frames;

static struct {
    struct spinlock lock;
    u32 whole, partial; /* heads: first frame of a group */
    u64 in_groups;      /* free frames in both lists */
    u32 spare;          /* head: chunks */
    u32 cut_at;         /* where the search for a chunk to cut goes on */
} pool = {.whole = NONE, .partial = NONE, .spare = NONE};

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
        count += frames[group + i].refs == FRAME_FREE;
    return count;
}

static struct chunk *chunk_at(u32 index)
{
    return &chunks[index / CHUNK_FRAMES];
}

static void chunk_push(struct chunk *chunk)
{
    chunk->next = pool.spare;
    pool.spare = (u32)(chunk - chunks);
}

/* Takes one from the list; NULL if there is none. */
static struct chunk *chunk_pop(void)
{
    struct chunk *chunk;

    if (pool.spare == NONE)
        return NULL;
    chunk = &chunks[pool.spare];
    pool.spare = chunk->next;
    return chunk;
}

static u32 first_of(const struct chunk *chunk)
{
    return (u32)((u64)(chunk - chunks) * CHUNK_FRAMES);
}

/* A spare frame becomes a free one, unless the owner of its chunk has just taken it. */
static inline bool cut_frame(u32 *refs, bool is_reserved)
{
    u32 spare = FRAME_SPARE;

    if (unlikely(is_reserved))
        return __atomic_compare_exchange_n(refs, &spare, FRAME_FREE, false, __ATOMIC_RELAXED,
                                           __ATOMIC_RELAXED);
    if (__atomic_load_n(refs, __ATOMIC_RELAXED) != spare)
        return false;
    *refs = FRAME_FREE;
    return true;
}

/* Its spare frames become free groups. */
static void cut(struct chunk *chunk)
{
    u32 first = first_of(chunk);

    chunk->is_cut = true;
    for (u32 group = first; group < first + CHUNK_FRAMES; group += GROUP) {
        u32 count = 0;

        for (u32 i = group; i < group + GROUP; i++)
            count += cut_frame(&frames[i].refs, chunk->is_reserved);
        if (count > 0)
            group_push(count == GROUP ? &pool.whole : &pool.partial, group);
        pool.in_groups += count;
    }
}

/* All its frames are free, and nobody has it reserved. */
static void make_spare(struct chunk *chunk)
{
    u32 first = first_of(chunk);

    if (chunk->is_cut) {
        for (u32 group = first; group < first + CHUNK_FRAMES; group += GROUP)
            group_remove(&pool.whole, group);
        for (u32 i = first; i < first + CHUNK_FRAMES; i++)
            frames[i].refs = FRAME_SPARE;
        pool.in_groups -= CHUNK_FRAMES;
        chunk->is_cut = false;
    }
    chunk_push(chunk);
}

/* Cuts a chunk that has spare frames although not all are.  False: there is none. */
static bool cut_another(void)
{
    for (u32 i = 0; i < chunk_slots; i++) {
        struct chunk *chunk = &chunks[pool.cut_at];

        pool.cut_at = pool.cut_at + 1 < chunk_slots ? pool.cut_at + 1 : 0;
        if (!chunk->is_cut && __atomic_load_n(&chunk->out, __ATOMIC_RELAXED) < CHUNK_FRAMES) {
            cut(chunk);
            return true;
        }
    }
    return false;
}

/* pool.lock is held.  The frame is FREE or SPARE from here on. */
static void pool_give(u32 index)
{
    struct chunk *chunk = chunk_at(index);

    if (!chunk->is_cut) {
        __atomic_store_n(&frames[index].refs, FRAME_SPARE, __ATOMIC_RELEASE);
    } else {
        u32 group = index & ~(GROUP - 1);
        u32 were_free = group_free_frames(group);

        frames[index].refs = FRAME_FREE;
        pool.in_groups++;
        if (were_free == 0) {
            group_push(&pool.partial, group);
        } else if (were_free == GROUP - 1) {
            group_remove(&pool.partial, group);
            group_push(&pool.whole, group);
        }
    }
    if (unlikely(__atomic_fetch_sub(&chunk->out, 1, __ATOMIC_RELAXED) == 1) && !chunk->is_reserved)
        make_spare(chunk);
}

/*
 * pool.lock is held, some group has a free frame, and the cache has room for one.  All free frames
 * of that group go into the cache, with refs 1, so that the group knows them as taken and what
 * frame_alloc() hands out is ready.
 */
static void pool_take_group(struct frame_cache *cache)
{
    u32 *head = pool.partial != NONE ? &pool.partial : &pool.whole;
    u32 group = *head, before = cache->count, count;

    group_remove(head, group);
    for (u32 i = group; i < group + GROUP; i++) {
        if (frames[i].refs == FRAME_FREE) {
            frames[i].refs = 1;
            cache->index[cache->count++] = i;
        }
    }
    count = cache->count - before;
    pool.in_groups -= count;
    __atomic_fetch_add(&chunk_at(group)->out, count, __ATOMIC_RELAXED);
}

/* pool.lock is held.  Makes clean tables ordinary memory again.  False: there are none. */
static bool reclaim_clean(void)
{
    bool any = false;
    u32 count;

    for (hpa_t hpa = table_take_clean(&count); hpa.v != 0; hpa = table_take_clean(&count)) {
        for (u32 i = 0; i < count; i++)
            pool_give(index_of(hpa) + i);
        any = true;
    }
    return any;
}

/*
 * pool.lock is held.  Makes more groups; that a clean table is kept or a region can have a leaf of
 * 2 MiB is worth less than memory.  False: there is none.
 */
static bool make_groups(void)
{
    struct chunk *chunk = chunk_pop();

    if (chunk != NULL)
        cut(chunk);
    return chunk != NULL || reclaim_clean() || cut_another();
}

static void cache_fill(struct frame_cache *cache)
{
    spin_lock(&pool.lock);
    while (pool.in_groups == 0 && make_groups())
        ;
    while (cache->count <= FRAME_CACHE / 2 - GROUP && pool.in_groups > 0)
        pool_take_group(cache);
    spin_unlock(&pool.lock);
}

/* The oldest go first: frames that stayed for ever would keep their chunks from being spare. */
static void cache_spill(struct frame_cache *cache, u32 down_to)
{
    u32 spilled = cache->count - down_to;

    spin_lock(&pool.lock);
    for (u32 i = 0; i < spilled; i++)
        pool_give(cache->index[i]);
    spin_unlock(&pool.lock);
    for (u32 i = 0; i < down_to; i++)
        cache->index[i] = cache->index[spilled + i];
    cache->count = down_to;
}

/* False: there is no memory. */
__attribute__((noinline)) static bool cache_refill(struct frame_cache *cache)
{
    while (cache->count == 0) {
        cache_fill(cache);
        if (cache->count == 0 && !reclaim())
            return false;
    }
    return true;
}

hpa_t frame_alloc(void)
{
    struct frame_cache *cache = &this_hart()->frames;

    if (unlikely(cache->count == 0) && !cache_refill(cache))
        return (hpa_t){0};
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
    struct frame *frame = frame_of(hpa);

    assert(before == 1);
    if (frame->owner != CHARGE_NOBODY) {
        u32 owner = frame->owner & ~FRAME_BLANK;

        if (owner != CHARGE_NOBODY)
            charge_return(owner, 1);
        frame->owner = CHARGE_NOBODY;
    }
    frame_free(hpa);
}

void frame_zero_blank(hpa_t hpa)
{
    static struct spinlock lock; /* whose turn it is: a page is zeroed once */

    spin_lock(&lock);
    if (frame_is_blank(hpa)) {
        page_zero(hpa);
        __atomic_fetch_and(&frame_of(hpa)->owner, ~FRAME_BLANK, __ATOMIC_RELEASE);
    }
    spin_unlock(&lock);
}

/* A whole group, of which all frames are held from here on; NONE: there is no memory. */
static u32 take_group(void)
{
    u32 group;

    if (pool.whole == NONE)
        cache_spill(&this_hart()->frames, 0);
    spin_lock(&pool.lock);
    while (pool.whole == NONE && make_groups())
        ;
    group = pool.whole;
    if (group != NONE) {
        group_remove(&pool.whole, group);
        pool.in_groups -= GROUP;
        __atomic_fetch_add(&chunk_at(group)->out, GROUP, __ATOMIC_RELAXED);
        for (u32 i = 0; i < GROUP; i++)
            frames[group + i].refs = 1;
    }
    spin_unlock(&pool.lock);
    return group;
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

    do
        group = take_group();
    while (unlikely(group == NONE) && reclaim());
    return group == NONE ? (hpa_t){0} : hpa_at(group);
}

/* pool.lock is held. */
static bool has(u64 count)
{
    while (pool.in_groups < count && pool.spare == NONE) {
        if (!make_groups())
            return false;
    }
    return true;
}

/*
 * frame_prepare - see to it that there is room for more than what is asked for next.
 *
 * Nothing is taken: others may have it first.
 */
bool frame_prepare(u64 count)
{
    bool is_there;

    do {
        spin_lock(&pool.lock);
        is_there = has(count);
        spin_unlock(&pool.lock);
    } while (unlikely(!is_there) && reclaim());
    return is_there;
}

void frame_free_group(hpa_t group)
{
    u32 index = index_of(group);

    spin_lock(&pool.lock);
    for (u32 i = 0; i < GROUP; i++)
        pool_give(index + i);
    spin_unlock(&pool.lock);
}

/* The chunk in which a frame has place `index`, if it is loose; NULL if not. */
static struct chunk *chunk_around(hpa_t frame, u64 index)
{
    struct chunk *chunk = chunk_at(index_of(frame));

    if (index_of(frame) % CHUNK_FRAMES != index || chunk->is_cut || chunk->is_reserved)
        return NULL;
    return chunk;
}

/*
 * table_reserve - have the pages of a leaf table where they can become one leaf of 2 MiB.
 *
 * It costs nobody anything: see "reserved" above.  A few frames in the hart's cache may be what
 * keeps chunks from being spare.  neighbour: the frame of entry `index`.  Where its chunk is not to
 * be had, pages lie in one piece in another one at least, which is what disks like.
 */
void table_reserve(hpa_t table, hpa_t neighbour, u64 index)
{
    struct frame *frame = frame_of(table);
    struct chunk *chunk;

    if (unlikely(pool.spare == NONE))
        cache_spill(&this_hart()->frames, 0);
    spin_lock(&pool.lock);
    chunk = neighbour.v == 0 ? NULL : chunk_around(neighbour, index);
    if (chunk == NULL)
        chunk = chunk_pop();
    frame->home &= HOME_OWNED;
    frame->home |= chunk == NULL ? HOME_NEVER : (u32)(chunk - chunks) << HOME_SHIFT;
    if (chunk != NULL)
        chunk->is_reserved = true;
    spin_unlock(&pool.lock);
}

void table_release(hpa_t table)
{
    struct frame *frame = frame_of(table);
    struct chunk *chunk = &chunks[frame->home >> HOME_SHIFT];

    if (frame->home >= HOME_NEVER)
        return;
    frame->home = HOME_NEVER | (frame->home & HOME_OWNED);
    spin_lock(&pool.lock);
    chunk->is_reserved = false;
    if (chunk->out == 0)
        make_spare(chunk);
    spin_unlock(&pool.lock);
}

/*
 * frame_alloc_away - any frame.
 *
 * If the table has a chunk, that has been cut: each place is asked for once only, as the page that
 * gets it never goes away before the table does.
 */
hpa_t frame_alloc_away(hpa_t table)
{
    table_release(table);
    return frame_alloc();
}

u64 frame_free_count(void)
{
    u64 count = 0;

    spin_lock(&pool.lock);
    count = pool.in_groups + table_clean_frames();
    for (const struct chunk *chunk = chunks; chunk < chunks + chunk_slots; chunk++) {
        if (!chunk->is_cut)
            count += CHUNK_FRAMES - __atomic_load_n(&chunk->out, __ATOMIC_RELAXED);
    }
    for (u32 i = 0; i < hart_count(); i++)
        count += hart_at(i)->frames.count;
    spin_unlock(&pool.lock);
    return count;
}

u64 frame_total_count(void)
{
    return total_frames;
}

u64 pool_bytes(struct memory_range span)
{
    u64 slots = span.bytes >> PAGE_SHIFT;

    return align_up(slots * sizeof(struct frame) + slots / CHUNK_FRAMES * sizeof(struct chunk),
                    PAGE_BYTES);
}

/*
 * pool_start - a pool of the frames in `span`, which is of whole chunks, all held.
 *
 * At `at` are pool_bytes() for its arrays.
 */
void pool_start(struct memory_range span, hpa_t at)
{
    chunk_base = span.base;
    first_pfn = span.base >> PAGE_SHIFT;
    frame_slots = (u32)(span.bytes >> PAGE_SHIFT);
    chunk_slots = frame_slots / CHUNK_FRAMES;
    assert(chunk_slots < HOME_NEVER >> HOME_SHIFT);
    frames = hpa_ptr(at);
    chunks = (struct chunk *)(frames + frame_slots);
    frame_table_bias = (u64)frames - first_pfn * sizeof(*frames);
    for (u32 i = 0; i < frame_slots; i++)
        frames[i] = (struct frame){.refs = 1};
    for (u32 i = 0; i < chunk_slots; i++)
        chunks[i] = (struct chunk){.out = CHUNK_FRAMES, .is_cut = true};
}

/* Frees held frames; by chunks as far as possible, so that a large memory costs little time. */
void pool_give_range(struct memory_range range)
{
    u32 index = index_of((hpa_t){range.base}), end = index + (u32)(range.bytes >> PAGE_SHIFT);

    total_frames += end - index;
    while (index < end) {
        if (index % CHUNK_FRAMES == 0 && end - index >= CHUNK_FRAMES) {
            for (u32 i = index; i < index + CHUNK_FRAMES; i++)
                frames[i].refs = FRAME_SPARE;
            *chunk_at(index) = (struct chunk){.out = 0};
            chunk_push(chunk_at(index));
            index += CHUNK_FRAMES;
        } else {
            pool_give(index++);
        }
    }
}
