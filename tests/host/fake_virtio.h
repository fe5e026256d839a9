/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A fake MMIO bus with eight virtio slots, and in the last one a fake console: the device's side of
 * what the drivers in lib/drv do.  It checks that the driver keeps to the order and the rules of
 * the specification, and misbehaves on request.
 */
#include "lib/kit/types.h"
#include "lib/virtio/spec.h"

#define FAKE_SLOTS        8
#define FAKE_SLOT_BASE(n) (0x10001000ULL + (u64)(n)*0x1000)
#define FAKE_QUEUE_MAX    16

struct fake_virtio {
    /* how it behaves; fake_virtio_init sets what a good device has */
    u32 device_id;
    u32 version;
    u32 queue_size_max;
    u64 features;
    bool refuses_features;  /* FEATURES_OK does not stay set */
    unsigned answers;       /* notifications that it answers; then it is silent */
    u32 returned_id_offset; /* added to the chain's number when it is given back */

    /* what happened */
    unsigned notifications;
    unsigned pieces; /* descriptors consumed */
    size_t length;
    u8 output[1 << 16]; /* what was transmitted */

    /* registers */
    u32 status;
    u32 features_sel, driver_features_sel, queue_sel;
    u64 driver_features;
    u32 queue_size, queue_ready;
    u64 desc, avail, used;
    u16 last_avail;
};

/* The bus has one device at a time: this one, well-behaved until its fields are changed. */
void fake_virtio_init(struct fake_virtio *fake);

/* Other devices take the bus over, until there are none (NULL). */
struct fake_bus {
    u32 (*read)(u64 addr);
    void (*write)(u64 addr, u32 value);
};
void fake_virtio_use(const struct fake_bus *bus);
