/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SBI calls of a guest with three vCPUs and 16 KiB of RAM: dispatch, results, bad arguments.  What
 * the extensions ask of the rest of hv is faked, and what they asked is kept in `asked`.
 */
#include <string.h>

#include "lib/riscv/fence.h"
#include "sbi/ecall.h"

#include "hv/console.h"
#include "hv/hart.h"
#include "hv/proc.h"
#include "hv/sched.h"
#include "hv/spawn.h"
#include "hv/tracing.h"
#include "hv/vm.h"
#include "hv/vmexit.h"

#include "tests/host/console_fake.h"
#include "tests/test.h"

#define futex_wait_on       fake_futex_wait_on
#define futex_wake          fake_futex_wake
#define gstage_read         fake_gstage_read
#define futex_wake_all      fake_futex_wake_all
#define gstage_share        fake_gstage_share
#define gstage_unshare      fake_gstage_unshare
#define gstage_write        fake_gstage_write
#define proc_count_machine  fake_proc_count_machine
#define sched_resume_others fake_sched_resume_others
#define sched_stop_others   fake_sched_stop_others
#define vtransport_forget   fake_vtransport_forget
#define vtransport_settle   fake_vtransport_settle
#define proc_events         fake_proc_events
#define proc_fork           fake_proc_fork
#define proc_getpgid        fake_proc_getpgid
#define proc_inspect        fake_proc_inspect
#define proc_kill           fake_proc_kill
#define proc_limit          fake_proc_limit
#define proc_ppid           fake_proc_ppid
#define proc_set_foreground fake_proc_set_foreground
#define proc_setpgid        fake_proc_setpgid
#define proc_signals        fake_proc_signals
#define proc_wait           fake_proc_wait
#define random_bytes        fake_random_bytes
#define random_seeded       fake_random_seeded
#define sched_start         fake_sched_start
#define spawn_child         fake_spawn_child
#define spawn_exec          fake_spawn_exec
#define tracing_is_on       fake_tracing_is_on
#define tracing_set         fake_tracing_set
#define vcpu_load           fake_vcpu_load
#define vcpu_pend_soft      fake_vcpu_pend_soft
#define vcpu_put            fake_vcpu_put
#define vcpu_set_entry      fake_vcpu_set_entry
#define vcpu_set_timer      fake_vcpu_set_timer
#define vcpu_take_pending   fake_vcpu_take_pending
#define vmid_fence_code     fake_vmid_fence_code
#define vmid_fence_vs       fake_vmid_fence_vs

#define RAM_BASE  0x80000000UL
#define RAM_BYTES 0x4000UL
#define VCPUS     3U

static u8 ram[RAM_BYTES];
static struct vm machine;
static struct vcpu more_vcpus[VCPUS - 1];

static struct {
    u64 timer, entry, opaque;
    u32 started, pended, fenced_vs, fenced_code; /* sets of vCPUs */
    u32 loads;
    enum err err; /* what proc.c answers */
    u64 insn_bytes, args;
    bool has_no_seed, is_tracing;
    u8 random; /* the last number given */
} asked;

static enum err fake_transfer(gpa_t gpa, void *buffer, u64 bytes, bool to_guest)
{
    u64 offset = gpa.v - RAM_BASE;

    if (offset >= RAM_BYTES || bytes > RAM_BYTES - offset)
        return ERR_FAULT;
    if (to_guest)
        memcpy(ram + offset, buffer, bytes);
    else
        memcpy(buffer, ram + offset, bytes);
    return ERR_OK;
}

static enum err fake_gstage_read(struct gstage *gs, gpa_t gpa, void *to, u64 bytes)
{
    (void)gs;
    return fake_transfer(gpa, to, bytes, false);
}

static enum err fake_gstage_write(struct gstage *gs, gpa_t gpa, const void *from, u64 bytes)
{
    (void)gs;
    return fake_transfer(gpa, (void *)(u64)from, bytes, true);
}

static enum err fake_proc_fork(struct vcpu *vcpu, u64 flags, u64 insn_bytes, u32 *pid)
{
    (void)vcpu;
    (void)flags;
    asked.insn_bytes = insn_bytes;
    if (asked.err == ERR_OK)
        *pid = 7;
    return asked.err;
}

static enum err fake_proc_wait(struct vcpu *vcpu, s64 pid, u64 flags, u64 *result)
{
    (void)vcpu;
    (void)pid;
    (void)flags;
    *result = 7UL << 32 | PROC_STATUS_EXITED(3);
    return asked.err;
}

/* What a call gave, in decimal digits: its two arguments, if there are so many.  No error: these
 * are negative. */
static u64 digits(u64 first, u64 second)
{
    return (10 * first + second) & INT64_MAX;
}

static enum err fake_spawn_exec(struct vcpu *vcpu, const struct spawn_args *args)
{
    (void)vcpu;
    asked.args = digits(digits(args->image.v, args->image_bytes), args->args.v);
    return asked.err;
}

static enum err fake_spawn_child(struct vcpu *vcpu, const struct spawn_args *args, u32 *pid)
{
    *pid = 8;
    return fake_spawn_exec(vcpu, args);
}

