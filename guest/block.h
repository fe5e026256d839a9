/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Class block: what is read and written by sectors of 512 bytes.  A driver, or what stands in front
 * of one (a cache, a partition, a test), is a struct block.  Compiles on the host, too.
 *
 * Errors are errno's: EIO, EROFS, EINVAL (beyond its end, or not whole sectors), ENODEV (it is gone
 * for good), ENOMEM, ETIMEDOUT.
 */
#include "lib/kit/types.h"

#define SECTOR_BYTES 512U

enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH };

struct block_piece {
    void *at;  /* aligned to 4 */
    u32 bytes; /* a multiple of a sector */
};

struct block;

/* Belongs to the block from start until it is done. */
struct block_request {
    enum block_op op;
    u32 count; /* pieces; 0 for a flush, else 1 to block->pieces_max */
    u64 sector;
    const struct block_piece *pieces;
    /* Called once it is over, perhaps as an interrupt handler, and the last that is done to it; who
     * has one does not wait.  NULL: none. */
    void (*done)(struct block_request *request);
    void *arg;      /* the caller's */
    int error;      /* once it is done: 0, or why not */
    bool over;      /* it is done; read with acquire */
    u64 driver[12]; /* the driver's own */
};

struct block_ops {
    /* An error, and nothing was begun; or 0, and it will be done.  Never waits for the device,
     * though it may wait for room in its queue.  So that the device is told of several at once, one
     * without done() may begin only when somebody waits for any of them. */
    int (*start)(struct block *block, struct block_request *request);
    /* Until it is done. */
    void (*wait)(struct block *block, struct block_request *request);
};

struct block {
    const struct block_ops *ops;
    u64 sectors;
    u32 pieces_max; /* of one request, at least 1 */
    u32 bytes_max;  /* of one request */
    bool readonly;
    bool has_flush; /* what was written is safe only after a flush */
};

/* For drivers: 0, or what start is to say of the request. */
__must_check int block_check(const struct block *block, const struct block_request *request);

/* Start and wait; sectors of any number, in as many requests as it takes. */
__must_check int block_read(struct block *block, u64 sector, void *to, u64 bytes);
__must_check int block_write(struct block *block, u64 sector, const void *from, u64 bytes);
/* What was written before is on the medium afterwards. */
__must_check int block_flush(struct block *block);
