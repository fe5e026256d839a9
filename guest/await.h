/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Waiting for a device, in images with tasks and without: with component task the task sleeps until
 * it is woken, without it, and where nobody may sleep, the condition is looked at all the time. See
 * await.c and await_task.c.
 */
#include "guest/task.h"

/*
 * Until the condition holds, or the time (timer.h's ticks) is up: then false.  The condition is
 * evaluated as that of wait_until (sync.h).  what: words for reports.
 */
bool await_until(struct wait_queue *queue, bool (*holds)(void *arg), void *arg, u64 time,
                 const char *what);
/* Whoever waits there looks again.  From anywhere. */
void await_wake(struct wait_queue *queue);
/* Whether who waits here and now would sleep, so that an interrupt is worth it. */
bool await_sleeps(void);
/* Whether another task could run on this hart meanwhile. */
bool await_has_others(void);
