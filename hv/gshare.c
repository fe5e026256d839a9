/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ranges of a VM's RAM that stay shared in its forks, and images that VMs are made of.
 *
 * A page is shared by a flag of its entry in the space: it has W in every VM and is never copied.
 * The frame counts the lines that have it, as any other does; so it lives as long as one of them.
 * It may be blank (FRAME_BLANK): then no VM has it mapped.
 *
 * Which ranges these are a VM remembers in a frame of its own, by address, neighbours as one.
 *
 * Invariant: a page is in a range exactly if its entry has the flag.  Both change together, when
 * all memory that is needed is there; but a large range changes a slice at a time.  Meanwhile none
 * of the VM's vCPUs runs, nothing forks, and nobody else looks.
 */
#include <string.h>

#include "sbi/proc.h"

#include "hv/frame.h"
#include "hv/gcache.h"
#include "hv/gfence.h"
#include "hv/gstage.h"
#include "hv/panic.h"

#define SEEN        4U   /* a power of two */
#define SLICE_PAGES 512U /* that are looked for, or changed, at a time */

struct ranges {
    u32 count;
    struct range {
        u64 first, end; /* GPAs */
    } range[PROC_SHARED_RANGES_MAX];
    struct change { /* of a range, under way */
        struct range range;
        u32 step;    /* of those that it takes */
        u64 at;      /* below, this step is done */
        hpa_t chain; /* frames that a later step needs: see alloc_slice() */
    } change;
    struct seen { /* pages in them that words were looked for in last: a cache of the space */
        u64 gpa;
        hpa_t frame; /* {0}: none */
    } seen[SEEN];
};
_Static_assert(sizeof(struct ranges) <= PAGE_BYTES, "ranges are one frame");

static void append(struct ranges *ranges, u64 first, u64 end)
{
    if (ranges->count < PROC_SHARED_RANGES_MAX)
        ranges->range[ranges->count] = (struct range){first, end};
    ranges->count++;
}

typedef enum err plan_fn(const struct ranges *now, struct range change, struct ranges *then);

/* What the ranges are with `with`.  ERR_QUOTA: too many. */
static enum err plan_share(const struct ranges *now, struct range with, struct ranges *then)
{
    bool is_in = false;

    *then = (struct ranges){.count = 0};
    for (u32 i = 0; i < now->count; i++) {
        const struct range *range = &now->range[i];

        if (range->end < with.first) {
            append(then, range->first, range->end);
        } else if (range->first > with.end) {
            if (!is_in)
                append(then, with.first, with.end);
            is_in = true;
            append(then, range->first, range->end);
        } else {
            with.first = range->first < with.first ? range->first : with.first;
            with.end = range->end > with.end ? range->end : with.end;
        }
    }
    if (!is_in)
        append(then, with.first, with.end);
    return then->count <= PROC_SHARED_RANGES_MAX ? ERR_OK : ERR_QUOTA;
}

/* ... without. */
static enum err plan_unshare(const struct ranges *now, struct range without, struct ranges *then)
{
    *then = (struct ranges){.count = 0};
    for (u32 i = 0; i < now->count; i++) {
        const struct range *range = &now->range[i];

        if (range->end <= without.first || range->first >= without.end) {
            append(then, range->first, range->end);
            continue;
        }
        if (range->first < without.first)
            append(then, range->first, without.first);
        if (range->end > without.end)
            append(then, without.end, range->end);
    }
    return then->count <= PROC_SHARED_RANGES_MAX ? ERR_OK : ERR_QUOTA;
}

/* Its ranges, none at first.  False: no memory. */
static bool have_ranges(struct gstage *gs)
{
    hpa_t frame;

    if (gs->shared != NULL)
        return true;
    frame = frame_alloc();
    if (frame.v == 0)
        return false;
    gs->shared = hpa_ptr(frame);
    gs->shared->count = 0;
    gs->shared->change = (struct change){0};
    return true;
}

/* ---- changing a range ------------------------------------------------------------------------ */

/* Frees what is in a chain of frames, each of which holds the address of the next. */
static void free_chain(hpa_t chain)
{
    while (chain.v != 0) {
        hpa_t frame = chain;

        chain = *(const hpa_t *)hpa_ptr(frame);
        frame_put(frame);
    }
}

static void give_up(struct change *change)
{
    free_chain(change->chain);
    *change = (struct change){0};
}

/* The change of that range, which begins now if none is under way. */
static struct change *change_of(struct gstage *gs, struct range range)
{
    struct change *change = &gs->shared->change;

    if (change->range.end == 0)
        *change = (struct change){.range = range, .at = range.first};
    assert(change->range.first == range.first && change->range.end == range.end);
    return change;
}

