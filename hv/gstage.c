/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM's G-stage space: an Sv39x4 tree that has a leaf for each page of RAM that was touched.
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
 * gstage_clone(), under the VM's lock; so "count is 1" is stable while the lock is held.
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
#include "hv/hart.h"
#include "hv/panic.h"
#include "hv/random.h"

static const struct pgtable_mode sv39x4 = SV39X4_MODE;

/* So that a fault that needs none of these saves no registers for them. */
#define OUT_OF_LINE __attribute__((noinline))

#define LEAF_SHARED (PTE_V | PTE_R | PTE_X | PTE_U | PTE_A | PTE_D)
#define LEAF_OWNED  (LEAF_SHARED | PTE_W)
#define PTE_DEVICE  PTE_RSW
#define LEAF_DEVICE (PTE_V | PTE_R | PTE_U | PTE_A | PTE_DEVICE)

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

/*
 * What the entry points to, a page or a table that was just filled, is there for every hart that
 * finds the entry: another vCPU of this VM may walk the tables meanwhile.
 */
static inline void set_entry(pte_t *entry, pte_t value)
{
    __atomic_store_n(&entry->v, value.v, __ATOMIC_RELEASE);
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

/* The leaf entry for gpa; tables on the way are made.  NULL: no memory, nothing lost. */
static inline pte_t *leaf_entry(const struct gstage *gs, gpa_t gpa)
{
    hpa_t table = gs->root;

#pragma GCC unroll 2
    for (u32 level = sv39x4.levels - 1; level > 0; level--) {
        pte_t *entry = (pte_t *)hpa_ptr(table) + pgtable_index(&sv39x4, gpa.v, level);

        if (unlikely(!pte_valid(*entry)) && !make_table(table, entry))
            return NULL;
        table = pte_hpa(*entry);
    }
    return (pte_t *)hpa_ptr(table) + pgtable_index(&sv39x4, gpa.v, 0);
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

/* No hart that runs this VM still translates gpa to the frame it had. */
static void fence_replaced(struct gstage *gs, gpa_t gpa)
{
    if (likely(gs->vcpus == 1)) {
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
    if (unlikely(gs->vcpus > 1))
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

/* Where an entry of a table that is not a root stands. */
static hpa_t table_of(const pte_t *entry)
{
    return (hpa_t){align_down((u64)entry, PAGE_BYTES)};
}

static u64 index_in_table(const pte_t *entry)
{
    return (u64)entry % PAGE_BYTES / sizeof(*entry);
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
    hpa_t frame = frame_alloc();

    if (frame.v == 0)
        return ERR_NOMEM;
    fill_page(gs->backing, gpa, frame);
    fence_code(gs);
    set_entry(entry, pte_of(frame, LEAF_OWNED));
    table_use(table_of(entry), index_in_table(entry));
    fence_page_here(gpa);
    return ERR_OK;
}

OUT_OF_LINE static enum err own(struct gstage *gs, pte_t *entry, gpa_t gpa, enum trace_did *did)
{
    hpa_t shared = pte_hpa(*entry), copy;

    if (frame_refs(shared) == 1) {
        *did = TRACE_DID_TAKEOVER;
        entry->v |= PTE_W;
        fence_page_here(gpa);
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
    return ERR_OK;
}

/* gs->lock is held; gpa is RAM.  Afterwards the leaf grants access; *leaf says where it is. */
static inline enum err grant(struct gstage *gs, gpa_t gpa, enum access access, enum trace_did *did,
                             pte_t **leaf)
{
    pte_t *entry = leaf_entry(gs, gpa);

    if (entry == NULL)
        return ERR_NOMEM;
    *leaf = entry;
    if (!pte_valid(*entry)) {
        *did = TRACE_DID_LAZY;
        return touch(gs, entry, gpa);
    }
    if (access == ACCESS_WRITE && !(entry->v & PTE_W))
        return own(gs, entry, gpa, did);
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
    pte_t *leaf;

    if (!gstage_is_ram(gs, gpa))
        return ERR_NOENT;
    spin_lock(&gs->lock);
    err = grant(gs, gpa, access, did, &leaf);
    if (err == ERR_OK && *did == TRACE_DID_SPURIOUS)
        fence_here();
    spin_unlock(&gs->lock);
    return err;
}

/* Marks the leaf table for gpa, which is there, as one of devices. */
static void mark_devices(const struct gstage *gs, gpa_t gpa)
{
    pte_t *entry = (pte_t *)hpa_ptr(gs->root) + pgtable_index(&sv39x4, gpa.v, 2);

    entry = (pte_t *)hpa_ptr(pte_hpa(*entry)) + pgtable_index(&sv39x4, gpa.v, 1);
    set_entry(entry, (pte_t){entry->v | PTE_DEVICE});
}

/* gs->lock is held; gpa is in the window. */
static enum err grant_window(struct gstage *gs, gpa_t gpa, enum trace_did *did)
{
    pte_t *entry = leaf_entry(gs, gpa);
    hpa_t page = {gs->backing->window.hpa.v + (gpa.v - gs->backing->window.gpa.v)};

    if (entry == NULL)
        return ERR_NOMEM;
    if (pte_valid(*entry)) {
        *did = TRACE_DID_SPURIOUS;
        fence_here();
        return ERR_OK;
    }
    *did = TRACE_DID_PASSTHROUGH;
    mark_devices(gs, gpa);
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
        u64 offset = gpa.v % PAGE_BYTES;
        u64 now = bytes < PAGE_BYTES - offset ? bytes : PAGE_BYTES - offset;
        enum trace_did did;
        pte_t *leaf;

        err = grant(gs, gpa, access, &did, &leaf);
        if (err == ERR_OK) {
            u8 *page = hpa_ptr(pte_hpa(*leaf));

            if (access == ACCESS_WRITE)
                memcpy(page + offset, buffer, now);
            else
                memcpy(buffer, page + offset, now);
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

static enum err copy_leaves(pte_t *to, const pte_t *from, u64 count)
{
    for (u64 i = 0; i < count; i++) {
        hpa_t copy;

        if (!pte_valid(from[i]))
            continue;
        copy = frame_alloc();
        if (copy.v == 0)
            return ERR_NOMEM;
        page_copy(copy, pte_hpa(from[i]));
        to[i] = pte_of(copy, LEAF_OWNED);
    }
    return ERR_OK;
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
        share_leaves(target + span->first, source + span->first, count);
        return ERR_OK;
    }
    for (u64 i = span->first; i < span->end; i++) {
        enum err err;
        hpa_t below;

        if ((source[i].v & (PTE_V | PTE_DEVICE)) != PTE_V)
            continue;
        below = table_alloc();
        if (below.v == 0)
            return ERR_NOMEM;
        target[i] = pte_of(below, PTE_V);
        err = clone_table(below, pte_hpa(source[i]), level - 1, mode);
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
    if (mode == CLONE_COW) {
        for (u32 i = 0; i < parent->vcpus; i++)
            vmid_fence(&parent->vmid[i]);
    }
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

static void count_table(hpa_t table, u32 level, struct gstage_census *census)
{
    const struct frame *span = frame_of(table);
    const pte_t *entries = hpa_ptr(table);

    for (u64 i = span->first; i < span->end; i++) {
        if (!pte_valid(entries[i]))
            continue;
        if (level > 0) {
            census->owned++;
            if (!(entries[i].v & PTE_DEVICE))
                count_table(pte_hpa(entries[i]), level - 1, census);
        } else if (frame_refs(pte_hpa(entries[i])) == 1) {
            census->owned++;
        } else {
            census->shared++;
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
