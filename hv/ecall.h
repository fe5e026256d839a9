/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* SBI calls of guests: one const descriptor for each extension.  See ecall.c. */
#include "lib/kit/err.h"
#include "lib/riscv/ops.h"
#include "sbi/ecall.h"

struct vcpu;
enum verdict;

/*
 * A function of an extension gets a0 to a5 as args and returns what goes into a0 and a1.  It runs
 * before all registers are saved; one that needs them, or wants something other than "return to the
 * guest", returns ecall_verdict().
 */
struct sbi_extension {
    long eid;
    const char *name;
    struct sbiret (*call)(struct vcpu *vcpu, u64 fid, const u64 *args);
};

/* Results that are not for the guest: out of the range of every SBI error. */
#define ECALL_VERDICT_BASE (-1500L)
static inline struct sbiret ecall_verdict(int verdict)
{
    return (struct sbiret){.error = ECALL_VERDICT_BASE - verdict};
}

static inline struct sbiret ecall_value(u64 value)
{
    return (struct sbiret){.value = (long)value};
}

static inline struct sbiret ecall_error(long sbi_error)
{
    return (struct sbiret){.error = sbi_error};
}

/* The only place that turns an enum err into an SBI error. */
long ecall_sbi_error(enum err err);

/* True if guests have this extension. */
bool ecall_has(long eid);

extern const struct sbi_extension sbi_legacy_set_timer, sbi_legacy_putchar, sbi_legacy_getchar,
    sbi_legacy_clear_ipi, sbi_legacy_send_ipi, sbi_legacy_fence_i, sbi_legacy_sfence_vma,
    sbi_legacy_sfence_vma_asid, sbi_legacy_shutdown;
extern const struct sbi_extension sbi_base, sbi_time, sbi_ipi, sbi_rfence, sbi_hsm, sbi_srst,
    sbi_dbcn, sbi_proc;
