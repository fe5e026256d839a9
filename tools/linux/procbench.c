/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What processes cost on Linux: the peer of payload/bench.c, with the same names and the same work.
 * "WORD..." says what is measured:
 *
 *     calls         the cheapest system call
 *     faults        copy-on-write fault, write fault where nobody else has the page any more, first
 * touch fork=MIB      fork in the parent, until the child's first instruction, and with exit and
 * wait; forkhuge=MIB: the memory is in huge pages where it can be total=MIB     fork, the child
 * writes every page, exit, wait: a cycle of many exec          vfork and fork, and exec of a
 * program that does nothing memory        of a child that sleeps and wrote its stack and a page
 *     wake          how late a sleeper wakes beside 1,000 that compute: at worst, and as a rule
 *
 * A fork's child writes its stack and one page.  Its parent has written all pages before each fork,
 * and is of the class FIFO, which the child is not: so the child runs when the parent waits, not
 * before.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/linux/ticks.h"

#define CALLS       10000
#define FAULT_PAGES 4096UL
#define EXECS       20
#define SLEEPERS    200
#define RUNNERS     1000
#define WAKES       20
#define PAUSE_NS    1000000UL
#define WAKE_NS     10000000UL
#define FIRST       "/first"

static void reap(pid_t pid)
{
    int status = 1;

    check(waitpid(pid, &status, 0) == pid && status == 0, "waitpid");
}

static void calls(size_t mib)
{
    unsigned long begin = ticks();

    (void)mib;
    for (int i = 0; i < CALLS; i++) {
        register long number __asm__("a7") = SYS_getpid;
        register long result __asm__("a0") = 0;

        __asm__ volatile("ecall" : "+r"(result) : "r"(number) : "memory");
    }
    mean_print("syscall", ticks() - begin, CALLS);
}

static void faults(size_t mib)
{
    size_t bytes = FAULT_PAGES * PAGE;
    char *memory = memory_map(bytes, 0);
    unsigned long begin = ticks();
    pid_t pid;

    (void)mib;
    memory_touch(memory, bytes);
    mean_print("first_touch", ticks() - begin, FAULT_PAGES);
    pid = fork();
    check(pid >= 0, "fork");
    if (pid == 0) {
        begin = ticks();
        memory_touch(memory, bytes);
        mean_print("cow_fault", ticks() - begin, FAULT_PAGES);
        _exit(0);
    }
    reap(pid);
    begin = ticks();
    memory_touch(memory, bytes);
    mean_print("cow_takeover", ticks() - begin, FAULT_PAGES);
    munmap(memory, bytes);
}

/* Fewer where one takes long; the first one, which warms up, is not counted. */
static size_t forks_of(size_t mib)
{
    return mib >= 4096 ? 1 : mib >= 1024 ? 2 : mib >= 64 ? 5 : 19;
}

static void set_class(int class)
{
    struct sched_param param = {.sched_priority = class == SCHED_OTHER ? 0 : 1};

    check(sched_setscheduler(0, class | SCHED_RESET_ON_FORK, &param) == 0, "sched_setscheduler");
}

static void measure_fork(size_t mib, int is_huge)
{
    const char *suffix = is_huge ? "_huge" : "";
    struct events parent = {0}, child = {0}, whole = {0};
    volatile unsigned long *first = memory_shared();
    char *memory = memory_map(mib * MIB, is_huge);

    for (size_t i = 0; i <= forks_of(mib); i++) {
        unsigned long begin, returned, reaped;
        pid_t pid;

        memory_touch(memory, mib * MIB);
        set_class(SCHED_FIFO);
        begin = ticks();
        pid = fork();
        returned = ticks();
        check(pid >= 0, "fork");
        if (pid == 0) {
            *first = returned;
            *(volatile char *)memory = 2;
            _exit(0);
        }
        reap(pid);
        reaped = ticks();
        set_class(SCHED_OTHER);
        if (i > 0) {
            events_add(&parent, returned - begin);
            events_add(&child, *first - begin);
            events_add(&whole, reaped - begin);
        }
    }
    events_print_size("fork_parent", mib, suffix, &parent);
    events_print_size("fork_child", mib, suffix, &child);
    events_print_size("fork_exit_wait", mib, suffix, &whole);
    munmap(memory, mib * MIB);
    munmap((void *)first, PAGE);
}

static void forks(size_t mib)
{
    measure_fork(mib, 0);
}

static void forks_huge(size_t mib)
{
    measure_fork(mib, 1);
}

