/* SPDX-License-Identifier: BSD-2-Clause */
/* Tasks that yield again and again take turns in the order in which they began: FIFO, not
 * preempted. */
#include <stdio.h>

#include "payload/apps/apps.h"

#define TASKS  3U
#define ROUNDS 10U

static unsigned turns[TASKS * ROUNDS], count;

static int take_turns(void *arg)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        turns[count++] = *(const unsigned *)arg;
        task_yield();
    }
    return 0;
}

bool yield_ok(void)
{
    static const unsigned id[TASKS] = {0, 1, 2};
    struct task *tasks[TASKS];

    for (unsigned i = 0; i < TASKS; i++) {
        tasks[i] = start(take_turns, (void *)&id[i], 0);
    }
    if (!join_all(tasks, TASKS)) {
        return false;
    }
    for (unsigned i = 0; i < TASKS * ROUNDS; i++) {
        if (turns[i] != i % TASKS) {
            printf("yield: turn %u is task %u's\n", i, turns[i]);
            return false;
        }
    }
    return true;
}
