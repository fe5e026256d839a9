/* SPDX-License-Identifier: BSD-2-Clause */
/* Without the component signals there are none.  It defines all of these itself. */
#include <errno.h>

#include "guest/libc/signal.h"

bool signal_pending(void)
{
    return false;
}

int signal_deliver(bool restarts)
{
    (void)restarts;
    return 0;
}

int signal_wait_until(struct wait_queue *queue, bool (*holds)(void *arg), void *arg, u64 time,
                      const char *what, bool restarts)
{
    (void)restarts;
    return await_until(queue, holds, arg, time, what) ? 0 : ETIMEDOUT;
}

void signal_hold(void) {}

void signal_release(void) {}