static void total(size_t mib)
{
    size_t cycles = forks_of(mib);
    char *memory = memory_map(mib * MIB, 0);
    unsigned long begin = 0;

    memory_touch(memory, mib * MIB);
    for (size_t i = 0; i <= cycles; i++) {
        pid_t pid;

        if (i == 1)
            begin = ticks();
        pid = fork();
        check(pid >= 0, "fork");
        if (pid == 0) {
            memory_touch(memory, mib * MIB);
            _exit(0);
        }
        reap(pid);
    }
    mean_print_size("fork_total", mib, ticks() - begin, cycles);
    munmap(memory, mib * MIB);
}

/* A child that becomes FIRST: until that's first instruction, or until it has been waited for. */
static unsigned long exec_once(int is_vfork, int out, int is_first)
{
    char *const argv[] = {FIRST, is_first ? "first" : NULL, NULL}, *const envp[] = {NULL};
    unsigned long begin = ticks(), end = 0;
    pid_t pid = is_vfork ? vfork() : fork();

    if (pid == 0) {
        execve(FIRST, argv, envp);
        _exit(127);
    }
    check(pid > 0, "fork");
    if (is_first)
        check(read(out, &end, sizeof(end)) == sizeof(end), "read");
    reap(pid);
    if (!is_first)
        end = ticks();
    return end - begin;
}

static void exec_all(const char *first_name, const char *reaped_name, int is_vfork)
{
    struct events first = {0}, reaped = {0};
    int out[2], console = dup(STDOUT_FILENO);

    check(pipe(out) == 0 && dup2(out[1], STDOUT_FILENO) >= 0, "pipe");
    for (int i = 0; i <= EXECS; i++) {
        unsigned long until_first = exec_once(is_vfork, out[0], 1);
        unsigned long until_reaped = exec_once(is_vfork, out[0], 0);

        if (i > 0) {
            events_add(&first, until_first);
            events_add(&reaped, until_reaped);
        }
    }
    check(dup2(console, STDOUT_FILENO) >= 0, "dup2");
    events_print(first_name, &first);
    events_print(reaped_name, &reaped);
    close(console);
    close(out[0]);
    close(out[1]);
}

static void execs(size_t mib)
{
    (void)mib;
    exec_all("vfork_exec_first", "vfork_exec_reaped", 1);
    exec_all("fork_exec_first", "fork_exec_reaped", 0);
}

/* n children, each of which has written its stack and a page, and waits until the result is closed.
 */
static int make_waiting(int n, void (*afterwards)(void))
{
    char *page = memory_map(PAGE, 0), byte;
    int gate[2], ready[2];

    check(pipe(gate) == 0 && pipe(ready) == 0, "pipe");
    memory_touch(page, PAGE);
    for (int i = 0; i < n; i++) {
        pid_t pid = fork();

        check(pid >= 0, "fork");
        if (pid == 0) {
            memory_touch(page, PAGE);
            close(gate[1]);
            check(write(ready[1], page, 1) == 1, "write");
            check(read(gate[0], &byte, 1) == 0, "read");
            afterwards();
            _exit(0);
        }
        check(read(ready[0], &byte, 1) == 1, "read");
    }
    close(gate[0]);
    close(ready[0]);
    close(ready[1]);
    return gate[1];
}

static void nothing(void) {}

static void memory(size_t mib)
{
    int warm = make_waiting(SLEEPERS, nothing), gate;
    unsigned long before, after;

    (void)mib;
    before = memory_free();
    gate = make_waiting(SLEEPERS, nothing);
    after = memory_free();
    printf("bench process_bytes %lu bytes n=%d\n", (before - after) / SLEEPERS, SLEEPERS);
    close(warm);
    close(gate);
    while (wait(NULL) > 0)
        ;
}

static void compute(void)
{
    for (volatile unsigned long i = 0;; i++)
        ;
}

/* The runners never end: this is the last that the machine does. */
static void wake(size_t mib)
{
    struct timespec sleep = {.tv_nsec = WAKE_NS};
    struct events late = {0};

    (void)mib;
    check(prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0) == 0, "prctl");
    close(make_waiting(RUNNERS, compute));
    for (int i = 0; i < WAKES; i++) {
        unsigned long begin = ticks();

        nanosleep(&sleep, NULL);
        events_add(&late, ticks() - begin - WAKE_NS / INSNS_PER_TICK);
    }
    events_print("wake_latency_median", &late);
    printf("bench wake_latency %lu insn n=%d\n", late.ticks[WAKES - 1] * INSNS_PER_TICK, WAKES);
}

static const struct bench benches[] = {
    {"calls",    calls     },
    {"faults",   faults    },
    {"fork",     forks     },
    {"forkhuge", forks_huge},
    {"total",    total     },
    {"exec",     execs     },
    {"memory",   memory    },
    {"wake",     wake      },
};

int main(int argc, char *argv[])
{
    return run_words(benches, sizeof(benches) / sizeof(benches[0]), argc, argv);
}
