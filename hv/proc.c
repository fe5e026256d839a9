/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes: a tree of VMs with POSIX's rules for fork, exit and wait.
 *
 *                   fork                 exit, shutdown, fault, kill      wait
 *     (no process) ──────▶ live (a VM) ─────────────────────────▶ zombie ──────▶ (no process)
 *                                       nobody will wait: at once ───────────────▶
 *
 * A zombie is the frame of its VM and nothing else: memory and vCPUs are gone.
 *
 * Invariant, under the family's lock: vm is in the pid table from start to free; in its parent's
 * `children` while it is live, in its parent's `ended` as a zombie, exactly if it has a parent; its
 * parent's `changes` counts the children with a change; each tree's procs counts the live and the
 * zombies in it.
 *
 * Guests of the command line have no parent.  Orphans go to pid 1 if it lives; where it has never
 * called wait, or has ended, they end without a trace.  The run is over when the last guest of the
 * command line has ended.
 *
 * Each guest of the command line and all that descends from it is a family with a lock of its own,
 * so independent guests never wait for each other here.  The one thing that crosses families is an
 * orphan that pid 1 adopts: its family joins that of pid 1, for good.  Two families' locks are held
 * then and at no other time, that of pid 1 first.
 *
 * Signals are in signal.c, groups in group.c, limits in limit.c, inspection in inspect.c.
 */
#include "hv/proc.h"

#include "hv/console.h"
#include "hv/futex.h"
#include "hv/panic.h"
#include "hv/proc_parts.h"
#include "hv/report.h"
#include "hv/sched.h"
#include "hv/tracing.h"
#include "hv/vcpu.h"

#define PID_OF_ORPHANS 1U

static struct family *families[GUESTS_MAX];
static u32 families_used; /* does not change once a guest runs */
static u32 guests_live;   /* of the command line; atomic */
static bool first_waits;  /* pid 1 has called wait: it may get orphans */

static enum clone_mode clone_mode;

void proc_set_clone_mode(enum clone_mode mode)
{
    clone_mode = mode;
}

struct family *family_numbered(u32 number)
{
    return families[number - 1];
}

u32 family_count(void)
{
    return families_used;
}

/* ---- the tree ---- */

struct vm *proc_after(struct vm *at, const struct vm *top)
{
    if (!list_empty(&at->children))
        return vm_of(at->children.next);
    if (!list_empty(&at->ended))
        return vm_of(at->ended.next);
    for (; at != top; at = at->parent) {
        struct list *next = at->sibling.next;

        if (next == &at->parent->children)
            next = at->parent->ended.next;
        if (next != &at->parent->ended)
            return vm_of(next);
    }
    return NULL;
}

struct vm *proc_of_family(const struct family *family, u64 pid)
{
    struct pid_slot *slot = pid_slot(pid);
    u32 owner = slot == NULL ? 0 : __atomic_load_n(&slot->owner, __ATOMIC_RELAXED);

    if (owner == 0 || family_numbered(owner)->lock != family->lock)
        return NULL;
    return slot->vm;
}

/*
 * A process is in the table under its family's number, so whoever holds that family's lock and
 * still finds the number there has a process that stays.
 */
struct vm *proc_lock(const struct vm *caller, u64 pid)
{
    struct pid_slot *slot = pid_slot(pid);
    u32 owner = slot == NULL ? 0 : __atomic_load_n(&slot->owner, __ATOMIC_ACQUIRE);
    bool any = caller == NULL || caller->control;
    struct family *family;
    struct vm *vm;

    if (caller == NULL && owner == 0)
        return NULL;
    family = any && owner != 0 ? family_numbered(owner) : family_of(caller);

    family_lock(family);
    vm = proc_of_family(family, pid);
    if (vm != NULL && (any || in_tree_of(vm, caller)))
        return vm;
    family_unlock(family);
    return NULL;
}

