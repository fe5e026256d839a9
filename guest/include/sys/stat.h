/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* picolibc's, and what it keeps for other systems. */
#include_next <sys/stat.h>

#ifndef UTIME_NOW
#    define UTIME_NOW  (-2L)
#    define UTIME_OMIT (-1L)
#endif

#ifdef __cplusplus
extern "C" {
#endif

int lstat(const char *__restrict path, struct stat *__restrict to);
int utimensat(int fd, const char *path, const struct timespec times[2], int flags);

#ifdef __cplusplus
}
#endif
