/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Where a function that is being executed keeps what its caller needs back.  See unwind.c. */
#include "lib/kit/types.h"

/* Distances are in bytes below the stack pointer that the function began with; 0: not there. */
struct unwind {
    u64 frame;    /* where sp is now */
    u64 ra;       /* where ra was saved */
    u64 s0;       /* where s0 was saved */
    u64 s0_is;    /* where s0 points, */
    bool s0_set;  /* if it is the frame pointer; */
    bool dynamic; /* sp is lower than frame says, nobody knows by how much: alloca */
};

void unwind_scan(struct unwind *u, u64 start, u64 pc);
