/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clocks and sleeping.  Both clocks are the machine's time counter: CLOCK_MONOTONIC begins when the
 * machine does (in a VM that is the host's start), CLOCK_REALTIME is the same but for a distance
 * that is found when it is first asked for: by the machine's clock, a goldfish RTC, or where there
 * is none, 0: it then begins on 1 January 1970 at the host's start.  clock_settime() moves it.
 *
 * A process does not know how long it ran, so CLOCK_PROCESS_CPUTIME_ID, clock() and times() tell
 * the time since its payload began, waiting included.
 *
 * Where the FDT has no timebase-frequency there is no time: everything here fails with ENOSYS.
 */
#define _GNU_SOURCE /* more names of the same two clocks */
#include <errno.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#include "lib/drv/goldfish_rtc.h"

#include "guest/libc/pause.h"
#include "guest/libc/signal.h"
#include "guest/machine.h"
#include "guest/physical.h"
#include "guest/timer.h"

#define NS_PER_S  1000000000L
#define NS_PER_US 1000L
#define US_PER_S  1000000L

static s64 realtime_ahead_ns; /* of the monotonic clock */
static bool realtime_is_set;
static u64 began_ns;

static int fail(int error)
{
    errno = error;
    return -1;
}

static u64 monotonic_ns(void)
{
    u64 hz = pause_hz(), ticks = timer_now();

    return ticks / hz * (u64)NS_PER_S + ticks % hz * (u64)NS_PER_S / hz;
}

__attribute__((constructor)) static void begin(void)
{
    began_ns = pause_hz() ? monotonic_ns() : 0;
}

static u64 rtc_ns(u64 address)
{
    struct physical before = physical_begin();
    u64 ns = goldfish_rtc_ns(address);

    physical_end(before);
    return ns;
}

static s64 realtime_ahead(void)
{
    if (!realtime_is_set) {
        u64 rtc = machine_device("google,goldfish-rtc");

        realtime_ahead_ns = rtc ? (s64)(rtc_ns(rtc) - monotonic_ns()) : 0;
        realtime_is_set = true;
    }
    return realtime_ahead_ns;
}

static bool clock_ns(clockid_t clock, u64 *ns)
{
    switch (clock) {
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME: *ns = monotonic_ns(); return true;
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE: *ns = monotonic_ns() + (u64)realtime_ahead(); return true;
    case CLOCK_PROCESS_CPUTIME_ID: *ns = monotonic_ns() - began_ns; return true;
    default: return false;
    }
}

/* EINVAL: no such clock. */
int clock_gettime(clockid_t clock, struct timespec *time)
{
    u64 ns;

    if (pause_hz() == 0) {
        return fail(ENOSYS);
    }
    if (!clock_ns(clock, &ns)) {
        return fail(EINVAL);
    }
    time->tv_sec = (time_t)(ns / (u64)NS_PER_S);
    time->tv_nsec = (long)(ns % (u64)NS_PER_S);
    return 0;
}

int clock_getres(clockid_t clock, struct timespec *resolution)
{
    u64 ns;

    if (pause_hz() == 0) {
        return fail(ENOSYS);
    }
    if (!clock_ns(clock, &ns)) {
        return fail(EINVAL);
    }
    if (resolution) {
        u64 tick = ((u64)NS_PER_S + pause_hz() - 1) / pause_hz();

        *resolution = (struct timespec){0, (long)tick};
    }
    return 0;
}

static bool is_time(const struct timespec *time)
{
    return time->tv_sec >= 0 && time->tv_nsec >= 0 && time->tv_nsec < NS_PER_S;
}

int clock_settime(clockid_t clock, const struct timespec *time)
{
    if (pause_hz() == 0) {
        return fail(ENOSYS);
    }
    if (clock != CLOCK_REALTIME || !is_time(time)) {
        return fail(EINVAL);
    }
    realtime_ahead_ns = time->tv_sec * NS_PER_S + time->tv_nsec - (s64)monotonic_ns();
    realtime_is_set = true;
    return 0;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
    struct timespec now;

    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now) < 0) {
        return -1;
    }
    *time = (struct timeval){now.tv_sec, now.tv_nsec / NS_PER_US};
    return 0;
}

/* In units of 1 / CLOCKS_PER_SEC, which is also what sysconf(_SC_CLK_TCK) says. */
clock_t times(struct tms *buffer)
{
    struct timespec now;

    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) < 0) {
        return (clock_t)-1;
    }
    *buffer = (struct tms){
        .tms_utime =
            (clock_t)(now.tv_sec * CLOCKS_PER_SEC + now.tv_nsec / (NS_PER_S / CLOCKS_PER_SEC)),
    };
    return buffer->tms_utime;
}

/* When that much of it will have passed; PAUSE_FOR_EVER: not in this world's time. */
static u64 after(u64 now, u64 ticks)
{
    return ticks > PAUSE_FOR_EVER - now ? PAUSE_FOR_EVER : now + ticks;
}

/* The moment on the time counter at which the clock says so. */
static u64 deadline_of(clockid_t clock, const struct timespec *time)
{
    s64 seconds = time->tv_sec, ns = time->tv_nsec;

    if (clock == CLOCK_REALTIME) {
        seconds -= realtime_ahead() / NS_PER_S;
        ns -= realtime_ahead() % NS_PER_S;
        if (ns < 0) {
            seconds--;
            ns += NS_PER_S;
        } else if (ns >= NS_PER_S) {
            seconds++;
            ns -= NS_PER_S;
        }
    }
    return seconds < 0 ? 0 : pause_ticks((u64)seconds, (u64)ns);
}

/* 0, or the error itself: EINVAL, ENOSYS. */
int clock_deadline(clockid_t clock, const struct timespec *time, u64 *deadline)
{
    if (pause_hz() == 0) {
        return ENOSYS;
    }
    if ((clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC) || time->tv_nsec < 0 ||
        time->tv_nsec >= NS_PER_S) {
        return EINVAL;
    }
    *deadline = deadline_of(clock, time);
    return 0;
}

/* Returns the error.  EINTR: a handler has run, and *left is what was left of a relative time. */
int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time, struct timespec *left)
{
    u64 deadline;
    int error = clock_deadline(clock, time, &deadline);

    if (error == 0 && flags != TIMER_ABSTIME) {
        if (!is_time(time)) {
            return EINVAL;
        }
        deadline = after(timer_now(), pause_ticks((u64)time->tv_sec, (u64)time->tv_nsec));
    }
    if (error == 0) {
        error = signal_sleep_until(deadline);
    }
    if (error == EINTR && left && flags != TIMER_ABSTIME) {
        u64 hz = pause_hz(), now = timer_now(), ticks = deadline > now ? deadline - now : 0;

        *left = (struct timespec){(time_t)(ticks / hz), (long)(ticks % hz * (u64)NS_PER_S / hz)};
    }
    return error;
}

int nanosleep(const struct timespec *time, struct timespec *left)
{
    int error = clock_nanosleep(CLOCK_MONOTONIC, 0, time, left);

    return error ? fail(error) : 0;
}

/* The seconds that were left, rounded up. */
unsigned sleep(unsigned seconds)
{
    struct timespec time = {seconds, 0}, left = time;

    if (nanosleep(&time, &left) == 0) {
        return 0;
    }
    return (unsigned)left.tv_sec + (left.tv_nsec > 0);
}

int usleep(useconds_t us)
{
    struct timespec time = {(time_t)(us / US_PER_S), (long)(us % US_PER_S) * NS_PER_US};

    return nanosleep(&time, NULL);
}