/* One of the steps of a change, for [change->at, end).  If it fails, nothing is changed. */
typedef enum err step_fn(struct gstage *gs, struct change *change, u64 end);

/* The next slice of a step.  ERR_STATE: there are more.  Others: the change is given up. */
static enum err advance(struct gstage *gs, struct change *change, step_fn *step)
{
    u64 left = change->range.end - change->at;
    u64 bytes = left < SLICE_PAGES * PAGE_BYTES ? left : SLICE_PAGES * PAGE_BYTES;
    enum err err = step(gs, change, change->at + bytes);

    if (err != ERR_OK) {
        give_up(change);
        return err;
    }
    change->at += bytes;
    return bytes < left ? ERR_STATE : ERR_OK;
}

static enum err change_slice(struct gstage *gs, struct range range, step_fn *const *steps,
                             u32 count)
{
    struct change *change = change_of(gs, range);

    for (;;) {
        enum err err = advance(gs, change, steps[change->step]);

        if (err != ERR_OK || ++change->step == count)
            return err;
        change->at = range.first;
    }
}

static bool is_in_ram(const struct gstage *gs, gpa_t gpa, u64 bytes)
{
    return gstage_is_ram(gs, gpa) && bytes <= gs->ram_base.v + gs->ram_bytes - gpa.v;
}

/* The next slice of a change after which the ranges are as `plan` says.  ERR_STATE: there is more
 * to do. */
static enum err change_ranges(struct gstage *gs, gpa_t gpa, u64 bytes, plan_fn *plan,
                              step_fn *const *steps, u32 count)
{
    struct range range = {gpa.v, gpa.v + bytes};
    struct ranges then;
    enum err err;

    if (!is_in_ram(gs, gpa, bytes))
        return ERR_FAULT;
    spin_lock(&gs->lock);
    err = have_ranges(gs) ? plan(gs->shared, range, &then) : ERR_NOMEM;
    if (err == ERR_OK)
        err = change_slice(gs, range, steps, count);
    if (err == ERR_OK)
        *gs->shared = then;
    spin_unlock(&gs->lock);
    return err;
}

static u64 *own_entry(struct gstage *gs, u64 gpa)
{
    u64 page = gstage_page(gs, (gpa_t){gpa}), *line = gstage_own_line(gs, page);

    return line == NULL ? NULL : &line[page % SPACE_LINE];
}

static bool is_shared(const struct gstage *gs, u64 gpa)
{
    u64 page = gstage_page(gs, (gpa_t){gpa});
    bool alone;
    const u64 *line = space_line(&gs->space, page, &alone);

    return line != NULL && (line[page % SPACE_LINE] & SPACE_SHARED);
}

static bool is_untouched(const struct gstage *gs, u64 gpa, u64 entry)
{
    return entry == 0 && gstage_begins_zero(gs, (gpa_t){gpa});
}

/* First step: each page that is there, or is part of the image, is the VM's own, or shared already.
 */
static enum err own_slice(struct gstage *gs, struct change *change, u64 end)
{
    for (u64 gpa = change->at; gpa < end; gpa += PAGE_BYTES) {
        const u64 *entry = own_entry(gs, gpa);
        enum err err;

        if (entry == NULL)
            return ERR_NOMEM;
        if ((*entry & SPACE_SHARED) || is_untouched(gs, gpa, *entry))
            continue;
        if (gstage_frame(gs, (gpa_t){gpa}, ACCESS_WRITE, &err).v == 0)
            return err;
    }
    return ERR_OK;
}

static bool is_in(const struct ranges *ranges, u64 gpa)
{
    for (u32 i = 0; i < ranges->count; i++) {
        if (gpa >= ranges->range[i].first && gpa < ranges->range[i].end)
            return true;
    }
    return false;
}

/* What was blank before the step that failed at `end`, and is not shared, is as it was. */
static void give_up_blank(struct gstage *gs, const struct change *change, u64 end)
{
    for (u64 gpa = change->range.first; gpa < end; gpa += PAGE_BYTES) {
        u64 *entry = own_entry(gs, gpa), old = *entry;

        if (!(old & SPACE_SHARED) || is_in(gs->shared, gpa))
            continue;
        gcache_forget(gs, (gpa_t){gpa});
        *entry = old & ~SPACE_SHARED;
        if (!frame_is_blank(space_frame(old)))
            continue;
        space_set(&gs->space, entry, 0);
        frame_put(space_frame(old));
    }
}

/* Second step: pages that nobody has touched are blank, and shared at once: only what is shared is
 * never mapped as it is. */
