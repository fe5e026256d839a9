/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of the component signals: waiting for a signal. */
#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "guest/alarm.h"
#include "guest/libc/pause.h"
#include "guest/libc/signal.h"
#include "guest/libc/signals.h"
#include "guest/timer.h"

static bool never(void *arg)
{
    (void)arg;
    return false;
}

static int wait_for_handler(void)
{
    signal_sleep_until(ALARM_NEVER);
    errno = EINTR;
    return -1;
}

int pause(void)
{
    return wait_for_handler();
}

int sigsuspend(const sigset_t *set)
{
    int result;

    signal_mask_begin(*set);
    result = wait_for_handler();
    signal_mask_end();
    return result;
}

/* One of set, which it need not block meanwhile; 0: the time is up, or a handler ran: *error. */
static int wait_for(u64 set, siginfo_t *about, u64 time, int *error)
{
    struct wait_queue nobody = {};
    u64 before = signal_own.blocked;
    int found;

    *error = 0;
    signal_set_blocked(before | set);
    signal_own.waits = set;
    while ((found = signal_take(set)) == 0) {
        *error = signal_wait_until(&nobody, never, NULL, time, "a signal", false);
        if (*error != 0 && (signal_pending_set() & set) == 0) {
            break;
        }
    }
    if (found && about) {
        *about = signal_about(found);
    }
    signal_own.waits = 0;
    signal_set_blocked(before);
    return found;
}

/* Returns the error: none. */
int sigwait(const sigset_t *set, int *signal)
{
    int error;

    do {
        *signal = wait_for(*set & ~SIGNALS_FIXED, NULL, ALARM_NEVER, &error);
    } while (*signal == 0);
    return 0;
}

/* EAGAIN: the time is up.  EINTR: a handler has run. */
int sigtimedwait(const sigset_t *set, siginfo_t *about, const struct timespec *time)
{
    u64 until = ALARM_NEVER;
    int found, error;

    if (time) {
        if (time->tv_sec < 0 || time->tv_nsec < 0 || time->tv_nsec >= 1000000000) {
            errno = EINVAL;
            return -1;
        }
        until = timer_now() + pause_ticks((u64)time->tv_sec, (u64)time->tv_nsec);
    }
    found = wait_for(*set & ~SIGNALS_FIXED, about, until, &error);
    if (found == 0) {
        errno = error == ETIMEDOUT ? EAGAIN : error;
        return -1;
    }
    return found;
}

int sigwaitinfo(const sigset_t *set, siginfo_t *about)
{
    return sigtimedwait(set, about, NULL);
}
