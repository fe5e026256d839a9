/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which tree of processes pays for a frame: the one whose process brought it, by a first touch or a
 * copy, until the last process gives it back, whoever that is.  The frame itself says so, by the
 * place of the tree; and as long as it does it is one of the tree's users, which keeps that place.
 *
 * Charged are the pages of guests.  Tables are not: they are a cache, which is taken back when
 * memory is short.  Nor are the nodes of spaces, one 72-byte node for eight pages and some more;
 * nor pages of an image, which all have that were made from it.
 *
 * A VM charges some pages in advance, so that few faults come here: its tree may be charged for
 * CHARGE_AHEAD - 1 that are not there.
 */
#include "hv/charge.h"

#include "lib/kit/err.h"

#include "hv/frame.h"
#include "hv/panic.h"
#include "hv/quota.h"

#define PLACE_SHIFT 4
_Static_assert(_Alignof(struct tree) >= 1UL << PLACE_SHIFT, "a tree's place fits");

static u32 place_of(const struct tree *tree)
{
    u64 place = ((u64)tree - chunk_base) >> PLACE_SHIFT;

    assert(place != CHARGE_NOBODY && place < FRAME_BLANK);
    return (u32)place;
}

u32 charge_frames(struct tree *tree, u64 frames)
{
    if (quota_charge_frames(tree, frames) != ERR_OK)
        return CHARGE_NOBODY;
    __atomic_fetch_add(&tree->users, frames, __ATOMIC_RELAXED);
    return place_of(tree);
}

void charge_return(u32 owner, u64 frames)
{
    struct tree *tree = (struct tree *)(chunk_base + ((u64)owner << PLACE_SHIFT));

    quota_return_frames(tree, frames);
    if (frames > 1)
        __atomic_fetch_sub(&tree->users, frames - 1, __ATOMIC_RELEASE);
    quota_tree_put(tree);
}
