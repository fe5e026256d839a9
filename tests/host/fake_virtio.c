/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fake bus behind lib/drv/mmio.h and the fake devices on it; see fake_virtio.h.
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
#define SEGMENTS_MAX   FAKE_QUEUE_MAX

static struct fake_virtio *device;
static const struct fake_bus *other;

static void *place(void *arg, u64 page)
{
    (void)arg;
    return (void *)(uintptr_t)page;
}

static const struct virtq_memory memory = {.page = place};

void fake_virtio_init(struct fake_virtio *fake)
{
    *fake = (struct fake_virtio){
        .device_id = VIRTIO_DEVICE_CONSOLE,
        .version = VIRTIO_MMIO_VERSION_MODERN,
        .queue_size_max = FAKE_QUEUE_MAX,
        .features = VIRTIO_F_VERSION_1 | 0x7, /* size, multiport, emergency write */
        .answers = UINT32_MAX,
        .entropy_max = UINT32_MAX,
        .config = {.capacity = FAKE_SECTORS},
    };
    device = fake;
}

/* ---- what the devices do --------------------------------------------------------------------- */

/* A chain, and where its segments are. */
struct job {
    struct virtq_segment segment[SEGMENTS_MAX];
    struct virtq_chain chain;
};

static u8 *place_of(const struct virtq_segment *segment)
{
    return (u8 *)(uintptr_t)segment->addr;
}

static bool take(u32 index, struct job *job)
{
    enum err err;

    job->chain = (struct virtq_chain){.max = SEGMENTS_MAX, .segment = job->segment};
    err = virtq_device_pop(&device->queue[index], &memory, &job->chain);
    CHECK(err == ERR_OK || err == ERR_NOENT);
    if (err != ERR_OK)
        return false;
    device->chains++;
    device->pieces += (unsigned)job->chain.readable + job->chain.writable;
    return true;
}

static void give_back(u32 index, u16 head, u32 written)
{
    struct virtq_device *queue = &device->queue[index];
    u16 slot = queue->used_idx % queue->size;
    struct virtq_used *used = (void *)(uintptr_t)queue->used;

    CHECK_EQ(virtq_device_push(queue, &memory, head, written + device->written_offset), ERR_OK);
    used->ring[slot].id += device->returned_id_offset;
    if (virtq_device_should_interrupt(queue)) {
        device->interrupt_status |= VIRTIO_MMIO_INTERRUPT_USED;
        device->interrupts++;
    }
}

static u32 transmit(const struct job *job)
{
    CHECK_EQ(job->chain.writable, 0);
    for (u32 i = 0; i < job->chain.readable; i++) {
        CHECK(device->length + job->segment[i].bytes <= sizeof(device->output));
        memcpy(device->output + device->length, place_of(&job->segment[i]), job->segment[i].bytes);
        device->length += job->segment[i].bytes;
    }
    return 0;
}

static u32 give_entropy(const struct job *job)
{
    u32 bytes = job->segment[0].bytes;

    CHECK_EQ(job->chain.readable, 0);
    CHECK_EQ(job->chain.writable, 1);
    bytes = bytes < device->entropy_max ? bytes : device->entropy_max;
    for (u32 i = 0; i < bytes; i++)
        place_of(&job->segment[0])[i] = device->entropy++;
    return bytes;
}

/* Between header and status; how many bytes. */
static u32 transfer(const struct job *job, const struct virtio_blk_header *header)
{
    u32 count = (u32)job->chain.readable + job->chain.writable - 2;
    u64 at = header->sector * VIRTIO_BLK_SECTOR_BYTES;
    u32 bytes = 0;

    for (u32 i = 1; i <= count; i++) {
        const struct virtq_segment *segment = &job->segment[i];

        CHECK_EQ(segment->bytes % VIRTIO_BLK_SECTOR_BYTES, 0);
        CHECK(segment->bytes <= device->config.size_max || device->config.size_max == 0);
        CHECK(at + bytes + segment->bytes <= sizeof(device->disk));
        if (header->type == VIRTIO_BLK_T_IN)
            memcpy(place_of(segment), device->disk + at + bytes, segment->bytes);
        else
            memcpy(device->disk + at + bytes, place_of(segment), segment->bytes);
        bytes += segment->bytes;
    }
    return bytes;
}

