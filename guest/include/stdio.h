/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* picolibc's, and streams to other processes: guest/libc/popen.c. */
#include_next <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

FILE *popen(const char *, const char *);
int pclose(FILE *);

#ifdef __cplusplus
}
#endif
