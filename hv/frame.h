/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Physical memory by 4 KiB frames, with reference counts; and clean page tables.  See frame.c. */
#include "lib/riscv/ops.h"

/*
 * One per frame of RAM.  For a frame that is a page table, [first, end) spans the entries in use:
 * outside of it every entry is zero.
 */
struct frame {
    u32 refs; /* UINT32_MAX: in a free group */
    union {
        struct {
            u16 first, end; /* page tables in use */
        };
        u32 next_clean; /* clean page tables: the one after it in its list */
    };
    u32 next, prev; /* first frame of a group, whatever it is itself used for: the group's lists */
};
_Static_assert(sizeof(struct frame) == 16, "frame_of() shifts by this");

/* frame_of(hpa) is this, plus the frame number times 16. */
extern u64 frame_table_bias;

static inline struct frame *frame_of(hpa_t hpa)
{
    return (struct frame *)(frame_table_bias + (hpa.v >> PAGE_SHIFT << 4));
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
/* Four frames, 16 KiB aligned, any contents; {0} if there are none. */
__must_check hpa_t frame_alloc_group(void);
void frame_free_group(hpa_t group);

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

static inline u32 frame_refs(hpa_t hpa)
{
    return __atomic_load_n(&frame_of(hpa)->refs, __ATOMIC_ACQUIRE);
}

/* Page tables come and go all zero.  {0} if there is no memory. */
__must_check hpa_t table_alloc(void);
void table_free(hpa_t table);
__must_check hpa_t table_alloc_root(void);
void table_free_root(hpa_t root);

/* Notes that entry `index` of a table is in use. */
static inline void table_use(hpa_t table, u64 index)
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
