/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The half of a split virtqueue that serves buffers: what a device does.  Whatever the driver puts
 * into its memory, nothing outside of it is touched and no loop is endless.  See virtq_device.c.
 */
#include "lib/kit/err.h"
#include "lib/kit/types.h"
#include "lib/virtio/spec.h"

/*
 * Where the driver's page with this address (aligned to 4096) is, to be read and written; NULL: it
 * has no memory there.  The place is good until virtq_device_forget().
 */
typedef void *virtq_page_fn(void *arg, u64 page);

struct virtq_memory {
    virtq_page_fn *page;
    void *arg;
};

#define VIRTQ_DEVICE_SIZE_MAX 128 /* so that each part of a ring is in two pages at most */

/*
 * Where a part of a ring is: what is at an offset below split is at first + offset, and the rest,
 * in another page, at second + offset.
 */
struct virtq_place {
    u64 split;
    u64 first, second;
};

struct virtq_device {
    /* what the driver said, addresses of its own: */
    u64 desc, avail, used;
    u16 size;
    bool indirect, event_idx; /* agreed on */
    bool ready;

    bool placed;   /* place[] is good */
    u16 avail_idx; /* free-running: chains taken */
    u16 used_idx;  /* free-running: chains given back */
    u16 told_idx;  /* used_idx when the driver was last interrupted, or might have been */
    struct virtq_place place[3]; /* of desc, avail, used */
};

/* A piece of a chain, at an address of the driver's; not checked yet. */
struct virtq_segment {
    u64 addr;
    u32 bytes;
};

struct virtq_chain {
    u16 head;
    u16 readable, writable;        /* segments: the former come first */
    u16 max;                       /* the caller's: how many there is room for */
    struct virtq_segment *segment; /* the caller's [max] */
};

/* Addresses, size and alignment as the driver gave them. ERR_FORMAT: none of such a queue can be.
 */
__must_check enum err virtq_device_start(struct virtq_device *queue);
/*
 * Takes the next chain.  ERR_NOENT: there is none, and the driver will notify of the next one.
 * ERR_FORMAT: the queue is broken (a bad index, address, loop, order of segments, more of them than
 * chain->max): the device needs a reset.
 */
__must_check enum err virtq_device_pop(struct virtq_device *queue,
                                       const struct virtq_memory *memory,
                                       struct virtq_chain *chain);
/* Gives a chain back, of which so many bytes were written.  ERR_FORMAT: as above. */
__must_check enum err virtq_device_push(struct virtq_device *queue,
                                        const struct virtq_memory *memory, u16 head, u32 written);
/* Whether the driver wants an interrupt for what was pushed since the last time. */
bool virtq_device_should_interrupt(struct virtq_device *queue);
/* Places of pages are no longer what they were: the driver was forked, or reset. */
void virtq_device_forget(struct virtq_device *queue);
