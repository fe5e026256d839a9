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
 *     SPACE_SHARED               R W X: never copied; none as long as nobody has touched it
 *
 * A frame is this VM's alone if the line of the space that has it is, and the frame counts one.
 *
 * Invariant: a valid PTE has its page's frame, and W only if that is this VM's alone or shared.  It
 * holds because the only way to make a frame less alone is space_fork(), under the VM's lock, and
 * whoever calls that takes W away first; and because whoever replaces a frame corrects the PTE.
 *
 * A fault that finds no PTE for a page that is there brings those of its line: eight pages, one
 * block of the table.  A first touch and a copy bring one page, or, where three before it have just
 * been written, the rest of the line: a program that fills its memory faults once for eight pages,
 * and gets at most seven that it does not use.
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

#include "lib/riscv/pgtable.h"

#include "hv/firmware.h"
#include "hv/frame.h"
#include "hv/gcache.h"
#include "hv/gfence.h"
#include "hv/hart.h"
#include "hv/panic.h"

/* So that a fault that needs none of these saves no registers for them. */
#define OUT_OF_LINE __attribute__((noinline))

/* Of no use to one that runs on this hart alone: out of line. */
void fence_code_elsewhere(const struct gstage *gs)
{
    for (u32 i = 0; i < gs->vcpus; i++) {
        const struct vmid *id = &gs->vmid[i];

        if (__atomic_load_n(&id->running, __ATOMIC_SEQ_CST) && id->hart != this_hart()->index)
            firmware_remote_fence_i(hart_at(id->hart)->id);
    }
}

/* What a page contains when it is first touched. */
static inline void fill_page(const struct gstage *gs, gpa_t gpa, hpa_t frame)
{
    if (likely(gstage_begins_zero(gs, gpa)))
        page_zero(frame);
    else
        backing_fill(gs->backing, (gpa_t){align_down(gpa.v, PAGE_BYTES)}, frame);
}

/* ---- pages that come, go and change hands ---- */

u64 *gstage_own_another_line(struct gstage *gs, u64 page)
{
    u64 *line = space_own_line(&gs->space, page);

    if (line != NULL) {
        gs->own_at = page / SPACE_LINE;
        gs->own_line = line;
    }
    return line;
}

/* The line as it is, or NULL; one that is the VM's own already is remembered. */
static inline const u64 *find_line(struct gstage *gs, u64 page, bool *alone)
{
    const u64 *line;

    *alone = true;
    if (likely(page / SPACE_LINE == gs->own_at))
        return gs->own_line;
    line = space_line(&gs->space, page, alone);
    if (line != NULL && *alone) {
        gs->own_at = page / SPACE_LINE;
        gs->own_line = (u64 *)(uintptr_t)line;
    }
    return line;
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
        neighbour = space_frame(space_line(&gs->space, there, &alone)[there % SPACE_LINE]);
    table_reserve(table, neighbour, there % CHUNK_FRAMES);
}

/*
 * How many pages a write brings: 1; or who has written three in a row is likely to go on, and gets
 * the rest of the line.  Looked for is that at the begin of a line and in its middle.
 */
static inline u64 pages_to_bring(const pte_t *entry)
{
    u64 at = (u64)entry % LINE_BYTES / sizeof(*entry);

    if (likely(at != LINE_PTES / 2 - 1 && (at != 0 || (u64)entry % PAGE_BYTES == 0)))
        return 1;
    return entry[-1].v & entry[-2].v & entry[-3].v & PTE_W ? LINE_PTES - at : 1;
}

/* One more page may be had on a guess: not near a limit. */
static inline bool may_guess(struct gstage *gs)
{
    return gs->credit > 0 || (gstage_get_credit(gs) == ERR_OK && gs->credit == CHARGE_AHEAD);
}

/* Leaves of a line for pages that have become the VM's own. */
static inline void map_owned(struct gstage *gs, pte_t *entry, gpa_t gpa, const u64 *at, u64 count)
{
    struct frame *table = frame_of(table_of(entry));

    if (unlikely(!(table->writes & line_bit(entry)))) {
        gcache_use(gs, entry);
        gcache_write(gs, entry, gpa, 0);
    }
    for (u64 i = 0; i < count; i++)
        set_entry(&entry[i], pte_of(space_frame(at[i]), LEAF_OWNED));
    if (unlikely(table_own(table, (u32)count)))
        gcache_join(gs, gpa);
}

