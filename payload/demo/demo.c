/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What `make run` shows when it is told nothing: a unikernel that forks.
 *
 * It touches 1 MiB, forks through each of the three doors, and lets each child change what it
 * inherited.  Workers that it forks share work by pipes (pool.c), and a pipeline of unikernels
 * computes something (stages.c).  Then it measures what a fork and a pipe cost.  The word
 * "instructions" on its command line says that the cycle counter counts them, as under QEMU's
 * -icount; only then do Linux's figures stand beside its own.
 *
 * It ends with status 1 if a child saw or did anything that it should not have.
 */
#include "payload/demo/demo.h"

#include <stdio.h>
#include <string.h>

#include "sbi/call.h"

#include "guest/args.h"
#include "guest/guest.h"
#include "guest/proc.h"

#define PAGE          4096UL
#define TOUCHED_BYTES (1UL << 20)
#define CALLS         1000
#define FORKS         9 /* odd: the median is one of them */

/* Linux 6.12 and its KVM on the same emulated machine, tuned, in instructions. */
#define LINUX_FORK           111800UL
#define LINUX_FORK_EXIT_WAIT 295300UL
#define KVM_SBI_CALL         982UL
#define LINUX_PIPE           13511UL

static const struct {
    enum proc_door door;
    const char *words;
} doors[] = {
    {PROC_DOOR_ECALL,   "an SBI call"           },
    {PROC_DOOR_INVALID, "an invalid instruction"},
    {PROC_DOOR_MMIO,    "a store to a doorbell" },
};

static char memory[TOUCHED_BYTES] __attribute__((aligned(PAGE)));

static u64 now(void)
{
    u64 count;

    __asm__ volatile("rdcycle %0" : "=r"(count) : : "memory");
    return count;
}

static void touch(char value)
{
    for (u64 at = 0; at < TOUCHED_BYTES; at += PAGE)
        memory[at] = value;
}

static bool all_are(char value)
{
    for (u64 at = 0; at < TOUCHED_BYTES; at += PAGE) {
        if (memory[at] != value)
            return false;
    }
    return true;
}

static __noreturn void be_child(size_t number)
{
    bool inherited = all_are('p');

    touch((char)('a' + number));
    printf("I am pid %ld, child of %ld, made by %s; my 1 MiB says '%c' now\n", proc_getpid(),
           proc_getppid(), doors[number].words, memory[0]);
    proc_exit(inherited && all_are((char)('a' + number)) ? (int)number : 100);
}

/* True if the child ended as it should and the parent's memory is what it was. */
static bool fork_through(size_t number)
{
    long pid = proc_fork(doors[number].door, 0);
    unsigned status = 0;

    if (pid == 0)
        be_child(number);
    if (pid < 0 || proc_wait(pid, 0, &status) != pid)
        return false;
    printf("pid %ld has ended with status %u; my 1 MiB still says '%c'\n", pid,
           PROC_STATUS_CODE(status), memory[0]);
    return status == PROC_STATUS_EXITED(number) && all_are('p');
}

static u64 median(u64 *values, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        for (size_t j = i; j > 0 && values[j] < values[j - 1]; j--) {
            u64 swapped = values[j];

            values[j] = values[j - 1];
            values[j - 1] = swapped;
        }
    }
    return values[count / 2];
}

struct costs {
    u64 call, fork, fork_exit_wait, pipe;
};

static bool measure(struct costs *costs)
{
    u64 forks[FORKS], rounds[FORKS], begin = now();

    for (int i = 0; i < CALLS; i++)
        sbi_call(SBI_EID_BASE, SBI_BASE_GET_SPEC_VERSION, 0, 0, 0, 0, 0);
    costs->call = (now() - begin) / CALLS;
    for (size_t i = 0; i < FORKS; i++) {
        unsigned status;
        long pid;

        touch('p');
        begin = now();
        pid = proc_fork(PROC_DOOR_ECALL, 0);
        if (pid == 0)
            proc_exit(0);
        forks[i] = now() - begin;
        if (pid < 0 || proc_wait(pid, 0, &status) != pid)
            return false;
        rounds[i] = now() - begin;
    }
    costs->fork = median(forks, FORKS);
    costs->fork_exit_wait = median(rounds, FORKS);
    return pool_measure(now, &costs->pipe);
}

static void print_costs(const struct costs *costs)
{
    if (!args_has("instructions")) {
        printf("cycles: SBI call %lu, fork %lu, fork + exit + wait %lu, pipe %lu\n", costs->call,
               costs->fork, costs->fork_exit_wait, costs->pipe);
        return;
    }
    printf("\n%-34s %12s   %s\n", "instructions, 1 MiB touched", "here", "peer");
    printf("%-34s %12lu   %lu (KVM)\n", "SBI call, there and back", costs->call, KVM_SBI_CALL);
    printf("%-34s %12lu   %lu (Linux process)\n", "fork() in the parent", costs->fork, LINUX_FORK);
    printf("%-34s %12lu   %lu (Linux process)\n", "fork + exit + wait", costs->fork_exit_wait,
           LINUX_FORK_EXIT_WAIT);
    printf("%-34s %12lu   %lu (Linux process)\n", "a byte to a process, and one back", costs->pipe,
           LINUX_PIPE);
}

int main(int argc, char **argv)
{
    struct costs costs;

    if (argc > 2 && strcmp(argv[1], "stage") == 0)
        return stage_main(argv[2]);
    if (!proc_available()) {
        printf("demo: nobody here can fork this unikernel: it runs on the bare machine\n");
        return 2;
    }
    touch('p');
    printf("I am pid %ld: a unikernel, alone in a VM, with 1 MiB that says '%c'\n", proc_getpid(),
           memory[0]);
    for (size_t i = 0; i < ARRAY_LEN(doors); i++) {
        if (!fork_through(i)) {
            printf("demo: the fork by %s went wrong\n", doors[i].words);
            return 1;
        }
    }
    if (!pool_show() || !stages_show()) {
        printf("demo: the workers or the pipeline went wrong\n");
        return 1;
    }
    if (!measure(&costs)) {
        printf("demo: a fork failed while it was measured\n");
        return 1;
    }
    print_costs(&costs);
    return 0;
}
