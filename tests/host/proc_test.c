/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process tree against POSIX's rules written down once more, as a table with a row for each
 * pid: random forks, ends, waits and questions, over fakes of the machine and of the scheduler.
 *
 * Pids are few here, so that they are used up and used again.
 */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "hv/console.h"
#include "hv/panic.h"
#include "hv/proc.h"
#include "hv/report.h"
#include "hv/sched.h"
#include "hv/tracing.h"
#include "hv/vcpu.h"
#include "hv/vm.h"

#include "tests/host/hv_world.h"
#include "tests/test.h"

#undef PIDS_MAX
#define PIDS_MAX 40

#define console_flush        fake_console_flush
#define console_share        fake_console_share
#define gstage_count         fake_gstage_count
#define report_and_power_off fake_power_off
#define report_end           fake_report_end
#define sched_block          fake_sched_block
#define sched_forget_others  fake_sched_forget_others
#define sched_requeue        fake_sched_requeue
#define sched_resume_others  fake_sched_resume_others
#define sched_start          fake_sched_start
#define sched_stop_others    fake_sched_stop_others
#define sched_wake           fake_sched_wake
#define tracing_vm(...)      ((void)0)
#define vcpu_has_interrupt   fake_vcpu_has_interrupt
#define vcpu_put             fake_vcpu_put
#define vm_clone             fake_vm_clone
#define vm_destroy           fake_vm_destroy
#define vm_free              fake_vm_free
#define vm_reset             fake_vm_reset
#define vtransport_count     fake_vtransport_count
#define vtransport_settle    fake_vtransport_settle

#define TREES     3
#define VCPUS     2
#define LAST_CODE 250

/* What the fakes were asked, and what they answer. */
static struct {
    bool is_stopping, has_interrupt, is_out_of_memory, is_in_flight;
    u32 blocks, stops, resumes, starts, requeues, puts, machines, processes;
    u32 live_at_end;
    bool woken[PIDS_MAX];
    jmp_buf power_off;
} world;

static void fake_console_flush(struct vm *vm)
{
    CHECK(!vm->ending);
}

static void fake_console_share(void) {}

static struct gstage_census fake_gstage_count(struct gstage *gs)
{
    return (struct gstage_census){.owned = gs->vcpus, .shared = 7};
}

static __noreturn void fake_power_off(u32 live)
{
    world.live_at_end = live;
    longjmp(world.power_off, 1);
}

static void fake_report_end(const struct vm *vm, const struct vcpu *vcpu, enum end_reason reason,
                            u32 status)
{
    CHECK(vcpu->vm == vm);
    CHECK_EQ(PROC_STATUS_IS_EXIT(status), reason == END_EXIT);
}

static bool fake_sched_stop_others(struct vm *vm, struct vcpu *self)
{
    CHECK(self->vm == vm);
    world.stops += !world.is_stopping;
    return !world.is_stopping;
}

static void fake_sched_resume_others(struct vm *vm)
{
    CHECK(!vm->ending);
    world.resumes++;
}

static void fake_sched_forget_others(struct vm *vm, const struct vcpu *self)
{
    CHECK(self->vm == vm);
    world.resumes++;
}

static void fake_sched_start(struct vcpu *vcpu)
{
    CHECK(vcpu->vm->pid != 0);
    vcpu->state = VCPU_RUNNABLE;
    world.starts++;
}

static void fake_sched_requeue(struct vcpu *vcpu)
{
    (void)vcpu;
    world.requeues++;
}

static void fake_sched_wake(struct vcpu *vcpu)
{
    world.woken[vcpu->vm->pid] = true;
}

static bool fake_vcpu_has_interrupt(const struct vcpu *vcpu)
{
    (void)vcpu;
    return world.has_interrupt;
}

static void fake_vcpu_put(struct vcpu *vcpu)
{
    (void)vcpu;
    world.puts++;
}

static struct vm *make_vm(struct guest *guest)
{
    struct vm *vm = calloc(1, sizeof(*vm));

