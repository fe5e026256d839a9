/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes: a tree of VMs with POSIX's rules for fork, exit and wait.
 *
 *                   fork                 exit, shutdown, fault            wait
 *     (no process) ──────▶ live (a VM) ─────────────────────────▶ zombie ──────▶ (no process)
 *                                       nobody will wait: at once ───────────────▶
 *
 * A zombie is the frame of its VM and nothing else: memory and vCPUs are gone.
 *
 * Invariant, under the lock: vm is in by_pid[] at its pid from start to free; in its parent's list
 * of children exactly if it has a parent; tree->procs counts the live and the zombies of a tree.
 *
 * Guests of the command line have no parent.  Orphans go to pid 1 if it lives; where it has never
 * called wait, or has ended, they end without a trace.  The run is over when the last guest of the
 * command line has ended.
 */
#include "hv/proc.h"

#include "lib/kit/list.h"
#include "lib/kit/spinlock.h"

#include "hv/console.h"
#include "hv/panic.h"
#include "hv/report.h"
#include "hv/sched.h"
#include "hv/tracing.h"
#include "hv/vcpu.h"
#include "hv/vm.h"

#define PID_OF_ORPHANS 1U

static struct {
    struct spinlock lock;
    u32 last_pid;
    u32 pids_used; /* no pid from here on was ever given */
    u32 guests;    /* of the command line, still live */
    u32 live;      /* all that have not ended */
    struct vm *by_pid[PIDS_MAX];
} procs;

static enum clone_mode clone_mode;

void proc_set_clone_mode(enum clone_mode mode)
{
    clone_mode = mode;
}

static struct vm *vm_of(struct list *node)
{
    return container_of(node, struct vm, sibling);
}

/*
 * procs.lock is held.  The next free pid after the last one given; 0 if all are taken.  The first
 * is never given again: who had it would get the orphans of others.
 */
static u32 take_pid(struct vm *vm)
{
    for (u32 tries = 0; tries < PIDS_MAX; tries++) {
        procs.last_pid = procs.last_pid + 1 < PIDS_MAX ? procs.last_pid + 1 : PID_OF_ORPHANS + 1;
        if (procs.by_pid[procs.last_pid] == NULL) {
            procs.by_pid[procs.last_pid] = vm;
            if (procs.pids_used <= procs.last_pid)
                procs.pids_used = procs.last_pid + 1;
            return procs.last_pid;
        }
    }
    return 0;
}

/* procs.lock is held.  ERR_QUOTA: the tree is full, or there is no pid. */
static enum err enter(struct vm *vm, struct vm *parent)
{
    struct tree *tree = &vm->guest->tree;

    if (tree->procs >= tree->procs_max)
        return ERR_QUOTA;
    vm->pid = take_pid(vm);
    if (vm->pid == 0)
        return ERR_QUOTA;
    tree->procs++;
    procs.live++;
    vm->parent = parent;
    if (parent != NULL)
        list_add_tail(&parent->children, &vm->sibling);
    return ERR_OK;
}

/* procs.lock is held. */
static void leave(struct vm *vm)
{
    vm->guest->tree.procs--;
    procs.by_pid[vm->pid] = NULL;
    list_del(&vm->sibling);
    vm_free(vm);
}

enum err proc_add_guest(struct vm *vm)
{
    enum err err;

    spin_lock(&procs.lock);
    err = enter(vm, NULL);
    if (err == ERR_OK) {
        vm->is_guest = true;
        procs.guests++;
    }
    spin_unlock(&procs.lock);
    return err;
}

/* The child is whole but not in the tree yet. */
static enum err fork_stopped(struct vcpu *vcpu, u64 flags, u64 insn_bytes, u32 *pid)
{
    struct vm *parent = vcpu->vm, *child;
    struct vcpu *first;
    enum err err;

    if (parent->guest->tree.procs >= parent->guest->tree.procs_max)
        return ERR_QUOTA;
    child = vm_clone(parent, vcpu, clone_mode);
    if (child == NULL)
        return ERR_NOMEM;
    child->control = parent->control && (flags & PROC_FORK_KEEP_CONTROL);
    first = child->vcpu[vcpu->id];
    first->regs.a0 = 0;
    first->regs.a1 = 0;
    first->csr.sepc += insn_bytes;

    spin_lock(&procs.lock);
    err = enter(child, parent);
    spin_unlock(&procs.lock);
    if (err != ERR_OK) {
        vm_destroy(child);
        vm_free(child);
        return err;
    }
    *pid = child->pid;
    console_share();
    tracing_vm(TRACE_DID_FORK, child->pid, parent->pid);
    sched_start(first);
    return ERR_OK;
}

