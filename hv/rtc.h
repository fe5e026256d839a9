/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The machine's clock.  See rtc.c. */
#include "lib/kit/types.h"

/* base 0: the machine has none. */
void rtc_init(u64 base);
bool rtc_is_there(void);
/* Nanoseconds since 1 January 1970, UTC; 0 if there is none. */
u64 rtc_ns(void);
