/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A sparse array of blocks, from a block's number to the frame that holds it: a radix tree of
 * frames, which copies of it share.  See disk_tree.c.
 */
#include "lib/riscv/ops.h"

#define DISK_BLOCK_BYTES 4096U /* a frame */

/* How many levels a tree has for so many blocks; 1 at least. */
u32 disk_tree_levels(u64 blocks);
/* The block's frame; {0}: it is not there. */
hpa_t disk_tree_find(hpa_t root, u32 levels, u64 block);
/* The place of the block's frame, in a node that no other tree has; {0} in it: the block is not
 * there.  NULL: no memory; the tree has the blocks that it had. */
__must_check hpa_t *disk_tree_place(hpa_t *root, u32 levels, u64 block);
/* Another tree with the same blocks. */
hpa_t disk_tree_share(hpa_t root);
/* Drops a tree; between two steps of bounded length `pause` is called. */
void disk_tree_put(hpa_t root, u32 levels, void (*pause)(void *arg), void *arg);
/* Moves the blocks of `from` that `to` has not into it and drops the rest; neither is shared. */
void disk_tree_merge(hpa_t *to, hpa_t from, u32 levels);
/* Adds the frames of this tree alone, and those that it shares, its nodes included. */
void disk_tree_count(hpa_t root, u32 levels, u64 *owned, u64 *shared);
