/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtio block device, driver half; see virtio_blk.h for the shape.
 *
 * What the device says comes from outside: its numbers are brought into range, and a chain that it
 * cannot have is an error of its own.
 *
 * [VIRTIO "Block Device"]
 */
#include "lib/drv/virtio_blk.h"

#include <string.h>

#define HEADER_AND_STATUS 2

/* The device has not written the status. */
#define STATUS_NONE 0xff

#define OPTIONAL_FEATURES                                                                         \
    (VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX | VIRTIO_BLK_F_SIZE_MAX | VIRTIO_BLK_F_SEG_MAX | \
     VIRTIO_BLK_F_RO | VIRTIO_BLK_F_FLUSH)

/* What the device says of itself, in range.  ERR_NOSUPP: nothing can be transferred. */
static enum err read_config(struct virtio_blk *blk, u16 size)
{
    struct virtio_blk_config config;
    u32 words[sizeof(config) / sizeof(u32)];
    u64 features = blk->dev.features;
    u32 pieces_max = size - HEADER_AND_STATUS; /* no chain may be longer than the ring */
    enum err err = virtio_mmio_config(&blk->dev, 0, words, ARRAY_LEN(words));

    if (err) {
        return err;
    }
    memcpy(&config, words, sizeof(config));
    blk->sectors = config.capacity;
    blk->readonly = features & VIRTIO_BLK_F_RO;
    blk->has_flush = features & VIRTIO_BLK_F_FLUSH;
    blk->pieces_max = 1;
    if (features & VIRTIO_BLK_F_SEG_MAX && config.seg_max > 1) {
        blk->pieces_max = config.seg_max < pieces_max ? config.seg_max : pieces_max;
    }
    blk->piece_bytes_max = features & VIRTIO_BLK_F_SIZE_MAX ? config.size_max : UINT32_MAX;
    blk->piece_bytes_max &= ~(VIRTIO_BLK_SECTOR_BYTES - 1);
    if (blk->piece_bytes_max == 0 || blk->sectors > UINT64_MAX / VIRTIO_BLK_SECTOR_BYTES) {
        return ERR_NOSUPP;
    }
    return ERR_OK;
}

/*
 * virtio_blk_open - bring up the block device in the slot at base.
 *
 * ring is VIRTQ_BYTES(size) bytes, aligned to VIRTQ_DESC_ALIGN, and the device's until
 * virtio_blk_reset.  size is a power of two, from 4 to VIRTIO_BLK_QUEUE_MAX.  Interrupts are asked
 * for until virtq_driver_quiet(&blk->queue).  May be called again after a reset, when no request is
 * started any more.
 *
 * ERR_INVAL    size is none of these, or more than the device takes
 * ERR_NOENT    there is no block device in this slot
 * ERR_NOSUPP   it is a legacy device, or lacks what is needed
 * ERR_STATE    its configuration changes all the time
 * After each of them the device is reset, or was not touched.
 */
enum err virtio_blk_open(struct virtio_blk *blk, u64 base, void *ring, u16 size)
{
    enum err err;

    if (size < 4 || size > VIRTIO_BLK_QUEUE_MAX || (size & (size - 1)) != 0) {
        return ERR_INVAL;
    }
    *blk = (struct virtio_blk){0};
    err = virtio_mmio_probe(&blk->dev, base, VIRTIO_DEVICE_BLOCK);
    if (err) {
        return err;
    }
    err = virtio_mmio_begin(&blk->dev, 0, OPTIONAL_FEATURES);
    if (err == ERR_OK) {
        err = read_config(blk, size);
    }
    if (err == ERR_OK) {
        virtq_driver_init(&blk->queue, ring, size, blk->dev.features);
        err = virtio_mmio_add_queue(&blk->dev, VIRTIO_BLK_REQUESTQ, &blk->queue.ring);
    }
    if (err) {
        virtio_mmio_reset(&blk->dev);
        return err;
    }
    virtio_mmio_ready(&blk->dev);
    return ERR_OK;
}

/*
 * virtio_blk_start - put a request into the queue.
 *
 * request, its table and its pieces are the device's until virtio_blk_finished or virtio_blk_orphan
 * gives it back; all addresses are those that the device sees.  pieces is at most blk->pieces_max,
 * each of at most blk->piece_bytes_max bytes.
 *
 * ERR_INVAL    more pieces than the ring has room for at all; nothing changed
 * ERR_NOMEM    the queue is full; nothing changed
 *
 * [VIRTIO "Block Device", "Device Operation"]
 */
enum err virtio_blk_start(struct virtio_blk *blk, struct virtio_blk_request *request, u32 type,
                          u64 sector)
{
    u32 pieces = request->pieces;
    u16 reads = type == VIRTIO_BLK_T_OUT ? (u16)pieces : 0;
    struct virtq_desc *table = request->table;
    enum err err;
    u16 head;

    if (pieces > blk->queue.ring.size) {
        return ERR_INVAL;
    }
    request->header = (struct virtio_blk_header){.type = type, .sector = sector};
    request->status = STATUS_NONE;
    table[0].addr = (uintptr_t)&request->header;
    table[0].len = sizeof(request->header);
    table[pieces + 1].addr = (uintptr_t)&request->status;
    table[pieces + 1].len = sizeof(request->status);
    err = virtq_driver_push_table(&blk->queue, table, (u16)(1 + reads), (u16)(pieces - reads + 1),
                                  &head);
    if (err == ERR_OK) {
        blk->started[head] = request;
    }
    return err;
}

void virtio_blk_kick(struct virtio_blk *blk)
{
    if (virtq_driver_must_kick(&blk->queue)) {
        virtio_mmio_notify(&blk->dev, VIRTIO_BLK_REQUESTQ);
    }
}

/*
 * virtio_blk_finished - take back the next request that the device is done with.
 *
 * NULL with *err ERR_OK: there is none; more may come.  NULL with ERR_FORMAT: the device returned
 * what it cannot have; virtio_blk_reset is all that may follow.
 */
struct virtio_blk_request *virtio_blk_finished(struct virtio_blk *blk, enum err *err)
{
    struct virtio_blk_request *request;
    u32 written_bytes;
    u16 head;

    *err = virtq_driver_pop(&blk->queue, &head, &written_bytes);
    if (*err != ERR_OK) {
        *err = *err == ERR_NOENT ? ERR_OK : *err;
        return NULL;
    }
    request = blk->started[head];
    blk->started[head] = NULL;
    if (request == NULL) {
        *err = ERR_FORMAT;
    }
    return request;
}

/* On return every request that was started is the caller's again: virtio_blk_orphan names them. */
void virtio_blk_reset(struct virtio_blk *blk)
{
    virtio_mmio_reset(&blk->dev);
}

/* One request that was started and not finished when the device was reset; NULL: no more. */
struct virtio_blk_request *virtio_blk_orphan(struct virtio_blk *blk)
{
    for (u32 i = 0; i < VIRTIO_BLK_QUEUE_MAX; i++) {
        struct virtio_blk_request *request = blk->started[i];

        if (request != NULL) {
            blk->started[i] = NULL;
            return request;
        }
    }
    return NULL;
}
