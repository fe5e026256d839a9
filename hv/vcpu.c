/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One virtual hart: what it starts with, how it gets onto a hart of the machine and off again, and
 * the loop that runs it.
 *
 * Invariant: between vcpu_load() and vcpu_put() the guest's pc, sstatus, hstatus and VS CSRs are in
 * the hart's registers and nowhere else.  hv itself takes no traps meanwhile but those of trap.c,
 * which puts them back.
 *
 * [PRIV "Hypervisor and Virtual Supervisor CSRs"]
 */
#include "hv/vcpu.h"

#include "lib/kit/words.h"
#include "lib/riscv/csr.h"

#include "hv/dev/vtransport.h"
#include "hv/fp.h"
#include "hv/hart.h"
#include "hv/offsets.h"
#include "hv/panic.h"
#include "hv/proc.h"
#include "hv/sched.h"
#include "hv/timer.h"
#include "hv/tracing.h"
#include "hv/vm.h"
#include "hv/vmexit.h"

_Static_assert(offsetof(struct vcpu, regs) == 0, "run_guest.S");
_Static_assert(offsetof(struct regs, a0) == 8 * 10, "run_guest.S");
_Static_assert(offsetof(struct vcpu, hv_sp) == VCPU_HV_SP, "run_guest.S");
_Static_assert(offsetof(struct vcpu, hv_tp) == VCPU_HV_TP, "run_guest.S");

u64 run_guest(struct vcpu *vcpu);

#define NO_HART UINT32_MAX

/* All but its registers. */
static void begin(struct vcpu *vcpu, struct vm *vm, u32 id)
{
    clear_words(vcpu->vmexits, offsetof(struct vcpu, fp) - offsetof(struct vcpu, vmexits));
    vcpu->vm = vm;
    vcpu->id = id;
    vcpu->fp_hart = NO_HART;
    vcpu->hart = this_hart()->index;
    vcpu->state = VCPU_STOPPED;
    runnable_init(&vcpu->run);
}

void vcpu_init(struct vcpu *vcpu, struct vm *vm, u32 id)
{
    begin(vcpu, vm, id);
    vcpu->regs = (struct regs){.zero = 0};
    vcpu->csr = (struct vcpu_csr){
        .sstatus = SSTATUS_SPP | SSTATUS_SPIE | SSTATUS_FS_CLEAN | SSTATUS_UXL_64,
        .hstatus = HSTATUS_SPV | HSTATUS_SPVP | HSTATUS_VTW | HSTATUS_VSXL_64,
        .vsstatus = SSTATUS_UXL_64 | SSTATUS_FS_INITIAL,
        .timer = UINT64_MAX,
    };
}

void vcpu_continue(struct vcpu *vcpu, struct vm *vm, const struct vcpu *from)
{
    begin(vcpu, vm, from->id);
    vcpu->regs = from->regs;
    vcpu->csr = from->csr;
    vcpu->csr.hvip &= ~IP_VSSIP;
    vcpu->fp_used = from->fp_used;
    if (from->fp_used)
        vcpu->fp = from->fp;
}

/* Interrupts are masked and translation is off; all else stays, what wakes a wait included. */
void vcpu_set_entry(struct vcpu *vcpu, gpa_t pc, u64 a0, u64 a1)
{
    vcpu->csr.vsatp = 0;
    vcpu->csr.vsstatus &= ~SSTATUS_SIE;
    vcpu->csr.sepc = pc.v;
    vcpu->regs.a0 = a0;
    vcpu->regs.a1 = a1;
}

/*
 * An SC of the next guest must not succeed for an LR of the last one.
 * [UNPRIV "Load-Reserved/Store-Conditional Instructions"]
 */
static void break_reservation(u64 *word)
{
    __asm__ volatile("sc.d zero, zero, (%0)" : : "r"(word) : "memory");
}

/*
 * vcpu_load - put the vCPU onto this hart, which has none loaded.
 *
 * vsatp is written behind hgatp, so that no translation mixes two guests.
 */
