/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Inside of component virtio_blk: a disk, what it does with its device's queue, and who waits for
 * that.  See virtio_blk_disk.c; the class and the driver are drv_virtio_blk.c.
 */
#include "lib/drv/virtio_blk.h"

#include "guest/block.h"
#include "guest/device.h"
#include "guest/sync.h"

#define DISK_DEPTH  32
#define DISK_PIECES 30
#define DISK_TABLE  (DISK_PIECES + 2) /* header and status */
#define DISK_RING   128               /* without indirect tables, three of the longest chains */

/* In block_request.driver. */
struct request {
    struct virtio_blk_request virtio; /* first */
    struct block_request *block;
    struct wait_queue *sleeper; /* who sleeps until it is over; guarded by lock */
    struct request *next;       /* of those whose done is to be called */
};
_Static_assert(sizeof(struct request) <= sizeof(((struct block_request *)0)->driver), "block.h");

struct disk {
    struct block block; /* first */
    struct disk *next;
    const struct device *device;
    u64 timeout_ms;
    u32 chain;       /* descriptors that a request takes at most */
    bool interrupts; /* it has one, and is connected */

    struct spin lock;
    /* guarded by lock: */
    struct virtio_blk virtio;
    u32 free;     /* tables, a bit each */
    u32 unkicked; /* requests that the device was not told of */
    u32 sleepers; /* while there are some, interrupts are asked for */
    bool delays;  /* they are asked for when several requests are back */
    bool failed;  /* it was reset, and nothing has succeeded since */
    bool gone;

    struct wait_queue room; /* who waits for a table */
    _Alignas(VIRTQ_DESC_ALIGN) u8 ring[VIRTQ_BYTES(DISK_RING)];
    _Alignas(VIRTQ_DESC_ALIGN) struct virtq_desc tables[DISK_DEPTH][DISK_TABLE];
};
_Static_assert(DISK_DEPTH == 32, "bits of free");

static inline struct request *disk_request(struct block_request *request)
{
    return (struct request *)request->driver;
}

void disk_learn_timebase(void);
/* Around all that follows, but for waiting; called: requests whose done is due. */
u64 disk_lock(struct disk *disk);
void disk_unlock(struct disk *disk, u64 irq, struct request *called);
/* The device is told of what it was not told of. */
void disk_kick(struct disk *disk);
/* Takes back what the device is done with. */
void disk_look(struct disk *disk, struct request **called);
/* Resets it: all that it has fails. */
void disk_fail(struct disk *disk, int error, const char *why, struct request **called);
extern const char *const disk_wants_reset;
bool disk_has_room(const struct disk *disk);

/* Without the lock: */
void disk_wait_for_room(struct disk *disk);
void disk_wait(struct disk *disk, struct block_request *request);
void disk_settle(struct disk *disk);
/* After a fork: those who slept are gone; with the lock. */
void disk_forget_sleepers(struct disk *disk);
