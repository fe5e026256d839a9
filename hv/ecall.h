/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* SBI calls of guests, one function for each extension.  See ecall.c. */
#include "lib/kit/err.h"
#include "lib/riscv/ops.h"
#include "sbi/ecall.h"

#include "hv/vcpu.h"
#include "hv/vmexit.h"

/* Serves an environment call from VS-mode. */
enum verdict ecall_serve(struct vcpu *vcpu);

/*
 * An extension gets a0 to a5 as args.  It returns one number:
 *
 *     0 and up               the call succeeded with this value: a0 = 0, a1 = value
 *     SBI_ERR_*, PROC_ERR_*  it failed: a0 = error, a1 = 0
 *     ecall_verdict(v)       it is not for ecall.c to write a0 and a1: see there
 *
 * It runs before all registers are saved, unless vcpu->full.
 */
typedef long sbi_extension_fn(struct vcpu *vcpu, u64 fid, const u64 *args);

sbi_extension_fn sbi_legacy_set_timer, sbi_legacy_putchar, sbi_legacy_getchar, sbi_legacy_shutdown;
sbi_extension_fn sbi_base, sbi_time, sbi_ipi, sbi_rfence, sbi_hsm, sbi_srst, sbi_dbcn, sbi_proc;

/* Below every error. */
#define ECALL_VERDICT_BASE (-1500L)
static inline long ecall_verdict(enum verdict verdict)
{
    return ECALL_VERDICT_BASE - (long)verdict;
}

/* The only place that turns an enum err into an SBI error. */
long ecall_sbi_error(enum err err);

/* True if guests have this extension. */
bool ecall_has(u64 eid);

/* Ends the VM: sets vcpu->end. */
long ecall_end(struct vcpu *vcpu, enum end_reason reason, u32 status);
