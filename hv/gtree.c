/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Walks of a whole G-stage tree: a fork copies it, an end gives it back, the census counts it.
 *
 * They look at what is in use only, by the spans of the tables, and pass over tables of devices.
 * What leaves mean, and when they change one by one, is gstage.c's.
 */
#include <string.h>

#include "hv/frame.h"
#include "hv/gstage.h"
#include "hv/gtable.h"
#include "hv/megapage.h"

/* Shares the frames of one leaf table: W goes on both sides, each frame counts one more. */
static void share_leaves(pte_t *to, pte_t *from, u64 count)
{
    for (pte_t *end = from + count; from < end; from++, to++) {
        u64 pte = from->v;

        if (pte & PTE_V) {
            pte &= ~PTE_W;
            from->v = pte;
            to->v = pte;
            frame_get(pte_hpa((pte_t){pte}));
        }
    }
}

static enum err copy_leaf(pte_t *to, hpa_t from)
{
    hpa_t copy = frame_alloc();

    if (copy.v == 0)
        return ERR_NOMEM;
    page_copy(copy, from);
    *to = pte_of(copy, LEAF_OWNED);
    (void)table_own(table_of(to));
    return ERR_OK;
}

static enum err copy_leaves(pte_t *to, const pte_t *from, u64 count)
{
    enum err err = ERR_OK;

    for (u64 i = 0; i < count && err == ERR_OK; i++) {
        if (pte_valid(from[i]))
            err = copy_leaf(&to[i], pte_hpa(from[i]));
    }
    return err;
}

/* Copies the pages of a leaf of 2 MiB where there are no 2 MiB in one piece. */
static enum err copy_pages(pte_t *to, hpa_t from)
{
    hpa_t table = table_alloc();
    pte_t *entry = hpa_ptr(table);
    enum err err = ERR_OK;

    if (table.v == 0)
        return ERR_NOMEM;
    *to = pte_of(table, PTE_V);
    frame_of(table)->first = 0;
    frame_of(table)->end = TABLE_ENTRIES;
    for (u64 i = 0; i < TABLE_ENTRIES && err == ERR_OK; i++)
        err = copy_leaf(&entry[i], (hpa_t){from.v + i * PAGE_BYTES});
    return err;
}

static enum err clone_megapage(pte_t *to, pte_t *from, enum clone_mode mode)
{
    if (mode == CLONE_COPY)
        return megapage_copy(to, *from) ? ERR_OK : copy_pages(to, pte_hpa(*from));
    megapage_share(to, from);
    return ERR_OK;
}

static enum err clone_table(hpa_t to, hpa_t from, u32 level, enum clone_mode mode);

/* ... of the table of `level` that an entry points to. */
static inline enum err clone_below(pte_t *to, pte_t from, u32 level, enum clone_mode mode)
{
    hpa_t below = table_alloc();

    if (below.v == 0)
        return ERR_NOMEM;
    *to = pte_of(below, PTE_V);
    return clone_table(below, pte_hpa(from), level, mode);
}

/* Makes `to`, a clean table, a clone of `from`.  After ERR_NOMEM `to` is a tree that can be freed.
 */
static enum err clone_table(hpa_t to, hpa_t from, u32 level, enum clone_mode mode)
{
    const struct frame *span = frame_of(from);
    pte_t *source = hpa_ptr(from), *target = hpa_ptr(to);

