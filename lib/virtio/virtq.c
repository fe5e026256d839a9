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
 * the device has been reset.  size is a power of two, at most VIRTQ_SIZE_MAX.  features are
 * those that the device agreed to: VIRTIO_F_INDIRECT_DESC and VIRTIO_F_EVENT_IDX matter here.
 * Interrupts are asked for from the first chain on.
 */
void virtq_driver_init(struct virtq_driver *queue, void *memory, u16 size, u64 features)
{
    u8 *bytes = memory;

    memset(bytes, 0, VIRTQ_BYTES((size_t)size));
    *queue = (struct virtq_driver){
        .ring = {.desc = memory,
                 .avail = (void *)(bytes + size * sizeof(struct virtq_desc)),
                 .used = (void *)(bytes + VIRTQ_USED_AT((size_t)size)),
                 .size = size},
        .indirect = features & VIRTIO_F_INDIRECT_DESC,
        .event_idx = features & VIRTIO_F_EVENT_IDX,
        .free_count = size,
    };
    for (u16 i = 0; i < size; i++) {
        queue->ring.desc[i].next = (u16)(i + 1); /* the last one's is never followed */
    }
}

/* Shows the device one more chain. */
static void offer(struct virtq_driver *queue, u16 head)
{
    struct virtq *ring = &queue->ring;

    ring->avail->ring[queue->avail_idx & (ring->size - 1)] = head;
    queue->avail_idx++;
    /* Release: descriptors and ring slot are in memory before the device can see the index. */
    __atomic_store_n(&ring->avail->idx, queue->avail_idx, __ATOMIC_RELEASE);
}

/*
 * virtq_driver_push - offer a chain of buffers to the device.
 *
 * bufs has readable pieces, which the device reads, then writable ones.  They belong to the device
 * until virtq_driver_pop gives *head back.  The caller then notifies, if it must.
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
    offer(queue, *head);
    return ERR_OK;
}

/* Fills flags and next of a table that is read from its first entry to its last. */
static void link_table(struct virtq_desc *table, u32 readable, u32 count)
{
    u32 i = 0;

    for (; i < readable; i++) {
        table[i].flags = VIRTQ_DESC_NEXT;
        table[i].next = (u16)(i + 1);
    }
    for (; i < count; i++) {
        table[i].flags = VIRTQ_DESC_NEXT | VIRTQ_DESC_WRITE;
        table[i].next = (u16)(i + 1);
    }
    table[count - 1].flags &= (u16)~VIRTQ_DESC_NEXT;
}

/* Takes descriptors from the free list for a copy of a linked table. */
static void copy_table(struct virtq_driver *queue, const struct virtq_desc *table, u32 count)
{
    u16 at = queue->free_head;

    for (u32 i = 0; i < count; i++) {
        struct virtq_desc *desc = &queue->ring.desc[at];

        desc->addr = table[i].addr;
        desc->len = table[i].len;
        desc->flags = table[i].flags;
        at = desc->next;
    }
    queue->free_head = at;
    queue->free_count = (u16)(queue->free_count - count);
}

/*
 * virtq_driver_push_table - offer a chain by its table.
 *
 * table has readable pieces, then writable ones: addr and len are the caller's, flags and next are
 * filled here.  It is aligned to VIRTQ_DESC_ALIGN.  The device reads it where it is, for the price
 * of one descriptor, or where it cannot, a copy in the ring.  Table and pieces belong to the device
 * until virtq_driver_pop gives *head back.  The caller then notifies, if it must.
 *
 * ERR_INVAL    no piece at all, or more than the ring has entries, which no chain may have; nothing
 *              changed
 * ERR_NOMEM    too few free descriptors; nothing changed but the table
 *
 * [VIRTIO "Indirect Descriptors"]
 */
