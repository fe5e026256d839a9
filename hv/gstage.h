/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The G-stage address space of one VM: its RAM, page by page.  See gstage.c. */
#include "lib/kit/err.h"
#include "lib/kit/list.h"
#include "lib/kit/spinlock.h"
#include "lib/riscv/ops.h"
#include "sbi/trace.h"

#include "hv/frame.h"
#include "hv/limits.h"
#include "hv/space.h"
#include "hv/vmid.h"

/* What a page contains when it is first touched: parts of files, zeros elsewhere. */
struct backing {
    struct {
        gpa_t gpa;
        u64 bytes; /* 0: none */
        hpa_t hpa;
    } window;   /* a device of the machine that the guest may read; in leaf tables without RAM */
    gpa_t seed; /* these SEED_BYTES, within a part, are random: others in each VM; 0: there are none
                 */
    gpa_t blank; /* from here on whole pages without any part: most of RAM, or nothing */
    u64 blank_bytes;
    u32 count;
    struct backing_part {
        gpa_t gpa;
        u64 bytes;
        const u8 *from;
    } part[BACKING_PARTS_MAX];
};

#define SEED_BYTES 32UL

/* Fills the page at `page` with what the backing says. */
void backing_fill(const struct backing *backing, gpa_t page, hpa_t frame);

/* RAM and windows end below: what Sv39x4 reaches. */
#define GSTAGE_END (1UL << 41)

struct tree;

struct gstage {
    struct spinlock lock;
    u32 vcpus;
    struct vmid vmid[VCPUS_MAX]; /* one for each vCPU; see vmid.c for who may touch it */

    /* immutable after create: */
    gpa_t ram_base;
    u64 ram_bytes;
    const struct backing *backing;

    /* guarded by lock: */
    struct space space;    /* the truth about its RAM */
    u64 own_at, *own_line; /* the line that was owned last, if it still is: its number, or -1 */
    struct ranges *shared; /* NULL: there are none; see gshare.c */
    struct tree **payer;   /* who is charged for pages; NULL: nobody */
    u32 credit, owner;     /* so many pages are charged to that one in advance */
    hpa_t root;            /* of the tables, which are a cache of it; {0}: there are none */
    u64 lines;             /* of the tables: so many are in use */

    struct list has_root; /* guarded by the lock of gcache.c */
};

/* How fork copies memory. */
enum clone_mode { CLONE_COW, CLONE_COPY };

__must_check enum err gstage_create(struct gstage *gs, gpa_t ram_base, u64 ram_bytes,
                                    const struct backing *backing, u32 vcpus);
__must_check enum err gstage_clone(struct gstage *child, struct gstage *parent,
                                   enum clone_mode mode);
void gstage_destroy(struct gstage *gs);

/* The number of its page in the space: they count from where a line and 2 MiB begin. */
static inline u64 gstage_page(const struct gstage *gs, gpa_t gpa)
{
    return (gpa.v - align_down(gs->ram_base.v, 1UL << 21)) >> PAGE_SHIFT;
}

/* From here on *payer pays for the pages that the VM brings. */
static inline void gstage_set_payer(struct gstage *gs, struct tree **payer)
{
    gs->payer = payer;
}

static inline bool gstage_is_ram(const struct gstage *gs, gpa_t gpa)
{
    return gpa.v - gs->ram_base.v < gs->ram_bytes;
}

__must_check enum err gstage_fault(struct gstage *gs, gpa_t gpa, enum access access,
                                   enum trace_did *did);
/* The same for the window, to which there are only loads. */
__must_check enum err gstage_fault_window(struct gstage *gs, gpa_t gpa, enum access access,
                                          enum trace_did *did);
__must_check enum err gstage_read(struct gstage *gs, gpa_t gpa, void *to, u64 bytes);
__must_check enum err gstage_write(struct gstage *gs, gpa_t gpa, const void *from, u64 bytes);
/* A string with its end, of at most max bytes.  ERR_INVAL: it is longer. */
__must_check enum err gstage_read_string(struct gstage *gs, gpa_t gpa, char *to, u64 max);
/* The page at gpa, which was never touched, is this frame; the reference goes over.  ERR_NOMEM: it
 * does not. */
__must_check enum err gstage_put_page(struct gstage *gs, gpa_t gpa, hpa_t frame);

/*
 * Every page of the range, which is of whole pages, is shared from now on with all later clones; or
 * is the VM's own again and zero.  ERR_FAULT: not RAM.  ERR_NOMEM, ERR_QUOTA (too many ranges,
 * or more pages than its tree may have): nothing changed.  ERR_STATE: call again with the same,
 * until it is something else; a slice of it is done.  No vCPU of the VM runs meanwhile but the
 * caller's.
 */
__must_check enum err gstage_share(struct gstage *gs, gpa_t gpa, u64 bytes);
__must_check enum err gstage_unshare(struct gstage *gs, gpa_t gpa, u64 bytes);
/* Range `index` of those that are shared; false: there are no more. */
bool gstage_shared_range(struct gstage *gs, u32 index, gpa_t *gpa, u64 *bytes);
/* The frame of a page that is shared, with a reference that is the caller's; {0}: it is not. */
__must_check hpa_t gstage_shared_frame(struct gstage *gs, gpa_t gpa);
/*
 * The aligned word at gpa as it is now, and what identifies it for wait_on and wake: the place in
 * memory if the page is shared, else (this G-stage, gpa).  Two words are the same if their keys are
 * equal.  ERR_FAULT, ERR_NOMEM, ERR_QUOTA.
 */
