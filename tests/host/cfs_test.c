/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CFS: shares by weight in virtual time, with a clock of ticks (100 Hz) and a fine one (10 MHz);
 * sleepers, newcomers, migration; and a random run against exact arithmetic.
 */
#include "lib/sched/policy.h"

#include "tests/test.h"

#define TASKS  12
#define FINE   100000ULL /* the 10 MHz clock, in a tick of 100 Hz */
#define SECOND 100       /* ticks */

static struct run_queue queue, elsewhere;
static struct runnable tasks[TASKS];
static u64 ran[TASKS]; /* caller's clock, since begin_measuring() */
static u64 seed;

static void begin(void)
{
    run_queue_init(&queue, &sched_cfs, 1);
    run_queue_init(&elsewhere, &sched_cfs, 1);
    for (u32 i = 0; i < TASKS; i++) {
        runnable_init(&tasks[i]);
    }
    seed = 1;
}

static void begin_measuring(void)
{
    for (u32 i = 0; i < TASKS; i++) {
        ran[i] = 0;
    }
}

static void set_nice(u32 task, int nice)
{
    CHECK_EQ(run_queue_set_priority(&queue, &tasks[task], nice), ERR_OK);
}

static u32 number_of(const struct runnable *r)
{
    return (u32)(r - tasks);
}

/* Who is queued runs for `duration`, with a tick each `tick`, and with yields in between if told.
 */
static void run(struct run_queue *on, u64 duration, u64 tick, bool yields)
{
    struct runnable *r = run_queue_pick(on);
    u64 until_tick = tick;

    while (duration > 0) {
        bool yield = yields && test_random(&seed) % 3 == 0;
        u64 delta = yield ? test_random(&seed) % until_tick + 1 : until_tick;
        bool preempt;

        delta = delta < duration ? delta : duration;
        preempt = run_queue_tick(on, r, delta);
        ran[number_of(r)] += delta;
        duration -= delta;
        until_tick = delta < until_tick ? until_tick - delta : tick;
        if (preempt || yield) {
            run_queue_put(on, r, preempt);
            r = run_queue_pick(on);
        }
    }
    run_queue_put(on, r, true);
}

/* Linux's table, from nice -20 on. */
static double weight_of(int nice)
{
    static const u32 weights[] = {
        88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916,
        9548,  7620,  6100,  4904,  3906,  3121,  2501,  1991,  1586,  1277,
        1024,  820,   655,   526,   423,   335,   272,   215,   172,   137,
        110,   87,    70,    56,    45,    36,    29,    23,    18,    15,
    };

    return weights[nice + 20];
}

/* Each has run its share by weight within 2 %, and one tick. */
static void check_shares(const int *nice, u32 count, u64 tick)
{
    double weights = 0, total = 0;

    for (u32 i = 0; i < count; i++) {
        weights += weight_of(nice[i]);
        total += (double)ran[i];
    }
    for (u32 i = 0; i < count; i++) {
        double share = total * weight_of(nice[i]) / weights;
        double off = share - (double)ran[i];

        if (off > 0.02 * share + (double)tick || -off > 0.02 * share + (double)tick)
            FAIL("nice %d has run %.0f of %.0f, not %.0f", nice[i], (double)ran[i], total, share);
    }
}

TEST(cfs_weights_are_those_of_linux)
{
    begin();
    for (int nice = NICE_MIN; nice <= NICE_MAX; nice++) {
        runnable_init(&tasks[0]);
        set_nice(0, nice);
        (void)run_queue_tick(&queue, &tasks[0], (u64)weight_of(nice));
        CHECK_EQ(tasks[0].vruntime, 1024 * 1024);
        CHECK_EQ(tasks[0].remainder, 0);
    }
}

TEST(cfs_shares_time_by_weight_within_2_percent_in_10_seconds)
{
    static const struct {
        u32 count;
        int nice[6];
    } cases[] = {
        {2, {0, 0}            },
        {2, {0, 1}            },
        {2, {-5, 5}           },
        {2, {0, 10}           },
        {2, {-20, -19}        },
        {2, {18, 19}          },
        {2, {-20, 19}         },
        {3, {0, 5, -5}        },
        {3, {-1, 0, 1}        },
        {4, {-10, -9, -8, -7} },
        {6, {0, 0, 0, 1, 1, 5}},
    };

    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        for (u32 fine = 0; fine < 3; fine++) {
            u64 tick = fine != 0 ? FINE : 1;

            begin();
            begin_measuring();
            for (u32 n = 0; n < cases[i].count; n++) {
                set_nice(n, cases[i].nice[n]);
                run_queue_add(&queue, &tasks[n]);
            }
            run(&queue, 10 * SECOND * tick, tick, fine == 2);
            check_shares(cases[i].nice, cases[i].count, tick);
        }
    }
}

