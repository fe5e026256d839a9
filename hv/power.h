/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The end of the run. */
#include "lib/kit/types.h"

/* The machine's test finisher, or 0 if it has none. */
void power_init(u64 finisher);
/* Drains the trace, then ends the machine with an exit status of 0 to 255. */
__noreturn void power_off(u32 status);