    vm->guest = guest;
    vm->gs.vcpus = VCPUS;
    vm->vcpus = VCPUS;
    vm->vcpu[0] = &vm->boot_vcpu;
    vm->vcpu[1] = calloc(1, sizeof(struct vcpu));
    for (u32 i = 0; i < VCPUS; i++) {
        vm->vcpu[i]->vm = vm;
        vm->vcpu[i]->id = i;
        vm->vcpu[i]->state = VCPU_BLOCKED;
    }
    list_init(&vm->children);
    list_init(&vm->sibling);
    world.machines++;
    world.processes++;
    return vm;
}

static struct vm *fake_vm_clone(struct vm *parent, struct vcpu *vcpu, enum clone_mode mode)
{
    struct vm *child;

    (void)mode;
    if (world.is_out_of_memory)
        return NULL;
    child = make_vm(parent->guest);
    child->vcpu[vcpu->id]->regs = vcpu->regs;
    child->vcpu[vcpu->id]->csr = vcpu->csr;
    return child;
}

static void fake_vm_destroy(struct vm *vm)
{
    free(vm->vcpu[1]);
    vm->vcpu[1] = NULL;
    world.machines--;
}

static void fake_vm_free(struct vm *vm)
{
    CHECK(vm->vcpu[1] == NULL);
    free(vm);
    world.processes--;
}

static enum err fake_vm_reset(struct vm *vm)
{
    CHECK(vm->ending);
    return world.is_out_of_memory ? ERR_NOMEM : ERR_OK;
}

/* Frames of its devices. */
static void fake_vtransport_count(const struct vm *vm, u64 *owned, u64 *shared)
{
    CHECK(!vm->ending);
    *owned += 3;
    *shared += 2;
}

/* If not, the others stay as they are, stopped. */
static bool fake_vtransport_settle(struct vm *vm)
{
    CHECK(!vm->ending);
    world.stops -= world.is_in_flight;
    return !world.is_in_flight;
}

static void fake_sched_block(struct vcpu *vcpu, u64 deadline)
{
    CHECK_EQ(vcpu->held, VERDICT_END);
    CHECK_EQ(deadline, UINT64_MAX);
    world.blocks++;
}

#include "hv/proc.c" // NOLINT(bugprone-suspicious-include)

/* ---- the same, by the rules ---- */

static struct {
    enum { NOBODY, LIVE, ZOMBIE } state;
    u32 parent, status, tree;
    bool is_guest, waited, control;
} rule[PIDS_MAX];

static u64 random_state;
static struct guest guests[TREES];
static u32 guests_live;

static u64 pick(u64 count)
{
    return test_random(&random_state) % count;
}

static u32 count_of_tree(u32 tree)
{
    u32 count = 0;

    for (u32 pid = 1; pid < PIDS_MAX; pid++)
        count += rule[pid].state != NOBODY && rule[pid].tree == tree;
    return count;
}

static u32 count_all(void)
{
    u32 count = 0;

    for (u32 tree = 0; tree < TREES; tree++)
        count += count_of_tree(tree);
    return count;
}

static bool rule_may_see(u32 caller, u32 pid)
{
    if (rule[caller].control)
        return true;
    while (pid != caller && pid != 0 && rule[pid].state != NOBODY)
        pid = rule[pid].parent;
    return pid == caller;
}

/* Guest 1 takes orphans, once it has shown that it waits. */
static void rule_end(u32 pid, u32 status)
{
    u32 heir = pid != 1 && rule[1].is_guest && rule[1].waited ? 1 : 0;

    for (u32 child = 1; child < PIDS_MAX; child++) {
        if (rule[child].state == NOBODY || rule[child].parent != pid)
            continue;
        rule[child].parent = heir;
        if (heir == 0 && rule[child].state == ZOMBIE)
            memset(&rule[child], 0, sizeof(rule[child]));
    }
    if (rule[pid].parent != 0) {
        rule[pid].state = ZOMBIE;
        rule[pid].status = status;
        return;
    }
    guests_live -= rule[pid].is_guest;
    memset(&rule[pid], 0, sizeof(rule[pid]));
}

