/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Three tasks have the same amount to compute.  CFS gives a nice value of -5 three times the time
 * of 0, and that three times the time of 5: this is the order in which they end, not that in which
 * they began.
 */
#include <stdio.h>

#include "guest/alarm.h"
#include "guest/spin.h"
#include "guest/timer.h"

#include "payload/apps/apps.h"

#define WORK_NS 150000000UL /* of one task alone */
#define LOOPS   100000

static const int nice[] = {5, 0, -5};
static struct spin lock;
static int ended[ARRAY_LEN(nice)]; /* nice values, in order; guarded by lock */
static unsigned count;             /* guarded by lock */
static u64 work;                   /* of each task, in calls of compute() */

static void compute(void)
{
    for (unsigned i = 0; i < LOOPS; i++) {
        __asm__ volatile("");
    }
}

static u64 work_in(u64 ns)
{
    u64 end = timer_now() + alarm_ticks(ns), calls = 0;

    for (; timer_now() < end; calls++) {
        compute();
    }
    return calls;
}

static int do_work(void *arg)
{
    for (u64 i = 0; i < work; i++) {
        compute();
    }
    spin_lock(&lock);
    ended[count++] = *(const int *)arg;
    spin_unlock(&lock);
    return 0;
}

bool priority_ok(void)
{
    struct task *tasks[ARRAY_LEN(nice)];

    work = work_in(WORK_NS);
    for (unsigned i = 0; i < ARRAY_LEN(nice); i++) {
        tasks[i] = start(do_work, (void *)&nice[i], nice[i]);
    }
    if (!join_all(tasks, ARRAY_LEN(nice))) {
        return false;
    }
    printf("priority: nice %d, %d, %d\n", ended[0], ended[1], ended[2]);
    return ended[0] == -5 && ended[1] == 0 && ended[2] == 5;
}
