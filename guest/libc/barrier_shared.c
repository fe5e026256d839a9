/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Barriers that processes share.  The last to come begins the next round, and then lets the others
 * go: who is quick finds nobody waiting there yet.
 *
 * A process that is killed while it waits counts as having come.
 */
#include <errno.h>
#include <pthread.h>

#include "guest/libc/pause.h"
#include "guest/libc/shared_sync.h"
#include "guest/word.h"

struct shared_barrier {
    u32 count; /* as in barrier.c */
    u32 waiting;
    u32 round;
};
_Static_assert(sizeof(struct shared_barrier) <= sizeof(((pthread_barrier_t *)0)->opaque_),
               "pthread.h");

int barrier_shared_wait(pthread_barrier_t *of)
{
    struct shared_barrier *barrier = (struct shared_barrier *)(void *)of->opaque_;
    u32 round = __atomic_load_n(&barrier->round, __ATOMIC_ACQUIRE);

    if (__atomic_add_fetch(&barrier->waiting, 1, __ATOMIC_ACQ_REL) == barrier->count) {
        __atomic_store_n(&barrier->waiting, 0, __ATOMIC_RELAXED);
        __atomic_fetch_add(&barrier->round, 1, __ATOMIC_RELEASE);
        word_wake(&barrier->round, true);
        return PTHREAD_BARRIER_SERIAL_THREAD;
    }
    while (__atomic_load_n(&barrier->round, __ATOMIC_ACQUIRE) == round) {
        (void)!word_wait(&(struct word_at){&barrier->round, round}, 1, PAUSE_FOR_EVER, "a barrier",
                         WORD_RESTARTS);
    }
    return 0;
}

int pthread_barrierattr_setpshared(pthread_barrierattr_t *attr, int shared)
{
    if (shared != PTHREAD_PROCESS_PRIVATE && shared != PTHREAD_PROCESS_SHARED) {
        return EINVAL;
    }
    attr->shared_ = shared;
    return 0;
}

int pthread_barrierattr_getpshared(const pthread_barrierattr_t *attr, int *shared)
{
    *shared = attr->shared_;
    return 0;
}
