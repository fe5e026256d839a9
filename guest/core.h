/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A hart as the scheduler sees it: its queue, what it runs, and what it does when there is nothing.
 * Inside of the component task and of those that extend it: preempt, smp.
 *
 * Lock order: list of tasks, wait queue or alarms, core.
 */
#include "guest/task.h"

struct core {
    struct spin lock;

    /* guarded by lock: */
    struct run_queue queue;
    struct task *running;
    u64 charged_at; /* until when the running one's time is accounted for */

    /* immutable: */
    struct task *idle;
    u64 trap_stack; /* its top */
};

#define CORE_TICKS_A_SECOND 100

/* Components fifo, rr, cfs: one of them is there. */
extern const struct policy_ops *const sched_policy;

extern struct core cores[GUEST_HARTS_MAX];

/* Which of them run; those of them that have nothing to do and were not told otherwise. */
extern u64 cores_online, cores_idle;

/* The component preempt is there. */
extern bool core_preemptive;

static inline struct core *core_of(const struct task *task)
{
    return GUEST_HARTS_MAX > 1 ? task->core : cores;
}

static inline unsigned core_index(const struct core *core)
{
    return GUEST_HARTS_MAX > 1 ? (unsigned)(core - cores) : 0;
}

/* Lowest word of each stack. */
#define TASK_CANARY 0x5eadbea7c0ffee11

void core_init(struct core *core, struct task *idle, struct task *running, u64 trap_stack);
void core_place(struct task *task, struct core *core);
bool core_charge(struct core *core);
void core_add(struct task *task);
void core_irq_restore(u64 irq);
void core_preempt(struct task *self);
bool core_in_trap(void);
__noreturn int core_idle(void *unused);
__noreturn void core_end(void);

/* What switch.S and new tasks call. */
void core_begin(struct task *before);
void core_resume(struct task *before);

/* The list of all tasks, but idle ones; interrupt handlers look at it, too. */
extern struct spin tasks_lock;
extern struct list tasks;
struct task *task_make(const char *name, size_t stack_bytes);
void task_free(struct task *task);
void task_ready(struct task *task, int (*fn)(void *arg), void *arg, struct core *core);

/* The payload ends with a report: task_report.c. */
__noreturn void task_overflow(const struct task *task);
__noreturn void task_deadlock(void);
__noreturn void task_misuse(const char *what, u64 place);

/* Components override these. */
struct task *core_steal(struct core *core); /* smp: one of another core's; NULL: there is none */
void core_stop_others(void);                /* smp: until core_go_others */
void core_go_others(void);
void core_kick(struct core *core);   /* smp: interrupt the hart */
void core_spread(struct core *core); /* smp: something was queued there */
void core_tick_start(void);          /* preempt: this hart has something to do again */

/* switch.S */
struct task *context_switch(struct task *from, struct task *to, struct thread *tp);
__noreturn void context_load(struct task *from, struct task *to, struct thread *tp);
void context_preempted(void);
