/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Objects of few sizes, cut out of frames.  See cell.c. */
#include "lib/kit/types.h"
#include "lib/riscv/ops.h"

enum cell_kind { CELL_SMALL, CELL_VCPU, CELL_VM, CELL_KINDS };

#define CELL_HEAD_BYTES 32UL
/* So many of them in a frame, in a group of four frames. */
#define CELL_VCPUS      3UL
#define CELL_VMS        5UL
#define CELL_VCPU_BYTES ((PAGE_BYTES - CELL_HEAD_BYTES) / CELL_VCPUS & ~15UL)
#define CELL_VM_BYTES   ((4 * PAGE_BYTES - CELL_HEAD_BYTES) / CELL_VMS & ~15UL)

/* A cell with any contents; NULL: no memory. */
void *cell_take(enum cell_kind kind);
void cell_give(enum cell_kind kind, void *cell);
/* Gives back what is kept although nothing in it is used.  False: there is nothing. */
bool cell_trim(void);

/* CELL_SMALL: CELL_BYTES, aligned to their size. */
#define CELL_BYTES 64UL
void *cell_alloc(void);
void cell_free(void *cell);