/* A clock so fast that a tick of it is worth less than one step of vruntime. */
TEST(cfs_small_deltas_add_up)
{
    static const int nice[] = {-20, -19, -18};

    begin();
    begin_measuring();
    for (u32 i = 0; i < ARRAY_LEN(nice); i++) {
        set_nice(i, nice[i]);
        run_queue_add(&queue, &tasks[i]);
    }
    run(&queue, 100000, 1, false);
    check_shares(nice, ARRAY_LEN(nice), 1);

    runnable_init(&tasks[0]);
    runnable_init(&tasks[1]);
    set_nice(0, -17);
    set_nice(1, -17);
    for (u32 i = 0; i < 12345; i++) {
        (void)run_queue_tick(&queue, &tasks[0], 1);
    }
    (void)run_queue_tick(&queue, &tasks[1], 12345);
    CHECK_EQ(tasks[0].vruntime, tasks[1].vruntime);
}

TEST(cfs_equals_run_in_order_of_arrival)
{
    begin();
    run_queue_add(&queue, &tasks[2]);
    run_queue_add(&queue, &tasks[0]);
    run_queue_add(&queue, &tasks[1]);
    for (u32 round = 0; round < 3; round++) {
        static const u32 order[] = {2, 0, 1};

        for (u32 i = 0; i < ARRAY_LEN(order); i++) {
            struct runnable *r = run_queue_pick(&queue);

            CHECK(r == &tasks[order[i]]);
            CHECK(!run_queue_tick(&queue, r, 0));
            run_queue_put(&queue, r, false); /* a yield, with no time gone */
        }
    }
}

TEST(cfs_preempts_who_has_run_more_than_another)
{
    begin();
    run_queue_add(&queue, &tasks[0]);
    CHECK(run_queue_pick(&queue) == &tasks[0]);
    CHECK(!run_queue_tick(&queue, &tasks[0], 50));
    run_queue_add(&queue, &tasks[1]);
    CHECK(!run_queue_tick(&queue, &tasks[0], 0));
    CHECK(run_queue_tick(&queue, &tasks[0], 1));
    run_queue_put(&queue, &tasks[0], true);
    CHECK(run_queue_pick(&queue) == &tasks[1]);
}

/* After 10 s of the first alone, both have half of each second, whoever of them came or woke. */
static void check_halves(void)
{
    begin_measuring();
    run(&queue, SECOND, 1, false);
    CHECK(ran[0] >= 48 && ran[0] <= 52);
}

TEST(cfs_newcomer_has_no_head_start_on_who_ran_alone)
{
    begin();
    run_queue_add(&queue, &tasks[0]);
    run(&queue, 10 * SECOND, 1, false);
    run_queue_add(&queue, &tasks[1]);
    check_halves();
}

TEST(cfs_sleeper_has_saved_nothing_up)
{
    begin();
    run_queue_add(&queue, &tasks[1]);
    run_queue_add(&queue, &tasks[0]);
    CHECK(run_queue_pick(&queue) == &tasks[1]); /* and sleeps */
    run(&queue, 10 * SECOND, 1, false);
    run_queue_add(&queue, &tasks[1]);
    check_halves();
}

TEST(cfs_sleeper_is_not_punished_for_what_it_ran_before)
{
    begin();
    run_queue_add(&queue, &tasks[0]);
    run_queue_add(&queue, &tasks[1]);
    CHECK(run_queue_pick(&queue) == &tasks[0]);
    run_queue_put(&queue, &tasks[0], false);
    CHECK(run_queue_pick(&queue) == &tasks[1]);
    CHECK(run_queue_tick(&queue, &tasks[1], 5 * SECOND)); /* undisturbed, then it sleeps */
    run(&queue, 10 * SECOND, 1, false);
    run_queue_add(&queue, &tasks[1]);
    check_halves();
}

