/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Random numbers: guest/libc/random.c. */
#include <sys/types.h>

#define GRND_NONBLOCK 1
#define GRND_RANDOM   2

#ifdef __cplusplus
extern "C" {
#endif

ssize_t getrandom(void *to, size_t bytes, unsigned flags);
int getentropy(void *to, size_t bytes);

#ifdef __cplusplus
}
#endif
