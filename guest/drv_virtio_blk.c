/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Component virtio_blk: disks, over lib/drv/virtio_blk.
 *
 *     start ──▶ ring ──▶ device ──▶ look, by who waits or by the interrupt ──▶ over
 *
 * Up to DISK_DEPTH requests are the device's at a time, each with a descriptor table of the disk's.
 * A table has room for DISK_PIECES pieces: 120 KiB of single pages, behind which the cost of a
 * request no longer counts, and it is 512 bytes, so that all tables are 16 KiB.
 *
 * The device is told of a request at once if it has none, if somebody is called for it, or if BATCH
 * have come together; else when somebody waits.
 *
 * Waiting, and devices that fail: virtio_blk_disk.c.
 */
#include <errno.h>
#include <string.h>

#include "guest/args.h"
#include "guest/libc/fork.h"
#include "guest/log.h"
#include "guest/pages.h"
#include "guest/plic.h"
#include "guest/virtio_blk_disk.h"

#define BYTES_MAX          (1U << 20)
#define BATCH              16
#define DEFAULT_TIMEOUT_MS 10000
#define PAGE               4096

static struct disk *disks;

/* ---- the class ---- */

/* As many descriptors as there are pieces, and more for those that the device takes in parts. */
static u32 fill_table(const struct disk *disk, const struct block_request *request,
                      struct virtq_desc *table)
{
    u32 max = disk->virtio.piece_bytes_max, count = 0;

    for (u32 i = 0; i < request->count; i++) {
        u64 at = (u64)request->pieces[i].at;

        for (u32 left = request->pieces[i].bytes; left > 0; count++) {
            u32 now = left < max ? left : max;

            table[1 + count].addr = at;
            table[1 + count].len = now;
            at += now;
            left -= now;
        }
    }
    return count;
}

/* There is room. */
static int put(struct disk *disk, struct block_request *block)
{
    static const u32 types[] = {[BLOCK_READ] = VIRTIO_BLK_T_IN,
                                [BLOCK_WRITE] = VIRTIO_BLK_T_OUT,
                                [BLOCK_FLUSH] = VIRTIO_BLK_T_FLUSH};
    struct request *request = disk_request(block);
    u32 number = (u32)__builtin_ctz(disk->free);

    *request = (struct request){.block = block, .virtio.table = disk->tables[number]};
    request->virtio.pieces = fill_table(disk, block, disk->tables[number]);
    if (virtio_blk_start(&disk->virtio, &request->virtio, types[block->op], block->sector)) {
        return EIO; /* not with room */
    }
    disk->free &= ~(1U << number);
    disk->unkicked++;
    if (block->done || disk->unkicked >= BATCH || disk->free == ~(1U << number)) {
        disk_kick(disk);
    }
    return 0;
}

static int start(struct block *block, struct block_request *request)
{
    struct disk *disk = (struct disk *)block;
    int error = block_check(block, request);
    bool begins = request->op != BLOCK_FLUSH || block->has_flush;
    u64 irq;

    if (error) {
        return error;
    }
    request->over = false;
    request->error = 0;
    irq = disk_lock(disk);
    while (!disk_has_room(disk)) {
        disk_unlock(disk, irq, NULL);
        disk_wait_for_room(disk);
        irq = disk_lock(disk);
    }
    if (disk->gone) {
        error = ENODEV;
    } else if (begins) {
        error = put(disk, request);
    }
    disk_unlock(disk, irq, NULL);
    if (error == 0 && !begins) {
        request->over = true;
        if (request->done) {
            request->done(request);
        }
    }
    return error; /* one that began may be gone by now */
}

static void wait(struct block *block, struct block_request *request)
{
    disk_wait((struct disk *)block, request);
}

static const struct block_ops ops = {.start = start, .wait = wait};

/* ---- the device ---- */

