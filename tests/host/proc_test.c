/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process extension against the rules of proc_rules.h: random sequences of forks, ends, waits,
 * signals, groups, limits and questions of a few guests and what descends from them, kills in the
 * midst of a fork, an end or a reset included.  After each step the two are compared.
 */
#include "tests/host/proc_rules.h"

#define LAST_CODE 250

static u64 random_state;
static struct guest guests[TREES];

static u64 pick(u64 count)
{
    return test_random(&random_state) % count;
}

/* ---- comparing ---- */

static u32 count_all(void)
{
    u32 count = 0;

    for (u32 pid = 1; pid < PIDS_MAX; pid++)
        count += is_there(pid);
    return count;
}

static u32 count_list(const struct list *list, u32 parent, bool is_ended)
{
    const struct list *node;
    u32 count = 0;

    list_for_each(node, list) {
        const struct vm *child = vm_of((struct list *)node);

        CHECK_EQ(rule[child->pid].parent, parent);
        CHECK_EQ(child->zombie, is_ended);
        count++;
    }
    return count;
}

static void compare_family(const struct vm *vm)
{
    u32 children = 0, changes = 0, pid = vm->pid;

    for (u32 child = 1; child < PIDS_MAX; child++) {
        bool is_child = is_there(child) && rule[child].parent == pid;

        children += is_child;
        changes += is_child && rule[child].change != 0;
    }
    CHECK_EQ(count_list(&vm->children, pid, false) + count_list(&vm->ended, pid, true), children);
    CHECK_EQ(vm->changes, changes);
    CHECK_EQ(vm->tree->procs, count_in_limit(rule[pid].limit));
    CHECK_EQ(vm->owns_tree, rule[pid].owns_limit);
    CHECK_EQ(vm->group, rule[pid].group);
    CHECK(pid_slot(vm->group)->owner != 0);
}

static void compare_signals(const struct vm *vm)
{
    const struct rule *of = &rule[vm->pid];

    CHECK_EQ(vm->change, of->change);
    CHECK_EQ(vm->stopped, of->stopped);
    CHECK_EQ(vm->takes_signals, of->takes);
    CHECK_EQ(vm->signals, of->signals);
    CHECK_EQ(vm->events, of->events);
    CHECK_EQ(vm->waiting, of->waiting);
    CHECK_EQ(world.doomed[vm->pid], of->dying);
    if (of->dying == 0)
        CHECK_EQ(world.halted[vm->pid], of->stopped);
}

static void compare(void)
{
    u32 live = 0;

    for (u32 pid = 1; pid < PIDS_MAX; pid++) {
        struct vm *vm = world_vm(pid);

        CHECK_EQ(vm != NULL, is_there(pid));
        CHECK_EQ(world.woken[pid], must_wake[pid]);
        CHECK_EQ(world.interrupted[pid], must_interrupt[pid]);
        if (vm == NULL)
            continue;
        CHECK_EQ(vm->pid, pid);
        CHECK_EQ(proc_ppid(vm), rule[pid].parent);
        CHECK_EQ(vm->zombie, rule[pid].state == ZOMBIE);
        CHECK_EQ(vm->ending, rule[pid].state == ZOMBIE);
        CHECK_EQ(vm->control, rule[pid].control);
        CHECK(vm->guest == &guests[rule[pid].guest]);
        compare_family(vm);
        live += rule[pid].state == LIVE;
        if (rule[pid].state == LIVE)
            compare_signals(vm);
    }
    CHECK_EQ(foreground, rule_foreground);
    CHECK_EQ(world.reader, rule_reader);
    CHECK_EQ(world.machines, live);
    CHECK_EQ(world.processes, count_all());
    CHECK_EQ(guests_live, rule_guests);
    CHECK_EQ(world.stops, world.resumes);
    for (u32 i = 0; i < TREES; i++)
        CHECK_EQ(guests[i].family.own.held, 0);
}

/* ---- acts ---- */

/* A pid of any kind: a child, somebody, a group, nobody, no pid at all. */
static s64 any_pid(u32 caller)
{
    switch (pick(10)) {
    case 0: return -1;
    case 1: return (s64)pick(PIDS_MAX + 5);
    case 2: return 0;
    case 3: return -2 - (s64)pick(PIDS_MAX + 5);
    case 4: return (s64)(PIDS_MAX + pick(1UL << 40));
    case 5: return (s64)test_random(&random_state);
    case 6: return -(s64)rule[1 + pick(PIDS_MAX - 1)].group;
    default: break;
    }
    for (u32 tries = 0; tries < 20; tries++) {
        u32 pid = 1 + (u32)pick(PIDS_MAX - 1);

        if (is_there(pid) && rule[pid].parent == caller)
            return pid;
    }
    return -1;
}

