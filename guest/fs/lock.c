/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The locks are those that picolibc asks for: in the library alone they do nothing, and the
 * component task has mutexes in their place (guest/libc/tasks.c).
 *
 * Handlers of signals wait meanwhile, since they may use files: but for a stream's lock, under
 * which a read from the console waits, which lets them run.
 */
#include "guest/fs/lock.h"

#include <errno.h>
#include <sys/lock.h>

#include "guest/libc/signal.h"

/* ENOMEM: there are tasks, and no memory for a lock. */
int fs_lock_create(struct __lock **lock)
{
    static char none; /* what stays where locks are nothing */

    *lock = (struct __lock *)(void *)&none;
    __retarget_lock_init_recursive(lock);
    return *lock ? 0 : ENOMEM;
}

void fs_lock_destroy(struct __lock *lock)
{
    __retarget_lock_close_recursive(lock);
}

void fs_lock(struct __lock *lock)
{
    signal_hold();
    __retarget_lock_acquire_recursive(lock);
}

bool fs_try_lock(struct __lock *lock)
{
    signal_hold();
    if (__retarget_lock_try_acquire_recursive(lock) != 0) {
        return true;
    }
    signal_release();
    return false;
}

void fs_unlock(struct __lock *lock)
{
    __retarget_lock_release_recursive(lock);
    signal_release();
}
