/* SPDX-License-Identifier: BSD-2-Clause */
/* First in, first out: each runs until it yields or blocks, then queues behind all others. */
#include "lib/sched/ready.h"

static void init(struct run_queue *queue, u64 tick)
{
    (void)tick;
    list_init(&queue->ready);
}

static void add(struct run_queue *queue, struct runnable *r)
{
    list_add_tail(&queue->ready, &r->link);
}

static void put(struct run_queue *queue, struct runnable *r, bool preempted)
{
    (void)preempted;
    list_add_tail(&queue->ready, &r->link);
}

static bool charge(struct run_queue *queue, struct runnable *r, u64 delta)
{
    (void)queue;
    (void)r;
    (void)delta;
    return false;
}

const struct policy_ops sched_fifo = {
    .name = "fifo",
    .init = init,
    .add = add,
    .remove = ready_remove,
    .pick = ready_pick,
    .take = ready_pick,
    .put = put,
    .tick = charge,
    .set_priority = ready_set_priority,
};