static u64 any_signal(void)
{
    static const u8 favourites[] = {0, 1, 9, 15, 17, 18, 18, 18, 19, 19, 20};

    if (pick(16) == 0)
        return test_random(&random_state);
    return pick(2) == 0 ? pick(34) : favourites[pick(ARRAY_LEN(favourites))];
}

static void kill_and_compare(struct vcpu *vcpu, s64 asked, u64 signal)
{
    u64 count = 0, expected_count;
    enum err expected = rule_kill(vcpu->vm->pid, asked, signal, &expected_count);

    CHECK_EQ(proc_kill(vcpu, asked, signal, &count), expected);
    if (expected == ERR_OK)
        CHECK_EQ(count, expected_count);
}

/* KILL is rare, or few would live. */
static void try_kill(struct vcpu *vcpu)
{
    u64 signal = any_signal();

    if (signal == PROC_SIGKILL && pick(3) != 0)
        signal = PROC_SIGSTOP;
    if (pick(30) == 0)
        signal |= PROC_KILL_END;
    kill_and_compare(vcpu, any_pid(vcpu->vm->pid), signal);
}

/* One of the guests that hold the control right, or the parent, does something to vm. */
static void kill_it(struct vm *vm)
{
    static const u8 signals[] = {9, 18, 19, 15, 17};
    u32 by = rule[vm->pid].parent == 0 ? vm->pid : rule[vm->pid].parent;

    if (rule[by].state == LIVE)
        kill_and_compare(world_vm(by)->vcpu[1], (s64)vm->pid, signals[pick(ARRAY_LEN(signals))]);
}

static void kill_its_group(struct vm *vm)
{
    kill_and_compare(vm->vcpu[1], 0, 17);
}

/* 18 frames: 16 for tables, and one for each vCPU. */
static bool rule_may_commit(void)
{
    u64 all = frame_total_count(), live = 1;

    for (u32 pid = 1; pid < PIDS_MAX; pid++)
        live += rule[pid].state == LIVE;
    return !is_strict || live * (16 + VCPUS) <= all - all / 64;
}

static enum err rule_fork(u32 parent, u64 flags)
{
    if (flags & ~PROC_FORK_KEEP_CONTROL)
        return ERR_INVAL;
    if (world.is_stopping)
        return ERR_STATE;
    if (world.is_in_flight)
        return ERR_BUSY;
    if (!rule_has_room(parent))
        return ERR_QUOTA;
    if (world.is_out_of_memory || !rule_may_commit())
        return ERR_NOMEM;
    if (world.meanwhile == kill_its_group)
        return ERR_STATE;
    return ERR_OK;
}

static void try_fork(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;
    u64 flags = pick(16) == 0 ? 1UL << (1 + pick(63)) : pick(2);
    u32 parent = vm->pid, starts = world.starts, pid = 0;
    enum err expected, err;

    vcpu->csr.sepc = 0x80200000;
    vcpu->regs.a0 = 77;
    world.meanwhile = pick(20) == 0 ? kill_its_group : pick(20) == 0 ? kill_it : NULL;
    expected = rule_fork(parent, flags);
    err = proc_fork(vcpu, flags, 4, &pid);
    world.meanwhile = NULL;
    if (expected == ERR_OK && (rule[parent].stopped || rule[parent].dying != 0))
        expected = ERR_STATE;
    else if (expected == ERR_OK && !rule_has_free_pid())
        expected = ERR_QUOTA;
    CHECK_EQ(err, expected);
    CHECK_EQ(world.starts, starts + (err == ERR_OK));
    if (err != ERR_OK)
        return;
    CHECK(pid > 0 && pid < PIDS_MAX && is_free(pid));
    vcpu = world_vm(pid)->vcpu[vcpu->id];
    CHECK_EQ(vcpu->regs.a0 | vcpu->regs.a1, 0);
    CHECK_EQ(vcpu->csr.sepc, 0x80200004);
    rule[pid] = (struct rule){.state = LIVE,
                              .parent = parent,
                              .guest = rule[parent].guest,
                              .group = rule[parent].group,
                              .limit = rule[parent].limit,
                              .takes = rule[parent].takes,
                              .control = rule[parent].control && (flags & PROC_FORK_KEEP_CONTROL)};
}

