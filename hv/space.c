/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which frame each page of a VM is: a persistent tree.
 *
 * A node has eight entries.  Those of a leaf are pages, those of others are nodes; as many levels
 * as the number of pages needs:
 *
 *     page number   ... | 3 bits | 3 bits | 3 bits |        three levels are 2 MiB, which is what
 *                          level 2  level 1  level 0        one entry of level 3 stands for
 *
 * Each entry that is not zero is one counted reference, to a node or a frame, and so is a space's
 * root.  A fork takes one more reference to the root: O(1).  From then on every node is in two
 * trees although its own count may still be 1, for there is more than one way to it only further
 * up.  Hence what is this space's *alone*: a node whose count is 1 as are those of all nodes above.
 *
 * Invariant: only a node that is alone is ever written.  Others are immutable, so they are read and
 * copied without a lock by harts that know nothing of each other: each holds only its own space's.
 *
 * To write below a node that is not alone copies it.  The copy is one more reference to all that
 * the node refers to: what is below is in two trees and is copied in turn, level by level, down to
 * the leaf.  When the other tree goes, counts go back to 1 and what remains is simply alone again;
 * nobody has to find out.
 *
 * The order of counts, on several harts.  A copy first raises the counts of what the node refers
 * to, then drops its reference to the node (release).  Who looks reads counts from the root down,
 * each with acquire: if it sees a node's count at 1, then it sees all that was raised before that
 * happened.  So a count of 1 below a node that is alone is true, and remains so: nobody else has a
 * way to the node by which to raise it.  Who drops the last reference to a node that it has copied
 * (two did at the same time) only lowers counts below, none of which ends: the copy has them all.
 *
 * A tree that nobody has any more is taken apart a piece at a time, and waits in between, with as
 * much memory as it is itself: its nodes are linked by the room of their counts, by level.
 *
 * It does not know of tables, faults or guests; and it does not lock: see struct space.
 */
#include "hv/space.h"

#include "lib/kit/spinlock.h"

#include "hv/frame.h"
#include "hv/panic.h"

#define LEVELS_MAX      10U /* 2^30 pages: more than Sv39x4 has */
#define REGION_SHIFT    (CHUNK_SHIFT - PAGE_SHIFT - NODE_FANOUT_SHIFT) /* of nodes of a chunk */
#define RELEASE_ENTRIES 128U /* what an end takes apart at once */

/* Trees without an owner, or what is left of them: nodes whose references are all gone. */
struct remains {
    struct space_node *at[LEVELS_MAX];
    u32 lowest; /* below it there are none */
};

static struct {
    struct spinlock lock;
    u64 count;
    s64 pages; /* so many come back, about: some may be others', too */
    struct remains remains;
} waiting;

static u64 index_at(u64 page, u32 shift)
{
    return page >> shift & (NODE_FANOUT - 1);
}

/* From the root down only: see above. */
static u32 node_refs(const struct space_node *node)
{
    return __atomic_load_n(&node->refs, __ATOMIC_ACQUIRE);
}

/* The holder of a reference takes another one. */
static void node_get(struct space_node *node)
{
    __atomic_fetch_add(&node->refs, 1, __ATOMIC_RELAXED);
}

/* True: it was the last one. */
static bool node_put(struct space_node *node)
{
    return __atomic_fetch_sub(&node->refs, 1, __ATOMIC_ACQ_REL) == 1;
}

/* An entry of a leaf as a frame; frames' counts do not look at what is below a page. */
static hpa_t frame_in(u64 entry)
{
    return (hpa_t){entry};
}

void space_init(struct space *space, u64 pages)
{
    u32 levels = 1;

    while (1UL << levels * NODE_FANOUT_SHIFT < pages)
        levels++;
    assert(levels <= LEVELS_MAX);
    *space = (struct space){.pages = pages, .top_shift = (levels - 1) * NODE_FANOUT_SHIFT};
}

void space_fork(struct space *child, struct space *parent)
{
    if (parent->root != NULL)
        node_get(parent->root);
    *child = *parent;
}

/* The node whose entries stand for 1 << stop pages each, around `page`, or NULL.  *alone: it is. */
static inline const struct space_node *find(const struct space *space, u64 page, u32 stop,
                                            bool *alone)
{
    const struct space_node *node = space->root;
    u32 shift = space->top_shift;
    u32 refs = 0;

    for (;;) {
        if (node == NULL)
            return NULL;
        refs |= node_refs(node);
        if (shift == stop)
            break;
        node = node->child[index_at(page, shift)];
        shift -= NODE_FANOUT_SHIFT;
    }
    *alone = refs == 1;
    return node;
}

