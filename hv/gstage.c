/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM's G-stage space: an Sv39x4 tree that has a leaf for each page of RAM that was touched, or
 * one for 2 MiB whose pages all were; see megapage.c.
 *
 *     PTE of a RAM page       meaning
 *     invalid                 never touched: a fault brings a frame, filled from the backing
 *     R W X                   the frame is this VM's alone
 *     R - X                   the frame may be shared: a write copies it, or, if its reference
 *                             count is 1 by now, takes it over
 *
 * A device of the machine that the guest may read (the window) is mapped page by page as well, R
 * alone.  Its pages are no frames: nothing counts, copies or frees them.  They are in leaf tables
 * without RAM, which are marked, as their leaves are, by PTE_DEVICE; so a walk passes over a table
 * and need not look at leaves.  A fork leaves them out: a child that reads there faults, and has
 * them again.
 *
 * Invariant: a frame with W in any leaf has a reference count of 1.  Only its VM can raise that, in
 * gstage_clone(), under the VM's lock; so "count is 1" is stable while the lock is held.  A leaf
 * table counts its leaves with W: when all have it, they are to become one.
 *
 * Leaves carry A and D from the start: no hardware ever writes a G-stage table.
 *
 * Fences: gaining a right needs one on this hart only (another one that faults will find the right
 * and fence for itself); replacing a frame needs one on every hart before the old frame is let go;
 * taking W away in a clone needs one of the whole VM before either side runs.
 *
 * Walks of the whole tree, for a fork, an end and the census, are in gtree.c.  Emulated devices are
 * not mapped here: an address without RAM is for fault.c to decide.
 *
 * [PRIV "Two-Stage Address Translation", "Memory-Management Fences"]
 */
#include "hv/gstage.h"

#include <string.h>

#include "lib/riscv/fence.h"
#include "lib/riscv/pgtable.h"

#include "hv/firmware.h"
#include "hv/frame.h"
#include "hv/gtable.h"
#include "hv/hart.h"
#include "hv/megapage.h"
#include "hv/panic.h"
#include "hv/random.h"

/* So that a fault that needs none of these saves no registers for them. */
#define OUT_OF_LINE __attribute__((noinline))

/*
 * gstage_create - an empty space.
 *
 * ram_base and ram_bytes are page-aligned; backing outlives the space.  ERR_NOMEM: nothing is held.
 */
enum err gstage_create(struct gstage *gs, gpa_t ram_base, u64 ram_bytes,
                       const struct backing *backing, u32 vcpus)
{
    *gs = (struct gstage){.vcpus = vcpus,
                          .ram_base = ram_base,
                          .ram_bytes = ram_bytes,
                          .backing = backing,
                          .root = table_alloc_root()};
    return gs->root.v == 0 ? ERR_NOMEM : ERR_OK;
}

/* Fills an invalid entry that is not a leaf with an empty table.  False: no memory. */
OUT_OF_LINE static bool make_table(hpa_t table, pte_t *entry)
{
    hpa_t below = table_alloc();

    if (below.v == 0)
        return false;
    set_entry(entry, pte_of(below, PTE_V));
    table_use(table, (u64)(entry - (pte_t *)hpa_ptr(table)));
    return true;
}

/* ... with one whose pages, if it is for RAM, have a chunk to themselves, if there is one. */
OUT_OF_LINE static bool make_leaf_table(const struct gstage *gs, gpa_t gpa, pte_t *entry)
{
    if (!make_table(table_of(entry), entry))
        return false;
    if (gstage_is_ram(gs, gpa))
        table_reserve(pte_hpa(*entry));
    return true;
}

/* Where the walk to gpa, whose table of level 1 is there, is at that level. */
static inline pte_t *entry_above(const struct gstage *gs, gpa_t gpa)
{
    const pte_t *root = hpa_ptr(gs->root);

    return (pte_t *)hpa_ptr(pte_hpa(root[pgtable_index(&sv39x4, gpa.v, 2)])) +
           pgtable_index(&sv39x4, gpa.v, 1);
}

static inline pte_t *entry_below(pte_t above, gpa_t gpa)
{
    return (pte_t *)hpa_ptr(pte_hpa(above)) + pgtable_index(&sv39x4, gpa.v, 0);
}

