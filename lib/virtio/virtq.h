/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A split virtqueue.  struct virtq is the ring as both halves see it; struct virtq_driver is the
 * half that offers buffers.  (The half that serves them: virtq_device.h.)
 *
 *     desc[size]   16-byte aligned   buffers, linked into chains; unused ones into the free list
 *     avail        behind it         heads of the chains that the device may take; used_event
 *     used         4-byte aligned    heads of the chains that it gave back; avail_event
 *
 * Invariant of the driver half: free_count descriptors are in the list from free_head, each other
 * one is in exactly one chain that the device holds.
 *
 * Who is told of what: the driver kicks the device when it must; the device interrupts the driver
 * for what it expects.
 *
 *     push ... must_kick ──▶ notify          expect ──▶ interrupt ──▶ quiet, pop ..., expect
 *
 * An address is the same for the processor and the device.  No locks: the caller serialises.
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
    bool indirect, event_idx; /* agreed on */
    u16 free_head;
    u16 free_count;
    u16 avail_idx;  /* free-running: chains offered */
    u16 used_idx;   /* free-running: chains taken back */
    u16 kicked_idx; /* avail_idx when must_kick was last asked */
};

/* One piece of a chain. */
struct virtq_buf {
    u64 addr;
    u32 bytes;
};

/* Each ring has one more u16 behind its entries: the event index. */
#define VIRTQ_AVAIL_BYTES(size) (sizeof(struct virtq_avail) + ((size) + 1) * sizeof(u16))
#define VIRTQ_USED_AT(size)                                                                  \
    (((size) * sizeof(struct virtq_desc) + VIRTQ_AVAIL_BYTES(size) + VIRTQ_USED_ALIGN - 1) & \
     ~(size_t)(VIRTQ_USED_ALIGN - 1))
#define VIRTQ_USED_BYTES(size) \
    (sizeof(struct virtq_used) + (size) * sizeof(struct virtq_used_elem) + sizeof(u16))

/* Bytes of memory for a ring of so many entries. */
#define VIRTQ_BYTES(size) (VIRTQ_USED_AT(size) + VIRTQ_USED_BYTES(size))

/* Where the driver says of which chain coming back it wants to be told. */
static inline u16 *virtq_used_event(const struct virtq *ring)
{
    return &ring->avail->ring[ring->size];
}

/* Where the device says of which chain offered it wants to be told. */
static inline u16 *virtq_avail_event(const struct virtq *ring)
{
    return (u16 *)(void *)&ring->used->ring[ring->size];
}

/* With event indices: whether going from one index to another passes the event of the other side.
 */
static inline bool virtq_passes(u16 event, u16 from, u16 to)
{
    return (u16)(to - event - 1) < (u16)(to - from);
}

/* Places a ring in VIRTQ_BYTES(size) bytes of 16-byte aligned memory, all chains free; features:
 * those agreed on. */
void virtq_driver_init(struct virtq_driver *queue, void *memory, u16 size, u64 features);
/* Offers a chain: first what the device reads, then what it writes. */
__must_check enum err virtq_driver_push(struct virtq_driver *queue, const struct virtq_buf *bufs,
                                        unsigned readable, unsigned writable, u16 *head);
/* Offers a chain whose descriptors are in a table of the caller's, addr and len filled. */
__must_check enum err virtq_driver_push_table(struct virtq_driver *queue, struct virtq_desc *table,
                                              u16 readable, u16 writable, u16 *head);
/* Whether the device wants to be notified of what was pushed since this was last asked. */
__must_check bool virtq_driver_must_kick(struct virtq_driver *queue);
/* Takes one chain back. */
__must_check enum err virtq_driver_pop(struct virtq_driver *queue, u16 *head, u32 *written_bytes);
/* Asks for an interrupt once so many more chains are back; false: they are already. */
__must_check bool virtq_driver_expect(struct virtq_driver *queue, u16 count);
/* Asks for no interrupt; some may come all the same. */
void virtq_driver_quiet(struct virtq_driver *queue);
