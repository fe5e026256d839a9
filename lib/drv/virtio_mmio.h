/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The MMIO transport of virtio, driver half: find a device in a slot, agree on features, hand over
 * queues, notify, take interrupts.  The order is that of [VIRTIO "Device Initialization"]:
 *
 *     virtio_mmio_probe -> virtio_mmio_begin -> virtio_mmio_config ...
 *         -> virtio_mmio_add_queue ... -> virtio_mmio_ready
 *
 * Version 1 ("legacy") devices are refused.
 */
#include "lib/kit/err.h"
#include "lib/kit/types.h"
#include "lib/virtio/virtq.h"

struct virtio_mmio {
    u64 base;     /* address of the slot's registers */
    u64 features; /* agreed on by virtio_mmio_begin */
};

/* What is in the slot at base: VIRTIO_DEVICE_NONE if nothing is, or if it is no slot. */
u32 virtio_mmio_device_id(u64 base);
/* Looks whether the slot at base holds a device of this type. */
__must_check enum err virtio_mmio_probe(struct virtio_mmio *dev, u64 base, u32 device_id);
/* Resets the device and agrees on these features, VIRTIO_F_VERSION_1, and what it offers of the
 * optional ones: dev->features. */
__must_check enum err virtio_mmio_begin(struct virtio_mmio *dev, u64 required, u64 optional);
/* Reads 32-bit words of the device's configuration, all of the same moment. */
__must_check enum err virtio_mmio_config(const struct virtio_mmio *dev, u32 offset, u32 *words,
                                         u32 count);
/* Gives the device an empty queue. */
__must_check enum err virtio_mmio_add_queue(const struct virtio_mmio *dev, u32 index,
                                            const struct virtq *queue);
/* Lets the device start. */
void virtio_mmio_ready(const struct virtio_mmio *dev);
/* Tells the device to look at a queue. */
void virtio_mmio_notify(const struct virtio_mmio *dev, u32 index);
/* Why the device interrupts, VIRTIO_MMIO_INTERRUPT_*; it ceases to for these reasons. */
u32 virtio_mmio_ack(const struct virtio_mmio *dev);
/* Whether the device gave up: it does nothing before the next virtio_mmio_begin. */
bool virtio_mmio_needs_reset(const struct virtio_mmio *dev);
/* Takes all queues away from the device. */
void virtio_mmio_reset(const struct virtio_mmio *dev);