/* It sleeps again and again, each time a little, but does not lose what it owes by that. */
TEST(cfs_short_sleeps_forgive_nothing)
{
    u64 first = 0;

    begin();
    run_queue_add(&queue, &tasks[0]);
    run_queue_add(&queue, &tasks[1]);
    for (u32 i = 0; i < 10 * SECOND; i++) {
        struct runnable *r = run_queue_pick(&queue);

        first += r == &tasks[0];
        (void)run_queue_tick(&queue, r, 1);
        if (r == &tasks[0])
            run_queue_add(&queue, r);
        else
            run_queue_put(&queue, r, true);
    }
    CHECK(first >= 490 && first <= 510);
}

TEST(cfs_min_vruntime_follows_when_the_leftmost_leaves)
{
    begin();
    for (u32 i = 0; i < 3; i++) {
        run_queue_add(&queue, &tasks[i]);
    }
    CHECK(run_queue_pick(&queue) == &tasks[0]);
    CHECK(run_queue_tick(&queue, &tasks[0], 30));
    run_queue_put(&queue, &tasks[0], true);
    CHECK(run_queue_pick(&queue) == &tasks[1]);
    CHECK(run_queue_tick(&queue, &tasks[1], 20));
    CHECK_EQ(queue.min_vruntime, 0);
    run_queue_remove(&queue, &tasks[2]); /* the least of the queued, while another one runs */
    CHECK_EQ(queue.min_vruntime, 20 * 1024);
    CHECK(run_queue_pick(&queue) == &tasks[0]); /* 1 has gone to sleep */
    CHECK_EQ(queue.min_vruntime, 30 * 1024);
    CHECK(run_queue_pick(&queue) == NULL);
    run_queue_add(&queue, &tasks[3]);
    CHECK_EQ(tasks[3].vruntime, 30 * 1024);
}

/* On a queue far ahead of the other, or far behind: three of the same nice value share 3 s. */
static void check_thirds(struct run_queue *on, const struct runnable *newcomer)
{
    begin_measuring();
    run(on, 3 * SECOND, 1, false);
    CHECK(ran[number_of(newcomer)] >= 98 && ran[number_of(newcomer)] <= 102);
}

TEST(cfs_who_moves_to_another_hart_neither_starves_nor_monopolises)
{
    for (u32 direction = 0; direction < 2; direction++) {
        struct run_queue *from = direction ? &elsewhere : &queue;
        struct run_queue *to = direction ? &queue : &elsewhere;
        struct runnable *moved;

        begin();
        run_queue_add(&queue, &tasks[0]);
        run_queue_add(&queue, &tasks[1]);
        run(&queue, 100 * SECOND, 1, false);
        run_queue_add(&elsewhere, &tasks[2]);
        run_queue_add(&elsewhere, &tasks[3]);
        run(&elsewhere, 1 * SECOND, 1, false);

        moved = run_queue_take(from);
        run_queue_add(to, moved);
        check_thirds(to, moved);

        CHECK(run_queue_pick(to) != NULL); /* one goes away */
        moved = run_queue_pick(from);      /* falls asleep here, wakes up there */
        run_queue_add(to, moved);
        check_thirds(to, moved);
    }
}

TEST(cfs_who_is_stolen_keeps_its_lead)
{
    begin();
    run_queue_add(&queue, &tasks[0]);
    run_queue_add(&queue, &tasks[1]);
    CHECK(run_queue_pick(&queue) == &tasks[0]);
    CHECK(run_queue_tick(&queue, &tasks[0], 70));
    run_queue_put(&queue, &tasks[0], true);
    CHECK(run_queue_pick(&queue) == &tasks[1]);
    run_queue_add(&elsewhere, run_queue_take(&queue));
    CHECK_EQ(tasks[0].vruntime, 70 * 1024);
}

TEST(cfs_priorities_are_nice_values)
{
    begin();
    CHECK_EQ(run_queue_set_priority(&queue, &tasks[0], -7), ERR_OK);
    CHECK_EQ(run_queue_set_priority(&queue, &tasks[0], NICE_MIN - 1), ERR_INVAL);
    CHECK_EQ(run_queue_set_priority(&queue, &tasks[0], NICE_MAX + 1), ERR_INVAL);
    CHECK_EQ(run_queue_set_priority(&queue, &tasks[0], 256), ERR_INVAL);
    CHECK_EQ(tasks[0].nice, -7);
}

