/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Round robin: each runs for a slice of SCHED_SLICE_TICKS, then queues behind all others.
 *
 * Who is preempted with some of its slice left goes on with that, before all others.  Any other way
 * into the queue, a yield too, is to its tail and with a fresh slice.
 */
#include "lib/sched/ready.h"

static void init(struct run_queue *queue, u64 tick)
{
    list_init(&queue->ready);
    queue->slice = SCHED_SLICE_TICKS * tick;
}

static void add(struct run_queue *queue, struct runnable *r)
{
    r->slice_left = queue->slice;
    list_add_tail(&queue->ready, &r->link);
}

static void put(struct run_queue *queue, struct runnable *r, bool preempted)
{
    if (preempted && r->slice_left > 0)
        list_add_tail(queue->ready.next, &r->link); /* in front of the first */
    else
        add(queue, r);
}

/* Stays true while the one whose slice is used up cannot be preempted. */
static bool charge(struct run_queue *queue, struct runnable *r, u64 delta)
{
    (void)queue;
    r->slice_left -= delta < r->slice_left ? delta : r->slice_left;
    return r->slice_left == 0;
}

const struct policy_ops sched_rr = {
    .name = "rr",
    .init = init,
    .add = add,
    .remove = ready_remove,
    .pick = ready_pick,
    .take = ready_pick,
    .put = put,
    .tick = charge,
    .set_priority = ready_set_priority,
};
