/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 8 MiB, touched in no order: "leaves=N" of 2 MiB must map it then, in a forked child that reads it
 * too, and again in the parent after the child has written and gone.  Three generations then write
 * while all of them live.  Everybody finds what it wrote itself, or its parent before the fork.
 */
#include <stdio.h>

#include "guest/args.h"
#include "guest/guest.h"
#include "guest/machine.h"
#include "guest/proc.h"

#define PAGE        4096UL
#define PAGES       2048UL
#define LEAF_PAGES  512UL
#define STRIDE      331 /* has no factor in common with PAGES */
#define GENERATIONS 3UL

static char *memory;
static u64 leaves_wanted;

static __noreturn void fail(const char *what, u64 found, u64 expected)
{
    printf("megapage: %s: %lu, not %lu\n", what, (unsigned long)found, (unsigned long)expected);
    proc_exit(1);
}

static volatile u64 *word_of(u64 page)
{
    return (volatile u64 *)(memory + page % PAGES * PAGE + page % 500 * sizeof(u64));
}

static struct proc_record inspect(void)
{
    struct proc_record record;
    long self = proc_getpid(), error = proc_inspect(self, &record);

    if (error < 0) {
        fail("inspect", (u64)error, 0);
    }
    if (record.version != PROC_RECORD_VERSION || record.bytes != sizeof(record)) {
        fail("version", record.version, PROC_RECORD_VERSION);
    }
    return record;
}

static void expect_leaves(const char *when, u64 at_least)
{
    struct proc_record record = inspect();

    if (record.leaves_2m < at_least) {
        fail(when, record.leaves_2m, at_least);
    }
    if (record.frames_owned + record.frames_shared <
        record.leaves_4k + record.leaves_2m * LEAF_PAGES) {
        fail("frames", record.frames_owned + record.frames_shared, record.leaves_4k);
    }
}

/* Each page has its number, but for one. */
static void expect_pages(u64 but, u64 value)
{
    for (u64 page = 0; page < PAGES; page++) {
        u64 expected = page == but ? value : page;

        if (*word_of(page) != expected) {
            fail("page", *word_of(page), expected);
        }
    }
}

static void expect_end(long pid)
{
    unsigned status = ~0U;
    long got = proc_wait(pid, 0, &status);

    if (got != pid || status != PROC_STATUS_EXITED(0)) {
        fail("child", status, 0);
    }
}

static long fork_now(void)
{
    long pid;

    console_flush();
    pid = proc_fork(PROC_DOOR_ECALL, 0);
    if (pid < 0) {
        fail("fork", (u64)pid, 0);
    }
    return pid;
}

static void child_writes(u64 page)
{
    long pid = fork_now();

    if (pid == 0) {
        expect_pages(PAGES, 0);
        expect_leaves("leaves of the child", leaves_wanted);
        *word_of(page) = ~page;
        expect_pages(page, ~page);
        expect_leaves("leaves of the child that wrote", leaves_wanted - (leaves_wanted > 0));
        proc_exit(0);
    }
    expect_end(pid);
    expect_pages(PAGES, 0);
    *word_of(page) = page;
    expect_leaves("leaves of the parent", leaves_wanted);
}

static void all_write(u64 left)
{
    long pid = left > 0 ? fork_now() : 0;
    u64 page = PAGES / 2 + left;

    if (left > 0 && pid == 0) {
        all_write(left - 1);
        proc_exit(0);
    }
    for (u64 leaf = 0; leaf < PAGES; leaf += LEAF_PAGES / 2) {
        *word_of(leaf) = ~left;
        *word_of(leaf) = leaf;
    }
    *word_of(page) = ~left;
    expect_pages(page, ~left);
    if (left > 0) {
        expect_end(pid);
    }
    expect_pages(page, ~left);
}

int main(void)
{
    leaves_wanted = args_u64("leaves", 3);
    if (!proc_available()) {
        printf("megapage: not in a VM of ours\n");
        return 2;
    }
    memory = machine_take(PAGES * PAGE);
    for (u64 i = 0; i < PAGES; i++) {
        *word_of(i * STRIDE % PAGES) = i * STRIDE % PAGES;
    }
    expect_pages(PAGES, 0);
    expect_leaves("leaves", leaves_wanted);
    printf("megapage: touched\n");
    child_writes(PAGES / 2);
    printf("megapage: forked\n");
    all_write(GENERATIONS);
    printf("megapage: ok\n");
    return 0;
}