TEST(cfs_new_priority_is_for_future_time_only)
{
    static const int nice[] = {-5, 0};

    begin();
    run_queue_add(&queue, &tasks[0]);
    run_queue_add(&queue, &tasks[1]);
    run(&queue, 10 * SECOND, 1, false);
    set_nice(0, -5); /* queued */
    begin_measuring();
    run(&queue, 10 * SECOND, 1, false);
    check_shares(nice, 2, 1);
    CHECK(run_queue_pick(&queue) != NULL);
    set_nice(0, 0); /* one of the two runs */
    set_nice(1, 0);
    run_queue_put(&queue, &tasks[queue.by_vruntime.first == &tasks[0].node ? 1 : 0], false);
    check_halves();
}

TEST(cfs_vruntime_may_wrap)
{
    static const int nice[] = {0, 3, -3};

    begin();
    queue.min_vruntime = UINT64_MAX - 100 * 1024;
    begin_measuring();
    for (u32 i = 0; i < ARRAY_LEN(nice); i++) {
        set_nice(i, nice[i]);
        run_queue_add(&queue, &tasks[i]);
    }
    run(&queue, 10 * SECOND, 1, false);
    CHECK(queue.min_vruntime < 1ULL << 32);
    check_shares(nice, ARRAY_LEN(nice), 1);
}

/*
 * The model of the random run: vruntimes as fractions, a linear search for the least.  Rounding of
 * the real thing may put it off by EPSILON steps.
 */
#define EPSILON 4.0
#define MAX_RUN 1000 /* caller's clock */

enum place { AWAY, QUEUED, RUNNING };

static enum place place[TASKS];
static double model[TASKS], model_min;
static u64 waited[TASKS];

static void model_advance(void)
{
    double least = -1;

    for (u32 i = 0; i < TASKS; i++) {
        if (place[i] != AWAY && (least < 0 || model[i] < least))
            least = model[i];
    }
    model_min = least > model_min ? least : model_min;
}

static u32 pick_checked(void)
{
    u32 picked = number_of(run_queue_pick(&queue));

    for (u32 i = 0; i < TASKS; i++) {
        if (place[i] == QUEUED)
            CHECK(model[picked] <= model[i] + EPSILON);
    }
    CHECK(place[picked] == QUEUED);
    place[picked] = RUNNING;
    waited[picked] = 0;
    model_advance();
    return picked;
}

/* True if the one that runs must be preempted. */
static bool run_checked(u32 running, u64 delta, u64 limit)
{
    bool preempt = run_queue_tick(&queue, &tasks[running], delta);
    bool must = false, may = false;

    model[running] += (double)delta * 1024 * 1024 / weight_of(tasks[running].nice);
    for (u32 i = 0; i < TASKS; i++) {
        if (place[i] != QUEUED)
            continue;
        must |= model[i] < model[running] - EPSILON;
        may |= model[i] < model[running] + EPSILON;
        waited[i] += delta;
        if (waited[i] > limit)
            FAIL("task %u has waited for %llu", i, (unsigned long long)waited[i]);
    }
    CHECK(preempt ? may : !must);
    model_advance();
    return preempt;
}

static void come(u32 task)
{
    model[task] = model[task] > model_min ? model[task] : model_min;
    run_queue_add(&queue, &tasks[task]);
    place[task] = QUEUED;
    waited[task] = 0;
}

TEST(cfs_random_run_starves_nobody)
{
    u64 limit = 0;
    u32 running;

    begin();
    for (u32 i = 0; i < TASKS; i++) {
        int nice = (int)i - 6;

        set_nice(i, nice);
        limit += (u64)(weight_of(nice) / weight_of(TASKS - 7) * 2 + 1) * MAX_RUN;
        come(i);
    }
    running = pick_checked();
    for (u32 i = 0; i < 100000; i++) {
        u64 random = test_random(&seed);
        u32 other = (u32)(random >> 8) % TASKS;
        bool preempt = run_checked(running, (random >> 32) % MAX_RUN, limit);
        bool blocks = random % 4 == 0 && queue.queued > 0;

        if (place[other] == AWAY)
            come(other);
        if (preempt || blocks || random % 4 == 1) {
            place[running] = blocks ? AWAY : QUEUED;
            if (!blocks)
                run_queue_put(&queue, &tasks[running], preempt);
            running = pick_checked();
        }
    }
}
