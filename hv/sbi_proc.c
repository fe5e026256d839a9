/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PRC, the process extension: checks a guest's arguments and asks proc.c.  Its specification is
 * sbi/proc.h.
 */
#include "lib/kit/wipe.h"
#include "sbi/proc.h"

#include "hv/console.h"
#include "hv/ecall.h"
#include "hv/fork.h"
#include "hv/futex.h"
#include "hv/hold.h"
#include "hv/proc.h"
#include "hv/random.h"
#include "hv/sched.h"
#include "hv/spawn.h"
#include "hv/tracing.h"
#include "hv/vm.h"

static long proc_call_exit(struct vcpu *vcpu, u64 status)
{
    return ecall_end(vcpu, END_EXIT, PROC_STATUS_EXITED(status));
}

static long proc_call_wait(struct vcpu *vcpu, s64 pid, u64 flags)
{
    u64 result;
    enum err err = proc_wait(vcpu, pid, flags, &result);

    if (err == ERR_STATE)
        return ecall_verdict(VERDICT_BLOCK);
    return err == ERR_OK ? (long)result : ecall_sbi_error(err);
}

static long proc_call_kill(struct vcpu *vcpu, s64 pid, u64 signal)
{
    u64 count;
    enum err err = proc_kill(vcpu, pid, signal, &count);

    return err == ERR_OK ? (long)count : ecall_sbi_error(err);
}

/*
 * The others are stopped, so that none is about to wait for a word that becomes another one; pages
 * that go have no device's business in them.  After a slice of a large range others may have the
 * hart; then it goes on, before the guest does.
 */
static long proc_call_share(struct vcpu *vcpu, gpa_t gpa, u64 bytes, bool shares)
{
    struct vm *vm = vcpu->vm;
    enum err err;

    if (gpa.v % PAGE_BYTES != 0 || bytes % PAGE_BYTES != 0 || bytes == 0)
        return SBI_ERR_INVALID_PARAM;
    if (!sched_stop_others(vm, vcpu))
        return ecall_verdict(VERDICT_YIELD);
    if (!shares && !vtransport_settle(vm))
        return ecall_verdict(VERDICT_HOLD);
    err = shares ? gstage_share(&vm->gs, gpa, bytes) : gstage_unshare(&vm->gs, gpa, bytes);
    if (!shares)
        vtransport_forget(vm);
    if (err == ERR_STATE) {
        vcpu->held = VERDICT_FULL;
        return ecall_verdict(VERDICT_YIELD);
    }
    if (err == ERR_OK)
        futex_wake_all(vm);
    sched_resume_others(vm);
    vcpu_take_pending(vcpu);
    return ecall_sbi_error(err);
}

static long proc_call_wait_on(struct vcpu *vcpu, gpa_t gpa, u32 expected, u64 timeout)
{
    enum err err = futex_wait_on(vcpu, gpa, expected, timeout, &vcpu->until);

    return err == ERR_STATE ? ecall_verdict(VERDICT_SLEEP) : ecall_sbi_error(err);
}

static long proc_call_wake(struct vcpu *vcpu, gpa_t gpa, u64 n)
{
    u64 woken;
    enum err err = futex_wake(vcpu, gpa, n, &woken);

    return err == ERR_OK ? (long)woken : ecall_sbi_error(err);
}

static long proc_call_getpgid(struct vcpu *vcpu, u64 pid)
{
    u32 group;
    enum err err = proc_getpgid(vcpu, pid, &group);

    return err == ERR_OK ? (long)group : ecall_sbi_error(err);
}

static long proc_call_foreground(struct vcpu *vcpu, s64 group)
{
    u32 before;
    enum err err = proc_set_foreground(vcpu, group, &before);

    return err == ERR_OK ? (long)before : ecall_sbi_error(err);
}

static long proc_call_keys(struct vcpu *vcpu, s64 take)
{
    if (take < -1 || take > 1)
        return SBI_ERR_INVALID_PARAM;
    return console_take_keys(vcpu->vm, (int)take);
}

static long proc_call_limit(struct vcpu *vcpu, u64 what, s64 value)
{
    u64 before;
    enum err err = proc_limit(vcpu, what, value, &before);

    return err == ERR_OK ? (long)before : ecall_sbi_error(err);
}

#define RECORD_BYTES_MIN 8

/* A pid beyond all pids asks about nobody, like any that is not there. */
static long proc_call_inspect(struct vcpu *vcpu, u64 pid, gpa_t gpa, u64 bytes)
{
    struct proc_record record;
    enum err err = ERR_OK;
    bool found;
    u32 next;

    if (bytes < RECORD_BYTES_MIN)
        return SBI_ERR_INVALID_PARAM;
    proc_inspect(vcpu, pid, &record, &found, &next);
    if (found)
        err = gstage_write(&vcpu->vm->gs, gpa, &record,
                           bytes < sizeof(record) ? bytes : sizeof(record));
    return err == ERR_OK ? (long)next : ecall_sbi_error(err);
}

/*
 * What is drawn and cannot be delivered is lost, as it must be.
 *
 * Out of line, so that a fork does not make room for its buffer.
 */
