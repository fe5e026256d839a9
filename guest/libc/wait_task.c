/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of the component task: who waits for a child sleeps, and others run. */
#include "guest/alarm.h"
#include "guest/events.h"
#include "guest/libc/fork.h"
#include "guest/libc/pause.h"
#include "guest/libc/signal.h"

bool wait_beside_others(bool (*holds)(void *arg), void *arg, int *error)
{
    if (!pause_has_others() || !events_listen()) {
        return false;
    }
    *error = signal_wait_until(&events_children, holds, arg, ALARM_NEVER, "a child", true);
    return true;
}
