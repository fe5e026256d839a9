/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Physical memory by 4 KiB frames, with reference counts; and clean page tables.  See frame.c.
 *
 * 512 frames that are aligned to their size are a chunk: what one leaf of 2 MiB maps.
 */
#include "lib/riscv/ops.h"

#define CHUNK_FRAMES 512UL
#define CHUNK_SHIFT  21
#define CHUNK_BYTES  (1UL << CHUNK_SHIFT)

/* One per frame of RAM. */
struct frame {
    union {
        u32 refs; /* FRAME_FREE, FRAME_SPARE: nobody holds it */
        u32 home; /* page tables: the chunk that is reserved for its pages, and how many of its
                     leaves have W; see HOME_OWNED */
        u32 next_dropped; /* page tables that are to be cleaned: see gcache.c */
    };
    union {
        struct {
            u16 first, end; /* nodes of disk_tree.c: all other entries are zero */
        };
        struct {
            u16 unused, reads; /* leaf tables in use: how many lines were filled for reads */
        };
        u32 next_clean; /* clean page tables: the one after it in its list */
        u32 owner; /* others: who pays for it, see charge.h; what is free has none; FRAME_BLANK */
    };
    u32 next, prev; /* first frame of a group, whatever it is itself used for: the group's lists */
    /* page tables, a bit for each line of 8 entries; 0 for all else: see gcache.c */
    u64 lines, writes;
};
#define FRAME_SHIFT 5
_Static_assert(sizeof(struct frame) == 1UL << FRAME_SHIFT, "frame_of() shifts by this");

#define FRAME_FREE  UINT32_MAX       /* in a free group */
#define FRAME_SPARE (UINT32_MAX - 1) /* free, in a chunk that is not cut into groups */

/* In owner: of shared memory, not zeroed yet, which is for whoever touches it first. */
#define FRAME_BLANK (1U << 31)

/* home is the chunk's number, counted from the first of RAM, above 10 bits for the count. */
#define HOME_SHIFT 10
#define HOME_OWNED ((1U << HOME_SHIFT) - 1)
#define HOME_NONE  (UINT32_MAX & ~HOME_OWNED)       /* nobody has asked for one */
#define HOME_NEVER (HOME_NONE - (1U << HOME_SHIFT)) /* there is none */

/* One per chunk. */
struct chunk {
    u32 out;  /* its frames that are neither free nor spare: held, or in a hart's cache */
    u32 next; /* in the list of chunks that are all spare */
    bool is_cut;
    bool is_reserved; /* for one leaf table, which names it in its home */
};

/* frame_of(hpa) is this, plus the frame number times the size of a struct frame. */
extern u64 frame_table_bias;
/* One for each 2 MiB from chunk_base on. */
extern struct chunk *chunks;
extern u64 chunk_base;

static inline struct frame *frame_of(hpa_t hpa)
{
    return (struct frame *)(frame_table_bias + (hpa.v >> PAGE_SHIFT << FRAME_SHIFT));
}

struct memory_range {
    u64 base, bytes;
};

#define FRAME_CACHE 64
struct frame_cache {
    u32 count;
    u32 index[FRAME_CACHE];
};

/* Takes over all RAM in ranges[], less what reserved[] names.  Once, before any other call. */
void frame_init(const struct memory_range *ranges, size_t range_count,
                const struct memory_range *reserved, size_t reserved_count);

/* A frame with one reference and any contents; {0} if there is none. */
__must_check hpa_t frame_alloc(void);
/* The caller's frame, which nobody knows yet, is blank: frame_make_zero() comes before all use. */
static inline void frame_set_blank(hpa_t hpa)
{
    frame_of(hpa)->owner |= FRAME_BLANK;
}
static inline bool frame_is_blank(hpa_t hpa)
{
    return __atomic_load_n(&frame_of(hpa)->owner, __ATOMIC_ACQUIRE) & FRAME_BLANK;
}
void frame_zero_blank(hpa_t hpa);
/* A blank one has zeros from now on.  Any hart. */
static inline void frame_make_zero(hpa_t hpa)
{
    if (unlikely(frame_is_blank(hpa)))
        frame_zero_blank(hpa);
}
/* Four frames, 16 KiB aligned, any contents; {0} if there are none. */
__must_check hpa_t frame_alloc_group(void);
void frame_free_group(hpa_t group);
/* So many frames are free, or are by now.  False: there are not that many. */
__must_check bool frame_prepare(u64 count);

