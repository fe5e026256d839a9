/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Small objects of one size, cut out of frames.  See cell.c. */
#include "lib/kit/types.h"

#define CELL_BYTES 64UL

/* CELL_BYTES with any contents, aligned to their size; NULL: no memory. */
void *cell_alloc(void);
void cell_free(void *cell);
