/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Thousands of processes that sleep, in a machine that has not enough memory for the tables of all
 * of them; then all wake, and each finds what it wrote.
 */
#include <stdio.h>

#include "guest/args.h"
#include "guest/guest.h"
#include "guest/machine.h"
#include "guest/proc.h"

#define PAGE    4096UL
#define FOREVER UINT64_MAX

/* Shared. */
static volatile struct {
    u32 asleep, awake; /* how many will sleep; not 0: it is over */
} * all;

static volatile u64 *mine;

static __noreturn void sleep_as(u64 number)
{
    volatile u64 on_stack = number;

    *mine = number;
    __atomic_fetch_add(&all->asleep, 1, __ATOMIC_SEQ_CST);
    while (all->awake == 0)
        (void)proc_wait_on((const u32 *)&all->awake, 0, FOREVER);
    proc_exit(*mine == number && on_stack == number ? 0 : 1);
}

static int fail(const char *what, long value)
{
    printf("sleepers: %s: %ld\n", what, value);
    return 1;
}

int main(void)
{
    u64 count = args_u64("count", 1000);

    all = machine_take(PAGE);
    mine = machine_take(PAGE);
    if (proc_share((const void *)(u64)all, PAGE) != 0)
        return fail("share", 0);
    for (u64 i = 1; i <= count; i++) {
        long pid = proc_fork(PROC_DOOR_ECALL, 0);

        if (pid == 0)
            sleep_as(i);
        if (pid < 0)
            return fail("fork", pid);
    }
    while (all->asleep < count)
        (void)proc_wait_on((const u32 *)mine, (u32)*mine, machine_timebase() / 1000);
    all->awake = 1;
    (void)proc_wake((const u32 *)&all->awake, count);
    for (u64 i = 0; i < count; i++) {
        unsigned status = 1;

        if (proc_wait(-1, 0, &status) < 0 || status != 0)
            return fail("a sleeper's status", status);
    }
    printf("sleepers: ok\n");
    return 0;
}
