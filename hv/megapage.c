/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Leaves of 2 MiB, which the manual calls megapages.
 *
 *     gstage.c touches a region        its table reserves a chunk; each page gets the frame that
 * has its place there the last of 512 leaves gets W    join: the table becomes a leaf, the frames
 * stay where they are a fork                           the leaf loses W on both sides and counts
 * one more a store to a leaf without W      nobody else has any of it: W comes back; else split: a
 * table of 512 leaves without W, and then the store is gstage.c's matter, page by page
 *
 * Nothing is copied to make a leaf of 2 MiB.  A region some of whose frames are elsewhere, since no
 * chunk was spare or a page was copied on write, keeps its 512 leaves.
 *
 * Counts: all leaves of 2 MiB that map a chunk together hold one reference to each of its frames;
 * the chunk counts these leaves.  Only a VM that has such a leaf can make it more, under its lock:
 * so "the only one" is stable, as it is for a frame.
 *
 * Fences: both ways an entry of level 1 changes between a leaf and a pointer.  Translations stay
 * what they were, but a fence with an address is for leaves only: the whole VM is fenced, before a
 * table is used for something else and before a page is replaced.
 *
 * [PRIV "Two-Stage Address Translation", "Hypervisor Memory-Management Instructions"]
 */
#include "hv/megapage.h"

#include "hv/frame.h"
#include "hv/gtable.h"

_Static_assert(CHUNK_FRAMES == TABLE_ENTRIES, "a leaf table maps what a chunk holds");

/* From a leaf to that of the page behind it. */
#define PTE_NEXT (1UL << PTE_PPN_SHIFT)

static bool is_in_one_piece(const pte_t *entry)
{
    u64 expected = entry->v;

    if (pte_hpa(*entry).v % CHUNK_BYTES != 0)
        return false;
    for (const pte_t *end = entry + TABLE_ENTRIES; entry < end; entry++) {
        if (entry->v != expected)
            return false;
        expected += PTE_NEXT;
    }
    return true;
}

void megapage_join(struct gstage *gs, pte_t *above)
{
    hpa_t table = pte_hpa(*above);
    pte_t leaf = *(const pte_t *)hpa_ptr(table);

    if (!is_in_one_piece(hpa_ptr(table)))
        return;
    chunk_get(pte_hpa(leaf));
    set_entry(above, leaf);
    gstage_fence(gs);
    page_zero(table);
    table_release(table);
    table_free(table);
}

/* The references that the leaf holds become those of the 512, or are added to. */
static void share_frames(hpa_t chunk)
{
    if (chunk_leaves(chunk) == 1) {
        chunk_end(chunk);
        return;
    }
    for (struct frame *frame = frame_of(chunk), *end = frame + CHUNK_FRAMES; frame < end; frame++)
        __atomic_fetch_add(&frame->refs, 1, __ATOMIC_RELAXED);
    chunk_put(chunk);
}

enum err megapage_split(struct gstage *gs, pte_t *leaf)
{
    hpa_t table = table_alloc();
    pte_t *entry = hpa_ptr(table);
    u64 pte = leaf->v;

    if (table.v == 0)
        return ERR_NOMEM;
    for (pte_t *end = entry + TABLE_ENTRIES; entry < end; entry++) {
        entry->v = pte;
        pte += PTE_NEXT;
    }
    frame_of(table)->first = 0;
    frame_of(table)->end = TABLE_ENTRIES;
    share_frames(pte_hpa(*leaf));
    set_entry(leaf, pte_of(table, PTE_V));
    gstage_fence(gs);
    return ERR_OK;
}

static u32 frames_alone(hpa_t chunk)
{
    const struct frame *frame = frame_of(chunk);
    u32 count = 0;

    for (u64 i = 0; i < CHUNK_FRAMES; i++)
        count += __atomic_load_n(&frame[i].refs, __ATOMIC_RELAXED) == 1;
    return count;
}

bool megapage_is_alone(pte_t leaf)
{
    hpa_t chunk = pte_hpa(leaf);
    bool is_alone = chunk_leaves(chunk) == 1 && frames_alone(chunk) == CHUNK_FRAMES;

    /* what others did with the frames is behind us, before this VM writes there */
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return is_alone;
}

void megapage_count(pte_t leaf, struct gstage_census *census)
{
    hpa_t chunk = pte_hpa(leaf);
    u32 alone = chunk_leaves(chunk) == 1 ? frames_alone(chunk) : 0;

    census->leaves_2m++;
    census->owned += alone;
    census->shared += CHUNK_FRAMES - alone;
}

void megapage_share(pte_t *to, pte_t *from)
{
    from->v &= ~PTE_W;
    *to = *from;
    chunk_get(pte_hpa(*from));
}

bool megapage_copy(pte_t *to, pte_t from)
{
    hpa_t chunk = chunk_alloc();

    if (chunk.v == 0)
        return false;
    for (u64 i = 0; i < CHUNK_BYTES; i += PAGE_BYTES)
        page_copy((hpa_t){chunk.v + i}, (hpa_t){pte_hpa(from).v + i});
    *to = pte_of(chunk, LEAF_OWNED);
    return true;
}
