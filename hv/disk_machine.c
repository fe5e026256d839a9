/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where disks come from: the machine's virtio block devices, numbered by the addresses of their
 * slots, and images in RAM.
 *
 * A device that cannot be started keeps its number, so that the others keep theirs.
 */
#include "hv/disk_machine.h"

#include "dts/machine.h"

#include "hv/console.h"
#include "hv/disk_parts.h"
#include "hv/irq.h"
#include "hv/timer.h"

#define SECOND_NS 1000000000UL

_Static_assert(DISK_BLOCK_BYTES >= VIRTIO_BLK_SECTOR_BYTES, "a block is whole sectors");

static struct disk *disks[MACHINE_VIRTIO_MAX]; /* NULL: could not be started */
static u32 disk_total;

struct disk *disk_alloc(void)
{
    hpa_t frame = frame_alloc();
    struct disk *disk = hpa_ptr(frame);

    if (frame.v == 0)
        return NULL;
    page_zero(frame);
    list_init(&disk->snapshots);
    list_init(&disk->rooms);
    return disk;
}

void disk_set_size(struct disk *disk, u64 sectors)
{
    disk->sectors = sectors;
    disk->levels = disk_tree_levels(sectors / (DISK_BLOCK_BYTES / VIRTIO_BLK_SECTOR_BYTES));
}

struct disk *disk_of_memory(void *at, u64 bytes)
{
    struct disk *disk = disk_alloc();

    if (disk == NULL)
        return NULL;
    disk->memory = at;
    disk_set_size(disk, bytes / VIRTIO_BLK_SECTOR_BYTES);
    return disk;
}

struct disk *disk_of_machine(u32 index)
{
    return index < disk_total ? disks[index] : NULL;
}

struct disk_info disk_info(const struct disk *disk)
{
    return (struct disk_info){.sectors = disk->sectors, .readonly = disk->readonly};
}

void disk_expire(u64 now)
{
    __atomic_store_n(&disk_deadline, UINT64_MAX, __ATOMIC_RELAXED);
    for (u32 i = 0; i < disk_total; i++) {
        if (disks[i] != NULL)
            disk_queue_look(disks[i], now);
    }
}

/* blk.dev is not read here: another hart may be starting the device again. */
static void interrupted(void *of)
{
    struct disk *disk = of;
    struct virtio_mmio dev = {.base = disk->queue.base};

    (void)virtio_mmio_ack(&dev);
    disk_queue_look(disk, timer_now());
}

static const char *words(enum err err)
{
    if (err == ERR_NOMEM)
        return "no memory";
    return "it is a legacy device, or lacks what is needed; give QEMU "
           "-global virtio-mmio.force-legacy=false";
}

static enum err start_device(u64 base, u32 source)
{
    struct disk *disk = disk_alloc();
    hpa_t ring = frame_alloc();
    enum err err = disk != NULL && ring.v != 0 ? ERR_OK : ERR_NOMEM;

    _Static_assert(VIRTQ_BYTES(DISK_QUEUE_SIZE) <= PAGE_BYTES, "one frame");
    if (err == ERR_OK) {
        disk->number = disk_total;
        disk->queue.base = base;
        disk->queue.ring = hpa_ptr(ring);
        err = disk_queue_open(disk);
    }
    if (err != ERR_OK) {
        if (ring.v != 0)
            frame_put(ring);
        if (disk != NULL)
            frame_put(hpa_of(disk));
        return err;
    }
    disks[disk_total] = disk;
    disk->queue.polled = !irq_connect(source, interrupted, disk);
    return ERR_OK;
}

static void say(const struct disk *disk)
{
    u64 bytes = disk->sectors * VIRTIO_BLK_SECTOR_BYTES;
    bool is_large = bytes >= 1UL << 20;

    console_log("disk %u: %lu %s, %s", disk->number, (unsigned long)(bytes >> (is_large ? 20 : 10)),
                is_large ? "MiB" : "KiB", disk->readonly ? "read-only" : "read-write");
}

void disk_init(const struct machine *machine, u32 timeout_seconds)
{
    disk_queue_set_timeout(timeout_seconds * timer_ticks_of_ns(SECOND_NS));
    for (u32 i = 0; i < machine->virtios; i++) {
        u64 base = machine->virtio[i].base;
        enum err err;

        if (virtio_mmio_device_id(base) != VIRTIO_DEVICE_BLOCK)
            continue;
        err = start_device(base, machine->virtio_source[i]);
        if (err == ERR_OK)
            say(disks[disk_total]);
        else
            console_log("disk %u: cannot be started: %s", disk_total, words(err));
        disk_total++;
    }
}
