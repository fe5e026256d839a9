/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Inside of pipe.c and pipe_bytes.c: what a process knows of its pipes. */
#include "lib/kit/list.h"

#include "guest/fs/fs.h"
#include "guest/libc/pipe.h"
#include "guest/libc/pipe_ring.h"
#include "guest/spin.h"

struct end {
    struct node node;    /* first */
    enum pipe_end which; /* its place in its channel */
    struct file *file;   /* NULL: this process does not have it */
    struct pipe_side *side, *other;
    struct spin lock; /* before side->hold.owner */
    bool holds;       /* this process is one of side->hold.holders */
};

struct channel {
    struct end end[2]; /* enum pipe_end */
    struct pipe *pipe;
    u32 ends;         /* that are in use */
    struct list link; /* of channels */
};

static inline struct end *end_of(const struct node *node)
{
    return (struct end *)(void *)node;
}

static inline struct channel *channel_of(struct end *end)
{
    return container_of(end - end->which, struct channel, end[0]);
}

/* struct fs_ops has what they are. */
int pipe_read(struct node *node, u64 offset, void *to, size_t bytes, size_t *done);
int pipe_write(struct node *node, u64 offset, const void *from, size_t bytes, size_t *done);
void pipe_ready(struct node *node, struct fs_ready *ready);
