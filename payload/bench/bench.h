/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What the parts of the payload bench share.  See bench.c. */
#include "lib/kit/types.h"
#include "sbi/call.h"
#include "sbi/proc.h"

#include "guest/timer.h"

#define PAGE       4096UL
#define MIB        (1UL << 20)
#define EVENTS_MAX 9

extern bool cycle_readable;

/* Instructions, where one is one nanosecond: the cycle counter, else time in steps of 100. */
static inline u64 now(void)
{
    return cycle_readable ? timer_cycle() : timer_now() * 100;
}

/* The mean of a loop of n. */
void print_mean(const char *name, u64 sum, u64 n);
/* The median of n single events; of a size: "NAME_64m", "NAME_1g". */
void print_events(const char *name, u64 *values, size_t n);
void print_events_of(const char *name, u64 mib, u64 *values, size_t n);
/* "marked NAME_64m n=N": what was between two marks (tools/insns.c). */
void print_marked_of(const char *name, u64 mib, u64 n);

__noreturn void give_up(const char *name, long error);

/* A store of 8 bytes in each page. */
static inline void touch(char *memory, u64 pages)
{
    char *end = memory + pages * PAGE;

    __asm__ volatile("1: sd %0, 0(%0)\n"
                     "add %0, %0, %2\n"
                     "bne %0, %1, 1b"
                     : "+r"(memory)
                     : "r"(end), "r"(PAGE)
                     : "memory");
}

/* Called at the time of the fork, between two counts: nothing but the call. */
static inline long fork_now(void)
{
    struct sbiret ret = sbi_call(PROC_EID, PROC_FORK, 0, 0, 0, 0, 0);

    return ret.error ? ret.error : ret.value;
}

/* The child has ended with status 0. */
void reap(const char *name, long pid);
/* Whole regions of 2 MiB with at least N MiB, all touched, the same for all that ask. */
char *touched(u64 mib);
/* Others run, or the machine is idle, for a thousandth of a second. */
void sleep_ms(void);
/* What the machine says of itself; ends if it does not, to who has no control right. */
struct proc_machine machine_record(void);

/* Each measures one thing. */
void bench_sbi_call(u64 mib);
void bench_mmio_access(u64 mib);
void bench_first_touch(u64 mib);
void bench_cow_fault(u64 mib);
void bench_cow_takeover(u64 mib);
void bench_fork_parent(u64 mib);
void bench_fork_child(u64 mib);
void bench_fork_exit_wait(u64 mib);
void bench_fork_total(u64 mib);
void bench_spawn(u64 mib);
void bench_memory(u64 mib);
void bench_vms(u64 mib);
void bench_wake(u64 mib);
void bench_scale_fork(u64 mib);
void bench_scale_compute(u64 mib);

/* many.c: n children that sleep for ever; returns when all others sleep that may be inspected. */
void fork_sleepers(u64 n);