void vcpu_load(struct vcpu *vcpu)
{
    struct hart *hart = this_hart();
    const struct vcpu_csr *csr = &vcpu->csr;

    hart->vcpu = vcpu;
    break_reservation(&hart->reservation);
    fp_load(vcpu);
    vmid_load(&vcpu->vm->gs.vmid[vcpu->id], gstage_load(&vcpu->vm->gs, vcpu->id));
    csr_write(CSR_VSATP, csr->vsatp);
    csr_write(CSR_VSSTATUS, csr->vsstatus);
    csr_write(CSR_VSIE, csr->vsie);
    csr_write(CSR_VSTVEC, csr->vstvec);
    csr_write(CSR_VSSCRATCH, csr->vsscratch);
    csr_write(CSR_VSEPC, csr->vsepc);
    csr_write(CSR_VSCAUSE, csr->vscause);
    csr_write(CSR_VSTVAL, csr->vstval);
    csr_write(CSR_HVIP, csr->hvip | __atomic_load_n(&vcpu->external, __ATOMIC_RELAXED));
    csr_write(CSR_SCOUNTEREN, csr->scounteren);
    csr_write(CSR_SENVCFG, csr->senvcfg);
    csr_write(CSR_SEPC, csr->sepc);
    csr_write(CSR_SSTATUS, csr->sstatus);
    csr_write(CSR_HSTATUS, csr->hstatus);
    timer_load(vcpu);
    vcpu->loaded_at = timer_now();
    timer_program(vcpu);
    vcpu_take_pending(vcpu);
}

void vcpu_save(struct vcpu *vcpu)
{
    struct vcpu_csr *csr = &vcpu->csr;

    fp_save(vcpu);
    csr->vsatp = csr_read(CSR_VSATP);
    csr->vsstatus = csr_read(CSR_VSSTATUS);
    csr->vsie = csr_read(CSR_VSIE);
    csr->vstvec = csr_read(CSR_VSTVEC);
    csr->vsscratch = csr_read(CSR_VSSCRATCH);
    csr->vsepc = csr_read(CSR_VSEPC);
    csr->vscause = csr_read(CSR_VSCAUSE);
    csr->vstval = csr_read(CSR_VSTVAL);
    csr->hvip = csr_read(CSR_HVIP) & ~IP_VSEIP;
    csr->scounteren = csr_read(CSR_SCOUNTEREN);
    csr->senvcfg = csr_read(CSR_SENVCFG);
    csr->sepc = csr_read(CSR_SEPC);
    csr->sstatus = csr_read(CSR_SSTATUS);
    csr->hstatus = csr_read(CSR_HSTATUS);
    timer_save(vcpu);
}

void vcpu_put(struct vcpu *vcpu)
{
    struct hart *hart = this_hart();

    vcpu_save(vcpu);
    vcpu->run_ticks += timer_now() - vcpu->loaded_at;
    csr_write(CSR_HVIP, 0);
    vmid_unload(&vcpu->vm->gs.vmid[vcpu->id]);
    hart->vcpu = NULL;
}

/* The verdict that the guest comes back with; or, before it goes there, what is held. */
static enum verdict next_verdict(struct vcpu *vcpu)
{
    enum verdict held = vcpu->held;

    if (likely(held == VERDICT_RESUME))
        return (enum verdict)run_guest(vcpu);
    vcpu->held = VERDICT_RESUME;
    return held == VERDICT_FULL ? vmexit_finish(vcpu, VERDICT_FULL) : held;
}

/* The vCPU is on no hart.  A timer that cannot interrupt ends no sleep. */
static u64 end_of_sleep(const struct vcpu *vcpu)
{
    u64 timer = vcpu->csr.vsie & IP_STIP ? vcpu->csr.timer : UINT64_MAX;

    return timer < vcpu->until ? timer : vcpu->until;
}

/*
 * vcpu_run - the life of a loaded vCPU on its hart.
 *
 * run_guest() returns with a verdict that takes it off the hart; a wait that is over already does
 * not. Returns when the vCPU is on no hart any more; after VERDICT_END it may not even exist.
 */
