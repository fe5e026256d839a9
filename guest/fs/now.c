/* SPDX-License-Identifier: BSD-2-Clause */
/* What file systems ask about the machine; host tests have their own. */
#include <time.h>

#include "guest/fs/fs.h"
#include "guest/pages.h"

/* 0, 1 January 1970, where the machine has no time. */
s64 fs_now(u32 *ns)
{
    struct timespec now = {0};

    if (clock_gettime(CLOCK_REALTIME, &now) < 0) {
        now = (struct timespec){0};
    }
    *ns = (u32)now.tv_nsec;
    return now.tv_sec;
}

u64 fs_memory_left(void)
{
    struct mem_stats stats;

    mem_stats(&pages_allocator, &stats);
    return stats.free_bytes;
}
