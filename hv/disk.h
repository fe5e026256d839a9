/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Disks.  A disk is one of the machine's virtio block devices or a RAM image of the bundle; a view
 * is what one VM sees of it.  The owner's writes go to the disk; each other view is private, as the
 * parent's was at the fork, and what is written there is kept in frames.  See disk.c.
 */
#include "lib/kit/err.h"
#include "lib/kit/types.h"
#include "lib/virtio/spec.h"

struct disk;
struct disk_view;

#define DISK_PIECES_MAX 240

enum disk_op { DISK_READ, DISK_WRITE, DISK_FLUSH };

/* One request; a frame.  Its memory is the VM's, and stays so until it is done. */
struct disk_io {
    struct disk_view *view;
    void (*done)(struct disk_io *io); /* once; on any hart, also before disk_start() returns */
    enum disk_op op;
    bool failed; /* once it is done */
    u16 pieces;
    u64 sector;
    u32 bytes;       /* the sum of the pieces, a multiple of a sector; within the disk */
    u64 caller[4];   /* the device's own */
    u64 backend[12]; /* disk.c's own */
    /* [1] up to [pieces]: addr is an HPA; the others are the backend's */
    _Alignas(VIRTQ_DESC_ALIGN) struct virtq_desc piece[1 + DISK_PIECES_MAX + 1];
};
_Static_assert(sizeof(struct disk_io) <= 4096, "one frame");

/* What the view's disk is. */
struct disk_info {
    u64 sectors;
    bool readonly;
};

/* Disk number `index` of the machine, by the address of its slot; NULL: there is none. */
struct disk *disk_of_machine(u32 index);
/* One of RAM, which is the disk's from now on.  NULL: no memory. */
struct disk *disk_of_memory(void *at, u64 bytes);
struct disk_info disk_info(const struct disk *disk);

/* A view of the disk: the owner's for the first one that is open, a private one for others.
 * NULL: no memory. */
__must_check struct disk_view *disk_open(struct disk *disk);
/* A private view like the parent's, which has no request that is not done.  NULL: no memory. */
__must_check struct disk_view *disk_clone(struct disk_view *parent);
/* It has no request that is not done. */
void disk_close(struct disk_view *view);
struct disk *disk_of_view(const struct disk_view *view);

/* io->view to io->piece are set. */
void disk_start(struct disk_io *io);
/* Frames that only this view has (what is written to it), and those that it shares. */
void disk_count(const struct disk_view *view, u64 *owned, u64 *shared);
