/* SPDX-License-Identifier: BSD-2-Clause */
/* What else POSIX threads meet at: barriers, spin locks, and initialisation once. */
#include <errno.h>
#include <pthread.h>

#include "guest/libc/shared_sync.h"
#include "guest/sync.h"

struct barrier {
    u32 count;   /* immutable */
    u32 waiting; /* guarded by lock */
    u64 round;   /* guarded by lock; how often all have met */
    struct spin lock;
    struct wait_queue queue;
};
_Static_assert(sizeof(struct barrier) <= sizeof(((pthread_barrier_t *)0)->opaque_), "pthread.h");

static struct barrier *barrier_of(pthread_barrier_t *barrier)
{
    return (struct barrier *)(void *)barrier->opaque_;
}

int pthread_barrierattr_init(pthread_barrierattr_t *attr)
{
    *attr = (pthread_barrierattr_t){PTHREAD_PROCESS_PRIVATE};
    return 0;
}

int pthread_barrierattr_destroy(pthread_barrierattr_t *attr)
{
    (void)attr;
    return 0;
}

/* For those that processes share: barrier_shared.c, where it is in the image. */
__attribute__((weak)) int barrier_shared_wait(pthread_barrier_t *barrier)
{
    (void)barrier;
    return EINVAL;
}

int pthread_barrier_init(pthread_barrier_t *barrier, const pthread_barrierattr_t *attr,
                         unsigned count)
{
    if (count == 0) {
        return EINVAL;
    }
    *barrier = (pthread_barrier_t){.shared_ = attr ? attr->shared_ : PTHREAD_PROCESS_PRIVATE};
    barrier_of(barrier)->count = count;
    return 0;
}

/* EBUSY: somebody waits there. */
int pthread_barrier_destroy(pthread_barrier_t *barrier)
{
    return barrier_of(barrier)->waiting ? EBUSY : 0;
}

int pthread_barrier_wait(pthread_barrier_t *barrier)
{
    struct barrier *b = barrier_of(barrier);
    bool is_last;
    u64 round;

    if (barrier->shared_) {
        return barrier_shared_wait(barrier);
    }
    spin_lock(&b->lock);
    round = b->round;
    is_last = ++b->waiting == b->count;
    if (is_last) {
        b->waiting = 0;
        __atomic_store_n(&b->round, round + 1, __ATOMIC_RELEASE);
    }
    spin_unlock(&b->lock);
    if (is_last) {
        wake_all(&b->queue);
        return PTHREAD_BARRIER_SERIAL_THREAD;
    }
    wait_until(&b->queue, __atomic_load_n(&b->round, __ATOMIC_ACQUIRE) != round);
    return 0;
}

int pthread_spin_init(pthread_spinlock_t *lock, int shared)
{
    (void)shared;
    *lock = 0;
    return 0;
}

int pthread_spin_destroy(pthread_spinlock_t *lock)
{
    (void)lock;
    return 0;
}

int pthread_spin_trylock(pthread_spinlock_t *lock)
{
    return __atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE) == 0 ? 0 : EBUSY;
}

/* Who holds it may be on this hart, so the others get their turn. */
int pthread_spin_lock(pthread_spinlock_t *lock)
{
    while (pthread_spin_trylock(lock) != 0) {
        task_yield();
    }
    return 0;
}

int pthread_spin_unlock(pthread_spinlock_t *lock)
{
    __atomic_store_n(lock, 0, __ATOMIC_RELEASE);
    return 0;
}

enum { ONCE_NOT_YET, ONCE_NOW, ONCE_DONE };

int pthread_once(pthread_once_t *once, void (*fn)(void))
{
    static struct wait_queue queue; /* for all of them: waiting is rare */
    int expected = ONCE_NOT_YET;

    if (__atomic_load_n(&once->state_, __ATOMIC_ACQUIRE) == ONCE_DONE) {
        return 0;
    }
    if (__atomic_compare_exchange_n(&once->state_, &expected, ONCE_NOW, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_RELAXED)) {
        fn();
        __atomic_store_n(&once->state_, ONCE_DONE, __ATOMIC_RELEASE);
        wake_all(&queue);
        return 0;
    }
    wait_until(&queue, __atomic_load_n(&once->state_, __ATOMIC_ACQUIRE) == ONCE_DONE);
    return 0;
}
