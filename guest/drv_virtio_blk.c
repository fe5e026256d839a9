/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Component virtio_blk: disks, over lib/drv/virtio_blk.
 *
 *     start ──▶ ring ──▶ device ──▶ look, by who waits or by the interrupt ──▶ over
 *
 * Up to DEPTH requests are the device's at a time, each with a descriptor table of the disk's.  A
 * table has room for PIECES pieces: 120 KiB of single pages, behind which the cost of a request no
 * longer counts, and it is 512 bytes, so that all tables are 16 KiB.
 *
 * Who waits first looks at the used ring for SPIN_NS, with interrupts suppressed, while no other
 * task of this hart is ready: most answers come in that time, and an interrupt costs more.  Then it
 * sleeps until the interrupt.  Without component task, or where nobody may sleep, it only looks.
 *
 * The device is told of a request at once if it has none, if somebody is called for it, or if BATCH
 * have come together; else when somebody waits.
 *
 * A request that is not back after blk_timeout_ms= of waiting, a device that breaks the rules of
 * the ring, or that says it needs a reset: it is reset, all its requests fail, and it is brought up
 * again.  If that happens twice without a request that succeeds in between, or if it does not come
 * up as the same disk, it is gone: ENODEV from then on.
 *
 * Invariants: a table is free, or one request's that the device has.  A request is not touched any
 * more once it is over.  Whoever sleeps until then stands in it, under the lock.
 */
#include "guest/drv_virtio_blk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/drv/virtio_blk.h"

#include "guest/args.h"
#include "guest/await.h"
#include "guest/block.h"
#include "guest/device.h"
#include "guest/libc/fork.h"
#include "guest/log.h"
#include "guest/pages.h"
#include "guest/plic.h"
#include "guest/sync.h"
#include "guest/timer.h"

#define DEPTH     32
#define PIECES    30
#define TABLE     (PIECES + 2) /* header and status */
#define RING      128          /* without indirect tables, three of the longest chains */
#define BYTES_MAX (1U << 20)
#define BATCH     16

#define NS_PER_S           1000000000UL
#define SPIN_NS            100000
#define SLICE_NS           20000   /* between two looks at who else is ready */
#define LOOK_NS            1000000 /* where a task sleeps and no interrupt comes */
#define DEFAULT_TIMEOUT_MS 10000
#define PAGE               4096

/* In block_request.driver. */
struct request {
    struct virtio_blk_request virtio; /* first */
    struct block_request *block;
    struct wait_queue *sleeper; /* who sleeps until it is over; guarded by lock */
    struct request *next;       /* of those whose done is to be called */
};
_Static_assert(sizeof(struct request) <= sizeof(((struct block_request *)0)->driver), "block.h");

struct disk {
    struct block block; /* first */
    struct disk *next;
    const struct device *device;
    u64 timeout_ms;
    u32 chain;       /* descriptors that a request takes at most */
    bool interrupts; /* it has one, and is connected */

    struct spin lock;
    /* guarded by lock: */
    struct virtio_blk virtio;
    u32 free;     /* tables, a bit each */
    u32 unkicked; /* requests that the device was not told of */
    u32 sleepers; /* while there are some, interrupts are asked for */
    bool failed;  /* it was reset, and nothing has succeeded since */
    bool gone;

    struct wait_queue room; /* who waits for a table */
    _Alignas(VIRTQ_DESC_ALIGN) u8 ring[VIRTQ_BYTES(RING)];
    _Alignas(VIRTQ_DESC_ALIGN) struct virtq_desc tables[DEPTH][TABLE];
};
_Static_assert(DEPTH == 32, "bits of free");

u64 virtio_blk_spins, virtio_blk_sleeps;

static struct disk *disks;

/* The FDT is asked once. */
static u64 spin_ticks, slice_ticks, look_ticks, ms_ticks;

static struct request *request_of(struct block_request *request)
{
    return (struct request *)request->driver;
}

static bool is_over(const struct block_request *request)
{
    return __atomic_load_n(&request->over, __ATOMIC_ACQUIRE);
}

/* ---- requests that are over; lock is held ---- */

/* The request is over, now or when unlock() calls its done. */
static void end(struct disk *disk, struct request *request, int error, struct request **called)
{
    struct block_request *block = request->block;
    struct wait_queue *sleeper = request->sleeper;

    disk->free |= 1U << ((request->virtio.table - disk->tables[0]) / TABLE);
    block->error = error;
    if (block->done) {
        request->next = *called;
        *called = request;
        return;
    }
    __atomic_store_n(&block->over, true, __ATOMIC_RELEASE);
    if (sleeper) {
        await_wake(sleeper);
    }
}

