/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Expectations of guests that test; the first that does not hold ends the process with status 1. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

extern const char *expect_name;

#define EXPECT(condition)                                                                    \
    do {                                                                                     \
        if (!(condition)) {                                                                  \
            printf("%s: line %d: %s, errno %d\n", expect_name, __LINE__, #condition, errno); \
            _exit(1);                                                                        \
        }                                                                                    \
    } while (0)

/* A call that fails with this errno. */
#define FAILS(call, error) EXPECT((call) == -1 && errno == (error))