void vcpu_run(struct vcpu *vcpu)
{
    for (;;) {
        enum verdict verdict = next_verdict(vcpu);

        switch (verdict) {
        case VERDICT_WAIT:
            if (vcpu_has_interrupt(vcpu))
                break;
            vcpu_put(vcpu);
            sched_block(vcpu, vcpu->csr.timer);
            return;
        case VERDICT_BLOCK:
            vcpu_put(vcpu);
            sched_block(vcpu, vcpu->csr.timer);
            return;
        case VERDICT_HOLD:
            vcpu->held = VERDICT_FULL;
            vcpu_put(vcpu);
            sched_block(vcpu, UINT64_MAX);
            return;
        case VERDICT_SLEEP:
            vcpu->held = VERDICT_FULL;
            vcpu_put(vcpu);
            sched_block(vcpu, end_of_sleep(vcpu));
            return;
        case VERDICT_YIELD:
            vcpu_put(vcpu);
            sched_requeue(vcpu);
            return;
        case VERDICT_STOP:
            vcpu_put(vcpu);
            sched_stop(vcpu);
            return;
        case VERDICT_END: proc_end(vcpu); return;
        case VERDICT_RESUME: continue; /* what was held is over */
        case VERDICT_SKIP:
        case VERDICT_SKIP2:
        case VERDICT_INJECT:
        case VERDICT_FULL: panic("verdict %d is vmexit.c's to apply", verdict);
        }
        tracing_entry();
    }
}

void vcpu_pend_soft(struct vcpu *vcpu)
{
    __atomic_fetch_or(&vcpu->pend, IP_VSSIP, __ATOMIC_RELEASE);
    sched_wake(vcpu);
}

void vcpu_pend_input(struct vcpu *vcpu)
{
    __atomic_fetch_or(&vcpu->pend, VCPU_PEND_INPUT, __ATOMIC_RELEASE);
    sched_wake(vcpu);
}

/* The vCPU is loaded. */
static void show_external(const struct vcpu *vcpu)
{
    csr_clear(CSR_HVIP, IP_VSEIP);
    csr_set(CSR_HVIP, __atomic_load_n(&vcpu->external, __ATOMIC_RELAXED));
}

void vcpu_take_pending(struct vcpu *vcpu)
{
    u64 pend;

    if (__atomic_load_n(&vcpu->pend, __ATOMIC_RELAXED) == 0)
        return;
    pend = __atomic_exchange_n(&vcpu->pend, 0, __ATOMIC_ACQUIRE);
    if (pend & IP_VSEIP)
        show_external(vcpu);
    csr_set(CSR_HVIP, pend & IP_VSSIP);
    if (unlikely(pend & VCPU_PEND_INPUT))
        vtransport_input(vcpu);
}

/* The other hart looks at `external` after it has seen `pend`, so the last change counts. */
void vcpu_set_external(struct vcpu *vcpu, bool raised)
{
    u64 external = raised ? IP_VSEIP : 0;

    if (vcpu->external == external)
        return;
    __atomic_store_n(&vcpu->external, external, __ATOMIC_RELAXED);
    if (vcpu == this_hart()->vcpu) {
        show_external(vcpu);
        return;
    }
    __atomic_fetch_or(&vcpu->pend, IP_VSEIP, __ATOMIC_RELEASE);
    sched_wake(vcpu);
}

/* By hip, since vsip of QEMU 7.2 does not show VSTIP. */
bool vcpu_has_interrupt(const struct vcpu *vcpu)
{
    u64 pending = csr_read(CSR_HIP) | __atomic_load_n(&vcpu->pend, __ATOMIC_RELAXED);

    return (pending >> 1 & csr_read(CSR_VSIE)) != 0;
}

/*
 * vcpu_deliver_trap - what hardware does when a trap goes to VS-mode.
 *
 * [PRIV "Trap Entry"; "Virtual Supervisor Status (vsstatus) Register"]
 */
void vcpu_deliver_trap(u64 cause, u64 tval)
{
    u64 sstatus = csr_read(CSR_SSTATUS), vsstatus = csr_read(CSR_VSSTATUS);

    csr_write(CSR_VSEPC, csr_read(CSR_SEPC));
    csr_write(CSR_VSCAUSE, cause);
    csr_write(CSR_VSTVAL, tval);
    vsstatus &= ~(SSTATUS_SPP | SSTATUS_SPIE);
    vsstatus |= sstatus & SSTATUS_SPP;
    if (vsstatus & SSTATUS_SIE)
        vsstatus |= SSTATUS_SPIE;
    csr_write(CSR_VSSTATUS, vsstatus & ~SSTATUS_SIE);
    csr_write(CSR_SSTATUS, sstatus | SSTATUS_SPP);
    csr_set(CSR_HSTATUS, HSTATUS_SPVP);
    csr_write(CSR_SEPC, csr_read(CSR_VSTVEC) & ~3UL);
}
