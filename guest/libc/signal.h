/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Signals, for the rest of the library OS.  Without the component signals none ever pends, and
 * these cost nothing but a call (signal_none.c).
 *
 * A handler runs where a task leaves a blocking call, and where an interrupt returns to its code.
 * Not inside of the library: what would not bear that its own functions are called again stands
 * between signal_hold() and signal_release().
 *
 * What blocks does so in a loop:
 *
 *     while (!try()) {
 *         error = signal_wait_until(&queue, may_try, arg, deadline, "a byte in a pipe", true);
 *         if (error) return error;      EINTR, ETIMEDOUT
 *     }
 */
#include "guest/await.h"

/* This task has one to deal with: it is to stop waiting.  From anywhere, also from conditions. */
bool signal_pending(void);
/* Deal with all of them.  EINTR: handlers have run, and the call is to say so; 0: go on.  restarts:
 * the call goes on after handlers with SA_RESTART. */
int signal_deliver(bool restarts);
/* await_until which signals end, too; without tasks the hart sleeps meanwhile. */
int signal_wait_until(struct wait_queue *queue, bool (*holds)(void *arg), void *arg, u64 time,
                      const char *what, bool restarts);
/* Until a time of the clock: 0; or EINTR. */
int signal_sleep_until(u64 time);

/* Between the two others are blocked, until a handler has run.  Handlers run in signal_deliver
 * only: also what pends already ends the wait that stands there. */
void signal_mask_begin(u64 meanwhile);
void signal_mask_end(void);

/* Those that this thread blocks; a new one begins with them. */
u64 signal_thread_blocks(void);
void signal_thread_begin(u64 blocked);

/* Handlers wait; they nest. */
void signal_hold(void);
void signal_release(void);
