/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Limits of this process and its descendants together: RLIMIT_NPROC, how many there are;
 * RLIMIT_AS, how much memory they have.  They are hard, and go downwards only; no other limit can
 * be set.
 */
#include <errno.h>
#include <sys/resource.h>

#include "sbi/ecall.h"

#include "guest/libc/files.h"
#include "guest/proc.h"

#define FRAME_BYTES 4096UL
#define NO_LIMIT    (1L << 50) /* no machine has so many frames */

static int fail(int error)
{
    errno = error;
    return -1;
}

static rlim_t limit_of(enum proc_limit what, rlim_t unit)
{
    long value = proc_limit(what, -1);

    return value < 0 || value >= NO_LIMIT ? RLIM_INFINITY : (rlim_t)value * unit;
}

/* EINVAL: no such limit. */
int getrlimit(int which, struct rlimit *limit)
{
    rlim_t value = RLIM_INFINITY;

    switch (which) {
    case RLIMIT_NPROC: value = limit_of(PROC_LIMIT_PROCS, 1); break;
    case RLIMIT_AS: value = limit_of(PROC_LIMIT_FRAMES, FRAME_BYTES); break;
    case RLIMIT_NOFILE: value = (rlim_t)descriptors_max; break;
    case RLIMIT_CORE: value = 0; break;
    case RLIMIT_CPU:
    case RLIMIT_FSIZE:
    case RLIMIT_DATA:
    case RLIMIT_STACK: break;
    default: return fail(EINVAL);
    }
    *limit = (struct rlimit){.rlim_cur = value, .rlim_max = value};
    return 0;
}

/* The lower of both counts.  EPERM: above what it is, or one that cannot be set. */
int setrlimit(int which, const struct rlimit *limit)
{
    rlim_t value = limit->rlim_cur < limit->rlim_max ? limit->rlim_cur : limit->rlim_max;
    struct rlimit now;
    long set;

    if (getrlimit(which, &now) < 0) {
        return -1;
    }
    if (limit->rlim_cur > limit->rlim_max) {
        return fail(EINVAL);
    }
    if (value >= now.rlim_cur) {
        return value == now.rlim_cur ? 0 : fail(EPERM);
    }
    if (which != RLIMIT_NPROC && which != RLIMIT_AS) {
        return fail(EPERM);
    }
    set = which == RLIMIT_NPROC ? proc_limit(PROC_LIMIT_PROCS, (long)value)
                                : proc_limit(PROC_LIMIT_FRAMES, (long)(value / FRAME_BYTES));
    return set >= 0 ? 0 : fail(set == PROC_ERR_NOMEM ? ENOMEM : EPERM);
}
