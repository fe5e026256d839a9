/* SPDX-License-Identifier: BSD-2-Clause */
/* Without tasks: who waits looks.  Component task brings its own of all these; plic of irq_connect.
 */
#include "guest/await.h"

#include "guest/plic.h"
#include "guest/timer.h"

__attribute__((weak)) bool await_until(struct wait_queue *queue, bool (*holds)(void *arg),
                                       void *arg, u64 time, const char *what)
{
    bool held;

    (void)queue;
    (void)what;
    do {
        held = holds(arg);
    } while (!held && timer_now() < time);
    return held;
}

__attribute__((weak)) void await_wake(struct wait_queue *queue)
{
    (void)queue;
}

__attribute__((weak)) bool await_sleeps(void)
{
    return false;
}

__attribute__((weak)) bool await_has_others(void)
{
    return false;
}

__attribute__((weak)) enum err irq_connect(u32 number, irq_fn *fn, void *arg)
{
    (void)number;
    (void)fn;
    (void)arg;
    return ERR_NOENT;
}
