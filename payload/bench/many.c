/* SPDX-License-Identifier: BSD-2-Clause */
/* Many processes at once.  See bench.c. */
#include <stdio.h>

#include "lib/riscv/csr.h"
#include "lib/riscv/mark.h"
#include "lib/riscv/ops.h"

#include "guest/args.h"
#include "guest/guest.h"
#include "guest/machine.h"
#include "guest/proc.h"
#include "guest/timer.h"

#include "payload/bench/bench.h"

#define WAKES         20
#define WAKE_MS       10
#define WORKERS       64
#define WORKER_FORKS  300
#define WORKER_LOOPS  4000000UL
#define VMS_A_TIME    128
#define FRAMES_AT_END 4096UL /* fewer are "none left" */

/* The first process above pid that may be inspected and is not this one; 0 if there is none. */
static long next_other(long pid, struct proc_record *record)
{
    long self = proc_getpid();

    do {
        pid = proc_inspect(pid, record);
    } while (pid == self);
    if (pid < 0) {
        give_up("inspect", pid);
    }
    if (pid > 0 && proc_inspect(pid, record) < 0) {
        give_up("inspect", pid);
    }
    return pid;
}

void bench_memory(u64 mib)
{
    struct proc_record record;
    u64 frames = 0, n = 0;

    (void)mib;
    for (long pid = next_other(0, &record); pid > 0; pid = next_other(pid, &record)) {
        frames += record.frames_owned;
        n++;
    }
    if (n == 0) {
        give_up("memory: nobody to inspect", 0);
    }
    printf("bench memory %lu bytes n=%lu\n", (unsigned long)(frames * PAGE / n), (unsigned long)n);
}

/* Forks children that sleep for ever. */
static void make_sleepers(u64 vms)
{
    console_flush();
    for (u64 i = 0; i < vms; i++) {
        long pid = fork_now();

        if (pid < 0) {
            give_up("vms", pid);
        }
        while (pid == 0) {
            wfi();
        }
    }
}

static bool all_sleep(void)
{
    struct proc_record record;

    for (long pid = next_other(0, &record); pid > 0; pid = next_other(pid, &record)) {
        if (record.state != PROC_BLOCKED) {
            return false;
        }
    }
    return true;
}

void fork_sleepers(u64 n)
{
    make_sleepers(n);
    while (!all_sleep()) {
        sleep_ms();
    }
}

/* Until each of these processes sleeps, or has ended.  How many sleep. */
static u64 wait_until_asleep(const long *pids, u64 n)
{
    struct proc_record record;
    u64 asleep = 0;

    for (u64 i = 0; i < n;) {
        if (proc_inspect(pids[i], &record) < 0) {
            give_up("inspect", pids[i]);
        }
        if (record.state == PROC_RUNNABLE) {
            sleep_ms();
        } else {
            asleep += record.state == PROC_BLOCKED;
            i++;
        }
    }
    return asleep;
}

/* Some more, each of which writes its stack and a page, and sleeps.  False: there are no more. */
static bool add_vms(char *page, u64 *made)
{
    static long pids[VMS_A_TIME];
    u64 n = 0;
    long pid = 0;

    for (; n < VMS_A_TIME; n++) {
        pid = fork_now();
        if (pid < 0) {
            break;
        }
        while (pid == 0) {
            touch(page, 1);
            wfi();
        }
        pids[n] = pid;
    }
    if (pid < 0) {
        printf("bench: vms: no more of them: %ld\n", pid);
    }
    *made += wait_until_asleep(pids, n);
    return pid > 0;
}

static void print_vms(const char *name, const char *bytes_name, u64 n, u64 frames)
{
    if (n == 0) {
        give_up("vms: no memory for a single one", 0);
    }
    printf("bench %s %lu vms n=1\n", name, (unsigned long)n);
    printf("bench %s %lu bytes n=%lu\n", bytes_name, (unsigned long)(frames * PAGE / n),
           (unsigned long)n);
    console_flush();
}

