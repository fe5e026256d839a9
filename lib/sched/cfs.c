/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Completely fair: time is shared by weight.
 *
 * Each has a virtual runtime, which grows by delta * 1024 / weight while it runs: by real time at
 * nice 0, slower at a higher weight.  The one with the least runs next, among equals the one that
 * queued first.  It is preempted when another one has less; so how often depends on how often the
 * caller asks.  A yield puts one behind its equals, not behind those that have more.
 *
 * min_vruntime follows the least of all that are queued or running, and never falls.  Who is new
 * starts there, and who was away is raised to there: it owes nothing, and has saved up nothing.
 * Who runs alone takes min_vruntime along, so that whoever comes then has no head start.
 *
 * vruntime counts 1/1024 of the caller's clock, and the remainder of each division is kept: a
 * thousand small deltas are worth one large one.  It may wrap; only differences count.
 */
#include "lib/sched/policy.h"

#define WEIGHT_NICE_0 1024

/* Each step is worth a tenth of the time of two: about 1.25 times the next. */
static const u32 weights[] = {
    88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916, /* -20 */
    9548,  7620,  6100,  4904,  3906,  3121,  2501,  1991,  1586,  1277,  /* -10 */
    1024,  820,   655,   526,   423,   335,   272,   215,   172,   137,   /* 0 */
    110,   87,    70,    56,    45,    36,    29,    23,    18,    15,    /* 10 */
};

_Static_assert(ARRAY_LEN(weights) == NICE_MAX - NICE_MIN + 1, "one for each nice value");

static struct runnable *leftmost(const struct run_queue *queue)
{
    struct heap_node *first = heap_first(&queue->by_vruntime);

    return first == NULL ? NULL : container_of(first, struct runnable, node);
}

/* Called whenever the least vruntime may have grown: someone ran or left. */
static void advance_min(struct run_queue *queue)
{
    const struct runnable *first = leftmost(queue);
    u64 least;

    if (first == NULL && !queue->is_running)
        return;
    if (first == NULL ||
        (queue->is_running && heap_key_before(queue->running_vruntime, first->vruntime)))
        least = queue->running_vruntime;
    else
        least = first->vruntime;
    if (heap_key_before(queue->min_vruntime, least))
        queue->min_vruntime = least;
}

static void init(struct run_queue *queue, u64 tick)
{
    (void)tick;
    heap_init(&queue->by_vruntime);
}

static void add(struct run_queue *queue, struct runnable *r)
{
    if (r->home == NULL)
        r->vruntime += queue->min_vruntime;
    else if (r->home != queue || heap_key_before(r->vruntime, queue->min_vruntime))
        r->vruntime = queue->min_vruntime;
    r->home = queue;
    heap_add(&queue->by_vruntime, &r->node, r->vruntime);
}

static void put(struct run_queue *queue, struct runnable *r, bool preempted)
{
    (void)preempted;
    queue->is_running = false;
    heap_add(&queue->by_vruntime, &r->node, r->vruntime);
    advance_min(queue);
}

/* r's vruntime becomes its lead over the others here, which it keeps wherever it is added. */
static void remove(struct run_queue *queue, struct runnable *r)
{
    r->vruntime -= queue->min_vruntime;
    r->home = NULL;
    heap_remove(&queue->by_vruntime, &r->node);
    advance_min(queue);
}

static struct runnable *pick(struct run_queue *queue)
{
    struct runnable *r = leftmost(queue);

    queue->is_running = r != NULL;
    if (r == NULL)
        return NULL;
    heap_remove(&queue->by_vruntime, &r->node);
    queue->running_vruntime = r->vruntime;
    advance_min(queue);
    return r;
}

static struct runnable *take(struct run_queue *queue)
{
    struct runnable *r = leftmost(queue);

    if (r != NULL)
        remove(queue, r);
    return r;
}

static bool charge(struct run_queue *queue, struct runnable *r, u64 delta)
{
    u64 weight = weights[r->nice - NICE_MIN];
    u64 work = delta * (RUNNABLE_VRUNTIME_SCALE * WEIGHT_NICE_0) + r->remainder;
    const struct runnable *first = leftmost(queue);

    r->vruntime += work / weight;
    r->remainder = work % weight;
    queue->running_vruntime = r->vruntime;
    advance_min(queue);
    return first != NULL && heap_key_before(first->vruntime, r->vruntime);
}

static enum err set_priority(struct runnable *r, int priority)
{
    if (priority < NICE_MIN || priority > NICE_MAX)
        return ERR_INVAL;
    r->nice = (s8)priority;
    r->remainder = 0; /* it was one by the old weight */
    return ERR_OK;
}

const struct policy_ops sched_cfs = {
    .name = "cfs",
    .init = init,
    .add = add,
    .remove = remove,
    .pick = pick,
    .take = take,
    .put = put,
    .tick = charge,
    .set_priority = set_priority,
};