/* A share of the memory that is promised: all that the VM may ever touch, and the tables for it. */
static u64 frames_to_commit(const struct vm *vm)
{
    u64 pages = vm->guest->mem_bytes / PAGE_BYTES;

    return pages + pages / 32 + vm->vcpus + 16;
}

enum err proc_claim(struct vm *parent, struct proc_claim *claim)
{
    enum err err;

    *claim = (struct proc_claim){
        .tree = __atomic_load_n(&parent->tree, __ATOMIC_RELAXED),
        .frames = frames_to_commit(parent),
        .sent_to_many = __atomic_load_n(&parent->sent_to_many, __ATOMIC_RELAXED),
    };
    err = quota_charge_proc(claim->tree);
    if (err != ERR_OK)
        return err;
    err = quota_commit(claim->frames);
    if (err != ERR_OK)
        quota_return_proc(claim->tree);
    return err;
}

void proc_cancel(const struct proc_claim *claim)
{
    quota_uncommit(claim->frames);
    quota_return_proc(claim->tree);
}

/* The family's lock is held.  ERR_QUOTA: there is no pid.  ERR_NOMEM: none for the table. */
static enum err enter(struct vm *vm, struct vm *parent, struct family *family)
{
    enum err err = pid_take(family->number, &vm->pid);

    if (err != ERR_OK)
        return err;
    list_init(&vm->children);
    list_init(&vm->ended);
    list_init(&vm->sibling);
    list_init(&vm->words.list);
    vm->parent = parent;
    if (parent != NULL)
        list_add_tail(&parent->children, &vm->sibling);
    quota_tree_get(vm->tree);
    pid_slot(vm->pid)->vm = vm;
    group_join(vm, parent == NULL ? vm->pid : parent->group);
    return ERR_OK;
}

/* The family's lock is held. */
static void leave(struct vm *vm)
{
    struct pid_slot *slot = pid_slot(vm->pid);

    list_del(&vm->sibling);
    quota_return_proc(vm->tree);
    quota_tree_put(vm->tree);
    slot->vm = NULL;
    pid_drop(slot);
    group_leave(vm);
    vm_free(vm);
}

enum err proc_add_guest(struct vm *vm)
{
    struct family *family = family_of(vm);
    struct proc_claim claim;
    enum err err;

    assert(families_used < GUESTS_MAX);
    family->lock = &family->own;
    family->number = families_used + 1;
    vm->tree = &family->tree;
    err = proc_claim(vm, &claim);
    if (err != ERR_OK)
        return err;
    families[families_used++] = family;
    vm->is_guest = true;
    vm->owns_tree = true;
    guests_live++;
    family_lock(family);
    err = enter(vm, NULL, family);
    family_unlock(family);
    return err;
}

/* One that runs already may have killed another, which then has begun to run for its end. */
void proc_start_guests(void)
{
    for (u32 number = 1; number <= families_used; number++) {
        struct family *family = family_numbered(number);
        struct vm *vm;

        family_lock(family);
        vm = proc_of_family(family, number);
        if (vm != NULL && !vm->dying)
            sched_start(vm->vcpu[0]);
        family_unlock(family);
    }
}

/*
 * proc_enter - a whole machine becomes a process and runs.
 *
 * A signal that went to the parent, as one of several, since the claim should have gone to the
 * child as well; so the fork has to happen before or after.  Starting the vCPU under the lock makes
 * sure that whoever can send it a signal finds it started.
 */
enum err proc_enter(struct vm *child, struct vm *parent, struct vcpu *first,
                    const struct proc_claim *claim, u32 *pid)
{
    struct family *family = family_of(parent);
    enum err err = ERR_STATE;

    console_share();
    family_lock(family);
    if (likely(!parent->dying && !parent->stopped && parent->tree == claim->tree &&
               parent->sent_to_many == claim->sent_to_many)) {
        child->tree = parent->tree;
        child->takes_signals = parent->takes_signals && !claim->is_new;
        err = enter(child, parent, family);
    }
    if (likely(err == ERR_OK)) {
        *pid = child->pid;
        tracing_vm(TRACE_DID_FORK, child->pid, parent->pid);
        sched_start(first);
    }
    family_unlock(family);
    if (unlikely(err != ERR_OK))
        proc_cancel(claim);
    return err;
}

