/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Groups of processes.  A session is no more than a group of its own here: setsid() makes one.
 * Bare there is one process in its own group.
 */
#include <errno.h>
#include <unistd.h>

#include "sbi/ecall.h"

#include "guest/proc.h"

static pid_t result(long answer)
{
    if (answer >= 0) {
        return (pid_t)answer;
    }
    errno = answer == SBI_ERR_DENIED ? EPERM : answer == SBI_ERR_INVALID_PARAM ? EINVAL : ESRCH;
    return -1;
}

static bool is_self(pid_t pid)
{
    return pid == 0 || pid == getpid();
}

/* EPERM: no such group.  ESRCH: neither this process nor a child of it.  EINVAL: below 0. */
int setpgid(pid_t pid, pid_t group)
{
    if (pid < 0 || group < 0) {
        return result(SBI_ERR_INVALID_PARAM);
    }
    if (!proc_available()) {
        return is_self(pid) ? result(is_self(group) ? 0 : SBI_ERR_DENIED) : result(PROC_ERR_CHILD);
    }
    return result(proc_setpgid(pid, group));
}

/* ESRCH: no process that the caller may name. */
pid_t getpgid(pid_t pid)
{
    long group;

    if (!proc_available()) {
        return is_self(pid) ? getpid() : result(PROC_ERR_CHILD);
    }
    group = pid < 0 ? PROC_ERR_CHILD : proc_getpgid(pid);
    return result(group == SBI_ERR_DENIED ? PROC_ERR_CHILD : group);
}

pid_t getpgrp(void)
{
    return getpgid(0);
}

/* EPERM: it leads a group already. */
pid_t setsid(void)
{
    pid_t self = getpid();

    if (getpgrp() == self) {
        errno = EPERM;
        return -1;
    }
    return setpgid(0, 0) < 0 ? -1 : self;
}
