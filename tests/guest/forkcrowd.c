/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A fork from each kind of place that a task can be in, while others run, wait, sleep and hold
 * locks: in the child it is alone, and all that tasks do works.
 */
#include <stdio.h>

#include "guest/guest.h"
#include "guest/pages.h"
#include "guest/proc.h"
#include "guest/sync.h"
#include "guest/task.h"
#include "guest/timer.h"

#define MS 1000000UL

static int failures;
static const char *where;

#define CHECK(condition)                                                         \
    do {                                                                         \
        if (!(condition)) {                                                      \
            printf("forkcrowd: %s: line %d: %s\n", where, __LINE__, #condition); \
            failures++;                                                          \
        }                                                                        \
    } while (0)

static struct wait_queue queue;
static struct mutex mutex, others;
static struct semaphore semaphore;
static volatile u64 counter, slept;
static volatile bool stop;
static u64 turn;

static u64 in_ms(u64 ms)
{
    return timer_now() + alarm_ticks(ms * MS);
}

/* ---- who is there when it happens ---- */

static int counts(void *arg)
{
    (void)arg;
    while (!stop) {
        counter++;
    }
    return 0;
}

static int waits(void *arg)
{
    (void)arg;
    wait_until(&queue, stop);
    return 0;
}

static int wants_mutex(void *arg)
{
    mutex_lock(arg);
    mutex_unlock(arg);
    return 0;
}

static int holds_others(void *arg)
{
    (void)arg;
    mutex_lock(&others);
    wait_until(&queue, stop);
    mutex_unlock(&others);
    return 0;
}

static int sleeps(void *arg)
{
    (void)arg;
    while (!stop) {
        task_sleep_ns(MS / 2);
        slept++;
    }
    return 0;
}

static int takes_pages(void *arg)
{
    (void)arg;
    while (!stop) {
        void *page = pages_alloc(1, 1);

        CHECK(page != NULL);
        pages_free(page);
    }
    return 0;
}

/* ---- the child ---- */

static int plays(void *arg)
{
    for (u64 i = 0; i < 50; i++) {
        wait_until(&queue, turn % 3 == (u64)arg);
        turn++;
        wake_all(&queue);
    }
    return 0;
}

static u64 posts(struct alarm *alarm)
{
    (void)alarm;
    semaphore_post(&semaphore);
    return ALARM_NEVER;
}

static void child(void)
{
    struct alarm alarm = {.ring = posts};
    u64 begin = counter, naps = slept;
    struct task *task[3];

    failures = 0; /* those before the fork are the parent's */
    task_yield();
    task_sleep_ns(3 * MS);
    CHECK(counter == begin && slept == naps);
    wake_all(&queue); /* nobody is there */
    for (u64 i = 0; i < 3; i++) {
        task[i] = task_spawn(plays, (void *)i, NULL);
        CHECK(task[i] != NULL);
    }
    for (u64 i = 0; i < 3; i++) {
        CHECK(task_join(task[i], NULL) == ERR_OK);
    }
    CHECK(turn == 150);
    CHECK(!mutex_lock_until(&others, in_ms(2))); /* of somebody who is no more */
    mutex_lock(&mutex);
    mutex_unlock(&mutex);
    alarm_set(&alarm, in_ms(1));
    CHECK(semaphore_wait_until(&semaphore, in_ms(5000)));
    task[0] = task_spawn(counts, NULL, NULL); /* it is preempted */
    for (u64 end = in_ms(5000); timer_now() < end && counter == begin;) {
    }
    CHECK(counter != begin);
    proc_exit(failures != 0);
}

static long forks(void)
{
    long pid;

    task_fork_begin();
    pid = proc_fork(PROC_DOOR_ECALL, 0);
    task_fork_end(pid == 0);
    return pid;
}

/* An interrupt, such as another hart's kick, ends a wait early. */
static long wait_for(long pid, unsigned *status)
{
    long got;

    do {
        got = proc_wait(pid, 0, status);
    } while (got == PROC_ERR_INTR);
    return got;
}

static void parent(long pid)
{
    unsigned status = 0;
    u64 before = counter, naps = slept;
    u64 end = in_ms(5000);

    CHECK(pid > 0);
    while (timer_now() < end && (counter == before || slept < naps + 3)) {
        task_sleep_ns(MS);
    }
    CHECK(counter != before && slept >= naps + 3);
    CHECK(wait_for(pid, &status) == pid);
    CHECK(status == 0);
}

/* ---- the places ---- */

static long pid_of_handler;
static volatile bool handled;

static u64 forks_in_handler(struct alarm *alarm)
{
    (void)alarm;
    pid_of_handler = forks();
    handled = true;
    return ALARM_NEVER;
}

static void from_task(void)
{
    long pid = forks();

    if (pid == 0) {
        child();
    }
    parent(pid);
}

static void from_section(void)
{
    long pid;

    preempt_disable();
    pid = forks();
    CHECK(thread_self()->preempt_off == 1);
    preempt_enable();
    if (pid == 0) {
        child();
    }
    parent(pid);
}

static void with_mutex(void)
{
    struct task *task;
    long pid;

    mutex_lock(&mutex);
    task = task_spawn(wants_mutex, &mutex, NULL);
    task_sleep_ns(2 * MS);
    pid = forks();
    CHECK(mutex_owner(&mutex) == task_self());
    mutex_unlock(&mutex);
    if (pid == 0) {
        child();
    }
    CHECK(task_join(task, NULL) == ERR_OK);
    parent(pid);
}

static void from_handler(void)
{
    struct alarm alarm = {.ring = forks_in_handler};

    handled = false;
    alarm_set(&alarm, in_ms(1));
    while (!handled) {
    }
    if (pid_of_handler == 0) {
        child();
    }
    parent(pid_of_handler);
}

static int from_another(void *arg)
{
    (void)arg;
    from_task();
    return 0;
}

static void from_other_task(void)
{
    struct task *task = task_spawn(from_another, NULL, NULL);

    CHECK(task && task_join(task, NULL) == ERR_OK);
}

int main(void)
{
    static const struct {
        const char *name;
        void (*fn)(void);
    } place[] = {
        {"task",       from_task      },
        {"section",    from_section   },
        {"mutex",      with_mutex     },
        {"handler",    from_handler   },
        {"other task", from_other_task}
    };
    static int (*const crowd[])(void *arg) = {counts,       waits,  waits,
                                              holds_others, sleeps, takes_pages};
    struct task *task[ARRAY_LEN(crowd)];

    for (size_t i = 0; i < ARRAY_LEN(crowd); i++) {
        task[i] = task_spawn(crowd[i], NULL, NULL);
    }
    task_sleep_ns(20 * MS);
    for (size_t round = 0; round < 2 * ARRAY_LEN(place); round++) {
        where = place[round % ARRAY_LEN(place)].name;
        place[round % ARRAY_LEN(place)].fn();
    }
    stop = true;
    wake_all(&queue);
    for (size_t i = 0; i < ARRAY_LEN(crowd); i++) {
        CHECK(task_join(task[i], NULL) == ERR_OK);
    }
    if (failures == 0) {
        printf("forkcrowd: ok\n");
    }
    return failures != 0;
}
