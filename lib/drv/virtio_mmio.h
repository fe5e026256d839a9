/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The MMIO transport of virtio, driver half: find a device in a slot, agree on features, hand over
 * queues, notify.  The order is that of [VIRTIO "Device Initialization"]:
 *
 *     virtio_mmio_probe -> virtio_mmio_begin -> virtio_mmio_add_queue ... -> virtio_mmio_ready
 *
 * Interrupts are not used here.  Version 1 ("legacy") devices are refused.
 */
#include "lib/kit/err.h"
#include "lib/kit/types.h"
#include "lib/virtio/virtq.h"

struct virtio_mmio {
    u64 base; /* address of the slot's registers */
};

/* Looks whether the slot at base holds a device of this type. */
__must_check enum err virtio_mmio_probe(struct virtio_mmio *dev, u64 base, u32 device_id);
/* Resets the device and agrees on exactly these features and VIRTIO_F_VERSION_1. */
__must_check enum err virtio_mmio_begin(const struct virtio_mmio *dev, u64 features);
/* Gives the device an empty queue. */
__must_check enum err virtio_mmio_add_queue(const struct virtio_mmio *dev, u32 index,
                                            const struct virtq *queue);
/* Lets the device start. */
void virtio_mmio_ready(const struct virtio_mmio *dev);
/* Tells the device to look at a queue. */
void virtio_mmio_notify(const struct virtio_mmio *dev, u32 index);
/* Takes all queues away from the device. */
void virtio_mmio_reset(const struct virtio_mmio *dev);
