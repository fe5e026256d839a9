/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * POSIX mutexes.  A normal one that its owner locks again, or that somebody else unlocks, ends the
 * program with a report, by the component task; the other types return an error.
 */
#include "guest/libc/mutex.h"

#include <errno.h>

#include "guest/libc/pause.h"
#include "guest/libc/signal.h"

static bool is_mine(pthread_mutex_t *mutex)
{
    return mutex_owner(mutex_of(mutex)) == task_self();
}

/* ---- those that processes share: mutex_shared.c, where it is in the image ---- */

__attribute__((weak)) int mutex_shared_lock(pthread_mutex_t *mutex, u64 deadline)
{
    (void)mutex;
    (void)deadline;
    return EINVAL;
}

__attribute__((weak)) int mutex_shared_try(pthread_mutex_t *mutex)
{
    (void)mutex;
    return EINVAL;
}

__attribute__((weak)) int mutex_shared_unlock(pthread_mutex_t *mutex)
{
    (void)mutex;
    return EINVAL;
}

__attribute__((weak)) int mutex_shared_destroy(pthread_mutex_t *mutex)
{
    (void)mutex;
    return EINVAL;
}

/* ---- all ---- */

/* What its owner gets who locks it again; -1: it is not locked by this task. */
static int lock_again(pthread_mutex_t *mutex)
{
    if (mutex->type_ == PTHREAD_MUTEX_NORMAL || !is_mine(mutex)) {
        return -1;
    }
    if (mutex->type_ == PTHREAD_MUTEX_ERRORCHECK) {
        return EDEADLK;
    }
    if (mutex->depth_ == UINT32_MAX) {
        return EAGAIN;
    }
    mutex->depth_++;
    return 0;
}

static int lock_until(pthread_mutex_t *mutex, u64 time, void *place)
{
    int again;

    if (mutex_is_shared(mutex)) {
        return mutex_shared_lock(mutex, time);
    }
    again = lock_again(mutex);
    if (again >= 0) {
        return again;
    }
    if (!mutex_try_lock(mutex_of(mutex))) {
        if (!mutex_lock_slow(mutex_of(mutex), time)) {
            return ETIMEDOUT;
        }
        if (signal_pending()) { /* it came while this thread waited */
            signal_deliver(true);
        }
    }
    mutex_of(mutex)->place = (u64)place; /* for reports: the program's, not ours */
    return 0;
}

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    return lock_until(mutex, ALARM_NEVER, __builtin_return_address(0));
}

int pthread_mutex_trylock(pthread_mutex_t *mutex)
{
    int again;

    if (mutex_is_shared(mutex)) {
        return mutex_shared_try(mutex);
    }
    again = lock_again(mutex);
    if (again >= 0) {
        return again == EDEADLK ? EBUSY : again;
    }
    return mutex_try_lock(mutex_of(mutex)) ? 0 : EBUSY;
}

int pthread_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *time)
{
    u64 deadline;
    int error;

    error = pthread_mutex_trylock(mutex);
    if (error != EBUSY) {
        return error; /* whatever time is */
    }
    error = clock_deadline(CLOCK_REALTIME, time, &deadline);
    return error ? error : lock_until(mutex, deadline, __builtin_return_address(0));
}

/* EPERM: it is another's, or free. */
int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    if (mutex_is_shared(mutex)) {
        return mutex_shared_unlock(mutex);
    }
    if (mutex->type_ != PTHREAD_MUTEX_NORMAL && !is_mine(mutex)) {
        return EPERM;
    }
    if (mutex->depth_ > 0) {
        mutex->depth_--;
        return 0;
    }
    mutex_unlock(mutex_of(mutex));
    return 0;
}

int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attr)
{
    *mutex = (pthread_mutex_t){.type_ = attr ? attr->type_ : PTHREAD_MUTEX_DEFAULT};
    return 0;
}

/* EBUSY: it is locked. */
int pthread_mutex_destroy(pthread_mutex_t *mutex)
{
    if (mutex_is_shared(mutex)) {
        return mutex_shared_destroy(mutex);
    }
    return mutex_owner(mutex_of(mutex)) ? EBUSY : 0;
}

int pthread_mutexattr_init(pthread_mutexattr_t *attr)
{
    attr->type_ = PTHREAD_MUTEX_DEFAULT;
    return 0;
}

int pthread_mutexattr_destroy(pthread_mutexattr_t *attr)
{
    (void)attr;
    return 0;
}

int pthread_mutexattr_settype(pthread_mutexattr_t *attr, int type)
{
    if (type < PTHREAD_MUTEX_NORMAL || type > PTHREAD_MUTEX_ERRORCHECK) {
        return EINVAL;
    }
    attr->type_ = (attr->type_ & ~MUTEX_TYPE) | type;
    return 0;
}

int pthread_mutexattr_gettype(const pthread_mutexattr_t *attr, int *type)
{
    *type = attr->type_ & MUTEX_TYPE;
    return 0;
}