static void rule_reset(u32 pid)
{
    rule[pid].takes = false;
    rule[pid].signals = rule[pid].events = rule[pid].event_vcpu = rule[pid].waiting = 0;
}

/* A reset may have been told from, but a process that others ended has its status from them. */
static void choose_end(struct vcpu *vcpu)
{
    static const u32 signals[] = {PROC_SIGILL, PROC_SIGABRT, PROC_SIGKILL, PROC_SIGSEGV};

    vcpu->end.reason = END_EXIT;
    vcpu->end.status = PROC_STATUS_EXITED(pick(LAST_CODE));
    if (rule[vcpu->vm->pid].dying != 0 && pick(4) != 0) {
        vcpu->end.reason = END_SIGNAL;
        vcpu->end.status = rule[vcpu->vm->pid].dying;
    } else if (pick(3) == 0) {
        vcpu->end.reason = END_SIGNAL;
        vcpu->end.status = PROC_STATUS_SIGNALED(signals[pick(ARRAY_LEN(signals))]);
    } else if (pick(4) == 0) {
        vcpu->end.reason = END_RESET;
    }
}

/* Called while its machine is taken apart: what comes now is seen after a reset only. */
static void kill_while_ending(struct vm *vm)
{
    rule[vm->pid].ending = true;
    kill_it(vm);
}

static void finish_end(u32 pid, enum end_reason reason, u32 status)
{
    rule[pid].ending = false;
    if (reason == END_RESET && !world.is_out_of_memory) {
        rule_reset(pid);
        return;
    }
    rule_end(pid, reason == END_RESET ? PROC_STATUS_SIGNALED(PROC_SIGKILL) : status);
}

/* The last hook of an end: from here on the real one only makes a zombie, or starts again. */
static struct {
    enum end_reason reason;
    u32 status;
    bool kills;
} ending;

static void note_end(struct vm *vm)
{
    u32 pid = vm->pid;

    if (ending.kills)
        kill_while_ending(vm);
    finish_end(pid, ending.reason, ending.status);
}

static void try_end(struct vcpu *vcpu)
{
    u32 requeues = world.requeues;

    choose_end(vcpu);
    ending.reason = vcpu->end.reason;
    ending.status = vcpu->end.status;
    ending.kills = pick(4) == 0 && rule[vcpu->vm->pid].parent != 0;
    if (world.is_in_flight && !world.is_stopping) {
        u32 blocks = world.blocks;

        proc_end(vcpu);
        CHECK_EQ(world.blocks, blocks + 1);
        world.is_in_flight = false;
    }
    if (!world.is_stopping)
        world.meanwhile = note_end;
    proc_end(vcpu);
    world.meanwhile = NULL;
    CHECK_EQ(world.requeues, requeues + world.is_stopping);
}

static void try_wait(struct vcpu *vcpu)
{
    u32 caller = vcpu->vm->pid, pid, zombie;
    s64 asked = any_pid(caller);
    u64 flags = pick(10) == 0 ? test_random(&random_state) : pick(8), result = 99;
    bool has_any_change;
    enum err expected = rule_wait(caller, vcpu->id, asked, flags, &zombie, &has_any_change);

    CHECK_EQ(proc_wait(vcpu, asked, flags, &result), expected);
    if (expected != ERR_OK)
        return;
    if (zombie == 0 && !has_any_change) {
        CHECK_EQ(result, 0);
        return;
    }
    pid = (u32)(result >> 32);
    CHECK(is_waited_for(caller, asked, pid));
    if (zombie != 0) {
        CHECK_EQ(pid, zombie);
        CHECK_EQ((u32)result, rule[pid].status);
        memset(&rule[pid], 0, sizeof(rule[pid]));
    } else {
        CHECK(has_change(pid, flags));
        CHECK_EQ((u32)result, rule[pid].change);
        rule[pid].change = 0;
    }
}

