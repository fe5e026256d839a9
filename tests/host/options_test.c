/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypervisor's command line. */
#include <string.h>

#include "hv/options.h"

#include "tests/test.h"

static struct hv_options parse(const char *bootargs)
{
    struct hv_options options;
    char why[200];

    CHECK_EQ(options_parse(&options, bootargs, why, sizeof(why)), ERR_OK);
    return options;
}

static void check_refused(const char *bootargs, const char *expected)
{
    struct hv_options options;
    char why[200] = "";

    CHECK_EQ(options_parse(&options, bootargs, why, sizeof(why)), ERR_INVAL);
    CHECK_STR(why, expected);
}

TEST(options_that_are_not_said)
{
    struct hv_options options = parse("  ");

    CHECK_EQ(options.fork, CLONE_COW);
    CHECK(options.sstc && !options.trace && !options.strict);
    CHECK_STR(options.trace_filter, "");
    CHECK_EQ(options.disk_timeout, 30);
}

TEST(options_that_are_said)
{
    struct hv_options options = parse("fork=copy  trace=exits:pid=3,cause=ecall\tsstc=off");

    CHECK_EQ(options.fork, CLONE_COPY);
    CHECK(!options.sstc && options.trace);
    CHECK_STR(options.trace_filter, "pid=3,cause=ecall");
    options = parse("fork=copy trace=exits:x fork=cow trace=off sstc=off sstc=on");
    CHECK_EQ(options.fork, CLONE_COW);
    CHECK(options.sstc && !options.trace);
    CHECK_STR(options.trace_filter, "");
    CHECK(parse("trace=exits").trace);
    CHECK(parse("overcommit=strict").strict);
    CHECK(!parse("overcommit=strict overcommit=lazy").strict);
    CHECK_EQ(parse("disk_timeout=1").disk_timeout, 1);
    CHECK_EQ(parse("disk_timeout=9999").disk_timeout, 9999);
}

TEST(options_that_are_wrong)
{
    static const char names[] =
        ": must be fork=cow|copy, sstc=on|off, overcommit=lazy|strict, monitor=on|off, disk_timeout=SECONDS or trace=off|exits[:FILTER]";
    char text[200];

    check_refused("fork=cwo", "fork=cwo: must be fork=cow or fork=copy");
    check_refused("fork", "fork: must be fork=cow or fork=copy");
    check_refused("sstc=on,off", "sstc=on,off: must be sstc=on or sstc=off");
    check_refused("trace=off:x",
                  "trace=off:x: must be trace=off, trace=exits or trace=exits:FILTER "
                  "(at most 127 characters)");
    check_refused("overcommit=", "overcommit=: must be overcommit=lazy or overcommit=strict");
    check_refused("disk_timeout=0", "disk_timeout=0: must be disk_timeout=SECONDS, from 1 to 9999");
    check_refused("disk_timeout=", "disk_timeout=: must be disk_timeout=SECONDS, from 1 to 9999");
    check_refused("disk_timeout=1s",
                  "disk_timeout=1s: must be disk_timeout=SECONDS, from 1 to 9999");
    check_refused("disk_timeout=10000",
                  "disk_timeout=10000: must be disk_timeout=SECONDS, from 1 to 9999");
    strcat(strcpy(text, "frok=cow"), names);
    check_refused("sstc=on frok=cow", text);
    strcat(strcpy(text, "=="), names);
    check_refused("==", text);
}

TEST(options_filter_that_is_long)
{
    char text[] = "trace=exits:"
                  "0123456789012345678901234567890123456789012345678901234567890123456789"
                  "0123456789012345678901234567890123456789012345678901234567";
    struct hv_options options;
    char why[8];

    CHECK_EQ(options_parse(&options, text, why, sizeof(why)), ERR_INVAL);
    CHECK_STR(why, "trace=e");
    text[strlen(text) - 1] = '\0';
    CHECK_EQ(strlen(parse(text).trace_filter), OPTIONS_FILTER_BYTES - 1);
}