/* A page that was never touched is there.  home: of its leaf table; {0}: it has none. */
static inline enum err bring(struct gstage *gs, hpa_t home, u64 index, gpa_t gpa, u64 *at)
{
    enum err err;
    hpa_t frame = gstage_alloc_page(gs, home, index, &err);

    if (unlikely(frame.v == 0))
        return err;
    fill_page(gs, gpa, frame);
    space_set(&gs->space, at, frame.v);
    return ERR_OK;
}

static inline bool may_bring(struct gstage *gs, gpa_t gpa, u64 is)
{
    return is == 0 && gstage_is_ram(gs, gpa) && may_guess(gs);
}

/* A page that was never touched.  at: in an own line; entry: where it is to be mapped. */
OUT_OF_LINE static enum err touch(struct gstage *gs, pte_t *entry, gpa_t gpa, u64 *at)
{
    hpa_t home = table_of(entry);
    u64 count = pages_to_bring(entry), index = index_in_table(entry);
    gpa_t next = gpa;
    u64 i = 0;

    if (unlikely(table_wants_chunk(home)))
        reserve(gs, home, gstage_page(gs, gpa));
    do {
        enum err err = bring(gs, home, index + i, next, &at[i]);

        next.v += PAGE_BYTES;
        if (unlikely(err != ERR_OK)) {
            if (i == 0)
                return err;
            break;
        }
    } while (++i < count && may_bring(gs, next, at[i]));
    fence_code(gs);
    map_owned(gs, entry, gpa, at, i);
    fence_page_here(gpa);
    return ERR_OK;
}

/* Somebody else has the frame in *at, too, which is in an own line.  *shared: that frame, whose
 * reference is the caller's now. */
static inline enum err copy_frame(struct gstage *gs, u64 *at, hpa_t *shared)
{
    enum err err;
    hpa_t own = gstage_alloc_page(gs, (hpa_t){0}, 0, &err);

    if (unlikely(own.v == 0))
        return err;
    *shared = space_frame(*at);
    page_copy(own, *shared);
    *at = own.v;
    return ERR_OK;
}

static inline bool may_copy(struct gstage *gs, u64 is)
{
    return is != 0 && !gstage_may_write(is, true) && may_guess(gs);
}

/* ... and is mapped at `entry`.  No hart uses the old one afterwards, as memory or as code. */
static enum err copy(struct gstage *gs, pte_t *entry, gpa_t gpa, u64 *at)
{
    u64 count = pages_to_bring(entry), copied = 0;
    hpa_t shared[LINE_PTES];

    do {
        enum err err = copy_frame(gs, &at[copied], &shared[copied]);

        if (unlikely(err != ERR_OK)) {
            if (copied == 0)
                return err;
            break;
        }
    } while (++copied < count && may_copy(gs, at[copied]));
    fence_code(gs);
    map_owned(gs, entry, gpa, at, copied);
    for (u64 i = 0; i < copied; i++) {
        fence_replaced(gs, (gpa_t){gpa.v + i * PAGE_BYTES});
        frame_put(shared[i]);
    }
    return ERR_OK;
}

/* A page in an own line becomes the VM's own; it has no leaf. */
static enum err make_own(struct gstage *gs, u64 *at)
{
    hpa_t shared;
    enum err err;

    if (gstage_may_write(*at, true))
        return ERR_OK;
    err = copy_frame(gs, at, &shared);
    if (err != ERR_OK)
        return err;
    fence_code(gs);
    frame_put(shared);
    return ERR_OK;
}

/* What a leaf for this entry of a line may have. */
static inline u64 rights(u64 entry, bool alone)
{
    if (unlikely(entry & SPACE_SHARED))
        return LEAF_OWNED | PTE_SHARED;
    return alone && frame_refs(space_frame(entry)) == 1 ? LEAF_OWNED : LEAF_SHARED;
}

/*
 * Which pages of a line nobody has touched, a bit each.  Shared ones may have got what they contain
 * on other harts: as code it is seen from here on.
 */
OUT_OF_LINE static u32 blank_pages(const struct gstage *gs, const u64 *line)
{
    u32 mask = 0;

    for (u32 i = 0; i < SPACE_LINE; i++) {
        if (line[i] & SPACE_SHARED)
            mask |= (u32)frame_is_blank(space_frame(line[i])) << i;
    }
    fence_code(gs);
    return mask;
}

