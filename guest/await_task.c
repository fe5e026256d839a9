/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of the component task: who waits for a device sleeps. */
#include "guest/await.h"
#include "guest/core.h"
#include "guest/sync.h"
#include "guest/timer.h"

bool await_sleeps(void)
{
    return !core_in_trap() && task_self()->thread.preempt_off == 0;
}

bool await_until(struct wait_queue *queue, bool (*holds)(void *arg), void *arg, u64 time,
                 const char *what)
{
    bool held;

    if (await_sleeps()) {
        return wait_until_as(queue, holds(arg), time, what, arg, NULL);
    }
    do {
        held = holds(arg);
    } while (!held && timer_now() < time);
    return held;
}

void await_wake(struct wait_queue *queue)
{
    wake_all(queue);
}

bool await_has_others(void)
{
    return *(volatile u32 *)&core_of(task_self())->queue.queued != 0;
}
