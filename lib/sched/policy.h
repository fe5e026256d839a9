/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Who runs next, and for how long: one interface, three policies.
 *
 *     sched_fifo   in order of arrival; nobody is preempted
 *     sched_rr     round robin: SCHED_SLICE_TICKS each
 *     sched_cfs    by weight: who has run least for its nice value is next
 *
 * A hart has one run queue, and each of its runnables is in one of three places: queued; running,
 * which is what the last pick gave, in no queue; or away (new, blocked, over).  The moves:
 *
 *     away -> queued       add       new or woken, also on another hart than before
 *     queued -> running    pick
 *     running -> queued    put
 *     running -> away      none: the queue learns it from its next pick
 *     queued -> away       remove; take, which chooses one, for a hart that has nothing to do
 *
 * There are no others: what runs already when the queue is made goes through add and pick, too.
 *
 * Time is counted in any clock of the caller's, the same for all its queues: a count of timer
 * ticks, or something finer, by which shares are exact.  `tick` charges the running one for time
 * since it was charged last.  A caller with a fine clock also charges right before put, before a
 * running one goes away, and before set_priority.
 *
 * No allocation, no locks, no globals: the caller lets nobody else use the queue meanwhile.
 */
#include "lib/kit/err.h"
#include "lib/kit/heap.h"
#include "lib/kit/list.h"
#include "lib/kit/types.h"

#define SCHED_SLICE_TICKS 5 /* round robin */
#define NICE_MIN          (-20)
#define NICE_MAX          19

/* CFS: steps of vruntime for one of the caller's clock, at nice 0. */
#define RUNNABLE_VRUNTIME_SCALE 1024

struct run_queue;

/* Part of what is scheduled: a task. */
struct runnable {
    union {
        struct list link;      /* FIFO, round robin: in run_queue.ready */
        struct heap_node node; /* CFS: in run_queue.by_vruntime; its key is the vruntime */
    };

    /* round robin: */
    u64 slice_left; /* caller's clock */

    /* CFS: */
    u64 vruntime;                 /* caller's clock times 1024 at nice 0; see home */
    u64 remainder;                /* of the last division by the weight */
    const struct run_queue *home; /* whose vruntimes ours compares with; NULL: ours is a lead over
                                     the least of the queue that it comes to.  Never followed */
    s8 nice;
};

/* Contracts: fifo.c, rr.c, cfs.c.  Call by the run_queue_ functions below. */
struct policy_ops {
    const char *name;
    void (*init)(struct run_queue *queue, u64 tick);
    void (*add)(struct run_queue *queue, struct runnable *r);
    void (*remove)(struct run_queue *queue, struct runnable *r);
    struct runnable *(*pick)(struct run_queue *queue);
    struct runnable *(*take)(struct run_queue *queue);
    void (*put)(struct run_queue *queue, struct runnable *r, bool preempted);
    bool (*tick)(struct run_queue *queue, struct runnable *r, u64 delta);
    enum err (*set_priority)(struct runnable *r, int priority);
};

extern const struct policy_ops sched_fifo, sched_rr, sched_cfs;

struct run_queue {
    const struct policy_ops *ops;
    u32 queued; /* how many; others may look without a lock, and then see a recent value */
    union {
        /* FIFO, round robin: */
        struct {
            struct list ready;
            u64 slice; /* caller's clock */
        };
        /* CFS: */
        struct {
            struct heap by_vruntime;
            u64 min_vruntime; /* never falls; at most that of anybody queued or running */
            u64 running_vruntime;
            bool is_running; /* running_vruntime is valid */
        };
    };
};

/* A new runnable, away, of nice 0. */
static inline void runnable_init(struct runnable *r)
{
    *r = (struct runnable){.nice = 0};
}

/* An empty queue; tick is how long a timer tick is in the caller's clock. */
static inline void run_queue_init(struct run_queue *queue, const struct policy_ops *ops, u64 tick)
{
    *queue = (struct run_queue){.ops = ops};
    ops->init(queue, tick);
}

/* r, which is away, is ready to run. */
static inline void run_queue_add(struct run_queue *queue, struct runnable *r)
{
    queue->ops->add(queue, r);
    queue->queued++;
}

/* r, which is queued here, is not to run. */
static inline void run_queue_remove(struct run_queue *queue, struct runnable *r)
{
    queue->ops->remove(queue, r);
    queue->queued--;
}

/* The one to run now, or NULL. */
static inline struct runnable *run_queue_pick(struct run_queue *queue)
{
    struct runnable *r = queue->ops->pick(queue);

    if (r != NULL)
        queue->queued--;
    return r;
}

/* One to add to another hart's queue, which may be locked afterwards; NULL if none is queued. */
static inline struct runnable *run_queue_take(struct run_queue *queue)
{
    struct runnable *r = queue->ops->take(queue);

    if (r != NULL)
        queue->queued--;
    return r;
}

/* r, which was running, could go on: it yields, or was preempted. */
static inline void run_queue_put(struct run_queue *queue, struct runnable *r, bool preempted)
{
    queue->ops->put(queue, r, preempted);
    queue->queued++;
}

/*
 * r, which is running, has run for delta more, less than 2^43.  True if it must be preempted; asks
 * just that if delta is 0, for example when another one was added.
 */
static inline bool run_queue_tick(struct run_queue *queue, struct runnable *r, u64 delta)
{
    return queue->ops->tick(queue, r, delta);
}

/*
 * From now on; r may be anywhere.  CFS: nice, NICE_MIN to NICE_MAX, else ERR_INVAL.  The others
 * know no priorities: ERR_NOSUPP.
 */
__must_check static inline enum err run_queue_set_priority(struct run_queue *queue,
                                                           struct runnable *r, int priority)
{
    return queue->ops->set_priority(r, priority);
}