/*
 * The entry for gpa of a leaf table, or a leaf of 2 MiB; *level says which.  Tables on the way are
 * made.  NULL: no memory, nothing lost.
 */
static inline pte_t *leaf_entry(const struct gstage *gs, gpa_t gpa, u32 *level)
{
    pte_t *entry = (pte_t *)hpa_ptr(gs->root) + pgtable_index(&sv39x4, gpa.v, 2);

    if (unlikely(!pte_valid(*entry)) && !make_table(gs->root, entry))
        return NULL;
    entry = entry_above(gs, gpa);
    if (unlikely((entry->v & (PTE_V | PTE_R)) != PTE_V)) {
        if (pte_valid(*entry)) {
            *level = 1;
            return entry;
        }
        if (!make_leaf_table(gs, gpa, entry))
            return NULL;
    }
    *level = 0;
    return entry_below(*entry, gpa);
}

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

/* A leaf of the table has got W. */
static inline void note_owned(struct gstage *gs, hpa_t table, gpa_t gpa)
{
    if (unlikely(table_own(table)))
        megapage_join(gs, entry_above(gs, gpa));
}

static inline void fill_page(const struct backing *backing, gpa_t gpa, hpa_t frame)
{
    if (likely(gpa.v - backing->blank.v < backing->blank_bytes))
        page_zero(frame);
    else
        fill(backing, (gpa_t){align_down(gpa.v, PAGE_BYTES)}, frame);
}

OUT_OF_LINE static enum err touch(struct gstage *gs, pte_t *entry, gpa_t gpa)
{
    hpa_t table = table_of(entry), frame = frame_alloc_home(table, index_in_table(entry));

    if (frame.v == 0)
        return ERR_NOMEM;
    fill_page(gs->backing, gpa, frame);
    fence_code(gs);
    set_entry(entry, pte_of(frame, LEAF_OWNED));
    table_use(table, index_in_table(entry));
    fence_page_here(gpa);
    note_owned(gs, table, gpa);
    return ERR_OK;
}

OUT_OF_LINE static enum err own(struct gstage *gs, pte_t *entry, gpa_t gpa, enum trace_did *did)
{
    hpa_t shared = pte_hpa(*entry), copy;

    if (frame_refs(shared) == 1) {
        *did = TRACE_DID_TAKEOVER;
        entry->v |= PTE_W;
        fence_page_here(gpa);
        note_owned(gs, table_of(entry), gpa);
        return ERR_OK;
    }
    *did = TRACE_DID_COW;
    copy = frame_alloc();
    if (copy.v == 0)
        return ERR_NOMEM;
    page_copy(copy, shared);
    fence_code(gs);
    set_entry(entry, pte_of(copy, LEAF_OWNED));
    fence_replaced(gs, gpa);
    frame_put(shared);
    note_owned(gs, table_of(entry), gpa);
    return ERR_OK;
}

OUT_OF_LINE static enum err own_megapage(struct gstage *gs, pte_t *leaf, gpa_t gpa,
                                         enum trace_did *did)
{
    enum err err;

    if (megapage_is_alone(*leaf)) {
        *did = TRACE_DID_TAKEOVER;
        leaf->v |= PTE_W;
        fence_page_here(gpa);
        return ERR_OK;
    }
    err = megapage_split(gs, leaf);
    return err != ERR_OK ? err : own(gs, entry_below(*leaf, gpa), gpa, did);
}

/* gs->lock is held; gpa is RAM.  Afterwards the tables grant access. */
static inline enum err grant(struct gstage *gs, gpa_t gpa, enum access access, enum trace_did *did)
{
    u32 level;
    pte_t *entry = leaf_entry(gs, gpa, &level);

    if (entry == NULL)
        return ERR_NOMEM;
    if (!pte_valid(*entry)) {
        *did = TRACE_DID_LAZY;
        return touch(gs, entry, gpa);
    }
    if (access == ACCESS_WRITE && !(entry->v & PTE_W))
        return likely(level == 0) ? own(gs, entry, gpa, did) : own_megapage(gs, entry, gpa, did);
    *did = TRACE_DID_SPURIOUS;
    return ERR_OK;
}