/* proc.c's tree is the table's. */
static void compare(void)
{
    u32 live = 0;

    for (u32 pid = 1; pid < PIDS_MAX; pid++) {
        struct vm *vm = procs.by_pid[pid];
        u32 children = 0;
        struct list *node;

        CHECK_EQ(vm != NULL, rule[pid].state != NOBODY);
        if (vm == NULL)
            continue;
        live += rule[pid].state == LIVE;
        CHECK_EQ(vm->pid, pid);
        CHECK_EQ(proc_ppid(vm), rule[pid].parent);
        CHECK_EQ(vm->zombie, rule[pid].state == ZOMBIE);
        CHECK_EQ(vm->ending, rule[pid].state == ZOMBIE);
        CHECK_EQ(vm->control, rule[pid].control);
        CHECK(vm->guest == &guests[rule[pid].tree]);
        list_for_each(node, &vm->children) {
            CHECK_EQ(rule[vm_of(node)->pid].parent, pid);
            children++;
        }
        for (u32 other = 1; other < PIDS_MAX; other++)
            children -= rule[other].state != NOBODY && rule[other].parent == pid;
        CHECK_EQ(children, 0);
    }
    for (u32 tree = 0; tree < TREES; tree++)
        CHECK_EQ(guests[tree].tree.procs, count_of_tree(tree));
    CHECK_EQ(world.machines, live);
    CHECK_EQ(world.processes, count_all());
    CHECK_EQ(procs.guests, guests_live);
    CHECK_EQ(world.stops, world.resumes);
    CHECK_EQ(procs.lock.held, 0);
}

/* ---- acts ---- */

static void try_fork(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;
    const struct tree *tree = &vm->guest->tree;
    u64 flags = pick(16) == 0 ? 1UL << (1 + pick(63)) : pick(2);
    u32 parent = vm->pid, starts = world.starts, pid = 0;
    enum err expected = ERR_OK, err;

    vcpu->csr.sepc = 0x80200000;
    vcpu->regs.a0 = 77;
    if (flags & ~PROC_FORK_KEEP_CONTROL)
        expected = ERR_INVAL;
    else if (world.is_stopping)
        expected = ERR_STATE;
    else if (world.is_in_flight)
        expected = ERR_BUSY;
    else if (tree->procs == tree->procs_max)
        expected = ERR_QUOTA;
    else if (world.is_out_of_memory)
        expected = ERR_NOMEM;
    else if (count_all() == PIDS_MAX - 1 ||
             (count_all() == PIDS_MAX - 2 && procs.by_pid[1] == NULL))
        expected = ERR_QUOTA;
    err = proc_fork(vcpu, flags, 4, &pid);
    CHECK_EQ(err, expected);
    CHECK_EQ(world.starts, starts + (err == ERR_OK));
    if (err != ERR_OK)
        return;
    CHECK(pid > 0 && pid < PIDS_MAX);
    CHECK_EQ(rule[pid].state, NOBODY); /* nor a zombie: it is still somebody */
    vcpu = procs.by_pid[pid]->vcpu[vcpu->id];
    CHECK_EQ(vcpu->regs.a0 | vcpu->regs.a1, 0);
    CHECK_EQ(vcpu->csr.sepc, 0x80200004);
    rule[pid].state = LIVE;
    rule[pid].parent = parent;
    rule[pid].tree = rule[parent].tree;
    rule[pid].control = rule[parent].control && (flags & PROC_FORK_KEEP_CONTROL);
}

