/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a disk costs, measured inside, bare or in a VM: "what=NAME".  A result is a line as of the
 * payload bench, and counted the same way.
 *
 *     read4k   4 KiB from random places, one after the other: instructions and, in a VM, exits
 *     qd32     the same, 32 at once: started, then waited for
 *
 * Waiting is not counted.  Who waits looks at the used ring, a loop of which each round is
 * VIRTIO_BLK_SPIN_INSTRUCTIONS, and the driver counts the rounds: they are subtracted.  A read, or
 * 32 of them, in which the task went to sleep, because no answer came for 100 us, is left out of
 * the instructions, since the idle hart's time is in them; its exits count.  How many were left out
 * and how long the others looked is printed, too.
 */
#include <stdio.h>
#include <string.h>

#include "guest/args.h"
#include "guest/block.h"
#include "guest/device.h"
#include "guest/drv_virtio_blk.h"
#include "guest/proc.h"
#include "guest/timer.h"

#define READ_BYTES 4096
#define DEPTH      32
#define READS      4096UL

static bool cycle_readable;
static struct block *disk;
static _Alignas(READ_BYTES) u8 buffers[DEPTH][READ_BYTES];
static u64 seed = 88172645463325252;

static inline u64 now(void)
{
    return cycle_readable ? timer_cycle() : timer_now() * 100;
}

static u64 random_sector(void)
{
    u64 places = disk->sectors / (READ_BYTES / SECTOR_BYTES);

    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % places * (READ_BYTES / SECTOR_BYTES);
}

/* Of this process so far, without this question. */
static u64 exits(void)
{
    static u64 asked;
    struct proc_record record;
    u64 sum = 0;

    if (!proc_available() || proc_inspect(proc_getpid(), &record) < 0) {
        return 0;
    }
    for (size_t i = 0; i < PROC_EXITS_KINDS; i++) {
        sum += record.exits[i];
    }
    return sum - 2 * ++asked; /* getpid and inspect */
}

static void print_hundredths(const char *name, u64 sum, const char *unit, u64 n)
{
    u64 hundredths = n ? (sum * 100 + n / 2) / n : 0;

    printf("bench %s %lu.%02lu %s n=%lu\n", name, (unsigned long)(hundredths / 100),
           (unsigned long)(hundredths % 100), unit, (unsigned long)n);
}

struct figures {
    u64 instructions, looks; /* of rounds without sleep */
    u64 rounds, left_out;
};

/* One round; false: an error. */
static bool measure(struct figures *figures, bool (*round)(void))
{
    u64 looks = virtio_blk_spins, sleeps = virtio_blk_sleeps, begin = now(), took;

    if (!round()) {
        return false;
    }
    took = now() - begin;
    looks = virtio_blk_spins - looks;
    if (virtio_blk_sleeps != sleeps) {
        figures->left_out++;
        return true;
    }
    figures->instructions += took - looks * VIRTIO_BLK_SPIN_INSTRUCTIONS;
    figures->looks += looks;
    figures->rounds++;
    return true;
}

static bool read_one(void)
{
    return block_read(disk, random_sector(), buffers[0], READ_BYTES) == 0;
}

static bool read_many(void)
{
    static struct block_request requests[DEPTH];
    static struct block_piece pieces[DEPTH];
    int error = 0;

    for (size_t i = 0; i < DEPTH; i++) {
        pieces[i] = (struct block_piece){.at = buffers[i], .bytes = READ_BYTES};
        requests[i] = (struct block_request){
            .op = BLOCK_READ, .count = 1, .sector = random_sector(), .pieces = &pieces[i]};
        error |= disk->ops->start(disk, &requests[i]);
    }
    for (size_t i = 0; i < DEPTH; i++) {
        disk->ops->wait(disk, &requests[i]);
        error |= requests[i].error;
    }
    return error == 0;
}

/* name: of instructions; exits_name: of exits. */
static int bench(const char *name, const char *exits_name, bool (*round)(void), u64 reads)
{
    struct figures figures = {0};
    u64 rounds = READS / reads, before, after;
    char looks_name[40];

    for (u64 i = 0; i < 16; i++) { /* all is touched, and known */
        if (!round()) {
            return 1;
        }
    }
    before = exits();
    for (u64 i = 0; i < rounds; i++) {
        if (!measure(&figures, round)) {
            return 1;
        }
    }
    after = exits();
    print_hundredths(name, figures.instructions, "insn", figures.rounds * reads);
    snprintf(looks_name, sizeof(looks_name), "%s_looks", name);
    print_hundredths(looks_name, figures.looks, "looks", figures.rounds * reads);
    if (after > 0) {
        print_hundredths(exits_name, after - before, "exits", rounds * reads);
    }
    printf("blkbench: %lu rounds of %lu left out: the task slept\n",
           (unsigned long)figures.left_out, (unsigned long)rounds);
    return 0;
}

int main(void)
{
    int failed = 2;

    cycle_readable = timer_cycle_readable();
    disk = device_block(0);
    if (!disk) {
        printf("blkbench: there is no disk: DISK=file\n");
        return 2;
    }
    if (args_is("what", "read4k")) {
        failed = bench("blk_read4k", "blk_read4k_exits", read_one, 1);
    } else if (args_is("what", "qd32")) {
        failed = bench("blk_read4k_qd32", "blk_exits_qd32", read_many, DEPTH);
    } else {
        printf("blkbench: what=read4k|qd32\n");
    }
    if (failed == 1) {
        printf("blkbench: the disk fails\n");
    }
    return failed;
}
