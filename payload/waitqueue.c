/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Row u_6_1: as fairsched, but who has nothing to do sleeps.  The queue is a ring behind a mutex;
 * worker1 waits while it is full, and worker2 while it is empty.
 *
 *     runs=1    do all of it so often; only the first run says what it does
 *
 * What decides: no number is lost, nobody looks in vain, and thousands of runs do not hang: no wake
 * is lost, wherever the timer interrupts.
 */
#include <stdio.h>

#include "guest/args.h"
#include "guest/sync.h"
#include "guest/task.h"

#define LAST 64
#define RING 8

static struct mutex mutex;
static struct wait_queue not_empty, not_full;
static bool is_first_run;

/* guarded by mutex, but anybody may look: */
static int ring[RING];
static unsigned pushed, popped; /* so many in this run */

static unsigned used(void)
{
    return __atomic_load_n(&pushed, __ATOMIC_RELAXED) - __atomic_load_n(&popped, __ATOMIC_RELAXED);
}

static int push_all(void *arg)
{
    (void)arg;
    for (int i = 0; i <= LAST; i++) {
        wait_until(&not_full, used() < RING);
        mutex_lock(&mutex);
        ring[pushed % RING] = i;
        __atomic_store_n(&pushed, pushed + 1, __ATOMIC_RELAXED);
        mutex_unlock(&mutex);
        wake_one(&not_empty);
        if (is_first_run) {
            printf("worker1: pushed %d\n", i);
        }
    }
    return 0;
}

static int pop_all(void *arg)
{
    (void)arg;
    for (int i = 0; i <= LAST; i++) {
        int number;

        wait_until(&not_empty, used() > 0);
        mutex_lock(&mutex);
        number = used() > 0 ? ring[popped % RING] : -1;
        __atomic_store_n(&popped, popped + 1, __ATOMIC_RELAXED);
        mutex_unlock(&mutex);
        wake_one(&not_full);
        if (is_first_run) {
            printf("worker2: popped %d\n", number);
        }
        if (number != i) {
            return 1;
        }
    }
    return 0;
}

static bool run(void)
{
    struct task *worker1, *worker2;
    int code1 = 1, code2 = 1;

    pushed = popped = 0;
    worker1 = task_spawn(push_all, NULL, &(struct task_options){.name = "worker1"});
    worker2 = task_spawn(pop_all, NULL, &(struct task_options){.name = "worker2"});
    if (!worker1 || !worker2) {
        printf("waitqueue: no memory for a task\n");
        return false;
    }
    return task_join(worker1, &code1) == ERR_OK && task_join(worker2, &code2) == ERR_OK &&
           code1 == 0 && code2 == 0;
}

int main(void)
{
    u64 runs = args_u64("runs", 1);

    for (u64 i = 0; i < runs; i++) {
        is_first_run = i == 0;
        if (!run()) {
            printf("waitqueue: run %lu failed\n", (unsigned long)i);
            return 1;
        }
    }
    printf("waitqueue: ok, runs: %lu\n", (unsigned long)runs);
    return 0;
}
