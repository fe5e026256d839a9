/* SPDX-License-Identifier: BSD-2-Clause */
/* POSIX semaphores. */
#include <errno.h>
#include <semaphore.h>

#include "guest/libc/pause.h"
#include "guest/sync.h"

_Static_assert(sizeof(struct semaphore) <= sizeof(sem_t), "semaphore.h");

static struct semaphore *semaphore_of(sem_t *semaphore)
{
    return (struct semaphore *)(void *)semaphore->opaque_;
}

static int fail(int error)
{
    errno = error;
    return -1;
}

/* ENOSYS: shared between processes. */
int sem_init(sem_t *semaphore, int shared, unsigned value)
{
    if (shared) {
        return fail(ENOSYS);
    }
    if (value > SEM_VALUE_MAX) {
        return fail(EINVAL);
    }
    *semaphore = (sem_t){{0}};
    semaphore_of(semaphore)->count = value;
    return 0;
}

int sem_destroy(sem_t *semaphore)
{
    (void)semaphore;
    return 0;
}

int sem_wait(sem_t *semaphore)
{
    semaphore_wait_until(semaphore_of(semaphore), ALARM_NEVER);
    return 0;
}

int sem_trywait(sem_t *semaphore)
{
    return semaphore_wait_until(semaphore_of(semaphore), 0) ? 0 : fail(EAGAIN);
}

int sem_timedwait(sem_t *semaphore, const struct timespec *time)
{
    u64 deadline;
    int error;

    if (semaphore_wait_until(semaphore_of(semaphore), 0)) {
        return 0;
    }
    error = clock_deadline(CLOCK_REALTIME, time, &deadline);
    if (error) {
        return fail(error);
    }
    return semaphore_wait_until(semaphore_of(semaphore), deadline) ? 0 : fail(ETIMEDOUT);
}

int sem_getvalue(sem_t *semaphore, int *value)
{
    *value = (int)__atomic_load_n(&semaphore_of(semaphore)->count, __ATOMIC_RELAXED);
    return 0;
}

int sem_post(sem_t *semaphore)
{
    int value;

    sem_getvalue(semaphore, &value);
    if (value == SEM_VALUE_MAX) {
        return fail(EOVERFLOW);
    }
    semaphore_post(semaphore_of(semaphore));
    return 0;
}
