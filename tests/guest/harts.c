/* SPDX-License-Identifier: BSD-2-Clause */
/* Tasks on several harts: nothing is lost, nobody is in two places.  CMDLINE: harts= there must be.
 */
#include <stdio.h>

#include "guest/args.h"
#include "guest/hart.h"
#include "guest/sync.h"
#include "guest/task.h"
#include "guest/timer.h"

#define TASKS 64

static int failures;

#define CHECK(condition)                                          \
    do {                                                          \
        if (!(condition)) {                                       \
            printf("harts: line %d: %s\n", __LINE__, #condition); \
            failures++;                                           \
        }                                                         \
    } while (0)

static u64 harts_seen;

static void seen(void)
{
    __atomic_or_fetch(&harts_seen, 1UL << hart_index(), __ATOMIC_RELAXED);
}

/* TASKS tasks run fn(0) ... and end with 0. */
static void all(int (*fn)(void *arg))
{
    static struct task *task[TASKS];
    int code = -1;

    for (size_t i = 0; i < TASKS; i++) {
        task[i] = task_spawn(fn, (void *)i, &(struct task_options){.stack_bytes = 8192});
        CHECK(task[i] != NULL);
    }
    for (size_t i = 0; i < TASKS; i++) {
        CHECK(task_join(task[i], &code) == ERR_OK && code == 0);
    }
}

static struct mutex mutex;
static u64 shared;

static int adds(void *arg)
{
    (void)arg;
    for (int i = 0; i < 500; i++) {
        u64 before;

        mutex_lock(&mutex);
        before = shared;
        if (i % 50 == 0) {
            task_yield();
        }
        shared = before + 1;
        mutex_unlock(&mutex);
        seen();
    }
    return 0;
}

static struct wait_queue queue;
static u64 turn;

/* One after the other, 20 times. */
static int waits(void *arg)
{
    for (int i = 0; i < 20; i++) {
        wait_until(&queue, __atomic_load_n(&turn, __ATOMIC_RELAXED) % TASKS == (u64)arg);
        __atomic_fetch_add(&turn, 1, __ATOMIC_RELAXED);
        wake_all(&queue);
        seen();
    }
    return 0;
}

static struct message_queue messages;
static struct semaphore sum_lock = {.count = 1};
static u64 sum;

/* Half of them send 1000 numbers each, the others receive them; in time, or again. */
static int sends_or_receives(void *arg)
{
    for (u64 i = 0; i < 1000; i++) {
        u64 n = i;

        if ((u64)arg % 2) {
            while (!message_send_until(&messages, &n, timer_now() + 1000)) {
            }
        } else {
            while (!message_receive_until(&messages, &n, timer_now() + 1000)) {
            }
            CHECK(semaphore_wait_until(&sum_lock, ALARM_NEVER));
            sum += n;
            semaphore_post(&sum_lock);
        }
    }
    return 0;
}

static int nothing(void *arg)
{
    return (int)(long)arg;
}

static int spawns(void *arg)
{
    for (int i = 0; i < 20; i++) {
        struct task *task =
            task_spawn(nothing, (void *)(long)i, &(struct task_options){.stack_bytes = 4096});
        int code = -1;

        if (!task) {
            return 1;
        }
        if ((i + (int)(long)arg) % 4 == 0) {
            CHECK(task_detach(task) == ERR_OK);
        } else {
            CHECK(task_join(task, &code) == ERR_OK && code == i);
        }
    }
    return 0;
}

static int keeps_fp(void *arg)
{
    struct fp_regs own = {.fcsr = 0}, found;

    for (size_t i = 0; i < 32; i++) {
        own.f[i] = (u64)arg << 32 | i;
    }
    for (int i = 0; i < 50; i++) {
        fp_load(&own);
        task_yield();
        fp_store(&found);
        for (size_t f = 8; f < 28; f++) { /* a call keeps fs0 to fs11, and those only */
            if ((f < 10 || f >= 18) && own.f[f] != found.f[f]) {
                return 1;
            }
        }
    }
    return 0;
}

static int sleeps(void *arg)
{
    for (u64 i = 0; i < 5; i++) {
        u64 until = timer_now() + ((u64)arg * 37 + i * 11) % 64 * 500;

        task_sleep_until(until);
        CHECK(timer_now() >= until);
    }
    return 0;
}

static u64 harts_wanted;

/* Until all harts have run one of these, or for 5 s. */
static int spins(void *arg)
{
    u64 until = timer_now() + alarm_ticks(5000000000);

    (void)arg;
    do {
        seen();
    } while ((u64)__builtin_popcountl(__atomic_load_n(&harts_seen, __ATOMIC_RELAXED)) <
                 harts_wanted &&
             timer_now() < until);
    return 0;
}

int main(void)
{
    static u64 storage[4];
    unsigned harts;

    all(adds);
    CHECK(shared == TASKS * 500);
    CHECK(mutex.owner == 0);
    all(waits);
    CHECK(turn == TASKS * 20);
    message_queue_init(&messages, storage, sizeof(u64), ARRAY_LEN(storage));
    all(sends_or_receives);
    CHECK(sum == TASKS / 2 * (999 * 1000 / 2));
    all(spawns);
    all(keeps_fp);
    all(sleeps);
    harts_wanted = args_u64("harts", 1);
    harts_seen = 0;
    all(spins);
    harts = (unsigned)__builtin_popcountl(harts_seen);
    CHECK(harts >= harts_wanted);
    if (failures == 0) {
        printf("harts: %u harts, ok\n", harts);
    }
    return failures != 0;
}