static inline void frame_get(hpa_t hpa)
{
    __atomic_fetch_add(&frame_of(hpa)->refs, 1, __ATOMIC_RELAXED);
}

/* Takes over a frame whose count was `before` when the caller took one off, which was the last. */
void frame_put_last(hpa_t hpa, u32 before);

/* Drops a reference; the last one frees the frame. */
static inline void frame_put(hpa_t hpa)
{
    u32 before = __atomic_fetch_sub(&frame_of(hpa)->refs, 1, __ATOMIC_ACQ_REL);

    if (unlikely((s32)before <= 1))
        frame_put_last(hpa, before);
}

/* The same for one that has a span, and so no owner. */
static inline void frame_put_node(hpa_t hpa)
{
    u32 before = __atomic_fetch_sub(&frame_of(hpa)->refs, 1, __ATOMIC_ACQ_REL);

    if ((s32)before > 1)
        return;
    frame_of(hpa)->owner = 0;
    frame_put_last(hpa, before);
}

static inline u32 frame_refs(hpa_t hpa)
{
    return __atomic_load_n(&frame_of(hpa)->refs, __ATOMIC_ACQUIRE);
}

/* Page tables come and go all zero.  {0} if there is no memory. */
__must_check hpa_t table_alloc(void);
void table_free(hpa_t table);
__must_check hpa_t table_alloc_root(void);
void table_free_root(hpa_t root);
/* Frames of tables that are in use, or dropped. */
u64 table_frames(void);
/* Of clean tables that stay tables: they are free, but for nobody else. */
u64 table_kept_frames(void);

/* A leaf table's pages are to have their places in one chunk: the one in which `neighbour` has its
 * place, which is that of entry `index`; {0}, or where that cannot be: any that is spare. */
void table_reserve(hpa_t table, hpa_t neighbour, u64 index);

static inline bool table_wants_chunk(hpa_t table)
{
    return frame_of(table)->home >= HOME_NONE;
}

/* The reservation ends, if there is one. */
void table_release(hpa_t table);
/* A frame for entry `index` when its place in the chunk is not to be had. */
__must_check hpa_t frame_alloc_away(hpa_t table);

/*
 * A frame, as frame_alloc() gives, for entry `index` of a leaf table: the one that has its place in
 * the table's chunk, or any.  The table's owner has it locked.
 */
__must_check static inline hpa_t frame_alloc_home(hpa_t table, u64 index)
{
    u64 chunk = frame_of(table)->home >> HOME_SHIFT;
    hpa_t hpa = {chunk_base + (chunk << CHUNK_SHIFT | index << PAGE_SHIFT)};
    u32 spare = FRAME_SPARE;

    if (unlikely(chunk >= HOME_NEVER >> HOME_SHIFT) ||
        unlikely(!__atomic_compare_exchange_n(&frame_of(hpa)->refs, &spare, 1, false,
                                              __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)))
        return frame_alloc_away(table);
    __atomic_fetch_add(&chunks[chunk].out, 1, __ATOMIC_RELAXED);
    return hpa;
}

/* So many more of the table's leaves have W.  True: all have. */
static inline bool table_own(struct frame *table, u32 leaves)
{
    return ((table->home += leaves) & HOME_OWNED) == CHUNK_FRAMES;
}

/* One has not any more. */
static inline void table_disown_one(hpa_t table)
{
    frame_of(table)->home--;
}

/* None has. */
static inline void table_disown(hpa_t table)
{
    frame_of(table)->home &= ~HOME_OWNED;
}

/* Notes that entry `index` of a node is in use. */
static inline void node_use(hpa_t table, u64 index)
{
    struct frame *frame = frame_of(table);

    if (index < frame->first)
        frame->first = (u16)index;
    if (index >= frame->end)
        frame->end = (u16)(index + 1);
}

/* The census: frames that nobody holds, and all there ever were. */
u64 frame_free_count(void);
u64 frame_total_count(void);

/* Clears or copies one page. */
void page_zero(hpa_t page);
void page_copy(hpa_t to, hpa_t from);
/* Says that the hart has Zicboz with 64-byte blocks: page_zero may use it. */
void page_use_zicboz(void);
