/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables come and go all zero: what is given back has been emptied, and waits here for the
 * next taker, who need not clear it.
 *
 * `frames` are all that are tables, in use or clean.  frame.c takes clean ones away when there is
 * no other memory.
 */
#include "lib/kit/spinlock.h"

#include "hv/charge.h"
#include "hv/frame.h"
#include "hv/frame_pool.h"

#define NONE  UINT32_MAX
#define GROUP 4U /* frames of a root */

static struct {
    struct spinlock lock;   /* behind the pool's */
    u32 clean, clean_roots; /* heads: frames, counted from the first of RAM */
    u64 frames, clean_frames;
} tables = {.clean = NONE, .clean_roots = NONE};

static u32 index_of(hpa_t table)
{
    return (u32)((table.v - chunk_base) >> PAGE_SHIFT);
}

static hpa_t table_at(u32 index)
{
    return (hpa_t){chunk_base + ((u64)index << PAGE_SHIFT)};
}

/* The lock is held, and the list is not empty. */
static hpa_t pop(u32 *head, u32 count)
{
    hpa_t table = table_at(*head);

    *head = frame_of(table)->next_clean;
    tables.clean_frames -= count;
    return table;
}

/* The first of a list; {0} if it is empty.  count: frames that one item stands for. */
static hpa_t take(u32 *head, u32 count)
{
    hpa_t table = {0};

    spin_lock(&tables.lock);
    if (*head != NONE)
        table = pop(head, count);
    spin_unlock(&tables.lock);
    return table;
}

static void give(u32 *head, hpa_t table, u32 count)
{
    spin_lock(&tables.lock);
    frame_of(table)->next_clean = *head;
    *head = index_of(table);
    tables.clean_frames += count;
    spin_unlock(&tables.lock);
}

/* Frames that have become a table. */
static void add(hpa_t table, u32 count)
{
    for (u64 i = 0; i < count; i++)
        page_zero((hpa_t){table.v + i * PAGE_BYTES});
    spin_lock(&tables.lock);
    tables.frames += count;
    spin_unlock(&tables.lock);
}

static hpa_t reset(hpa_t table)
{
    struct frame *frame = frame_of(table);

    frame->home = HOME_NONE;
    frame->reads = 0;
    return table;
}

hpa_t table_alloc(void)
{
    hpa_t table = take(&tables.clean, 1);

    if (table.v == 0) {
        table = frame_alloc();
        if (table.v == 0)
            return table;
        add(table, 1);
    }
    return reset(table);
}

void table_free(hpa_t table)
{
    give(&tables.clean, table, 1);
}

hpa_t table_alloc_root(void)
{
    hpa_t root = take(&tables.clean_roots, GROUP);

    if (root.v == 0) {
        root = frame_alloc_group();
        if (root.v == 0)
            return root;
        add(root, GROUP);
    }
    return reset(root);
}

void table_free_root(hpa_t root)
{
    give(&tables.clean_roots, root, GROUP);
}

hpa_t table_take_clean(u32 *count)
{
    hpa_t table = {0};

    spin_lock(&tables.lock);
    *count = tables.clean != NONE ? 1 : GROUP;
    if (tables.clean != NONE)
        table = pop(&tables.clean, 1);
    else if (tables.clean_roots != NONE)
        table = pop(&tables.clean_roots, GROUP);
    if (table.v != 0) {
        tables.frames -= *count;
        frame_of(table)->owner = CHARGE_NOBODY;
    }
    spin_unlock(&tables.lock);
    return table;
}

u64 table_clean_frames(void)
{
    return __atomic_load_n(&tables.clean_frames, __ATOMIC_RELAXED);
}

u64 table_frames(void)
{
    u64 count;

    spin_lock(&tables.lock);
    count = tables.frames - tables.clean_frames;
    spin_unlock(&tables.lock);
    return count;
}
