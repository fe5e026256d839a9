/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fake bus behind lib/drv/mmio.h and the fake console on it; see fake_virtio.h.
 *
 * The device reads the driver's rings and buffers in place, since both live in this process.
 */
#include "tests/host/fake_virtio.h"

#include <string.h>

#include "lib/drv/mmio.h"

#include "tests/test.h"

#define STATUS_CONFIGURING \
    (VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK)
#define STATUS_RUNNING (STATUS_CONFIGURING | VIRTIO_STATUS_DRIVER_OK)

static struct fake_virtio *device;
static const struct fake_bus *other;

void fake_virtio_init(struct fake_virtio *fake)
{
    *fake = (struct fake_virtio){
        .device_id = VIRTIO_DEVICE_CONSOLE,
        .version = VIRTIO_MMIO_VERSION_MODERN,
        .queue_size_max = FAKE_QUEUE_MAX,
        .features = VIRTIO_F_VERSION_1 | 0x7, /* size, multiport, emergency write */
        .answers = UINT32_MAX,
    };
    device = fake;
}

static u32 empty_slot_read(u64 offset)
{
    switch (offset) {
    case VIRTIO_MMIO_MAGIC_VALUE: return VIRTIO_MMIO_MAGIC;
    case VIRTIO_MMIO_VERSION: return VIRTIO_MMIO_VERSION_MODERN;
    case VIRTIO_MMIO_DEVICE_ID: return VIRTIO_DEVICE_NONE;
    default: FAIL("read of register %#llx in an empty slot", (unsigned long long)offset);
    }
}

void fake_virtio_use(const struct fake_bus *bus)
{
    other = bus;
}

u32 mmio_read32(u64 addr)
{
    u64 offset = addr % 0x1000;

    if (other != NULL)
        return other->read(addr);
    CHECK(addr >= FAKE_SLOT_BASE(0) && addr < FAKE_SLOT_BASE(FAKE_SLOTS));
    if (addr < FAKE_SLOT_BASE(FAKE_SLOTS - 1)) {
        return empty_slot_read(offset);
    }
    switch (offset) {
    case VIRTIO_MMIO_MAGIC_VALUE: return VIRTIO_MMIO_MAGIC;
    case VIRTIO_MMIO_VERSION: return device->version;
    case VIRTIO_MMIO_DEVICE_ID: return device->device_id;
    case VIRTIO_MMIO_DEVICE_FEATURES: return (u32)(device->features >> (32 * device->features_sel));
    case VIRTIO_MMIO_QUEUE_NUM_MAX:
        return device->queue_sel == VIRTIO_CONSOLE_TRANSMITQ ? device->queue_size_max : 0;
    case VIRTIO_MMIO_QUEUE_READY: return device->queue_ready;
    case VIRTIO_MMIO_STATUS: return device->status;
    default: FAIL("read of register %#llx", (unsigned long long)offset);
    }
}

/* Copies one piece to the output; returns the descriptor's flags. */
static u16 consume(const struct virtq_desc *desc)
{
    CHECK_EQ(desc->flags & ~VIRTQ_DESC_NEXT, 0);
    CHECK(desc->addr != 0 && desc->len != 0);
    CHECK(device->length + desc->len <= sizeof(device->output));
    memcpy(device->output + device->length, (const void *)(uintptr_t)desc->addr, desc->len);
    device->length += desc->len;
    device->pieces++;
    return desc->flags;
}

/* Serves every chain that the driver has offered. */
static void serve(void)
{
    const struct virtq_desc *desc = (const void *)(uintptr_t)device->desc;
    const struct virtq_avail *avail = (const void *)(uintptr_t)device->avail;
    struct virtq_used *used = (void *)(uintptr_t)device->used;

    while (device->last_avail != avail->idx) {
        u16 head = avail->ring[device->last_avail % device->queue_size];
        struct virtq_used_elem *elem = &used->ring[used->idx % device->queue_size];
        u32 links = 0;

        CHECK(head < device->queue_size);
        for (u16 at = head; consume(&desc[at]) & VIRTQ_DESC_NEXT; at = desc[at].next) {
            CHECK(desc[at].next < device->queue_size);
            CHECK(++links < device->queue_size);
        }
        *elem = (struct virtq_used_elem){.id = head + device->returned_id_offset};
        used->idx++;
        device->last_avail++;
    }
}