static void try_end(struct vcpu *vcpu)
{
    static const u32 signals[] = {PROC_SIGILL, PROC_SIGABRT, PROC_SIGKILL, PROC_SIGSEGV};
    u32 pid = vcpu->vm->pid, parent = rule[pid].parent, requeues = world.requeues;
    u32 status = PROC_STATUS_EXITED(pick(LAST_CODE));
    enum end_reason reason = END_EXIT;

    if (pick(3) == 0) {
        reason = END_SIGNAL;
        status = PROC_STATUS_SIGNALED(signals[pick(ARRAY_LEN(signals))]);
    } else if (pick(4) == 0) {
        reason = END_RESET;
    }
    vcpu->end.reason = reason;
    vcpu->end.status = status;
    if (world.is_in_flight && !world.is_stopping) {
        u32 blocks = world.blocks;

        proc_end(vcpu);
        CHECK_EQ(world.blocks, blocks + 1);
        world.is_in_flight = false;
    }
    if (!world.is_stopping && !(reason == END_RESET && !world.is_out_of_memory)) {
        rule_end(pid, reason == END_RESET ? PROC_STATUS_SIGNALED(PROC_SIGKILL) : status);
    }
    proc_end(vcpu);
    CHECK_EQ(world.requeues, requeues + world.is_stopping);
    if (rule[pid].state == ZOMBIE)
        CHECK(world.woken[parent]);
}

/* A pid of any kind: a child, somebody, nobody, no pid at all. */
static s64 any_pid(u32 caller)
{
    switch (pick(8)) {
    case 0: return -1;
    case 1: return (s64)pick(PIDS_MAX + 5);
    case 2: return 0;
    case 3: return -2 - (s64)pick(100);
    case 4: return (s64)(PIDS_MAX + pick(1UL << 40));
    default: break;
    }
    for (u32 tries = 0; tries < 20; tries++) {
        u32 pid = 1 + (u32)pick(PIDS_MAX - 1);

        if (rule[pid].state != NOBODY && rule[pid].parent == caller)
            return pid;
    }
    return -1;
}

static enum err rule_wait(u32 caller, s64 asked, u64 flags)
{
    bool has_child = false, has_zombie = false;

    if (flags & ~7UL)
        return ERR_INVAL;
    if (asked == 0 || asked < -1)
        return ERR_NOSUPP;
    if (asked >= PIDS_MAX)
        return ERR_PERM;
    rule[caller].waited = true;
    for (u32 pid = 1; pid < PIDS_MAX; pid++) {
        if (rule[pid].state != NOBODY && rule[pid].parent == caller &&
            (asked == -1 || asked == (s64)pid)) {
            has_child = true;
            has_zombie |= rule[pid].state == ZOMBIE;
        }
    }
    if (!has_child)
        return asked == -1 || rule_may_see(caller, (u32)asked) ? ERR_CHILD : ERR_PERM;
    if (has_zombie || (flags & PROC_WAIT_NOHANG))
        return ERR_OK;
    return world.has_interrupt ? ERR_INTR : ERR_STATE;
}

static void try_wait(struct vcpu *vcpu)
{
    u32 caller = vcpu->vm->pid, pid;
    s64 asked = any_pid(caller);
    u64 flags = pick(10) == 0 ? test_random(&random_state) : pick(8), result = 99;
    enum err expected = rule_wait(caller, asked, flags);

    CHECK_EQ(proc_wait(vcpu, asked, flags, &result), expected);
    if (expected != ERR_OK)
        return;
    if (result == 0) {
        CHECK(flags & PROC_WAIT_NOHANG);
        for (pid = 1; pid < PIDS_MAX; pid++)
            CHECK(rule[pid].state != ZOMBIE || rule[pid].parent != caller ||
                  (asked != -1 && asked != (s64)pid));
        return;
    }
    pid = (u32)(result >> 32);
    CHECK(pid < PIDS_MAX && rule[pid].state == ZOMBIE && rule[pid].parent == caller);
    CHECK(asked == -1 || asked == (s64)pid);
    CHECK_EQ((u32)result, rule[pid].status);
    memset(&rule[pid], 0, sizeof(rule[pid]));
}

