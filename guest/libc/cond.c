/* SPDX-License-Identifier: BSD-2-Clause */
/* POSIX condition variables. */
#include <errno.h>

#include "guest/libc/mutex.h"
#include "guest/libc/pause.h"
#include "guest/libc/signal.h"

_Static_assert(sizeof(struct cond) <= sizeof(((pthread_cond_t *)0)->opaque_), "pthread.h");

static struct cond *cond_of(pthread_cond_t *cond)
{
    return (struct cond *)(void *)cond->opaque_;
}

/* Those that processes share: cond_shared.c, where it is in the image. */
__attribute__((weak)) int cond_shared_wait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                           u64 deadline)
{
    (void)cond;
    (void)mutex;
    (void)deadline;
    return EINVAL;
}

__attribute__((weak)) void cond_shared_wake(pthread_cond_t *cond)
{
    (void)cond;
}

/* A recursive mutex is given away whole.  EINVAL: processes share the mutex and not the condition.
 */
static int wait_until_deadline(pthread_cond_t *cond, pthread_mutex_t *mutex, u64 deadline)
{
    unsigned depth = mutex->depth_;
    bool in_time;

    if (cond->shared_) {
        return cond_shared_wait(cond, mutex, deadline);
    }
    if (mutex_is_shared(mutex)) {
        return EINVAL;
    }
    if (mutex->type_ != PTHREAD_MUTEX_NORMAL && mutex_owner(mutex_of(mutex)) != task_self()) {
        return EPERM;
    }
    mutex->depth_ = 0;
    in_time = cond_wait_until(cond_of(cond), mutex_of(mutex), deadline);
    mutex->depth_ = depth;
    if (signal_pending()) {
        signal_deliver(true);
    }
    return in_time ? 0 : ETIMEDOUT;
}

int pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    return wait_until_deadline(cond, mutex, ALARM_NEVER);
}

int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                           const struct timespec *time)
{
    u64 deadline;
    int error = clock_deadline(cond->clock_ ? cond->clock_ : CLOCK_REALTIME, time, &deadline);

    return error ? error : wait_until_deadline(cond, mutex, deadline);
}

int pthread_cond_signal(pthread_cond_t *cond)
{
    if (cond->shared_) {
        cond_shared_wake(cond);
    } else {
        cond_signal(cond_of(cond));
    }
    return 0;
}

int pthread_cond_broadcast(pthread_cond_t *cond)
{
    if (cond->shared_) {
        cond_shared_wake(cond);
    } else {
        cond_broadcast(cond_of(cond));
    }
    return 0;
}

int pthread_cond_init(pthread_cond_t *cond, const pthread_condattr_t *attr)
{
    *cond = (pthread_cond_t){.clock_ = attr ? attr->clock_ : CLOCK_REALTIME,
                             .shared_ = attr ? attr->shared_ : PTHREAD_PROCESS_PRIVATE};
    return 0;
}

int pthread_cond_destroy(pthread_cond_t *cond)
{
    (void)cond;
    return 0;
}

int pthread_condattr_init(pthread_condattr_t *attr)
{
    *attr = (pthread_condattr_t){.clock_ = CLOCK_REALTIME};
    return 0;
}

int pthread_condattr_destroy(pthread_condattr_t *attr)
{
    (void)attr;
    return 0;
}

int pthread_condattr_setclock(pthread_condattr_t *attr, clockid_t clock)
{
    if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC) {
        return EINVAL;
    }
    attr->clock_ = clock;
    return 0;
}

int pthread_condattr_getclock(const pthread_condattr_t *attr, clockid_t *clock)
{
    *clock = attr->clock_;
    return 0;
}
