/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Row u_5_0: two tasks that take turns of their own accord.  worker1 puts 0 to 64 into a queue and
 * yields after each; worker2 takes them out, and yields when there is nothing.
 *
 * What decides: the exact sequence.  With the component fifo, and without preempt, a task runs
 * until it yields or ends, and then who has waited longest does.
 */
#include <stdio.h>

#include "guest/task.h"

#include "payload/numbers.h"

#define LAST 64

static struct numbers queue;
static int idle; /* how often worker2 found nothing */

static int push_all(void *arg)
{
    (void)arg;
    for (int i = 0; i <= LAST; i++) {
        numbers_push(&queue, i);
        printf("worker1: pushed %d\n", i);
        task_yield();
    }
    printf("worker1: ends\n");
    return 0;
}

static int pop_all(void *arg)
{
    int expected = 0, number;

    (void)arg;
    while (expected <= LAST) {
        if (!numbers_pop(&queue, &number)) {
            printf("worker2: nothing to do\n");
            idle++;
            task_yield();
            continue;
        }
        printf("worker2: popped %d\n", number);
        if (number != expected++) {
            return 1;
        }
    }
    printf("worker2: ends\n");
    return 0;
}

int main(void)
{
    struct task *worker1 = task_spawn(push_all, NULL, &(struct task_options){.name = "worker1"});
    struct task *worker2 = task_spawn(pop_all, NULL, &(struct task_options){.name = "worker2"});
    int code1 = 1, code2 = 1;

    if (!worker1 || !worker2) {
        printf("msgqueue: no memory for a task\n");
        return 1;
    }
    if (task_join(worker1, &code1) != ERR_OK || task_join(worker2, &code2) != ERR_OK ||
        code1 != 0 || code2 != 0 || idle != LAST) {
        printf("msgqueue: exit codes %d, %d, and %d times nothing to do\n", code1, code2, idle);
        return 1;
    }
    printf("msgqueue: ok\n");
    return 0;
}
