/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A priority queue whose nodes are members of what they queue: the smallest key is first, and among
 * equal keys the one that was added first.  See heap.c.
 *
 * Keys are compared as distances, (s64)(a - b), so that a counter may wrap; all keys of a heap lie
 * within 2^63 of each other.
 */
#include "lib/kit/types.h"

struct heap_node {
    struct heap_node *parent, *left, *right;
    u64 key;     /* immutable while in the heap */
    u64 arrival; /* order among equal keys */
    u32 rank;    /* nodes on the path that goes right from here to the end */
};

struct heap {
    struct heap_node *first; /* NULL: empty */
    u64 arrivals;            /* how many were added so far */
};

static inline void heap_init(struct heap *heap)
{
    *heap = (struct heap){.first = NULL};
}

/* The node with the smallest key, which stays; NULL if there is none. */
static inline struct heap_node *heap_first(const struct heap *heap)
{
    return heap->first;
}

/* True if key a comes before key b. */
static inline bool heap_key_before(u64 a, u64 b)
{
    return (s64)(a - b) < 0;
}

void heap_add(struct heap *heap, struct heap_node *node, u64 key);
/* The node is in this heap. */
void heap_remove(struct heap *heap, struct heap_node *node);
