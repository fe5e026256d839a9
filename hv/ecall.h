/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* SBI calls of guests: one const descriptor for each extension.  See ecall.c. */
#include "lib/kit/err.h"
#include "lib/riscv/ops.h"
#include "sbi/ecall.h"

#include "hv/vcpu.h"
#include "hv/vmexit.h"

/*
 * A function of an extension gets a0 to a5 as args and returns what goes into a0 and a1.  It runs
 * before all registers are saved; one that needs them, or wants something other than "return to the
 * guest", returns ecall_verdict().
 */
struct sbi_extension {
    u64 eid;
    struct sbiret (*call)(struct vcpu *vcpu, u64 fid, const u64 *args);
};

/*
 * Results that are not for the guest: out of the range of every SBI error.  With VERDICT_SKIP,
 * VERDICT_SKIP2 and VERDICT_WAIT, which end the call, the function has written a0 and a1 itself.
 */
#define ECALL_VERDICT_BASE (-1500L)
static inline struct sbiret ecall_verdict(enum verdict verdict)
{
    return (struct sbiret){.error = ECALL_VERDICT_BASE - (long)verdict};
}

static inline struct sbiret ecall_value(u64 value)
{
    return (struct sbiret){.value = (long)value};
}

static inline struct sbiret ecall_error(long sbi_error)
{
    return (struct sbiret){.error = sbi_error};
}

/* Serves an environment call from VS-mode. */
enum verdict ecall_serve(struct vcpu *vcpu, const struct vmexit *e);

/* The only place that turns an enum err into an SBI error. */
long ecall_sbi_error(enum err err);

/* True if guests have this extension. */
bool ecall_has(u64 eid);

/* Ends the VM: sets vcpu->end. */
struct sbiret ecall_end(struct vcpu *vcpu, enum end_reason reason, u32 status);

extern const struct sbi_extension sbi_legacy_set_timer, sbi_legacy_putchar, sbi_legacy_getchar,
    sbi_legacy_shutdown;
extern const struct sbi_extension sbi_base, sbi_time, sbi_ipi, sbi_rfence, sbi_hsm, sbi_srst,
    sbi_dbcn, sbi_proc;
