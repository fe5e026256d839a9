/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A leftist heap.  Invariants: no node comes before its parent, and no right child has a higher
 * rank than its left sibling (a missing child has rank 0, a node one more than its right child).
 *
 * So a path that goes only right has at most log2(n + 1) nodes, and joining two heaps walks two
 * such paths; adding joins with a heap of one, removing joins the two children.  Every operation is
 * O(log n) at worst, not only on average, and needs no memory.  The depth to the left is unbounded,
 * but nothing walks it.
 */
#include "lib/kit/heap.h"

static bool before(const struct heap_node *a, const struct heap_node *b)
{
    return a->key == b->key ? heap_key_before(a->arrival, b->arrival)
                            : heap_key_before(a->key, b->key);
}

static u32 rank_of(const struct heap_node *node)
{
    return node == NULL ? 0 : node->rank;
}

/* Restores the second invariant at a node whose children have it; false if nothing above changes.
 */
static bool settle(struct heap_node *node)
{
    u32 rank = node->rank;

    if (rank_of(node->left) < rank_of(node->right)) {
        struct heap_node *left = node->left;

        node->left = node->right;
        node->right = left;
    }
    node->rank = rank_of(node->right) + 1;
    return node->rank != rank;
}

/* One heap of two, either of which may be NULL; what their parents were does not matter. */
static struct heap_node *join(struct heap_node *a, struct heap_node *b)
{
    struct heap_node *first = NULL, *above = NULL, **link = &first;

    /* Down: merge the two right paths. */
    while (a != NULL && b != NULL) {
        if (before(b, a)) {
            struct heap_node *earlier = b;

            b = a;
            a = earlier;
        }
        *link = a;
        a->parent = above;
        above = a;
        link = &a->right;
        a = a->right;
    }
    *link = a != NULL ? a : b;
    if (*link != NULL)
        (*link)->parent = above;
    /* Up: each node of the merged path may have a new right child. */
    for (; above != NULL; above = above->parent) {
        settle(above);
    }
    return first;
}

void heap_add(struct heap *heap, struct heap_node *node, u64 key)
{
    *node = (struct heap_node){.key = key, .arrival = heap->arrivals++, .rank = 1};
    heap->first = join(heap->first, node);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    struct heap_node *above = node->parent;
    struct heap_node *rest = join(node->left, node->right);

    if (rest != NULL)
        rest->parent = above;
    if (above == NULL)
        heap->first = rest;
    else if (above->left == node)
        above->left = rest;
    else
        above->right = rest;
    /* Ranks grow on the way up as long as they change: O(log n). */
    while (above != NULL && settle(above)) {
        above = above->parent;
    }
}
