/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM's G-stage space: what its RAM contains (space.c), and tables that tell hardware so
 * (gcache.c).  Here is what keeps the two together.
 *
 *     entry of the space         PTE in the tables, if there is one
 *     0: never touched           invalid; a fault brings a frame, filled from the backing
 *     a frame, this VM's alone   R W X
 *     a frame                    R - X: a write copies it, or, if it is this VM's alone by now,
 *                                takes it over
 *     SPACE_SHARED               R W X: never copied
 *
 * A frame is this VM's alone if the line of the space that has it is, and the frame counts one.
 *
 * Invariant: a valid PTE has its page's frame, and W only if that is this VM's alone or shared.  It
 * holds because the only way to make a frame less alone is space_fork(), under the VM's lock, and
 * whoever calls that takes W away first; and because whoever replaces a frame corrects the PTE.
 *
 * A fault that finds no PTE for a page that is there brings those of its line: eight pages, one
 * block of the table.  A first touch and a copy bring that of one page: the others are not there,
 * or not this VM's to write.
 *
 * A device of the machine that the guest may read (the window) is mapped page by page as well, R
 * alone.  Its pages are no frames and in no space: nothing counts, copies or frees them.
 *
 * Leaves carry A and D from the start: no hardware ever writes a G-stage table.
 *
 * Fences: gaining a right needs one on this hart only (another one that faults will find the right
 * and fence for itself); replacing a frame needs one on every hart before the old frame is let go;
 * taking W away in a clone needs one of the whole VM before either side runs.
 *
 * Emulated devices are not mapped here: an address without RAM is for fault.c to decide.
 *
 * [PRIV "Two-Stage Address Translation", "Memory-Management Fences"]
 */
#include "hv/gstage.h"

#include <string.h>

#include "lib/riscv/fence.h"
#include "lib/riscv/pgtable.h"

#include "hv/firmware.h"
#include "hv/frame.h"
#include "hv/gcache.h"
#include "hv/hart.h"
#include "hv/panic.h"
#include "hv/random.h"
#include "hv/reclaim.h"

/* So that a fault that needs none of these saves no registers for them. */
#define OUT_OF_LINE __attribute__((noinline))

static inline u64 index_in_line(u64 page)
{
    return page % SPACE_LINE;
}

static inline hpa_t frame_in(u64 entry)
{
    return (hpa_t){entry & ~SPACE_FLAGS};
}