/* Takes back what the device is done with.  False: it broke the rules. */
static bool reap(struct disk *disk, struct request **called)
{
    enum err err;
    struct virtio_blk_request *back;
    bool some = false;

    while ((back = virtio_blk_finished(&disk->virtio, &err))) {
        bool succeeded = back->status == VIRTIO_BLK_S_OK;

        if (succeeded) {
            disk->failed = false;
        }
        end(disk, (struct request *)back, succeeded ? 0 : EIO, called);
        some = true;
    }
    if (some && disk->sleepers > 0) {
        await_wake(&disk->room);
    }
    return err == ERR_OK;
}

static void kick(struct disk *disk)
{
    if (disk->unkicked > 0) {
        disk->unkicked = 0;
        virtio_blk_kick(&disk->virtio);
    }
}

/* ---- a device that fails; lock is held ---- */

static bool bring_up_again(struct disk *disk)
{
    u64 sectors = disk->virtio.sectors, base = disk->virtio.dev.base;
    u32 pieces = disk->virtio.pieces_max, bytes = disk->virtio.piece_bytes_max;
    bool readonly = disk->virtio.readonly;

    if (virtio_blk_open(&disk->virtio, base, disk->ring, disk->virtio.queue.ring.size)) {
        return false;
    }
    virtq_driver_quiet(&disk->virtio.queue);
    if (disk->virtio.sectors != sectors || disk->virtio.pieces_max < pieces ||
        disk->virtio.piece_bytes_max < bytes || disk->virtio.readonly != readonly) {
        virtio_blk_reset(&disk->virtio);
        return false;
    }
    return true;
}

/* Resets it: all that it has fails. */
static void fail(struct disk *disk, int error, const char *why, struct request **called)
{
    struct virtio_blk_request *orphan;
    u32 requests = 0;

    if (disk->gone) {
        return;
    }
    virtio_blk_reset(&disk->virtio);
    while ((orphan = virtio_blk_orphan(&disk->virtio))) {
        end(disk, (struct request *)orphan, error, called);
        requests++;
    }
    disk->unkicked = 0;
    disk->gone = disk->failed || !bring_up_again(disk);
    disk->failed = true;
    await_wake(&disk->room);
    log_error("virtio_blk at 0x%lx: %s; requests that fail: %u; it was reset and %s",
              disk->device->range.base, why, requests,
              disk->gone ? "does not come back: it is gone" : "is there again");
}

static const char *const broke_rules = "it broke the rules of its queue";
static const char *const wants_reset = "it says that it needs a reset";

/* Reaps, and has interrupts asked for while somebody sleeps. */
static void look(struct disk *disk, struct request **called)
{
    bool ok;

    if (disk->gone) {
        return;
    }
    do {
        ok = reap(disk, called);
    } while (ok && disk->sleepers > 0 && !virtq_driver_expect(&disk->virtio.queue, 1));
    if (!ok) {
        fail(disk, EIO, broke_rules, called);
    }
}

/* ---- the lock ---- */

static u64 lock(struct disk *disk)
{
    preempt_disable();
    return spin_lock_irq(&disk->lock);
}

/* Who was woken meanwhile may run from here on. */
static void unlock(struct disk *disk, u64 irq, struct request *called)
{
    spin_unlock_irq(&disk->lock, irq);
    while (called) {
        struct block_request *block = called->block;

        called = called->next;
        __atomic_store_n(&block->over, true, __ATOMIC_RELEASE);
        block->done(block);
    }
    preempt_enable();
}

static void look_now(struct disk *disk)
{
    struct request *called = NULL;
    u64 irq = lock(disk);

    kick(disk);
    look(disk, &called);
    unlock(disk, irq, called);
}

/* ---- sleeping ---- */

struct wish {
    struct disk *disk;
    struct block_request *request; /* NULL: room */
};

static bool has_room(const struct disk *disk)
{
    const struct virtq_driver *queue = &disk->virtio.queue;

    return disk->gone ||
           (disk->free != 0 && queue->free_count >= (queue->indirect ? 1 : disk->chain));
}

