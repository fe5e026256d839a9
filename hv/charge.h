/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Which tree of processes pays for a frame.  See charge.c. */
#include "lib/kit/types.h"

struct tree;

#define CHARGE_NOBODY 0U

/* What frames say that `tree` pays for; it is charged for so many.  CHARGE_NOBODY: it may not have
 * them. */
u32 charge_frames(struct tree *tree, u64 frames);
/* So many of them are free. */
void charge_return(u32 owner, u64 frames);
