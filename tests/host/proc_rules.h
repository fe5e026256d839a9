/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * POSIX's rules for processes and sbi/proc.h's, written down once more as a table with a row for
 * each pid; by searching, without a list or a lock.  For the one test file that includes this.
 */
#include "tests/host/proc_world.h"

#define TREES       3
#define LIMITS_MAX  64
#define FATAL_RULES (1U << 1 | 1U << 2 | 1U << 3 | 1U << 6 | 1U << 15)

enum rule_state { NOBODY, LIVE, ZOMBIE };

static struct rule {
    enum rule_state state;
    u32 parent, status, guest, group;
    u32 end;   /* zombies: the smaller the sooner it ended, or was adopted */
    u32 limit; /* index of the limit that it is in */
    u32 change, signals, events, event_vcpu, waiting, given_by;
    bool is_guest, waited, control, stopped, takes, owns_limit;
    bool ending; /* its machine is being taken apart just now */
    u32 dying;   /* status; 0: it is not */
} rule[PIDS_MAX];

/* Limits: those of the guests first. */
static struct {
    u32 parent; /* LIMITS_MAX: none */
    u64 procs_max, frames_max;
} limits[LIMITS_MAX];
static u32 limits_used;

static u32 rule_guests, ends, rule_foreground, rule_reader;
/* What the fakes must have been asked, as in world. */
static u32 must_wake[PIDS_MAX], must_interrupt[PIDS_MAX];

static bool is_there(u32 pid)
{
    return pid > 0 && pid < PIDS_MAX && rule[pid].state != NOBODY;
}

static bool is_below(u32 pid, u32 ancestor)
{
    while (pid != ancestor && is_there(pid))
        pid = rule[pid].parent;
    return pid == ancestor;
}

static bool rule_may_see(u32 caller, u64 pid)
{
    return pid < PIDS_MAX && is_there((u32)pid) &&
           (rule[caller].control || is_below((u32)pid, caller));
}

static enum err rule_unknown(u32 caller)
{
    return rule[caller].control ? ERR_CHILD : ERR_PERM;
}

static bool is_in_limit(u32 pid, u32 limit)
{
    u32 at = rule[pid].limit;

    while (at != limit && at != LIMITS_MAX)
        at = limits[at].parent;
    return at == limit;
}

static u32 count_in_limit(u32 limit)
{
    u32 count = 0;

    for (u32 pid = 1; pid < PIDS_MAX; pid++)
        count += is_there(pid) && is_in_limit(pid, limit);
    return count;
}

static bool rule_has_room(u32 pid)
{
    for (u32 at = rule[pid].limit; at != LIMITS_MAX; at = limits[at].parent) {
        if (count_in_limit(at) >= limits[at].procs_max)
            return false;
    }
    return true;
}

static bool is_group(u32 group)
{
    for (u32 pid = 1; pid < PIDS_MAX; pid++) {
        if (is_there(pid) && rule[pid].group == group)
            return true;
    }
    return false;
}

/* A pid that a new process can get. */
static bool is_free(u32 pid)
{
    return pid > 1 && !is_there(pid) && !is_group(pid);
}

static bool rule_has_free_pid(void)
{
    for (u32 pid = 1; pid < PIDS_MAX; pid++) {
        if (is_free(pid))
            return true;
    }
    return false;
}

/* ---- events ---- */

static void rule_raise(u32 pid, u32 events)
{
    if (rule[pid].ending)
        return;
    if ((rule[pid].events & events) != events)
        must_interrupt[pid] |= 1U << rule[pid].event_vcpu;
    rule[pid].events |= events;
}

static void rule_tell_parent(u32 parent)
{
    if (parent == 0 || rule[parent].ending)
        return;
    must_wake[parent] |= rule[parent].waiting;
    rule[parent].waiting = 0;
    rule_raise(parent, PROC_EVENT_CHILD);
}

/* ---- signals ---- */

static void rule_end_by(u32 pid, u32 signal)
{
    rule[pid].dying = PROC_STATUS_SIGNALED(signal);
}

static void rule_change(u32 pid, u32 status)
{
    rule[pid].stopped = status == PROC_STATUS_STOPPED;
    if (rule[pid].parent == 0)
        return;
    rule[pid].change = status;
    rule_tell_parent(rule[pid].parent);
}

static void rule_continue(u32 pid)
{
    rule[pid].signals &= ~(7U << 20);
    if (!rule[pid].stopped)
        return;
    rule_change(pid, PROC_STATUS_CONTINUED);
    if (rule[pid].takes)
        return;
    for (u32 signal = 1; signal <= PROC_SIGNAL_MAX && rule[pid].dying == 0; signal++) {
        if (rule[pid].signals & FATAL_RULES & 1U << signal)
            rule_end_by(pid, signal);
    }
}