static enum err fake_futex_wait_on(struct vcpu *vcpu, gpa_t gpa, u32 expected, u64 timeout,
                                   u64 *deadline)
{
    (void)vcpu;
    asked.args = digits(digits(gpa.v - RAM_BASE, expected), timeout);
    *deadline = 4711;
    return asked.err;
}

static enum err fake_futex_wake(struct vcpu *vcpu, gpa_t gpa, u64 n, u64 *woken)
{
    (void)vcpu;
    *woken = digits(gpa.v - RAM_BASE, n);
    return asked.err;
}

static enum err fake_proc_kill(struct vcpu *vcpu, s64 pid, u64 signal, u64 *count)
{
    (void)vcpu;
    *count = digits((u64)pid, signal);
    return asked.err;
}

static u32 fake_proc_signals(struct vcpu *vcpu)
{
    (void)vcpu;
    return 1U << PROC_SIGNAL_MAX;
}

static u32 fake_proc_events(struct vcpu *vcpu)
{
    (void)vcpu;
    return PROC_EVENT_WORD;
}

static enum err fake_proc_setpgid(struct vcpu *vcpu, u64 pid, u64 group)
{
    (void)vcpu;
    asked.args = digits(pid, group);
    return asked.err;
}

static enum err fake_proc_getpgid(struct vcpu *vcpu, u64 pid, u32 *group)
{
    (void)vcpu;
    *group = (u32)pid + 1;
    return asked.err;
}

static enum err fake_proc_set_foreground(struct vcpu *vcpu, s64 group, u32 *before)
{
    (void)vcpu;
    *before = (u32)group + 1;
    return asked.err;
}

static enum err fake_proc_limit(struct vcpu *vcpu, u64 what, s64 value, u64 *before)
{
    (void)vcpu;
    *before = digits(what, (u64)value);
    return asked.err;
}

static u32 fake_proc_ppid(struct vm *of)
{
    return of->pid - 1;
}

static void fake_proc_inspect(struct vcpu *vcpu, u64 pid, struct proc_record *record, bool *found,
                              u32 *next)
{
    (void)vcpu;
    *found = pid == 1;
    if (*found)
        *record = (struct proc_record){.version = PROC_RECORD_VERSION, .bytes = sizeof(*record)};
    *next = pid == 0 ? 1 : 0;
}

static void fake_futex_wake_all(struct vm *vm)
{
    (void)vm;
}

static enum err fake_gstage_share(struct gstage *gs, gpa_t gpa, u64 bytes)
{
    (void)bytes;
    asked.args = gpa.v - gs->ram_base.v;
    return asked.err;
}

static enum err fake_gstage_unshare(struct gstage *gs, gpa_t gpa, u64 bytes)
{
    (void)bytes;
    asked.args = 2 * (gpa.v - gs->ram_base.v);
    return asked.err;
}

static void fake_proc_count_machine(struct proc_machine *record)
{
    *record = (struct proc_machine){.bytes = sizeof(*record)};
}

static bool fake_sched_stop_others(struct vm *vm, struct vcpu *self)
{
    return self->vm == vm;
}

static void fake_sched_resume_others(struct vm *vm)
{
    (void)vm;
}

static void fake_vtransport_forget(struct vm *vm)
{
    (void)vm;
}

static bool fake_vtransport_settle(struct vm *vm)
{
    (void)vm;
    return true;
}

static bool fake_tracing_is_on(void)
{
    return asked.is_tracing;
}

static enum err fake_tracing_set(bool on)
{
    asked.is_tracing = on;
    return asked.err;
}

static bool fake_random_seeded(void)
{
    return !asked.has_no_seed;
}

/* 1, 2, 3, ... */
static enum err fake_random_bytes(void *to, u64 bytes)
{
    for (u64 i = 0; i < bytes; i++)
        ((u8 *)to)[i] = ++asked.random;
    return ERR_OK;
}

static void fake_sched_start(struct vcpu *vcpu)
{
    CHECK_EQ(vcpu->state, VCPU_STOPPED);
    vcpu->state = VCPU_RUNNABLE;
    asked.started |= 1U << vcpu->id;
}

static void fake_vcpu_load(struct vcpu *vcpu)
{
    asked.loads += vcpu->id + 1;
}

static void fake_vcpu_put(struct vcpu *vcpu)
{
    asked.loads -= vcpu->id + 1;
}

static void fake_vcpu_pend_soft(struct vcpu *vcpu)
{
    asked.pended |= 1U << vcpu->id;
}

static void fake_vcpu_take_pending(struct vcpu *vcpu)
{
    (void)vcpu;
}

static void fake_vcpu_set_entry(struct vcpu *vcpu, gpa_t pc, u64 a0, u64 a1)
{
    asked.entry = pc.v;
    asked.opaque = a1;
    vcpu->regs.a0 = a0;
}

static void fake_vcpu_set_timer(struct vcpu *vcpu, u64 time)
{
    (void)vcpu;
    asked.timer = time;
}

static void fake_vmid_fence_vs(struct vmid *id)
{
    asked.fenced_vs |= 1U << (id - machine.gs.vmid);
}

static void fake_vmid_fence_code(struct vmid *id)
{
    asked.fenced_code |= 1U << (id - machine.gs.vmid);
}

