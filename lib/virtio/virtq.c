/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver half of a split virtqueue; see virtq.h for the shape.
 *
 * Every index that comes back from the device is checked against the ring's size before it is used.
 */
#include "lib/virtio/virtq.h"

#include <string.h>

/*
 * virtq_driver_init - lay out an empty ring, every descriptor free.
 *
 * memory holds VIRTQ_BYTES(size) bytes, aligned to VIRTQ_DESC_ALIGN, and stays with the ring until
 * the device has been reset.  size is a power of two, at most VIRTQ_SIZE_MAX.
 */
void virtq_driver_init(struct virtq_driver *queue, void *memory, u16 size)
{
    u8 *bytes = memory;

    memset(bytes, 0, VIRTQ_BYTES((size_t)size));
    *queue = (struct virtq_driver){
        .ring = {.desc = memory,
                 .avail = (void *)(bytes + size * sizeof(struct virtq_desc)),
                 .used = (void *)(bytes + VIRTQ_USED_AT((size_t)size)),
                 .size = size},
        .free_count = size,
    };
    for (u16 i = 0; i < size; i++) {
        queue->ring.desc[i].next = (u16)(i + 1); /* the last one's is never followed */
    }
}

/*
 * virtq_driver_push - offer a chain of buffers to the device.
 *
 * bufs has readable pieces, which the device reads, then writable ones.  They belong to the device
 * until virtq_driver_pop gives *head back.  The caller then notifies.
 *
 * ERR_INVAL    no piece at all; nothing changed
 * ERR_NOMEM    fewer free descriptors than pieces; nothing changed
 *
 * [VIRTIO "Supplying Buffers to The Device"]
 */
enum err virtq_driver_push(struct virtq_driver *queue, const struct virtq_buf *bufs,
                           unsigned readable, unsigned writable, u16 *head)
{
    struct virtq *ring = &queue->ring;
    unsigned count = readable + writable;
    u16 at = queue->free_head;

    if (count == 0) {
        return ERR_INVAL;
    }
    if (count > queue->free_count) {
        return ERR_NOMEM;
    }
    *head = at;
    for (unsigned i = 0; i < count; i++) {
        struct virtq_desc *desc = &ring->desc[at];
        unsigned write = i < readable ? 0 : VIRTQ_DESC_WRITE;
        unsigned next = i + 1 < count ? VIRTQ_DESC_NEXT : 0;

        desc->addr = bufs[i].addr;
        desc->len = bufs[i].bytes;
        desc->flags = (u16)(write | next);
        at = desc->next;
    }
    queue->free_head = at;
    queue->free_count = (u16)(queue->free_count - count);
    ring->avail->ring[queue->avail_idx & (ring->size - 1)] = *head;
    queue->avail_idx++;
    /* Release: descriptors and ring slot are in memory before the device can see the index. */
    __atomic_store_n(&ring->avail->idx, queue->avail_idx, __ATOMIC_RELEASE);
    return ERR_OK;
}

/* Puts the chain from head back in front of the free list. */
static void free_chain(struct virtq_driver *queue, u16 head)
{
    struct virtq_desc *desc = queue->ring.desc;
    u16 last = head;
    u16 count = 1;

    while (desc[last].flags & VIRTQ_DESC_NEXT) {
        last = desc[last].next;
        count++;
    }
    desc[last].next = queue->free_head;
    queue->free_head = head;
    queue->free_count = (u16)(queue->free_count + count);
}

/*
 * virtq_driver_pop - take one chain back that the device has finished with.
 *
 * *head is the chain, its descriptors are free again; *written_bytes is how much the device wrote.
 *
 * ERR_NOENT    the device has not finished another one; nothing changed
 * ERR_FORMAT   the device returned a chain it cannot have; the ring is unusable until a reset
 *
 * [VIRTIO "Receiving Used Buffers From The Device"]
 */
enum err virtq_driver_pop(struct virtq_driver *queue, u16 *head, u32 *written_bytes)
{
    struct virtq *ring = &queue->ring;
    struct virtq_used_elem elem;

    /* Acquire: the element and the buffers are read after the index that covers them. */
    if (__atomic_load_n(&ring->used->idx, __ATOMIC_ACQUIRE) == queue->used_idx) {
        return ERR_NOENT;
    }
    elem = ring->used->ring[queue->used_idx & (ring->size - 1)];
    if (elem.id >= ring->size || queue->free_count == ring->size) {
        return ERR_FORMAT;
    }
    queue->used_idx++;
    *head = (u16)elem.id;
    *written_bytes = elem.len;
    free_chain(queue, *head);
    return ERR_OK;
}
