/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What things cost, measured inside the guest: "what=NAME[,NAME...] mib=N vms=N".  A result is a
 * line
 *
 *     bench NAME VALUE UNIT n=N
 *
 * where VALUE is the mean of a loop of N, or the median of N single events.  Under QEMU's
 * "-icount shift=0" the counter is the number of instructions that the whole machine executed,
 * and the values are the same in every run.  The loop's own instructions are counted too.
 *
 *     sbi_call        BASE get_spec_version, there and back
 *     mmio_access     a byte to the UART's scratch register (mmio_store), and from it (mmio_load):
 *                     the mean of the two, and each
 *     first_touch     a store to a page that nothing has touched
 *     fork_parent     fork until it has returned in the parent, N MiB touched
 *     fork_child      ... until the child's first instruction, the parent waits
 *     fork_exit_wait  ... until wait has returned; the child writes its stack and one page
 *     cow_fault       the child writes a page that it shares with its living parent
 *     takeover        the parent writes such a page after the child has gone
 *     memory          bytes in frames that only that process has, of all processes that it may
 *                     inspect but itself, in the mean; the VM itself and its page tables are
 *                     among them, frames that it shares with others are not
 *
 * Before any of it: with vms=N it forks N children, and waits until all that it may inspect sleep.
 * These children never end; their VMs are there until the run is over.
 */
#include <stdio.h>
#include <string.h>

#include "lib/riscv/csr.h"
#include "lib/riscv/mark.h"
#include "lib/riscv/ops.h"
#include "sbi/call.h"

#include "guest/args.h"
#include "guest/guest.h"
#include "guest/machine.h"
#include "guest/paging.h"
#include "guest/proc.h"
#include "guest/timer.h"

#define PAGE         4096UL
#define MIB          (1UL << 20)
#define LOOPS        10000UL
#define EVENTS       9     /* odd: the median is one of them */
#define PAGES        400UL /* less than a leaf of 2 MiB maps: so they stay pages */
#define UART_SCRATCH 0x10000007UL

static bool cycle_readable;

/* Instructions, where one is one nanosecond: the cycle counter, else time in steps of 100. */
static inline u64 now(void)
{
    return cycle_readable ? timer_cycle() : timer_now() * 100;
}

static void print_mean(const char *name, u64 sum, u64 n)
{
    u64 tenths = (sum * 10 + n / 2) / n;

    printf("bench %s %lu.%lu insn n=%lu\n", name, (unsigned long)(tenths / 10),
           (unsigned long)(tenths % 10), (unsigned long)n);
}

static void print_events(const char *name, u64 mib, u64 *values, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        for (size_t j = i; j && values[j - 1] > values[j]; j--) {
            u64 larger = values[j - 1];

            values[j - 1] = values[j];
            values[j] = larger;
        }
    }
    printf("bench %s_%lum %lu insn n=%lu\n", name, (unsigned long)mib, (unsigned long)values[n / 2],
           (unsigned long)n);
}

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

static __noreturn void give_up(const char *name, long error)
{
    printf("bench: %s: %ld\n", name, error);
    proc_exit(2);
}

static void sbi_call_loop(u64 mib)
{
    register u64 loops __asm__("s2") = LOOPS;
    u64 begin = now();

    (void)mib;
    __asm__ volatile("1: li a7, %1\n"
                     "li a6, %2\n"
                     "ecall\n"
                     "addi %0, %0, -1\n"
                     "bnez %0, 1b"
                     : "+r"(loops)
                     : "i"(SBI_EID_BASE), "i"(SBI_BASE_GET_SPEC_VERSION)
                     : "a0", "a1", "a6", "a7", "memory");
    print_mean("sbi_call", now() - begin, LOOPS);
}

static u64 mmio_stores(void)
{
    u64 loops = LOOPS;
    u64 begin = now();

    __asm__ volatile("1: sb zero, 0(%1)\n"
                     "addi %0, %0, -1\n"
                     "bnez %0, 1b"
                     : "+r"(loops)
                     : "r"(UART_SCRATCH)
                     : "memory");
    return now() - begin;
}

static u64 mmio_loads(void)
{
    u64 loops = LOOPS, byte;
    u64 begin = now();

    __asm__ volatile("1: lbu %1, 0(%2)\n"
                     "addi %0, %0, -1\n"
                     "bnez %0, 1b"
                     : "+r"(loops), "=&r"(byte)
                     : "r"(UART_SCRATCH)
                     : "memory");
    return now() - begin;
}

static void mmio_access(u64 mib)
{
    u64 stores = mmio_stores(), loads = mmio_loads();

    (void)mib;
    print_mean("mmio_access", stores + loads, 2 * LOOPS);
    print_mean("mmio_store", stores, LOOPS);
    print_mean("mmio_load", loads, LOOPS);
}

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

