/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Counts of processes that ends cannot evade: PROC_HOLD.  See hold.c. */
#include "lib/kit/err.h"
#include "lib/kit/spinlock.h"
#include "lib/riscv/ops.h"

struct hold_cell;
struct vm;

/* What a VM holds.  All zero: nothing. */
struct holds {
    struct spinlock lock; /* several vCPUs; nobody else looks, but where all of them stand still */
    u32 count;
    struct hold_cell *first;
};

/* ERR_INVAL, ERR_FAULT (not shared), ERR_QUOTA, ERR_NOMEM: nothing changed. */
__must_check enum err hold_set(struct vm *vm, gpa_t gpa, u64 how);

/* child, which has nothing yet, holds what parent does, or what of it an exec would keep.
 * ERR_NOMEM: nothing.  No vCPU of either runs. */
__must_check enum err hold_inherit(struct vm *child, const struct vm *parent, bool kept_only);
/* The VM gets another image; none of its vCPUs runs. */
void hold_exec(struct vm *vm);
/* The VM ends, or never began: it lets go of everything. */
void hold_end(struct vm *vm);
