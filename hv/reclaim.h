/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Memory that nobody uses, but that is not free yet.  See reclaim.c. */
#include "lib/kit/types.h"

/* A slice of what ends and forks have left is taken apart.  False: there is nothing. */
bool reclaim_slice(void);
/* All of it. */
void reclaim_all(void);
/* The same, or else tables of some VMs that are on no hart.  False: there is nothing more. */
bool reclaim(void);
