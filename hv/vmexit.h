/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* A VM exit as plain data, and what can come of it.  See vmexit.c. */
#include "lib/riscv/ops.h"
#include "sbi/trace.h"

struct vcpu;

/* The trap CSRs, read once.  For an environment call or an interrupt only cause and pc are set, the
 * rest is zero. */
struct vmexit {
    u64 cause;
    u64 pc;
    u64 tval;   /* stval: a GVA, or the instruction */
    u64 htinst; /* transformed instruction, or 0 */
    gpa_t gpa;  /* guest-page faults: the faulting GPA */
    bool user;  /* came from VU-mode */
};

/* What a handler wants done.  vmexit.c applies it: nobody else moves the pc. */
enum verdict {
    VERDICT_RESUME, /* enter again at the same pc */
    VERDICT_SKIP,   /* enter behind an instruction of 4 bytes */
    VERDICT_SKIP2,  /* ... of 2 bytes */
    VERDICT_INJECT, /* deliver vcpu->inject to the guest */
    VERDICT_FULL,   /* nothing was done; call again when vcpu->full */
    VERDICT_YIELD,  /* let others run, then RESUME */
    VERDICT_BLOCK,  /* wait for a wake-up, then run the same instruction again */
    VERDICT_WAIT,   /* skip 4 bytes, then wait for a wake-up or the guest's timer: wfi */
    VERDICT_STOP,   /* this vCPU stops [SBI HSM hart_stop] */
    VERDICT_END,    /* the VM ends as vcpu->end says */
};

/* The first half of a VM exit, called by run_guest.S: 0 to go back into the guest at once. */
u64 vmexit_serve(struct vcpu *vcpu);
/* The second half, with vcpu->full: what is left to do, never FULL, SKIP or INJECT. */
enum verdict vmexit_serve_full(struct vcpu *vcpu);

/* Shorthands for handlers. */
enum verdict vmexit_inject(struct vcpu *vcpu, u64 cause, u64 tval);
enum verdict vmexit_end_by_signal(struct vcpu *vcpu, u32 signal);

/* Notes for the trace what was done; one predictable branch while tracing is off. */
void vmexit_note(enum trace_did did, u64 addr, u32 arg0, u32 result, u64 value);
