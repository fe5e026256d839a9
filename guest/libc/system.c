/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What programs ask about the system they run on.  There is one user, root, and one group of
 * processes: that of the tree.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "guest/libc/files.h"
#include "guest/machine.h"

#define PAGE_BYTES      4096
#define POSIX_VERSION   200809L
#define ATEXIT_FIRST    32 /* picolibc's table */
#define CHILDREN        1024
#define THREAD_KEYS     64
#define SEMAPHORE_VALUE INT_MAX

/* Those of the base alone: files.c. */
__attribute__((weak)) const long descriptors_max = 3;

static long pages(struct range range)
{
    return (long)((range.end - range.base) / PAGE_BYTES);
}

/* -1 with EINVAL: it is not known here.  -1 alone: there is no limit. */
long sysconf(int name)
{
    switch (name) {
    case _SC_ARG_MAX: return ARG_MAX;
    case _SC_CHILD_MAX: return CHILDREN;
    case _SC_CLK_TCK: return CLOCKS_PER_SEC;
    case _SC_OPEN_MAX: return descriptors_max;
    case _SC_PAGESIZE: return PAGE_BYTES;
    case _SC_VERSION: return POSIX_VERSION;
    case _SC_NPROCESSORS_CONF:
    case _SC_NPROCESSORS_ONLN: return GUEST_HARTS_MAX > 1 ? (long)machine_harts(NULL, 0) : 1;
    case _SC_PHYS_PAGES: return pages(machine_ram());
    case _SC_MONOTONIC_CLOCK:
    case _SC_TIMERS:
    case _SC_THREADS:
    case _SC_SEMAPHORES:
    case _SC_SPIN_LOCKS:
    case _SC_BARRIERS:
    case _SC_READER_WRITER_LOCKS: return POSIX_VERSION;
    case _SC_THREAD_KEYS_MAX: return THREAD_KEYS;
    case _SC_SEM_VALUE_MAX: return SEMAPHORE_VALUE;
    case _SC_ATEXIT_MAX: return ATEXIT_FIRST;
    case _SC_THREAD_THREADS_MAX:
    case _SC_SEM_NSEMS_MAX: return -1;
    default: errno = EINVAL; return -1;
    }
}

int getpagesize(void)
{
    return PAGE_BYTES;
}

uid_t getuid(void)
{
    return 0;
}

uid_t geteuid(void)
{
    return 0;
}

gid_t getgid(void)
{
    return 0;
}

gid_t getegid(void)
{
    return 0;
}

int gethostname(char *name, size_t bytes)
{
    static const char host[] = "forkvisor";

    if (bytes < sizeof(host)) {
        errno = EINVAL;
        return -1;
    }
    memcpy(name, host, sizeof(host));
    return 0;
}