enum err virtq_driver_push_table(struct virtq_driver *queue, struct virtq_desc *table, u16 readable,
                                 u16 writable, u16 *head)
{
    u32 count = (u32)readable + writable;
    u16 at = queue->free_head;
    struct virtq_desc *desc = &queue->ring.desc[at];

    if (count == 0 || count > queue->ring.size) {
        return ERR_INVAL;
    }
    if ((queue->indirect ? 1 : count) > queue->free_count) {
        return ERR_NOMEM;
    }
    link_table(table, readable, count);
    if (queue->indirect) {
        queue->free_head = desc->next;
        queue->free_count--;
        desc->addr = (uintptr_t)table;
        desc->len = count * (u32)sizeof(*table);
        desc->flags = VIRTQ_DESC_INDIRECT;
    } else {
        copy_table(queue, table, count);
    }
    *head = at;
    offer(queue, at);
    return ERR_OK;
}

/*
 * virtq_driver_must_kick - is a notification due for what was pushed since the last call?
 *
 * [VIRTIO "Available Buffer Notification Suppression"]
 */
bool virtq_driver_must_kick(struct virtq_driver *queue)
{
    const struct virtq *ring = &queue->ring;
    u16 from = queue->kicked_idx;
    u16 to = queue->avail_idx;

    queue->kicked_idx = to;
    /* The index is in memory before the device's wish is read: either it saw the chain when it made
     * its wish, or the wish is seen here. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (queue->event_idx) {
        return virtq_passes(__atomic_load_n(virtq_avail_event(ring), __ATOMIC_RELAXED), from, to);
    }
    return from != to &&
           !(__atomic_load_n(&ring->used->flags, __ATOMIC_RELAXED) & VIRTQ_USED_NO_NOTIFY);
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
    const struct virtq_used_elem *elem;
    u32 id;

    /* Acquire: the element and the buffers are read after the index that covers them. */
    if (__atomic_load_n(&ring->used->idx, __ATOMIC_ACQUIRE) == queue->used_idx) {
        return ERR_NOENT;
    }
    elem = &ring->used->ring[queue->used_idx & (ring->size - 1)];
    id = __atomic_load_n(&elem->id, __ATOMIC_RELAXED); /* what is checked is what is used */
    if (id >= ring->size || queue->free_count == ring->size) {
        return ERR_FORMAT;
    }
    queue->used_idx++;
    *head = (u16)id;
    *written_bytes = elem->len;
    free_chain(queue, *head);
    return ERR_OK;
}

/*
 * virtq_driver_expect - ask for an interrupt once `count` more chains can be popped.
 *
 * count is at least 1, and at most as many as the device holds, or the interrupt never comes.  A
 * device without event indices interrupts for the next chain.
 *
 * False: that many are back already, and an interrupt may not come: pop them.
 *
 * [VIRTIO "Used Buffer Notification Suppression"]
 */
bool virtq_driver_expect(struct virtq_driver *queue, u16 count)
{
    const struct virtq *ring = &queue->ring;

    if (queue->event_idx) {
        __atomic_store_n(virtq_used_event(ring), (u16)(queue->used_idx + count - 1),
                         __ATOMIC_RELAXED);
    } else {
        __atomic_store_n(&ring->avail->flags, 0, __ATOMIC_RELAXED);
    }
    /* The wish is in memory before the index is read again: what the device gave back without
     * seeing the wish is seen here. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return (u16)(__atomic_load_n(&ring->used->idx, __ATOMIC_RELAXED) - queue->used_idx) < count;
}

/*
 * virtq_driver_quiet - ask for no interrupt until virtq_driver_expect.
 *
 * With event indices the wish is as far away as an index can be, and so still one in 65,536 chains
 * brings an interrupt.
 */
void virtq_driver_quiet(struct virtq_driver *queue)
{
    const struct virtq *ring = &queue->ring;

    if (queue->event_idx) {
        __atomic_store_n(virtq_used_event(ring), (u16)(queue->used_idx + VIRTQ_SIZE_MAX),
                         __ATOMIC_RELAXED);
    } else {
        __atomic_store_n(&ring->avail->flags, VIRTQ_AVAIL_NO_INTERRUPT, __ATOMIC_RELAXED);
    }
}
