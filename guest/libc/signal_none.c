/* SPDX-License-Identifier: BSD-2-Clause */
/* Without the component signals there are none.  It defines all of these itself. */
#include <errno.h>

#include "guest/libc/pause.h"
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

int signal_sleep_until(u64 time)
{
    pause_until(time);
    return 0;
}

void signal_mask_begin(u64 meanwhile)
{
    (void)meanwhile;
}

void signal_mask_end(void) {}

u64 signal_thread_blocks(void)
{
    return 0;
}

void signal_thread_begin(u64 blocked)
{
    (void)blocked;
}

void signal_hold(void) {}

void signal_release(void) {}
