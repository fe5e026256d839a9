/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mutexes that processes share, in memory that they share (mmap), and robust ones.
 *
 * Who has it is the process `owner` (guest/owner.h), and in that the task `thread`, which means
 * something to this process only: it is mixed with its pid.
 *
 * A robust one is held by each process that has locked it (PROC_HOLD): when one that has it ends,
 * however, the hypervisor makes owner 0.  `state` is what it was at then:
 *
 *     FREE ---lock---> TAKEN ---unlock---> FREE      owner 0 and TAKEN, or DEAD: its owner died
 *                        | owner dies; the next gets EOWNERDEAD
 *                        v
 *                      DEAD ---consistent---> TAKEN
 *                        | unlock
 *                        v
 *                      LOST: ENOTRECOVERABLE for ever
 *
 * Without that, one whose owner was killed stays locked.  A thread that ends and leaves its process
 * alive is not noticed.  At most PROC_HOLDS_MAX robust ones, less two for each pipe, can be locked
 * by a process: EAGAIN.
 */
#include <errno.h>

#include "sbi/ecall.h"

#include "guest/libc/mutex.h"
#include "guest/owner.h"
#include "guest/proc.h"
#include "guest/spin.h"

#define PID_SHIFT 40

enum { FREE, TAKEN, DEAD, LOST };

struct shared_mutex {
    u32 type, depth; /* as pthread_mutex_t has them */
    u64 thread;
    struct proc_hold hold;
    u32 state;
};
_Static_assert(sizeof(struct shared_mutex) <= sizeof(pthread_mutex_t) &&
                   __builtin_offsetof(struct shared_mutex, hold) % sizeof(struct proc_hold) == 0,
               "pthread.h");

/* Robust ones that this process holds; a child that is forked holds them, too. */
static struct {
    struct spin lock;
    u32 count;
    struct proc_hold *at[PROC_HOLDS_MAX];
} held;

static struct shared_mutex *shared_of(pthread_mutex_t *mutex)
{
    return (struct shared_mutex *)(void *)mutex;
}

/* ---- robust ones are held ---- */

static u32 find_held(const struct proc_hold *hold)
{
    u32 i = 0;

    while (i < held.count && held.at[i] != hold) {
        i++;
    }
    return i;
}

static int add_held(struct proc_hold *hold)
{
    long error = held.count < PROC_HOLDS_MAX ? proc_hold(hold, PROC_HOLD_HERE) : PROC_ERR_QUOTA;

    switch (error) {
    case 0: held.at[held.count++] = hold; return 0;
    case SBI_ERR_INVALID_ADDRESS: return 0; /* not shared: nobody else is to hear of its end */
    case PROC_ERR_NOMEM: return ENOMEM;
    default: return EAGAIN;
    }
}

static int hold_robust(struct shared_mutex *mutex)
{
    int error = 0;

    if (!(mutex->type & MUTEX_ROBUST) || !proc_available()) {
        return 0;
    }
    spin_lock(&held.lock);
    if (find_held(&mutex->hold) == held.count) {
        error = add_held(&mutex->hold);
    }
    spin_unlock(&held.lock);
    return error;
}

void mutex_shared_forget(const void *first, size_t bytes)
{
    spin_lock(&held.lock);
    for (u32 i = 0; i < held.count;) {
        if ((u64)held.at[i] - (u64)first < bytes) {
            (void)proc_hold(held.at[i], PROC_HOLD_NONE);
            held.at[i] = held.at[--held.count];
        } else {
            i++;
        }
    }
    spin_unlock(&held.lock);
}

/* ---- locking ---- */

static u64 this_thread(void)
{
    return (u64)task_self() ^ (u64)owner_self() << PID_SHIFT;
}

static bool is_mine(const struct shared_mutex *mutex)
{
    return owner_is_self(&mutex->hold.owner) &&
           __atomic_load_n(&mutex->thread, __ATOMIC_RELAXED) == this_thread();
}

/* What its owner gets who locks it again; -1: it is not locked by this task, or waits for itself.
 */
static int lock_again(struct shared_mutex *mutex)
{
    if ((mutex->type & MUTEX_TYPE) == PTHREAD_MUTEX_NORMAL || !is_mine(mutex)) {
        return -1;
    }
    if ((mutex->type & MUTEX_TYPE) == PTHREAD_MUTEX_ERRORCHECK) {
        return EDEADLK;
    }
    if (mutex->depth == UINT32_MAX) {
        return EAGAIN;
    }
    mutex->depth++;
    return 0;
}

