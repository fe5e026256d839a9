/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a VM's memory begins, becomes two, and ends.
 *
 * Nothing here looks at the pages, but for the eager copy (FORK=copy), which shows what a fork must
 * be like, and the census.
 */
#include "hv/charge.h"
#include "hv/frame.h"
#include "hv/gcache.h"
#include "hv/gstage.h"
#include "hv/panic.h"
#include "hv/reclaim.h"

/* Field by field: a fork is in a hurry. */
static void init(struct gstage *gs, gpa_t ram_base, u64 ram_bytes, const struct backing *backing,
                 u32 vcpus)
{
    gs->lock = (struct spinlock){.held = 0};
    gs->vcpus = vcpus;
    gs->ram_base = ram_base;
    gs->ram_bytes = ram_bytes;
    gs->backing = backing;
    gs->space = (struct space){.root = NULL};
    gs->own_at = OWN_NONE;
    gs->own_line = NULL;
    gs->shared = NULL;
    gs->payer = NULL;
    gs->credit = UINT32_MAX;
    gs->owner = CHARGE_NOBODY;
    gs->root = (hpa_t){0};
    gs->lines = 0;
    list_init(&gs->has_root);
    for (u32 i = 0; i < vcpus; i++)
        gs->vmid[i] = (struct vmid){.generation = 0};
}

/*
 * gstage_create - an empty space.
 *
 * ram_base and ram_bytes are page-aligned; backing outlives the space.  It takes no memory.
 */
enum err gstage_create(struct gstage *gs, gpa_t ram_base, u64 ram_bytes,
                       const struct backing *backing, u32 vcpus)
{
    assert(ram_base.v + ram_bytes <= GSTAGE_END);
    init(gs, ram_base, ram_bytes, backing, vcpus);
    space_init(&gs->space, gstage_page(gs, (gpa_t){ram_base.v + ram_bytes}));
    return ERR_OK;
}

enum err gstage_get_credit(struct gstage *gs)
{
    struct tree *tree = gs->payer == NULL ? NULL : __atomic_load_n(gs->payer, __ATOMIC_RELAXED);

    gs->credit = tree == NULL ? 1 : CHARGE_AHEAD;
    gs->owner = tree == NULL ? CHARGE_NOBODY : charge_frames(tree, gs->credit);
    if (tree == NULL || gs->owner != CHARGE_NOBODY)
        return ERR_OK;
    gs->owner = charge_frames(tree, 1);
    gs->credit = gs->owner != CHARGE_NOBODY;
    return gs->credit > 0 ? ERR_OK : ERR_QUOTA;
}

/* gs->lock is held.  One page of an eager copy; what is shared is not copied. */
static enum err copy_page(struct gstage *child, u64 page, u64 entry)
{
    u64 *line = space_own_line(&child->space, page);
    hpa_t copy;
    enum err err;

    if (line == NULL)
        return ERR_NOMEM;
    if (entry & SPACE_SHARED) {
        frame_get(space_frame(entry));
        space_set(&child->space, &line[page % SPACE_LINE], entry);
        return ERR_OK;
    }
    copy = gstage_alloc_page(child, (hpa_t){0}, 0, &err);
    if (copy.v == 0)
        return err;
    page_copy(copy, space_frame(entry));
    space_set(&child->space, &line[page % SPACE_LINE], copy.v);
    return ERR_OK;
}

static enum err copy_space(struct gstage *child, const struct gstage *parent)
{
    enum err err = ERR_OK;
    bool alone;

    space_init(&child->space, parent->space.pages);
    for (u64 page = space_next(&parent->space, 0); page < parent->space.pages && err == ERR_OK;
         page = space_next(&parent->space, page + 1)) {
        const u64 *line = space_line(&parent->space, page, &alone);

        err = copy_page(child, page, line[page % SPACE_LINE]);
    }
    return err;
}

/*
 * gstage_clone - child becomes a copy of parent as it is now.
 *
 * No vCPU of the parent runs elsewhere.  The child starts without VMIDs and without tables.
 *
 * ERR_NOMEM: the child holds nothing, the parent is as it was.
 */
enum err gstage_clone(struct gstage *child, struct gstage *parent, enum clone_mode mode)
{
    enum err err = ERR_OK;

    init(child, parent->ram_base, parent->ram_bytes, parent->backing, parent->vcpus);
    child->payer = parent->payer;
    child->credit = 0;
    spin_lock(&parent->lock);
    if (unlikely(parent->shared != NULL))
        err = gstage_copy_ranges(child, parent);
    if (mode == CLONE_COW && err == ERR_OK) {
        gcache_protect(parent);
        parent->own_at = OWN_NONE;
        space_fork(&child->space, &parent->space);
    } else if (err == ERR_OK) {
        err = copy_space(child, parent);
    }
    spin_unlock(&parent->lock);
    if (err != ERR_OK)
        gstage_destroy(child);
    return err;
}

/*
 * gstage_destroy - give back every frame, some of them later: see space_reap().  No hart has the
 * root in hgatp.  What is left is an empty space without memory; that it is destroyed once more
 * does no harm.
 *
 * Translations under its VMIDs may linger in TLBs: those numbers are fenced before they are given
 * out again.
 */
void gstage_destroy(struct gstage *gs)
{
    spin_lock(&gs->lock);
    gcache_give_back(gs);
    gs->own_at = OWN_NONE;
    space_release(&gs->space);
    if (gs->owner != CHARGE_NOBODY && gs->credit > 0)
        charge_return(gs->owner, gs->credit);
    gs->credit = 0;
    gs->owner = CHARGE_NOBODY;
    gstage_forget_ranges(gs);
    spin_unlock(&gs->lock);
    /* so that what is left cannot grow, and keeps no pages of others shared for long */
    (void)reclaim_slice();
}

/* It has no tables yet: nothing but the caller knows where it is. */
void gstage_replace(struct gstage *gs, struct gstage *by)
{
    struct tree **payer = gs->payer;

    assert(by->root.v == 0);
    gstage_destroy(gs);
    *gs = *by;
    gs->payer = payer;
    gs->credit = 0;
    list_init(&gs->has_root);
}

/* Frames of this VM, its tables included, devices not: owned by it alone, or shared with others. */
struct gstage_census gstage_count(struct gstage *gs)
{
    struct gstage_census census = {0};
    struct space_count count;

    spin_lock(&gs->lock);
    count = space_count(&gs->space);
    gcache_count(gs, &census);
    spin_unlock(&gs->lock);
    census.owned += count.owned;
    census.shared += count.shared;
    return census;
}
