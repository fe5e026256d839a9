/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables come and go all zero: what is given back has been emptied, and waits here for the
 * next taker, who need not clear it.
 *
 * When there is no other memory, frame.c takes clean ones away.  But some of each kind stay tables
 * for good: where pages have taken all memory, a VM that wakes still finds tables, if need be those
 * of another one that sleeps.
 */
#include "lib/kit/spinlock.h"

#include "hv/charge.h"
#include "hv/frame.h"
#include "hv/frame_pool.h"

#define NONE  UINT32_MAX
#define GROUP 4U /* frames of a root */

/* So many stay: of 1 GiB 256 frames of tables and 32 roots; of a small machine none. */
#define KEPT_SHARE       1024
#define KEPT_ROOTS_SHARE 4096
#define KEPT_MAX         256
#define KEPT_ROOTS_MAX   32

struct kind {
    u32 clean;       /* head of the list: a frame, counted from the first of RAM */
    u32 clean_count; /* in the list */
    u32 count;       /* in use or clean */
    u32 kept_share, kept_max;
};

static struct {
    struct spinlock lock; /* behind the pool's */
    struct kind leaf, root;
} tables = {
    .leaf = {.clean = NONE, .kept_share = KEPT_SHARE,       .kept_max = KEPT_MAX      },
    .root = {.clean = NONE, .kept_share = KEPT_ROOTS_SHARE, .kept_max = KEPT_ROOTS_MAX},
};

static u32 index_of(hpa_t table)
{
    return (u32)((table.v - chunk_base) >> PAGE_SHIFT);
}

static hpa_t table_at(u32 index)
{
    return (hpa_t){chunk_base + ((u64)index << PAGE_SHIFT)};
}

/* The lock is held.  {0}: there are none. */
static hpa_t pop(struct kind *kind)
{
    hpa_t table = table_at(kind->clean);

    if (kind->clean == NONE)
        return (hpa_t){0};
    kind->clean = frame_of(table)->next_clean;
    kind->clean_count--;
    return table;
}

static hpa_t take(struct kind *kind)
{
    hpa_t table;

    spin_lock(&tables.lock);
    table = pop(kind);
    spin_unlock(&tables.lock);
    return table;
}

static void give(struct kind *kind, hpa_t table)
{
    spin_lock(&tables.lock);
    frame_of(table)->next_clean = kind->clean;
    kind->clean = index_of(table);
    kind->clean_count++;
    spin_unlock(&tables.lock);
}

/*
 * Frames become a table.  Where there are none, others may have lost theirs for it, which then are
 * what was asked for.
 */
__attribute__((noinline)) static hpa_t make(struct kind *kind)
{
    u64 frames = kind == &tables.root ? GROUP : 1;
    hpa_t table = frames == 1 ? frame_alloc() : frame_alloc_group();

    if (table.v == 0)
        return take(kind);
    for (u64 i = 0; i < frames; i++)
        page_zero((hpa_t){table.v + i * PAGE_BYTES});
    spin_lock(&tables.lock);
    kind->count++;
    spin_unlock(&tables.lock);
    return table;
}

static inline hpa_t alloc(struct kind *kind)
{
    hpa_t table = take(kind);
    struct frame *frame;

    if (unlikely(table.v == 0)) {
        table = make(kind);
        if (table.v == 0)
            return table;
    }
    frame = frame_of(table);
    frame->home = HOME_NONE;
    frame->reads = 0;
    return table;
}

hpa_t table_alloc(void)
{
    return alloc(&tables.leaf);
}

void table_free(hpa_t table)
{
    give(&tables.leaf, table);
}

hpa_t table_alloc_root(void)
{
    return alloc(&tables.root);
}

void table_free_root(hpa_t root)
{
    give(&tables.root, root);
}

/* The lock is held.  How many of the clean ones can be other memory. */
static u64 spare(const struct kind *kind)
{
    u64 kept = frame_total_count() / kind->kept_share;

    if (kept > kind->kept_max)
        kept = kind->kept_max;
    if (kind->count <= kept)
        return 0;
    return kind->count - kept < kind->clean_count ? kind->count - kept : kind->clean_count;
}

/* The lock is held. */
static hpa_t take_away(struct kind *kind)
{
    hpa_t table = {0};

    if (spare(kind) != 0)
        table = pop(kind);
    if (table.v == 0)
        return table;
    kind->count--;
    frame_of(table)->owner = CHARGE_NOBODY;
    return table;
}

hpa_t table_take_clean(u32 *count)
{
    hpa_t table;

    spin_lock(&tables.lock);
    *count = 1;
    table = take_away(&tables.leaf);
    if (table.v == 0) {
        *count = GROUP;
        table = take_away(&tables.root);
    }
    spin_unlock(&tables.lock);
    return table;
}

u64 table_clean_frames(void)
{
    u64 frames;

    spin_lock(&tables.lock);
    frames = tables.leaf.clean_count + (u64)tables.root.clean_count * GROUP;
    spin_unlock(&tables.lock);
    return frames;
}

u64 table_frames(void)
{
    u64 frames;

    spin_lock(&tables.lock);
    frames = tables.leaf.count - tables.leaf.clean_count;
    frames += (u64)(tables.root.count - tables.root.clean_count) * GROUP;
    spin_unlock(&tables.lock);
    return frames;
}

u64 table_kept_frames(void)
{
    u64 frames;

    spin_lock(&tables.lock);
    frames = tables.leaf.clean_count - spare(&tables.leaf);
    frames += (tables.root.clean_count - spare(&tables.root)) * GROUP;
    spin_unlock(&tables.lock);
    return frames;
}
