/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The world switch, and the only code that moves guest registers.
 *
 *   u64 run_guest(struct vcpu *)    enters the loaded vCPU; returns when it has to leave the hart
 *
 * A VM exit saves what C may clobber and calls vmexit_serve().  Most exits need no more: C preserves
 * the guest's other registers, so they are neither saved nor reloaded, and the guest goes on, as many
 * bytes behind its pc as the verdict says.  With a verdict that is no such number they are saved too,
 * vmexit_finish() does the rest, and only what it says has to leave the hart does.
 *
 * sscratch holds the vCPU while a guest runs and 0 while hv runs, so one vector tells a VM exit from
 * a fault of ours without touching a register that either needs: see trap.S for the latter.
 *
 * gp and tp: C code never changes gp, and tp points to this hart.
 */
#include "lib/riscv/asm.h"
#include "lib/riscv/csr.h"

#include "hv/offsets.h"

#define HV_FRAME 112 /* ra, s0-s11, the vCPU */

    .text

FUNCTION(run_guest)
    addi    sp, sp, -HV_FRAME
    sd      ra, 0(sp)
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    sd      s\n, 8 + 8 * \n(sp)
    .endr
    sd      a0, 104(sp)
    sd      sp, VCPU_HV_SP(a0)
    sd      tp, VCPU_HV_TP(a0)
    load_regs a0, KEPT_BY_C
    j       enter_guest
END(run_guest)

/* stvec */
FUNCTION(hv_vector)
    csrrw   a0, sscratch, a0
    beqz    a0, from_hv
    save_regs a0, CLOBBERED_BUT_A0
    csrrw   t0, sscratch, zero
    sd      t0, 8 * 10(a0)
    ld      sp, VCPU_HV_SP(a0)
    ld      tp, VCPU_HV_TP(a0)
    jal     vmexit_serve
    li      t0, VERDICT_SKIP_NUMBER
    bltu    t0, a0, finish
    csrr    t0, sepc
    add     t0, t0, a0
    csrw    sepc, t0
    ld      a0, 104(sp)
enter_guest:
    csrw    sscratch, a0
    load_regs a0, CLOBBERED_BUT_A0
    ld      a0, 8 * 10(a0)
    sret

finish:
    mv      a1, a0
    ld      a0, 104(sp)
    save_regs a0, KEPT_BY_C
    jal     vmexit_finish
    mv      t0, a0
    ld      a0, 104(sp)
    bnez    t0, leave
    load_regs a0, KEPT_BY_C
    j       enter_guest

leave:
    mv      a0, t0
    ld      ra, 0(sp)
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    ld      s\n, 8 + 8 * \n(sp)
    .endr
    addi    sp, sp, HV_FRAME
    ret

from_hv:
    csrrw   a0, sscratch, zero
    j       hv_trap
END(hv_vector)
