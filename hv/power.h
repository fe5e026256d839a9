/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The end of the run. */
#include "lib/kit/types.h"

/* The machine's test finisher, or 0 if it has none. */
void power_init(u64 finisher);
/* Ends the machine with an exit status of 0 to 255.  What the trace still holds is lost: see
 * tracing_stop(). */
__noreturn void power_off(u32 status);
