/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Part of component virtio_blk: requests come back, somebody waits for them, a device fails.
 *
 * Who waits first looks at the used ring for SPIN_NS, with interrupts suppressed, while no other
 * task of this hart is ready: most answers come in that time, and an interrupt costs more.  Then it
 * sleeps until the interrupt, which is asked for once a quarter of all requests is back; where that
 * are several, it looks every millisecond as well.  Without component task, or where nobody may
 * sleep, it only looks.
 *
 * A request that is not back after blk_timeout_ms= of waiting, a device that breaks the rules of
 * the ring, or that says it needs a reset: it is reset, all its requests fail, and it is brought up
 * again.  If that happens twice without a request that succeeds in between, or if it does not come
 * up as the same disk, it is gone: ENODEV from then on.
 *
 * Invariants: a table is free, or one request's that the device has.  A request is not touched any
 * more once it is over.  Whoever sleeps until then stands in it, under the lock.
 */
#include "guest/virtio_blk_disk.h"

#include <errno.h>
#include <stdio.h>

#include "guest/await.h"
#include "guest/drv_virtio_blk.h"
#include "guest/log.h"
#include "guest/timer.h"

#define NS_PER_S 1000000000UL
#define SPIN_NS  100000
#define SLICE_NS 20000   /* between two looks at who else is ready */
#define LOOK_NS  1000000 /* where a task sleeps and no interrupt comes, or a late one */

#define PART_TO_WAIT_FOR 4 /* of the requests that the device has, one in so many */

u64 virtio_blk_spins, virtio_blk_sleeps;

/* The FDT is asked once. */
static u64 spin_ticks, slice_ticks, look_ticks, ms_ticks;

void disk_learn_timebase(void)
{
    u64 hz = machine_timebase();

    spin_ticks = hz * SPIN_NS / NS_PER_S;
    slice_ticks = hz * SLICE_NS / NS_PER_S;
    look_ticks = hz * LOOK_NS / NS_PER_S;
    ms_ticks = hz / 1000;
}

static bool is_over(const struct block_request *request)
{
    return __atomic_load_n(&request->over, __ATOMIC_ACQUIRE);
}

/* ---- requests that are over; lock is held ---- */

/* The request is over, now or when disk_unlock() calls its done. */
static void end(struct disk *disk, struct request *request, int error, struct request **called)
{
    struct block_request *block = request->block;
    struct wait_queue *sleeper = request->sleeper;

    disk->free |= 1U << ((request->virtio.table - disk->tables[0]) / DISK_TABLE);
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

void disk_kick(struct disk *disk)
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
void disk_fail(struct disk *disk, int error, const char *why, struct request **called)
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
const char *const disk_wants_reset = "it says that it needs a reset";

/* Has interrupts asked for while somebody sleeps, once a part of what the device has is back.
 * False: it is back already. */
static bool expect(struct disk *disk)
{
    u32 count = (u32)__builtin_popcount(~disk->free) / PART_TO_WAIT_FOR;

    if (disk->sleepers == 0) {
        return true;
    }
    disk->delays = count > 1;
    return virtq_driver_expect(&disk->virtio.queue, (u16)(count > 1 ? count : 1));
}

/* Reaps, and sees to interrupts. */
void disk_look(struct disk *disk, struct request **called)
{
    bool ok;

    if (disk->gone) {
        return;
    }
    do {
        ok = reap(disk, called);
    } while (ok && !expect(disk));
    if (!ok) {
        disk_fail(disk, EIO, broke_rules, called);
    }
}

/* ---- the lock ---- */

u64 disk_lock(struct disk *disk)
{
    preempt_disable();
    return spin_lock_irq(&disk->lock);
}

/* Who was woken meanwhile may run from here on. */
void disk_unlock(struct disk *disk, u64 irq, struct request *called)
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
    u64 irq = disk_lock(disk);

    disk_kick(disk);
    disk_look(disk, &called);
    disk_unlock(disk, irq, called);
}

/* ---- sleeping ---- */

struct wish {
    struct disk *disk;
    struct block_request *request; /* NULL: room */
};

bool disk_has_room(const struct disk *disk)
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
    return wish->request ? is_over(wish->request) : disk_has_room(disk);
}