/* The family's lock is not held; nobody asks for its end, so it leaves no zombie. */
enum err proc_enter_alone(struct vm *vm, u32 *pid)
{
    struct family *family = family_of(vm);
    struct proc_claim claim;
    enum err err;

    vm->tree = &family->tree;
    err = proc_claim(vm, &claim);
    if (err != ERR_OK)
        return err;
    console_share();
    family_lock(family);
    err = enter(vm, NULL, family);
    if (err == ERR_OK) {
        *pid = vm->pid;
        tracing_vm(TRACE_DID_CREATE, vm->pid, 0);
        sched_start(vm->vcpu[0]);
    }
    family_unlock(family);
    if (err != ERR_OK)
        proc_cancel(&claim);
    return err;
}

/* The others of the VM are stopped. */
static enum err fork_stopped(struct vcpu *vcpu, u64 flags, u64 insn_bytes, u32 *pid)
{
    struct vm *parent = vcpu->vm, *child;
    struct proc_claim claim;
    struct vcpu *first;
    enum err err;

    err = proc_claim(parent, &claim);
    if (err != ERR_OK)
        return err;
    child = vm_clone(parent, vcpu, clone_mode);
    if (child == NULL) {
        proc_cancel(&claim);
        return ERR_NOMEM;
    }
    child->control = parent->control && (flags & PROC_FORK_KEEP_CONTROL);
    first = child->vcpu[vcpu->id];
    first->regs.a0 = 0;
    first->regs.a1 = 0;
    first->csr.sepc += insn_bytes;
    err = proc_enter(child, parent, first, &claim, pid);
    if (err != ERR_OK) {
        vm_destroy(child);
        vm_free(child);
    }
    return err;
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

/* ---- what a parent is told ---- */

void proc_raise(struct vm *vm, u32 events)
{
    u32 before = __atomic_fetch_or(&vm->events, events, __ATOMIC_RELEASE);

    if ((before & events) != events)
        vcpu_pend_soft(vm->vcpu[__atomic_load_n(&vm->event_vcpu, __ATOMIC_RELAXED)]);
}

/* The family's lock is held. */
static void tell_parent(struct vm *parent)
{
    u32 waiting = parent->waiting;

    if (parent->ending)
        return;
    parent->waiting = 0;
    for (u32 i = 0; waiting != 0; i++, waiting >>= 1) {
        if (waiting & 1)
            sched_wake(parent->vcpu[i]);
    }
    proc_raise(parent, PROC_EVENT_CHILD);
}

void proc_forget_change(struct vm *vm)
{
    if (vm->change != 0 && vm->parent != NULL)
        vm->parent->changes--;
    vm->change = 0;
}

void proc_tell_change(struct vm *vm, u32 status)
{
    if (vm->parent == NULL)
        return;
    if (vm->change == 0)
        vm->parent->changes++;
    vm->change = status;
    tell_parent(vm->parent);
}

/* ---- wait ---- */

static bool has_news(const struct vm *child, u64 flags)
{
    return child->zombie || (child->change == PROC_STATUS_STOPPED && (flags & PROC_WAIT_STOPPED)) ||
           (child->change == PROC_STATUS_CONTINUED && (flags & PROC_WAIT_CONTINUED));
}

/* The first of a list that has news; group 0: any.  *any: there is one of the group. */
static struct vm *find_in(struct list *list, u32 group, u64 flags, bool *any)
{
    struct list *node;