/* The unit under test, with the fakes below it.  NOLINTBEGIN(bugprone-suspicious-include) */
#include "hv/ecall.c"
#include "hv/fork.c"
#include "hv/hartmask.c"
#include "hv/sbi_base.c"
#include "hv/sbi_dbcn.c"
#include "hv/sbi_hsm.c"
#include "hv/sbi_ipi.c"
#include "hv/sbi_legacy.c"
#include "hv/sbi_proc.c"
#include "hv/sbi_rfence.c"
#include "hv/sbi_srst.c"
#include "hv/sbi_time.c"
/* NOLINTEND(bugprone-suspicious-include) */

/* A harness's own hart, which is not traced. */
__attribute__((weak)) struct hart *this_hart(void)
{
    static struct hart hart;

    return &hart;
}

__attribute__((weak)) void vmexit_record(enum trace_did did, u64 addr, u32 arg0, u32 result,
                                         u64 value)
{
    FAIL("noted %d, 0x%lx, %u, %u, 0x%lx without a trace", did, (long)addr, arg0, result,
         (long)value);
}

/* vCPU 0 is the caller, vCPU 1 runs, vCPU 2 is stopped. */
static struct vcpu *begin(void)
{
    memset(&asked, 0, sizeof(asked));
    memset(&machine, 0, sizeof(machine));
    memset(more_vcpus, 0, sizeof(more_vcpus));
    machine.pid = 5;
    machine.vcpus = VCPUS;
    machine.gs.ram_base.v = RAM_BASE;
    machine.gs.ram_bytes = RAM_BYTES;
    for (u32 i = 0; i < VCPUS; i++) {
        machine.vcpu[i] = i == 0 ? &machine.boot_vcpu : &more_vcpus[i - 1];
        machine.vcpu[i]->vm = &machine;
        machine.vcpu[i]->id = i;
        machine.vcpu[i]->state = i < 2 ? VCPU_RUNNING : VCPU_STOPPED;
    }
    console_fake_reset("");
    return machine.vcpu[0];
}

static enum verdict call(struct vcpu *vcpu, u64 eid, u64 fid, u64 a0, u64 a1, u64 a2)
{
    vcpu->regs.a0 = a0;
    vcpu->regs.a1 = a1;
    vcpu->regs.a2 = a2;
    vcpu->regs.a6 = fid;
    vcpu->regs.a7 = eid;
    return ecall_serve(vcpu);
}

#define CHECK_CALL(vcpu, error, value)      \
    do {                                    \
        CHECK_EQ((vcpu)->regs.a0, (error)); \
        CHECK_EQ((vcpu)->regs.a1, (value)); \
    } while (0)

/* Calls from a fresh VM and compares both results. */
static void check(u64 eid, u64 fid, u64 a0, u64 a1, u64 a2, long error, u64 value)
{
    struct vcpu *vcpu = begin();

    CHECK_EQ(call(vcpu, eid, fid, a0, a1, a2), VERDICT_SKIP);
    CHECK_CALL(vcpu, error, value);
}

static const u64 eids[] = {SBI_LEGACY_SET_TIMER, SBI_LEGACY_PUTCHAR, SBI_LEGACY_GETCHAR,
                           SBI_LEGACY_SHUTDOWN,  SBI_EID_BASE,       SBI_EID_TIME,
                           SBI_EID_IPI,          SBI_EID_RFENCE,     SBI_EID_HSM,
                           SBI_EID_SRST,         SBI_EID_DBCN,       PROC_EID};

TEST(ecall_knows_its_extensions_and_no_other)
{
    u64 random = 1;

    for (u32 i = 0; i < ARRAY_LEN(eids); i++) {
        check(SBI_EID_BASE, SBI_BASE_PROBE_EXTENSION, eids[i], 0, 0, SBI_SUCCESS, 1);
        check(SBI_EID_BASE, SBI_BASE_PROBE_EXTENSION, eids[i] | 1UL << 32, 0, 0, SBI_SUCCESS, 0);
        if (eids[i] > SBI_LEGACY_SHUTDOWN)
            check(eids[i], 40, 0, 0, 0, SBI_ERR_NOT_SUPPORTED, 0);
    }
    for (u32 i = 0; i < 100000; i++) {
        u64 eid = test_random(&random) >> (i & 31);
        bool known = false;

        for (u32 k = 0; k < ARRAY_LEN(eids); k++)
            known |= eid == eids[k];
        CHECK_EQ(ecall_has(eid), known);
        if (!known)
            check(eid, 0, 1, 2, 3, SBI_ERR_NOT_SUPPORTED, 0);
    }
}

TEST(ecall_errors_are_distinct)
{
    static const enum err errs[] = {ERR_OK,     ERR_INVAL, ERR_NOMEM, ERR_NOENT,
                                    ERR_PERM,   ERR_QUOTA, ERR_CHILD, ERR_INTR,
                                    ERR_NOSUPP, ERR_FAULT, ERR_STATE, ERR_FORMAT};

    for (u32 i = 0; i < ARRAY_LEN(errs); i++) {
        long error = ecall_sbi_error(errs[i]);

        CHECK(error <= 0 && error > ECALL_VERDICT_BASE);
        for (u32 k = 0; k < i; k++)
            CHECK(error != ecall_sbi_error(errs[k]));
    }
    CHECK_EQ(ecall_sbi_error(ERR_NOMEM), PROC_ERR_NOMEM);
    CHECK_EQ(ecall_sbi_error(ERR_QUOTA), PROC_ERR_QUOTA);
    CHECK_EQ(ecall_sbi_error(ERR_CHILD), PROC_ERR_CHILD);
    CHECK_EQ(ecall_sbi_error(ERR_INTR), PROC_ERR_INTR);
    CHECK_EQ(ecall_sbi_error(ERR_PERM), SBI_ERR_DENIED);
    CHECK_EQ(ecall_sbi_error(ERR_FAULT), SBI_ERR_INVALID_ADDRESS);
}

