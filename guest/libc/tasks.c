/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Part of the component task: what the C library does otherwise once there are tasks.  Waiting lets
 * others run, and picolibc's locks are ones; without tasks it brings functions that do nothing.
 *
 * These locks are recursive.  One more of them, that of streams with a buffer, comes from the heap.
 */
#include <stdlib.h>

#include "guest/core.h"
#include "guest/libc/fork.h"
#include "guest/libc/pause.h"
#include "guest/sync.h"

struct __lock {
    struct mutex mutex;
    u32 depth; /* guarded by mutex */
};

struct __lock __lock___libc_recursive_mutex;

void pause_until(u64 deadline)
{
    task_sleep_until(deadline);
}

bool pause_has_others(void)
{
    u64 irq = spin_lock_irq(&tasks_lock);
    bool alone = tasks.next->next == &tasks;

    spin_unlock_irq(&tasks_lock, irq);
    return !alone;
}

void __retarget_lock_init(struct __lock **lock);
void __retarget_lock_init_recursive(struct __lock **lock);
void __retarget_lock_close(struct __lock *lock);
void __retarget_lock_close_recursive(struct __lock *lock);
void __retarget_lock_acquire(struct __lock *lock);
void __retarget_lock_acquire_recursive(struct __lock *lock);
int __retarget_lock_try_acquire(struct __lock *lock);
int __retarget_lock_try_acquire_recursive(struct __lock *lock);
void __retarget_lock_release(struct __lock *lock);
void __retarget_lock_release_recursive(struct __lock *lock);

/* NULL, which is no lock, where the heap is empty: its users have no way to say so. */
void __retarget_lock_init(struct __lock **lock)
{
    *lock = calloc(1, sizeof(**lock));
}

void __retarget_lock_close(struct __lock *lock)
{
    free(lock);
}

void __retarget_lock_acquire(struct __lock *lock)
{
    if (lock && mutex_owner(&lock->mutex) != task_self()) {
        mutex_lock(&lock->mutex);
    }
    if (lock) {
        lock->depth++;
    }
}

int __retarget_lock_try_acquire(struct __lock *lock)
{
    if (lock && mutex_owner(&lock->mutex) != task_self() && !mutex_try_lock(&lock->mutex)) {
        return 0;
    }
    if (lock) {
        lock->depth++;
    }
    return 1;
}

void __retarget_lock_release(struct __lock *lock)
{
    if (lock && --lock->depth == 0) {
        mutex_unlock(&lock->mutex);
    }
}

#define SAME(name) __attribute__((alias(name)))
void SAME("__retarget_lock_init") __retarget_lock_init_recursive(struct __lock **lock);
void SAME("__retarget_lock_close") __retarget_lock_close_recursive(struct __lock *lock);
void SAME("__retarget_lock_acquire") __retarget_lock_acquire_recursive(struct __lock *lock);
int SAME("__retarget_lock_try_acquire") __retarget_lock_try_acquire_recursive(struct __lock *lock);
void SAME("__retarget_lock_release") __retarget_lock_release_recursive(struct __lock *lock);

bool fork_libc(enum fork_step step)
{
    if (step != FORK_PREPARE) {
        __retarget_lock_release(&__lock___libc_recursive_mutex);
        return true;
    }
    if (fork_in_handler()) {
        /* where no task was interrupted there is none to go on in the child */
        return core_of(task_self())->idle != task_self() &&
               __retarget_lock_try_acquire(&__lock___libc_recursive_mutex);
    }
    __retarget_lock_acquire(&__lock___libc_recursive_mutex);
    return true;
}
