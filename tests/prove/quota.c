/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Limits of trees: a charge counts in a tree and all above or in none, no number goes beyond its
 * limit, and a tree is freed by its last user.  Three trees in a row, from any state.
 *
 * prove quick frames   --unwind 5
 * break frames   hv/quota.c s/return_frames(tree, at, frames)/return_frames(tree, NULL, frames)/
 * break frames   hv/quota.c s/count > limit - before/count > limit/
 * prove quick procs    --unwind 5
 * break procs    hv/quota.c s/return_proc(tree, at)/(void)tree/
 * prove quick put      --unwind 5
 * break put      hv/quota.c s/tree = parent;/break;/
 * prove quick commit   --unwind 5
 * break commit   hv/quota.c s/before > limit ||//
 */
#include "hv/quota.c"

#define TREES 3

u64 nondet_u64(void);
bool nondet_bool(void);

u64 frame_table_bias, chunk_table_bias, chunk_base;

static struct tree guest, middle, inner;
static struct tree *const trees[TREES] = {&guest, &middle, &inner};
static bool is_freed[TREES];
static u64 all_frames;

u64 frame_total_count(void)
{
    return all_frames;
}

void *cell_alloc(void)
{
    return NULL;
}

void cell_free(void *cell)
{
    for (u32 i = 0; i < TREES; i++) {
        if (cell == trees[i]) {
            __CPROVER_assert(!is_freed[i], "a tree is freed once");
            is_freed[i] = true;
        }
    }
}

/* Limits that were lowered below what there is already are among them. */
static void any_state(void)
{
    for (u32 i = 0; i < TREES; i++) {
        *trees[i] = (struct tree){.parent = i == 0 ? NULL : trees[i - 1],
                                  .users = nondet_u64(),
                                  .procs = nondet_u64(),
                                  .procs_max = nondet_u64(),
                                  .frames = nondet_u64(),
                                  .frames_max = nondet_u64()};
        __CPROVER_assume(trees[i]->frames <= QUOTA_NO_LIMIT && trees[i]->procs <= QUOTA_NO_LIMIT);
        __CPROVER_assume(trees[i]->frames_max <= QUOTA_NO_LIMIT);
        __CPROVER_assume(trees[i]->procs_max <= QUOTA_NO_LIMIT);
    }
}

/* Whether the charge is right: `by` more everywhere, or nothing and some tree has no room. */
static void check(enum err err, bool is_frames, const u64 *before, u64 by)
{
    bool has_room = true;

    for (u32 i = 0; i < TREES; i++) {
        u64 now = is_frames ? trees[i]->frames : trees[i]->procs;
        u64 max = is_frames ? trees[i]->frames_max : trees[i]->procs_max;

        has_room &= before[i] <= max && by <= max - before[i];
        if (err == ERR_OK)
            __CPROVER_assert(now == before[i] + by, "it counts everywhere");
        else
            __CPROVER_assert(now == before[i], "it counts nowhere");
    }
    __CPROVER_assert((err == ERR_OK) == has_room, "it is refused exactly if there is no room");
}

static void prove_frames(void)
{
    u64 before[TREES] = {guest.frames, middle.frames, inner.frames}, by = nondet_u64();
    enum err err;

    err = quota_charge_frames(&inner, by);
    check(err, true, before, by);
    if (err == ERR_OK)
        quota_return_frames(&inner, by);
    for (u32 i = 0; i < TREES; i++)
        __CPROVER_assert(trees[i]->frames == before[i], "what is returned counts nowhere");
}

static void prove_procs(void)
{
    u64 before[TREES] = {guest.procs, middle.procs, inner.procs};

    check(quota_charge_proc(&inner), false, before, 1);
}

/* Each tree but the guest's is a user of the one above. */
static void prove_put(void)
{
    u64 inner_users = inner.users, users = middle.users;

    __CPROVER_assume(inner_users > 0 && users > 0);
    quota_tree_put(&inner);
    __CPROVER_assert(is_freed[2] == (inner_users == 1), "its last user frees it");
    __CPROVER_assert(middle.users == users - is_freed[2], "which was a user of the one above");
    __CPROVER_assert(is_freed[1] == (is_freed[2] && users == 1), "which may end by it");
    __CPROVER_assert(!is_freed[0], "a guest's stays");
}

static void prove_commit(void)
{
    u64 by = nondet_u64(), before;
    u64 most;

    all_frames = nondet_u64();
    __CPROVER_assume(all_frames <= QUOTA_NO_LIMIT);
    most = all_frames - all_frames / 64;
    committed = before = nondet_u64();
    __CPROVER_assume(before <= QUOTA_NO_LIMIT);
    quota_set_strict(nondet_bool());
    if (quota_commit(by) == ERR_OK) {
        __CPROVER_assert(!is_strict || (committed == before + by && committed <= most),
                         "no more is promised than there is");
        quota_uncommit(by);
    }
    __CPROVER_assert(committed == before, "and all of it is taken back");
}

int main(void)
{
    any_state();
    PROVE();
    return 0;
}
