/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* A VM exit as plain data, and what can come of it.  See vmexit.c. */
#include "lib/riscv/ops.h"
#include "sbi/trace.h"

#include "hv/hart.h"

struct vcpu;

/* The trap CSRs, read once.  Of an environment call or an interrupt only cause and pc count. */
struct vmexit {
    u64 cause;
    u64 pc;
    u64 tval;   /* stval: a GVA, or the instruction */
    u64 htinst; /* guest-page faults: the transformed instruction, or 0 */
    gpa_t gpa;  /* guest-page faults: the faulting GPA */
    bool user;  /* came from VU-mode */
};

/*
 * What a handler wants done.  vmexit.c and run_guest.S apply it: nobody else moves the pc.
 * The first three are how many bytes it moves.  Those from VERDICT_LEAVES on take the vCPU off its
 * hart.
 */
enum verdict {
    VERDICT_RESUME = 0, /* enter again at the same pc */
    VERDICT_SKIP2 = 2,  /* enter behind a compressed instruction */
    VERDICT_SKIP = 4,   /* ... behind any other */
    VERDICT_INJECT,     /* deliver vcpu->inject to the guest */
    VERDICT_FULL,       /* nothing was done; call again when vcpu->full */
    VERDICT_LEAVES,
    VERDICT_YIELD = VERDICT_LEAVES, /* let others run, then RESUME */
    VERDICT_BLOCK,                  /* wait for a wake-up, then run the same instruction again */
    VERDICT_HOLD,                   /* wait for a wake-up, then serve this exit again, in full,
                                       before the guest runs */
    VERDICT_SLEEP,                  /* as VERDICT_HOLD, but also until vcpu->until or the guest's
                                       timer */
    VERDICT_WAIT, /* skip 4 bytes, then wait for a wake-up or the guest's timer: wfi */
    VERDICT_STOP, /* this vCPU stops [SBI HSM hart_stop] */
    VERDICT_END,  /* the VM ends as vcpu->end says */
};

/* The first half of a VM exit, called by run_guest.S when regs holds what C may clobber. */
enum verdict vmexit_serve(struct vcpu *vcpu);
/* The second half, when regs holds everything: VERDICT_RESUME, or one that leaves the hart. */
enum verdict vmexit_finish(struct vcpu *vcpu, enum verdict verdict);

/* Shorthands for handlers. */
enum verdict vmexit_inject(struct vcpu *vcpu, u64 cause, u64 tval);
enum verdict vmexit_end_by_signal(struct vcpu *vcpu, u32 signal);
/* The verdict that moves the pc by 2 or 4 bytes. */
static inline enum verdict vmexit_skip(u64 insn_bytes)
{
    return (enum verdict)insn_bytes;
}

void vmexit_record(enum trace_did did, u64 addr, u32 arg0, u32 result, u64 value);

/* Notes for the trace what was done; one predictable branch while tracing is off. */
static inline void vmexit_note(enum trace_did did, u64 addr, u32 arg0, u32 result, u64 value)
{
    if (unlikely(this_hart()->trace != NULL))
        vmexit_record(did, addr, arg0, result, value);
}
