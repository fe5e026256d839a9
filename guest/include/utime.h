/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* picolibc's struct, and the function that it leaves out: guest/libc/names.c. */
#include_next <utime.h>

#ifdef __cplusplus
extern "C" {
#endif

int utime(const char *path, const struct utimbuf *times);

#ifdef __cplusplus
}
#endif