static void rule_signal(u32 pid, u32 sent)
{
    struct rule *to = &rule[pid];
    u32 signal = sent & ~(u32)PROC_KILL_END;
    bool is_fatal = FATAL_RULES >> signal & 1;

    if (to->state == ZOMBIE || to->dying != 0 || signal == 0)
        return;
    if (signal != sent) {
        rule_end_by(pid, signal);
    } else if (signal == PROC_SIGKILL) {
        rule_end_by(pid, signal);
    } else if (signal == PROC_SIGSTOP) {
        if (!to->stopped)
            rule_change(pid, PROC_STATUS_STOPPED);
    } else if (signal == PROC_SIGCONT) {
        rule_continue(pid);
    } else if (to->takes) {
        if (!(to->signals >> signal & 1))
            rule_raise(pid, PROC_EVENT_SIGNAL);
        to->signals |= 1U << signal;
    } else if (is_fatal && to->stopped) {
        to->signals |= 1U << signal;
    } else if (is_fatal) {
        rule_end_by(pid, signal);
    }
}

static bool rule_is_target(u32 caller, s64 asked, u32 pid)
{
    u32 group = asked == 0 ? rule[caller].group : (u32)-asked;

    if (!is_there(pid) || !is_below(pid, caller))
        return false;
    return asked == -1 ? pid != caller : rule[pid].group == group;
}

static enum err rule_kill(u32 caller, s64 asked, u64 signal, u64 *count)
{
    *count = 0;
    if ((signal & ~PROC_KILL_END) > PROC_SIGNAL_MAX || signal == PROC_KILL_END)
        return ERR_INVAL;
    if (asked > 0) {
        if (!rule_may_see(caller, (u64)asked))
            return rule_unknown(caller);
        rule_signal((u32)asked, (u32)signal);
        *count = 1;
        return ERR_OK;
    }
    if (asked <= -PIDS_MAX)
        return ERR_CHILD;
    for (u32 pid = 1; pid < PIDS_MAX; pid++)
        *count += rule_is_target(caller, asked, pid);
    if (*count == 0 && !(rule[caller].control && asked < -1 && is_group((u32)-asked)))
        return ERR_CHILD;
    for (u32 pid = 1; pid < PIDS_MAX; pid++) {
        if (*count != 0 && rule_is_target(caller, asked, pid))
            rule_signal(pid, (u32)signal);
    }
    if (*count != 0)
        return ERR_OK;
    for (u32 pid = 1; pid < PIDS_MAX; pid++) {
        if (is_there(pid) && rule[pid].group == (u32)-asked) {
            rule_signal(pid, (u32)signal);
            ++*count;
        }
    }
    return ERR_OK;
}

/* ---- the end ---- */

static bool rule_attach(u32 pid)
{
    if (rule[pid].state != LIVE)
        return false;
    rule_reader = pid;
    rule_foreground = rule[pid].group;
    return true;
}

/* Input goes to another one of the group. */
static bool rule_pass(u32 pid)
{
    for (u32 other = 1; other < PIDS_MAX; other++) {
        if (other == pid || rule[other].state != LIVE || rule[other].group != rule[pid].group)
            continue;
        rule_reader = other;
        rule[other].given_by = rule[pid].given_by;
        return true;
    }
    return false;
}

/* ... or back to who gave it away, or to pid 1. */
static void rule_leave_foreground(u32 pid)
{
    u32 heir = rule[pid].given_by, guest = rule[pid].guest;

    if (rule_reader != pid || rule_pass(pid))
        return;
    if (heir == 0 || heir == pid || rule[heir].guest != guest || !rule_attach(heir))
        (void)(pid != 1 && rule_attach(1));
}

/* Guest 1 takes orphans, once it has shown that it waits. */
static void rule_give_away(u32 pid)
{
    u32 heir = pid != 1 && rule[1].is_guest && rule[1].waited ? 1 : 0;
    bool has_ended = false;

    for (;;) {
        u32 first = 0;

        for (u32 child = 1; child < PIDS_MAX; child++) {
            if (is_there(child) && rule[child].parent == pid &&
                (first == 0 || rule[child].end < rule[first].end))
                first = child;
        }
        if (first == 0)
            break;
        rule[first].parent = heir;
        rule[first].change = 0;
        if (rule[first].state != ZOMBIE)
            continue;
        has_ended = true;
        if (heir == 0)
            memset(&rule[first], 0, sizeof(rule[first]));
        else
            rule[first].end = ++ends;
    }
    if (heir != 0 && has_ended)
        rule_tell_parent(heir);
}