static void init(struct gstage *gs, gpa_t ram_base, u64 ram_bytes, const struct backing *backing,
                 u32 vcpus)
{
    *gs = (struct gstage){
        .vcpus = vcpus, .ram_base = ram_base, .ram_bytes = ram_bytes, .backing = backing};
    list_init(&gs->has_root);
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

/* ---- where a page's entry is ---- */

static void set_megapage(struct gstage *gs, pte_t *entry, hpa_t chunk)
{
    gcache_log(gs, line_of(entry), 1);
    gcache_log_write(gs, entry);
    set_entry(entry, pte_of(chunk, LEAF_OWNED));
    table_use(table_of(entry), index_in_table(entry));
}

/*
 * Fills an entry of level 1 for RAM: by a leaf, if the 2 MiB are this VM's alone and in one piece,
 * or by an empty table.  False: no memory.
 */
static bool make_region(struct gstage *gs, u64 page, pte_t *entry)
{
    bool alone;

    if (space_region_alone(&gs->space, page)) {
        const u64 *line = space_line(&gs->space, align_down(page, CHUNK_FRAMES), &alone);

        set_megapage(gs, entry, frame_in(line[0]));
        return true;
    }
    return gcache_make_table(gs, entry, 1);
}

/* Makes what is missing above the leaves.  False: no memory, nothing lost. */
OUT_OF_LINE static bool make_tables(struct gstage *gs, gpa_t gpa)
{
    pte_t *entry;

    if (gs->root.v == 0 && !gcache_make_root(gs))
        return false;
    entry = (pte_t *)hpa_ptr(gs->root) + pgtable_index(&sv39x4, gpa.v, 2);
    if (!pte_valid(*entry) && !gcache_make_table(gs, entry, 2))
        return false;
    entry = entry_above(gs, gpa);
    if (pte_valid(*entry))
        return true;
    return gstage_is_ram(gs, gpa) ? make_region(gs, gstage_page(gs, gpa), entry)
                                  : gcache_make_table(gs, entry, 1);
}

/* ---- fences ---- */

/*
 * This hart forgets gpa under the VMID that it translates with now.  A sibling that ran here before
 * under a VMID of its own finds the right when it faults.
 */
static void fence_page_here(gpa_t gpa)
{
    hfence_gvma_page(gpa, this_hart()->vmid);
}

/*
 * ... all of the VM: it may have cached that there was no table yet, and a fence with an address is
 * for leaves only.
 */
static void fence_here(void)
{
    hfence_gvma_vmid(this_hart()->vmid);
}

/* This hart runs the VM, and no other does.  Not so where a device's answer comes to another hart.
 */
static inline bool runs_here_alone(const struct gstage *gs)
{
    const struct vmid *id = &gs->vmid[0];

    return gs->vcpus == 1 && id->running && id->hart == this_hart()->index;
}

/* No hart that runs this VM still translates gpa to the frame it had. */
static void fence_replaced(struct gstage *gs, gpa_t gpa)
{
    if (likely(runs_here_alone(gs))) {
        fence_page_here(gpa);
        return;
    }
    for (u32 i = 0; i < gs->vcpus; i++)
        vmid_fence_page(&gs->vmid[i], gpa);
}

OUT_OF_LINE static void fence_code_elsewhere(const struct gstage *gs)
{
    for (u32 i = 0; i < gs->vcpus; i++) {
        const struct vmid *id = &gs->vmid[i];

        if (__atomic_load_n(&id->running, __ATOMIC_SEQ_CST) && id->hart != this_hart()->index)
            firmware_remote_fence_i(hart_at(id->hart)->id);
    }
}

/* Guest code may be fetched from a page that was just written: no hart may use what it prefetched.
 */
static inline void fence_code(const struct gstage *gs)
{
    fence_i();
    if (unlikely(!runs_here_alone(gs)))
        fence_code_elsewhere(gs);
}

/*
 * Puts random numbers where the seed is, if some of it is in the page.  A page is filled once for
 * each VM, and again after a reset, so no two have the same; what a fork copies is what was filled.
 */
static void fill_seed(gpa_t seed, gpa_t page, hpa_t frame)
{
    u64 end = page.v + PAGE_BYTES;
    u64 from = seed.v > page.v ? seed.v : page.v;
    u64 to = seed.v + SEED_BYTES < end ? seed.v + SEED_BYTES : end;

    if (from < to && random_bytes((u8 *)hpa_ptr(frame) + (from - page.v), to - from) != ERR_OK)
        panic("a guest's device tree promises a seed, and there are no random numbers");
}

/* Fills the page at gpa with what the backing says. */
OUT_OF_LINE static void fill(const struct backing *backing, gpa_t page, hpa_t frame)
{
    u64 end = page.v + PAGE_BYTES;
    bool zeroed = false;

    for (const struct backing_part *part = backing->part; part < backing->part + backing->count;
         part++) {
        u64 from, to;

        if (likely(page.v >= part->gpa.v + part->bytes || part->gpa.v >= end))
            continue;
        from = part->gpa.v > page.v ? part->gpa.v : page.v;
        to = part->gpa.v + part->bytes < end ? part->gpa.v + part->bytes : end;
        if (!zeroed && to - from < PAGE_BYTES) {
            page_zero(frame);
            zeroed = true;
        }
        memcpy((u8 *)hpa_ptr(frame) + (from - page.v), part->from + (from - part->gpa.v),
               to - from);
        fill_seed(backing->seed, page, frame);
        if (to - from == PAGE_BYTES)
            return;
    }
    if (!zeroed)
        page_zero(frame);
}

static inline void fill_page(const struct backing *backing, gpa_t gpa, hpa_t frame)
{
    if (likely(gpa.v - backing->blank.v < backing->blank_bytes))
        page_zero(frame);
    else
        fill(backing, (gpa_t){align_down(gpa.v, PAGE_BYTES)}, frame);
}

/* ---- pages that come, go and change hands ---- */

/* Leaves of the table at gpa have got W. */
static inline void note_owned(struct gstage *gs, hpa_t table, u32 leaves, gpa_t gpa)
{
    if (unlikely(table_own(table, leaves)))
        gcache_join(gs, entry_above(gs, gpa));
}

/* The page at gpa, which is in a leaf table at `entry`, is the VM's alone now. */
static inline void set_owned(struct gstage *gs, pte_t *entry, gpa_t gpa, hpa_t frame)
{
    gcache_log(gs, line_of(entry), 0);
    gcache_log_write(gs, entry);
    set_entry(entry, pte_of(frame, LEAF_OWNED));
    note_owned(gs, table_of(entry), 1, gpa);
}

/*
 * The pages of a region are to have a chunk to themselves: the one in which the first of them is in
 * its place, if some are there already.
 */
OUT_OF_LINE static void reserve(const struct gstage *gs, hpa_t table, u64 page)
{
    u64 first = align_down(page, CHUNK_FRAMES), there = space_next(&gs->space, first);
    hpa_t neighbour = {0};
    bool alone;

    if (there < first + CHUNK_FRAMES && there < gs->space.pages)
        neighbour = frame_in(space_line(&gs->space, there, &alone)[index_in_line(there)]);
    table_reserve(table, neighbour, there % CHUNK_FRAMES);
}

/* A page that was never touched.  entry: where it is to be mapped, NULL: nowhere. */
OUT_OF_LINE static enum err touch(struct gstage *gs, pte_t *entry, gpa_t gpa)
{
    u64 page = gstage_page(gs, gpa), *line = space_own_line(&gs->space, page);
    hpa_t frame;

    if (unlikely(line == NULL))
        return ERR_NOMEM;
    if (likely(entry != NULL) && unlikely(table_wants_chunk(table_of(entry))))
        reserve(gs, table_of(entry), page);
    frame = likely(entry != NULL) ? frame_alloc_home(table_of(entry), index_in_table(entry))
                                  : frame_alloc();
    if (unlikely(frame.v == 0))
        return ERR_NOMEM;
    fill_page(gs->backing, gpa, frame);
    fence_code(gs);
    space_set(&gs->space, &line[index_in_line(page)], frame.v);
    if (likely(entry != NULL)) {
        set_owned(gs, entry, gpa, frame);
        fence_page_here(gpa);
    }
    return ERR_OK;
}

/* A page that is there becomes the VM's own, by a copy or, if nobody else has it, as it is. */
OUT_OF_LINE static enum err own(struct gstage *gs, pte_t *entry, gpa_t gpa, enum trace_did *did)
{
    u64 page = gstage_page(gs, gpa), *line = space_own_line(&gs->space, page);
    hpa_t shared, copy;

    if (unlikely(line == NULL))
        return ERR_NOMEM;
    line += index_in_line(page);
    shared = frame_in(*line);
    if (frame_refs(shared) == 1) {
        *did = TRACE_DID_TAKEOVER;
        if (entry != NULL) {
            set_owned(gs, entry, gpa, shared);
            fence_page_here(gpa);
        }
        return ERR_OK;
    }
    *did = TRACE_DID_COW;
    copy = frame_alloc();
    if (unlikely(copy.v == 0))
        return ERR_NOMEM;
    page_copy(copy, shared);
    fence_code(gs);
    space_set(&gs->space, line, copy.v);
    if (likely(entry != NULL)) {
        set_owned(gs, entry, gpa, copy);
        fence_replaced(gs, gpa);
    }
    frame_put(shared);
    return ERR_OK;
}

/* What a leaf for this entry of a line may have. */
static inline u64 rights(u64 entry, bool alone)
{
    if (unlikely(entry & SPACE_SHARED))
        return LEAF_OWNED | PTE_SHARED;
    return alone && frame_refs(frame_in(entry)) == 1 ? LEAF_OWNED : LEAF_SHARED;
}

/* Every page of a line that is there gets what it may have. */
OUT_OF_LINE static void map_line(struct gstage *gs, pte_t *entry, gpa_t gpa, const u64 *line,
                                 bool alone)
{
    pte_t *to = line_of(entry);
    u32 owned = 0;

    gcache_log(gs, to, 0);
    for (u32 i = 0; i < LINE_PTES; i++) {
        pte_t pte;

        if (line[i] == 0 || (to[i].v & PTE_W))
            continue;
        pte = pte_of(frame_in(line[i]), rights(line[i], alone));
        if ((pte.v & (PTE_W | PTE_SHARED)) == PTE_W) {
            gcache_log_write(gs, &to[i]);
            owned++;
        }
        set_entry(&to[i], pte);
    }
    if (owned > 0)
        note_owned(gs, table_of(entry), owned, gpa);
}

#define READS_MANY 8 /* lines of a region: the guest is likely to read the others, too */

/* The pages of a region are frames of a chunk, in their order. */
static bool is_in_one_piece(const struct gstage *gs, u64 first, u64 chunk)
{
    bool alone;

    for (u64 page = 0; page < CHUNK_FRAMES; page += SPACE_LINE) {
        const u64 *line = space_line(&gs->space, first + page, &alone);

        for (u64 i = 0; line != NULL && i < SPACE_LINE; i++) {
            if (line[i] != chunk + ((page + i) << PAGE_SHIFT))
                return false;
        }
        if (line == NULL)
            return false;
    }
    return true;
}

/* A line of a leaf table was filled for a read.  Of the READS_MANYth this looks further. */
static void note_read(struct gstage *gs, const pte_t *entry, gpa_t gpa)
{
    struct frame *table = frame_of(table_of(entry));
    u64 page = gstage_page(gs, gpa), chunk = align_down(pte_hpa(*entry).v, CHUNK_BYTES);

    if (likely(++table->reads != READS_MANY) || (table->home & HOME_OWNED) != 0)
        return;
    if (is_in_one_piece(gs, align_down(page, CHUNK_FRAMES), chunk))
        gcache_set_megapage(gs, entry_above(gs, gpa), pte_of((hpa_t){chunk}, LEAF_SHARED));
}

static inline bool may_write(u64 entry, bool alone)
{
    return (entry & SPACE_SHARED) || (alone && frame_refs(frame_in(entry)) == 1);
}

/* No leaf is there. */
OUT_OF_LINE static enum err map(struct gstage *gs, pte_t *entry, gpa_t gpa, enum access access,
                                enum trace_did *did)
{
    u64 page = gstage_page(gs, gpa);
    bool alone;
    const u64 *line = space_line(&gs->space, page, &alone);
    enum err err;

    if (line == NULL || line[index_in_line(page)] == 0) {
        *did = TRACE_DID_LAZY;
        return touch(gs, entry, gpa);
    }
    *did = TRACE_DID_FILL;
    if (access == ACCESS_WRITE && !may_write(line[index_in_line(page)], alone)) {
        err = own(gs, NULL, gpa, did);
        if (err != ERR_OK)
            return err;
        line = space_line(&gs->space, page, &alone);
    }
    map_line(gs, entry, gpa, line, alone);
    fence_page_here(gpa);
    if (access != ACCESS_WRITE && !alone)
        note_read(gs, entry, gpa);
    return ERR_OK;
}

/* A leaf without W is there, which the guest needs. */
OUT_OF_LINE static enum err unprotect(struct gstage *gs, pte_t *entry, gpa_t gpa,
                                      enum trace_did *did)
{
    u64 page = gstage_page(gs, gpa);
    bool alone;
    const u64 *line = space_line(&gs->space, page, &alone);

    if (!may_write(line[index_in_line(page)], alone))
        return own(gs, entry, gpa, did);
    *did = TRACE_DID_TAKEOVER;
    map_line(gs, entry, gpa, line, alone);
    fence_page_here(gpa);
    return ERR_OK;
}

/* ... one of 2 MiB. */
OUT_OF_LINE static enum err unprotect_megapage(struct gstage *gs, pte_t *leaf, gpa_t gpa,
                                               enum trace_did *did)
{
    if (space_region_alone(&gs->space, gstage_page(gs, gpa))) {
        *did = TRACE_DID_TAKEOVER;
        gcache_log_write(gs, leaf);
        leaf->v |= PTE_W;
        fence_page_here(gpa);
        return ERR_OK;
    }
    if (!gcache_make_table(gs, leaf, 1))
        return ERR_NOMEM;
    gstage_fence(gs);
    return map(gs, entry_below(*leaf, gpa), gpa, ACCESS_WRITE, did);
}

/* gs->lock is held; gpa is RAM.  Afterwards the tables grant access. */
static inline enum err grant(struct gstage *gs, gpa_t gpa, enum access access, enum trace_did *did)
{
    u32 level;
    pte_t *entry = gcache_find(gs, gpa, &level);

    if (unlikely(entry == NULL)) {
        if (!make_tables(gs, gpa))
            return ERR_NOMEM;
        entry = gcache_find(gs, gpa, &level);
        if (level == 1) {
            *did = TRACE_DID_FILL;
            fence_here();
            return ERR_OK;
        }
    }
    if (!pte_valid(*entry))
        return map(gs, entry, gpa, access, did);
    if (access == ACCESS_WRITE && !(entry->v & PTE_W))
        return likely(level == 0) ? unprotect(gs, entry, gpa, did)
                                  : unprotect_megapage(gs, entry, gpa, did);
    *did = TRACE_DID_SPURIOUS;
    return ERR_OK;
}

/* ---- faults ---- */

/*
 * What this hart may hold is not true, or not of these tables: it was loaded while the VM had none.
 */
OUT_OF_LINE static void refresh_here(const struct gstage *gs)
{
    u64 hgatp = hgatp_read(), root = gs->root.v >> PAGE_SHIFT;

    if (root != 0 && (hgatp & HGATP_PPN) != root)
        hgatp_write((hgatp & ~HGATP_PPN) | root);
    fence_here();
}

/*
 * gstage_fault - let a guest retry a faulting access, if it was to its RAM.
 *
 * gpa is a byte address; access is what the guest tried, not what the PTE allows.  The guest's vCPU
 * is loaded on this hart.
 *
 * 0            the guest may retry; this hart's stale leaf is gone, and every hart's if the frame
 *              changed; if it faults once more, nothing stale is left; *did says what it took
 * ERR_NOENT    gpa is not RAM (the caller tries devices); nothing changed
 * ERR_NOMEM    no frame for the page or a table; the guest sees no change
 *
 * [PRIV "Guest-Page Faults", "HFENCE.VVMA and HFENCE.GVMA"]
 */
enum err gstage_fault(struct gstage *gs, gpa_t gpa, enum access access, enum trace_did *did)
{
    bool had_root;
    enum err err;

    if (!gstage_is_ram(gs, gpa))
        return ERR_NOENT;
    spin_lock(&gs->lock);
    had_root = gs->root.v != 0;
    err = grant(gs, gpa, access, did);
    spin_unlock(&gs->lock);
    if (unlikely(!had_root) || (err == ERR_OK && *did == TRACE_DID_SPURIOUS))
        refresh_here(gs);
    return err;
}

/* gs->lock is held; gpa is in the window. */
static enum err grant_window(struct gstage *gs, gpa_t gpa, enum trace_did *did)
{
    u32 level;
    pte_t *entry = gcache_find(gs, gpa, &level);
    hpa_t page = {gs->backing->window.hpa.v + (gpa.v - gs->backing->window.gpa.v)};

    if (entry == NULL) {
        if (!make_tables(gs, gpa))
            return ERR_NOMEM;
        entry = gcache_find(gs, gpa, &level);
    }
    if (pte_valid(*entry)) {
        *did = TRACE_DID_SPURIOUS;
        return ERR_OK;
    }
    *did = TRACE_DID_PASSTHROUGH;
    gcache_log(gs, line_of(entry), 0);
    set_entry(entry, pte_of(page, LEAF_DEVICE));
    fence_page_here(gpa);
    return ERR_OK;
}

/*
 * gstage_fault_window - let a guest retry a faulting load, if it was to the window.
 *
 * 0            the guest may retry, as after gstage_fault()
 * ERR_NOENT    gpa is not in the window; nothing changed
 * ERR_PERM     it is, and the access is no load; nothing changed
 * ERR_NOMEM    no frame for a table; the guest sees no change
 */
enum err gstage_fault_window(struct gstage *gs, gpa_t gpa, enum access access, enum trace_did *did)
{
    bool had_root;
    enum err err;

    if (gpa.v - gs->backing->window.gpa.v >= gs->backing->window.bytes)
        return ERR_NOENT;
    if (access != ACCESS_READ)
        return ERR_PERM;
    spin_lock(&gs->lock);
    had_root = gs->root.v != 0;
    err = grant_window(gs, gpa, did);
    spin_unlock(&gs->lock);
    if (!had_root || (err == ERR_OK && *did == TRACE_DID_SPURIOUS))
        refresh_here(gs);
    return err;
}

/* ---- memory for hv ---- */

/* A page of the VM's has other contents now. */
void gstage_fence_code(const struct gstage *gs)
{
    fence_code(gs);
}

/* The page's frame as it is, {0} if it may not be accessed so: it is not there, or, to be written,
 * not the VM's own. */
static hpa_t frame_for(const struct gstage *gs, u64 page, enum access access)
{
    bool alone;
    const u64 *line = space_line(&gs->space, page, &alone);
    u64 entry = line == NULL ? 0 : line[index_in_line(page)];

    if (entry == 0 || (access == ACCESS_WRITE && !may_write(entry, alone)))
        return (hpa_t){0};
    return frame_in(entry);
}

/*
 * gs->lock is held; gpa is RAM.  Its page's frame, which afterwards may be accessed so.  Tables are
 * not needed; where there are some, they know.  {0}: no memory.
 */
hpa_t gstage_frame(struct gstage *gs, gpa_t gpa, enum access access)
{
    u64 page = gstage_page(gs, gpa);
    hpa_t frame = frame_for(gs, page, access);
    enum trace_did did;
    enum err err;

    if (likely(frame.v != 0))
        return frame;
    if (gs->root.v != 0)
        err = grant(gs, gpa, access, &did);
    else if (frame_for(gs, page, ACCESS_READ).v == 0)
        err = touch(gs, NULL, gpa);
    else
        err = own(gs, NULL, gpa, &did);
    return err == ERR_OK ? frame_for(gs, page, access) : frame;
}

#define RUN_PAGES 16 /* more are not looked for */

/* How many pages of the VM's own, from one on, lie one behind the other. */
static u64 own_pages(const struct gstage *gs, u64 page, hpa_t frame)
{
    u64 count = 1;

    while (count < RUN_PAGES && page + count < gs->space.pages &&
           frame_for(gs, page + count, ACCESS_WRITE).v == frame.v + count * PAGE_BYTES)
        count++;
    return count;
}

/* gs->lock is held; gpa is RAM.  Afterwards its page is the VM's own, and *run bytes from gpa on
 * are in one piece.  {0}: no memory. */
static hpa_t own_byte(struct gstage *gs, gpa_t gpa, u64 *run)
{
    hpa_t frame = gstage_frame(gs, gpa, ACCESS_WRITE);
    u32 level;
    const pte_t *entry = gcache_find(gs, gpa, &level);
    u64 offset = gpa.v % PAGE_BYTES;

    if (frame.v == 0)
        return frame;
    if (entry != NULL && level == 1 && (entry->v & PTE_W))
        *run = CHUNK_BYTES - gpa.v % CHUNK_BYTES;
    else
        *run = own_pages(gs, gstage_page(gs, gpa), frame) * PAGE_BYTES - offset;
    return (hpa_t){frame.v + offset};
}

/*
 * gstage_pin - where the byte at gpa is, for a device and for hv, to read and to write; on any
 * hart.
 *
 * The page becomes the VM's own, as by a store, also where it is only read: a shared one could be
 * copied by the guest's next store, given back by the others, and be somebody else's while a device
 * still reads it.  One of its own stays where it is until the VM is forked, reset or ends.
 *
 * *run: how many bytes from there on are in one piece.  {0}: gpa is not RAM, or there is no memory.
 */
hpa_t gstage_pin(struct gstage *gs, gpa_t gpa, u64 *run)
{
    hpa_t at;

    if (!gstage_is_ram(gs, gpa))
        return (hpa_t){0};
    spin_lock(&gs->lock);
    at = own_byte(gs, gpa, run);
    spin_unlock(&gs->lock);
    return at;
}

/* Walks [gpa, gpa + bytes) page by page and copies to or from buffer. */
static enum err transfer(struct gstage *gs, gpa_t gpa, u8 *buffer, u64 bytes, enum access access)
{
    enum err err = ERR_OK;

    if (bytes == 0)
        return ERR_OK;
    if (!gstage_is_ram(gs, gpa) || bytes > gs->ram_base.v + gs->ram_bytes - gpa.v)
        return ERR_FAULT;
    spin_lock(&gs->lock);
    while (bytes > 0 && err == ERR_OK) {
        u64 offset = gpa.v % PAGE_BYTES, left = PAGE_BYTES - offset;
        u64 now = bytes < left ? bytes : left;
        hpa_t frame = gstage_frame(gs, gpa, access);
        u8 *at = (u8 *)hpa_ptr(frame) + offset;

        if (frame.v == 0) {
            err = ERR_NOMEM;
            break;
        }
        if (access == ACCESS_WRITE)
            memcpy(at, buffer, now);
        else
            memcpy(buffer, at, now);
        gpa.v += now;
        buffer += now;
        bytes -= now;
    }
    spin_unlock(&gs->lock);
    return err;
}

/*
 * gstage_read, gstage_write - guest memory as the guest itself would see it: untouched pages come
 * into being, shared ones are copied before a write.
 *
 * ERR_FAULT: the range is not RAM, nothing was transferred.  ERR_NOMEM: a part may have been.
 */
enum err gstage_read(struct gstage *gs, gpa_t gpa, void *to, u64 bytes)
{
    return transfer(gs, gpa, to, bytes, ACCESS_READ);
}

enum err gstage_write(struct gstage *gs, gpa_t gpa, const void *from, u64 bytes)
{
    return transfer(gs, gpa, (u8 *)(uintptr_t)from, bytes, ACCESS_WRITE);
}

/* ---- forks and ends ---- */

/* gs->lock is held.  One page of an eager copy; what is shared is not copied. */
static enum err copy_page(struct gstage *child, u64 page, u64 entry)
{
    u64 *line = space_own_line(&child->space, page);
    hpa_t copy;

    if (line == NULL)
        return ERR_NOMEM;
    if (entry & SPACE_SHARED) {
        frame_get(frame_in(entry));
        space_set(&child->space, &line[index_in_line(page)], entry);
        return ERR_OK;
    }
    copy = frame_alloc();
    if (copy.v == 0)
        return ERR_NOMEM;
    page_copy(copy, frame_in(entry));
    space_set(&child->space, &line[index_in_line(page)], copy.v);
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

        err = copy_page(child, page, line[index_in_line(page)]);
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
    spin_lock(&parent->lock);
    if (unlikely(parent->shared != NULL))
        err = gstage_copy_ranges(child, parent);
    if (mode == CLONE_COW && err == ERR_OK) {
        gcache_protect(parent);
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
    space_release(&gs->space);
    gstage_forget_ranges(gs);
    spin_unlock(&gs->lock);
    /* so that what is left cannot grow, and keeps no pages of others shared for long */
    (void)reclaim_slice();
}

/* It has no tables yet: nothing but the caller knows where it is. */
void gstage_replace(struct gstage *gs, struct gstage *by)
{
    assert(by->root.v == 0);
    gstage_destroy(gs);
    *gs = *by;
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
