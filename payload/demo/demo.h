/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Parts of the demonstration: demo.c. */
#include "lib/kit/types.h"

/* Each prints what it does; false: something went wrong. */
bool pool_show(void);
bool stages_show(void);

/* As one of the pipeline's programs; the status. */
int stage_main(const char *name);

/* Instructions of a byte to another process and back. */
bool pool_measure(u64 (*now)(void), u64 *round);