static void try_inspect(struct vcpu *vcpu)
{
    u32 caller = vcpu->vm->pid, asked = (u32)pick(PIDS_MAX + 5), next, expected = 0;
    struct proc_record record;
    bool found;

    proc_inspect(vcpu, asked, &record, &found, &next);
    for (u32 pid = PIDS_MAX - 1; pid > asked; pid--) {
        if (rule_may_see(caller, pid))
            expected = pid;
    }
    CHECK_EQ(next, expected);
    CHECK_EQ(found, rule_may_see(caller, asked));
    if (!found)
        return;
    CHECK_EQ(record.pid, asked);
    CHECK_EQ(record.ppid, rule[asked].parent);
    CHECK_EQ(record.group, rule[asked].group);
    CHECK_EQ(record.status, rule[asked].state == ZOMBIE ? rule[asked].status : 0);
    CHECK_EQ(record.frames_owned, rule[asked].state == ZOMBIE ? 1 : VCPUS + VCPUS + 3);
    if (rule[asked].state == ZOMBIE)
        CHECK_EQ(record.state, PROC_ZOMBIE);
    else
        CHECK_EQ(record.state == PROC_STOPPED, rule[asked].stopped);
}

static void try_signals(struct vcpu *vcpu)
{
    struct rule *of = &rule[vcpu->vm->pid];

    if (pick(2) == 0) {
        CHECK_EQ(proc_signals(vcpu), of->signals);
        of->takes = true;
        of->signals = 0;
    } else {
        CHECK_EQ(proc_events(vcpu), of->events);
        of->events = 0;
        of->event_vcpu = vcpu->id;
    }
}

static void try_groups(struct vcpu *vcpu)
{
    u32 caller = vcpu->vm->pid, group = 77;
    s64 asked = any_pid(caller), to = pick(2) == 0 ? 0 : -any_pid(caller);
    bool sees = asked == 0 || rule_may_see(caller, (u64)asked);

    if (pick(3) == 0) {
        CHECK_EQ(proc_getpgid(vcpu, (u64)asked, &group), sees ? ERR_OK : rule_unknown(caller));
        if (sees)
            CHECK_EQ(group, rule[asked == 0 ? caller : (u32)asked].group);
        return;
    }
    CHECK_EQ(proc_setpgid(vcpu, (u64)asked, (u64)to), rule_setpgid(caller, (u64)asked, (u64)to));
}

/* Not one that is just ending. */
static bool has_reader_below(u32 caller, u64 group)
{
    for (u32 pid = 1; pid < PIDS_MAX; pid++) {
        if (rule[pid].state == LIVE && rule[pid].group == group && is_below(pid, caller) &&
            !pid_slot(pid)->vm->ending)
            return true;
    }
    return false;
}

static void try_foreground(struct vcpu *vcpu)
{
    u32 caller = vcpu->vm->pid, before = 77, expected_before = rule_foreground;
    s64 group = pick(4) == 0 ? any_pid(caller) : (s64)rule[1 + pick(PIDS_MAX - 1)].group;
    bool can = group == -1 || (group > 0 && has_reader_below(caller, (u64)group));

    CHECK_EQ(proc_set_foreground(vcpu, group, &before), can ? ERR_OK : ERR_PERM);
    CHECK(before == expected_before || before == 0);
    if (rule[caller].control)
        CHECK_EQ(before, expected_before);
    if (!can || group == -1)
        return;
    CHECK_EQ(rule[world.reader].state, LIVE); /* any of them, if there is no leader */
    CHECK_EQ(rule[world.reader].group, group);
    CHECK(is_below(world.reader, caller));
    if (rule[group].state == LIVE && rule[group].group == group && is_below((u32)group, caller) &&
        !pid_slot((u64)group)->vm->ending)
        CHECK_EQ(world.reader, group);
    rule_reader = world.reader;
    rule_foreground = (u32)group;
    if (rule_reader != caller)
        rule[rule_reader].given_by = caller;
}

static void try_limit(struct vcpu *vcpu)
{
    u32 caller = vcpu->vm->pid;
    u64 what = pick(20) == 0 ? test_random(&random_state) : pick(2), before = 0;
    s64 value = pick(4) == 0 ? -1 : pick(8) == 0 ? (s64)test_random(&random_state) : (s64)pick(60);
    enum err expected = ERR_OK, err;

    if (limits_used == LIMITS_MAX)
        return;
    if (what > PROC_LIMIT_FRAMES || value < -1)
        expected = ERR_INVAL;
    else if (value > (s64)rule_smallest(caller, what))
        expected = ERR_PERM;
    err = proc_limit(vcpu, what, value, &before);
    if (err == ERR_NOMEM && expected == ERR_OK && value >= 0 && world.is_out_of_memory)
        return;
    CHECK_EQ(err, expected);
    if (expected != ERR_OK)
        return;
    CHECK_EQ(before, rule_smallest(caller, what));
    if (value < 0)
        return;
    if (!rule[caller].owns_limit)
        rule_own_limit(caller);
    *rule_limit_of(rule[caller].limit, what) = (u64)value;
}

