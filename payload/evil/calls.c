/* SPDX-License-Identifier: BSD-2-Clause */
/* Acts with SBI calls: hostile arguments, other processes, too many processes. */
#include <stdio.h>

#include "sbi/call.h"

#include "guest/guest.h"
#include "guest/machine.h"
#include "guest/proc.h"

#include "payload/evil/evil.h"

#define EID_PMU  0x504d55L
#define EID_SUSP 0x53555350L
#define EID_CPPC 0x43505043L
#define EID_NACL 0x4e41434cL
#define EID_STA  0x535441L
#define EID_SSE  0x535345L
#define EID_FWFT 0x46574654L
#define FIDS     40

/* Calls that rightly end, stop or block their caller, kill it, or print what it says. */
static bool is_left_out(long eid, long fid, u64 arg0)
{
    u32 low = (u32)arg0;

    switch (eid) {
    case SBI_LEGACY_PUTCHAR:
    case SBI_LEGACY_SHUTDOWN: return true;
    case SBI_EID_DBCN: return fid == SBI_DBCN_CONSOLE_WRITE_BYTE;
    case SBI_EID_SRST: return fid == SBI_SRST_SYSTEM_RESET && low <= SBI_SRST_TYPE_WARM_REBOOT;
    case SBI_EID_HSM:
        return fid == SBI_HSM_HART_STOP ||
               (fid == SBI_HSM_HART_SUSPEND &&
                (low == SBI_HSM_SUSPEND_RETENTIVE || low == SBI_HSM_SUSPEND_NON_RETENTIVE));
    case EID_PMU: return !proc_available(); /* OpenSBI 1.1 falls over it */
    case EID_SUSP: return fid == 0 && low == 0;
    case PROC_EID:
        return fid == PROC_EXIT || fid == 6 /* kill */ || fid == 8 /* wait_on */ ||
               (fid == PROC_FORK && arg0 <= PROC_FORK_KEEP_CONTROL);
    default: return false;
    }
}

static u64 calls;

static void call(long eid, long fid, u64 a, u64 b, u64 c, u64 d)
{
    if (!is_left_out(eid, fid, a)) {
        sbi_call(eid, fid, a, b, c, d, a);
        calls++;
    }
}

/* Every function with hostile values: alone in each place, beside each other, everywhere. */
static void fuzz_function(long eid, long fid, const u64 *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        u64 v = values[i];

        call(eid, fid, v, v, v, v);
        call(eid, fid, v, 0, 0, 0);
        call(eid, fid, 3, v, 0, 0);
        call(eid, fid, 3, 3, v, 3);
        call(eid, fid, 4096, values[(i + 1) % n], v, 0);
        call(eid, fid, v, 4096, 0, v);
    }
}

void act_sbi_fuzz(void)
{
    static const long eids[] = {0,
                                2,
                                3,
                                4,
                                5,
                                6,
                                7,
                                8,
                                9,
                                15,
                                SBI_EID_BASE,
                                SBI_EID_TIME,
                                SBI_EID_IPI,
                                SBI_EID_RFENCE,
                                SBI_EID_HSM,
                                SBI_EID_SRST,
                                SBI_EID_DBCN,
                                EID_PMU,
                                EID_SUSP,
                                EID_CPPC,
                                EID_NACL,
                                EID_STA,
                                EID_SSE,
                                EID_FWFT,
                                PROC_EID,
                                PROC_EID + 1,
                                0x0a000000,
                                -1,
                                1L << 32,
                                PROC_EID | 1L << 32};
    struct range ram = machine_ram();
    const u64 values[] = {0,           (u64)-1,      (u64)-8,    ram.end - 1, ram.end,
                          ram.end - 8, ram.base - 8, 0x00100000, 0x10000001,  0x0c000003,
                          1UL << 41,   1UL << 55,    1UL << 63,  1UL << 31,   (1UL << 32) - 1};

    evil_skip_traps();
    for (size_t e = 0; e < ARRAY_LEN(eids); e++) {
        for (long fid = 0; fid < FIDS; fid++) {
            fuzz_function(eids[e], fid, values, ARRAY_LEN(values));
        }
        fuzz_function(eids[e], -1, values, ARRAY_LEN(values));
        fuzz_function(eids[e], 1L << 31, values, ARRAY_LEN(values));
        fuzz_function(eids[e], 1L << 32, values, ARRAY_LEN(values));
    }
    printf("evil: %lu calls, %lu traps\n", (unsigned long)calls, (unsigned long)evil_traps);
}

/*
 * Pids that are not in our tree: no record, no pid but our own, and the same answer for each, since
 * whether there is such a process is not for us to know.
 */
static void inspect_stranger(long pid, long self)
{
    static long first_error = 1;
    struct proc_record record = {.version = 0};
    long found = proc_inspect(pid, &record);
    long error = found < 0 ? found : 0;

    if (first_error == 1) {
        first_error = error;
    }
    if (error != first_error || (error && error != SBI_ERR_DENIED)) {
        evil_fail("inspect tells that a stranger is there, or is not", (u64)pid, (u64)error);
    }
    if (record.version || (found > 0 && found != self)) {
        evil_fail("inspect tells of a stranger", (u64)pid, (u64)found);
    }
}

void act_strangers(void)
{
    long self = proc_getpid();
    unsigned status;

    for (long pid = 1; pid < 100 && proc_available(); pid++) {
        long error = proc_wait(pid, PROC_WAIT_NOHANG, &status);

        if (error != PROC_ERR_CHILD && error != SBI_ERR_DENIED) {
            evil_fail("wait for a stranger", (u64)pid, (u64)error);
        }
        if (pid != self) {
            inspect_stranger(pid, self);
        }
    }
}

static bool is_limit(long error)
{
    return error == PROC_ERR_QUOTA || error == PROC_ERR_NOMEM;
}

static void expect_child(long pid)
{
    unsigned status = ~0U;
    long got = proc_wait(pid, 0, &status);

    if (got != pid || status != PROC_STATUS_EXITED(0)) {
        evil_fail("child of the bomb", (u64)pid, (u64)got << 32 | status);
    }
}

/* A child in a child in a child, all alive, until fork fails; the last one tells. */
static void bomb_deep(void)
{
    long pid = 0;
    u64 depth = 0;

    while (pid == 0) {
        pid = proc_fork(PROC_DOOR_ECALL, 0);
        depth += pid == 0;
    }
    if (pid > 0) {
        expect_child(pid);
    } else {
        printf("evil: %lu deep, then error %ld\n", (unsigned long)depth, pid);
    }
    if (depth) {
        proc_exit(pid > 0 || is_limit(pid) ? 0 : 1);
    }
}

/* Children that end at once and that nobody waits for, until fork fails. */
static void bomb_wide(void)
{
    u64 width = 0;
    long pid;

    while ((pid = proc_fork(PROC_DOOR_ECALL, 0)) > 0) {
        width++;
    }
    if (pid == 0) {
        proc_exit(0);
    }
    printf("evil: %lu wide, then error %ld\n", (unsigned long)width, pid);
    if (!is_limit(pid)) {
        evil_fail("fork ended with another error", width, (u64)pid);
    }
    while (width--) {
        unsigned status = ~0U;

        pid = proc_wait(-1, 0, &status);
        if (pid <= 0 || status != PROC_STATUS_EXITED(0)) {
            evil_fail("child of the bomb", (u64)pid, status);
        }
    }
}

void act_fork_bomb(void)
{
    if (!proc_available()) {
        printf("evil: fork is not supported here\n");
        return;
    }
    bomb_deep();
    bomb_wide();
    bomb_wide(); /* nothing of the first is left over */
}
