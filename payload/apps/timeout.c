/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waits with a limit: the limit is kept where nothing comes, and what comes before it ends the
 * wait. The same of a wait queue, a mutex that another task has, and a semaphore.
 */
#include <stdio.h>

#include "guest/sync.h"
#include "guest/timer.h"

#include "payload/apps/apps.h"

#define SHORT_NS 20000000UL
#define LONG_NS  20000000000UL

static struct wait_queue queue;
static struct mutex mutex;
static struct semaphore semaphore, ready, go;
static volatile bool came;

static u64 in(u64 ns)
{
    return timer_now() + alarm_ticks(ns);
}

static bool expect(const char *what, bool holds)
{
    if (!holds) {
        printf("time-out: %s\n", what);
    }
    return holds;
}

static bool nothing_comes(void)
{
    u64 limit = in(SHORT_NS);
    bool ok = expect("a wake out of nothing", !wait_until_time(&queue, came, limit)) &&
              expect("the queue's limit came early", timer_now() >= limit);

    limit = in(SHORT_NS);
    ok = expect("a mutex of somebody else", !mutex_lock_until(&mutex, limit)) && ok;
    ok = expect("the mutex's limit came early", timer_now() >= limit) && ok;
    limit = in(SHORT_NS);
    ok = expect("a post out of nothing", !semaphore_wait_until(&semaphore, limit)) && ok;
    return expect("the semaphore's limit came early", timer_now() >= limit) && ok;
}

static bool it_comes(void)
{
    bool ok = expect("the wake did not come", wait_until_time(&queue, came, in(LONG_NS)));

    ok = expect("the mutex did not come", mutex_lock_until(&mutex, in(LONG_NS))) && ok;
    mutex_unlock(&mutex);
    return expect("the post did not come", semaphore_wait_until(&semaphore, in(LONG_NS))) && ok;
}

/* Has the mutex from the start, and brings all three, one after the other, when it is told to. */
static int bring(void *arg)
{
    (void)arg;
    mutex_lock(&mutex);
    semaphore_post(&ready);
    semaphore_wait_until(&go, ALARM_NEVER);
    task_sleep_ns(SHORT_NS);
    came = true;
    wake_one(&queue);
    task_sleep_ns(SHORT_NS);
    mutex_unlock(&mutex);
    task_sleep_ns(SHORT_NS);
    semaphore_post(&semaphore);
    return 0;
}

bool timeout_ok(void)
{
    struct task *task = start(bring, NULL, 0);
    bool ok;

    if (!task) {
        return false;
    }
    semaphore_wait_until(&ready, ALARM_NEVER);
    ok = nothing_comes();
    semaphore_post(&go);
    ok = it_comes() && ok;
    return join_all(&task, 1) && ok;
}