static void first_touch(u64 mib)
{
    char *memory = some_pages();
    u64 begin = now();

    (void)mib;
    touch(memory, PAGES);
    print_mean("first_touch", now() - begin, PAGES);
}

/* Called at the time of the fork, between two counts: nothing but the call. */
static inline long fork_now(void)
{
    struct sbiret ret = sbi_call(PROC_EID, PROC_FORK, 0, 0, 0, 0, 0);

    return ret.error ? ret.error : ret.value;
}

static void reap(const char *name, long pid)
{
    unsigned status = 0;
    long got = proc_wait(pid, 0, &status);

    if (got != pid || status != PROC_STATUS_EXITED(0)) {
        give_up(name, got);
    }
}

/* N MiB, all touched, the same for all that ask. */
static char *touched(u64 mib)
{
    static char *memory;

    if (!memory) {
        memory = machine_take(mib * MIB);
    }
    touch(memory, mib * MIB / PAGE);
    console_flush();
    return memory;
}

static void fork_parent(u64 mib)
{
    u64 values[EVENTS];
    char *memory = touched(mib);

    for (size_t i = 0; i < EVENTS; i++) {
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
    print_events("fork_parent", mib, values, EVENTS);
}

/* The child prints, since a status is too small for a count.  The first fork warms up. */
static void fork_child(u64 mib)
{
    u64 value;
    char *memory = touched(mib);

    for (int warm = 0; warm < 2; warm++) {
        u64 begin = now();
        long pid = fork_now();

        value = now() - begin;
        if (pid < 0) {
            give_up("fork_child", pid);
        }
        if (pid > 0) {
            reap("fork_child", pid);
            touch(memory, mib * MIB / PAGE);
            continue;
        }
        if (warm) {
            print_events("fork_child", mib, &value, 1);
        }
        proc_exit(0);
    }
}

static void fork_exit_wait(u64 mib)
{
    u64 values[EVENTS];
    char *memory = touched(mib);

    for (size_t i = 0; i < EVENTS; i++) {
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
        touch(memory, mib * MIB / PAGE);
    }
    print_events("fork_exit_wait", mib, values, EVENTS);
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
        touch(memory, PAGES);
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

static void cow_fault(u64 mib)
{
    (void)mib;
    fork_writes("cow_fault", true);
}

static void takeover(u64 mib)
{
    (void)mib;
    fork_writes("takeover", false);
}

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

static void memory(u64 mib)
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
static void fork_sleepers(u64 vms)
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

/* Lets the others run until they sleep. */
static void settle(void)
{
    while (!all_sleep()) {
        timer_set(timer_now() + machine_timebase() / 1000);
        csr_set(CSR_SIE, IP_STIP);
        wfi();
        csr_clear(CSR_SIE, IP_STIP);
        timer_set(UINT64_MAX);
    }
}

/* In this order they are run: what one touches must not be there yet when another forks. */
static const struct bench {
    const char *name;
    void (*run)(u64 mib);
    bool needs_proc;
} benches[] = {
    {"sbi_call",       sbi_call_loop,  false},
    {"mmio_access",    mmio_access,    false},
    {"fork_parent",    fork_parent,    true },
    {"fork_child",     fork_child,     true },
    {"fork_exit_wait", fork_exit_wait, true },
    {"first_touch",    first_touch,    false},
    {"cow_fault",      cow_fault,      true },
    {"takeover",       takeover,       true },
    {"memory",         memory,         true },
};

static int usage(void)
{
    printf("bench: what=");
    for (size_t i = 0; i < ARRAY_LEN(benches); i++) {
        printf("%s%s", i ? "," : "", benches[i].name);
    }
    printf(" mib=N vms=N\n");
    return 2;
}

/* Set wanted[] for each name of a list; false if it has another one. */
static bool choose(char *names, bool *wanted)
{
    while (names) {
        const char *name = strsep(&names, ",");
        size_t i = 0;

        while (name && i < ARRAY_LEN(benches) && strcmp(benches[i].name, name) != 0) {
            i++;
        }
        if (!name || i == ARRAY_LEN(benches)) {
            return false;
        }
        wanted[i] = true;
    }
    return true;
}

int main(void)
{
    bool wanted[ARRAY_LEN(benches)] = {false};
    char names[256] = "";
    u64 mib = args_u64("mib", 1);

    paging_off();
    cycle_readable = timer_cycle_readable();
    args_word("what", names, sizeof(names));
    if (!choose(names, wanted) || mib == 0) {
        return usage();
    }
    if (proc_available()) {
        fork_sleepers(args_u64("vms", 0));
        settle();
    }
    for (size_t i = 0; i < ARRAY_LEN(benches); i++) {
        if (wanted[i] && benches[i].needs_proc && !proc_available()) {
            printf("bench: %s: needs a hypervisor\n", benches[i].name);
            return 2;
        }
        if (wanted[i]) {
            benches[i].run(mib);
        }
    }
    return 0;
}
