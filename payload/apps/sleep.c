/* SPDX-License-Identifier: BSD-2-Clause */
/* Tasks that sleep for different whiles wake in the order of these, and none too early. */
#include <stdio.h>

#include "guest/alarm.h"
#include "guest/spin.h"
#include "guest/timer.h"

#include "payload/apps/apps.h"

#define NS_PER_MS 1000000UL

static const u64 while_ms[] = {300, 100, 200};
static struct spin lock;
static u64 woken[ARRAY_LEN(while_ms)]; /* their whiles, in order; guarded by lock */
static unsigned count;                 /* guarded by lock */

static int sleep_once(void *arg)
{
    u64 ms = *(const u64 *)arg, begin = timer_now();

    task_sleep_ns(ms * NS_PER_MS);
    if (timer_now() - begin < alarm_ticks(ms * NS_PER_MS)) {
        printf("sleep: woken too early from %lu ms\n", (unsigned long)ms);
        return 1;
    }
    spin_lock(&lock);
    woken[count++] = ms;
    spin_unlock(&lock);
    return 0;
}

bool sleep_ok(void)
{
    struct task *tasks[ARRAY_LEN(while_ms)];

    for (unsigned i = 0; i < ARRAY_LEN(while_ms); i++) {
        tasks[i] = start(sleep_once, (void *)&while_ms[i], 0);
    }
    if (!join_all(tasks, ARRAY_LEN(while_ms))) {
        return false;
    }
    printf("sleep: %lu, %lu, %lu ms\n", (unsigned long)woken[0], (unsigned long)woken[1],
           (unsigned long)woken[2]);
    return woken[0] == 100 && woken[1] == 200 && woken[2] == 300;
}
