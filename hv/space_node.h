/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What trees of pages are made of: nodes of equal size, cut from frames.  See space_node.c. */
#include "lib/kit/types.h"

#define NODE_FANOUT_SHIFT 3
#define NODE_FANOUT       (1 << NODE_FANOUT_SHIFT)

struct space_node {
    union {
        struct space_node *child[NODE_FANOUT]; /* NULL: no page below */
        u64 entry[NODE_FANOUT];                /* of a leaf: pages; see space.h */
    };
    union {
        u32 refs;                /* in use */
        struct space_node *next; /* free, or waiting to be: the one after it in its list */
    };
};

/* Free nodes that a hart has at hand. */
#define SPACE_NODE_CACHE 64
struct space_node_cache {
    struct space_node *free;
    u32 count;
};

/* A node with any contents; NULL if there is no memory. */
__must_check struct space_node *space_node_alloc(void);
void space_node_free(struct space_node *node);
/* Gives back what this hart has at hand, and so the frames that are free then. */
void space_node_flush(void);

/* The census: frames that nodes are cut from, and nodes that are in use. */
u64 space_node_frames(void);
u64 space_node_count(void);