struct word_key {
    u64 where;       /* HPA or GPA */
    const void *who; /* NULL: HPA */
};
__must_check enum err gstage_word(struct gstage *gs, gpa_t gpa, u32 *value, struct word_key *key);

/*
 * An image that VMs are made of: pages that each of them has copy-on-write.  gstage_create_from()
 * is O(1).  The template is written with gstage_write() before the first use, and runs nowhere.
 * Shared ranges of `keep` (NULL: none) are kept at their places: what spawn and exec do.
 */
__must_check enum err gstage_create_from(struct gstage *gs, struct gstage *image_template,
                                         const struct backing *backing, u32 vcpus,
                                         struct gstage *keep);

/* gs becomes what `by` is, which nothing has run in yet, and gives back what it was.  None of its
 * vCPUs is loaded. */
void gstage_replace(struct gstage *gs, struct gstage *by);

/* The tables of a VM none of whose vCPUs runs are given back; faults bring new ones.  False: there
 * are none, or somebody is busy with it.  Never waits. */
bool gstage_evict(struct gstage *gs);

/* The root with which a vCPU is loaded. */
hpa_t gstage_load(struct gstage *gs, u32 vcpu);

/* The byte at gpa, and how many behind it, for a device.  {0}: not RAM, or no memory. */
__must_check hpa_t gstage_pin(struct gstage *gs, gpa_t gpa, u64 *run);

/* No hart uses a translation of this VM that is no longer in its tables. */
static inline void gstage_fence(struct gstage *gs)
{
    for (u32 i = 0; i < gs->vcpus; i++)
        vmid_fence(&gs->vmid[i]);
}

struct gstage_census {
    u64 owned, shared;        /* frames, tables included in owned */
    u64 leaves_4k, leaves_2m; /* of either size */
};
struct gstage_census gstage_count(struct gstage *gs);

/* ---- between gstage.c, gaccess.c, gclone.c and gshare.c; gs->lock is held ---- */

#define OWN_NONE UINT64_MAX

static inline hpa_t space_frame(u64 entry)
{
    return (hpa_t){entry & ~SPACE_FLAGS};
}

/* alone: the line is. */
static inline bool gstage_may_write(u64 entry, bool alone)
{
    return (entry & SPACE_SHARED) || (alone && frame_refs(space_frame(entry)) == 1);
}

/* The page's frame as it is, {0} if it may not be accessed so: it is not there, or, to be written,
 * not the VM's own. */
static inline hpa_t gstage_frame_now(const struct gstage *gs, u64 page, enum access access)
{
    bool alone;
    const u64 *line = space_line(&gs->space, page, &alone);
    u64 entry = line == NULL ? 0 : line[page % SPACE_LINE];

    if (entry == 0 || (access == ACCESS_WRITE && !gstage_may_write(entry, alone)))
        return (hpa_t){0};
    return space_frame(entry);
}

#define CHARGE_AHEAD 8U

/* There is credit afterwards.  ERR_QUOTA: the payer may not have more. */
__must_check enum err gstage_get_credit(struct gstage *gs);

/* A page that somebody pays for; {0}: *err says why not.  home: see frame_alloc_home(); {0}: any.
 */
__must_check static inline hpa_t gstage_alloc_page(struct gstage *gs, hpa_t home, u64 index,
                                                   enum err *err)
{
    hpa_t frame = {0};

    if (unlikely(gs->credit == 0)) {
        *err = gstage_get_credit(gs);
        if (*err != ERR_OK)
            return frame;
    }
    *err = ERR_NOMEM;
    frame = likely(home.v != 0) ? frame_alloc_home(home, index) : frame_alloc();
    if (unlikely(frame.v == 0))
        return frame;
    gs->credit--;
    frame_of(frame)->owner = gs->owner;
    return frame;
}

/* The line of a page, made the VM's own and remembered.  NULL: no memory. */
__must_check u64 *gstage_own_another_line(struct gstage *gs, u64 page);
__must_check static inline u64 *gstage_own_line(struct gstage *gs, u64 page)
{
    return likely(page / SPACE_LINE == gs->own_at) ? gs->own_line
                                                   : gstage_own_another_line(gs, page);
}

/* The page is all zeros when it is first touched. */
static inline bool gstage_begins_zero(const struct gstage *gs, gpa_t gpa)
{
    return gpa.v - gs->backing->blank.v < gs->backing->blank_bytes;
}

/* gpa is RAM.  Its page's frame, which afterwards may be accessed so.  {0}: *err says why not,
 * ERR_NOMEM or ERR_QUOTA. */
__must_check hpa_t gstage_frame(struct gstage *gs, gpa_t gpa, enum access access, enum err *err);
__must_check enum err gstage_copy_ranges(struct gstage *to, const struct gstage *from);
void gstage_forget_ranges(struct gstage *gs);