    list_for_each(node, list) {
        struct vm *child = vm_of(node);

        if (group != 0 && group != child->group)
            continue;
        *any = true;
        if (has_news(child, flags))
            return child;
    }
    return NULL;
}

/* Any child, without a look at more of them than have news. */
static struct vm *find_any(struct vm *vm, u64 flags, bool *any)
{
    *any = !list_empty(&vm->ended) || !list_empty(&vm->children);
    if (!list_empty(&vm->ended))
        return vm_of(vm->ended.next);
    if (vm->changes == 0 || !(flags & (PROC_WAIT_STOPPED | PROC_WAIT_CONTINUED)))
        return NULL;
    return find_in(&vm->children, 0, flags, any);
}

/*
 * The family's lock is held.  A child that `pid` names and that has news; *any: there is a child
 * that it names.
 */
static struct vm *find_child(struct vm *vm, s64 pid, u64 flags, bool *any)
{
    struct vm *child;
    u32 group;

    *any = false;
    if (pid == -1)
        return find_any(vm, flags, any);
    if (pid > 0) {
        child = proc_of_family(family_of(vm), (u64)pid);
        *any = child != NULL && child->parent == vm;
        return *any && has_news(child, flags) ? child : NULL;
    }
    if (pid <= -(s64)PIDS_MAX)
        return NULL;
    group = pid == 0 ? vm->group : (u32)-pid;
    child = find_in(&vm->ended, group, flags, any);
    return child != NULL ? child : find_in(&vm->children, group, flags, any);
}

/* The family's lock is held. */
static enum err wait_locked(struct vcpu *vcpu, s64 pid, u64 flags, u64 *result)
{
    struct vm *vm = vcpu->vm, *child;
    bool any;

    vm->waited = true;
    if (vm->pid == PID_OF_ORPHANS)
        __atomic_store_n(&first_waits, true, __ATOMIC_RELAXED);
    child = find_child(vm, pid, flags, &any);
    if (child != NULL) {
        *result = (u64)child->pid << 32 | (child->zombie ? child->status : child->change);
        if (child->zombie)
            leave(child);
        else
            proc_forget_change(child);
        return ERR_OK;
    }
    if (!any)
        return ERR_CHILD;
    *result = 0;
    if (flags & PROC_WAIT_NOHANG)
        return ERR_OK;
    vm->waiting |= 1U << vcpu->id;
    return ERR_STATE;
}

enum err proc_wait(struct vcpu *vcpu, s64 pid, u64 flags, u64 *result)
{
    struct vm *vm = vcpu->vm, *other;
    enum err err;

    if (flags & ~(PROC_WAIT_NOHANG | PROC_WAIT_STOPPED | PROC_WAIT_CONTINUED))
        return ERR_INVAL;
    family_lock(family_of(vm));
    err = wait_locked(vcpu, pid, flags, result);
    family_unlock(family_of(vm));
    if (err == ERR_STATE && vcpu_has_interrupt(vcpu))
        return ERR_INTR;
    if (err != ERR_CHILD || pid <= 0)
        return err;
    other = proc_lock(vm, (u64)pid);
    if (other == NULL)
        return proc_unknown(vm);
    family_unlock(family_of(other));
    return ERR_CHILD;
}

u32 proc_ppid(struct vm *vm)
{
    u32 ppid;

    family_lock(family_of(vm));
    ppid = vm->parent == NULL ? 0 : vm->parent->pid;
    family_unlock(family_of(vm));
    return ppid;
}

/* ---- the end ---- */

static void join_first_family(struct family *family)
{
    struct family *first = family_numbered(PID_OF_ORPHANS);

    spin_lock(&first->own);
    spin_lock(&family->own);
    __atomic_store_n(&family->lock, &first->own, __ATOMIC_RELEASE);
    spin_unlock(&family->own);
    spin_unlock(&first->own);
}

/* Locks the family of vm; with that of pid 1, if vm has children that go there. */
static void lock_with_heir(const struct vm *vm)
{
    struct family *family = family_of(vm);

    family_lock(family);
    if (list_empty(&vm->children) && list_empty(&vm->ended))
        return;
    if (family->lock == family_numbered(PID_OF_ORPHANS)->lock ||
        !__atomic_load_n(&first_waits, __ATOMIC_RELAXED))
        return;
    family_unlock(family);
    join_first_family(family);
    family_lock(family);
}

/* The family's lock is held. */
static struct vm *find_heir(const struct vm *vm)
{
    struct vm *heir = proc_of_family(family_of(vm), PID_OF_ORPHANS);

