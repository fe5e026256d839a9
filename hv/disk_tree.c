/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A node is a frame of 512 entries; those of the lowest level are the blocks' frames.
 *
 *     root ──▶ node ──▶ ... ──▶ node ──▶ block            levels: nodes on the way
 *                └────▶ ...
 *
 * A tree is copied by counting its root once more.  A frame that is counted more than once, or that
 * hangs below such a one, is shared and does not change: whoever wants to write first copies the
 * way to it, and each copy counts what the node refers to.
 *
 * Invariant: outside of [first, end) of its struct frame a node's entries are zero.
 *
 * Locking is the caller's: trees that share frames are guarded by one lock.
 */
#include "hv/disk_tree.h"

#include "hv/frame.h"

#define NODE_SHIFT   9
#define NODE_ENTRIES (1U << NODE_SHIFT)

struct node {
    hpa_t entry[NODE_ENTRIES];
};
_Static_assert(sizeof(struct node) == PAGE_BYTES, "a frame");
_Static_assert(DISK_BLOCK_BYTES == PAGE_BYTES, "a frame");

static struct node *node_at(hpa_t hpa)
{
    return hpa_ptr(hpa);
}

/* Of the node at `level`, which is 1 where the entries are blocks. */
static u32 index_at(u64 block, u32 level)
{
    return (u32)(block >> (level - 1) * NODE_SHIFT) & (NODE_ENTRIES - 1);
}

u32 disk_tree_levels(u64 blocks)
{
    u32 levels = 1;

    for (u64 nodes = blocks >> NODE_SHIFT; nodes > 0; nodes >>= NODE_SHIFT)
        levels++;
    return levels;
}

hpa_t disk_tree_find(hpa_t root, u32 levels, u64 block)
{
    hpa_t at = root;

    for (u32 level = levels; level > 0 && at.v != 0; level--)
        at = node_at(at)->entry[index_at(block, level)];
    return at;
}

static hpa_t node_alloc(void)
{
    hpa_t node = frame_alloc();

    if (node.v == 0)
        return node;
    page_zero(node);
    frame_of(node)->first = UINT16_MAX;
    frame_of(node)->end = 0;
    return node;
}

/* A copy of a shared node, instead of it. */
static hpa_t node_copy(hpa_t shared)
{
    const struct frame *frame = frame_of(shared);
    hpa_t copy = frame_alloc();

    if (copy.v == 0)
        return copy;
    page_copy(copy, shared);
    frame_of(copy)->first = frame->first;
    frame_of(copy)->end = frame->end;
    for (u32 i = frame->first; i < frame->end; i++) {
        if (node_at(copy)->entry[i].v != 0)
            frame_get(node_at(copy)->entry[i]);
    }
    frame_put_node(shared);
    return copy;
}

/*
 * disk_tree_place - where the block's frame is to be put.
 *
 * The nodes on the way are this tree's alone afterwards.  The frame that is there already may be
 * shared: its count tells.
 */
hpa_t *disk_tree_place(hpa_t *root, u32 levels, u64 block)
{
    hpa_t *at = root;

    for (u32 level = levels; level > 0; level--) {
        hpa_t own = *at;

        if (own.v == 0)
            own = node_alloc();
        else if (frame_refs(own) > 1)
            own = node_copy(own);
        if (own.v == 0)
            return NULL;
        *at = own;
        node_use(own, index_at(block, level));
        at = &node_at(own)->entry[index_at(block, level)];
    }
    return at;
}

hpa_t disk_tree_share(hpa_t root)
{
    if (root.v != 0)
        frame_get(root);
    return root;
}

/*
 * disk_tree_put - the end of a tree.
 *
 * It is nobody else's any more, so what it alone refers to cannot change during a pause.
 */
void disk_tree_put(hpa_t root, u32 levels, void (*pause)(void *arg), void *arg)
{
    if (root.v == 0)
        return;
    if (levels > 0 && frame_refs(root) == 1) {
        const struct frame *frame = frame_of(root);

        for (u32 i = frame->first; i < frame->end; i++)
            disk_tree_put(node_at(root)->entry[i], levels - 1, pause, arg);
        pause(arg);
    }
    frame_put_node(root);
}

/* It visits no more nodes than dropping `from` would. */
void disk_tree_merge(hpa_t *to, hpa_t from, u32 levels)
{
    if (from.v == 0)
        return;
    if (to->v == 0) {
        *to = from;
        return;
    }
    if (levels > 0) {
        struct frame *frame = frame_of(from);

        for (u32 i = frame->first; i < frame->end; i++) {
            if (node_at(from)->entry[i].v == 0)
                continue;
            node_use(*to, i);
            disk_tree_merge(&node_at(*to)->entry[i], node_at(from)->entry[i], levels - 1);
        }
    }
    frame_put_node(from);
}

static void count(hpa_t root, u32 levels, bool is_shared, u64 *owned, u64 *shared)
{
    if (root.v == 0)
        return;
    is_shared |= frame_refs(root) > 1;
    *(is_shared ? shared : owned) += 1;
    for (u32 i = 0; levels > 0 && i < NODE_ENTRIES; i++)
        count(node_at(root)->entry[i], levels - 1, is_shared, owned, shared);
}

void disk_tree_count(hpa_t root, u32 levels, u64 *owned, u64 *shared)
{
    count(root, levels, false, owned, shared);
}