/* It is this process's now. */
static int taken(struct shared_mutex *mutex)
{
    int error = 0;

    mutex->depth = 0;
    __atomic_store_n(&mutex->thread, this_thread(), __ATOMIC_RELAXED);
    if (mutex->type & MUTEX_ROBUST) {
        if (mutex->state == LOST) {
            owner_release(&mutex->hold.owner);
            return ENOTRECOVERABLE;
        }
        error = mutex->state == FREE ? 0 : EOWNERDEAD;
        /* before anything that it protects */
        __atomic_store_n(&mutex->state, error ? DEAD : TAKEN, __ATOMIC_SEQ_CST);
    }
    return error;
}

int mutex_shared_try(pthread_mutex_t *of)
{
    struct shared_mutex *mutex = shared_of(of);
    int error = lock_again(mutex);

    if (error >= 0) {
        return error == EDEADLK ? EBUSY : error;
    }
    error = hold_robust(mutex);
    if (error) {
        return error;
    }
    return owner_try(&mutex->hold.owner) ? taken(mutex) : EBUSY;
}

/* Handlers of signals run while it waits. */
int mutex_shared_lock(pthread_mutex_t *of, u64 deadline)
{
    struct shared_mutex *mutex = shared_of(of);
    int error = lock_again(mutex);

    if (error >= 0) {
        return error;
    }
    error = hold_robust(mutex);
    if (error) {
        return error;
    }
    while (!owner_try(&mutex->hold.owner)) {
        error = owner_wait(&mutex->hold.owner, deadline, "a mutex of processes", WORD_RESTARTS);
        if (error == ETIMEDOUT) {
            return error;
        }
    }
    return taken(mutex);
}

int mutex_shared_unlock(pthread_mutex_t *of)
{
    struct shared_mutex *mutex = shared_of(of);

    if (!is_mine(mutex)) {
        return EPERM;
    }
    if (mutex->depth > 0) {
        mutex->depth--;
        return 0;
    }
    __atomic_store_n(&mutex->thread, 0, __ATOMIC_RELAXED);
    /* behind all that it protects */
    __atomic_store_n(&mutex->state, mutex->state == DEAD ? LOST : FREE, __ATOMIC_RELEASE);
    owner_release(&mutex->hold.owner);
    return 0;
}

int mutex_shared_destroy(pthread_mutex_t *of)
{
    struct shared_mutex *mutex = shared_of(of);

    if (__atomic_load_n(&mutex->hold.owner, __ATOMIC_RELAXED) != 0) {
        return EBUSY;
    }
    mutex_shared_forget(&mutex->hold, sizeof(mutex->hold));
    return 0;
}

/* EINVAL: it is not robust, or has no owner who died. */
int pthread_mutex_consistent(pthread_mutex_t *of)
{
    struct shared_mutex *mutex = shared_of(of);

    if (!(of->type_ & MUTEX_ROBUST) || mutex->state != DEAD || !is_mine(mutex)) {
        return EINVAL;
    }
    __atomic_store_n(&mutex->state, TAKEN, __ATOMIC_RELEASE);
    return 0;
}

/* ---- attributes ---- */

static int set(pthread_mutexattr_t *attr, int flag, int value)
{
    if (value != 0 && value != 1) {
        return EINVAL;
    }
    attr->type_ = value ? attr->type_ | flag : attr->type_ & ~flag;
    return 0;
}

int pthread_mutexattr_setpshared(pthread_mutexattr_t *attr, int shared)
{
    return set(attr, MUTEX_SHARED, shared);
}

int pthread_mutexattr_getpshared(const pthread_mutexattr_t *attr, int *shared)
{
    *shared = (attr->type_ & MUTEX_SHARED) != 0;
    return 0;
}

int pthread_mutexattr_setrobust(pthread_mutexattr_t *attr, int robust)
{
    return set(attr, MUTEX_ROBUST, robust);
}

int pthread_mutexattr_getrobust(const pthread_mutexattr_t *attr, int *robust)
{
    *robust = (attr->type_ & MUTEX_ROBUST) != 0;
    return 0;
}
