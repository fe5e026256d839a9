/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ring of a pipe, which reader and writer, in any two processes, use at the same time.
 *
 *     ring  | free | bytes to be read | free |
 *                  ^ reader.at        ^ writer.at     modulo the ring's size
 *
 * One writer at a time, and one reader at a time: each side has a lock (pipe.c).  A side moves its
 * own `at` only, by one store behind the bytes: who is killed in the midst of it has written, or
 * read, nothing.
 *
 * Who has to wait says so, and then looks again; who has something for the other side looks
 * afterwards whether that waits.  Between store and look there is a fence on both sides: one of the
 * two sees the other.
 */
#include "guest/libc/pipe_ring.h"

#include <string.h>

static u32 load(const u32 *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* Bytes to be read. */
u32 pipe_used(const struct pipe *pipe)
{
    u32 used = load(&pipe->writer.at) - load(&pipe->reader.at);

    return used < PIPE_RING_BYTES ? used : PIPE_RING_BYTES;
}

static u32 least(u32 a, u32 b)
{
    return a < b ? a : b;
}

#define BLOCK_WORDS 256
#define GROUP       8 /* words that are in registers at a time */

/* 515 instructions for 2 KiB; memcpy takes 614. */
static void copy_blocks(u64 *restrict to, const u64 *restrict from, size_t blocks)
{
    for (; blocks > 0; blocks--, to += BLOCK_WORDS, from += BLOCK_WORDS) {
#pragma GCC unroll 32
        for (size_t i = 0; i < BLOCK_WORDS; i += GROUP) {
            u64 a = from[i], b = from[i + 1], c = from[i + 2], d = from[i + 3];
            u64 e = from[i + 4], f = from[i + 5], g = from[i + 6], h = from[i + 7];

            to[i] = a, to[i + 1] = b, to[i + 2] = c, to[i + 3] = d;
            to[i + 4] = e, to[i + 5] = f, to[i + 6] = g, to[i + 7] = h;
        }
    }
}

/* memcpy for large pieces: whole blocks where both places are aligned. */
static void copy(u8 *to, const u8 *from, size_t bytes)
{
    size_t blocks = bytes / (BLOCK_WORDS * sizeof(u64)), done = 0;

    if (blocks > 0 && ((uintptr_t)to | (uintptr_t)from) % sizeof(u64) == 0) {
        done = blocks * BLOCK_WORDS * sizeof(u64);
        copy_blocks((u64 *)(void *)to, (const u64 *)(const void *)from, blocks);
    }
    if (done < bytes) {
        memcpy(to + done, from + done, bytes - done);
    }
}

/* How many bytes were taken: as many as there are, `bytes` at most. */
u32 pipe_get(struct pipe *pipe, void *to, u32 bytes)
{
    u32 at = pipe->reader.at, from = at % PIPE_RING_BYTES;
    u32 count = least(bytes, pipe_used(pipe)), first = least(count, PIPE_RING_BYTES - from);

    copy(to, pipe->ring + from, first);
    if (first < count) {
        copy((u8 *)to + first, pipe->ring, count - first);
    }
    __atomic_store_n(&pipe->reader.at, at + count, __ATOMIC_RELEASE);
    return count;
}

/* How many bytes were put in: as many as fit, but up to PIPE_WHOLE all or none. */
u32 pipe_put(struct pipe *pipe, const void *from, u32 bytes)
{
    u32 at = pipe->writer.at, to = at % PIPE_RING_BYTES, room = PIPE_RING_BYTES - pipe_used(pipe);
    u32 count = least(bytes, room), first = least(count, PIPE_RING_BYTES - to);

    if (count < bytes && bytes <= PIPE_WHOLE) {
        return 0;
    }
    copy(pipe->ring + to, from, first);
    if (first < count) {
        copy(pipe->ring, (const u8 *)from + first, count - first);
    }
    __atomic_store_n(&pipe->writer.at, at + count, __ATOMIC_RELEASE);
    return count;
}

/* This side is about to wait: whoever changes something from here on sees it. */
void pipe_side_will_wait(struct pipe_side *side)
{
    __atomic_store_n(&side->waits, 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* `waits` before the look at the ring */
}

/* True, once: this side waits, and is to be woken. */
bool pipe_side_waits(struct pipe_side *side)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* what is new in the ring before the look */
    return __atomic_load_n(&side->waits, __ATOMIC_RELAXED) &&
           __atomic_exchange_n(&side->waits, 0, __ATOMIC_RELAXED);
}
