/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Forks for endurance: "row=N" children, one after the other; "deep=N" generations, all alive at
 * once, each the child of the one before.  In each fork both sides write the same page and look at
 * it again.  The last line says what a fork, exit and wait took on the average, in ticks.
 */
#include <stdio.h>

#include "guest/args.h"
#include "guest/guest.h"
#include "guest/machine.h"
#include "guest/proc.h"
#include "guest/timer.h"

#define PAGE 4096UL

static volatile u64 *page;

static __noreturn void fail(const char *what, u64 at, u64 found)
{
    printf("forks: %s at %lu: %ld\n", what, (unsigned long)at, (long)found);
    proc_exit(1);
}

static void expect_page(u64 value)
{
    for (u64 i = 0; i < PAGE / sizeof(u64); i += 64) {
        if (page[i] != value) {
            fail("page", value, page[i]);
        }
    }
}

static void fill_page(u64 value)
{
    for (u64 i = 0; i < PAGE / sizeof(u64); i += 64) {
        page[i] = value;
    }
}

static void expect_child(long pid, u64 at)
{
    unsigned status = ~0U;
    long got = proc_wait(pid, 0, &status);

    if (got != pid) {
        fail("wait", at, (u64)got);
    }
    if (status != PROC_STATUS_EXITED(0)) {
        fail("status of child", at, status);
    }
}

/* One child; it sees what was there at the fork, then its own. */
static void fork_once(u64 at)
{
    long pid = proc_fork(PROC_DOOR_ECALL, 0);

    if (pid < 0) {
        fail("fork", at, (u64)pid);
    }
    if (pid == 0) {
        expect_page(at);
        fill_page(~at);
        expect_page(~at);
        proc_exit(0);
    }
    expect_child(pid, at);
    expect_page(at);
    fill_page(at + 1);
}

/* Each generation leaves its number behind for the next one, and finds its own unchanged. */
static void go_deep(u64 left, u64 at)
{
    long pid;

    if (left == 0) {
        return;
    }
    fill_page(at);
    pid = proc_fork(PROC_DOOR_ECALL, 0);
    if (pid < 0) {
        fail("fork", at, (u64)pid);
    }
    if (pid == 0) {
        expect_page(at);
        go_deep(left - 1, at + 1);
        if (left > 1) {
            expect_page(at + 1);
        }
        proc_exit(0);
    }
    expect_child(pid, at);
    expect_page(at);
}

int main(void)
{
    u64 row = args_u64("row", 0), deep = args_u64("deep", 0), begin = timer_now();

    if (!proc_available()) {
        printf("forks: not in a VM of ours\n");
        return 2;
    }
    page = machine_take(PAGE);
    fill_page(0);
    for (u64 i = 0; i < row; i++) {
        fork_once(i);
    }
    go_deep(deep, 0);
    printf("forks: %lu in a row, %lu deep, %lu ticks each, ok\n", (unsigned long)row,
           (unsigned long)deep,
           (unsigned long)((timer_now() - begin) / (row + deep + !(row + deep))));
    return 0;
}
