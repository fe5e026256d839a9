/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Part of the component signals: waiting that a signal ends.
 *
 * With tasks the task sleeps until it is woken; without them the hart does, until an interrupt:
 * what is waited for has to raise one.  Meanwhile handlers are held, or one might run between the
 * last look at what pends and the sleep, and the wait would go on.
 */
#include <errno.h>

#include "lib/riscv/ops.h"

#include "guest/alarm.h"
#include "guest/libc/signal.h"
#include "guest/libc/signals.h"
#include "guest/preempt.h"
#include "guest/timer.h"

struct wish {
    bool (*holds)(void *arg);
    void *arg;
};

/* What waits in sigwait has signals to wait for that are blocked. */
static bool is_over(void *arg)
{
    struct wish *wish = arg;

    return wish->holds(wish->arg) ||
           (signal_pending_set() & (~signal_own.blocked | signal_own.waits)) != 0;
}

static u64 ring(struct alarm *alarm)
{
    (void)alarm;
    return ALARM_NEVER;
}

/* The interrupt that ends the sleep is taken behind it: none is missed. */
static void sleep_until(struct wish *wish, u64 time)
{
    struct alarm alarm = {.ring = ring};
    bool over = false;

    alarm_set(&alarm, time);
    while (!over) {
        u64 irq = irq_save();

        over = is_over(wish) || timer_now() >= time;
        if (!over) {
            wfi();
        }
        irq_restore(irq);
    }
    alarm_cancel(&alarm);
}

int signal_wait_until(struct wait_queue *queue, bool (*holds)(void *arg), void *arg, u64 time,
                      const char *what, bool restarts)
{
    struct wish wish = {holds, arg};
    int error = 0;

    signal_hold();
    while (error == 0 && !holds(arg)) {
        if (signal_pending()) {
            error = signal_deliver(restarts);
        } else if (signal_pending_set() & signal_own.waits) {
            error = EINTR;
        } else if (timer_now() >= time) {
            error = ETIMEDOUT;
        } else if (await_sleeps()) {
            await_until(queue, is_over, &wish, time, what);
        } else {
            sleep_until(&wish, time);
        }
    }
    signal_release();
    return error;
}

static bool never(void *arg)
{
    (void)arg;
    return false;
}

/* 0 at that time, EINTR. */
int signal_sleep_until(u64 time)
{
    struct wait_queue nobody = {};

    return signal_wait_until(&nobody, never, NULL, time, "a time", false) == EINTR ? EINTR : 0;
}
