/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A virtio block device, driver half: requests are started, and come back finished in any order.
 *
 *     virtio_blk_start ... virtio_blk_kick ──▶ device ──▶ virtio_blk_finished ...
 *
 * Each request brings the descriptor table that the device reads it from:
 *
 *     table[0]           header, filled here
 *     table[1..pieces]   what is transferred: addr and len are the caller's, the rest filled here
 *     table[pieces + 1]  status, filled here
 *
 * Invariant: a request is the device's, with its table and pieces, from start until finished gives
 * it back.  With queue.indirect, queue.free_count tells how many more can be started; otherwise
 * each takes pieces + 2 of it.
 *
 * No locks, no waiting, no time-outs: the caller has them.
 */
#include "lib/drv/virtio_mmio.h"
#include "lib/kit/err.h"
#include "lib/kit/types.h"
#include "lib/virtio/virtq.h"

#define VIRTIO_BLK_QUEUE_MAX 128

struct virtio_blk_request {
    struct virtq_desc *table; /* aligned to 16, of pieces + 2 */
    u32 pieces;
    struct virtio_blk_header header;
    u8 status; /* VIRTIO_BLK_S_*, once it is back */
};

struct virtio_blk {
    struct virtio_mmio dev;
    struct virtq_driver queue;
    struct virtio_blk_request *started[VIRTIO_BLK_QUEUE_MAX]; /* by head; NULL: none */
    /* what the device says of itself: */
    u64 sectors;
    u32 pieces_max;      /* of one request */
    u32 piece_bytes_max; /* of one piece */
    bool readonly;
    bool has_flush; /* what is written is safe only after a flush */
};

/* Starts the device in the slot at base; ring: VIRTQ_BYTES(size) bytes, which become the device's.
 */
__must_check enum err virtio_blk_open(struct virtio_blk *blk, u64 base, void *ring, u16 size);
/* Puts a request of VIRTIO_BLK_T_IN, _OUT (pieces: multiples of a sector) or _FLUSH (no piece) into
 * the queue; the device need not see it before the next kick.  ERR_NOMEM: the queue is full. */
__must_check enum err virtio_blk_start(struct virtio_blk *blk, struct virtio_blk_request *request,
                                       u32 type, u64 sector);
/* The device is told of what was started, if it wants to be. */
void virtio_blk_kick(struct virtio_blk *blk);
/* The next one that is back, or NULL; ERR_FORMAT in *err: the device broke the rules: reset it. */
struct virtio_blk_request *virtio_blk_finished(struct virtio_blk *blk, enum err *err);
/* Takes everything away from the device; virtio_blk_orphan() then gives back what it had. */
void virtio_blk_reset(struct virtio_blk *blk);
struct virtio_blk_request *virtio_blk_orphan(struct virtio_blk *blk);
