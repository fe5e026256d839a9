/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What a disk and its views are made of, for the files disk*.c. */
#include "lib/drv/virtio_blk.h"
#include "lib/kit/list.h"
#include "lib/kit/spinlock.h"

#include "hv/disk.h"
#include "hv/disk_tree.h"
#include "hv/frame.h"

#define DISK_QUEUE_SIZE VIRTIO_BLK_QUEUE_MAX

/* One request to a device; header.type and header.sector say what. */
struct disk_transfer {
    struct virtio_blk_request request;
    struct list node;   /* among those that wait, of its view, or that the device has */
    u64 since;          /* when the device got it */
    struct disk_io *io; /* whose it is: one at a time */
};

/* A machine's disk: its device and who waits for it.  See disk_queue.c. */
struct disk_queue {
    u64 base;    /* of the slot's registers */
    void *ring;  /* VIRTQ_BYTES(DISK_QUEUE_SIZE) */
    bool polled; /* no interrupt comes */
    /* guarded by the disk's lock: */
    struct virtio_blk blk; /* while it is reset: that hart's */
    enum { DISK_UP, DISK_RESETTING, DISK_DOWN } state;
    u32 with_device;
    struct list started; /* transfers that the device has, oldest first */
    struct list turns;   /* views of which some wait, who is next first */
    bool delays;         /* an interrupt comes only when several are back */
};

/* Old contents of blocks that the owner wrote to, since one fork and before the next one. */
struct disk_snapshot {
    struct list node; /* among the disk's, oldest first */
    u32 users;        /* views that see the disk as it was then */
    hpa_t tree;
};

struct disk_view {
    struct disk *disk;
    struct disk_snapshot *snapshot; /* NULL: the owner's */
    struct list waiting;            /* its transfers that the device has no room for */
    struct list turn;               /* among those with such */
    hpa_t tree;                     /* guarded by the disk's lock: what was written */
    u32 told;                       /* 1: that there is no memory for its writes */
};

struct disk {
    /* immutable: */
    u32 number; /* of the machine's disks */
    u32 levels; /* of its trees */
    u64 sectors;
    bool readonly;
    u8 *memory;                      /* the image; NULL: a disk of the machine */
    u32 pieces_max, piece_bytes_max; /* of a transfer */
    bool has_flush;

    struct spinlock lock;
    /* guarded by lock: */
    struct disk_view *owner; /* NULL: none */
    struct list snapshots;   /* oldest first */
    struct list rooms;       /* frames with room for a view or a snapshot */
    struct disk_queue queue;
};
_Static_assert(sizeof(struct disk) <= PAGE_BYTES, "one frame");

/* A disk that is nobody's yet, without what makes it the machine's or an image.  NULL: no memory.
 */
struct disk *disk_alloc(void);
/* It has so many sectors. */
void disk_set_size(struct disk *disk, u64 sectors);

/* The frame in which the view has this block, {0}: it is as on the disk.  lock is held. */
hpa_t disk_view_find(const struct disk_view *view, u64 block);
/* Where what the owner overwrites is kept; NULL: nobody sees it.  lock is held. */
struct disk_snapshot *disk_newest_snapshot(const struct disk *disk);

/* Gives it to the device, sooner or later: disk_transferred() follows, maybe before this returns.
 */
void disk_queue_start(struct disk *disk, struct disk_transfer *transfer);
/* Starts the device, and takes what it says of itself. */
__must_check enum err disk_queue_open(struct disk *disk);
/* Takes what is back; resets a device that does not answer, which is one that has had a transfer
 * for so long. */
void disk_queue_set_timeout(u64 ticks);
void disk_queue_look(struct disk *disk, u64 now);
/* disk.c: one transfer is over. */
void disk_transferred(struct disk_io *io, bool failed);