static void interrupt(void *arg)
{
    struct disk *disk = arg;
    struct request *called = NULL;
    u64 irq = disk_lock(disk);
    u32 why = virtio_mmio_ack(&disk->virtio.dev);

    disk_look(disk, &called);
    if (why & VIRTIO_MMIO_INTERRUPT_CONFIG && !disk->gone &&
        virtio_mmio_needs_reset(&disk->virtio.dev)) {
        disk_fail(disk, EIO, disk_wants_reset, &called);
    }
    disk_unlock(disk, irq, called);
}

/* So that a request that keeps to it needs no more than DISK_PIECES descriptors, and the device's
 * number of them, wherever its pieces are to be cut. */
static void set_limits(struct disk *disk)
{
    const struct virtio_blk *virtio = &disk->virtio;
    u32 descs = virtio->pieces_max < DISK_PIECES ? virtio->pieces_max : DISK_PIECES;
    struct block *block = &disk->block;

    block->sectors = virtio->sectors;
    block->readonly = virtio->readonly;
    block->has_flush = virtio->has_flush;
    disk->chain = descs + 2;
    if (virtio->piece_bytes_max >= BYTES_MAX) {
        block->pieces_max = descs;
        block->bytes_max = BYTES_MAX;
    } else {
        block->pieces_max = (descs + 1) / 2;
        block->bytes_max = (descs - block->pieces_max + 1) * virtio->piece_bytes_max;
    }
}

static enum err open(struct disk *disk, u64 base)
{
    enum err err = ERR_INVAL;

    for (u16 size = DISK_RING; size >= 4 && err == ERR_INVAL; size /= 2) {
        err = virtio_blk_open(&disk->virtio, base, disk->ring, size);
    }
    return err;
}

static enum err bring_up(struct device *device)
{
    struct disk *disk = pages_alloc((sizeof(*disk) + PAGE - 1) / PAGE, 1);
    enum err err;

    if (!disk) {
        return ERR_NOMEM;
    }
    memset(disk, 0, sizeof(*disk));
    disk_learn_timebase();
    disk->block.ops = &ops;
    disk->device = device;
    disk->free = ~0U;
    disk->timeout_ms = args_u64("blk_timeout_ms", DEFAULT_TIMEOUT_MS);
    if (disk->timeout_ms == 0) {
        log_error("blk_timeout_ms= takes 1 or more; %u is taken", DEFAULT_TIMEOUT_MS);
        disk->timeout_ms = DEFAULT_TIMEOUT_MS;
    }
    err = open(disk, (u64)device->registers);
    if (err) {
        if (err == ERR_NOSUPP) {
            log_error("virtio_blk: the device is of the legacy kind, or lacks what is needed");
        }
        pages_free(disk);
        return err;
    }
    set_limits(disk);
    virtq_driver_quiet(&disk->virtio.queue);
    disk->interrupts = irq_connect(device->interrupt, interrupt, disk) == ERR_OK;
    disk->next = disks;
    disks = disk;
    device->state = &disk->block;
    log_info("virtio_blk at 0x%lx: %lu sectors%s, %s", device->range.base,
             (unsigned long)disk->block.sectors, disk->block.readonly ? ", read-only" : "",
             disk->interrupts ? "with interrupts" : "polled");
    return ERR_OK;
}

static bool probe(const struct device *device)
{
    return virtio_mmio_device_id((u64)device->registers) == VIRTIO_DEVICE_BLOCK;
}

static const struct driver DRIVER virtio_blk = {.name = "virtio_blk",
                                                .compatible = "virtio,mmio",
                                                .class = DEVICE_BLOCK,
                                                .probe = probe,
                                                .start = bring_up};

/* ---- fork ---- */

/* All other harts stand still. */
void fork_disks(enum fork_step step)
{
    for (struct disk *disk = disks; disk; disk = disk->next) {
        u64 irq;

        if (step == FORK_PREPARE) {
            disk_settle(disk);
        } else if (step == FORK_CHILD) {
            irq = disk_lock(disk);
            disk_forget_sleepers(disk);
            disk_unlock(disk, irq, NULL);
        }
    }
}