const u64 *space_line(const struct space *space, u64 page, bool *alone)
{
    const struct space_node *leaf = find(space, page, 0, alone);

    return leaf == NULL ? NULL : leaf->entry;
}

static void copy_inner(struct space_node *to, const struct space_node *from)
{
#pragma GCC unroll 8
    for (u32 i = 0; i < NODE_FANOUT; i++) {
        struct space_node *child = from->child[i];

        to->child[i] = child;
        if (child != NULL)
            node_get(child);
    }
}

static void copy_leaf(struct space_node *to, const struct space_node *from)
{
#pragma GCC unroll 8
    for (u32 i = 0; i < NODE_FANOUT; i++) {
        u64 page = from->entry[i];

        to->entry[i] = page;
        if (page != 0)
            frame_get(frame_in(page));
    }
}

/* Every other owner of the node has copied it at the same time, and was done before. */
__attribute__((noinline)) static void free_copied(struct space_node *node, bool is_leaf)
{
    for (u32 i = 0; i < NODE_FANOUT; i++) {
        if (node->entry[i] == 0)
            continue;
        if (is_leaf)
            frame_put(frame_in(node->entry[i]));
        else
            (void)node_put(node->child[i]);
    }
    space_node_free(node);
}

/* The node at *edge, which is in such a node or in the space, as one that is this space's alone.
 * NULL: no memory, and it is as it was. */
static inline struct space_node *own(struct space_node **edge, bool is_leaf)
{
    struct space_node *old = *edge, *node;

    if (old != NULL && node_refs(old) == 1)
        return old;
    node = space_node_alloc();
    if (unlikely(node == NULL))
        return NULL;
    if (old == NULL) {
        *node = (struct space_node){.refs = 1};
    } else {
        node->refs = 1;
        if (is_leaf)
            copy_leaf(node, old);
        else
            copy_inner(node, old);
        if (unlikely(node_put(old)))
            free_copied(old, is_leaf);
    }
    *edge = node;
    return node;
}

u64 *space_own_line(struct space *space, u64 page)
{
    struct space_node **edge = &space->root, *node;

    for (u32 shift = space->top_shift; shift != 0; shift -= NODE_FANOUT_SHIFT) {
        node = own(edge, false);
        if (unlikely(node == NULL))
            return NULL;
        edge = &node->child[index_at(page, shift)];
    }
    node = own(edge, true);
    return unlikely(node == NULL) ? NULL : node->entry;
}

/* The entries of a node from that of *page on; *page moves to the first that is not zero, or to
 * the end of the node.  False: the latter. */
static bool skip_zeros(const struct space_node *node, u64 *page, u32 shift)
{
    u64 first = index_at(*page, shift), i = first;

    while (i < NODE_FANOUT && node->entry[i] == 0)
        i++;
    if (i != first)
        *page = ((*page >> shift) + i - first) << shift;
    return i < NODE_FANOUT;
}

u64 space_next(const struct space *space, u64 page)
{
    while (space->root != NULL && page < space->pages) {
        const struct space_node *node = space->root;
        u32 shift = space->top_shift;

        while (skip_zeros(node, &page, shift)) {
            if (shift == 0)
                return page;
            node = node->child[index_at(page, shift)];
            shift -= NODE_FANOUT_SHIFT;
        }
    }
    return space->pages;
}

/* Below a node that is alone: all pages are there and alone, frames in one piece from `frame`. */
static bool all_alone(const struct space_node *node, u32 shift, u64 frame)
{
    if (node == NULL || node_refs(node) != 1)
        return false;
    for (u64 i = 0; i < NODE_FANOUT; i++) {
        u64 here = frame + (i << (shift + PAGE_SHIFT));

        if (shift != 0 ? !all_alone(node->child[i], shift - NODE_FANOUT_SHIFT, here)
                       : node->entry[i] != here || frame_refs(frame_in(here)) != 1)
            return false;
    }
    return true;
}

bool space_region_alone(const struct space *space, u64 page)
{
    const u64 *line;
    bool alone;
    u64 first;

    if (space->root == NULL || node_refs(space->root) != 1 || space->top_shift < REGION_SHIFT)
        return false;
    line = space_line(space, align_down(page, CHUNK_FRAMES), &alone);
    if (line == NULL || !alone)
        return false;
    first = line[0];
    return first != 0 && first % CHUNK_BYTES == 0 &&
           all_alone(find(space, page, REGION_SHIFT, &alone), REGION_SHIFT, first);
}