TEST(hartmask_names_harts_that_exist)
{
    u64 set;

    CHECK_EQ(hartmask_parse(5, 0, 3, &set), SBI_SUCCESS);
    CHECK_EQ(set, 5);
    CHECK_EQ(hartmask_parse(3, 1, 3, &set), SBI_SUCCESS);
    CHECK_EQ(set, 6);
    CHECK_EQ(hartmask_parse(0, 2, 3, &set), SBI_SUCCESS);
    CHECK_EQ(set, 0);
    CHECK_EQ(hartmask_parse(1UL << 63, -1UL, 3, &set), SBI_SUCCESS);
    CHECK_EQ(set, 7);
    CHECK_EQ(hartmask_parse(1UL << 62, 0, 63, &set), SBI_SUCCESS);
    CHECK_EQ(hartmask_parse(8, 0, 3, &set), SBI_ERR_INVALID_PARAM);
    CHECK_EQ(hartmask_parse(4, 1, 3, &set), SBI_ERR_INVALID_PARAM);
    CHECK_EQ(hartmask_parse(1UL << 63, 1, 3, &set), SBI_ERR_INVALID_PARAM);
    CHECK_EQ(hartmask_parse(1, 3, 3, &set), SBI_ERR_INVALID_PARAM);
    CHECK_EQ(hartmask_parse(0, 3, 3, &set), SBI_ERR_INVALID_PARAM);
    CHECK_EQ(hartmask_parse(1, -2UL, 3, &set), SBI_ERR_INVALID_PARAM);
}

TEST(sbi_ipi_and_rfence_reach_whom_they_name)
{
    check(SBI_EID_IPI, 0, 3, 1, 0, SBI_SUCCESS, 0);
    CHECK_EQ(asked.pended, 6);
    check(SBI_EID_IPI, 0, 8, 0, 0, SBI_ERR_INVALID_PARAM, 0);
    CHECK_EQ(asked.pended, 0);
    check(SBI_EID_RFENCE, SBI_RFENCE_REMOTE_FENCE_I, 1, 2, 0, SBI_SUCCESS, 0);
    CHECK_EQ(asked.fenced_code, 4);
    CHECK_EQ(asked.fenced_vs, 0);
    check(SBI_EID_RFENCE, SBI_RFENCE_REMOTE_SFENCE_VMA_ASID, 0, -1UL, 0, SBI_SUCCESS, 0);
    CHECK_EQ(asked.fenced_vs, 7);
    check(SBI_EID_RFENCE, SBI_RFENCE_REMOTE_HFENCE_VVMA, 0, -1UL, 0, SBI_ERR_NOT_SUPPORTED, 0);
    CHECK_EQ(asked.fenced_vs, 0);
}

TEST(sbi_legacy_preserves_a1_and_ignores_the_fid)
{
    struct vcpu *vcpu = begin();

    CHECK_EQ(call(vcpu, SBI_LEGACY_SET_TIMER, 77, 1234, 5, 0), VERDICT_SKIP);
    CHECK_CALL(vcpu, 0, 5);
    CHECK_EQ(asked.timer, 1234);
    CHECK_EQ(call(vcpu, SBI_LEGACY_PUTCHAR, 77, 'A', 5, 0), VERDICT_SKIP);
    CHECK_CALL(vcpu, 0, 5);
    CHECK_STR(console_fake_output(), "A");
    CHECK_EQ(call(vcpu, SBI_LEGACY_GETCHAR, 77, 0, 5, 0), VERDICT_SKIP);
    CHECK_CALL(vcpu, 4, 5);
    CHECK_EQ(call(vcpu, SBI_LEGACY_GETCHAR, 77, 0, 5, 0), VERDICT_SKIP);
    CHECK_CALL(vcpu, -1L, 5);
    CHECK_EQ(call(vcpu, SBI_LEGACY_SHUTDOWN, 77, 0, 5, 0), VERDICT_END);
    CHECK_EQ(vcpu->end.reason, END_SHUTDOWN);
}