/* Every page of a line that is there and was touched gets what it may have. */
OUT_OF_LINE static void map_own_line(struct gstage *gs, pte_t *entry, gpa_t gpa, const u64 *line,
                                     bool alone)
{
    u32 owned = 0, blank = unlikely(gs->shared != NULL) ? blank_pages(gs, line) : 0;
    pte_t *to = line_of(entry);

    gcache_use(gs, to);
    /* the pages are there before who walks the table finds them */
    __atomic_thread_fence(__ATOMIC_RELEASE);
    for (u32 i = 0; i < LINE_PTES; i++) {
        pte_t pte;

        if (line[i] == 0 || (to[i].v & PTE_W) || (blank >> i & 1))
            continue;
        pte = pte_of(space_frame(line[i]), rights(line[i], alone));
        owned += (pte.v & (PTE_W | PTE_SHARED)) == PTE_W;
        __atomic_store_n(&to[i].v, pte.v, __ATOMIC_RELAXED);
    }
    if (owned == 0)
        return;
    gcache_write(gs, to, gpa, 0);
    if (unlikely(table_own(frame_of(table_of(entry)), owned)))
        gcache_join(gs, gpa);
}

/* None of them is to be written: the line is not alone, or what is in it was not a moment ago. */
static inline void map_line(struct gstage *gs, pte_t *entry, gpa_t gpa, const u64 *line)
{
    pte_t *to = line_of(entry);

    if (unlikely((line[0] | line[1] | line[2] | line[3] | line[4] | line[5] | line[6] | line[7]) &
                 SPACE_SHARED)) {
        map_own_line(gs, entry, gpa, line, false);
        return;
    }
    gcache_use(gs, to);
    __atomic_thread_fence(__ATOMIC_RELEASE);
#pragma GCC unroll 8
    for (u32 i = 0; i < LINE_PTES; i++) {
        if (line[i] != 0 && !(to[i].v & PTE_W))
            __atomic_store_n(&to[i].v, pte_of((hpa_t){line[i]}, LEAF_SHARED).v, __ATOMIC_RELAXED);
    }
}

#define READS_MANY 8 /* lines of a region: the guest is likely to read the others, too */

/* A line of a leaf table was filled for a read.  Of the READS_MANYth this looks further. */
static void note_read(struct gstage *gs, const pte_t *entry, gpa_t gpa)
{
    struct frame *table = frame_of(table_of(entry));
    u64 chunk = align_down(pte_hpa(*entry).v, CHUNK_BYTES);

    if (likely(++table->reads != READS_MANY) || (table->home & HOME_OWNED) != 0)
        return;
    gcache_join_shared(gs, gpa, (hpa_t){chunk});
}

/* No leaf is there; the page is somebody else's, too, and to be written. */
OUT_OF_LINE static enum err map_copy(struct gstage *gs, pte_t *entry, gpa_t gpa, bool was_alone)
{
    u64 page = gstage_page(gs, gpa), *line = gstage_own_line(gs, page), *at;
    enum err err;

    if (line == NULL)
        return ERR_NOMEM;
    at = &line[page % SPACE_LINE];
    if (was_alone) {
        err = make_own(gs, at);
        if (err != ERR_OK)
            return err;
        map_own_line(gs, entry, gpa, line, true);
    } else {
        map_line(gs, entry, gpa, line);
        if (likely(!gstage_may_write(*at, true)))
            return copy(gs, entry, gpa, at);
        map_owned(gs, entry, gpa, at, 1);
    }
    fence_page_here(gpa);
    return ERR_OK;
}

static enum err map_hole(struct gstage *gs, pte_t *entry, gpa_t gpa)
{
    u64 page = gstage_page(gs, gpa), *line = gstage_own_line(gs, page);

    return line == NULL ? ERR_NOMEM : touch(gs, entry, gpa, &line[page % SPACE_LINE]);
}

/* No leaf is there. */
OUT_OF_LINE static enum err map(struct gstage *gs, pte_t *entry, gpa_t gpa, enum access access,
                                enum trace_did *did)
{
    u64 page = gstage_page(gs, gpa);
    bool alone;
    const u64 *line = find_line(gs, page, &alone);
    u64 is = line == NULL ? 0 : line[page % SPACE_LINE];

    *did = TRACE_DID_LAZY;
    if (is == 0)
        return map_hole(gs, entry, gpa);
    *did = TRACE_DID_COW;
    if (access == ACCESS_WRITE && !gstage_may_write(is, alone))
        return map_copy(gs, entry, gpa, alone);
    *did = TRACE_DID_FILL;
    if (unlikely(is & SPACE_SHARED))
        frame_make_zero(space_frame(is));
    if (alone)
        map_own_line(gs, entry, gpa, line, true);
    else
        map_line(gs, entry, gpa, line);
    fence_page_here(gpa);
    if (access != ACCESS_WRITE && !alone)
        note_read(gs, entry, gpa);
    return ERR_OK;
}

