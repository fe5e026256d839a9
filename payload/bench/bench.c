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
 *     cow_takeover    the parent writes such a page after the child has gone
 *     memory          bytes in frames that only that process has, of all processes that it may
 *                     inspect but itself, in the mean; the VM itself and its page tables are
 *                     among them, frames that it shares with others are not
 *     vms             VMs that fork until there is no memory, and bytes for each (needs "control")
 *     wake            how late a sleeper wakes beside "runners=1000" that compute, at worst
 *
 * Others are counted from outside (tools/insns.c), between marks:
 *
 *     fork_total      fork, the child writes every page, exits, is waited for, "cycles=N" times;
 *                     and until as many frames are free as before (needs "control")
 *     spawn           "image=hello" is started from the bundle, and waited for
 *     scale_fork      64 processes: each forks 100 children that do nothing, and waits for them
 *     scale_compute   64 processes that compute
 *
 * Before any of it: with vms=N it forks N children, and waits until all that it may inspect sleep.
 * These children never end; their VMs are there until the run is over.
 */
#include "payload/bench/bench.h"

#include <stdio.h>
#include <string.h>

#include "lib/kit/bits.h"
#include "lib/riscv/csr.h"
#include "lib/riscv/ops.h"

#include "guest/args.h"
#include "guest/guest.h"
#include "guest/machine.h"
#include "guest/paging.h"
#include "guest/proc.h"

#define REGION_BYTES (2 * MIB)

bool cycle_readable;

void print_mean(const char *name, u64 sum, u64 n)
{
    u64 tenths = (sum * 10 + n / 2) / n;

    printf("bench %s %lu.%lu insn n=%lu\n", name, (unsigned long)(tenths / 10),
           (unsigned long)(tenths % 10), (unsigned long)n);
}

void print_events(const char *name, u64 *values, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        for (size_t j = i; j && values[j - 1] > values[j]; j--) {
            u64 larger = values[j - 1];

            values[j - 1] = values[j];
            values[j] = larger;
        }
    }
    printf("bench %s %lu insn n=%lu\n", name, (unsigned long)values[n / 2], (unsigned long)n);
}

/* "NAME_64m" or "NAME_1g"; the next call overwrites it. */
static const char *name_of(const char *name, u64 mib)
{
    static char whole[64];
    bool is_gib = mib >= 1024 && mib % 1024 == 0;

    snprintf(whole, sizeof(whole), "%s_%lu%c", name, (unsigned long)(is_gib ? mib / 1024 : mib),
             is_gib ? 'g' : 'm');
    return whole;
}

void print_events_of(const char *name, u64 mib, u64 *values, size_t n)
{
    print_events(name_of(name, mib), values, n);
}

void print_marked_of(const char *name, u64 mib, u64 n)
{
    printf("marked %s n=%lu waited=0\n", name_of(name, mib), (unsigned long)n);
}

__noreturn void give_up(const char *name, long error)
{
    printf("bench: %s: %ld\n", name, error);
    proc_exit(2);
}

void reap(const char *name, long pid)
{
    unsigned status = 0;
    long got = proc_wait(pid, 0, &status);

    if (got != pid || status != PROC_STATUS_EXITED(0)) {
        give_up(name, got);
    }
}

char *touched(u64 mib)
{
    static char *memory;

    if (!memory) {
        memory = machine_take(align_up(mib * MIB, REGION_BYTES) + REGION_BYTES);
        memory = (char *)align_up((u64)memory, REGION_BYTES);
    }
    touch(memory, mib * MIB / PAGE);
    console_flush();
    return memory;
}

void sleep_ms(void)
{
    timer_set(timer_now() + machine_timebase() / 1000);
    csr_set(CSR_SIE, IP_STIP);
    wfi();
    csr_clear(CSR_SIE, IP_STIP);
    timer_set(UINT64_MAX);
}

struct proc_machine machine_record(void)
{
    struct proc_machine record;
    long error = proc_machine(&record);

    if (error < 0) {
        give_up("the machine's record: needs the control right", error);
    }
    return record;
}

/* In this order they are run: what one touches must not be there yet when another forks. */
static const struct bench {
    const char *name;
    void (*run)(u64 mib);
    bool needs_proc;
} benches[] = {
    {"sbi_call",       bench_sbi_call,       false},
    {"mmio_access",    bench_mmio_access,    false},
    {"fork_parent",    bench_fork_parent,    true },
    {"fork_child",     bench_fork_child,     true },
    {"fork_exit_wait", bench_fork_exit_wait, true },
    {"fork_total",     bench_fork_total,     true },
    {"spawn",          bench_spawn,          true },
    {"first_touch",    bench_first_touch,    false},
    {"cow_fault",      bench_cow_fault,      true },
    {"cow_takeover",   bench_cow_takeover,   true },
    {"memory",         bench_memory,         true },
    {"vms",            bench_vms,            true },
    {"scale_fork",     bench_scale_fork,     true },
    {"scale_compute",  bench_scale_compute,  true },
    {"wake",           bench_wake,           true },
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
    u64 mib = args_u64("mib", 1), vms = args_u64("vms", 0);

    paging_off();
    cycle_readable = timer_cycle_readable();
    args_word("what", names, sizeof(names));
    if (!choose(names, wanted) || mib == 0) {
        return usage();
    }
    if (proc_available()) {
        fork_sleepers(vms);
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