TEST(sbi_hsm_starts_what_is_stopped)
{
    check(SBI_EID_HSM, SBI_HSM_HART_START, 2, RAM_BASE + 2, 99, SBI_SUCCESS, 0);
    CHECK_EQ(asked.started, 4);
    CHECK_EQ(asked.entry, RAM_BASE + 2);
    CHECK_EQ(asked.opaque, 99);
    CHECK_EQ(machine.vcpu[2]->regs.a0, 2);
    check(SBI_EID_HSM, SBI_HSM_HART_START, 1, RAM_BASE, 0, SBI_ERR_ALREADY_AVAILABLE, 0);
    check(SBI_EID_HSM, SBI_HSM_HART_START, 3, RAM_BASE, 0, SBI_ERR_INVALID_PARAM, 0);
    check(SBI_EID_HSM, SBI_HSM_HART_START, 2, RAM_BASE + 1, 0, SBI_ERR_INVALID_ADDRESS, 0);
    check(SBI_EID_HSM, SBI_HSM_HART_START, 2, RAM_BASE + RAM_BYTES, 0, SBI_ERR_INVALID_ADDRESS, 0);
    CHECK_EQ(asked.started, 0);
    check(SBI_EID_HSM, SBI_HSM_HART_GET_STATUS, 1, 0, 0, 0, SBI_HSM_STATE_STARTED);
    check(SBI_EID_HSM, SBI_HSM_HART_GET_STATUS, 2, 0, 0, 0, SBI_HSM_STATE_STOPPED);
    check(SBI_EID_HSM, SBI_HSM_HART_GET_STATUS, -1UL, 0, 0, SBI_ERR_INVALID_PARAM, 0);
    CHECK_EQ(call(begin(), SBI_EID_HSM, SBI_HSM_HART_STOP, 0, 0, 0), VERDICT_STOP);
}

TEST(sbi_hsm_suspends)
{
    struct vcpu *vcpu = begin();

    CHECK_EQ(call(vcpu, SBI_EID_HSM, SBI_HSM_HART_SUSPEND, 0, 0, 0), VERDICT_WAIT);
    CHECK_CALL(vcpu, 0, 0);
    CHECK_EQ(call(vcpu, SBI_EID_HSM, SBI_HSM_HART_SUSPEND, 0x80000000, RAM_BASE, 9), VERDICT_FULL);
    CHECK_EQ(asked.entry, 0);
    vcpu->full = true;
    CHECK_EQ(call(vcpu, SBI_EID_HSM, SBI_HSM_HART_SUSPEND, 0x80000000, RAM_BASE, 9), VERDICT_WAIT);
    CHECK_EQ(asked.entry + 4, RAM_BASE);
    CHECK_EQ(asked.opaque, 9);
    CHECK_EQ(asked.loads, 0);
    check(SBI_EID_HSM, SBI_HSM_HART_SUSPEND, 0x80000000, 4, 0, SBI_ERR_INVALID_ADDRESS, 0);
    check(SBI_EID_HSM, SBI_HSM_HART_SUSPEND, 1, RAM_BASE, 0, SBI_ERR_INVALID_PARAM, 0);
}

TEST(sbi_srst_ends_or_restarts)
{
    struct vcpu *vcpu = begin();

    CHECK_EQ(call(vcpu, SBI_EID_SRST, 0, SBI_SRST_TYPE_SHUTDOWN, 0, 0), VERDICT_END);
    CHECK_EQ(vcpu->end.reason, END_SHUTDOWN);
    CHECK_EQ(vcpu->end.status, 0);
    CHECK_EQ(call(vcpu, SBI_EID_SRST, 0, SBI_SRST_TYPE_SHUTDOWN, 1, 0), VERDICT_END);
    CHECK_EQ(vcpu->end.status, PROC_STATUS_SIGNALED(PROC_SIGABRT));
    CHECK_EQ(call(vcpu, SBI_EID_SRST, 0, SBI_SRST_TYPE_WARM_REBOOT, 0, 0), VERDICT_END);
    CHECK_EQ(vcpu->end.reason, END_RESET);
    check(SBI_EID_SRST, 0, 3, 0, 0, SBI_ERR_INVALID_PARAM, 0);
    check(SBI_EID_SRST, 0, 0, 2, 0, SBI_ERR_INVALID_PARAM, 0);
}

TEST(sbi_dbcn_checks_the_whole_range)
{
    u64 end = RAM_BASE + RAM_BYTES;

    memcpy(ram, "text\n", 5);
    check(SBI_EID_DBCN, SBI_DBCN_CONSOLE_WRITE, 5, RAM_BASE, 0, SBI_SUCCESS, 5);
    CHECK_STR(console_fake_output(), "text\n");
    check(SBI_EID_DBCN, SBI_DBCN_CONSOLE_WRITE, RAM_BYTES, RAM_BASE, 0, SBI_SUCCESS, 4096);
    check(SBI_EID_DBCN, SBI_DBCN_CONSOLE_WRITE, RAM_BYTES + 1, RAM_BASE, 0, SBI_ERR_INVALID_PARAM,
          0);
    check(SBI_EID_DBCN, SBI_DBCN_CONSOLE_WRITE, 2, end - 1, 0, SBI_ERR_INVALID_PARAM, 0);
    check(SBI_EID_DBCN, SBI_DBCN_CONSOLE_WRITE, -1UL, RAM_BASE, 0, SBI_ERR_INVALID_PARAM, 0);
    check(SBI_EID_DBCN, SBI_DBCN_CONSOLE_WRITE, 1, RAM_BASE, 1, SBI_ERR_INVALID_PARAM, 0);
    check(SBI_EID_DBCN, SBI_DBCN_CONSOLE_READ, 1, RAM_BASE - 1, 0, SBI_ERR_INVALID_PARAM, 0);
    check(SBI_EID_DBCN, SBI_DBCN_CONSOLE_READ, 100, end - 100, 0, SBI_SUCCESS, 1);
    CHECK_EQ(ram[RAM_BYTES - 100], 4);
    check(SBI_EID_DBCN, SBI_DBCN_CONSOLE_WRITE_BYTE, 0x141, 0, 0, SBI_SUCCESS, 0);
    CHECK_STR(console_fake_output(), "A");
}

