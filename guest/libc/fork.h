/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What parts of the library OS do about a fork, in the order of process.c.
 *
 * PREPARE takes the part's lock, so that it is whole when it is copied; PARENT and CHILD give it
 * back.  PREPARE in an interrupt handler must not wait; it returns false if it would.  All others
 * return true.  Spin locks need nothing: where the machine is copied nobody holds one, but for the
 * task that a forking handler interrupted, and that goes on.
 */
#include "lib/kit/types.h"

enum fork_step { FORK_PREPARE, FORK_PARENT, FORK_CHILD };

/* Weak ones do nothing: a part that is in the image has its own. */
bool fork_handlers(enum fork_step step); /* pthread_atfork's */
bool fork_threads(enum fork_step step);  /* pthreads */
bool fork_files(enum fork_step step);    /* streams, file systems, and: */
bool fork_channels(enum fork_step step); /* pipes, and what descriptors share */
bool fork_libc(enum fork_step step);     /* picolibc's locks */

/* Disks have nothing to do while the machine is copied.  All others stand still meanwhile. */
void fork_disks(enum fork_step step);
/* So have signals and events; those that the child got since come behind. */
void fork_signals(enum fork_step step);
void fork_events(enum fork_step step);

/* Children that end are not waited for: component signals. */
bool signal_reaps(void);
/* Component task. */
bool wait_beside_others(bool (*holds)(void *arg), void *arg, int *error);

/* The stack is a hart's trap stack. */
bool fork_in_handler(void);