static bool holds(void *arg)
{
    const struct wish *wish = arg;
    struct disk *disk = wish->disk;

    if (wish->request && is_over(wish->request)) {
        return true;
    }
    look_now(disk);
    return wish->request ? is_over(wish->request) : has_room(disk);
}

/* With interrupts asked for, until the wish holds or the device has had its time: then false. */
static bool sleep(struct wish *wish, struct wait_queue *queue, const char *what)
{
    struct disk *disk = wish->disk;
    u64 deadline = timer_now() + disk->timeout_ms * ms_ticks, until;
    bool held;

    do {
        until = disk->interrupts ? deadline : timer_now() + look_ticks;
        held = await_until(queue, holds, wish, until < deadline ? until : deadline, what);
    } while (!held && timer_now() < deadline);
    return held;
}

/* Somebody begins to sleep, or does so no more; the lock is held. */
static void add_sleepers(struct disk *disk, u32 more)
{
    disk->sleepers += more;
    if (disk->sleepers == 0 && !disk->gone) {
        virtq_driver_quiet(&disk->virtio.queue);
    }
}

static void time_out(struct disk *disk, struct request **called)
{
    char why[64];
    bool broken = !disk->gone && virtio_mmio_needs_reset(&disk->virtio.dev);

    snprintf(why, sizeof(why), "no answer within %lu ms", (unsigned long)disk->timeout_ms);
    fail(disk, broken ? EIO : ETIMEDOUT, broken ? wants_reset : why, called);
}

/* Until there is a table, or the device is gone. */
static void wait_for_room(struct disk *disk)
{
    struct wish wish = {.disk = disk};
    struct request *called = NULL;
    u32 sleepers = disk->interrupts && await_sleeps();
    u64 irq = lock(disk);
    bool held;

    add_sleepers(disk, sleepers);
    unlock(disk, irq, NULL);
    held = sleep(&wish, &disk->room, "room in a disk's queue");
    irq = lock(disk);
    add_sleepers(disk, -sleepers);
    if (!held && !has_room(disk)) {
        time_out(disk, &called);
    }
    unlock(disk, irq, called);
}

/* Until the request is over: it is, when this returns. */
static void wait_asleep(struct disk *disk, struct block_request *request)
{
    struct wish wish = {.disk = disk, .request = request};
    struct wait_queue sleeper;
    struct request *called = NULL;
    u32 sleepers = disk->interrupts && await_sleeps();
    u64 irq = lock(disk);

    wait_queue_init(&sleeper);
    virtio_blk_sleeps++;
    add_sleepers(disk, sleepers);
    if (!is_over(request)) {
        request_of(request)->sleeper = &sleeper;
    }
    unlock(disk, irq, NULL);
    sleep(&wish, &sleeper, "a disk");
    irq = lock(disk); /* who wakes the sleeper has it */
    add_sleepers(disk, -sleepers);
    if (!is_over(request)) {
        time_out(disk, &called);
    }
    unlock(disk, irq, called);
}

/* ---- looking ---- */

/* Until the index is another, or the time is there; how many looks it took. */
static u64 spin_on(const u16 *index, u16 seen, u64 until)
{
    u64 looks = 0, read;

    __asm__ volatile("1: lhu %1, 0(%2)\n"
                     "addi %0, %0, 1\n"
                     "bne %1, %3, 2f\n"
                     "rdtime %1\n"
                     "bltu %1, %4, 1b\n"
                     "2:"
                     : "+r"(looks), "=&r"(read)
                     : "r"(index), "r"((u64)seen), "r"(until)
                     : "memory");
    return looks;
}

/* What the device gives back meanwhile is taken, whoever it is for. */
static void spin(struct disk *disk, const struct block_request *request)
{
    u64 end = timer_now() + spin_ticks, now;

    while (!is_over(request) && !await_has_others() && (now = timer_now()) < end) {
        const struct virtq_driver *queue = &disk->virtio.queue;
        const struct virtq_used *used = *(struct virtq_used *const volatile *)&queue->ring.used;
        u64 slice = now + slice_ticks, looks;

        if (!used) { /* it is gone */
            break;
        }
        looks =
            spin_on(&used->idx, *(const volatile u16 *)&queue->used_idx, slice < end ? slice : end);
        __atomic_fetch_add(&virtio_blk_spins, looks, __ATOMIC_RELAXED);
        look_now(disk);
    }
}

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
    struct request *request = request_of(block);
    u32 number = (u32)__builtin_ctz(disk->free);

    *request = (struct request){.block = block, .virtio.table = disk->tables[number]};
    request->virtio.pieces = fill_table(disk, block, disk->tables[number]);
    if (virtio_blk_start(&disk->virtio, &request->virtio, types[block->op], block->sector)) {
        return EIO; /* not with room */
    }
    disk->free &= ~(1U << number);
    disk->unkicked++;
    if (block->done || disk->unkicked >= BATCH || disk->free == ~(1U << number)) {
        kick(disk);
    }
    return 0;
}