/* A leaf without W is there, which the guest needs. */
OUT_OF_LINE static enum err unprotect(struct gstage *gs, pte_t *entry, gpa_t gpa,
                                      enum trace_did *did)
{
    u64 page = gstage_page(gs, gpa), *line = gstage_own_line(gs, page);

    if (unlikely(line == NULL))
        return ERR_NOMEM;
    if (!gstage_may_write(line[page % SPACE_LINE], true)) {
        *did = TRACE_DID_COW;
        return copy(gs, entry, gpa, &line[page % SPACE_LINE]);
    }
    *did = TRACE_DID_TAKEOVER;
    map_own_line(gs, entry, gpa, line, true);
    fence_page_here(gpa);
    return ERR_OK;
}

/* ... one of 2 MiB. */
OUT_OF_LINE static enum err unprotect_megapage(struct gstage *gs, pte_t *leaf, gpa_t gpa,
                                               enum trace_did *did)
{
    if (space_region_alone(&gs->space, gstage_page(gs, gpa))) {
        *did = TRACE_DID_TAKEOVER;
        gcache_write(gs, leaf, gpa, 1);
        leaf->v |= PTE_W;
        fence_page_here(gpa);
        return ERR_OK;
    }
    if (!gcache_make_table(gs, leaf))
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
        if (!gcache_reach(gs, gpa))
            return ERR_NOMEM;
        entry = gcache_find(gs, gpa, &level);
        if ((level == 1 || pte_valid(*entry)) && (access != ACCESS_WRITE || (entry->v & PTE_W))) {
            *did = TRACE_DID_FILL;
            fence_here();
            return ERR_OK;
        }
    }
    if (!pte_valid(*entry)) {
        u64 page = gstage_page(gs, gpa);

        if (page / SPACE_LINE != gs->own_at || gs->own_line[page % SPACE_LINE] != 0)
            return map(gs, entry, gpa, access, did);
        *did = TRACE_DID_LAZY;
        return touch(gs, entry, gpa, &gs->own_line[page % SPACE_LINE]);
    }
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
 * ERR_QUOTA    its tree may have no more pages; the guest sees no change
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
        if (!gcache_reach(gs, gpa))
            return ERR_NOMEM;
        entry = gcache_find(gs, gpa, &level);
    }
    if (pte_valid(*entry)) {
        *did = TRACE_DID_SPURIOUS;
        return ERR_OK;
    }
    *did = TRACE_DID_PASSTHROUGH;
    gcache_use(gs, entry);
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

/* A page that was never touched becomes the VM's own; there are no tables. */
static enum err make_hole(struct gstage *gs, gpa_t gpa)
{
    u64 page = gstage_page(gs, gpa), *line = gstage_own_line(gs, page);
    enum err err =
        line == NULL ? ERR_NOMEM : bring(gs, (hpa_t){0}, 0, gpa, &line[page % SPACE_LINE]);

    if (err == ERR_OK)
        fence_code(gs);
    return err;
}

/*
 * gs->lock is held; gpa is RAM.  Its page's frame, which afterwards may be accessed so.  Tables are
 * not needed; where there are some, they know.  {0}: *err is ERR_NOMEM or ERR_QUOTA.
 */
hpa_t gstage_frame(struct gstage *gs, gpa_t gpa, enum access access, enum err *err)
{
    u64 page = gstage_page(gs, gpa), *line;
    hpa_t frame = gstage_frame_now(gs, page, access);
    enum trace_did did;

    *err = ERR_OK;
    if (likely(frame.v != 0)) {
        if (unlikely(gs->shared != NULL))
            frame_make_zero(frame);
        return frame;
    }
    if (gs->root.v != 0) {
        *err = grant(gs, gpa, access, &did);
    } else if (gstage_frame_now(gs, page, ACCESS_READ).v == 0) {
        *err = make_hole(gs, gpa);
    } else {
        line = gstage_own_line(gs, page);
        *err = line == NULL ? ERR_NOMEM : make_own(gs, &line[page % SPACE_LINE]);
    }
    return *err == ERR_OK ? gstage_frame_now(gs, page, access) : frame;
}
