/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages that are touched, copied and taken over.  See bench.c; the marks are for tools/profile.sh.
 */
#include "lib/riscv/mark.h"

#include "guest/guest.h"
#include "guest/machine.h"
#include "guest/proc.h"

#include "payload/bench/bench.h"

#define PAGES 400UL /* less than a leaf of 2 MiB maps: so they stay pages */

/* PAGES of memory in one region of 2 MiB, the same for all that ask. */
static char *some_pages(void)
{
    static char *memory;

    if (!memory) {
        memory = machine_take(4 * MIB);
        memory = (char *)align_up((u64)memory, 2 * MIB);
    }
    return memory;
}

void bench_first_touch(u64 mib)
{
    char *memory = some_pages();
    u64 begin = now();

    (void)mib;
    MARK_BEGIN();
    touch(memory, PAGES);
    MARK_END();
    print_mean("first_touch", now() - begin, PAGES);
}

/* The child's writes are the copies, the parent's after it the takeovers. */
static void fork_writes(const char *name, bool print_child)
{
    char *memory = some_pages();
    u64 begin;
    long pid;

    touch(memory, PAGES);
    console_flush();
    pid = fork_now();
    if (pid < 0) {
        give_up(name, pid);
    }
    if (pid == 0) {
        begin = now();
        MARK_BEGIN();
        touch(memory, PAGES);
        MARK_END();
        if (print_child) {
            print_mean(name, now() - begin, PAGES);
        }
        proc_exit(0);
    }
    reap(name, pid);
    begin = now();
    touch(memory, PAGES);
    if (!print_child) {
        print_mean(name, now() - begin, PAGES);
    }
}

void bench_cow_fault(u64 mib)
{
    (void)mib;
    fork_writes("cow_fault", true);
}

void bench_cow_takeover(u64 mib)
{
    (void)mib;
    fork_writes("cow_takeover", false);
}
