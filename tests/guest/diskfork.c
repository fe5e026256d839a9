/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Disks and forks: "depth=N" generations, in each of which a process forks "width=N" children, and
 * before and after each fork reads and writes sectors at random, "ops=N" times.
 *
 * What the process has on its disk is in its memory, too, and a fork copies that.  So each of them
 * knows what it has to find.  A sector tells who wrote it.
 */
#include <stdio.h>
#include <string.h>

#include "guest/args.h"
#include "guest/block.h"
#include "guest/device.h"
#include "guest/guest.h"
#include "guest/proc.h"

#define SECTORS     600U /* of the disk; more than a node of 512 blocks is for host tests */
#define WORDS       (SECTOR_BYTES / sizeof(u64))
#define SECTORS_MAX 24 /* of a request */

static struct block *disk;
static u64 ops;
static u64 seed;
static struct {
    u64 writer, number; /* 0: as the disk was */
} expected[SECTORS];
static u64 written;
static u64 buffer[SECTORS_MAX * WORDS];

static u64 next(u64 below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % below;
}

static __noreturn void fail(const char *what, u64 sector)
{
    printf("diskfork: process %ld: %s at sector %lu\n", proc_getpid(), what, (unsigned long)sector);
    proc_exit(1);
}

/* The first word is the writer, the second and the last one are what it wrote. */
static void write_some(u64 sector, u64 count)
{
    written++;
    for (u64 i = 0; i < count; i++) {
        u64 *at = buffer + i * WORDS;

        expected[sector + i].writer = at[0] = (u64)proc_getpid();
        expected[sector + i].number = at[1] = at[WORDS - 1] = written << 16 | (sector + i);
    }
    if (block_write(disk, sector, buffer, count * SECTOR_BYTES))
        fail("cannot write", sector);
}

static void read_some(u64 sector, u64 count)
{
    if (block_read(disk, sector, buffer, count * SECTOR_BYTES))
        fail("cannot read", sector);
    for (u64 i = 0; i < count; i++) {
        const u64 *at = buffer + i * WORDS;

        if (at[0] != expected[sector + i].writer || at[1] != expected[sector + i].number ||
            at[WORDS - 1] != expected[sector + i].number)
            fail("other contents", sector + i);
    }
}

static void use(void)
{
    for (u64 i = 0; i < ops; i++) {
        u64 sector = next(SECTORS), count = 1 + next(SECTORS_MAX);

        if (count > SECTORS - sector)
            count = SECTORS - sector;
        if (next(2))
            write_some(sector, count);
        else
            read_some(sector, count);
    }
    if (next(4) == 0 && block_flush(disk))
        fail("cannot flush", 0);
}

static void read_all(void)
{
    for (u64 sector = 0; sector < SECTORS; sector += SECTORS_MAX)
        read_some(sector, SECTORS_MAX);
}

/* Children run beside the parent, which then looks at what they ended with. */
static void live(u64 depth, u64 width)
{
    u64 alive = 0;

    use();
    for (u64 i = 0; depth > 0 && i < width; i++) {
        long pid = proc_fork(PROC_DOOR_ECALL, 0);

        if (pid < 0)
            fail("cannot fork", 0);
        if (pid == 0) {
            seed += (u64)proc_getpid() << 20;
            live(depth - 1, width);
            proc_exit(0);
        }
        alive++;
        use();
    }
    for (; alive > 0; alive--) {
        unsigned status = ~0U;
        long pid;

        do
            pid = proc_wait(-1, 0, &status);
        while (pid == PROC_ERR_INTR); /* a tick, or the disk's interrupt */
        if (pid < 0 || status != PROC_STATUS_EXITED(0))
            fail("a child failed, seen", 0);
        use();
    }
    read_all();
}

int main(void)
{
    u64 depth = args_u64("depth", 2), width = args_u64("width", 3);

    disk = device_block(0);
    ops = args_u64("ops", 20);
    seed = args_u64("seed", 1);
    if (!disk || disk->sectors < SECTORS) {
        printf("diskfork: no disk of %u sectors\n", SECTORS);
        return 2;
    }
    live(depth, width);
    printf("diskfork: ok\n");
    return 0;
}
