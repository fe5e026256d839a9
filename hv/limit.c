/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limit(): a process says how much it and its descendants may have.
 *
 * The first time it gets a tree of its own within the one that it is in, and takes along what it
 * and its descendants have.  A guest of the command line has one from the beginning.
 *
 * Charges are made without a lock.  One that is made, at the very moment, within a tree of a
 * descendant's that gets another tree above it may be missing there, or count twice.
 */
#include "hv/proc_parts.h"
#include "hv/quota.h"
#include "hv/vcpu.h"

/* The family's lock is held.  All below `vm` that are in `before` are in `after` from now on. */
static void move(struct vm *vm, struct tree *before, struct tree *after)
{
    for (struct vm *at = vm; at != NULL; at = proc_after(at, vm)) {
        struct tree *top = at->tree;

        if (top == before) {
            at->tree = quota_tree_get(after);
            quota_tree_put(before);
            quota_move(after, 1, 0);
            continue;
        }
        while (top->parent != before && top->parent != after)
            top = top->parent;
        if (top->parent == before) {
            top->parent = quota_tree_get(after);
            quota_tree_put(before);
            quota_move(after, top->procs, top->frames);
        }
    }
}

/* The family's lock is held. */
static enum err own_tree(struct vm *vm)
{
    struct tree *tree;

    if (vm->owns_tree)
        return ERR_OK;
    tree = quota_tree_create(vm->tree);
    if (tree == NULL)
        return ERR_NOMEM;
    move(vm, vm->tree, tree);
    vm->owns_tree = true;
    return ERR_OK;
}

static u64 *limit_of(struct tree *tree, u64 what)
{
    return what == PROC_LIMIT_PROCS ? &tree->procs_max : &tree->frames_max;
}

/* The family's lock is held.  The limit that counts is the smallest on the way up. */
static u64 smallest_limit(struct tree *tree, u64 what)
{
    u64 smallest = QUOTA_NO_LIMIT;

    for (; tree != NULL; tree = tree->parent) {
        if (*limit_of(tree, what) < smallest)
            smallest = *limit_of(tree, what);
    }
    return smallest;
}

enum err proc_limit(struct vcpu *vcpu, u64 what, s64 value, u64 *before)
{
    struct vm *vm = vcpu->vm;
    enum err err = ERR_OK;

    if (what > PROC_LIMIT_FRAMES || value < -1)
        return ERR_INVAL;
    family_lock(family_of(vm));
    *before = smallest_limit(vm->tree, what);
    if (value > (s64)*before)
        err = ERR_PERM;
    else if (value >= 0)
        err = own_tree(vm);
    if (err == ERR_OK && value >= 0)
        __atomic_store_n(limit_of(vm->tree, what), (u64)value, __ATOMIC_RELAXED);
    family_unlock(family_of(vm));
    return err;
}
