/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Guests with virtio devices: hv's side of them is real, from the registers down to the G-stage;
 * the disk is a fake that can withhold its answers.  The drivers of lib/drv are on the other side:
 * the bus leads to the guest that was entered last, whose memory is at its own addresses.
 */
#include "hv/disk.h"
#include "hv/vm.h"

#define VDEV_BASE      0x10001000UL
#define VDEV_RAM       0x40000000UL
#define VDEV_PAGES     160UL
#define VDEV_SECTORS   2048UL
#define VDEV_VCPUS     2
#define VDEV_SLOT(n)   (VDEV_BASE + (n)*VTRANSPORT_SLOT_BYTES)
#define VDEV_STARTED   256
#define VDEV_NO_LIMITS UINT64_MAX

struct vdev_world {
    /* how the disk is: */
    bool withholds, fails, readonly;
    u64 sectors;
    /* memory: so many more allocations succeed */
    u64 allocations;

    /* what happened: */
    u32 started; /* requests that the disk has */
    struct disk_io *io[VDEV_STARTED];
    u32 views, flushes;
    int verdict;  /* of the last store, VERDICT_RESUME aside: that was repeated */
    u32 stores;   /* exits of the last store */
    u32 wake_ups; /* vCPUs that were woken */
    u32 lines;    /* hv said */
};
extern struct vdev_world vdev_world;

/* In a process of its own; a machine with so many frames. */
void vdev_boot(u32 frames);
/* A guest with a disk, or without; NULL: no memory. */
struct vm *vdev_create(bool has_disk);
struct vm *vdev_fork(struct vm *parent);
void vdev_destroy(struct vm *vm);
/* The bus and the memory are this guest's from here on; it is on its vCPU 0. */
void vdev_enter(struct vm *vm);
/* The bus alone: the memory is not looked at. */
void vdev_use(struct vm *vm);
/* A request of the disk is done. */
void vdev_finish(u32 index, bool failed);
/* Whether the guest's interrupt controller has the slot's line up. */
bool vdev_is_raised(const struct vm *vm, u32 slot);
/* What sector holds in the view of the guest. */
u8 *vdev_sector(const struct vm *vm, u64 sector);

/* Accesses of any width and anywhere. */
u64 vdev_read(u64 addr, u32 bytes);
int vdev_write(u64 addr, u32 bytes, u64 value);