static void try_inspect(struct vcpu *vcpu)
{
    u32 caller = vcpu->vm->pid, asked = (u32)pick(PIDS_MAX + 5), next, expected = 0;
    bool exists = asked < PIDS_MAX && rule[asked].state != NOBODY, found;
    struct proc_record record;

    proc_inspect(vcpu, asked, &record, &found, &next);
    for (u32 pid = PIDS_MAX - 1; pid > asked; pid--) {
        if (rule[pid].state != NOBODY && rule_may_see(caller, pid))
            expected = pid;
    }
    CHECK_EQ(next, expected);
    CHECK_EQ(found, exists && rule_may_see(caller, asked));
    if (!found)
        return;
    CHECK_EQ(record.pid, asked);
    CHECK_EQ(record.ppid, rule[asked].parent);
    CHECK_EQ(record.state == PROC_ZOMBIE, rule[asked].state == ZOMBIE);
    CHECK_EQ(record.status, rule[asked].status);
    CHECK_EQ(record.frames_owned, rule[asked].state == ZOMBIE ? 1 : VCPUS + VCPUS + 3);
}

static void start_guests(void)
{
    memset(&world, 0, sizeof(world));
    memset(&procs, 0, sizeof(procs));
    memset(rule, 0, sizeof(rule));
    guests_live = 0;
    for (u32 tree = 0; tree < TREES; tree++) {
        struct vm *vm;

        guests[tree] = (struct guest){.tree = {.procs_max = 1 + (u32)pick(30)}};
        vm = make_vm(&guests[tree]);
        vm->control = pick(3) == 0;
        CHECK_EQ(proc_add_guest(vm), ERR_OK);
        CHECK_EQ(vm->pid, tree + 1);
        rule[vm->pid].state = LIVE;
        rule[vm->pid].tree = tree;
        rule[vm->pid].is_guest = true;
        rule[vm->pid].control = vm->control;
        guests_live++;
    }
}

/* Somebody who lives, guests seldom when they would end. */
static struct vcpu *any_vcpu(bool may_be_guest)
{
    for (;;) {
        u32 pid = 1 + (u32)pick(PIDS_MAX - 1);

        if (rule[pid].state == LIVE && (may_be_guest || !rule[pid].is_guest))
            return procs.by_pid[pid]->vcpu[pick(VCPUS)];
    }
}

static void step(void)
{
    u64 act = pick(100);
    bool has_others = false;

    for (u32 pid = 1; pid < PIDS_MAX; pid++)
        has_others |= rule[pid].state == LIVE && !rule[pid].is_guest;
    world.is_stopping = pick(20) == 0;
    world.is_out_of_memory = pick(20) == 0;
    world.is_in_flight = pick(20) == 0;
    world.has_interrupt = pick(4) == 0;
    memset(world.woken, 0, sizeof(world.woken));
    if (act < 35)
        try_fork(any_vcpu(true));
    else if (act < 60)
        try_end(any_vcpu(!has_others || pick(300) == 0));
    else if (act < 90)
        try_wait(any_vcpu(true));
    else
        try_inspect(any_vcpu(true));
}

/* The rest when a run is over: orphans that live on. */
static void free_rest(void)
{
    for (u32 pid = 1; pid < PIDS_MAX; pid++) {
        if (procs.by_pid[pid] != NULL) {
            if (!procs.by_pid[pid]->zombie)
                fake_vm_destroy(procs.by_pid[pid]);
            fake_vm_free(procs.by_pid[pid]);
        }
    }
}

static u32 live_processes(void)
{
    u32 live = 0;

    for (u32 pid = 0; pid < PIDS_MAX; pid++)
        live += rule[pid].state == LIVE;
    return live;
}

static void run_until_power_off(u64 seed, volatile u64 *steps)
{
    random_state = seed;
    start_guests();
    if (setjmp(world.power_off) != 0) {
        CHECK_EQ(guests_live, 0);
        CHECK_EQ(world.live_at_end, live_processes());
    } else {
        for (; *steps > 0; --*steps) {
            step();
            compare();
        }
    }
    free_rest();
}

static void run_all(void *argument)
{
    volatile u64 steps = world_times(200000);

    (void)argument;
    world_boot(1, 0);
    for (u64 seed = 1; steps > 0; seed++)
        run_until_power_off(seed, &steps);
}

TEST(proc_tree_follows_posix)
{
    test_must_pass(run_all, NULL);
}
