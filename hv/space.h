/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What a VM's RAM contains: which frame each page is, in a persistent tree.  See space.c.
 *
 * This is the truth about memory.  Hardware's G-stage tables (gstage.c) are a cache of it, which
 * may be thrown away at any time.
 */
#include "lib/kit/err.h"
#include "lib/riscv/ops.h"

#include "hv/space_node.h"

#define SPACE_LINE       NODE_FANOUT /* pages below one leaf node */
#define SPACE_LINE_SHIFT NODE_FANOUT_SHIFT

/* A page: its frame's address with flags below; 0: never touched. */
#define SPACE_SHARED (1UL << 0) /* share()d: never copied, W for everybody */
#define SPACE_FLAGS  0xfffUL

/* Guarded by the G-stage's lock.  All zero is not a space: see space_init(). */
struct space {
    struct space_node *root; /* NULL: nothing is there */
    u64 pages;               /* size; page numbers count from the first of RAM */
    u64 present;             /* pages that are there */
    u32 top_shift;           /* page number >> this: index in the root */
};

void space_init(struct space *space, u64 pages);

/* child becomes what parent is: O(1).  Both have only nodes that are not theirs alone now. */
void space_fork(struct space *child, struct space *parent);

/* Gives everything back, some of it later: see space_reap().  The space is empty afterwards. */
void space_release(struct space *space);

/*
 * The SPACE_LINE entries around `page`, or NULL if there are none.  *alone: no other space has this
 * line (but frames in it may still have others): it may be written by whom the lock belongs to.
 */
const u64 *space_line(const struct space *space, u64 page, bool *alone);

/*
 * The same, made this space's alone: nodes on the way are copied or made.  It stays so until the
 * next space_fork() of this space.  NULL: no memory; what the space contains is unchanged.
 *
 * Entries are counted references to frames.
 */
u64 *space_own_line(struct space *space, u64 page);

/* Writes an entry of an own line.  It takes over a reference to the new frame; that to the old one
 * is the caller's. */
static inline void space_set(struct space *space, u64 *entry, u64 page)
{
    space->present += (u64)(page != 0) - (u64)(*entry != 0);
    *entry = page;
}

/* The first page from `page` on that is there, or space->pages. */
u64 space_next(const struct space *space, u64 page);

/* All 512 pages of the 2 MiB around `page` are there, are nobody else's, and are a chunk's frames
 * in their order, without flags.  Some 1,200 loads if so, mostly a few if not. */
bool space_region_alone(const struct space *space, u64 page);

struct space_count {
    u64 nodes;         /* that are this space's alone */
    u64 owned, shared; /* pages */
};
struct space_count space_count(const struct space *space);

/*
 * What was released and is not back yet: frees about `entries` of it.  False: there is none.  Any
 * hart; it needs no memory, and no lock but those of frames and nodes.  Nodes that are free stay at
 * hand: for the last frames call space_node_flush(), too.
 */
bool space_reap(u32 entries);
/* About so many pages come back by it. */
u64 space_waiting(void);
/* Frames that nodes occupy, those that wait to be freed included; for the census. */
u64 space_frames(void);
