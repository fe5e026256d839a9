/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Component task: tasks, each with a stack of its own, run by the policy that the payload chose
 * (fifo, rr, cfs).  main is one.  Without the component preempt a task runs until it waits, yields
 * or ends.
 *
 * Where nothing is said, functions are for tasks, and not for interrupt handlers.
 */
#include "lib/kit/err.h"
#include "lib/kit/list.h"
#include "lib/sched/policy.h"

#include "guest/fp.h"
#include "guest/spin.h"
#include "guest/thread.h"

/* What a task that was switched from goes on with; switch.S. */
struct context {
    u64 ra, sp;
    u64 s[12];
};

enum task_state {
    TASK_READY,   /* it runs, or could */
    TASK_WAITING, /* until task_wake; it may still run */
    TASK_OVER,
};

struct core;

struct wait_queue {
    struct spin lock;
    struct list waiters; /* struct waiter, in order of arrival; all zeros: none so far */
};

struct task {
    struct runnable runnable;
    struct context context; /* while it does not run */
    struct core *core;      /* whose queue it is in, or that it runs on or did last */

    /* guarded by the lock of its core's queue: */
    u32 state;     /* enum task_state */
    u32 scheduled; /* it runs or is queued */

    /* its own: */
    u32 fp_used; /* fp is valid while it does not run */
    u32 running; /* on several harts: a hart is still on its stack */
    struct fp_regs fp;
    const char *waits_for; /* for the report of a deadlock */
    const void *waits_on;
    u64 waits_at;
    int (*fn)(void *arg);
    void *arg;

    /* guarded by the list of all tasks: */
    struct list link;
    struct wait_queue ended;
    int code;
    bool over, joined, detached;

    /* immutable: */
    char name[16];
    u64 *stack_low; /* lowest word: the canary; NULL: main */
    void *block;    /* its memory */

    struct thread thread; /* last: thread.h */
};

struct task_options {
    const char *name;   /* for reports; at most 15 bytes of it are kept; NULL: "task" */
    size_t stack_bytes; /* at least; 0: TASK_STACK_BYTES */
    int nice;           /* NICE_MIN to NICE_MAX, where the policy knows them */
};

#define TASK_STACK_BYTES 65536

static inline struct task *task_self(void)
{
    return container_of(thread_self(), struct task, thread);
}

struct task *task_spawn(int (*fn)(void *arg), void *arg, const struct task_options *options);
__noreturn void task_exit(int code);
__must_check enum err task_join(struct task *task, int *code);
__must_check enum err task_detach(struct task *task);
__must_check enum err task_set_nice(struct task *task, int nice);
void task_yield(void);

/* Ticks: timer.h. */
void task_sleep_until(u64 time);
void task_sleep_ns(u64 ns);

/* Called in each task that ends, before anybody can join it; weak: a libc brings its own, for
 * thread-specific data with destructors.  (Other thread-local data is what __thread is for.) */
void task_leaving(void);

/* In the child of a fork of the whole machine, with interrupts off: all other tasks, on other harts
 * too, are gone; locks that they held are not released. */
void task_only_me(void);

/* What waiting is made of; sync.h has what is easier to use. */
void task_wait_begin(const char *what, const void *object, const void *place);
void task_block(void);
void task_wait_end(void);
void task_wake(struct task *task); /* from anywhere */
