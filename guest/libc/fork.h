/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What parts of the library OS do about a fork, in the order of process.c.
 *
 * PREPARE takes the part's lock, so that it is whole when it is copied; PARENT and CHILD give it
 * back.  PREPARE in an interrupt handler must not wait; it returns false if it would.  All others
 * return true.
 */
#include "lib/kit/types.h"

#include "guest/spin.h"

enum fork_step { FORK_PREPARE, FORK_PARENT, FORK_CHILD };

/* Weak ones do nothing: a part that is in the image has its own. */
bool fork_handlers(enum fork_step step); /* pthread_atfork's */
bool fork_threads(enum fork_step step);  /* pthreads */
bool fork_libc(enum fork_step step);     /* picolibc's locks */
bool fork_heap(enum fork_step step);
bool fork_random(enum fork_step step);
bool fork_input(enum fork_step step);

/* For parts with a spin lock.  On one hart who holds it is not switched from, so it is free, or
 * held by the task that the forking handler interrupted, which goes on in parent and child. */
static inline bool fork_spin(struct spin *lock, enum fork_step step)
{
    if (GUEST_HARTS_MAX > 1) {
        if (step == FORK_PREPARE) {
            spin_lock(lock);
        } else {
            spin_unlock(lock);
        }
    }
    return true;
}

/* The stack is a hart's trap stack. */
bool fork_in_handler(void);