__attribute__((noinline)) static long proc_call_entropy(struct vcpu *vcpu, gpa_t gpa, u64 bytes)
{
    u8 numbers[PROC_ENTROPY_BYTES_MAX];
    enum err err;

    if (!random_seeded())
        return SBI_ERR_NOT_SUPPORTED;
    if (bytes > sizeof(numbers))
        return SBI_ERR_INVALID_PARAM;
    err = random_bytes(numbers, bytes);
    if (err == ERR_OK)
        err = gstage_write(&vcpu->vm->gs, gpa, numbers, bytes);
    wipe(numbers, sizeof(numbers));
    return err == ERR_OK ? (long)bytes : ecall_sbi_error(err);
}

static long proc_call_machine(struct vcpu *vcpu, gpa_t gpa, u64 bytes)
{
    struct proc_machine record;
    enum err err;

    if (!vcpu->vm->control)
        return SBI_ERR_DENIED;
    if (bytes < RECORD_BYTES_MIN)
        return SBI_ERR_INVALID_PARAM;
    proc_count_machine(&record);
    err =
        gstage_write(&vcpu->vm->gs, gpa, &record, bytes < sizeof(record) ? bytes : sizeof(record));
    return ecall_sbi_error(err);
}

static long proc_call_trace(struct vcpu *vcpu, s64 on)
{
    bool before = tracing_is_on();

    if (!vcpu->vm->control)
        return SBI_ERR_DENIED;
    if (on < -1 || on > 1)
        return SBI_ERR_INVALID_PARAM;
    if (on != -1 && tracing_set(on == 1) != ERR_OK)
        return SBI_ERR_NOT_SUPPORTED;
    return before;
}

static long spawn_error(enum err err)
{
    if (err == ERR_STATE)
        return ecall_verdict(VERDICT_YIELD);
    if (err == ERR_BUSY)
        return ecall_verdict(VERDICT_HOLD);
    return err == ERR_NOENT ? PROC_ERR_NOENT : ecall_sbi_error(err);
}

static struct spawn_args spawn_args_of(const u64 *args)
{
    return (struct spawn_args){{args[0]}, args[1], {args[2]}, args[3]};
}

__attribute__((noinline)) static long proc_call_exec(struct vcpu *vcpu, const u64 *args)
{
    const struct spawn_args from = spawn_args_of(args);
    enum err err = spawn_exec(vcpu, &from);

    return err == ERR_OK ? ecall_end(vcpu, END_RESET, 0) : spawn_error(err);
}

__attribute__((noinline)) static long proc_call_spawn(struct vcpu *vcpu, const u64 *args)
{
    const struct spawn_args from = spawn_args_of(args);
    u32 pid;
    enum err err = spawn_child(vcpu, &from, &pid);

    return err == ERR_OK ? (long)pid : spawn_error(err);
}

long sbi_proc(struct vcpu *vcpu, u64 fid, const u64 *args)
{
    switch (fid) {
    case PROC_FORK: return ecall_verdict(fork_serve(vcpu, args[0], 4, TRACE_DOOR_ECALL));
    case PROC_EXIT: return proc_call_exit(vcpu, args[0]);
    case PROC_WAIT: return proc_call_wait(vcpu, (s64)args[0], args[1]);
    case PROC_GETPID: return vcpu->vm->pid;
    case PROC_GETPPID: return proc_ppid(vcpu->vm);
    case PROC_EXEC: return proc_call_exec(vcpu, args);
    case PROC_SPAWN: return proc_call_spawn(vcpu, args);
    case PROC_KILL: return proc_call_kill(vcpu, (s64)args[0], args[1]);
    case PROC_SHARE: return proc_call_share(vcpu, (gpa_t){args[0]}, args[1], true);
    case PROC_UNSHARE: return proc_call_share(vcpu, (gpa_t){args[0]}, args[1], false);
    case PROC_HOLD: return ecall_sbi_error(hold_set(vcpu->vm, (gpa_t){args[0]}, args[1]));
    case PROC_WAIT_ON: return proc_call_wait_on(vcpu, (gpa_t){args[0]}, (u32)args[1], args[2]);
    case PROC_WAKE: return proc_call_wake(vcpu, (gpa_t){args[0]}, args[1]);
    case PROC_INSPECT: return proc_call_inspect(vcpu, args[0], (gpa_t){args[1]}, args[2]);
    case PROC_EVENTS: return proc_events(vcpu);
    case PROC_SIGNALS: return proc_signals(vcpu);
    case PROC_SETPGID: return ecall_sbi_error(proc_setpgid(vcpu, args[0], args[1]));
    case PROC_GETPGID: return proc_call_getpgid(vcpu, args[0]);
    case PROC_LIMIT: return proc_call_limit(vcpu, args[0], (s64)args[1]);
    case PROC_FOREGROUND: return proc_call_foreground(vcpu, (s64)args[0]);
    case PROC_KEYS: return proc_call_keys(vcpu, (s64)args[0]);
    case PROC_ENTROPY: return proc_call_entropy(vcpu, (gpa_t){args[0]}, args[1]);
    case PROC_TRACE: return proc_call_trace(vcpu, (s64)args[0]);
    case PROC_MACHINE: return proc_call_machine(vcpu, (gpa_t){args[0]}, args[1]);
    default: return SBI_ERR_NOT_SUPPORTED;
    }
}
