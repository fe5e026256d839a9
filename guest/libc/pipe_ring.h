/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What is in the shared pages of a pipe.  See pipe_ring.c. */
#include "lib/kit/types.h"
#include "sbi/proc.h"

#include "guest/fs/vfs.h"

#define PIPE_RING_BYTES 131072U /* a power of two */
#define PIPE_WHOLE      4096U   /* PIPE_BUF: so much is written in one piece or not at all */
#define PIPE_PAGE       4096U

/* What one end has of it: the reading one, or the writing one. */
struct pipe_side {
    struct proc_hold hold; /* its processes; the bell is what the other side waits for */
    u32 at;                /* bytes that went by here; free-running */
    u32 waits;             /* somebody of this side waits for the other's bell, or did */
    struct file_state state;
} __attribute__((aligned(64)));

struct pipe {
    struct pipe_side reader, writer;
    u8 ring[PIPE_RING_BYTES] __attribute__((aligned(PIPE_PAGE)));
};
_Static_assert(sizeof(struct pipe) == PIPE_PAGE + PIPE_RING_BYTES, "pages of a pipe");

u32 pipe_used(const struct pipe *pipe);
u32 pipe_get(struct pipe *pipe, void *to, u32 bytes);
u32 pipe_put(struct pipe *pipe, const void *from, u32 bytes);
bool pipe_side_waits(struct pipe_side *side);
void pipe_side_will_wait(struct pipe_side *side);
