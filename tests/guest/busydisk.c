/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Forks, and ends, while a slow disk has requests of this guest.  After the fork both sides find
 * them done, at once: the fork has waited.  The child's disk is the parent's as it was then, and
 * its own from then on.  Each child ends with a request in flight, and so does the guest in the
 * end.
 *
 * With VCPUS=2 a second hart reads and writes the device's registers all the time.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "lib/drv/mmio.h"
#include "lib/drv/virtio_blk.h"

#include "guest/args.h"
#include "guest/guest.h"
#include "guest/hart.h"
#include "guest/machine.h"
#include "guest/paging.h"
#include "guest/proc.h"

#define QUEUE    16
#define REQUESTS 4 /* in flight at the fork */
#define SECTOR   VIRTIO_BLK_SECTOR_BYTES
#define PAGE     4096

static struct virtio_blk blk;
static _Alignas(PAGE) u8 ring[VIRTQ_BYTES(QUEUE)];
static _Alignas(PAGE) u8 buffer[REQUESTS][PAGE];
static struct virtio_blk_request request[REQUESTS];
static _Alignas(VIRTQ_DESC_ALIGN) struct virtq_desc table[REQUESTS][3];
static _Alignas(16) char stacks[8192];
static struct hart other;
static atomic_ulong touches;

static void touch(struct hart *hart)
{
    (void)hart;
    for (;;) {
        mmio_write32(blk.dev.base + VIRTIO_MMIO_QUEUE_NOTIFY, 0);
        (void)mmio_read32(blk.dev.base + VIRTIO_MMIO_STATUS);
        atomic_fetch_add(&touches, 1);
    }
}

static void start(u32 slot, u32 type, u64 sector)
{
    request[slot].table = table[slot];
    request[slot].pieces = 1;
    table[slot][1].addr = (uintptr_t)buffer[slot];
    table[slot][1].len = PAGE;
    if (virtio_blk_start(&blk, &request[slot], type, sector) != ERR_OK)
        proc_exit(10);
    virtio_blk_kick(&blk);
}

/* Takes one back; false: none is done. */
static bool take(void)
{
    enum err err;
    struct virtio_blk_request *done = virtio_blk_finished(&blk, &err);

    if (err != ERR_OK || (done != NULL && done->status != VIRTIO_BLK_S_OK))
        proc_exit(11);
    return done != NULL;
}

static void transfer(u32 type, u64 sector)
{
    start(0, type, sector);
    while (!take())
        ;
}

static void check(u64 sector, u8 expected, int status)
{
    transfer(VIRTIO_BLK_T_IN, sector);
    for (u32 i = 0; i < PAGE; i++) {
        if (buffer[0][i] != expected)
            proc_exit(status);
    }
}

static void put(u64 sector, u8 value)
{
    memset(buffer[0], value, PAGE);
    transfer(VIRTIO_BLK_T_OUT, sector);
}

static void take_all(int status)
{
    for (u32 i = 0; i < REQUESTS; i++) {
        if (!take())
            proc_exit(status);
    }
    if (take())
        proc_exit(status);
}

static __noreturn void be_child(u8 round)
{
    take_all(20);
    check(0, round, 21);
    put(0, 200);
    check(0, 200, 22);
    check(8 * (REQUESTS - 1), (u8)(round + REQUESTS - 1), 23);
    start(0, VIRTIO_BLK_T_IN, 64);
    proc_exit(0);
}

static void fork_once(u8 round)
{
    unsigned status = 0;
    long pid;

    for (u32 i = 0; i < REQUESTS; i++) {
        memset(buffer[i], round + (int)i, PAGE);
        start(i, VIRTIO_BLK_T_OUT, 8 * i);
    }
    pid = proc_fork(PROC_DOOR_ECALL, 0);
    if (pid == 0)
        be_child(round);
    take_all(30);
    put(8, 250); /* the child has what was there before */
    if (pid < 0 || proc_wait(pid, 0, &status) != pid || status != 0) {
        printf("busydisk: fork %ld, child's status %#x\n", pid, status);
        proc_exit(1);
    }
    check(0, round, 31);
    check(8, 250, 32);
}

int main(void)
{
    u64 ids[2], forks = args_u64("forks", 10);
    struct range range = {0};

    paging_off();
    if (!machine_device_range("virtio,mmio", 0, &range) ||
        virtio_blk_open(&blk, range.base, ring, QUEUE) != ERR_OK) {
        printf("busydisk: no disk\n");
        return 2;
    }
    if (machine_harts(ids, 2) == 2) {
        hart_init(&other, ids[0] == guest_hart_id() ? ids[1] : ids[0], stacks, sizeof(stacks));
        other.run = touch;
        if (hart_start(&other) != SBI_SUCCESS)
            return 1;
        while (atomic_load(&touches) == 0)
            ;
    }
    for (u64 i = 1; i <= forks; i++)
        fork_once((u8)(i * REQUESTS));
    start(0, VIRTIO_BLK_T_IN, 0);
    printf("busydisk: ok\n");
    return 0;
}