static u32 serve_block(const struct job *job)
{
    u32 last = (u32)job->chain.readable + job->chain.writable - 1;
    struct virtio_blk_header header;
    u8 *status = place_of(&job->segment[last]);
    u32 bytes = 0;

    CHECK_EQ(job->segment[0].bytes, sizeof(header));
    CHECK_EQ(job->segment[last].bytes, 1);
    memcpy(&header, place_of(&job->segment[0]), sizeof(header));
    CHECK_EQ(header.reserved, 0);
    *status = VIRTIO_BLK_S_OK;
    switch (header.type) {
    case VIRTIO_BLK_T_IN:
        CHECK_EQ(job->chain.readable, 1);
        bytes = transfer(job, &header);
        break;
    case VIRTIO_BLK_T_OUT:
        CHECK_EQ(job->chain.writable, 1);
        transfer(job, &header);
        break;
    case VIRTIO_BLK_T_FLUSH:
        CHECK_EQ(last, 1);
        device->flushes++;
        break;
    default: *status = VIRTIO_BLK_S_UNSUPP;
    }
    return bytes + 1;
}

static u32 serve_chain(const struct job *job)
{
    switch (device->device_id) {
    case VIRTIO_DEVICE_CONSOLE: return transmit(job);
    case VIRTIO_DEVICE_BLOCK: return serve_block(job);
    default: return give_entropy(job);
    }
}

/* Serves every chain that the driver has offered. */
static void serve(u32 index)
{
    struct job jobs[FAKE_QUEUE_MAX];
    u32 count = 0;

    if (device->device_id == VIRTIO_DEVICE_CONSOLE && index == VIRTIO_CONSOLE_RECEIVEQ)
        return; /* they wait for input */
    while (take(index, &jobs[count]))
        count++;
    for (u32 i = 0; i < count; i++) {
        const struct job *job = &jobs[device->reverses ? count - 1 - i : i];

        give_back(index, job->chain.head, serve_chain(job));
    }
}

size_t fake_virtio_input(struct fake_virtio *fake, const void *bytes, size_t count)
{
    size_t done = 0;
    struct job job;

    CHECK(fake == device);
    while (done < count && take(VIRTIO_CONSOLE_RECEIVEQ, &job)) {
        size_t piece = count - done;

        CHECK_EQ(job.chain.readable, 0);
        CHECK_EQ(job.chain.writable, 1);
        piece = piece < job.segment[0].bytes ? piece : job.segment[0].bytes;
        memcpy(place_of(&job.segment[0]), (const u8 *)bytes + done, piece);
        give_back(VIRTIO_CONSOLE_RECEIVEQ, job.chain.head, (u32)piece);
        done += piece;
    }
    return done;
}

/* ---- registers ------------------------------------------------------------------------------- */

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

/* The generation moves with the configuration, which is all of it the number of moves to come. */
static u32 generation_read(void)
{
    if (device->config_moves != 0) {
        device->config_moves--;
        device->generation++;
    }
    return device->generation;
}

static u32 config_read(u64 offset)
{
    u32 word;

    CHECK(offset % sizeof(word) == 0 && offset + sizeof(word) <= sizeof(device->config));
    memcpy(&word, (const u8 *)&device->config + offset, sizeof(word));
    return device->config_moves != 0 ? device->config_moves : word;
}

static u32 queue_count(void)
{
    return device->device_id == VIRTIO_DEVICE_CONSOLE ? 2 : 1;
}

