/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The operator's monitor on the machine's console.  See monitor.c. */
#include "lib/kit/types.h"

/* A byte typed: CONSOLE_KEY has opened or closed it.  No lock is held; on the hart that takes the
 * machine's interrupts. */
void monitor_type(u8 byte);
