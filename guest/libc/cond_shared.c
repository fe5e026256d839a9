/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Condition variables that processes share: a word that each signal changes.  All who wait are
 * woken by it and look again, as POSIX lets them: the first of them may have been killed.
 */
#include <errno.h>
#include <pthread.h>

#include "guest/libc/shared_sync.h"
#include "guest/word.h"

struct shared_cond {
    u32 word;
    u32 waits; /* how many; who is killed here remains counted, and is woken in vain */
};
_Static_assert(sizeof(struct shared_cond) <= sizeof(((pthread_cond_t *)0)->opaque_), "pthread.h");

static struct shared_cond *shared_of(pthread_cond_t *cond)
{
    return (struct shared_cond *)(void *)cond->opaque_;
}

int cond_shared_wait(pthread_cond_t *of, pthread_mutex_t *mutex, u64 deadline)
{
    struct shared_cond *cond = shared_of(of);
    u32 value = __atomic_load_n(&cond->word, __ATOMIC_RELAXED);
    unsigned depth = mutex->depth_;
    int error, late;

    __atomic_fetch_add(&cond->waits, 1, __ATOMIC_SEQ_CST); /* before the mutex is free */
    mutex->depth_ = 0;                                     /* a recursive one is given away whole */
    error = pthread_mutex_unlock(mutex);
    if (!error) {
        late = word_wait(&(struct word_at){&cond->word, value}, 1, deadline, "a condition",
                         WORD_RESTARTS);
        error = pthread_mutex_lock(mutex);
        error = error == 0 && late == ETIMEDOUT ? ETIMEDOUT : error;
    }
    if (error != ENOTRECOVERABLE) {
        mutex->depth_ = depth;
    }
    __atomic_fetch_sub(&cond->waits, 1, __ATOMIC_RELAXED);
    return error;
}

void cond_shared_wake(pthread_cond_t *of)
{
    struct shared_cond *cond = shared_of(of);

    __atomic_fetch_add(&cond->word, 1, __ATOMIC_SEQ_CST); /* before the look at waits */
    if (__atomic_load_n(&cond->waits, __ATOMIC_SEQ_CST) > 0) {
        word_wake(&cond->word, true);
    }
}

int pthread_condattr_setpshared(pthread_condattr_t *attr, int shared)
{
    if (shared != PTHREAD_PROCESS_PRIVATE && shared != PTHREAD_PROCESS_SHARED) {
        return EINVAL;
    }
    attr->shared_ = shared;
    return 0;
}

int pthread_condattr_getpshared(const pthread_condattr_t *attr, int *shared)
{
    *shared = attr->shared_;
    return 0;
}