    return heir == vm || heir == NULL || heir->zombie || !heir->waited ? NULL : heir;
}

/* The family's lock is held.  Children find a new parent, or none. */
static void give_away(struct list *list, struct vm *heir)
{
    struct list *node, *after;

    list_for_each_safe(node, after, list) {
        struct vm *child = vm_of(node);

        list_del(node);
        proc_forget_change(child);
        child->parent = heir;
        if (heir != NULL)
            list_add_tail(child->zombie ? &heir->ended : &heir->children, node);
        else if (child->zombie)
            leave(child);
    }
}

/* The family's lock is held. */
static void give_away_children(struct vm *vm)
{
    struct vm *heir = find_heir(vm);
    bool has_ended = !list_empty(&vm->ended);

    give_away(&vm->children, heir);
    give_away(&vm->ended, heir);
    if (heir != NULL && has_ended)
        tell_parent(heir);
}

/* The VM is gone; what is left is the process, a zombie if anybody will ask for it. */
static void become_zombie(struct vm *vm, u32 status)
{
    struct family *family = family_of(vm);
    bool is_last = false;
    struct vm *parent;

    quota_uncommit(frames_to_commit(vm));
    lock_with_heir(vm);
    give_away_children(vm);
    proc_forget_change(vm);
    vm->zombie = true;
    vm->status = status;
    group_end(vm);
    parent = vm->parent;
    if (likely(parent != NULL)) {
        list_del(&vm->sibling);
        list_add_tail(&parent->ended, &vm->sibling);
        tell_parent(parent);
    } else {
        if (vm->is_guest)
            is_last = __atomic_sub_fetch(&guests_live, 1, __ATOMIC_RELAXED) == 0;
        leave(vm);
    }
    family_unlock(family);
    if (unlikely(is_last))
        report_and_power_off(proc_count());
}

u32 proc_count(void)
{
    u64 count = 0;

    for (u32 number = 1; number <= families_used; number++)
        count += __atomic_load_n(&family_numbered(number)->tree.procs, __ATOMIC_RELAXED);
    return (u32)count;
}

/* While it is set nobody but the caller looks at the machine or its vCPUs. */
static void set_ending(struct vm *vm)
{
    family_lock(family_of(vm));
    vm->ending = true;
    family_unlock(family_of(vm));
}

/* What signals did meanwhile has been noted, and happens now.  Those that pend stay in exec. */
static void start_again(struct vm *vm, bool is_exec)
{
    family_lock(family_of(vm));
    vm->ending = false;
    vm->waiting = 0;
    vm->takes_signals = false;
    console_take_keys(vm, 0);
    __atomic_store_n(&vm->events, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&vm->event_vcpu, 0, __ATOMIC_RELAXED);
    if (!is_exec)
        __atomic_store_n(&vm->signals, 0, __ATOMIC_RELAXED);
    else if (__atomic_load_n(&vm->signals, __ATOMIC_RELAXED) != 0)
        proc_raise(vm, PROC_EVENT_SIGNAL);
    if (vm->stopped)
        sched_halt(vm);
    else
        sched_unhalt(vm);
    sched_start(vm->vcpu[0]);
    if (vm->dying)
        sched_doom(vm, vm->status);
    family_unlock(family_of(vm));
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
    set_ending(vm);
    console_flush(vm);
    futex_forget(vm);
    if (reason == END_RESET) {
        bool is_exec = vm->next != NULL;

        if (vm_reset(vm) == ERR_OK) {
            start_again(vm, is_exec);
            return;
        }
        reason = END_SIGNAL;
        status = PROC_STATUS_SIGNALED(PROC_SIGKILL);
    }
    foreground_leave(vm);
    report_end(vm, vcpu, reason, status);
    tracing_vm(TRACE_DID_END, vm->pid, status);
    vm_destroy(vm);
    become_zombie(vm, status);
}
