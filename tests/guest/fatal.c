/* SPDX-License-Identifier: BSD-2-Clause */
/* What tasks must not do, one by one: CMDLINE='how=...'.  Each is reported, and ends the payload.
 */
#include <stdio.h>

#include "guest/args.h"
#include "guest/guest.h"
#include "guest/irq.h"
#include "guest/sync.h"
#include "guest/task.h"
#include "guest/timer.h"

static struct mutex first, second;
static struct semaphore semaphore;
static struct message_queue messages;
static u64 storage[2];

static u64 dig(u64 depth)
{
    volatile char room[256];

    room[0] = (char)depth;
    return depth ? dig(depth - 1) + (u64)room[0] : 0;
}

static int digs(void *arg)
{
    return (int)dig((u64)arg);
}

static int locks_second(void *arg)
{
    (void)arg;
    mutex_lock(&second);
    task_yield();
    mutex_lock(&first);
    return 0;
}

static int receives(void *arg)
{
    message_receive_until(&messages, arg, ALARM_NEVER);
    return 0;
}

static int unlocks(void *arg)
{
    mutex_unlock(arg);
    return 0;
}

static u64 waits_in_handler(struct alarm *alarm)
{
    (void)alarm;
    semaphore_wait_until(&semaphore, ALARM_NEVER);
    return ALARM_NEVER;
}

static void spawn(const char *name, int (*fn)(void *arg), void *arg)
{
    if (!task_spawn(fn, arg, &(struct task_options){.name = name, .stack_bytes = 16384})) {
        guest_exit(3);
    }
}

static void wait_for_all(void)
{
    semaphore_wait_until(&semaphore, ALARM_NEVER);
}

static int ends(void *arg)
{
    printf("fatal: the last one\n");
    return (int)(long)arg;
}

int main(void)
{
    message_queue_init(&messages, storage, sizeof(u64), ARRAY_LEN(storage));
    if (args_is("how", "overflow")) {
        spawn("digger", digs, (void *)1000);
    } else if (args_is("how", "overflow-main")) {
        dig(100000);
    } else if (args_is("how", "deadlock")) {
        mutex_lock(&first);
        spawn("crossed", locks_second, NULL);
        spawn("receiver", receives, storage);
        task_yield();
        mutex_lock(&second);
    } else if (args_is("how", "lock-again")) {
        mutex_lock(&first);
        mutex_lock(&first);
    } else if (args_is("how", "stranger")) {
        mutex_lock(&first);
        spawn("stranger", unlocks, &first);
    } else if (args_is("how", "unlock-free")) {
        mutex_unlock(&first);
    } else if (args_is("how", "handler-waits")) {
        static struct alarm alarm = {.ring = waits_in_handler};

        alarm_set(&alarm, timer_now());
        task_sleep_ns(10000000);
    } else if (args_is("how", "section-waits")) {
        preempt_disable();
    } else if (args_is("how", "main-exits")) {
        spawn("last", ends, (void *)9L);
        task_exit(4);
    }
    wait_for_all();
    return 0;
}
