/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clocks and sleeping, against the time counter.  "rtc": the machine has a clock, and it is later
 * than 2020.  What a sleep takes has a lower bound that is sure and an upper one that only a
 * mistake would miss: the host may be busy.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#include "lib/kit/types.h"

#include "guest/guest.h"
#include "guest/machine.h"
#include "guest/timer.h"

#define NS_PER_S  1000000000L
#define NS_PER_MS 1000000L
#define YEAR_2020 1577836800L
#define LATE_NS   (10 * NS_PER_S)
#define SAMPLES   1000

static void fail(const char *what, long value)
{
    printf("clock: %s: %ld, errno %d\n", what, value, errno);
    guest_exit(1);
}

#define EXPECT(what, value, wanted)     \
    do {                                \
        long value_ = (long)(value);    \
        if (value_ != (long)(wanted)) { \
            fail(what, value_);         \
        }                               \
    } while (0)

static long ns_now(clockid_t clock)
{
    struct timespec now;

    EXPECT("clock_gettime", clock_gettime(clock, &now), 0);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void check_monotonic(void)
{
    long before = ns_now(CLOCK_MONOTONIC), counter;
    struct timespec resolution;

    for (int i = 0; i < SAMPLES; i++) {
        long now = ns_now(CLOCK_MONOTONIC);

        if (now < before) {
            fail("backwards", now - before);
        }
        before = now;
    }
    counter = (long)(timer_now() * ((unsigned long)NS_PER_S / machine_timebase()));
    if (counter < before || counter - before > LATE_NS) {
        fail("not the time counter", counter - before);
    }
    EXPECT("resolution", clock_getres(CLOCK_MONOTONIC, &resolution), 0);
    EXPECT("resolution", resolution.tv_nsec, NS_PER_S / (long)machine_timebase());
    EXPECT("unknown clock", clock_gettime(77, &resolution), -1);
    EXPECT("unknown clock", errno, EINVAL);
}

static void check_realtime(bool has_rtc)
{
    struct timespec set = {YEAR_2020, 5};
    struct timeval now;
    long ahead = ns_now(CLOCK_REALTIME) - ns_now(CLOCK_MONOTONIC);

    if (has_rtc ? ahead < YEAR_2020 * NS_PER_S : ahead > 0) {
        fail("realtime is ahead by", ahead);
    }
    EXPECT("clock_settime", clock_settime(CLOCK_REALTIME, &set), 0);
    EXPECT("gettimeofday", gettimeofday(&now, NULL), 0);
    if (now.tv_sec < YEAR_2020 || now.tv_sec > YEAR_2020 + 10) {
        fail("gettimeofday", now.tv_sec);
    }
    EXPECT("time", time(NULL) - YEAR_2020 <= 10, 1);
    set.tv_nsec = NS_PER_S;
    EXPECT("settime of no time", clock_settime(CLOCK_REALTIME, &set), -1);
}

/* One sleep; ns is what it should take at least. */
static void check_sleep(const char *what, int how, long ns)
{
    struct timespec time = {ns / NS_PER_S, ns % NS_PER_S};
    long before = ns_now(CLOCK_MONOTONIC), took;

    switch (how) {
    case 0: EXPECT(what, nanosleep(&time, NULL), 0); break;
    case 1: EXPECT(what, usleep((useconds_t)(ns / 1000)), 0); break;
    case 2: EXPECT(what, sleep((unsigned)(ns / NS_PER_S)), 0); break;
    case 3:
        clock_gettime(CLOCK_REALTIME, &time);
        time.tv_nsec += ns;
        time.tv_sec += time.tv_nsec / NS_PER_S;
        time.tv_nsec %= NS_PER_S;
        EXPECT(what, clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &time, NULL), 0);
        break;
    default: break;
    }
    took = ns_now(CLOCK_MONOTONIC) - before;
    if (took < ns || took > ns + LATE_NS) {
        fail(what, took);
    }
}

int main(int argc, char **argv)
{
    struct timespec bad = {0, NS_PER_S};
    struct tms tms;

    check_monotonic();
    check_realtime(argc > 1 && strcmp(argv[1], "rtc") == 0);
    check_sleep("nanosleep 0", 0, 0);
    check_sleep("nanosleep 1 ns", 0, 1);
    check_sleep("nanosleep 5 ms", 0, 5 * NS_PER_MS);
    check_sleep("usleep 3 ms", 1, 3 * NS_PER_MS);
    check_sleep("sleep 1 s", 2, NS_PER_S);
    check_sleep("until, of realtime", 3, 20 * NS_PER_MS);
    EXPECT("nanosleep of no time", nanosleep(&bad, NULL), -1);
    EXPECT("nanosleep of no time", errno, EINVAL);
    if (times(&tms) < CLOCKS_PER_SEC || clock() < (clock_t)tms.tms_utime) {
        fail("times", (long)tms.tms_utime);
    }
    printf("clock: ok\n");
    return 0;
}
