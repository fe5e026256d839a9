/* SPDX-License-Identifier: BSD-2-Clause */
/* The scheduling policies: what all have in common, FIFO, and round robin. */
#include "lib/sched/policy.h"

#include "tests/test.h"

#define TASKS  11
#define ROUNDS 20000

static const struct policy_ops *const policies[] = {&sched_fifo, &sched_rr, &sched_cfs};

static struct run_queue queue;
static struct runnable tasks[TASKS];

static void begin(const struct policy_ops *ops)
{
    run_queue_init(&queue, ops, 1);
    for (u32 i = 0; i < TASKS; i++) {
        runnable_init(&tasks[i]);
    }
}

static void begin_with_all(const struct policy_ops *ops)
{
    begin(ops);
    for (u32 i = 0; i < TASKS; i++) {
        run_queue_add(&queue, &tasks[i]);
    }
}

/* Eleven that each run for `ticks` and then yield: the same order for ever. */
static void check_rotation(const struct policy_ops *ops, u32 ticks)
{
    begin_with_all(ops);
    for (u32 i = 0; i < TASKS * 10 - 1; i++) {
        struct runnable *next = run_queue_pick(&queue);

        CHECK(next == &tasks[i % TASKS]);
        CHECK_EQ(queue.queued, TASKS - 1);
        for (u32 n = 0; n < ticks; n++) {
            (void)run_queue_tick(&queue, next, 1);
        }
        run_queue_put(&queue, next, false);
    }
    for (u32 i = 0; i < TASKS; i++) {
        CHECK(run_queue_pick(&queue) != NULL);
    }
    CHECK(run_queue_pick(&queue) == NULL);
    CHECK_EQ(queue.queued, 0);
}

TEST(policy_rotates_strictly)
{
    for (u32 i = 0; i < ARRAY_LEN(policies); i++) {
        for (u32 ticks = 0; ticks <= SCHED_SLICE_TICKS + 1; ticks++) {
            check_rotation(policies[i], ticks);
        }
    }
}

TEST(policy_removes_from_anywhere)
{
    for (u32 i = 0; i < ARRAY_LEN(policies); i++) {
        begin_with_all(policies[i]);
        run_queue_remove(&queue, &tasks[0]);
        run_queue_remove(&queue, &tasks[5]);
        run_queue_remove(&queue, &tasks[TASKS - 1]);
        CHECK_EQ(queue.queued, TASKS - 3);
        for (u32 n = 1; n < TASKS - 1; n++) {
            if (n != 5)
                CHECK(run_queue_pick(&queue) == &tasks[n]);
        }
        CHECK(run_queue_pick(&queue) == NULL);
    }
}

TEST(policy_moves_tasks_between_queues)
{
    for (u32 i = 0; i < ARRAY_LEN(policies); i++) {
        struct run_queue other;

        begin(policies[i]);
        run_queue_init(&other, policies[i], 1);
        CHECK(run_queue_take(&queue) == NULL);
        run_queue_add(&queue, &tasks[0]);
        run_queue_add(&queue, &tasks[1]);
        CHECK(run_queue_take(&queue) == &tasks[0]);
        CHECK_EQ(queue.queued, 1);
        run_queue_add(&other, &tasks[0]);
        CHECK(run_queue_pick(&other) == &tasks[0]);
        CHECK(run_queue_pick(&queue) == &tasks[1]);
        CHECK(run_queue_pick(&queue) == NULL);
    }
}

TEST(policy_of_lists_has_no_priorities)
{
    for (u32 i = 0; i < 2; i++) {
        begin(policies[i]);
        CHECK_EQ(run_queue_set_priority(&queue, &tasks[0], 0), ERR_NOSUPP);
    }
}

TEST(fifo_preempts_nobody)
{
    begin_with_all(&sched_fifo);
    CHECK(run_queue_pick(&queue) == &tasks[0]);
    for (u32 i = 0; i < 1000; i++) {
        CHECK(!run_queue_tick(&queue, &tasks[0], 1));
    }
}

TEST(rr_slice_is_five_ticks)
{
    begin_with_all(&sched_rr);
    CHECK(run_queue_pick(&queue) == &tasks[0]);
    for (u32 i = 1; i < SCHED_SLICE_TICKS; i++) {
        CHECK(!run_queue_tick(&queue, &tasks[0], 1));
    }
    CHECK(run_queue_tick(&queue, &tasks[0], 1));
    /* As long as it cannot be preempted, it should be. */
    CHECK(run_queue_tick(&queue, &tasks[0], 1));
    CHECK(run_queue_tick(&queue, &tasks[0], 0));
}

TEST(rr_slice_is_in_the_callers_clock)
{
    begin(&sched_rr);
    run_queue_init(&queue, &sched_rr, 100000);
    run_queue_add(&queue, &tasks[0]);
    CHECK(run_queue_pick(&queue) == &tasks[0]);
    CHECK(!run_queue_tick(&queue, &tasks[0], 499999));
    CHECK(run_queue_tick(&queue, &tasks[0], 1));
}

