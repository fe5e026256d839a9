/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* virtio-mmio as a guest sees it: its slots, and what the devices in them use.  See vtransport.c.
 */
#include "lib/kit/err.h"
#include "lib/kit/spinlock.h"
#include "lib/kit/types.h"
#include "lib/virtio/virtq_device.h"

struct disk_io;
struct vcpu;
struct vm;

#define VTRANSPORT_SLOTS      8U
#define VTRANSPORT_SLOT_BYTES 0x1000UL
#define VTRANSPORT_BYTES      (VTRANSPORT_SLOTS * VTRANSPORT_SLOT_BYTES)
#define VTRANSPORT_SOURCE     1U /* slot 0's at the interrupt controller; the others follow */
#define VTRANSPORT_QUEUES     2U
#define VTRANSPORT_QUEUE_MAX  64U /* entries: so many requests are in flight at most */
#define VTRANSPORT_SEGMENTS   50U /* of one chain */
#define VTRANSPORT_WORK       32U /* what is done for a notification before others may run */

/* The devices that there are. */
enum vdev { VDEV_BLOCK, VDEV_ENTROPY, VDEV_CONSOLE, VDEV_COUNT };

struct vslot {
    u32 status, interrupt, features_sel, driver_features_sel, queue_sel; /* registers */
    u64 driver_features;
    u64 console_done; /* bytes of the console's next chain that are out already */
    struct virtq_device queue[VTRANSPORT_QUEUES];
};

/* Memory of the guest's that was looked for lately, and where it is. */
struct vplace {
    u64 gpa, bytes; /* 0 bytes: none */
    u8 *at;
};
#define VTRANSPORT_PLACES 16U

/* A frame of a VM that uses virtio. */
struct vtransport {
    struct vslot slot[VDEV_COUNT];
    struct virtq_memory memory;
    struct vplace place[VTRANSPORT_PLACES];            /* by vtransport_place_of() */
    struct virtq_segment segment[VTRANSPORT_SEGMENTS]; /* of the chain being served */
};

/* In each VM, all zero at first: most guests use no virtio, and pay nothing for it. */
struct vtransport_use {
    struct spinlock lock;
    u32 in_flight;            /* disk requests that are not done */
    bool awaited;             /* vCPUs wait until there are none */
    bool refused;             /* there was no memory, and the console has said so */
    struct vtransport *state; /* NULL: as after reset.  Goes only while no vCPU of the VM runs. */
};

/* What one notification may still cost, and the requests that are started when all locks are let
 * go. */
struct vwork {
    u32 left;
    u32 ios;
    struct disk_io *io[VTRANSPORT_WORK];
};

struct vdev_kind {
    const char *name;
    u32 device_id, slot, queues;
    bool (*is_there)(const struct vm *vm);
    u64 (*features)(const struct vm *vm); /* beyond those that all have */
    /* Up to 8 bytes at `offset` of the configuration space. */
    u64 (*config)(const struct vm *vm, u64 offset, u32 bytes);
    /* Serves one chain, and takes what it cost off work->left, which is not 0.  ERR_NOENT: no more
     * can be served now.  ERR_FORMAT: the driver broke the rules. */
    enum err (*serve)(struct vm *vm, struct vcpu *vcpu, u32 queue, struct virtq_chain *chain,
                      struct vwork *work);
};
extern const struct vdev_kind vblk_kind, vrng_kind, vconsole_kind;

/* Beside vblk_kind.serve: what the configuration space is for a device that has none. */
u64 vtransport_no_config(const struct vm *vm, u64 offset, u32 bytes);
u64 vtransport_no_features(const struct vm *vm);

/* ---- for the devices; use.lock is held ---- */

/* The driver has started the queue, and neither has reset it since nor broken it. */
static inline bool vslot_runs(const struct vslot *slot, u32 queue)
{
    return (slot->status & (VIRTIO_STATUS_DRIVER_OK | VIRTIO_STATUS_NEEDS_RESET)) ==
               VIRTIO_STATUS_DRIVER_OK &&
           slot->queue[queue].ready;
}

/* The next chain; see virtq_device_pop(). */
__must_check static inline enum err vtransport_pop(struct vtransport *state, enum vdev dev,
                                                   u32 queue, struct virtq_chain *chain)
{
    chain->max = VTRANSPORT_SEGMENTS;
    chain->segment = state->segment;
    return virtq_device_pop(&state->slot[dev].queue[queue], &state->memory, chain);
}

/* The chain that was taken last is the next one again. */
static inline void vtransport_unpop(struct vtransport *state, enum vdev dev, u32 queue)
{
    state->slot[dev].queue[queue].avail_idx--;
}

/* Where the guest's byte at gpa is, to be read and written, and how many follow it there.  It stays
 * there: see gstage_pin().  NULL: it is not memory, or there is none. */
u8 *vtransport_find(struct vtransport *state, u64 gpa, u64 *run);
/* The same where it is not in its place. */
u8 *vtransport_place_elsewhere(struct vtransport *state, u64 gpa, u64 *run);

/* Pages that a driver uses together are often 64 KiB apart, or next to each other. */
static inline struct vplace *vtransport_place_of(struct vtransport *state, u64 gpa)
{
    return &state->place[(gpa >> 12 ^ gpa >> 16) % VTRANSPORT_PLACES];
}

static inline u8 *vtransport_place(struct vtransport *state, u64 gpa, u64 *run)
{
    const struct vplace *place = vtransport_place_of(state, gpa);
    u64 offset = gpa - place->gpa;

    if (unlikely(offset >= place->bytes))
        return vtransport_place_elsewhere(state, gpa, run);
    *run = place->bytes - offset;
    return place->at + offset;
}

/* Gives a chain back, and interrupts if the driver wants that. */
__must_check enum err vtransport_push(struct vm *vm, enum vdev dev, u32 queue, u16 head,
                                      u32 written);
/* The driver broke the rules: the device stands still until it is reset. */
void vtransport_break(struct vm *vm, enum vdev dev);
/* A disk request is done: one less is in flight.  The VM may end when the lock is let go. */
void vtransport_landed(struct vm *vm);

/* ---- for the VM; no lock is held ---- */

/* There is input for the console; on the hart that has the vCPU loaded. */
void vtransport_input(struct vcpu *vcpu);
/* True: no request is in flight, and none will be while no vCPU runs.  False: all vCPUs will be
 * woken when that is so. */
__must_check bool vtransport_settle(struct vm *vm);
/* Pages of the VM, which is settled, may be other ones from now on. */
void vtransport_forget(struct vm *vm);
/* Gives back all that the VM has for its devices.  Nothing is in flight. */
void vtransport_end(struct vm *vm);
/* Adds the devices' frames to a census. */
void vtransport_count(const struct vm *vm, u64 *owned, u64 *shared);
