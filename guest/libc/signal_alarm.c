/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Part of the component signals: SIGALRM.  It pends from the moment the alarm rings, so that none
 * comes up any more once the alarm was cancelled.  The alarm's own interrupt may do little else: it
 * raises the software interrupt, which tells a thread.
 */
#include <errno.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/riscv/csr.h"

#include "guest/alarm.h"
#include "guest/libc/pause.h"
#include "guest/libc/signals.h"
#include "guest/timer.h"

#define US_PER_S  1000000L
#define NS_PER_US 1000L

static u64 period; /* ticks; 0: it rings once */
static u32 rang;

/* Those that were missed are not caught up with: who was stopped for a day has one. */
static u64 ring(struct alarm *alarm)
{
    u64 now;

    signal_pend(SIGNAL_BIT(SIGALRM), false);
    rang = 1;
    csr_set(CSR_SIP, IP_SSIP);
    if (period == 0) {
        return ALARM_NEVER;
    }
    now = timer_now();
    return now + period - (now - alarm->node.key) % period;
}

static struct alarm real = {.ring = ring};

bool signal_alarm_rang(void)
{
    return __atomic_exchange_n(&rang, 0, __ATOMIC_RELAXED) != 0;
}

void signal_alarm_stop(void)
{
    alarm_cancel(&real);
    rang = 0;
}

u64 signal_alarm_time(void)
{
    return real.queue ? real.node.key : 0;
}

/* Once. */
void signal_alarm_at(u64 time)
{
    alarm_cancel(&real);
    period = 0;
    alarm_set(&real, time);
}

static bool is_time(const struct timeval *time)
{
    return time->tv_sec >= 0 && time->tv_usec >= 0 && time->tv_usec < US_PER_S;
}

static u64 ticks_of(const struct timeval *time)
{
    return pause_ticks((u64)time->tv_sec, (u64)(time->tv_usec * NS_PER_US));
}

static struct timeval time_of(u64 ticks)
{
    u64 hz = pause_hz(), us = (ticks % hz * (u64)US_PER_S + hz - 1) / hz;

    return (struct timeval){(time_t)(ticks / hz + us / (u64)US_PER_S),
                            (suseconds_t)(us % (u64)US_PER_S)};
}

static u64 left(void)
{
    u64 time = signal_alarm_time(), now = timer_now();

    return time == 0 ? 0 : time > now ? time - now : 1;
}

int getitimer(int which, struct itimerval *value)
{
    if (which != ITIMER_REAL) {
        errno = EINVAL;
        return -1;
    }
    *value = (struct itimerval){.it_interval = time_of(period), .it_value = time_of(left())};
    return 0;
}

/* EINVAL: another one than ITIMER_REAL, or no time. */
int setitimer(int which, const struct itimerval *restrict value, struct itimerval *restrict old)
{
    struct itimerval before;
    u64 ticks;

    if (getitimer(which, &before) < 0) {
        return -1;
    }
    if (!is_time(&value->it_value) || !is_time(&value->it_interval)) {
        errno = EINVAL;
        return -1;
    }
    alarm_cancel(&real);
    ticks = ticks_of(&value->it_value);
    period = ticks ? ticks_of(&value->it_interval) : 0;
    if (ticks) {
        u64 now = timer_now();

        alarm_set(&real, ticks < ALARM_NEVER - now ? now + ticks : ALARM_NEVER);
    }
    if (old) {
        *old = before;
    }
    return 0;
}

/* The seconds that were left, rounded up. */
unsigned alarm(unsigned seconds)
{
    struct itimerval value =
                         {
                             .it_value = {(time_t)seconds, 0}
    },
                     old;

    setitimer(ITIMER_REAL, &value, &old);
    return (unsigned)old.it_value.tv_sec + (old.it_value.tv_usec > 0);
}