    if (span->first >= span->end)
        return ERR_OK;
    frame_of(to)->first = span->first;
    frame_of(to)->end = span->end;
    if (level == 0) {
        u64 count = (u64)span->end - span->first;

        if (mode == CLONE_COPY)
            return copy_leaves(target + span->first, source + span->first, count);
        table_disown(from);
        share_leaves(target + span->first, source + span->first, count);
        return ERR_OK;
    }
    for (u64 i = span->first; i < span->end; i++) {
        enum err err;

        if ((source[i].v & (PTE_V | PTE_DEVICE)) != PTE_V)
            continue;
        err = unlikely(pte_leaf(source[i])) ? clone_megapage(&target[i], &source[i], mode)
                                            : clone_below(&target[i], source[i], level - 1, mode);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

/*
 * gstage_clone - child becomes a copy of parent as it is now.
 *
 * No vCPU of the parent runs elsewhere.  The child starts without VMIDs.
 *
 * ERR_NOMEM: the child holds nothing, the parent is as it was (it may have lost rights that the
 * next write brings back).
 */
enum err gstage_clone(struct gstage *child, struct gstage *parent, enum clone_mode mode)
{
    enum err err =
        gstage_create(child, parent->ram_base, parent->ram_bytes, parent->backing, parent->vcpus);

    if (err != ERR_OK)
        return err;
    spin_lock(&parent->lock);
    err = clone_table(child->root, parent->root, sv39x4.levels - 1, mode);
    if (mode == CLONE_COW)
        gstage_fence(parent);
    spin_unlock(&parent->lock);
    if (err != ERR_OK)
        gstage_destroy(child);
    return err;
}

static void forget_devices(hpa_t table)
{
    const struct frame *span = frame_of(table);

    if (span->first < span->end)
        memset((pte_t *)hpa_ptr(table) + span->first, 0,
               (size_t)(span->end - span->first) * sizeof(pte_t));
}

static void empty_leaves(hpa_t table)
{
    const struct frame *span = frame_of(table);
    pte_t *entries = hpa_ptr(table);

    for (u64 i = span->first; i < span->end; i++) {
        pte_t entry = entries[i];

        if (!pte_valid(entry))
            continue;
        entries[i] = (pte_t){0};
        frame_put(pte_hpa(entry));
    }
    table_release(table);
}

/* Empties a table above the leaves and everything below it; what remains is clean. */
static void empty_table(hpa_t table, u32 level)
{
    const struct frame *span = frame_of(table);
    pte_t *entries = hpa_ptr(table);

    for (u64 i = span->first; i < span->end; i++) {
        pte_t entry = entries[i];

        if (!pte_valid(entry))
            continue;
        entries[i] = (pte_t){0};
        if (pte_leaf(entry)) {
            chunk_put(pte_hpa(entry));
            continue;
        }
        if (level > 1)
            empty_table(pte_hpa(entry), level - 1);
        else if (entry.v & PTE_DEVICE)
            forget_devices(pte_hpa(entry));
        else
            empty_leaves(pte_hpa(entry));
        table_free(pte_hpa(entry));
    }
}

/*
 * gstage_destroy - give back every frame.  No hart has the root in hgatp.
 *
 * Translations under its VMIDs may linger in TLBs: those numbers are fenced before they are given
 * out again.
 */
void gstage_destroy(struct gstage *gs)
{
    empty_table(gs->root, sv39x4.levels - 1);
    table_free_root(gs->root);
    gs->root = (hpa_t){0};
}

static void count_page(pte_t leaf, struct gstage_census *census)
{
    census->leaves_4k++;
    if (frame_refs(pte_hpa(leaf)) == 1)
        census->owned++;
    else
        census->shared++;
}

static void count_table(hpa_t table, u32 level, struct gstage_census *census)
{
    const struct frame *span = frame_of(table);
    const pte_t *entries = hpa_ptr(table);

    for (u64 i = span->first; i < span->end; i++) {
        if (!pte_valid(entries[i]))
            continue;
        if (level == 0) {
            count_page(entries[i], census);
        } else if (pte_leaf(entries[i])) {
            megapage_count(entries[i], census);
        } else {
            census->owned++;
            if (!(entries[i].v & PTE_DEVICE))
                count_table(pte_hpa(entries[i]), level - 1, census);
        }
    }
}

/* Frames of this VM, its tables included, devices not: owned by it alone, or shared with others. */
struct gstage_census gstage_count(struct gstage *gs)
{
    struct gstage_census census = {.owned = sv39x4.root_bytes / PAGE_BYTES};

    spin_lock(&gs->lock);
    count_table(gs->root, sv39x4.levels - 1, &census);
    spin_unlock(&gs->lock);
    return census;
}
