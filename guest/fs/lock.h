/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Locks of file systems: held while a disk or another machine answers, so who waits for one sleeps.
 * Recursive.  Without the component task they are nothing.  See lock.c; host tests have their own.
 */
#include "lib/kit/types.h"

struct __lock; /* picolibc's, which the component task makes one of its own */

__must_check int fs_lock_create(struct __lock **lock);
void fs_lock_destroy(struct __lock *lock);
void fs_lock(struct __lock *lock);
bool fs_try_lock(struct __lock *lock);
void fs_unlock(struct __lock *lock);
