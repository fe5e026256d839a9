/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Time as the C library has it, and waiting for it. */
#include <time.h>

#include "lib/kit/types.h"

#define PAUSE_FOR_EVER UINT64_MAX

u64 pause_hz(void);
u64 pause_ticks(u64 seconds, u64 nanoseconds);
u64 pause_deadline(u64 nanoseconds);

/* Until the time counter is there.  Component task lets others run meanwhile, if there are any. */
void pause_until(u64 deadline);
bool pause_has_others(void);

/* An absolute time of a clock as a deadline; 0, or the errno.  clock.c. */
int clock_deadline(clockid_t clock, const struct timespec *time, u64 *deadline);
