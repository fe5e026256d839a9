/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A split virtqueue.  struct virtq is the ring as both halves see it; struct virtq_driver is the
 * half that offers buffers.  (The half that serves them belongs to the devices that hv emulates.)
 *
 *     desc[size]   16-byte aligned   buffers, linked into chains; unused ones into the free list
 *     avail        behind it         heads of the chains that the device may take
 *     used         4-byte aligned    heads of the chains that it gave back
 *
 * Invariant of the driver half: free_count descriptors are in the list from free_head, each other
 * one is in exactly one chain that the device holds.
 *
 * An address is the same for the processor and the device.  No indirect descriptors, no event
 * index, no locks: the caller serialises.
 */
#include "lib/kit/err.h"
#include "lib/kit/types.h"
#include "lib/virtio/spec.h"

struct virtq {
    struct virtq_desc *desc; /* [size] */
    struct virtq_avail *avail;
    struct virtq_used *used;
    u16 size; /* entries; a power of two, at most VIRTQ_SIZE_MAX */
};

struct virtq_driver {
    struct virtq ring;
    u16 free_head;
    u16 free_count;
    u16 avail_idx; /* free-running: chains offered */
    u16 used_idx;  /* free-running: chains taken back */
};

/* One piece of a chain. */
struct virtq_buf {
    u64 addr;
    u32 bytes;
};

#define VIRTQ_AVAIL_BYTES(size) (sizeof(struct virtq_avail) + (size) * sizeof(u16))
#define VIRTQ_USED_AT(size)                                                                  \
    (((size) * sizeof(struct virtq_desc) + VIRTQ_AVAIL_BYTES(size) + VIRTQ_USED_ALIGN - 1) & \
     ~(size_t)(VIRTQ_USED_ALIGN - 1))

/* Bytes of memory for a ring of so many entries. */
#define VIRTQ_BYTES(size) \
    (VIRTQ_USED_AT(size) + sizeof(struct virtq_used) + (size) * sizeof(struct virtq_used_elem))

/* Places a ring in VIRTQ_BYTES(size) bytes of 16-byte aligned memory, all chains free. */
void virtq_driver_init(struct virtq_driver *queue, void *memory, u16 size);
/* Offers a chain: first what the device reads, then what it writes. */
__must_check enum err virtq_driver_push(struct virtq_driver *queue, const struct virtq_buf *bufs,
                                        unsigned readable, unsigned writable, u16 *head);
/* Takes one chain back. */
__must_check enum err virtq_driver_pop(struct virtq_driver *queue, u16 *head, u32 *written_bytes);
