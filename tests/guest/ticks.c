/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tasks that are preempted, with shares by weight: nobody yields here, and each keeps its registers
 * and its share.  CMDLINE: ms= just the shares, over that time.
 */
#include <stdio.h>
#include <string.h>

#include "guest/args.h"
#include "guest/sync.h"
#include "guest/task.h"
#include "guest/timer.h"

#define MS 1000000UL

static int failures;

#define CHECK(condition)                                          \
    do {                                                          \
        if (!(condition)) {                                       \
            printf("ticks: line %d: %s\n", __LINE__, #condition); \
            failures++;                                           \
        }                                                         \
    } while (0)

static u64 in_ms(u64 ms)
{
    return timer_now() + alarm_ticks(ms * MS);
}

static struct task *spawn(int (*fn)(void *arg), void *arg, int nice)
{
    return task_spawn(fn, arg, &(struct task_options){.nice = nice});
}

static void join(struct task *task)
{
    int code = -1;

    CHECK(task && task_join(task, &code) == ERR_OK && code == 0);
}

/* ---- registers ---- */

static u64 end;

/* Its own value is in all floating-point registers, and its own rounding mode. */
static int keeps_fp(void *arg)
{
    struct fp_regs own, found;

    for (size_t i = 0; i < 32; i++) {
        own.f[i] = (u64)arg * 0x0101010101010101 + i;
    }
    own.fcsr = (u64)arg << 5;
    while (timer_now() < end) {
        fp_load(&own);
        for (u64 next = in_ms(1); timer_now() < next;) {
        }
        fp_store(&found);
        if (memcmp(&own, &found, sizeof(own)) != 0) {
            return 1;
        }
    }
    return 0;
}

/* It uses none, and must not get another's rounding mode. */
static int uses_no_fp(void *arg)
{
    (void)arg;
    while (timer_now() < end) {
        u64 fcsr;

        __asm__ volatile("frcsr %0" : "=r"(fcsr));
        if (fcsr != 0) {
            return 1;
        }
    }
    return 0;
}

static int keeps_x(void *arg)
{
    while (timer_now() < end) {
        u64 wrong;

        __asm__ volatile(".irp n, 5, 6, 7, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, "
                         "24, 25, 26, 27, 28, 29, 31\n"
                         "addi x\\n, %1, \\n\n"
                         ".endr\n"
                         "li x30, 100000\n"
                         "1: addi x30, x30, -1\n"
                         "bnez x30, 1b\n"
                         "li %0, 0\n"
                         ".irp n, 5, 6, 7, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, "
                         "24, 25, 26, 27, 28, 29, 31\n"
                         "addi x\\n, x\\n, -\\n\n"
                         "xor x\\n, x\\n, %1\n"
                         "or %0, %0, x\\n\n"
                         ".endr"
                         : "=&r"(wrong)
                         : "r"(arg)
                         : "t0", "t1", "t2", "s1", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "s2",
                           "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5",
                           "t6");
        if (wrong) {
            return 1;
        }
    }
    return 0;
}

static void registers(void)
{
    struct task *task[7];

    end = in_ms(300);
    for (size_t i = 0; i < 3; i++) {
        task[i] = spawn(keeps_fp, (void *)(i + 1), 0);
        task[i + 3] = spawn(keeps_x, (void *)(0x1234567 * (i + 1)), 0);
    }
    task[6] = spawn(uses_no_fp, NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(task); i++) {
        join(task[i]);
    }
}

/* ---- shares ---- */

struct share {
    int nice;
    u64 weight; /* lib/sched/cfs.c */
    u64 work;
};

static int works(void *arg)
{
    struct share *share = arg;

    while (timer_now() < end) {
        share->work++;
    }
    return 0;
}

/* Work by weight, within two in a hundred.  A wake must not buy a larger share. */
static void shares(void)
{
    static struct share share[] = {
        {0,  1024, 0},
        {5,  335,  0},
        {-3, 1991, 0},
        {0,  1024, 0}
    };
    struct task *task[ARRAY_LEN(share)];
    u64 work = 0, weight = 0;

    end = in_ms(args_u64("ms", 0));
    preempt_disable();
    for (size_t i = 0; i < ARRAY_LEN(share); i++) {
        task[i] = spawn(works, &share[i], share[i].nice);
    }
    preempt_enable();
    for (size_t i = 0; i < ARRAY_LEN(share); i++) {
        join(task[i]);
        work += share[i].work;
        weight += share[i].weight;
    }
    for (size_t i = 0; i < ARRAY_LEN(share); i++) {
        u64 permille = share[i].work * weight * 1000 / (work * share[i].weight);

        printf("ticks: nice %d has %lu/1000 of its share\n", share[i].nice, permille);
        CHECK(permille >= 980 && permille <= 1020);
    }
}

/* ---- when it happens ---- */

static volatile u64 counter;
static volatile bool stop;

static int counts(void *arg)
{
    (void)arg;
    while (!stop) {
        counter++;
    }
    return 0;
}

static void busy_ms(u64 ms)
{
    for (u64 until = in_ms(ms); timer_now() < until;) {
    }
}

/* Not in a section, not with interrupts off; right at the end of a section. */
static void sections(void)
{
    struct task *a = spawn(counts, NULL, 0);
    u64 before, irq;

    busy_ms(60);
    CHECK(counter != 0);
    preempt_disable();
    preempt_disable();
    before = counter;
    busy_ms(60);
    preempt_enable();
    CHECK(counter == before);
    preempt_enable();
    CHECK(counter != before);
    irq = irq_save();
    before = counter;
    busy_ms(60);
    CHECK(counter == before);
    preempt_disable();
    preempt_enable();
    CHECK(counter == before);
    irq_restore(irq);
    busy_ms(60);
    CHECK(counter != before);
    stop = true;
    join(a);
    stop = false;
}

/* Who slept runs at once, though others never stop. */
static void sleepers(void)
{
    struct task *a = spawn(counts, NULL, 0), *b = spawn(counts, NULL, 0);

    for (int i = 0; i < 10; i++) {
        u64 until = in_ms(3);

        task_sleep_until(until);
        CHECK(timer_now() - until < alarm_ticks(15 * MS));
    }
    stop = true;
    join(a);
    join(b);
    stop = false;
}

/* ---- waiting while interrupts switch at any place ---- */

static struct wait_queue queue;
static u64 turn;

struct player {
    u64 number, of, rounds;
};

static int plays(void *arg)
{
    const struct player *p = arg;

    for (u64 i = 0; i < p->rounds; i++) {
        wait_until(&queue, turn % p->of == p->number);
        turn++;
        wake_all(&queue);
    }
    return 0;
}

static u64 disturbs(struct alarm *alarm)
{
    wake_all(&queue);
    return timer_now() + (alarm->node.key % 7 + 3) * 20;
}

/* Each waits for its turn; wakes that mean nobody come at odd times. */
static void turns(void)
{
    struct alarm alarm = {.ring = disturbs};
    struct player player[5];
    struct task *task[ARRAY_LEN(player)];

    alarm_set(&alarm, timer_now());
    for (size_t i = 0; i < ARRAY_LEN(player); i++) {
        player[i] = (struct player){i, ARRAY_LEN(player), 1000};
        task[i] = spawn(plays, &player[i], 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(player); i++) {
        join(task[i]);
    }
    CHECK(turn == 5000);
    CHECK(alarm_cancel(&alarm));
}

static struct mutex mutex;
static u64 shared;

static int adds(void *arg)
{
    for (u64 i = 0; i < 2000; i++) {
        u64 seen;

        if (i % 5 == (u64)arg % 5) {
            while (!mutex_lock_until(&mutex, timer_now() + 200)) {
            }
        } else {
            mutex_lock(&mutex);
        }
        seen = shared;
        if (i % 100 == 0) {
            busy_ms(1);
        }
        shared = seen + 1;
        mutex_unlock(&mutex);
    }
    return 0;
}

static void mutexes(void)
{
    struct task *task[8];

    for (size_t i = 0; i < ARRAY_LEN(task); i++) {
        task[i] = spawn(adds, (void *)i, (int)i - 4);
    }
    for (size_t i = 0; i < ARRAY_LEN(task); i++) {
        join(task[i]);
    }
    CHECK(shared == 16000);
    CHECK(mutex.owner == 0);
}

static void priorities(void)
{
    CHECK(task_set_nice(task_self(), 20) == ERR_INVAL);
    CHECK(task_set_nice(task_self(), -21) == ERR_INVAL);
    CHECK(task_set_nice(task_self(), 19) == ERR_OK);
    CHECK(task_set_nice(task_self(), 0) == ERR_OK);
    CHECK(!spawn(counts, NULL, 20));
}

int main(void)
{
    if (args_has("ms")) {
        shares();
    } else {
        registers();
        sections();
        sleepers();
        turns();
        mutexes();
        priorities();
    }
    if (failures == 0) {
        printf("ticks: ok\n");
    }
    return failures != 0;
}
