/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What trees of processes have and may have, in numbers of processes and of frames; and what all of
 * them together were promised.
 *
 * Invariant: no charge takes a number beyond its limit, not even for a moment: otherwise a large
 * request that fails would make a small one fail that fits, and who touches new memory then would
 * end.  A limit that is set below what there is already ends nobody.
 *
 * Who charges what, and to whom, is proc.c's and gstage.c's; who may set a limit, too.
 */
#include "hv/quota.h"

#include "hv/cell.h"
#include "hv/frame.h"

_Static_assert(sizeof(struct tree) <= CELL_BYTES, "a tree is a cell");

/* True if there is room for so many more. */
static inline bool add(u64 *used, const u64 *max, u64 count)
{
    u64 before = __atomic_load_n(used, __ATOMIC_RELAXED);
    u64 limit = __atomic_load_n(max, __ATOMIC_RELAXED);

    do {
        if (unlikely(before > limit || count > limit - before))
            return false;
    } while (!__atomic_compare_exchange_n(used, &before, before + count, true, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    return true;
}

/* Not below 0: what was charged while a tree was put above another, by limit(), may be missing. */
static inline void sub(u64 *used, u64 count)
{
    u64 before = __atomic_load_n(used, __ATOMIC_RELAXED);

    while (!__atomic_compare_exchange_n(used, &before, before > count ? before - count : 0, true,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

/* From `tree` up, but not `end`. */
static void return_frames(struct tree *tree, const struct tree *end, u64 frames)
{
    for (; tree != end; tree = tree->parent)
        sub(&tree->frames, frames);
}

enum err quota_charge_frames(struct tree *tree, u64 frames)
{
    for (struct tree *at = tree; at != NULL; at = at->parent) {
        if (unlikely(!add(&at->frames, &at->frames_max, frames))) {
            return_frames(tree, at, frames);
            return ERR_QUOTA;
        }
    }
    return ERR_OK;
}

void quota_return_frames(struct tree *tree, u64 frames)
{
    return_frames(tree, NULL, frames);
}

static void return_proc(struct tree *tree, const struct tree *end)
{
    for (; tree != end; tree = tree->parent)
        sub(&tree->procs, 1);
}

enum err quota_charge_proc(struct tree *tree)
{
    for (struct tree *at = tree; at != NULL; at = at->parent) {
        if (unlikely(!add(&at->procs, &at->procs_max, 1))) {
            return_proc(tree, at);
            return ERR_QUOTA;
        }
    }
    return ERR_OK;
}

void quota_return_proc(struct tree *tree)
{
    return_proc(tree, NULL);
}

struct tree *quota_tree_create(struct tree *parent)
{
    struct tree *tree = cell_alloc();

    if (tree == NULL)
        return NULL;
    *tree = (struct tree){.parent = quota_tree_get(parent),
                          .procs_max = QUOTA_NO_LIMIT,
                          .frames_max = QUOTA_NO_LIMIT};
    return tree;
}

void quota_tree_put(struct tree *tree)
{
    while (tree->parent != NULL && __atomic_sub_fetch(&tree->users, 1, __ATOMIC_ACQ_REL) == 0) {
        struct tree *parent = tree->parent;

        cell_free(tree);
        tree = parent;
    }
}

void quota_move(struct tree *within, u64 procs, u64 frames)
{
    __atomic_fetch_add(&within->procs, procs, __ATOMIC_RELAXED);
    __atomic_fetch_add(&within->frames, frames, __ATOMIC_RELAXED);
}

/* What VMs may come to need, of all memory but a 64th, which is for what cannot be told before:
 * writes to disks, and tables of ours. */
static bool is_strict;
static u64 committed;

#define SPARE_SHARE 64

void quota_set_strict(bool strict)
{
    is_strict = strict;
}

enum err quota_commit(u64 frames)
{
    u64 all = frame_total_count();

    if (!is_strict)
        return ERR_OK;
    all -= all / SPARE_SHARE;
    return add(&committed, &all, frames) ? ERR_OK : ERR_NOMEM;
}

void quota_uncommit(u64 frames)
{
    if (is_strict)
        sub(&committed, frames);
}
