/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Process calls, answer by answer: a line for each that is not as expected, and how many there
 * were.  A guest says its own name in answers_of.
 */
#include <stdio.h>

#include "sbi/call.h"

#include "guest/proc.h"

extern const char *const answers_of;

static u32 failures;

#define EXPECT(expected, actual) expect(__LINE__, #actual, (long)(expected), (long)(actual))

static inline void expect(int line, const char *what, long expected, long actual)
{
    if (expected == actual)
        return;
    printf("%s:%d: %s is %ld, not %ld\n", answers_of, line, what, actual, expected);
    failures++;
}

/* The error, or the value. */
static inline long ask(u64 fid, u64 arg0, u64 arg1, u64 arg2)
{
    struct sbiret ret = sbi_call(PROC_EID, (long)fid, arg0, arg1, arg2, 0, 0);

    return ret.error != 0 ? ret.error : ret.value;
}

/* Those that an interrupt ended early are asked again. */
static inline long ask_until(u64 fid, u64 arg0, u64 arg1, u64 arg2)
{
    long answer;

    do
        answer = ask(fid, arg0, arg1, arg2);
    while (answer == PROC_ERR_INTR);
    return answer;
}

/* What main() returns. */
static inline int say_answers(void)
{
    if (failures == 0)
        printf("%s: ok\n", answers_of);
    return failures == 0 ? 0 : 1;
}
