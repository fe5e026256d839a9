/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver's side of the MMIO transport; register order as in [VIRTIO "Device Initialization"].
 */
#include "lib/drv/virtio_mmio.h"

#include "lib/drv/mmio.h"

#define CONFIG_TRIES 16

static u32 reg_read(const struct virtio_mmio *dev, u64 offset)
{
    return mmio_read32(dev->base + offset);
}

static void reg_write(const struct virtio_mmio *dev, u64 offset, u32 value)
{
    mmio_write32(dev->base + offset, value);
}

static void reg_write64(const struct virtio_mmio *dev, u64 offset_low, u64 value)
{
    reg_write(dev, offset_low, (u32)value);
    reg_write(dev, offset_low + 4, (u32)(value >> 32));
}

static void add_status(const struct virtio_mmio *dev, u32 bits)
{
    reg_write(dev, VIRTIO_MMIO_STATUS, reg_read(dev, VIRTIO_MMIO_STATUS) | bits);
}

/* Only reads; the device is as it was. */
u32 virtio_mmio_device_id(u64 base)
{
    struct virtio_mmio dev = {.base = base};

    if (reg_read(&dev, VIRTIO_MMIO_MAGIC_VALUE) != VIRTIO_MMIO_MAGIC) {
        return VIRTIO_DEVICE_NONE;
    }
    return reg_read(&dev, VIRTIO_MMIO_DEVICE_ID);
}

/*
 * virtio_mmio_probe - is there such a device in this slot?
 *
 * Only reads; the device is as it was.
 *
 * ERR_NOENT    no virtio slot, an empty one, or another type of device
 * ERR_NOSUPP   the device, but with the legacy interface
 */
enum err virtio_mmio_probe(struct virtio_mmio *dev, u64 base, u32 device_id)
{
    *dev = (struct virtio_mmio){.base = base};
    if (virtio_mmio_device_id(base) != device_id) {
        return ERR_NOENT;
    }
    if (reg_read(dev, VIRTIO_MMIO_VERSION) != VIRTIO_MMIO_VERSION_MODERN) {
        return ERR_NOSUPP;
    }
    return ERR_OK;
}

static u64 device_features(const struct virtio_mmio *dev)
{
    u64 low;

    reg_write(dev, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
    low = reg_read(dev, VIRTIO_MMIO_DEVICE_FEATURES);
    reg_write(dev, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
    return (u64)reg_read(dev, VIRTIO_MMIO_DEVICE_FEATURES) << 32 | low;
}

/*
 * virtio_mmio_begin - reset the device and agree on features.
 *
 * ERR_NOSUPP   the device does not offer a required one, or took its offer back; it is marked
 * failed
 */
enum err virtio_mmio_begin(struct virtio_mmio *dev, u64 required, u64 optional)
{
    u64 offered, wanted;

    required |= VIRTIO_F_VERSION_1;
    virtio_mmio_reset(dev);
    add_status(dev, VIRTIO_STATUS_ACKNOWLEDGE);
    add_status(dev, VIRTIO_STATUS_DRIVER);
    offered = device_features(dev);
    if ((offered & required) != required) {
        add_status(dev, VIRTIO_STATUS_FAILED);
        return ERR_NOSUPP;
    }
    wanted = required | (offered & optional);
    reg_write(dev, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
    reg_write(dev, VIRTIO_MMIO_DRIVER_FEATURES, (u32)wanted);
    reg_write(dev, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
    reg_write(dev, VIRTIO_MMIO_DRIVER_FEATURES, (u32)(wanted >> 32));
    add_status(dev, VIRTIO_STATUS_FEATURES_OK);
    if (!(reg_read(dev, VIRTIO_MMIO_STATUS) & VIRTIO_STATUS_FEATURES_OK)) {
        add_status(dev, VIRTIO_STATUS_FAILED);
        return ERR_NOSUPP;
    }
    dev->features = wanted;
    return ERR_OK;
}

/*
 * virtio_mmio_config - read configuration fields of 32 bits, or of 64 as two of them.
 *
 * offset, in bytes, is that of the first word.  [VIRTIO "Device Configuration Space"]: what was
 * read belongs together if the generation is the same before and after.
 *
 * ERR_STATE    it changes all the time; words hold nothing of use
 */
enum err virtio_mmio_config(const struct virtio_mmio *dev, u32 offset, u32 *words, u32 count)
{
    for (unsigned i = 0; i < CONFIG_TRIES; i++) {
        u32 generation = reg_read(dev, VIRTIO_MMIO_CONFIG_GENERATION);

        for (u32 word = 0; word < count; word++) {
            words[word] = reg_read(dev, VIRTIO_MMIO_CONFIG + offset + word * sizeof(u32));
        }
        if (reg_read(dev, VIRTIO_MMIO_CONFIG_GENERATION) == generation) {
            return ERR_OK;
        }
    }
    return ERR_STATE;
}

/*
 * virtio_mmio_add_queue - hand an empty queue to the device, between begin and ready.
 *
 * ERR_STATE    the queue is in use already; nothing changed
 * ERR_NOENT    the device has no such queue; nothing changed
 * ERR_INVAL    the queue is longer than the device takes; nothing changed
 *
 * [VIRTIO "MMIO-specific Initialization And Device Operation", "Virtqueue Configuration"]
 */
enum err virtio_mmio_add_queue(const struct virtio_mmio *dev, u32 index, const struct virtq *queue)
{
    u32 size_max;

    reg_write(dev, VIRTIO_MMIO_QUEUE_SEL, index);
    if (reg_read(dev, VIRTIO_MMIO_QUEUE_READY) != 0) {
        return ERR_STATE;
    }
    size_max = reg_read(dev, VIRTIO_MMIO_QUEUE_NUM_MAX);
    if (size_max == 0) {
        return ERR_NOENT;
    }
    if (queue->size > size_max) {
        return ERR_INVAL;
    }
    reg_write(dev, VIRTIO_MMIO_QUEUE_NUM, queue->size);
    reg_write64(dev, VIRTIO_MMIO_QUEUE_DESC_LOW, (uintptr_t)queue->desc);
    reg_write64(dev, VIRTIO_MMIO_QUEUE_DRIVER_LOW, (uintptr_t)queue->avail);
    reg_write64(dev, VIRTIO_MMIO_QUEUE_DEVICE_LOW, (uintptr_t)queue->used);
    reg_write(dev, VIRTIO_MMIO_QUEUE_READY, 1);
    return ERR_OK;
}

void virtio_mmio_ready(const struct virtio_mmio *dev)
{
    add_status(dev, VIRTIO_STATUS_DRIVER_OK);
}

/* What was written to the queue before is in memory when the device looks (see lib/drv/mmio.h). */
void virtio_mmio_notify(const struct virtio_mmio *dev, u32 index)
{
    reg_write(dev, VIRTIO_MMIO_QUEUE_NOTIFY, index);
}

u32 virtio_mmio_ack(const struct virtio_mmio *dev)
{
    u32 reasons = reg_read(dev, VIRTIO_MMIO_INTERRUPT_STATUS);

    reg_write(dev, VIRTIO_MMIO_INTERRUPT_ACK, reasons);
    return reasons;
}

bool virtio_mmio_needs_reset(const struct virtio_mmio *dev)
{
    return reg_read(dev, VIRTIO_MMIO_STATUS) & VIRTIO_STATUS_NEEDS_RESET;
}

/* On return the device touches no queue and no buffer any more. */
void virtio_mmio_reset(const struct virtio_mmio *dev)
{
    reg_write(dev, VIRTIO_MMIO_STATUS, 0);
}
