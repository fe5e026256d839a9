/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A large process that forks, for figures: "mib=N forks=K".  It writes to every page of N MiB, then
 * forks K times; each child ends at once and is waited for before the next.  The cost of a fork is
 * what the parent sees between its call and its return; cycles are 0 where they cannot be read.
 */
#include <stdio.h>

#include "guest/args.h"
#include "guest/guest.h"
#include "guest/machine.h"
#include "guest/proc.h"
#include "guest/timer.h"

static bool cycle_readable;

static u64 cycles(void)
{
    return cycle_readable ? timer_cycle() : 0;
}

static int fork_once(u64 number)
{
    u64 ticks = timer_now(), cycle = cycles();
    long pid = proc_fork(PROC_DOOR_ECALL, 0);
    unsigned status = ~0U;

    ticks = timer_now() - ticks;
    cycle = cycles() - cycle;
    if (pid == 0) {
        proc_exit(0);
    }
    if (pid < 0) {
        printf("hog: fork %lu: error %ld\n", (unsigned long)number, pid);
        return 2;
    }
    printf("hog: fork %lu: %lu ticks, %lu cycles\n", (unsigned long)number, (unsigned long)ticks,
           (unsigned long)cycle);
    if (proc_wait(pid, 0, &status) != pid || status != PROC_STATUS_EXITED(0)) {
        printf("hog: wait for %ld: status 0x%x\n", pid, status);
        return 1;
    }
    return 0;
}

int main(void)
{
    u64 mib = args_u64("mib", 1), forks = args_u64("forks", 1);
    volatile char *memory = machine_take(mib << 20);
    int status = 0;

    for (u64 at = 0; at < mib << 20; at += 4096) {
        memory[at] = 1;
    }
    printf("hog: %lu MiB touched\n", (unsigned long)mib);
    cycle_readable = timer_cycle_readable();
    for (u64 i = 1; i <= forks && !status; i++) {
        status = fork_once(i);
    }
    if (!status) {
        printf("hog: ok\n");
    }
    return status;
}