/* What is alone below a node whose parents are. */
static void count_alone(const struct space_node *node, u32 shift, struct space_count *count)
{
    if (node == NULL || node_refs(node) != 1)
        return;
    count->nodes++;
    for (u32 i = 0; i < NODE_FANOUT; i++) {
        if (shift != 0)
            count_alone(node->child[i], shift - NODE_FANOUT_SHIFT, count);
        else if (node->entry[i] != 0)
            count->owned += frame_refs(frame_in(node->entry[i])) == 1;
    }
}

struct space_count space_count(const struct space *space)
{
    struct space_count count = {0};

    count_alone(space->root, space->top_shift, &count);
    count.shared = space->present - count.owned;
    return count;
}

static void add_remains(struct remains *remains, u32 level, struct space_node *node)
{
    node->next = remains->at[level];
    remains->at[level] = node;
    if (level < remains->lowest)
        remains->lowest = level;
}

/* The lowest node that remains, or NULL.  Lowest first: of a tree there are never more than some
 * eight a level. */
static struct space_node *take_remains(struct remains *remains, u32 *level)
{
    for (u32 i = remains->lowest; i < LEVELS_MAX; i++) {
        struct space_node *node = remains->at[i];

        remains->lowest = i;
        if (node != NULL) {
            remains->at[i] = node->next;
            *level = i;
            return node;
        }
    }
    return NULL;
}

/* Drops what a node refers to; nodes that end by it remain. */
static void drop_children(struct remains *remains, const struct space_node *node, u32 level)
{
#pragma GCC unroll 8
    for (u32 i = 0; i < NODE_FANOUT; i++) {
        struct space_node *child = node->child[i];

        if (child != NULL && node_put(child))
            add_remains(remains, level - 1, child);
    }
}

static void drop_pages(const struct space_node *leaf)
{
#pragma GCC unroll 8
    for (u32 i = 0; i < NODE_FANOUT; i++) {
        u64 page = leaf->entry[i];

        if (page != 0)
            frame_put(frame_in(page));
    }
}

/* Takes a node apart and what ends by it, up to `entries`; returns how many it did.  What remains
 * waits for space_reap(). */
static u32 reap(struct space_node *node, u32 level, u32 entries)
{
    struct remains remains = {.lowest = level};
    u32 done = 0;

    for (;;) {
        if (level == 0)
            drop_pages(node);
        else
            drop_children(&remains, node, level);
        space_node_free(node);
        done += NODE_FANOUT;
        node = take_remains(&remains, &level);
        if (node == NULL)
            return done;
        if (done >= entries)
            break;
    }
    spin_lock(&waiting.lock);
    do {
        add_remains(&waiting.remains, level, node);
        __atomic_fetch_add(&waiting.count, 1, __ATOMIC_RELAXED);
        node = take_remains(&remains, &level);
    } while (node != NULL);
    spin_unlock(&waiting.lock);
    return done;
}

/* Of so many entries of a tree that is full these are pages. */
static s64 pages_of(u32 entries)
{
    return entries - entries / NODE_FANOUT;
}

void space_release(struct space *space)
{
    struct space_node *root = space->root;

    u64 present = space->present;
    u32 done;

    space->root = NULL;
    space->present = 0;
    if (root == NULL || !node_put(root))
        return;
    done = reap(root, space->top_shift / NODE_FANOUT_SHIFT, RELEASE_ENTRIES);
    if (done >= RELEASE_ENTRIES)
        __atomic_fetch_add(&waiting.pages, (s64)present - pages_of(done), __ATOMIC_RELAXED);
}

u64 space_waiting(void)
{
    s64 pages = __atomic_load_n(&waiting.pages, __ATOMIC_RELAXED);

    return pages < 0 || __atomic_load_n(&waiting.count, __ATOMIC_RELAXED) == 0 ? 0 : (u64)pages;
}

bool space_reap(u32 entries)
{
    u32 done = 0;

    if (__atomic_load_n(&waiting.count, __ATOMIC_RELAXED) == 0)
        return false;
    while (done < entries) {
        struct space_node *node;
        u32 level;

        spin_lock(&waiting.lock);
        node = take_remains(&waiting.remains, &level);
        if (node != NULL)
            __atomic_fetch_sub(&waiting.count, 1, __ATOMIC_RELAXED);
        else
            waiting.pages = 0;
        spin_unlock(&waiting.lock);
        if (node == NULL)
            break;
        done += reap(node, level, entries - done);
    }
    __atomic_fetch_sub(&waiting.pages, pages_of(done), __ATOMIC_RELAXED);
    return done > 0;
}

u64 space_frames(void)
{
    return space_node_frames();
}
