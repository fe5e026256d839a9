/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a page of a VM's RAM contains when it is first touched: parts of files, zeros elsewhere, and
 * a seed of its own.
 */
#include <string.h>

#include "hv/frame.h"
#include "hv/gstage.h"
#include "hv/panic.h"
#include "hv/random.h"

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

/* What is a page of a frame's is copied as such. */
static void copy(void *to, const void *from, u64 bytes)
{
    if (bytes == PAGE_BYTES && (u64)from % PAGE_BYTES == 0)
        page_copy(hpa_of(to), hpa_of(from));
    else
        memcpy(to, from, bytes);
}

/* Fills the page at gpa with what the backing says. */
void backing_fill(const struct backing *backing, gpa_t page, hpa_t frame)
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
        copy((u8 *)hpa_ptr(frame) + (from - page.v), part->from + (from - part->gpa.v), to - from);
        fill_seed(backing->seed, page, frame);
        if (to - from == PAGE_BYTES)
            return;
    }
    if (!zeroed)
        page_zero(frame);
}