static int start(struct block *block, struct block_request *request)
{
    struct disk *disk = (struct disk *)block;
    int error = block_check(block, request);
    u64 irq;

    if (error) {
        return error;
    }
    request->over = false;
    request->error = 0;
    irq = lock(disk);
    while (!has_room(disk)) {
        unlock(disk, irq, NULL);
        wait_for_room(disk);
        irq = lock(disk);
    }
    if (disk->gone) {
        error = ENODEV;
    } else if (request->op == BLOCK_FLUSH && !block->has_flush) {
        request->over = true;
    } else {
        error = put(disk, request);
    }
    unlock(disk, irq, NULL);
    if (error == 0 && request->over && request->done) {
        request->done(request);
    }
    return error;
}

static void wait(struct block *block, struct block_request *request)
{
    struct disk *disk = (struct disk *)block;

    if (is_over(request)) {
        return;
    }
    look_now(disk);
    spin(disk, request);
    if (!is_over(request)) {
        wait_asleep(disk, request);
    }
}

static const struct block_ops ops = {.start = start, .wait = wait};

/* ---- the device ---- */

static void interrupt(void *arg)
{
    struct disk *disk = arg;
    struct request *called = NULL;
    u64 irq = lock(disk);
    u32 why = virtio_mmio_ack(&disk->virtio.dev);

    look(disk, &called);
    if (why & VIRTIO_MMIO_INTERRUPT_CONFIG && !disk->gone &&
        virtio_mmio_needs_reset(&disk->virtio.dev)) {
        fail(disk, EIO, wants_reset, &called);
    }
    unlock(disk, irq, called);
}

/* So that a request that keeps to it needs no more than PIECES descriptors, and the device's number
 * of them, wherever its pieces are to be cut. */
static void set_limits(struct disk *disk)
{
    const struct virtio_blk *virtio = &disk->virtio;
    u32 descs = virtio->pieces_max < PIECES ? virtio->pieces_max : PIECES;
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

    for (u16 size = RING; size >= 4 && err == ERR_INVAL; size /= 2) {
        err = virtio_blk_open(&disk->virtio, base, disk->ring, size);
    }
    return err;
}

static void learn_timebase(void)
{
    u64 hz = machine_timebase();

    spin_ticks = hz * SPIN_NS / NS_PER_S;
    slice_ticks = hz * SLICE_NS / NS_PER_S;
    look_ticks = hz * LOOK_NS / NS_PER_S;
    ms_ticks = hz / 1000;
}

static enum err bring_up(struct device *device)
{
    struct disk *disk = pages_alloc((sizeof(*disk) + PAGE - 1) / PAGE, 1);
    enum err err;

    if (!disk) {
        return ERR_NOMEM;
    }
    memset(disk, 0, sizeof(*disk));
    learn_timebase();
    disk->block.ops = &ops;
    disk->device = device;
    disk->free = ~0U;
    disk->timeout_ms = args_u64("blk_timeout_ms", DEFAULT_TIMEOUT_MS);
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

/* Whatever the device has, it gives back before the machine is copied: in the child those who wait
 * for it are gone, and their memory is others'. */
static void settle(struct disk *disk)
{
    u64 deadline = timer_now() + disk->timeout_ms * ms_ticks, irq;
    struct request *called = NULL;

    while (disk->free != ~0U && timer_now() < deadline) {
        look_now(disk);
    }
    irq = lock(disk);
    if (disk->free != ~0U) {
        time_out(disk, &called);
    }
    unlock(disk, irq, called);
}

/* All other harts stand still. */
void fork_disks(enum fork_step step)
{
    for (struct disk *disk = disks; disk; disk = disk->next) {
        u64 irq;

        if (step == FORK_PREPARE) {
            settle(disk);
        } else if (step == FORK_CHILD) {
            irq = lock(disk);
            add_sleepers(disk, -disk->sleepers);
            unlock(disk, irq, NULL);
        }
    }
}
