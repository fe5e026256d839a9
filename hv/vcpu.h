/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * One virtual hart.  What moves how often decides where it is kept:
 *
 *     each VM exit      the registers that C may clobber           regs, by run_guest.S
 *     a full exit       all of x1 to x31                           regs, by run_guest.S
 *     load and put      pc, sstatus, hstatus, the VS CSRs          csr, by vcpu.c
 *     on demand         f0 to f31 and fcsr                         fp, by fp.c
 *
 * While the vCPU is loaded the hart's CSRs are the truth and csr is stale.
 */
#include "lib/riscv/cause.h"
#include "lib/riscv/ops.h"
#include "lib/sched/policy.h"

#include "hv/futex.h"
#include "hv/vmexit.h"

struct vm;

/* x[0] is always 0, so that decoded register numbers need no special case. */
struct regs {
    union {
        u64 x[32];
        struct {
            u64 zero, ra, sp, gp, tp, t0, t1, t2, s0, s1;
            u64 a0, a1, a2, a3, a4, a5, a6, a7;
            u64 s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, t3, t4, t5, t6;
        };
    };
};

struct vcpu_csr {
    u64 sepc, sstatus, hstatus;
    u64 vsstatus, vsie, vstvec, vsscratch, vsepc, vscause, vstval, vsatp, hvip;
    u64 scounteren, senvcfg;
    u64 timer; /* time at which the guest's timer fires; vstimecmp where there is Sstc */
};

struct fp_regs {
    u64 f[32];
    u64 fcsr;
};

enum vcpu_state {
    VCPU_STOPPED,  /* by HSM, or not yet started */
    VCPU_RUNNABLE, /* in the run queue of hart `hart` */
    VCPU_RUNNING,  /* on hart `hart` */
    VCPU_BLOCKED,  /* waits for a wake-up or its deadline */
    VCPU_PARKED,   /* runnable, but its VM is being stopped, or halted */
};

/* How a VM ends: why, and what was in a0 and a1 then. */
enum end_reason { END_EXIT, END_SHUTDOWN, END_SIGNAL, END_RESET };

struct vcpu {
    struct regs regs; /* first: run_guest.S knows the offset */
    u64 hv_sp, hv_tp; /* of the hart that runs it, for the way back */
    struct vcpu_csr csr;

    u64 vmexits[CAUSE_COUNT]; /* by exception number; interrupts count in [0] */

    struct vm *vm;
    u32 id;               /* hart id that the guest sees; index in vm->vcpu[] */
    bool full;            /* regs holds all registers: see VERDICT_FULL */
    u8 insn_bytes;        /* length of the store that a device sees */
    struct vmexit vmexit; /* being served */
    enum verdict held;    /* what goes on before the guest does: VERDICT_FULL: the exit is served
                             again; VERDICT_END: the end; VERDICT_RESUME: nothing */

    u32 fp_hart;  /* fp.c: where its FP registers may still be */
    bool fp_used; /* they are not just all 0 */

    struct {
        u64 cause, tval;
    } inject; /* for VERDICT_INJECT */
    struct {
        enum end_reason reason;
        u32 status; /* as wait() gives it */
    } end;          /* for VERDICT_END */

    u64 until; /* for VERDICT_SLEEP */
    struct word_wait word;

    u64 run_ticks, loaded_at; /* time on harts; time of the last load */

    /* guarded by the queue_lock of the hart to which it belongs: */
    enum vcpu_state state;
    u32 hart;            /* index of that hart: where it runs, waits or sleeps */
    bool woken;          /* a wake-up came that no block has consumed */
    bool is_favoured;    /* is queued a slice ahead */
    u64 deadline;        /* while blocked */
    struct runnable run; /* in the hart's queue, or by its node among the sleepers */

    u64 external; /* VSEIP, as its PLIC drives it, or 0; written under plic_use.lock */
    u64 pend;     /* atomic: what others have done to its interrupts; merged at the next load or
                     kick: VSSIP was raised, VSEIP changed; VCPU_PEND_INPUT */

    struct fp_regs fp; /* last: not set up before fp_used */
};

/* Sets everything to what a hart has at reset, as OpenSBI leaves it for a kernel. */
void vcpu_init(struct vcpu *vcpu, struct vm *vm, u32 id);
/* ... to what `from`, of another VM, has, which is complete: see vcpu_save().  An IPI or an event
 * that pends there is not for this one. */
void vcpu_continue(struct vcpu *vcpu, struct vm *vm, const struct vcpu *from);
/* Where and with what it starts: [SBI "Hart State Management Extension", hart_start]. */
void vcpu_set_entry(struct vcpu *vcpu, gpa_t pc, u64 a0, u64 a1);

void vcpu_load(struct vcpu *vcpu);
/* Afterwards the vCPU is on no hart. */
void vcpu_put(struct vcpu *vcpu);
/* Copies the loaded vCPU's CSRs and FP registers into the struct, which is then complete. */
void vcpu_save(struct vcpu *vcpu);

/* Runs the loaded vCPU until it has to leave the hart. */
void vcpu_run(struct vcpu *vcpu);

/* Merges what others have raised into the loaded vCPU's hvip. */
void vcpu_take_pending(struct vcpu *vcpu);
/* Sets VSEIP of any vCPU.  The caller holds plic_use.lock of its VM. */
void vcpu_set_external(struct vcpu *vcpu, bool raised);
/* Raises VSSIP in any vCPU. */
void vcpu_pend_soft(struct vcpu *vcpu);
/* The guest's timer fires at `time` and not before; its pending timer interrupt is gone.  The vCPU
 * is loaded. */
void vcpu_set_timer(struct vcpu *vcpu, u64 time);
/* There is input for a virtio console of its VM. */
#define VCPU_PEND_INPUT (1UL << 63)
void vcpu_pend_input(struct vcpu *vcpu);
/* True if an interrupt is pending and enabled in the loaded vCPU: wfi must not wait. */
bool vcpu_has_interrupt(const struct vcpu *vcpu);
/* Delivers a trap to the loaded guest's VS-mode, as hardware would. */
void vcpu_deliver_trap(u64 cause, u64 tval);