static enum err blank_slice(struct gstage *gs, struct change *change, u64 end)
{
    for (u64 gpa = change->at; gpa < end; gpa += PAGE_BYTES) {
        u64 *entry = own_entry(gs, gpa);
        enum err err;
        hpa_t frame;

        if (!is_untouched(gs, gpa, *entry))
            continue;
        frame = gstage_alloc_page(gs, (hpa_t){0}, 0, &err);
        if (frame.v == 0) {
            give_up_blank(gs, change, gpa);
            return err;
        }
        frame_set_blank(frame);
        space_set(&gs->space, entry, frame.v | SPACE_SHARED);
    }
    return ERR_OK;
}

/* Last step: all others are shared, too. */
static enum err share_slice(struct gstage *gs, struct change *change, u64 end)
{
    for (u64 gpa = change->at; gpa < end; gpa += PAGE_BYTES) {
        u64 *entry = own_entry(gs, gpa);

        if (*entry & SPACE_SHARED)
            continue;
        *entry |= SPACE_SHARED;
        gcache_share(gs, (gpa_t){gpa});
    }
    return ERR_OK;
}

/*
 * gstage_share - the pages of a range are the same memory in all later clones.
 *
 * They are allocated at once, and copied where somebody else has them too: afterwards no store to
 * them needs memory.  Those that nobody has touched are zeroed when somebody does.
 *
 * ERR_STATE: a slice has been done, and the caller calls again, before any vCPU of the VM runs.
 */
enum err gstage_share(struct gstage *gs, gpa_t gpa, u64 bytes)
{
    static step_fn *const steps[] = {own_slice, blank_slice, share_slice};

    return change_ranges(gs, gpa, bytes, plan_share, steps, ARRAY_LEN(steps));
}

/* Chains a frame for each page that does not begin with zeros anyway.  The lines of all are the
 * VM's own then. */
static enum err alloc_slice(struct gstage *gs, struct change *change, u64 end)
{
    for (u64 gpa = change->at; gpa < end; gpa += PAGE_BYTES) {
        enum err err;
        hpa_t frame;

        if (own_entry(gs, gpa) == NULL)
            return ERR_NOMEM;
        if (gstage_begins_zero(gs, (gpa_t){gpa}))
            continue;
        frame = gstage_alloc_page(gs, (hpa_t){0}, 0, &err);
        if (frame.v == 0)
            return err;
        *(hpa_t *)hpa_ptr(frame) = change->chain;
        change->chain = frame;
    }
    return ERR_OK;
}

/* The next frame of a chain, zeroed. */
static hpa_t take_zero(hpa_t *chain)
{
    hpa_t frame = *chain;

    *chain = *(const hpa_t *)hpa_ptr(frame);
    page_zero(frame);
    return frame;
}

static enum err unshare_slice(struct gstage *gs, struct change *change, u64 end)
{
    for (u64 gpa = change->at; gpa < end; gpa += PAGE_BYTES) {
        u64 entry = *own_entry(gs, gpa);

        if (entry != 0 && !frame_is_blank(space_frame(entry)))
            gcache_forget(gs, (gpa_t){gpa});
    }
    /* before a frame is another's */
    gstage_fence(gs);
    for (u64 gpa = change->at; gpa < end; gpa += PAGE_BYTES) {
        u64 *entry = own_entry(gs, gpa), old = *entry;

        space_set(&gs->space, entry,
                  gstage_begins_zero(gs, (gpa_t){gpa}) ? 0 : take_zero(&change->chain).v);
        if (old != 0)
            frame_put(space_frame(old));
    }
    fence_code(gs);
    return ERR_OK;
}

/*
 * gstage_unshare - the pages of a range are the VM's own, and zero; for others nothing changes.
 * They are as if never touched, but where that would bring back a part of the image.
 *
 * No device has one of them pinned.  ERR_STATE: as gstage_share().
 */
enum err gstage_unshare(struct gstage *gs, gpa_t gpa, u64 bytes)
{
    static step_fn *const steps[] = {alloc_slice, unshare_slice};

    return change_ranges(gs, gpa, bytes, plan_unshare, steps, ARRAY_LEN(steps));
}

bool gstage_shared_range(struct gstage *gs, u32 index, gpa_t *gpa, u64 *bytes)
{
    bool is_there;

    spin_lock(&gs->lock);
    is_there = gs->shared != NULL && index < gs->shared->count;
    if (is_there) {
        const struct range *range = &gs->shared->range[index];

        gpa->v = range->first;
        *bytes = range->end - range->first;
    }
    spin_unlock(&gs->lock);
    return is_there;
}

/* to has the same ranges; nobody else knows it yet.  ERR_NOMEM: it has none. */
enum err gstage_copy_ranges(struct gstage *to, const struct gstage *from)
{
    if (from->shared == NULL || from->shared->count == 0)
        return ERR_OK;
    if (!have_ranges(to))
        return ERR_NOMEM;
    *to->shared = *from->shared;
    return ERR_OK;
}