TEST(sbi_proc_forks)
{
    struct vcpu *vcpu = begin();

    CHECK_EQ(call(vcpu, PROC_EID, PROC_FORK, 0, 0, 0), VERDICT_FULL);
    vcpu->full = true;
    CHECK_EQ(call(vcpu, PROC_EID, PROC_FORK, 0, 0, 0), VERDICT_SKIP);
    CHECK_CALL(vcpu, 0, 7);
    CHECK_EQ(asked.insn_bytes, 4);
    CHECK_EQ(fork_serve(vcpu, 0, 2, TRACE_DOOR_MMIO), VERDICT_SKIP2);
    asked.err = ERR_QUOTA;
    CHECK_EQ(call(vcpu, PROC_EID, PROC_FORK, 0, 0, 0), VERDICT_SKIP);
    CHECK_CALL(vcpu, PROC_ERR_QUOTA, 0);
    asked.err = ERR_STATE;
    CHECK_EQ(call(vcpu, PROC_EID, PROC_FORK, 0xf, 0, 0), VERDICT_YIELD);
    CHECK_CALL(vcpu, 0xf, 0);
}

/* An image that begins is a reset; one that does not leaves the caller where it was. */
TEST(sbi_proc_execs_and_spawns)
{
    static const struct {
        enum err err;
        enum verdict verdict;
        long error;
    } rows[] = {
        {ERR_STATE, VERDICT_YIELD, 1                      },
        {ERR_BUSY,  VERDICT_HOLD,  1                      },
        {ERR_NOENT, VERDICT_SKIP,  PROC_ERR_NOENT         },
        {ERR_INVAL, VERDICT_SKIP,  SBI_ERR_INVALID_PARAM  },
        {ERR_FAULT, VERDICT_SKIP,  SBI_ERR_INVALID_ADDRESS},
        {ERR_NOMEM, VERDICT_SKIP,  PROC_ERR_NOMEM         },
        {ERR_QUOTA, VERDICT_SKIP,  PROC_ERR_QUOTA         },
    };
    struct vcpu *vcpu = begin();

    check(PROC_EID, PROC_SPAWN, 1, 2, 3, SBI_SUCCESS, 8);
    CHECK_EQ(asked.args, 123);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        asked.err = rows[i].err;
        CHECK_EQ(call(vcpu, PROC_EID, PROC_EXEC, 1, 2, 3), rows[i].verdict);
        CHECK_EQ((long)vcpu->regs.a0, rows[i].error);
        CHECK_EQ(call(vcpu, PROC_EID, PROC_SPAWN, 1, 2, 3), rows[i].verdict);
        CHECK_EQ((long)vcpu->regs.a0, rows[i].error);
    }
    asked.err = ERR_OK;
    CHECK_EQ(call(vcpu, PROC_EID, PROC_EXEC, 4, 5, 6), VERDICT_END);
    CHECK_EQ(asked.args, 456);
    CHECK_EQ(vcpu->end.reason, END_RESET);
}

TEST(sbi_proc_waits_and_asks)
{
    struct vcpu *vcpu = begin();

    CHECK_EQ(call(vcpu, PROC_EID, PROC_WAIT, -1UL, 0, 0), VERDICT_SKIP);
    CHECK_CALL(vcpu, 0, 7UL << 32 | 0x300);
    asked.err = ERR_STATE;
    CHECK_EQ(call(vcpu, PROC_EID, PROC_WAIT, -1UL, 0, 0), VERDICT_BLOCK);
    CHECK_CALL(vcpu, -1UL, 0);
    CHECK_EQ(call(vcpu, PROC_EID, PROC_EXIT, 0x103, 0, 0), VERDICT_END);
    CHECK_EQ(vcpu->end.status, PROC_STATUS_EXITED(3));
    check(PROC_EID, PROC_GETPID, 0, 0, 0, SBI_SUCCESS, 5);
    check(PROC_EID, PROC_GETPPID, 0, 0, 0, SBI_SUCCESS, 4);
}

TEST(sbi_proc_passes_arguments_on)
{
    struct vcpu *vcpu = begin();

    check(PROC_EID, PROC_KILL, 4, 2, 0, SBI_SUCCESS, 42);
    check(PROC_EID, PROC_SIGNALS, 0, 0, 0, SBI_SUCCESS, 1U << PROC_SIGNAL_MAX);
    check(PROC_EID, PROC_EVENTS, 0, 0, 0, SBI_SUCCESS, PROC_EVENT_WORD);
    check(PROC_EID, PROC_SETPGID, 4, 2, 0, SBI_SUCCESS, 0);
    CHECK_EQ(asked.args, 42);
    check(PROC_EID, PROC_GETPGID, 41, 0, 0, SBI_SUCCESS, 42);
    check(PROC_EID, PROC_FOREGROUND, 41, 0, 0, SBI_SUCCESS, 42);
    check(PROC_EID, PROC_LIMIT, 1, 7, 0, SBI_SUCCESS, 17);
    check(PROC_EID, PROC_WAKE, RAM_BASE + 4, 2, 0, SBI_SUCCESS, 42);
    check(PROC_EID, PROC_WAIT_ON, RAM_BASE + 4, 2, 9, SBI_SUCCESS, 0);
    CHECK_EQ(asked.args, 429);
    asked.err = ERR_STATE;
    CHECK_EQ(call(vcpu, PROC_EID, PROC_WAIT_ON, RAM_BASE, 0, 1), VERDICT_SLEEP);
    CHECK_EQ(vcpu->until, 4711);
    asked.err = ERR_TIMEOUT;
    CHECK_EQ(call(vcpu, PROC_EID, PROC_WAIT_ON, RAM_BASE, 0, 1), VERDICT_SKIP);
    CHECK_CALL(vcpu, SBI_ERR_TIMEOUT, 0);
}

