/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * POSIX reader-writer locks.  Who wants to write comes before those who come to read later, so a
 * task must not read-lock twice while others may want to write.
 */
#include <errno.h>
#include <pthread.h>

#include "guest/libc/pause.h"
#include "guest/sync.h"

struct rwlock {
    u32 readers;         /* guarded by lock */
    u32 writers_waiting; /* guarded by lock */
    struct task *writer; /* guarded by lock; it alone sets and clears it to itself */
    struct spin lock;
    struct wait_queue queue;
};
_Static_assert(sizeof(struct rwlock) <= sizeof(pthread_rwlock_t), "pthread.h");

static struct rwlock *rwlock_of(pthread_rwlock_t *lock)
{
    return (struct rwlock *)(void *)lock->opaque_;
}

static bool try_read(struct rwlock *l)
{
    bool taken;

    spin_lock(&l->lock);
    taken = !l->writer && l->writers_waiting == 0;
    l->readers += taken;
    spin_unlock(&l->lock);
    return taken;
}

static bool try_write(struct rwlock *l)
{
    bool taken;

    spin_lock(&l->lock);
    taken = !l->writer && l->readers == 0;
    if (taken) {
        l->writer = task_self();
    }
    spin_unlock(&l->lock);
    return taken;
}

static void want_to_write(struct rwlock *l, bool wanted)
{
    spin_lock(&l->lock);
    l->writers_waiting += wanted ? 1 : -1U;
    spin_unlock(&l->lock);
}

static bool is_mine(const struct rwlock *l)
{
    return __atomic_load_n(&l->writer, __ATOMIC_RELAXED) == task_self();
}

static int read_until(struct rwlock *l, u64 deadline)
{
    if (is_mine(l)) {
        return EDEADLK;
    }
    return wait_until_time(&l->queue, try_read(l), deadline) ? 0 : ETIMEDOUT;
}

static int write_until(struct rwlock *l, u64 deadline)
{
    bool taken;

    if (is_mine(l)) {
        return EDEADLK;
    }
    want_to_write(l, true);
    taken = wait_until_time(&l->queue, try_write(l), deadline);
    want_to_write(l, false);
    if (!taken) {
        wake_all(&l->queue); /* readers that came behind this one */
    }
    return taken ? 0 : ETIMEDOUT;
}

int pthread_rwlock_rdlock(pthread_rwlock_t *lock)
{
    return read_until(rwlock_of(lock), ALARM_NEVER);
}

int pthread_rwlock_tryrdlock(pthread_rwlock_t *lock)
{
    return try_read(rwlock_of(lock)) ? 0 : EBUSY;
}

int pthread_rwlock_timedrdlock(pthread_rwlock_t *lock, const struct timespec *time)
{
    u64 deadline;
    int error;

    if (try_read(rwlock_of(lock))) {
        return 0;
    }
    error = clock_deadline(CLOCK_REALTIME, time, &deadline);
    return error ? error : read_until(rwlock_of(lock), deadline);
}

int pthread_rwlock_wrlock(pthread_rwlock_t *lock)
{
    return write_until(rwlock_of(lock), ALARM_NEVER);
}

int pthread_rwlock_trywrlock(pthread_rwlock_t *lock)
{
    return try_write(rwlock_of(lock)) ? 0 : EBUSY;
}

int pthread_rwlock_timedwrlock(pthread_rwlock_t *lock, const struct timespec *time)
{
    u64 deadline;
    int error;

    if (try_write(rwlock_of(lock))) {
        return 0;
    }
    error = clock_deadline(CLOCK_REALTIME, time, &deadline);
    return error ? error : write_until(rwlock_of(lock), deadline);
}

/* EPERM: nobody has locked it. */
int pthread_rwlock_unlock(pthread_rwlock_t *lock)
{
    struct rwlock *l = rwlock_of(lock);
    bool was_locked, is_free;

    spin_lock(&l->lock);
    was_locked = l->writer || l->readers > 0;
    if (l->writer) {
        l->writer = NULL;
    } else if (was_locked) {
        l->readers--;
    }
    is_free = l->readers == 0;
    spin_unlock(&l->lock);
    if (is_free) {
        wake_all(&l->queue);
    }
    return was_locked ? 0 : EPERM;
}

int pthread_rwlock_init(pthread_rwlock_t *lock, const pthread_rwlockattr_t *attr)
{
    (void)attr;
    *lock = (pthread_rwlock_t){{0}};
    return 0;
}

/* EBUSY: it is locked. */
int pthread_rwlock_destroy(pthread_rwlock_t *lock)
{
    return rwlock_of(lock)->writer || rwlock_of(lock)->readers > 0 ? EBUSY : 0;
}