void gstage_forget_ranges(struct gstage *gs)
{
    if (gs->shared == NULL)
        return;
    give_up(&gs->shared->change);
    frame_put(hpa_of(gs->shared));
    gs->shared = NULL;
}

/* Puts a shared page of another space at the same place. */
static enum err adopt_page(struct gstage *gs, u64 gpa, u64 shared)
{
    u64 *entry = own_entry(gs, gpa), old;

    if (entry == NULL)
        return ERR_NOMEM;
    old = *entry;
    frame_get(space_frame(shared));
    space_set(&gs->space, entry, shared);
    if (old != 0)
        frame_put(space_frame(old));
    return ERR_OK;
}

/* Both have the same RAM; keep->lock is held. */
static enum err adopt(struct gstage *gs, const struct gstage *keep)
{
    enum err err = gstage_copy_ranges(gs, keep);

    for (u32 i = 0; err == ERR_OK && gs->shared != NULL && i < gs->shared->count; i++) {
        const struct range *range = &gs->shared->range[i];

        for (u64 gpa = range->first; gpa < range->end && err == ERR_OK; gpa += PAGE_BYTES) {
            u64 page = gstage_page(keep, (gpa_t){gpa});
            bool alone;

            err = adopt_page(gs, gpa, space_line(&keep->space, page, &alone)[page % SPACE_LINE]);
        }
    }
    return err;
}

/*
 * gstage_create_from - a VM's memory as an image has it.
 *
 * keep, if any, has RAM of the same place and size; backing says what pages contain that the image
 * has not.
 *
 * ERR_NOMEM: nothing is held.
 */
enum err gstage_create_from(struct gstage *gs, struct gstage *image_template,
                            const struct backing *backing, u32 vcpus, struct gstage *keep)
{
    enum err err =
        gstage_create(gs, image_template->ram_base, image_template->ram_bytes, backing, vcpus);

    if (err != ERR_OK)
        return err;
    spin_lock(&image_template->lock);
    image_template->own_at = OWN_NONE; /* it has no tables that W would have to go from */
    space_fork(&gs->space, &image_template->space);
    spin_unlock(&image_template->lock);
    if (keep == NULL)
        return ERR_OK;
    assert(keep->ram_base.v == gs->ram_base.v && keep->ram_bytes == gs->ram_bytes);
    spin_lock(&keep->lock);
    err = adopt(gs, keep);
    spin_unlock(&keep->lock);
    if (err != ERR_OK)
        gstage_destroy(gs);
    return err;
}

hpa_t gstage_shared_frame(struct gstage *gs, gpa_t gpa)
{
    hpa_t frame = {0};
    enum err err;

    if (!gstage_is_ram(gs, gpa))
        return frame;
    spin_lock(&gs->lock);
    if (is_shared(gs, gpa.v))
        frame = gstage_frame(gs, gpa, ACCESS_READ, &err);
    if (frame.v != 0)
        frame_get(frame);
    spin_unlock(&gs->lock);
    return frame;
}

static struct seen *seen_of(const struct gstage *gs, u64 gpa)
{
    return &gs->shared->seen[gpa / PAGE_BYTES % SEEN];
}

/* gs->lock is held.  The frame of a page, and whether it is shared.  {0}: *err says why not. */
static hpa_t find_page(struct gstage *gs, u64 gpa, bool *shared, enum err *err)
{
    hpa_t frame;

    *err = ERR_OK;
    *shared = gs->shared != NULL && seen_of(gs, gpa)->gpa == gpa && seen_of(gs, gpa)->frame.v != 0;
    if (*shared)
        return seen_of(gs, gpa)->frame;
    frame = gstage_frame(gs, (gpa_t){gpa}, ACCESS_READ, err);
    *shared = frame.v != 0 && is_shared(gs, gpa);
    if (*shared)
        *seen_of(gs, gpa) = (struct seen){gpa, frame};
    return frame;
}

/*
 * gstage_word - what futexes compare, and by what they are found.
 *
 * gpa is aligned to 4.
 */
enum err gstage_word(struct gstage *gs, gpa_t gpa, u32 *value, struct word_key *key)
{
    u64 offset = gpa.v % PAGE_BYTES;
    bool shared;
    hpa_t frame;
    enum err err;

    if (!gstage_is_ram(gs, gpa))
        return ERR_FAULT;
    spin_lock(&gs->lock);
    frame = find_page(gs, gpa.v - offset, &shared, &err);
    if (frame.v != 0) {
        *value = __atomic_load_n((const u32 *)((u8 *)hpa_ptr(frame) + offset), __ATOMIC_SEQ_CST);
        *key = shared ? (struct word_key){frame.v + offset, NULL} : (struct word_key){gpa.v, gs};
    }
    spin_unlock(&gs->lock);
    return err;
}
