/* SPDX-License-Identifier: BSD-2-Clause */
/* Round robin under real ticks: who runs is changed every SCHED_SLICE_TICKS, in turn. */
#include <stdio.h>

#include "guest/core.h"
#include "guest/machine.h"
#include "guest/task.h"
#include "guest/timer.h"

#define TURNS 30

static volatile u64 now_running, turns;
static struct {
    u64 who, since;
} turn[TURNS];

static int spins(void *arg)
{
    while (turns < TURNS) {
        preempt_disable();
        if (now_running != (u64)arg && turns < TURNS) {
            now_running = (u64)arg;
            turn[turns].who = (u64)arg;
            turn[turns].since = timer_now();
            turns++;
        }
        preempt_enable();
    }
    return 0;
}

int main(void)
{
    u64 slice = SCHED_SLICE_TICKS * machine_timebase() / CORE_TICKS_A_SECOND;
    struct task *task[3];
    int failures = 0;

    for (u64 i = 0; i < 3; i++) {
        task[i] = task_spawn(spins, (void *)(i + 1), NULL);
    }
    for (u64 i = 0; i < 3; i++) {
        failures += task_join(task[i], NULL) != ERR_OK;
    }
    for (u64 i = 2; i < TURNS; i++) {
        u64 ran = turn[i].since - turn[i - 1].since;

        if (turn[i].who != turn[i - 1].who % 3 + 1 || ran < slice * 4 / 5 || ran > slice * 6 / 5) {
            printf("slices: turn %lu: %lu, after %lu ticks, not %lu\n", i, turn[i].who, ran, slice);
            failures++;
        }
    }
    if (failures == 0) {
        printf("slices: ok\n");
    }
    return failures != 0;
}
