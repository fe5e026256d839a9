/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Forks, and images that are started.  See bench.c.
 *
 * The marks are for tools/profile.sh, and for what tools/insns.c counts.
 */
#include <stdio.h>
#include <string.h>

#include "lib/riscv/mark.h"

#include "guest/args.h"
#include "guest/guest.h"
#include "guest/proc.h"

#include "payload/bench/bench.h"

#define REGION_MIB 2UL
#define SPAWNS     9
#define SETTLE_MS  5

/* Fewer where one takes long; odd: the median is one of them. */
static size_t events_of(u64 mib)
{
    return mib >= 1024 ? 3 : EVENTS_MAX;
}

void bench_fork_parent(u64 mib)
{
    u64 values[EVENTS_MAX];
    char *memory = touched(mib);

    for (size_t i = 0; i < events_of(mib); i++) {
        u64 begin;
        long pid;

        MARK_BEGIN();
        begin = now();
        pid = fork_now();
        values[i] = now() - begin;
        if (pid == 0) {
            proc_exit(0);
        }
        MARK_END();
        if (pid < 0) {
            give_up("fork_parent", pid);
        }
        reap("fork_parent", pid);
        touch(memory, mib * MIB / PAGE);
    }
    print_events_of("fork_parent", mib, values, events_of(mib));
}

/* The child prints, since a status is too small for a count.  The first fork warms up. */
void bench_fork_child(u64 mib)
{
    u64 value;
    char *memory = touched(mib);

    for (int warm = 0; warm < 2; warm++) {
        u64 begin;
        long pid;

        MARK_BEGIN();
        begin = now();
        pid = fork_now();
        value = now() - begin;
        if (pid < 0) {
            give_up("fork_child", pid);
        }
        if (pid > 0) {
            reap("fork_child", pid);
            touch(memory, mib * MIB / PAGE);
            continue;
        }
        MARK_END();
        if (warm) {
            print_events_of("fork_child", mib, &value, 1);
        }
        proc_exit(0);
    }
}

/* The child's page is in a region of 2 MiB all of which is touched: more than N MiB if N is 1. */
void bench_fork_exit_wait(u64 mib)
{
    u64 values[EVENTS_MAX];
    char *memory;
    u64 region_mib = mib < REGION_MIB ? REGION_MIB : mib;

    memory = touched(region_mib);
    for (size_t i = 0; i < events_of(mib); i++) {
        u64 begin;
        long pid;

        MARK_BEGIN();
        begin = now();
        pid = fork_now();
        if (pid == 0) {
            *(volatile char *)memory = 1;
            proc_exit(0);
        }
        if (pid < 0) {
            give_up("fork_exit_wait", pid);
        }
        reap("fork_exit_wait", pid);
        values[i] = now() - begin;
        MARK_END();
        touch(memory, region_mib * MIB / PAGE);
    }
    print_events_of("fork_exit_wait", mib, values, events_of(mib));
}

/* Free frames, once they do not get more any longer. */
static u64 settled_frames(void)
{
    u64 free = machine_record().frames_free;

    for (u64 quiet = 0; quiet < SETTLE_MS; quiet++) {
        u64 before = free;

        sleep_ms();
        free = machine_record().frames_free;
        if (free > before) {
            quiet = 0;
        }
    }
    return free;
}

static void total_cycle(char *memory, u64 pages)
{
    long pid = fork_now();

    if (pid == 0) {
        touch(memory, pages);
        proc_exit(0);
    }
    if (pid < 0) {
        give_up("fork_total", pid);
    }
    reap("fork_total", pid);
}

/* The parent writes nothing but its stack.  One cycle before, for what is kept and used again. */
void bench_fork_total(u64 mib)
{
    char *memory = touched(mib);
    u64 cycles = args_u64("cycles", 1), before, after;

    total_cycle(memory, mib * MIB / PAGE);
    before = settled_frames();
    MARK_BEGIN();
    for (u64 i = 0; i < cycles; i++) {
        total_cycle(memory, mib * MIB / PAGE);
    }
    after = settled_frames();
    MARK_END();
    print_marked_of("fork_total", mib, cycles);
    printf("bench fork_total_kept %ld frames n=%lu\n", (long)(before - after),
           (unsigned long)cycles);
}

/* The first one loads the image. */
void bench_spawn(u64 mib)
{
    static const char no_args[2];
    char name[PROC_NAME_BYTES_MAX];
    struct proc_image image = {.image = name, .args = no_args, .args_bytes = sizeof(no_args)};

    (void)mib;
    if (!args_word("image", name, sizeof(name))) {
        strcpy(name, "hello");
    }
    console_flush();
    for (int i = 0; i <= SPAWNS; i++) {
        long pid;

        if (i > 0) {
            MARK_BEGIN();
        }
        pid = proc_spawn(&image);
        if (pid < 0) {
            give_up("spawn", pid);
        }
        reap("spawn", pid);
        if (i > 0) {
            MARK_END();
        }
    }
}