TEST(sbi_proc_shares_whole_pages)
{
    u64 whole = RAM_BASE + PAGE_BYTES;

    check(PROC_EID, PROC_SHARE, whole, 2 * PAGE_BYTES, 0, SBI_SUCCESS, 0);
    CHECK_EQ(asked.args, 1 << PAGE_SHIFT);
    check(PROC_EID, PROC_UNSHARE, whole, PAGE_BYTES, 0, SBI_SUCCESS, 0);
    CHECK_EQ(asked.args, 2 << PAGE_SHIFT);
    check(PROC_EID, PROC_SHARE, whole, 0, 0, SBI_ERR_INVALID_PARAM, 0);
    check(PROC_EID, PROC_SHARE, whole + 8, PAGE_BYTES, 0, SBI_ERR_INVALID_PARAM, 0);
    check(PROC_EID, PROC_UNSHARE, whole, PAGE_BYTES + 8, 0, SBI_ERR_INVALID_PARAM, 0);
    CHECK_EQ(asked.args, 0);
}

/* What shares a large range lets others have the hart, and goes on before the guest does. */
TEST(sbi_proc_shares_in_slices)
{
    struct vcpu *vcpu = begin();

    asked.err = ERR_STATE;
    CHECK_EQ(call(vcpu, PROC_EID, PROC_SHARE, RAM_BASE, PAGE_BYTES, 0), VERDICT_YIELD);
    CHECK_EQ(vcpu->held, VERDICT_FULL);
    asked.err = ERR_OK;
    CHECK_EQ(call(vcpu, PROC_EID, PROC_SHARE, RAM_BASE, PAGE_BYTES, 0), VERDICT_SKIP);
    CHECK_CALL(vcpu, 0, 0);
}

TEST(sbi_proc_control_needs_the_right)
{
    struct vcpu *vcpu = begin();

    check(PROC_EID, PROC_MACHINE, RAM_BASE, 64, 0, SBI_ERR_DENIED, 0);
    check(PROC_EID, PROC_TRACE, 1, 0, 0, SBI_ERR_DENIED, 0);
    CHECK(!asked.is_tracing);
    vcpu = begin();
    machine.control = true;
    call(vcpu, PROC_EID, PROC_TRACE, 1, 0, 0);
    CHECK_CALL(vcpu, 0, 0);
    call(vcpu, PROC_EID, PROC_TRACE, -1UL, 0, 0);
    CHECK_CALL(vcpu, 0, 1);
    call(vcpu, PROC_EID, PROC_TRACE, 2, 0, 0);
    CHECK_CALL(vcpu, SBI_ERR_INVALID_PARAM, 0);
    asked.err = ERR_STATE;
    call(vcpu, PROC_EID, PROC_TRACE, 0, 0, 0);
    CHECK_CALL(vcpu, SBI_ERR_NOT_SUPPORTED, 0);
    memset(ram, 0xee, sizeof(ram));
    call(vcpu, PROC_EID, PROC_MACHINE, RAM_BASE, 8, 0);
    CHECK_CALL(vcpu, 0, 0);
    CHECK(ram[4] == sizeof(struct proc_machine) && ram[8] == 0xee);
    call(vcpu, PROC_EID, PROC_MACHINE, RAM_BASE, 7, 0);
    CHECK_CALL(vcpu, SBI_ERR_INVALID_PARAM, 0);
    call(vcpu, PROC_EID, PROC_MACHINE, RAM_BASE - 1, 8, 0);
    CHECK_CALL(vcpu, SBI_ERR_INVALID_ADDRESS, 0);
}

TEST(sbi_proc_inspect_writes_no_more_than_it_may)
{
    memset(ram, 0xee, sizeof(ram));
    check(PROC_EID, PROC_INSPECT, 1, RAM_BASE, 8, SBI_SUCCESS, 0);
    CHECK_EQ(ram[0], PROC_RECORD_VERSION);
    CHECK_EQ(ram[8], 0xee);
    check(PROC_EID, PROC_INSPECT, 1, RAM_BASE, -1UL, SBI_SUCCESS, 0);
    CHECK_EQ(ram[sizeof(struct proc_record)], 0xee);
    check(PROC_EID, PROC_INSPECT, 1, RAM_BASE, 7, SBI_ERR_INVALID_PARAM, 0);
    check(PROC_EID, PROC_INSPECT, 1, RAM_BASE - 1, 8, SBI_ERR_INVALID_ADDRESS, 0);
    check(PROC_EID, PROC_INSPECT, 0, 0, 8, SBI_SUCCESS, 1);
    check(PROC_EID, PROC_INSPECT, 1UL << 32 | 1, 0, 8, SBI_SUCCESS, 0);
}

