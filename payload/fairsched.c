/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Row u_6_0: as msgqueue, but worker1 never yields: the timer takes the processor from it when its
 * fair share is used up (components cfs and preempt).
 *
 * What decides: each worker has 0 to 256 once and in order, and main is last.  That worker1 was
 * preempted is certain: with its work done it goes on computing until all was taken out.
 */
#include <stdio.h>

#include "guest/machine.h"
#include "guest/task.h"
#include "guest/timer.h"

#include "payload/numbers.h"

#define LAST          256
#define LOOPS         100000 /* what a number costs: all of them, some ticks */
#define LIMIT_SECONDS 10

static struct numbers queue;
static volatile bool all_taken;

static void compute(void)
{
    for (unsigned i = 0; i < LOOPS; i++) {
        __asm__ volatile("");
    }
}

static int push_all(void *arg)
{
    u64 limit = timer_now() + LIMIT_SECONDS * machine_timebase();

    (void)arg;
    for (int i = 0; i <= LAST; i++) {
        compute();
        numbers_push(&queue, i);
        printf("worker1: pushed %d\n", i);
    }
    while (!all_taken) {
        if (timer_now() > limit) {
            printf("worker1: nobody else had the processor for %d seconds\n", LIMIT_SECONDS);
            return 1;
        }
    }
    printf("worker1: ends\n");
    return 0;
}

static int pop_all(void *arg)
{
    int expected = 0, number = -1;

    (void)arg;
    while (expected <= LAST) {
        if (!numbers_pop(&queue, &number)) {
            printf("worker2: nothing to do\n");
            task_yield();
            continue;
        }
        printf("worker2: popped %d\n", number);
        compute();
        if (number != expected++) {
            return 1;
        }
    }
    printf("worker2: ends\n");
    all_taken = true;
    return 0;
}

int main(void)
{
    struct task *worker1 = task_spawn(push_all, NULL, &(struct task_options){.name = "worker1"});
    struct task *worker2 = task_spawn(pop_all, NULL, &(struct task_options){.name = "worker2"});
    int code1 = 1, code2 = 1;

    if (!worker1 || !worker2) {
        printf("fairsched: no memory for a task\n");
        return 1;
    }
    if (task_join(worker1, &code1) != ERR_OK || task_join(worker2, &code2) != ERR_OK ||
        code1 != 0 || code2 != 0) {
        printf("fairsched: exit codes %d, %d\n", code1, code2);
        return 1;
    }
    printf("fairsched: ok\n");
    return 0;
}
