/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Children of guests that test. */
#include <sys/wait.h>
#include <unistd.h>

#include "tests/guest/expect.h"

/* As fork(): 0 in the child. */
static inline pid_t child_of(void)
{
    pid_t pid = fork();

    EXPECT(pid >= 0);
    return pid;
}

/* It has ended, with this status of wait()'s. */
static inline void reap(pid_t pid, int expected)
{
    int status = -1;

    EXPECT(waitpid(pid, &status, 0) == pid);
    EXPECT(status == expected);
}
