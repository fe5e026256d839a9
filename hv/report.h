/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* How VMs ended: the last screen of a run, and its exit status.  See report.c. */
#include "lib/kit/err.h"
#include "lib/kit/types.h"

#include "hv/vcpu.h"

struct vm;

/* Notes the end of a VM; `vcpu` asked for it, or did what ended it. */
void report_end(const struct vm *vm, const struct vcpu *vcpu, enum end_reason reason, u32 status);
/* Says why it is about to end without a frame.  ERR_QUOTA: its tree's limit; else the machine's. */
void report_out_of_memory(const struct vm *vm, enum err err);
/* All memory that is free now is to be free again at the end.  Before the first VM. */
void report_begin(void);
/* Prints what was noted and ends the machine with pid 1's status.  live: VMs that still run. */
__noreturn void report_and_power_off(u32 live);
