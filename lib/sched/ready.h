/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What FIFO and round robin share: a list of those that are ready, the next one at its head. */
#include "lib/sched/policy.h"

static inline struct runnable *ready_pick(struct run_queue *queue)
{
    struct list *first = queue->ready.next;

    if (first == &queue->ready)
        return NULL;
    list_del(first);
    return container_of(first, struct runnable, link);
}

static inline void ready_remove(struct run_queue *queue, struct runnable *r)
{
    (void)queue;
    list_del(&r->link);
}

static inline enum err ready_set_priority(struct runnable *r, int priority)
{
    (void)r;
    (void)priority;
    return ERR_NOSUPP;
}