TEST(rr_preempted_with_slice_left_goes_on_first_with_the_rest)
{
    begin_with_all(&sched_rr);
    CHECK(run_queue_pick(&queue) == &tasks[0]);
    for (u32 i = 1; i < SCHED_SLICE_TICKS; i++) {
        CHECK(!run_queue_tick(&queue, &tasks[0], 1));
        run_queue_put(&queue, &tasks[0], true);
        CHECK(run_queue_pick(&queue) == &tasks[0]);
    }
    CHECK(run_queue_tick(&queue, &tasks[0], 1));
    run_queue_put(&queue, &tasks[0], true);
    CHECK(run_queue_pick(&queue) == &tasks[1]);
}

/* Whatever is left of the slice: of another task, a yield, a sleep. */
static void check_fresh_slice(struct runnable *r)
{
    struct runnable *next = run_queue_pick(&queue);

    while (next != r) {
        run_queue_put(&queue, next, false);
        next = run_queue_pick(&queue);
    }
    for (u32 i = 1; i < SCHED_SLICE_TICKS; i++) {
        CHECK(!run_queue_tick(&queue, r, 1));
    }
    CHECK(run_queue_tick(&queue, r, 1));
}

TEST(rr_yield_gives_up_the_slice)
{
    begin_with_all(&sched_rr);
    CHECK(run_queue_pick(&queue) == &tasks[0]);
    CHECK(!run_queue_tick(&queue, &tasks[0], 1));
    run_queue_put(&queue, &tasks[0], false);
    check_fresh_slice(&tasks[0]);
    run_queue_put(&queue, &tasks[0], true);
    check_fresh_slice(&tasks[0]);
    run_queue_add(&queue, &tasks[0]); /* it has slept */
    check_fresh_slice(&tasks[0]);
}

/* FIFO and round robin in words of an array: who is queued, the next one first. */
struct model {
    u32 count;
    u32 order[TASKS];
    u32 left[TASKS]; /* slice */
};

static void model_insert(struct model *m, u32 at, u32 task)
{
    for (u32 i = m->count++; i > at; i--) {
        m->order[i] = m->order[i - 1];
    }
    m->order[at] = task;
}

static u32 model_delete(struct model *m, u32 at)
{
    u32 task = m->order[at];

    m->count--;
    for (; at < m->count; at++) {
        m->order[at] = m->order[at + 1];
    }
    return task;
}

static void model_add(struct model *m, u32 task)
{
    m->left[task] = SCHED_SLICE_TICKS;
    model_insert(m, m->count, task);
}

static bool model_has(const struct model *m, u32 task)
{
    for (u32 i = 0; i < m->count; i++) {
        if (m->order[i] == task)
            return true;
    }
    return false;
}

/* The one that runs, or -1, meets one event. */
static int step(struct model *m, bool slices, int running, u64 random)
{
    u32 task = (u32)(random >> 8) % TASKS, r = (u32)running;

    if (running < 0) {
        struct runnable *next = run_queue_pick(&queue);

        if (m->count == 0) {
            CHECK(next == NULL);
            return -1;
        }
        r = model_delete(m, 0);
        CHECK(next == &tasks[r]);
        return (int)r;
    }
    switch (random % 8) {
    case 0: /* it blocks */ return -1;
    case 1: /* it yields */
        run_queue_put(&queue, &tasks[r], false);
        model_add(m, r);
        return -1;
    case 2: /* another one is killed */
        if (m->count == 0)
            return running;
        task = m->order[task % m->count];
        for (u32 i = 0; i < m->count; i++) {
            if (m->order[i] == task)
                model_delete(m, i);
        }
        run_queue_remove(&queue, &tasks[task]);
        return running;
    case 3:
    case 4: /* another one comes */
        if (task != r && !model_has(m, task)) {
            run_queue_add(&queue, &tasks[task]);
            model_add(m, task);
        }
        return running;
    default: /* a tick, which may preempt it in any case */
        m->left[r] -= m->left[r] > 0;
        CHECK_EQ(run_queue_tick(&queue, &tasks[r], 1), slices && m->left[r] == 0);
        if (random >> 32 & 1 && m->left[r] > 0)
            return running;
        run_queue_put(&queue, &tasks[r], true);
        if (slices && m->left[r] > 0)
            model_insert(m, 0, r);
        else
            model_add(m, r);
        return -1;
    }
}

TEST(policy_of_lists_does_what_an_array_does)
{
    for (u32 i = 0; i < 2; i++) {
        struct model m = {.count = 0};
        int running = -1;
        u64 seed = 1;

        begin_with_all(policies[i]);
        for (u32 n = 0; n < TASKS; n++) {
            model_add(&m, n);
        }
        for (u32 n = 0; n < ROUNDS; n++) {
            running = step(&m, policies[i] == &sched_rr, running, test_random(&seed));
            CHECK_EQ(queue.queued, m.count);
            /* Nobody left: all come back. */
            for (u32 task = 0; running < 0 && m.count == 0 && task < TASKS; task++) {
                run_queue_add(&queue, &tasks[task]);
                model_insert(&m, task, task);
                m.left[task] = SCHED_SLICE_TICKS;
            }
        }
    }
}