static void write_status(u32 value)
{
    u32 added = value & ~device->status;

    if (value == 0) {
        device->status = 0;
        device->queue_ready = 0;
        device->last_avail = 0;
        return;
    }
    CHECK_EQ(device->status & ~value, 0); /* only a reset clears bits */
    CHECK((added & (added - 1)) == 0);    /* one step at a time */
    if (added == VIRTIO_STATUS_FEATURES_OK) {
        CHECK_EQ(device->driver_features, VIRTIO_F_VERSION_1);
        value = device->refuses_features ? value & ~VIRTIO_STATUS_FEATURES_OK : value;
    } else if (added == VIRTIO_STATUS_DRIVER_OK) {
        CHECK_EQ(device->status, STATUS_CONFIGURING);
    }
    device->status = value;
}

/* Writes one half of a 64-bit register. */
static void write_half(u64 *reg, bool high, u32 value)
{
    *reg = high ? (*reg & UINT32_MAX) | (u64)value << 32 : (*reg & ~(u64)UINT32_MAX) | value;
}

static void write_queue(u64 offset, u32 value)
{
    CHECK_EQ(device->status, STATUS_CONFIGURING);
    CHECK_EQ(device->queue_sel, VIRTIO_CONSOLE_TRANSMITQ);
    CHECK_EQ(device->queue_ready, 0);
    switch (offset) {
    case VIRTIO_MMIO_QUEUE_NUM:
        CHECK(value != 0 && value <= device->queue_size_max && (value & (value - 1)) == 0);
        device->queue_size = value;
        break;
    case VIRTIO_MMIO_QUEUE_DESC_LOW: write_half(&device->desc, false, value); break;
    case VIRTIO_MMIO_QUEUE_DESC_HIGH: write_half(&device->desc, true, value); break;
    case VIRTIO_MMIO_QUEUE_DRIVER_LOW: write_half(&device->avail, false, value); break;
    case VIRTIO_MMIO_QUEUE_DRIVER_HIGH: write_half(&device->avail, true, value); break;
    case VIRTIO_MMIO_QUEUE_DEVICE_LOW: write_half(&device->used, false, value); break;
    case VIRTIO_MMIO_QUEUE_DEVICE_HIGH: write_half(&device->used, true, value); break;
    case VIRTIO_MMIO_QUEUE_READY:
        CHECK_EQ(value, 1);
        CHECK_EQ(device->desc % VIRTQ_DESC_ALIGN, 0);
        CHECK_EQ(device->avail % 2, 0);
        CHECK_EQ(device->used % VIRTQ_USED_ALIGN, 0);
        device->queue_ready = 1;
        break;
    default: FAIL("write of register %#llx", (unsigned long long)offset);
    }
}

void mmio_write32(u64 addr, u32 value)
{
    u64 offset = addr % 0x1000;

    if (other != NULL) {
        other->write(addr, value);
        return;
    }
    CHECK(addr >= FAKE_SLOT_BASE(FAKE_SLOTS - 1) && addr < FAKE_SLOT_BASE(FAKE_SLOTS));
    switch (offset) {
    case VIRTIO_MMIO_STATUS: write_status(value); break;
    case VIRTIO_MMIO_DEVICE_FEATURES_SEL: device->features_sel = value & 1; break;
    case VIRTIO_MMIO_DRIVER_FEATURES_SEL: device->driver_features_sel = value & 1; break;
    case VIRTIO_MMIO_DRIVER_FEATURES:
        write_half(&device->driver_features, device->driver_features_sel, value);
        break;
    case VIRTIO_MMIO_QUEUE_SEL: device->queue_sel = value; break;
    case VIRTIO_MMIO_QUEUE_NOTIFY:
        CHECK_EQ(device->status, STATUS_RUNNING);
        CHECK_EQ(value, VIRTIO_CONSOLE_TRANSMITQ);
        if (device->notifications++ < device->answers) {
            serve();
        }
        break;
    default: write_queue(offset, value);
    }
}
