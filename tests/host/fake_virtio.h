/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A fake MMIO bus with eight virtio slots, and in the last one a fake device: the device's side of
 * what the drivers in lib/drv do, on the device half of lib/virtio.  It checks that the driver
 * keeps to the order and the rules of the specification, and misbehaves on request.
 *
 *     console   what is transmitted goes to output; fake_virtio_input() sends
 *     block     a disk, FAKE_SECTORS long
 *     entropy   gives numbers that count up
 */
#include "lib/kit/types.h"
#include "lib/virtio/spec.h"
#include "lib/virtio/virtq_device.h"

#define FAKE_SLOTS        8
#define FAKE_SLOT_BASE(n) (0x10001000ULL + (u64)(n)*0x1000)
#define FAKE_QUEUE_MAX    16
#define FAKE_QUEUES       2
#define FAKE_SECTORS      64

struct fake_virtio {
    /* how it behaves; fake_virtio_init sets what a good device has */
    u32 device_id;
    u32 version;
    u32 queue_size_max;
    u64 features;
    bool refuses_features;  /* FEATURES_OK does not stay set */
    unsigned answers;       /* notifications that it answers; then it is silent */
    u32 returned_id_offset; /* added to the chain's number when it is given back */
    u32 written_offset;     /* added to what it says that it has written */
    u32 entropy_max;        /* bytes that it gives at once */
    unsigned config_moves;  /* reads of the generation that differ from the one before */
    bool reverses;          /* of what it finds at once, the last one comes back first */
    struct virtio_blk_config config;

    /* what happened */
    unsigned notifications;
    unsigned pieces; /* segments consumed */
    unsigned chains, interrupts, flushes;
    size_t length;
    u8 output[1 << 16]; /* what was transmitted */
    u8 disk[FAKE_SECTORS * VIRTIO_BLK_SECTOR_BYTES];
    u8 entropy; /* the next byte */

    /* registers */
    u32 status, interrupt_status, generation;
    u32 features_sel, driver_features_sel, queue_sel;
    u64 driver_features;
    struct virtq_device queue[FAKE_QUEUES];
};

/* The bus has one device at a time: this one, a console, well-behaved until its fields are changed.
 */
void fake_virtio_init(struct fake_virtio *fake);

/* Other devices take the bus over, until there are none (NULL). */
struct fake_bus {
    u32 (*read)(u64 addr);
    void (*write)(u64 addr, u32 value);
};
void fake_virtio_use(const struct fake_bus *bus);
/* Sends to the console's driver, in as many chains as it has offered: how many bytes. */
size_t fake_virtio_input(struct fake_virtio *fake, const void *bytes, size_t count);
