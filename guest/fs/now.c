/* SPDX-License-Identifier: BSD-2-Clause */
/* What file systems ask of the machine; host tests have their own. */
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "guest/fs/fs.h"
#include "guest/log.h"
#include "guest/pages.h"

#define LINE_BYTES 200 /* longer ones are cut */

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

void fs_log(const char *format, ...)
{
    char line[LINE_BYTES];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    log_warn("%s", line);
}
