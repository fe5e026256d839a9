/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * How much a tree of processes may have.  See quota.c.
 *
 * Each guest of the command line has a tree; a process that calls limit() gets one of its own
 * within its parent's, for itself and its descendants.  What is charged to a tree is charged to all
 * above.
 */
#include "lib/kit/err.h"
#include "lib/kit/types.h"

#define QUOTA_NO_LIMIT ((u64)INT64_MAX)

struct tree {
    struct tree *parent; /* NULL: a guest's */
    u64 users; /* VMs and trees that point here; the last one frees it, unless a guest's */
    u64 procs, procs_max;       /* live processes and zombies */
    u64 frames, frames_max;     /* pages that its processes brought: see charge.c */
} __attribute__((aligned(16))); /* see charge.c */

/* ERR_QUOTA: some tree on the way up is full; nothing is charged.  Any hart, no lock. */
__must_check enum err quota_charge_frames(struct tree *tree, u64 frames);
void quota_return_frames(struct tree *tree, u64 frames);
__must_check enum err quota_charge_proc(struct tree *tree);
void quota_return_proc(struct tree *tree);

/* A tree within `parent`, with its limits and nobody in it; NULL: no memory. */
struct tree *quota_tree_create(struct tree *parent);
static inline struct tree *quota_tree_get(struct tree *tree)
{
    __atomic_fetch_add(&tree->users, 1, __ATOMIC_RELAXED);
    return tree;
}
void quota_tree_put(struct tree *tree);
/* What is in `within` already, as part of its parent's, counts there as well from now on. */
void quota_move(struct tree *within, u64 procs, u64 frames);

/* OVERCOMMIT=strict: memory is promised before it is handed out.  ERR_NOMEM: more than there is. */
void quota_set_strict(bool strict);
__must_check enum err quota_commit(u64 frames);
void quota_uncommit(u64 frames);
