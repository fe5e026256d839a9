/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals: KILL, STOP and CONT are done here; all others pend until the guest asks for them, which
 * an interrupt tells it to.  What they do there is the guest's: handlers, masks, defaults.
 *
 * A guest that has never asked does not know of signals.  Those that end a process by default then
 * end it here, the rest are dropped.
 *
 * Stopping and killing return at once: the scheduler brings the vCPUs off their harts, or one of
 * them to the end of its VM.  From then on the process is `stopped` or `dying`, and all that
 * follows goes by that.  While its machine is being taken apart (`ending`) nobody may touch its
 * vCPUs; a reset has a look at what came meanwhile.
 */
#include "hv/proc_parts.h"
#include "hv/sched.h"
#include "hv/vcpu.h"

#define BIT(signal) (1U << (signal))
#define SIGTSTP     20
#define SIGTTIN     21
#define SIGTTOU     22
/* Those that end a process that has never asked for signals. */
#define FATAL                                                                      \
    (BIT(PROC_SIGHUP) | BIT(PROC_SIGINT) | BIT(PROC_SIGQUIT) | BIT(PROC_SIGABRT) | \
     BIT(PROC_SIGTERM))
#define STOPPING (BIT(SIGTSTP) | BIT(SIGTTIN) | BIT(SIGTTOU))

/* The family's lock is held in all of these; vm is no zombie. */

static void end_by(struct vm *vm, u32 signal)
{
    vm->dying = true;
    vm->status = PROC_STATUS_SIGNALED(signal);
    if (!vm->ending)
        sched_doom(vm, vm->status);
}

static void stop(struct vm *vm)
{
    if (vm->stopped)
        return;
    vm->stopped = true;
    if (!vm->ending)
        sched_halt(vm);
    proc_tell_change(vm, PROC_STATUS_STOPPED);
}

/* What would have ended it, had it not been stopped, does so now. */
static void go_on(struct vm *vm)
{
    u32 fatal;

    __atomic_fetch_and(&vm->signals, ~STOPPING, __ATOMIC_RELAXED);
    if (!vm->stopped)
        return;
    vm->stopped = false;
    proc_tell_change(vm, PROC_STATUS_CONTINUED);
    fatal = vm->takes_signals ? 0 : __atomic_load_n(&vm->signals, __ATOMIC_RELAXED) & FATAL;
    if (fatal != 0)
        end_by(vm, (u32)__builtin_ctz(fatal));
    else if (!vm->ending)
        sched_unhalt(vm);
}

static void pend(struct vm *vm, u32 signal)
{
    u32 before = __atomic_fetch_or(&vm->signals, BIT(signal), __ATOMIC_RELAXED);

    if (!(before & BIT(signal)) && vm->takes_signals && !vm->ending)
        proc_raise(vm, PROC_EVENT_SIGNAL);
}

static void deliver(struct vm *vm, u32 signal)
{
    if (vm->zombie || vm->dying)
        return;
    if (signal & PROC_KILL_END) {
        end_by(vm, signal & ~(u32)PROC_KILL_END);
        return;
    }
    switch (signal) {
    case 0: return;
    case PROC_SIGKILL: end_by(vm, signal); return;
    case PROC_SIGSTOP: stop(vm); return;
    case PROC_SIGCONT: go_on(vm); return;
    default: break;
    }
    if (vm->takes_signals)
        pend(vm, signal);
    else if (!(BIT(signal) & FATAL))
        return;
    else if (vm->stopped)
        pend(vm, signal);
    else
        end_by(vm, signal);
}

/* The caller's family is locked.  group 0: all. */
static u64 deliver_to_many(struct vm *caller, u32 group, bool self_too, u32 signal)
{
    u64 count = 0;

    for (struct vm *vm = caller; vm != NULL; vm = proc_after(vm, caller)) {
        if ((vm == caller && !self_too) || (group != 0 && vm->group != group))
            continue;
        __atomic_fetch_add(&vm->sent_to_many, 1, __ATOMIC_RELAXED);
        deliver(vm, signal);
        count++;
    }
    return count;
}

u64 proc_signal_group(u32 group, u32 signal)
{
    struct pid_slot *slot = pid_slot(group);
    u32 owner = slot == NULL ? 0 : __atomic_load_n(&slot->owner, __ATOMIC_ACQUIRE);
    struct family *family;
    u64 count = 0;

    if (owner == 0)
        return 0;
    family = family_numbered(owner);
    family_lock(family);
    for (u32 pid = 1; pid < pid_end() && slot->members > 0; pid++) {
        struct vm *vm = proc_of_family(family, pid);

        if (vm == NULL || vm->group != group)
            continue;
        __atomic_fetch_add(&vm->sent_to_many, 1, __ATOMIC_RELAXED);
        deliver(vm, signal);
        count++;
    }
    family_unlock(family);
    return count;
}

static enum err kill_many(struct vm *caller, s64 pid, u32 signal, u64 *count)
{
    struct family *family = family_of(caller);
    u32 group = pid == -1 ? 0 : (u32)-pid;

    *count = 0;
    if (pid <= -(s64)PIDS_MAX)
        return ERR_CHILD;
    family_lock(family);
    *count = deliver_to_many(caller, pid == 0 ? caller->group : group, pid != -1, signal);
    family_unlock(family);
    if (*count == 0 && caller->control && group != 0)
        *count = proc_signal_group(group, signal);
    return *count == 0 ? ERR_CHILD : ERR_OK;
}

static enum err kill_one(const struct vm *caller, u64 pid, u32 signal, u64 *count)
{
    struct vm *vm = proc_lock(caller, pid);

    if (vm == NULL)
        return caller == NULL ? ERR_CHILD : proc_unknown(caller);
    deliver(vm, signal);
    family_unlock(family_of(vm));
    *count = 1;
    return ERR_OK;
}

enum err proc_signal(u32 pid, u32 signal)
{
    u64 count;

    return kill_one(NULL, pid, signal, &count);
}

/*
 * proc_kill - send a signal.
 *
 * The caller may be among those that it goes to: if that ends or stops it, it does so before the
 * guest runs again; if it interrupts it, nobody else tells it.
 */
enum err proc_kill(struct vcpu *vcpu, s64 pid, u64 signal, u64 *count)
{
    struct vm *caller = vcpu->vm;
    enum err err;

    if ((signal & ~PROC_KILL_END) > PROC_SIGNAL_MAX || signal == PROC_KILL_END)
        return ERR_INVAL;
    err = pid > 0 ? kill_one(caller, (u64)pid, (u32)signal, count)
                  : kill_many(caller, pid, (u32)signal, count);
    vcpu_take_pending(vcpu);
    return err;
}

/* The first time nobody may think meanwhile that it does not know of signals. */
u32 proc_signals(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;

    if (unlikely(!vm->takes_signals)) {
        family_lock(family_of(vm));
        vm->takes_signals = true;
        family_unlock(family_of(vm));
    }
    return __atomic_exchange_n(&vm->signals, 0, __ATOMIC_ACQUIRE);
}

u32 proc_events(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;

    __atomic_store_n(&vm->event_vcpu, vcpu->id, __ATOMIC_RELAXED);
    return __atomic_exchange_n(&vm->events, 0, __ATOMIC_ACQUIRE);
}

void proc_word_woken(struct vm *vm)
{
    proc_raise(vm, PROC_EVENT_WORD);
}