enum err proc_fork(struct vcpu *vcpu, u64 flags, u64 insn_bytes, u32 *pid)
{
    enum err err;

    if (flags & ~PROC_FORK_KEEP_CONTROL)
        return ERR_INVAL;
    if (!sched_stop_others(vcpu->vm, vcpu))
        return ERR_STATE;
    if (!vtransport_settle(vcpu->vm))
        return ERR_BUSY;
    err = fork_stopped(vcpu, flags, insn_bytes, pid);
    sched_resume_others(vcpu->vm);
    return err;
}

/* procs.lock is held.  The first ended child that `pid` names; *any: there is such a child. */
static struct vm *find_ended(struct vm *vm, s64 pid, bool *any)
{
    struct list *node;

    *any = false;
    list_for_each(node, &vm->children) {
        struct vm *child = vm_of(node);

        if (pid != -1 && pid != (s64)child->pid)
            continue;
        *any = true;
        if (child->zombie)
            return child;
    }
    return NULL;
}

/* procs.lock is held. */
static bool in_tree_of(const struct vm *vm, const struct vm *ancestor)
{
    while (vm != NULL && vm != ancestor)
        vm = vm->parent;
    return vm != NULL;
}

/* procs.lock is held.  May `caller` know about pid? */
static bool may_see(const struct vm *caller, u32 pid)
{
    if (caller->control)
        return true;
    return pid < PIDS_MAX && procs.by_pid[pid] != NULL && in_tree_of(procs.by_pid[pid], caller);
}

static enum err wait_locked(struct vm *vm, s64 pid, u64 flags, u64 *result)
{
    struct vm *child;
    bool any;

    vm->waited = true;
    child = find_ended(vm, pid, &any);
    if (child != NULL) {
        *result = (u64)child->pid << 32 | child->status;
        leave(child);
        return ERR_OK;
    }
    if (!any)
        return pid == -1 || may_see(vm, (u32)pid) ? ERR_CHILD : ERR_PERM;
    *result = 0;
    return flags & PROC_WAIT_NOHANG ? ERR_OK : ERR_STATE;
}

enum err proc_wait(struct vcpu *vcpu, s64 pid, u64 flags, u64 *result)
{
    enum err err;

    if (flags & ~(PROC_WAIT_NOHANG | PROC_WAIT_STOPPED | PROC_WAIT_CONTINUED))
        return ERR_INVAL;
    if (pid == 0 || pid < -1)
        return ERR_NOSUPP;
    if (pid >= PIDS_MAX)
        return ERR_PERM;
    spin_lock(&procs.lock);
    err = wait_locked(vcpu->vm, pid, flags, result);
    spin_unlock(&procs.lock);
    if (err == ERR_STATE && vcpu_has_interrupt(vcpu))
        return ERR_INTR;
    return err;
}

u32 proc_ppid(struct vm *vm)
{
    u32 ppid;

    spin_lock(&procs.lock);
    ppid = vm->parent == NULL ? 0 : vm->parent->pid;
    spin_unlock(&procs.lock);
    return ppid;
}

/* vcpu->vmexits[] counts interrupts in [0]. */
static enum proc_exit_kind kind_of_cause(u32 cause)
{
    switch (cause) {
    case 0: return PROC_EXITS_INTERRUPT;
    case CAUSE_ECALL_VS: return PROC_EXITS_ECALL;
    case CAUSE_FETCH_GUEST: return PROC_EXITS_FETCH_FAULT;
    case CAUSE_LOAD_GUEST: return PROC_EXITS_LOAD_FAULT;
    case CAUSE_STORE_GUEST: return PROC_EXITS_STORE_FAULT;
    case CAUSE_VIRTUAL: return PROC_EXITS_VINSN;
    case CAUSE_ILLEGAL: return PROC_EXITS_ILLEGAL;
    default: return PROC_EXITS_OTHER;
    }
}