TEST(sbi_proc_entropy_writes_all_or_nothing)
{
    struct vcpu *vcpu;
    u64 end = RAM_BASE + RAM_BYTES;

    memset(ram, 0xee, sizeof(ram));
    check(PROC_EID, PROC_ENTROPY, RAM_BASE + 1, 64, 0, SBI_SUCCESS, 64);
    CHECK_EQ(ram[0], 0xee);
    CHECK_EQ(ram[1], 1);
    CHECK_EQ(ram[64], 64);
    CHECK_EQ(ram[65], 0xee);
    check(PROC_EID, PROC_ENTROPY, end - 1, 1, 0, SBI_SUCCESS, 1);
    CHECK_EQ(ram[RAM_BYTES - 1], 1);
    vcpu = begin();
    memset(ram, 0xee, sizeof(ram));
    asked.random = 1;
    CHECK_EQ(call(vcpu, PROC_EID, PROC_ENTROPY, end - 1, 2, 0), VERDICT_SKIP);
    CHECK_CALL(vcpu, SBI_ERR_INVALID_ADDRESS, 0);
    CHECK_EQ(ram[RAM_BYTES - 1], 0xee);
    CHECK_EQ(asked.random, 3); /* drawn, and given to nobody */
    check(PROC_EID, PROC_ENTROPY, RAM_BASE - 1, 2, 0, SBI_ERR_INVALID_ADDRESS, 0);
    check(PROC_EID, PROC_ENTROPY, -1UL, 64, 0, SBI_ERR_INVALID_ADDRESS, 0);
    check(PROC_EID, PROC_ENTROPY, RAM_BASE, 65, 0, SBI_ERR_INVALID_PARAM, 0);
    check(PROC_EID, PROC_ENTROPY, RAM_BASE, -1UL, 0, SBI_ERR_INVALID_PARAM, 0);
    check(PROC_EID, PROC_ENTROPY, RAM_BASE, 1UL << 32, 0, SBI_ERR_INVALID_PARAM, 0);
    CHECK_EQ(ram[0], 0xee);
    check(PROC_EID, PROC_ENTROPY, RAM_BASE, 0, 0, SBI_SUCCESS, 0);
    CHECK_EQ(ram[0], 0xee);
}

TEST(sbi_proc_entropy_without_a_seed)
{
    struct vcpu *vcpu = begin();

    asked.has_no_seed = true;
    memset(ram, 0xee, sizeof(ram));
    for (u64 bytes = 0; bytes < 70; bytes++) {
        CHECK_EQ(call(vcpu, PROC_EID, PROC_ENTROPY, RAM_BASE, bytes, 0), VERDICT_SKIP);
        CHECK_CALL(vcpu, SBI_ERR_NOT_SUPPORTED, 0);
    }
    CHECK_EQ(ram[0], 0xee);
    CHECK_EQ(asked.random, 0);
}

/*
 * Any numbers in the registers, one call after the other in the same VM: a known verdict, and what
 * a guest gets is a result of the SBI.
 */
FUZZ(ecall)
{
    struct vcpu *vcpu = begin();
    u64 words[5];

    for (; size >= 1 + sizeof(words); bytes += 1 + sizeof(words), size -= 1 + sizeof(words)) {
        u64 eid = eids[bytes[0] % ARRAY_LEN(eids)];
        enum verdict verdict;

        asked.err = bytes[0] & 0x20 ? ERR_NOMEM : ERR_OK;
        machine.control = bytes[0] & 0x10;
        memcpy(words, bytes + 1, sizeof(words));
        if (bytes[0] & 0x40)
            eid = words[4];
        vcpu->full = bytes[0] & 0x80;
        verdict = call(vcpu, eid, words[3], words[0], words[1], words[2]);
        CHECK(verdict <= VERDICT_END && verdict != VERDICT_INJECT && verdict != VERDICT_RESUME);
        if (verdict == VERDICT_SKIP && eid > SBI_LEGACY_SHUTDOWN)
            CHECK((long)vcpu->regs.a0 <= 0 && (long)vcpu->regs.a0 > ECALL_VERDICT_BASE);
    }
    return 0;
}

FUZZ_SEEDS(ecall)
{
    struct __attribute__((packed)) {
        u8 which;
        u64 words[5];
    } seed = {0, {0}};

    for (u32 i = 0; i < ARRAY_LEN(eids); i++) {
        for (u64 fid = 0; fid < 4; fid++) {
            seed.which = (u8)(i | (fid & 1) << 7);
            seed.words[0] = 1;
            seed.words[1] = RAM_BASE;
            seed.words[3] = fid;
            fuzz_seed(&seed, sizeof(seed));
        }
    }
    seed.which = ARRAY_LEN(eids) - 1;
    seed.words[0] = RAM_BASE;
    seed.words[1] = PROC_ENTROPY_BYTES_MAX;
    seed.words[3] = PROC_ENTROPY;
    fuzz_seed(&seed, sizeof(seed));
}
