/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An SBI call of a guest: from the EID to the extension that serves it, and back into a0 and a1.
 *
 * The EID is hashed by one multiplication into a table of descriptors.  Invariant: no two EIDs
 * share a slot.  The compiler proves it, since two designated initialisers of one slot are an error
 * (-Woverride-init); a new extension that collides needs another HASH_FACTOR, any number that
 * compiles is right.  So a look-up is a multiplication and one compare, for known and unknown EIDs
 * alike, and every extension costs the same.
 *
 * It does not know what any extension does: that a call needs all registers, blocks, or ends the VM
 * is told by its result, ecall_verdict().
 *
 *     VERDICT_FULL, _BLOCK, _YIELD   nothing was done, the same call comes again
 *     VERDICT_HOLD, _SLEEP           the same, before the guest runs
 *     VERDICT_SKIP, _SKIP2, _WAIT    the extension has written a0 and a1 itself
 *     others                         the guest does not return from the call
 *
 * [SBI "Binary Encoding"]
 */
#include "hv/ecall.h"

#include "sbi/proc.h"

/* Few significant bits, so that it takes two instructions to load. */
#define HASH_FACTOR                 (1031UL << 49)
#define HASH_BITS                   5
#define HASH(eid)                   ((u64)(eid)*HASH_FACTOR >> (64 - HASH_BITS))
#define EXTENSION(number, function) [HASH(number)] = {.eid = (number), .call = (function)}

/* An empty slot has EID 0, which is looked for in slot 0 only. */
static const struct {
    u64 eid;
    sbi_extension_fn *call;
} extensions[1 << HASH_BITS] = {
    EXTENSION(SBI_LEGACY_SET_TIMER, sbi_legacy_set_timer),
    EXTENSION(SBI_LEGACY_PUTCHAR, sbi_legacy_putchar),
    EXTENSION(SBI_LEGACY_GETCHAR, sbi_legacy_getchar),
    EXTENSION(SBI_LEGACY_SHUTDOWN, sbi_legacy_shutdown),
    EXTENSION(SBI_EID_BASE, sbi_base),
    EXTENSION(SBI_EID_TIME, sbi_time),
    EXTENSION(SBI_EID_IPI, sbi_ipi),
    EXTENSION(SBI_EID_RFENCE, sbi_rfence),
    EXTENSION(SBI_EID_HSM, sbi_hsm),
    EXTENSION(SBI_EID_SRST, sbi_srst),
    EXTENSION(SBI_EID_DBCN, sbi_dbcn),
    EXTENSION(PROC_EID, sbi_proc),
};
_Static_assert(HASH(SBI_LEGACY_SET_TIMER) == 0, "slot 0 is not empty");

bool ecall_has(u64 eid)
{
    return extensions[HASH(eid)].eid == eid;
}

long ecall_sbi_error(enum err err)
{
    switch (err) {
    case ERR_OK: return SBI_SUCCESS;
    case ERR_INVAL: return SBI_ERR_INVALID_PARAM;
    case ERR_NOMEM: return PROC_ERR_NOMEM;
    case ERR_NOENT: return PROC_ERR_NOENT;
    case ERR_PERM: return SBI_ERR_DENIED;
    case ERR_QUOTA: return PROC_ERR_QUOTA;
    case ERR_CHILD: return PROC_ERR_CHILD;
    case ERR_INTR: return PROC_ERR_INTR;
    case ERR_NOSUPP: return SBI_ERR_NOT_SUPPORTED;
    case ERR_FAULT: return SBI_ERR_INVALID_ADDRESS;
    case ERR_STATE: return SBI_ERR_INVALID_STATE;
    case ERR_FORMAT: return SBI_ERR_FAILED;
    case ERR_BUSY: return SBI_ERR_FAILED;
    case ERR_TIMEOUT: return SBI_ERR_TIMEOUT;
    }
    return SBI_ERR_FAILED;
}

long ecall_end(struct vcpu *vcpu, enum end_reason reason, u32 status)
{
    vcpu->end.reason = reason;
    vcpu->end.status = status;
    return ecall_verdict(VERDICT_END);
}

static inline enum verdict finish(struct vcpu *vcpu, long error, long value)
{
    vcpu->regs.a0 = (u64)error;
    vcpu->regs.a1 = (u64)value;
    vmexit_note(TRACE_DID_SBI, vcpu->regs.a7, (u32)vcpu->regs.a6, (u32)error, (u64)value);
    return VERDICT_SKIP;
}

/*
 * A call that has written its own results has noted them, too.  One that comes again is noted then,
 * but for a wait, so that the trace shows what the guest blocks on.
 *
 * Out of line, so that a successful call saves fewer registers.
 */
__attribute__((noinline, cold)) static enum verdict finish_other(struct vcpu *vcpu, long result)
{
    enum verdict verdict = (enum verdict)(ECALL_VERDICT_BASE - result);

    if (result > ECALL_VERDICT_BASE)
        return finish(vcpu, result, 0);
    if (verdict == VERDICT_BLOCK || verdict == VERDICT_SLEEP || verdict == VERDICT_STOP ||
        verdict == VERDICT_END)
        vmexit_note(TRACE_DID_SBI, vcpu->regs.a7, (u32)vcpu->regs.a6, SBI_SUCCESS, 0);
    return verdict;
}

/*
 * ecall_serve - call the extension that a7 names.
 *
 * VERDICT_SKIP: a0 and a1 hold the result.  Others: see above.
 */
enum verdict ecall_serve(struct vcpu *vcpu)
{
    u64 eid = vcpu->regs.a7, slot = HASH(eid);
    long result = SBI_ERR_NOT_SUPPORTED;

    if (likely(extensions[slot].eid == eid))
        result = extensions[slot].call(vcpu, vcpu->regs.a6, &vcpu->regs.a0);
    if (unlikely(result < 0))
        return finish_other(vcpu, result);
    return finish(vcpu, SBI_SUCCESS, result);
}