/*
 * Live ones, as many as there are frames for without asking anybody for some back; and then as many
 * as there are frames for at all, where those that sleep have given back what they can do without.
 * The last line of a name counts: who makes them may be the one that finds no frame, and end.
 */
static void make_vms(char *page)
{
    u64 made = 0, frames = machine_record().frames_free, free = frames;
    bool more = true;

    while (more && free > FRAMES_AT_END) {
        more = add_vms(page, &made);
        free = machine_record().frames_free;
    }
    print_vms("vms_live", "vm_bytes", made, frames - free);
    while (more) {
        more = add_vms(page, &made);
        print_vms("vms_asleep", "vm_asleep_bytes", made, frames - machine_record().frames_free);
    }
}

void bench_vms(u64 mib)
{
    char *page = touched(mib);
    long pid = proc_fork(PROC_DOOR_ECALL, PROC_FORK_KEEP_CONTROL);
    unsigned status = 0;

    if (pid == 0) {
        make_vms(page);
        proc_exit(0);
    }
    if (pid < 0) {
        give_up("vms", pid);
    }
    pid = proc_wait(pid, 0, &status);
    if (status != PROC_STATUS_EXITED(0) && status != PROC_STATUS_SIGNALED(PROC_SIGKILL)) {
        give_up("vms", pid);
    }
}

/* n children that do `work` and end. */
static void make_workers(u64 n, void (*work)(void))
{
    console_flush();
    for (u64 i = 0; i < n; i++) {
        long pid = fork_now();

        if (pid == 0) {
            work();
            proc_exit(0);
        }
        if (pid < 0) {
            give_up("fork of a worker", pid);
        }
    }
}

static void compute_for_ever(void)
{
    for (volatile u64 i = 0;; i++) {
    }
}

/* How late a sleeper is, as its clock tells. */
void bench_wake(u64 mib)
{
    u64 late[WAKES], worst = 0, ticks = machine_timebase() / 1000 * WAKE_MS;
    u64 insns_per_tick = 1000000000 / machine_timebase();

    (void)mib;
    make_workers(args_u64("runners", 1000), compute_for_ever);
    csr_set(CSR_SIE, IP_STIP);
    for (size_t i = 0; i < WAKES; i++) {
        u64 deadline = timer_now() + ticks;

        timer_set(deadline);
        while (timer_now() < deadline) {
            wfi();
        }
        late[i] = (timer_now() - deadline) * insns_per_tick;
        worst = late[i] > worst ? late[i] : worst;
    }
    csr_clear(CSR_SIE, IP_STIP);
    print_events("wake_latency_median", late, EVENTS_MAX);
    printf("bench wake_latency %lu insn n=%d\n", (unsigned long)worst, WAKES);
}

static void fork_often(void)
{
    for (int i = 0; i < WORKER_FORKS; i++) {
        long pid = fork_now();

        if (pid == 0) {
            proc_exit(0);
        }
        if (pid < 0) {
            give_up("fork of a worker's child", pid);
        }
        reap("fork_often", pid);
    }
}

static void compute_a_while(void)
{
    for (volatile u64 i = 0; i < WORKER_LOOPS; i++) {
    }
}

/* All workers from the first fork until the last one has been waited for. */
static void measure_batch(const char *name, void (*work)(void))
{
    u64 begin;

    MARK_BEGIN();
    begin = timer_now();
    make_workers(WORKERS, work);
    for (int i = 0; i < WORKERS; i++) {
        unsigned status = 1;

        if (proc_wait(-1, 0, &status) < 0 || status != PROC_STATUS_EXITED(0)) {
            give_up(name, (long)status);
        }
    }
    begin = timer_now() - begin;
    MARK_END();
    printf("bench %s_us %lu us n=1\n", name, (unsigned long)(begin * 1000000 / machine_timebase()));
}

void bench_scale_fork(u64 mib)
{
    (void)mib;
    measure_batch("scale_fork", fork_often);
}

void bench_scale_compute(u64 mib)
{
    (void)mib;
    measure_batch("scale_compute", compute_a_while);
}
