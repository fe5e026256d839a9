/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wait queues, and what is made of them alone: condition variable, semaphore, message queue.
 *
 * A waiter is in the queue and its task counts as waiting before it looks at its condition; who
 * makes that true wakes afterwards.  So either the look sees it, or the wake finds the waiter.  A
 * waiter that is woken is taken out of the queue by who wakes it: wakes of several reach several.
 */
#include "guest/sync.h"

#include <string.h>

#include "guest/core.h"
#include "guest/timer.h"

/* ---- wait queues ---- */

void waiter_init(struct waiter *waiter, const char *what, const void *object, const void *place)
{
    list_init(&waiter->link);
    waiter->task = task_self();
    task_wait_for(what, object, place ? place : __builtin_return_address(0));
}

/* In the queue, at its end if it was woken before, and about to wait. */
void waiter_begin(struct wait_queue *queue, struct waiter *waiter)
{
    u64 irq = spin_lock_irq(&queue->lock);

    if (!queue->waiters.next) {
        list_init(&queue->waiters);
    }
    if (list_empty(&waiter->link)) {
        list_add_tail(&queue->waiters, &waiter->link);
        waiter->task->waits_in = &waiter->link;
    }
    task_wait_begin();
    spin_unlock_irq(&queue->lock, irq);
}

struct wake_up {
    struct alarm alarm;
    struct task *task;
};

static u64 wake_up(struct alarm *alarm)
{
    task_wake(container_of(alarm, struct wake_up, alarm)->task);
    return ALARM_NEVER;
}

/* Sleep after task_wait_begin until woken, or until the time; false: it is over already. */
bool waiter_block(u64 time)
{
    struct wake_up wake = {.alarm.ring = wake_up, .task = task_self()};

    if (time == ALARM_NEVER) {
        task_block();
        return true;
    }
    if (timer_now() >= time) {
        return false;
    }
    alarm_set(&wake.alarm, time);
    task_block();
    alarm_cancel(&wake.alarm);
    return true;
}

bool waiter_end(struct wait_queue *queue, struct waiter *waiter)
{
    u64 irq = spin_lock_irq(&queue->lock);
    bool woken = list_empty(&waiter->link);

    list_del(&waiter->link);
    waiter->task->waits_in = NULL;
    task_wait_end();
    spin_unlock_irq(&queue->lock, irq);
    return woken;
}

/* The queue is locked.  False: nobody waits. */
static bool wake_first(struct wait_queue *queue)
{
    struct list *first = queue->waiters.next;

    if (!first || first == &queue->waiters) {
        return false;
    }
    list_del(first);
    task_wake(container_of(first, struct waiter, link)->task);
    return true;
}

void wake_one(struct wait_queue *queue)
{
    u64 irq = spin_lock_irq(&queue->lock);

    wake_first(queue);
    spin_raw_unlock(&queue->lock);
    core_irq_restore(irq);
}

void wake_all(struct wait_queue *queue)
{
    u64 irq = spin_lock_irq(&queue->lock);

    while (wake_first(queue)) {
    }
    spin_raw_unlock(&queue->lock);
    core_irq_restore(irq);
}

/* ---- condition variable ---- */

/* The caller has the mutex, and has it again afterwards.  It may return early: look again. */
bool cond_wait_until(struct cond *cond, struct mutex *mutex, u64 time)
{
    struct waiter waiter;
    bool in_time;

    waiter_init(&waiter, "a condition variable", cond, __builtin_return_address(0));
    waiter_begin(&cond->queue, &waiter);
    mutex_unlock(mutex);
    waiter_block(time);
    in_time = waiter_end(&cond->queue, &waiter) || timer_now() < time;
    mutex_lock(mutex);
    return in_time;
}

void cond_signal(struct cond *cond)
{
    wake_one(&cond->queue);
}

void cond_broadcast(struct cond *cond)
{
    wake_all(&cond->queue);
}

/* ---- semaphore ---- */

static bool semaphore_try(struct semaphore *semaphore)
{
    u64 count = __atomic_load_n(&semaphore->count, __ATOMIC_RELAXED);

    while (count != 0) {
        if (__atomic_compare_exchange_n(&semaphore->count, &count, count - 1, true,
                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
            return true;
        }
    }
    return false;
}

/* Take one, waiting for it; a time of 0 does not. */
bool semaphore_wait_until(struct semaphore *semaphore, u64 time)
{
    if (time == 0) {
        return semaphore_try(semaphore);
    }
    return wait_until_as(&semaphore->queue, semaphore_try(semaphore), time, "a semaphore",
                         semaphore, __builtin_return_address(0));
}

void semaphore_post(struct semaphore *semaphore)
{
    __atomic_fetch_add(&semaphore->count, 1, __ATOMIC_RELEASE);
    wake_one(&semaphore->queue);
}

/* ---- message queue ---- */

/* An empty queue with room for `capacity` messages of `bytes` in storage, which stays its own. */
void message_queue_init(struct message_queue *queue, void *storage, size_t bytes, size_t capacity)
{
    *queue = (struct message_queue){.storage = storage, .bytes = bytes, .capacity = capacity};
}

static bool try_send(struct message_queue *queue, const void *message)
{
    u64 irq = spin_lock_irq(&queue->lock);
    bool fits = queue->used < queue->capacity;

    if (fits) {
        size_t slot = (queue->head + queue->used) % queue->capacity;

        memcpy(queue->storage + slot * queue->bytes, message, queue->bytes);
        queue->used++;
    }
    spin_unlock_irq(&queue->lock, irq);
    return fits;
}

static bool try_receive(struct message_queue *queue, void *message)
{
    u64 irq = spin_lock_irq(&queue->lock);
    bool there = queue->used != 0;

    if (there) {
        memcpy(message, queue->storage + queue->head * queue->bytes, queue->bytes);
        queue->head = (queue->head + 1) % queue->capacity;
        queue->used--;
    }
    spin_unlock_irq(&queue->lock, irq);
    return there;
}

/* A time of 0 does not wait.  False: the queue stayed full. */
bool message_send_until(struct message_queue *queue, const void *message, u64 time)
{
    bool sent = time == 0
                    ? try_send(queue, message)
                    : wait_until_as(&queue->senders, try_send(queue, message), time,
                                    "room in a message queue", queue, __builtin_return_address(0));

    if (sent) {
        wake_one(&queue->receivers);
    }
    return sent;
}

/* A time of 0 does not wait.  False: the queue stayed empty. */
bool message_receive_until(struct message_queue *queue, void *message, u64 time)
{
    bool received = time == 0
                        ? try_receive(queue, message)
                        : wait_until_as(&queue->receivers, try_receive(queue, message), time,
                                        "a message in a queue", queue, __builtin_return_address(0));

    if (received) {
        wake_one(&queue->senders);
    }
    return received;
}