/*
 * gstage_fault - let a guest retry a faulting access, if it was to its RAM.
 *
 * gpa is a byte address; access is what the guest tried, not what the PTE allows.
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
    enum err err;

    if (!gstage_is_ram(gs, gpa))
        return ERR_NOENT;
    spin_lock(&gs->lock);
    err = grant(gs, gpa, access, did);
    if (err == ERR_OK && *did == TRACE_DID_SPURIOUS)
        fence_here();
    spin_unlock(&gs->lock);
    return err;
}

/* gs->lock is held; gpa is in the window. */
static enum err grant_window(struct gstage *gs, gpa_t gpa, enum trace_did *did)
{
    u32 level;
    pte_t *entry = leaf_entry(gs, gpa, &level), *above;
    hpa_t page = {gs->backing->window.hpa.v + (gpa.v - gs->backing->window.gpa.v)};

    if (entry == NULL)
        return ERR_NOMEM;
    if (pte_valid(*entry)) {
        *did = TRACE_DID_SPURIOUS;
        fence_here();
        return ERR_OK;
    }
    *did = TRACE_DID_PASSTHROUGH;
    above = entry_above(gs, gpa);
    set_entry(above, (pte_t){above->v | PTE_DEVICE});
    set_entry(entry, pte_of(page, LEAF_DEVICE));
    table_use(table_of(entry), index_in_table(entry));
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
    enum err err;

    if (gpa.v - gs->backing->window.gpa.v >= gs->backing->window.bytes)
        return ERR_NOENT;
    if (access != ACCESS_READ)
        return ERR_PERM;
    spin_lock(&gs->lock);
    err = grant_window(gs, gpa, did);
    spin_unlock(&gs->lock);
    return err;
}

/* Where the byte at gpa is, which the tables grant. */
static u8 *byte_at(const struct gstage *gs, gpa_t gpa)
{
    u32 level;
    pte_t leaf = *pgtable_find(&sv39x4, gs->root, gpa.v, &level);

    return (u8 *)hpa_ptr(pte_hpa(leaf)) + gpa.v % pgtable_entry_bytes(level);
}

#define RUN_PAGES 16 /* more are not looked for */

/* How many pages of the VM's own, from that of a leaf table's entry on, lie one behind the other.
 */
static u64 own_pages(const pte_t *entry)
{
    const pte_t *end = (const pte_t *)align_up((u64)(entry + 1), PAGE_BYTES), *last = entry;

    while (last + 1 < end && last + 1 < entry + RUN_PAGES &&
           last[1].v == last->v + (1UL << PTE_PPN_SHIFT))
        last++;
    return (u64)(last + 1 - entry);
}

/* gs->lock is held; gpa is RAM.  Afterwards its page is the VM's own, and *run bytes from gpa on
 * are in one piece.  {0}: no memory. */
static hpa_t own_byte(struct gstage *gs, gpa_t gpa, u64 *run)
{
    u32 level;
    pte_t *entry = leaf_entry(gs, gpa, &level);
    enum trace_did did;
    u64 bytes, offset;

    if (entry == NULL)
        return (hpa_t){0};
    if (unlikely((entry->v & PTE_W) == 0)) {
        if (grant(gs, gpa, ACCESS_WRITE, &did) != ERR_OK)
            return (hpa_t){0};
        entry =
            leaf_entry(gs, gpa, &level); /* which may be one of 2 MiB by now, or none any more */
    }
    bytes = pgtable_entry_bytes(level);
    offset = gpa.v % bytes;
    *run = (level == 0 ? own_pages(entry) * PAGE_BYTES : bytes) - offset;
    return (hpa_t){pte_hpa(*entry).v + offset};
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
        u64 left = PAGE_BYTES - gpa.v % PAGE_BYTES, now = bytes < left ? bytes : left;
        enum trace_did did;

        err = grant(gs, gpa, access, &did);
        if (err == ERR_OK) {
            if (access == ACCESS_WRITE)
                memcpy(byte_at(gs, gpa), buffer, now);
            else
                memcpy(buffer, byte_at(gs, gpa), now);
            gpa.v += now;
            buffer += now;
            bytes -= now;
        }
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
