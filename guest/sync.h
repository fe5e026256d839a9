/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Component task: what tasks wait with.
 *
 *     wait_until          for a condition that others make true and then wake for
 *     mutex               one owner; given to who waits for it longest
 *     cond, semaphore, message_queue
 *
 * A time is one of timer.h's clock, ALARM_NEVER: no limit.  What can be timed returns false when
 * the time was up first, and ... _until with a time that is over is a try.
 *
 * wake_one, wake_all, semaphore_post and a send or receive with a time of 0 may be called by
 * interrupt handlers.
 *
 * All zeros is how each begins, but for a semaphore's count and what message_queue_init sets.
 */
#include "lib/kit/err.h"
#include "lib/kit/list.h"

#include "guest/alarm.h"
#include "guest/spin.h"
#include "guest/task.h"

/* ---- wait queues ---- */

struct waiter {
    struct list link;
    struct task *task;
};

/* Empty, until somebody waits. */
static inline void wait_queue_init(struct wait_queue *queue)
{
    *queue = (struct wait_queue){
        .waiters = {NULL, NULL}
    };
}

void wake_one(struct wait_queue *queue);
void wake_all(struct wait_queue *queue);

/*
 * Wait until the condition holds.  It is evaluated any number of times, also while this task counts
 * as waiting: it must not block.  Who makes it true calls wake_one or wake_all afterwards; wakes
 * are not lost, whenever they come.
 */
#define wait_until(queue, condition) ((void)wait_until_time(queue, condition, ALARM_NEVER))

/* The same until a time.  False: it does not hold, and the time is up. */
#define wait_until_time(queue, condition, time) \
    wait_until_as(queue, condition, time, "a condition", queue, NULL)

/* The same with words for reports: what kind of thing, which one, where (NULL: here). */
#define wait_until_as(queue, condition, time, what, object, place)                           \
    ({                                                                                       \
        bool holds_ = (condition);                                                           \
                                                                                             \
        if (!holds_) {                                                                       \
            struct waiter waiter_;                                                           \
            struct wait_queue *queue_ = (queue);                                             \
            u64 time_ = (time);                                                              \
                                                                                             \
            waiter_init(&waiter_, what, object, place);                                      \
            do {                                                                             \
                waiter_begin(queue_, &waiter_);                                              \
                holds_ = (condition);                                                        \
            } while (!holds_ && waiter_block(time_));                                        \
            if (waiter_end(queue_, &waiter_) && !holds_) {                                   \
                holds_ = (condition); /* a wake came as the time was up: it is not wasted */ \
            }                                                                                \
        }                                                                                    \
        holds_;                                                                              \
    })

/* The parts of wait_until_as. */
void waiter_init(struct waiter *waiter, const char *what, const void *object, const void *place);
void waiter_begin(struct wait_queue *queue, struct waiter *waiter);
bool waiter_block(u64 time);                                      /* false: the time is up */
bool waiter_end(struct wait_queue *queue, struct waiter *waiter); /* true: it was woken */

/* ---- mutex ---- */

struct mutex {
    u64 owner; /* struct task; bit 0: others wait */
    u64 place; /* pc where it was locked */
    struct wait_queue queue;
};

#define MUTEX_CONTENDED 1UL

bool mutex_lock_slow(struct mutex *mutex, u64 time);
void mutex_unlock_slow(struct mutex *mutex);

static inline __attribute__((always_inline)) bool mutex_try_lock(struct mutex *mutex)
{
    u64 expected = 0;

    if (!__atomic_compare_exchange_n(&mutex->owner, &expected, (u64)task_self(), false,
                                     __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        return false;
    }
    __asm__("auipc %0, 0" : "=r"(mutex->place));
    return true;
}

/* Its owner is reported with both places, and the payload ends. */
static inline __attribute__((always_inline)) void mutex_lock(struct mutex *mutex)
{
    if (unlikely(!mutex_try_lock(mutex))) {
        mutex_lock_slow(mutex, ALARM_NEVER);
    }
}

static inline __attribute__((always_inline)) bool mutex_lock_until(struct mutex *mutex, u64 time)
{
    return likely(mutex_try_lock(mutex)) || mutex_lock_slow(mutex, time);
}

/* Somebody else than its owner is reported, and the payload ends. */
static inline __attribute__((always_inline)) void mutex_unlock(struct mutex *mutex)
{
    u64 expected = (u64)task_self();

    if (unlikely(!__atomic_compare_exchange_n(&mutex->owner, &expected, 0, false, __ATOMIC_RELEASE,
                                              __ATOMIC_RELAXED))) {
        mutex_unlock_slow(mutex);
    }
}

static inline struct task *mutex_owner(const struct mutex *mutex)
{
    return (struct task *)(__atomic_load_n(&mutex->owner, __ATOMIC_RELAXED) & ~MUTEX_CONTENDED);
}

/* ---- condition variable ---- */

struct cond {
    struct wait_queue queue;
};

bool cond_wait_until(struct cond *cond, struct mutex *mutex, u64 time);
void cond_signal(struct cond *cond);
void cond_broadcast(struct cond *cond);

/* ---- semaphore ---- */

struct semaphore {
    u64 count;
    struct wait_queue queue;
};

bool semaphore_wait_until(struct semaphore *semaphore, u64 time);
void semaphore_post(struct semaphore *semaphore);

/* ---- message queue: bounded, messages of one size, in order ---- */

struct message_queue {
    struct spin lock;
    struct wait_queue senders, receivers;
    u8 *storage; /* capacity * bytes; the caller's */
    size_t bytes, capacity;
    size_t head, used; /* guarded by lock */
};

void message_queue_init(struct message_queue *queue, void *storage, size_t bytes, size_t capacity);
bool message_send_until(struct message_queue *queue, const void *message, u64 time);
bool message_receive_until(struct message_queue *queue, void *message, u64 time);
