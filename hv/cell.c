/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A frame of cells, or a group of four frames: first a head, then as many cells as there is room
 * for.
 *
 * Invariant, under the lock: a piece with free cells, and no other, is in the list `partial`; one
 * whose cells are all free is given back, unless it is the only one in the list and the pool keeps
 * one: for objects that come and go.  So with no cell in use, and trimmed, no frame is held.
 *
 * One lock for all harts: it is held for a few instructions.
 */
#include "hv/cell.h"

#include "lib/kit/list.h"
#include "lib/kit/spinlock.h"

#include "hv/frame.h"

struct cell {
    struct cell *next; /* free one of the same piece */
};

struct cells {
    struct list node;
    struct cell *free;
    u32 used;
};
_Static_assert(sizeof(struct cells) <= CELL_HEAD_BYTES, "the head fits");
_Static_assert(CELL_HEAD_BYTES <= CELL_BYTES, "the head is a small cell");

/* keeps_one: the objects come and go.  Aligned so that one is found by a shift. */
struct __attribute__((aligned(64))) cell_pool {
    u64 piece, first, bytes; /* of a piece: a frame or a group; in front of its cells; of a cell */
    bool keeps_one;
    struct spinlock lock;
    struct list partial; /* pieces with free cells */
};

#define VM_FRAMES 8 /* a few pages, and what they need, for it and its parent */

#define NO_PIECES(kind)                            \
    {                                              \
        &pools[kind].partial, &pools[kind].partial \
    }
static struct cell_pool pools[] = {
    [CELL_SMALL] = {PAGE_BYTES,     CELL_BYTES,      CELL_BYTES,      false, {0}, NO_PIECES(CELL_SMALL)},
    [CELL_VCPU] = {PAGE_BYTES,     CELL_HEAD_BYTES, CELL_VCPU_BYTES, true,  {0}, NO_PIECES(CELL_VCPU) },
    [CELL_VM] = {4 * PAGE_BYTES, CELL_HEAD_BYTES, CELL_VM_BYTES,   true,  {0}, NO_PIECES(CELL_VM)   },
};
_Static_assert(ARRAY_LEN(pools) == CELL_KINDS, "a pool for each kind");

static struct cells *cells_of(const struct cell_pool *pool, void *cell)
{
    return (struct cells *)align_down((u64)cell, pool->piece);
}

/* For VMs only if they can also begin: a fork is refused sooner than what runs is ended. */
static hpa_t alloc_piece(const struct cell_pool *pool)
{
    if (pool == &pools[CELL_VM] && !frame_prepare(CELL_VMS * VM_FRAMES))
        return (hpa_t){0};
    return pool->piece == PAGE_BYTES ? frame_alloc() : frame_alloc_group();
}

static void free_piece(const struct cell_pool *pool, struct cells *cells)
{
    if (pool->piece == PAGE_BYTES)
        frame_put(hpa_of(cells));
    else
        frame_free_group(hpa_of(cells));
}

static u64 count_of(const struct cell_pool *pool)
{
    return (pool->piece - pool->first) / pool->bytes;
}

/* A piece with all its cells free; NULL: no memory.  Whoever looks for memory may free cells: so
 * the lock is not held. */
static struct cells *make_cells(const struct cell_pool *pool)
{
    hpa_t piece = alloc_piece(pool);
    struct cells *cells = hpa_ptr(piece);

    if (piece.v == 0)
        return NULL;
    *cells = (struct cells){.used = 0};
    for (u64 i = count_of(pool); i-- > 0;) {
        struct cell *cell = (struct cell *)((u64)cells + pool->first + i * pool->bytes);

        cell->next = cells->free;
        cells->free = cell;
    }
    return cells;
}

/* The lock is held, and is held afterwards.  Who asked takes of these: they are the first. */
__attribute__((noinline)) static void add_cells(struct cell_pool *pool)
{
    struct cells *cells;

    spin_unlock(&pool->lock);
    cells = make_cells(pool);
    spin_lock(&pool->lock);
    if (cells != NULL)
        list_add_tail(pool->partial.next, &cells->node);
}

void *cell_take(enum cell_kind kind)
{
    struct cell_pool *pool = &pools[kind];
    struct cells *cells;
    struct cell *cell = NULL;

    spin_lock(&pool->lock);
    if (unlikely(list_empty(&pool->partial)))
        add_cells(pool);
    if (likely(!list_empty(&pool->partial))) {
        cells = container_of(pool->partial.next, struct cells, node);
        cell = cells->free;
        cells->free = cell->next;
        cells->used++;
        if (cells->free == NULL)
            list_del(&cells->node);
    }
    spin_unlock(&pool->lock);
    return cell;
}

/* The lock is held, nothing in these is used any more, and they are in the list. */
__attribute__((noinline)) static void end_cells(struct cell_pool *pool, struct cells *cells)
{
    if (pool->keeps_one && cells->node.next == cells->node.prev)
        return;
    list_del(&cells->node);
    free_piece(pool, cells);
}

void cell_give(enum cell_kind kind, void *given)
{
    struct cell_pool *pool = &pools[kind];
    struct cells *cells = cells_of(pool, given);
    struct cell *cell = given;

    spin_lock(&pool->lock);
    if (unlikely(cells->free == NULL))
        list_add_tail(&pool->partial, &cells->node);
    cell->next = cells->free;
    cells->free = cell;
    if (--cells->used == 0)
        end_cells(pool, cells);
    spin_unlock(&pool->lock);
}

static bool trim(struct cell_pool *pool)
{
    struct cells *cells = NULL;

    spin_lock(&pool->lock);
    if (!list_empty(&pool->partial)) {
        cells = container_of(pool->partial.next, struct cells, node);
        if (cells->used == 0)
            list_del(&cells->node);
        else
            cells = NULL;
    }
    spin_unlock(&pool->lock);
    if (cells != NULL)
        free_piece(pool, cells);
    return cells != NULL;
}

bool cell_trim(void)
{
    bool any = false;

    for (u32 kind = 0; kind < CELL_KINDS; kind++)
        any |= trim(&pools[kind]);
    return any;
}

void *cell_alloc(void)
{
    return cell_take(CELL_SMALL);
}

void cell_free(void *cell)
{
    cell_give(CELL_SMALL, cell);
}