u32 mmio_read32(u64 addr)
{
    u64 offset = addr % 0x1000;

    if (other != NULL)
        return other->read(addr);
    CHECK(addr >= FAKE_SLOT_BASE(0) && addr < FAKE_SLOT_BASE(FAKE_SLOTS));
    if (addr < FAKE_SLOT_BASE(FAKE_SLOTS - 1))
        return empty_slot_read(offset);
    if (offset >= VIRTIO_MMIO_CONFIG)
        return config_read(offset - VIRTIO_MMIO_CONFIG);
    switch (offset) {
    case VIRTIO_MMIO_MAGIC_VALUE: return VIRTIO_MMIO_MAGIC;
    case VIRTIO_MMIO_VERSION: return device->version;
    case VIRTIO_MMIO_DEVICE_ID: return device->device_id;
    case VIRTIO_MMIO_DEVICE_FEATURES: return (u32)(device->features >> (32 * device->features_sel));
    case VIRTIO_MMIO_QUEUE_NUM_MAX:
        return device->queue_sel < queue_count() ? device->queue_size_max : 0;
    case VIRTIO_MMIO_QUEUE_READY: return device->queue[device->queue_sel % FAKE_QUEUES].ready;
    case VIRTIO_MMIO_INTERRUPT_STATUS: return device->interrupt_status;
    case VIRTIO_MMIO_STATUS: return device->status;
    case VIRTIO_MMIO_CONFIG_GENERATION: return generation_read();
    default: FAIL("read of register %#llx", (unsigned long long)offset);
    }
}

static void write_status(u32 value)
{
    u32 added = value & ~device->status;

    if (value == 0) {
        device->status = 0;
        device->interrupt_status = 0;
        memset(device->queue, 0, sizeof(device->queue));
        return;
    }
    CHECK_EQ(device->status & ~value, 0); /* only a reset clears bits */
    CHECK((added & (added - 1)) == 0);    /* one step at a time */
    if (added == VIRTIO_STATUS_FEATURES_OK) {
        CHECK(device->driver_features & VIRTIO_F_VERSION_1);
        CHECK_EQ(device->driver_features & ~device->features, 0);
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
    struct virtq_device *queue = &device->queue[device->queue_sel];

    CHECK_EQ(device->status, STATUS_CONFIGURING);
    CHECK(device->queue_sel < queue_count());
    CHECK(!queue->ready);
    switch (offset) {
    case VIRTIO_MMIO_QUEUE_NUM:
        CHECK(value <= device->queue_size_max);
        queue->size = (u16)value;
        break;
    case VIRTIO_MMIO_QUEUE_DESC_LOW: write_half(&queue->desc, false, value); break;
    case VIRTIO_MMIO_QUEUE_DESC_HIGH: write_half(&queue->desc, true, value); break;
    case VIRTIO_MMIO_QUEUE_DRIVER_LOW: write_half(&queue->avail, false, value); break;
    case VIRTIO_MMIO_QUEUE_DRIVER_HIGH: write_half(&queue->avail, true, value); break;
    case VIRTIO_MMIO_QUEUE_DEVICE_LOW: write_half(&queue->used, false, value); break;
    case VIRTIO_MMIO_QUEUE_DEVICE_HIGH: write_half(&queue->used, true, value); break;
    case VIRTIO_MMIO_QUEUE_READY:
        CHECK_EQ(value, 1);
        queue->indirect = device->driver_features & VIRTIO_F_INDIRECT_DESC;
        queue->event_idx = device->driver_features & VIRTIO_F_EVENT_IDX;
        CHECK_EQ(virtq_device_start(queue), ERR_OK);
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
        CHECK(value < queue_count() && device->queue[value].ready);
        if (device->notifications++ < device->answers)
            serve(value);
        break;
    case VIRTIO_MMIO_INTERRUPT_ACK:
        CHECK_EQ(value & ~device->interrupt_status, 0);
        device->interrupt_status &= ~value;
        break;
    default: write_queue(offset, value);
    }
}
