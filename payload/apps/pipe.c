/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pipe between two tasks: bytes through a bounded ring.  Who finds it full or empty waits, and
 * the reader finds its end when it is empty and closed.
 */
#include <stdio.h>

#include "guest/sync.h"

#include "payload/apps/apps.h"

#define RING_BYTES  64U
#define TOTAL_BYTES 100000U

struct pipe {
    struct mutex mutex;
    struct cond changed;
    /* guarded by mutex: */
    unsigned char ring[RING_BYTES];
    unsigned written, read; /* so many ever */
    bool closed;
};

static void pipe_write(struct pipe *pipe, const unsigned char *bytes, unsigned count)
{
    mutex_lock(&pipe->mutex);
    for (unsigned i = 0; i < count; i++) {
        while (pipe->written - pipe->read == RING_BYTES) {
            cond_wait_until(&pipe->changed, &pipe->mutex, ALARM_NEVER);
        }
        pipe->ring[pipe->written++ % RING_BYTES] = bytes[i];
        cond_broadcast(&pipe->changed);
    }
    mutex_unlock(&pipe->mutex);
}

/* Some bytes, at least one, at most `room`; 0: the end. */
static unsigned pipe_read(struct pipe *pipe, unsigned char *bytes, unsigned room)
{
    unsigned count = 0;

    mutex_lock(&pipe->mutex);
    while (pipe->written == pipe->read && !pipe->closed) {
        cond_wait_until(&pipe->changed, &pipe->mutex, ALARM_NEVER);
    }
    while (count < room && pipe->read != pipe->written) {
        bytes[count++] = pipe->ring[pipe->read++ % RING_BYTES];
    }
    cond_broadcast(&pipe->changed);
    mutex_unlock(&pipe->mutex);
    return count;
}

static void pipe_close(struct pipe *pipe)
{
    mutex_lock(&pipe->mutex);
    pipe->closed = true;
    cond_broadcast(&pipe->changed);
    mutex_unlock(&pipe->mutex);
}

static unsigned char byte_at(unsigned place)
{
    return (unsigned char)(place ^ place >> 8);
}

/* In pieces of 1 to 150 bytes: less and more than there is room for. */
static int write_all(void *arg)
{
    unsigned char bytes[150];
    unsigned place = 0;

    for (unsigned piece = 1; place < TOTAL_BYTES; piece = piece * 7 % 151) {
        unsigned count = 0;

        while (count < piece && place < TOTAL_BYTES) {
            bytes[count++] = byte_at(place++);
        }
        pipe_write(arg, bytes, count);
    }
    pipe_close(arg);
    return 0;
}

static int read_all(void *arg)
{
    unsigned char bytes[50];
    unsigned place = 0, count;

    while ((count = pipe_read(arg, bytes, sizeof(bytes))) != 0) {
        for (unsigned i = 0; i < count; i++) {
            if (bytes[i] != byte_at(place++)) {
                printf("pipe: wrong byte at %u\n", place - 1);
                return 1;
            }
        }
    }
    return place != TOTAL_BYTES;
}

bool pipe_ok(void)
{
    static struct pipe pipe;
    struct task *ends[] = {start(write_all, &pipe, 0), start(read_all, &pipe, 0)};

    return join_all(ends, ARRAY_LEN(ends));
}
