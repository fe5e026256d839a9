/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An SBI call of a guest: from the EID to the extension that serves it, and back into a0 and a1.
 *
 * The EID is hashed by one multiplication into a table of descriptors.  Invariant: no two EIDs
 * share a slot.  The compiler proves it, since two designated initialisers of one slot are an error
 * (-Woverride-init); a new extension that collides needs another HASH_FACTOR, any number that
 * compiles is right.  So a look-up is a multiplication and two compares, for known and unknown EIDs
 * alike, and every extension costs the same.
 *
 * It does not know what any extension does; whether a call needs all registers, blocks or ends the
 * VM is told by its result (ecall_verdict).
 *
 * [SBI "Binary Encoding"]
 */
#include "hv/ecall.h"

#include "sbi/proc.h"

#include "hv/hart.h"

/* Few significant bits, so that it takes two instructions to load. */
#define HASH_FACTOR (1031UL << 49)
#define HASH_BITS   5
#define SLOT(eid)   ((u64)(eid)*HASH_FACTOR >> (64 - HASH_BITS))

static const struct sbi_extension *const slots[1 << HASH_BITS] = {
    [SLOT(SBI_LEGACY_SET_TIMER)] = &sbi_legacy_set_timer,
    [SLOT(SBI_LEGACY_PUTCHAR)] = &sbi_legacy_putchar,
    [SLOT(SBI_LEGACY_GETCHAR)] = &sbi_legacy_getchar,
    [SLOT(SBI_LEGACY_SHUTDOWN)] = &sbi_legacy_shutdown,
    [SLOT(SBI_EID_BASE)] = &sbi_base,
    [SLOT(SBI_EID_TIME)] = &sbi_time,
    [SLOT(SBI_EID_IPI)] = &sbi_ipi,
    [SLOT(SBI_EID_RFENCE)] = &sbi_rfence,
    [SLOT(SBI_EID_HSM)] = &sbi_hsm,
    [SLOT(SBI_EID_SRST)] = &sbi_srst,
    [SLOT(SBI_EID_DBCN)] = &sbi_dbcn,
    [SLOT(PROC_EID)] = &sbi_proc,
};

static const struct sbi_extension *find(u64 eid)
{
    const struct sbi_extension *extension = slots[SLOT(eid)];

    return likely(extension != NULL && extension->eid == eid) ? extension : NULL;
}

bool ecall_has(u64 eid)
{
    return find(eid) != NULL;
}

long ecall_sbi_error(enum err err)
{
    switch (err) {
    case ERR_OK: return SBI_SUCCESS;
    case ERR_INVAL: return SBI_ERR_INVALID_PARAM;
    case ERR_NOMEM: return PROC_ERR_NOMEM;
    case ERR_NOENT: return SBI_ERR_BAD_RANGE;
    case ERR_PERM: return SBI_ERR_DENIED;
    case ERR_QUOTA: return PROC_ERR_QUOTA;
    case ERR_CHILD: return PROC_ERR_CHILD;
    case ERR_INTR: return PROC_ERR_INTR;
    case ERR_NOSUPP: return SBI_ERR_NOT_SUPPORTED;
    case ERR_FAULT: return SBI_ERR_INVALID_ADDRESS;
    case ERR_STATE: return SBI_ERR_INVALID_STATE;
    case ERR_FORMAT: return SBI_ERR_FAILED;
    }
    return SBI_ERR_FAILED;
}

struct sbiret ecall_end(struct vcpu *vcpu, enum end_reason reason, u32 status)
{
    vcpu->end.reason = reason;
    vcpu->end.status = status;
    return ecall_verdict(VERDICT_END);
}

/* The call does not end here and now, or the function has ended it.  Only the former is noted: what
 * comes again is, when it comes again, and fork tells more by itself. */
static enum verdict other_verdict(const struct vcpu *vcpu, enum verdict verdict)
{
    if (verdict == VERDICT_WAIT || verdict == VERDICT_BLOCK || verdict == VERDICT_STOP ||
        verdict == VERDICT_END)
        vmexit_note(TRACE_DID_SBI, vcpu->regs.a7, (u32)vcpu->regs.a6, SBI_SUCCESS, 0);
    return verdict;
}

/*
 * ecall_serve - call the extension that a7 names.
 *
 * VERDICT_SKIP: a0 and a1 hold the result.  Others: see ecall_verdict(); with VERDICT_FULL and
 * VERDICT_BLOCK no register was changed, since the same call comes again.
 */
enum verdict ecall_serve(struct vcpu *vcpu, const struct vmexit *e)
{
    const struct sbi_extension *extension = find(vcpu->regs.a7);
    struct sbiret ret = ecall_error(SBI_ERR_NOT_SUPPORTED);

    (void)e;
    if (likely(extension != NULL)) {
        ret = extension->call(vcpu, vcpu->regs.a6, &vcpu->regs.a0);
        if (unlikely(ret.error <= ECALL_VERDICT_BASE))
            return other_verdict(vcpu, (enum verdict)(ECALL_VERDICT_BASE - ret.error));
    }
    vcpu->regs.a0 = (u64)ret.error;
    vcpu->regs.a1 = (u64)ret.value;
    if (unlikely(this_hart()->trace != NULL))
        vmexit_note(TRACE_DID_SBI, vcpu->regs.a7, (u32)vcpu->regs.a6, (u32)ret.error,
                    (u64)ret.value);
    return VERDICT_SKIP;
}