/* procs.lock is held; vm is live: its memory and vCPUs stay while the lock is held. */
static void describe_machine(struct vm *vm, struct proc_record *record)
{
    struct gstage_census census = gstage_count(&vm->gs);

    vtransport_count(vm, &census.owned, &census.shared);
    record->frames_owned = census.owned + vm->vcpus; /* the VM, and each vCPU but the first */
    record->frames_shared = census.shared;
    record->leaves_4k = census.leaves_4k;
    record->leaves_2m = census.leaves_2m;
    record->state = PROC_BLOCKED;
    for (u32 i = 0; i < vm->vcpus; i++) {
        const struct vcpu *vcpu = vm->vcpu[i];

        if (vcpu->state == VCPU_RUNNING || vcpu->state == VCPU_RUNNABLE)
            record->state = PROC_RUNNABLE;
        record->run_ticks += vcpu->run_ticks;
        for (u32 cause = 0; cause < CAUSE_COUNT; cause++)
            record->exits[kind_of_cause(cause)] += vcpu->vmexits[cause];
    }
}

static void describe(struct vm *vm, struct proc_record *record)
{
    *record = (struct proc_record){.version = PROC_RECORD_VERSION,
                                   .bytes = sizeof(*record),
                                   .pid = vm->pid,
                                   .ppid = vm->parent == NULL ? 0 : vm->parent->pid,
                                   .state = PROC_ZOMBIE,
                                   .status = vm->status};
    if (vm->ending)
        record->frames_owned = 1;
    else
        describe_machine(vm, record);
}

void proc_inspect(struct vcpu *vcpu, u32 pid, struct proc_record *record, bool *found, u32 *next)
{
    struct vm *caller = vcpu->vm, *vm;

    spin_lock(&procs.lock);
    vm = pid < PIDS_MAX ? procs.by_pid[pid] : NULL;
    *found = vm != NULL && may_see(caller, pid);
    if (*found)
        describe(vm, record);
    *next = 0;
    for (u32 other = pid < PIDS_MAX ? pid + 1 : PIDS_MAX; other < procs.pids_used; other++) {
        if (procs.by_pid[other] != NULL && may_see(caller, other)) {
            *next = other;
            break;
        }
    }
    spin_unlock(&procs.lock);
}

/* procs.lock is held. */
static void wake_waiters(struct vm *vm)
{
    if (vm->ending)
        return;
    for (u32 i = 0; i < vm->vcpus; i++)
        sched_wake(vm->vcpu[i]);
}

/* procs.lock is held.  Children find a new parent, or none. */
static void give_away_children(struct vm *vm)
{
    struct vm *heir = procs.by_pid[PID_OF_ORPHANS];
    struct list *node, *after;

    if (heir == vm || (heir != NULL && (heir->zombie || !heir->waited)))
        heir = NULL;
    list_for_each_safe(node, after, &vm->children) {
        struct vm *child = vm_of(node);

        list_del(node);
        child->parent = heir;
        if (heir != NULL) {
            list_add_tail(&heir->children, node);
            wake_waiters(heir);
        } else if (child->zombie) {
            leave(child);
        }
    }
}

/* The VM is gone; what is left is the process, a zombie if anybody will ask for it. */
static void become_zombie(struct vm *vm, u32 status)
{
    bool is_last;
    u32 live;

    spin_lock(&procs.lock);
    give_away_children(vm);
    vm->zombie = true;
    vm->status = status;
    live = --procs.live;
    is_last = false;
    if (vm->parent != NULL) {
        wake_waiters(vm->parent);
    } else {
        if (vm->is_guest)
            is_last = --procs.guests == 0;
        leave(vm);
    }
    spin_unlock(&procs.lock);
    if (is_last)
        report_and_power_off(live);
}

/* While it is set nobody but the caller looks at the machine or its vCPUs. */
static void set_ending(struct vm *vm, bool ending)
{
    spin_lock(&procs.lock);
    vm->ending = ending;
    spin_unlock(&procs.lock);
}

void proc_end(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;
    enum end_reason reason = vcpu->end.reason;
    u32 status = vcpu->end.status;

    if (!sched_stop_others(vm, vcpu)) {
        vcpu_put(vcpu);
        sched_requeue(vcpu);
        return;
    }
    vcpu_put(vcpu);
    if (!vtransport_settle(vm)) {
        vcpu->held = VERDICT_END;
        sched_block(vcpu, UINT64_MAX);
        return;
    }
    sched_forget_others(vm, vcpu);
    console_flush(vm);
    set_ending(vm, true);
    if (reason == END_RESET) {
        if (vm_reset(vm) == ERR_OK) {
            set_ending(vm, false);
            sched_start(vm->vcpu[0]);
            return;
        }
        reason = END_SIGNAL;
        status = PROC_STATUS_SIGNALED(PROC_SIGKILL);
    }
    report_end(vm, vcpu, reason, status);
    tracing_vm(TRACE_DID_END, vm->pid, status);
    vm_destroy(vm);
    become_zombie(vm, status);
}
