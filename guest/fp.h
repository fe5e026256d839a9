/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The floating-point registers as a whole. */
#include "lib/kit/types.h"

struct fp_regs {
    u64 f[32];
    u64 fcsr;
};

/* Both reach all of them, those that the calling convention preserves too: for callers that do not
 * compute with floating point themselves. */
void fp_load(const struct fp_regs *regs);
void fp_store(struct fp_regs *regs);