/* With interrupts asked for, until the wish holds or the device has had its time: then false. */
static bool sleep(struct wish *wish, struct wait_queue *queue, const char *what)
{
    struct disk *disk = wish->disk;
    u64 deadline = timer_now() + disk->timeout_ms * ms_ticks, until;
    bool held = holds(wish);

    while (!held && timer_now() < deadline) {
        until = disk->interrupts && !disk->delays ? deadline : timer_now() + look_ticks;
        held = await_until(queue, holds, wish, until < deadline ? until : deadline, what);
    }
    return held;
}

/* Somebody begins to sleep, or does so no more; the lock is held.  After a fork by an interrupt
 * handler the latter may be one who is not counted any more. */
static void add_sleepers(struct disk *disk, s32 more)
{
    disk->sleepers = more > 0 || disk->sleepers > 0 ? disk->sleepers + (u32)more : 0;
    if (disk->sleepers == 0 && !disk->gone) {
        virtq_driver_quiet(&disk->virtio.queue);
    }
}

void disk_forget_sleepers(struct disk *disk)
{
    disk->sleepers = 0;
    add_sleepers(disk, 0);
}

/* The lock is held.  What came at the last moment counts. */
static bool is_answered(struct disk *disk, const struct wish *wish, struct request **called)
{
    disk_look(disk, called);
    return wish->request ? is_over(wish->request) : disk_has_room(disk);
}

static void time_out(struct disk *disk, struct request **called)
{
    char why[64];
    bool broken = !disk->gone && virtio_mmio_needs_reset(&disk->virtio.dev);

    snprintf(why, sizeof(why), "no answer within %lu ms", (unsigned long)disk->timeout_ms);
    disk_fail(disk, broken ? EIO : ETIMEDOUT, broken ? disk_wants_reset : why, called);
}

/* Until there is a table, or the device is gone. */
void disk_wait_for_room(struct disk *disk)
{
    struct wish wish = {.disk = disk};
    struct request *called = NULL;
    s32 sleepers = disk->interrupts && await_sleeps();
    u64 irq = disk_lock(disk);
    bool held;

    add_sleepers(disk, sleepers);
    disk_unlock(disk, irq, NULL);
    held = sleep(&wish, &disk->room, "room in a disk's queue");
    irq = disk_lock(disk);
    add_sleepers(disk, -sleepers);
    if (!held && !is_answered(disk, &wish, &called)) {
        time_out(disk, &called);
    }
    disk_unlock(disk, irq, called);
}

/* Until the request is over: it is, when this returns. */
static void wait_asleep(struct disk *disk, struct block_request *request)
{
    struct wish wish = {.disk = disk, .request = request};
    struct wait_queue sleeper;
    struct request *called = NULL;
    s32 sleepers = disk->interrupts && await_sleeps();
    u64 irq = disk_lock(disk);

    wait_queue_init(&sleeper);
    virtio_blk_sleeps++;
    add_sleepers(disk, sleepers);
    if (!is_over(request)) {
        disk_request(request)->sleeper = &sleeper;
    }
    disk_unlock(disk, irq, NULL);
    sleep(&wish, &sleeper, "a disk");
    irq = disk_lock(disk); /* who wakes the sleeper has it */
    add_sleepers(disk, -sleepers);
    if (!is_answered(disk, &wish, &called)) {
        time_out(disk, &called);
    }
    disk_unlock(disk, irq, called);
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

/* Until the request is over. */
void disk_wait(struct disk *disk, struct block_request *request)
{
    if (is_over(request)) {
        return;
    }
    look_now(disk);
    spin(disk, request);
    if (!is_over(request)) {
        wait_asleep(disk, request);
    }
}

/* ---- fork ---- */

/* Whatever the device has, it gives back before the machine is copied: in the child those who wait
 * for it are gone, and their memory is others'. */
void disk_settle(struct disk *disk)
{
    u64 deadline = timer_now() + disk->timeout_ms * ms_ticks, irq;
    struct request *called = NULL;

    while (disk->free != ~0U && timer_now() < deadline) {
        look_now(disk);
    }
    irq = disk_lock(disk);
    disk_look(disk, &called);
    if (disk->free != ~0U) {
        time_out(disk, &called);
    }
    disk_unlock(disk, irq, called);
}