/* ---- runs ---- */

static void start_guests(void)
{
    memset(&world, 0, sizeof(world));
    memset(&table, 0, sizeof(table));
    memset(rule, 0, sizeof(rule));
    families_used = guests_live = rule_guests = ends = 0;
    first_waits = false;
    foreground = rule_foreground = world.reader = rule_reader = 1;
    limits_used = TREES;
    committed = 0;
    quota_set_strict(pick(4) == 0);
    for (u32 i = 0; i < TREES; i++) {
        struct vm *vm;

        limits[i].parent = LIMITS_MAX;
        limits[i].procs_max = 1 + pick(30);
        limits[i].frames_max = QUOTA_NO_LIMIT;
        guests[i] = (struct guest){
            .family.tree = {.procs_max = limits[i].procs_max, .frames_max = limits[i].frames_max}
        };
        vm = make_vm(&guests[i]);
        vm->control = pick(3) == 0;
        CHECK_EQ(proc_add_guest(vm), ERR_OK);
        CHECK_EQ(vm->pid, i + 1);
        rule[vm->pid] = (struct rule){.state = LIVE,
                                      .guest = i,
                                      .group = vm->pid,
                                      .limit = i,
                                      .owns_limit = true,
                                      .is_guest = true,
                                      .control = vm->control};
        rule_guests++;
    }
    proc_start_guests();
    CHECK_EQ(world.starts, TREES);
}

/* Somebody who lives, guests seldom when they would end. */
static struct vcpu *any_vcpu(bool may_be_guest)
{
    for (;;) {
        u32 pid = 1 + (u32)pick(PIDS_MAX - 1);

        if (rule[pid].state == LIVE && (may_be_guest || !rule[pid].is_guest))
            return world_vm(pid)->vcpu[pick(VCPUS)];
    }
}

static void act(bool has_others)
{
    u64 kind = pick(100);

    if (kind < 30)
        try_fork(any_vcpu(true));
    else if (kind < 45)
        try_end(any_vcpu(!has_others || pick(300) == 0));
    else if (kind < 65)
        try_wait(any_vcpu(true));
    else if (kind < 80)
        try_kill(any_vcpu(true));
    else if (kind < 85)
        try_signals(any_vcpu(true));
    else if (kind < 91)
        try_groups(any_vcpu(true));
    else if (kind < 93)
        try_foreground(any_vcpu(true));
    else if (kind < 95)
        try_limit(any_vcpu(true));
    else
        try_inspect(any_vcpu(true));
}

static void step(void)
{
    bool has_others = false;

    for (u32 pid = 1; pid < PIDS_MAX; pid++)
        has_others |= rule[pid].state == LIVE && !rule[pid].is_guest;
    world.is_stopping = pick(20) == 0;
    world.is_out_of_memory = pick(20) == 0;
    world.is_in_flight = pick(20) == 0;
    world.has_interrupt = pick(4) == 0;
    memset(world.woken, 0, sizeof(world.woken));
    memset(world.interrupted, 0, sizeof(world.interrupted));
    memset(must_wake, 0, sizeof(must_wake));
    memset(must_interrupt, 0, sizeof(must_interrupt));
    act(has_others);
}

/* The rest when a run is over: orphans that live on, and what hangs on them. */
static void free_rest(void)
{
    for (u32 pid = 1; pid < PIDS_MAX; pid++) {
        struct vm *vm = world_vm(pid);

        if (vm != NULL) {
            quota_tree_put(vm->tree);
            if (!vm->zombie)
                fake_vm_destroy(vm);
            fake_vm_free(vm);
        }
    }
    frame_put(hpa_of(table.page[0]));
}

static void run_until_power_off(u64 seed, volatile u64 *steps)
{
    random_state = seed;
    start_guests();
    if (setjmp(world.power_off) != 0) {
        CHECK_EQ(rule_guests, 0);
        CHECK_EQ(world.left_at_end, count_all());
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
    u64 free_frames;

    (void)argument;
    world_boot(1, 256);
    free_frames = frame_free_count();
    for (u64 seed = 1; steps > 0; seed++) {
        run_until_power_off(seed, &steps);
        CHECK_EQ(frame_free_count(), free_frames);
    }
}

TEST(proc_tree_follows_posix)
{
    test_must_pass(run_all, NULL);
}