static void rule_end(u32 pid, u32 status)
{
    u32 parent = rule[pid].parent;

    rule_leave_foreground(pid);
    rule_give_away(pid);
    rule_guests -= rule[pid].is_guest;
    if (parent != 0) {
        rule[pid].state = ZOMBIE;
        rule[pid].status = status;
        rule[pid].change = 0;
        rule[pid].end = ++ends;
        rule_tell_parent(parent);
    } else {
        memset(&rule[pid], 0, sizeof(rule[pid]));
    }
}

/* ---- wait ---- */

static bool is_waited_for(u32 caller, s64 asked, u32 pid)
{
    if (!is_there(pid) || rule[pid].parent != caller)
        return false;
    if (asked > 0)
        return asked == (s64)pid;
    return asked == -1 || rule[pid].group == (asked == 0 ? rule[caller].group : (u32)-asked);
}

static bool has_change(u32 pid, u64 flags)
{
    return (rule[pid].change == PROC_STATUS_STOPPED && (flags & PROC_WAIT_STOPPED)) ||
           (rule[pid].change == PROC_STATUS_CONTINUED && (flags & PROC_WAIT_CONTINUED));
}

/* *zombie: the one that ended first; *has_any_change: otherwise one of those that changed. */
static enum err rule_wait(u32 caller, u32 vcpu, s64 asked, u64 flags, u32 *zombie,
                          bool *has_any_change)
{
    bool has_child = false;

    *zombie = 0;
    *has_any_change = false;
    if (flags & ~7UL)
        return ERR_INVAL;
    rule[caller].waited = true;
    for (u32 pid = 1; pid < PIDS_MAX; pid++) {
        if (!is_waited_for(caller, asked, pid))
            continue;
        has_child = true;
        *has_any_change |= rule[pid].state == LIVE && has_change(pid, flags);
        if (rule[pid].state == ZOMBIE && (*zombie == 0 || rule[pid].end < rule[*zombie].end))
            *zombie = pid;
    }
    if (!has_child)
        return asked <= 0 || rule_may_see(caller, (u64)asked) ? ERR_CHILD : rule_unknown(caller);
    if (*zombie != 0 || *has_any_change || (flags & PROC_WAIT_NOHANG))
        return ERR_OK;
    rule[caller].waiting |= 1U << vcpu;
    return world.has_interrupt ? ERR_INTR : ERR_STATE;
}

/* ---- groups ---- */

static bool has_group_below(u32 caller, u64 group, bool only_live)
{
    bool has = false, is_live = false;

    for (u32 pid = 1; pid < PIDS_MAX; pid++) {
        if (!is_there(pid) || rule[pid].group != group)
            continue;
        has |= is_below(pid, caller);
        is_live |= rule[pid].state == LIVE;
    }
    return has && (is_live || !only_live);
}

static enum err rule_setpgid(u32 caller, u64 asked, u64 group)
{
    u32 pid = asked == 0 ? caller : (u32)(asked < PIDS_MAX ? asked : 0);

    if (pid == 0 || !is_below(pid, caller))
        return rule_unknown(caller);
    if (rule[pid].state == ZOMBIE || (pid != caller && rule[pid].parent != caller))
        return ERR_CHILD;
    if (group == 0)
        group = pid;
    if (group != pid && !has_group_below(caller, group, false))
        return ERR_PERM;
    rule[pid].group = (u32)group;
    return ERR_OK;
}

/* ---- limits ---- */

static u64 *rule_limit_of(u32 limit, u64 what)
{
    return what == PROC_LIMIT_PROCS ? &limits[limit].procs_max : &limits[limit].frames_max;
}

static u64 rule_smallest(u32 pid, u64 what)
{
    u64 smallest = QUOTA_NO_LIMIT;

    for (u32 at = rule[pid].limit; at != LIMITS_MAX; at = limits[at].parent)
        smallest = *rule_limit_of(at, what) < smallest ? *rule_limit_of(at, what) : smallest;
    return smallest;
}

static void rule_own_limit(u32 caller)
{
    u32 before = rule[caller].limit, own = limits_used++;

    limits[own].parent = before;
    limits[own].procs_max = limits[own].frames_max = QUOTA_NO_LIMIT;
    for (u32 pid = 1; pid < PIDS_MAX; pid++) {
        u32 at = rule[pid].limit;

        if (!is_there(pid) || !is_below(pid, caller))
            continue;
        if (at == before)
            rule[pid].limit = own;
        while (at != before && limits[at].parent != before && limits[at].parent != own)
            at = limits[at].parent;
        if (at != before)
            limits[at].parent = own;
    }
    rule[caller].owns_limit = true;
}
