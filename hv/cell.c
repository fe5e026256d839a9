/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A frame of cells: the first one is its head, the others are handed out.
 *
 * Invariant, under the lock: a frame with free cells, and no other, is in the list `partial`; one
 * whose cells are all free is given back.  So with no cell in use no frame is held.
 *
 * It is for objects that few processes have: one lock for all harts.
 */
#include "hv/cell.h"

#include "lib/kit/list.h"
#include "lib/kit/spinlock.h"
#include "lib/riscv/ops.h"

#include "hv/frame.h"

#define CELLS (PAGE_BYTES / CELL_BYTES - 1)

struct cell {
    struct cell *next; /* free one of the same frame */
};

struct cells {
    struct list node;
    struct cell *free;
    u32 used;
};
_Static_assert(sizeof(struct cells) <= CELL_BYTES, "the head is a cell");

static struct {
    struct spinlock lock;
    struct list partial;
} pool = {
    .partial = {&pool.partial, &pool.partial}
};

static struct cells *cells_of(void *cell)
{
    return (struct cells *)align_down((u64)cell, PAGE_BYTES);
}

/* A frame with all its cells free; NULL: no memory.  Whoever looks for memory may free cells: so
 * pool.lock is not held. */
static struct cells *make_cells(void)
{
    hpa_t frame = frame_alloc();
    struct cells *cells = hpa_ptr(frame);

    if (frame.v == 0)
        return NULL;
    *cells = (struct cells){.used = 0};
    for (u64 i = CELLS; i > 0; i--) {
        struct cell *cell = (struct cell *)((u64)cells + i * CELL_BYTES);

        cell->next = cells->free;
        cells->free = cell;
    }
    return cells;
}

void *cell_alloc(void)
{
    struct cell *cell = NULL;
    struct cells *cells = NULL;
    bool is_made = false;

    spin_lock(&pool.lock);
    if (list_empty(&pool.partial)) {
        spin_unlock(&pool.lock);
        cells = make_cells();
        is_made = cells != NULL;
        spin_lock(&pool.lock);
    }
    if (is_made)
        list_add_tail(&pool.partial, &cells->node);
    if (!list_empty(&pool.partial)) {
        cells = container_of(pool.partial.next, struct cells, node);
        cell = cells->free;
        cells->free = cell->next;
        if (++cells->used == CELLS)
            list_del(&cells->node);
    }
    spin_unlock(&pool.lock);
    return cell;
}

void cell_free(void *freed)
{
    struct cells *cells = cells_of(freed);
    struct cell *cell = freed;

    spin_lock(&pool.lock);
    cell->next = cells->free;
    cells->free = cell;
    if (cells->used-- == CELLS)
        list_add_tail(&pool.partial, &cells->node);
    if (cells->used == 0) {
        list_del(&cells->node);
        frame_put(hpa_of(cells));
    }
    spin_unlock(&pool.lock);
}
