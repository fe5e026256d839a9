/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Component task: tasks, each with a stack of its own, run by the policy that the payload chose
 * (fifo, rr, cfs).  main is one.  Without the component preempt a task runs until it waits, yields
 * or ends.  When the last one ends, the payload does, with main's status.
 *
 * Where nothing is said, functions are for tasks, and not for interrupt handlers.
 */
#ifndef __ASSEMBLER__

#    include "lib/kit/err.h"
#    include "lib/kit/list.h"
#    include "lib/sched/policy.h"

#    include "guest/fp.h"
#    include "guest/spin.h"
#    include "guest/thread.h"

#    define TASK_STACK_BYTES 65536
#    define TASK_NAME_BYTES  16

struct core;

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

struct wait_queue {
    struct spin lock;
    struct list waiters; /* struct waiter, in order of arrival; all zeros: none so far */
};

struct task {
    struct context context; /* first: switch.S.  While it does not run */
    struct runnable runnable;
    struct core *core; /* in whose queue it is, or that it runs on or did last */

    /* guarded by core's lock: */
    u32 state;     /* enum task_state; TASK_WAITING is set by itself, without the lock */
    u32 scheduled; /* it runs or is queued */

    /* its own: */
    u32 fp_used; /* fp is valid while it does not run */
    u32 running; /* several harts: one is on its stack */
    struct fp_regs fp;
    int (*fn)(void *arg);
    void *arg;
    const char *waits_for; /* for reports: what, which, where */
    const void *waits_on;
    u64 waits_at;
    struct list *waits_in; /* its link in a wait queue */

    /* guarded by the lock of all tasks' list: */
    struct list link;
    struct wait_queue ended;
    int code;
    bool over, joined, detached;

    /* immutable: */
    char name[TASK_NAME_BYTES];
    u64 *stack_low; /* its lowest word, the canary */
    void *block;    /* all of its memory, a guard page first; NULL: main's is the image's */

    struct thread thread __attribute__((aligned(16))); /* last: thread.h */
};

struct task_options {
    const char *name;   /* for reports; NULL: "task" */
    size_t stack_bytes; /* at least; 0: TASK_STACK_BYTES */
    int nice;           /* NICE_MIN to NICE_MAX, where the policy knows them */
};

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

/*
 * Around a fork of the whole machine.  In between other harts stand still, where they hold no spin
 * lock; in the child only this task is left.  Also for interrupt handlers.
 */
void task_fork_begin(void);
void task_fork_end(bool child);
void task_only_me(void); /* what the child needs of it */

/* What waiting is made of; sync.h has what is easier to use. */
void task_wait_for(const char *what, const void *object, const void *place);
void task_wait_begin(void);
void task_block(void);
void task_wait_end(void);
void task_wake(struct task *task); /* from anywhere */

#endif
