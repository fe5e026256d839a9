/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * POSIX semaphores.  Those of one process are those of tasks (guest/sync.h).  One that processes
 * share is a word in memory that they share, which is waited for while it is 0; who posts wakes all
 * who wait, since the first of them may have been killed.
 */
#include <errno.h>
#include <semaphore.h>

#include "guest/libc/pause.h"
#include "guest/sync.h"
#include "guest/word.h"

_Static_assert(sizeof(struct semaphore) <= sizeof(((sem_t *)0)->opaque_), "semaphore.h");

static struct semaphore *semaphore_of(sem_t *semaphore)
{
    return (struct semaphore *)(void *)semaphore->opaque_;
}

static u32 *word_of(sem_t *semaphore)
{
    return (u32 *)(void *)semaphore->opaque_;
}

static int fail(int error)
{
    errno = error;
    return -1;
}

int sem_init(sem_t *semaphore, int shared, unsigned value)
{
    if (value > SEM_VALUE_MAX) {
        return fail(EINVAL);
    }
    *semaphore = (sem_t){.shared_ = shared != 0};
    if (shared) {
        *word_of(semaphore) = value;
    } else {
        semaphore_of(semaphore)->count = value;
    }
    return 0;
}

int sem_destroy(sem_t *semaphore)
{
    (void)semaphore;
    return 0;
}

/* ---- shared between processes ---- */

static bool take(u32 *word)
{
    u32 value = __atomic_load_n(word, __ATOMIC_RELAXED);

    while (value != 0) {
        if (__atomic_compare_exchange_n(word, &value, value - 1, true, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED)) {
            return true;
        }
    }
    return false;
}

/* Who is killed here remains counted: posts then wake in vain. */
static int wait_shared(sem_t *semaphore, u64 deadline)
{
    u32 *word = word_of(semaphore);
    int error = 0;
    bool taken;

    __atomic_fetch_add(&semaphore->waits_, 1, __ATOMIC_SEQ_CST); /* before the look at the word */
    while (!(taken = take(word)) && !error) {
        error = word_wait(&(struct word_at){word, 0}, 1, deadline, "a semaphore", WORD_RESTARTS);
    }
    __atomic_fetch_sub(&semaphore->waits_, 1, __ATOMIC_RELAXED);
    return taken ? 0 : fail(error);
}

static void post_shared(sem_t *semaphore)
{
    u32 *word = word_of(semaphore);

    __atomic_fetch_add(word, 1, __ATOMIC_SEQ_CST); /* before the look at waits_ */
    if (__atomic_load_n(&semaphore->waits_, __ATOMIC_SEQ_CST) > 0) {
        word_wake(word, true);
    }
}

/* ---- all ---- */

/* A deadline of 0 does not wait.  ETIMEDOUT, EINTR. */
static int wait_semaphore(sem_t *semaphore, u64 deadline)
{
    if (semaphore->shared_) {
        return wait_shared(semaphore, deadline);
    }
    return semaphore_wait_until(semaphore_of(semaphore), deadline) ? 0 : fail(ETIMEDOUT);
}

int sem_wait(sem_t *semaphore)
{
    return wait_semaphore(semaphore, ALARM_NEVER);
}

int sem_trywait(sem_t *semaphore)
{
    bool taken = semaphore->shared_ ? take(word_of(semaphore))
                                    : semaphore_wait_until(semaphore_of(semaphore), 0);

    return taken ? 0 : fail(EAGAIN);
}

int sem_timedwait(sem_t *semaphore, const struct timespec *time)
{
    int before = errno, error;
    u64 deadline;

    if (sem_trywait(semaphore) == 0) {
        return 0;
    }
    errno = before;
    error = clock_deadline(CLOCK_REALTIME, time, &deadline);
    return error ? fail(error) : wait_semaphore(semaphore, deadline);
}

int sem_getvalue(sem_t *semaphore, int *value)
{
    *value = semaphore->shared_
                 ? (int)__atomic_load_n(word_of(semaphore), __ATOMIC_RELAXED)
                 : (int)__atomic_load_n(&semaphore_of(semaphore)->count, __ATOMIC_RELAXED);
    return 0;
}

int sem_post(sem_t *semaphore)
{
    int value;

    sem_getvalue(semaphore, &value);
    if (value == SEM_VALUE_MAX) {
        return fail(EOVERFLOW);
    }
    if (semaphore->shared_) {
        post_shared(semaphore);
    } else {
        semaphore_post(semaphore_of(semaphore));
    }
    return 0;
}
