/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Memory that nobody uses, but that is not free yet.  See reclaim.c. */
#include "lib/kit/types.h"

/* A slice of what ends and forks have left is taken apart.  False: there is nothing. */
bool reclaim_slice(void);
/* All of it. */
void reclaim_all(void);
/*
 * Where memory was refused, with no lock held: true if there may be some by now, so that it is
 * worth another try.
 */
bool reclaim(void);
