/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Traps taken in HS-mode.  Interrupts are masked there, so each is an access that was expected to
 * fault (trap.c finds it in the exception table) or a mistake of ours.  They have a stack of their
 * own: the one in use may be what is broken.  sscratch holds sp for the few instructions until that
 * stack can take it.
 */
#include "lib/riscv/asm.h"
#include "lib/riscv/csr.h"

#include "hv/offsets.h"

#define ALL_BUT_SP                                                                                 \
    1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,    \
        27, 28, 29, 30, 31

    .text

FUNCTION(hv_trap)
    csrw    sscratch, sp
    ld      sp, HART_TRAP_STACK_TOP(tp)
    addi    sp, sp, -TRAP_BYTES
    save_regs sp, ALL_BUT_SP
    csrrw   t0, sscratch, zero
    sd      t0, 8 * 2(sp)
    csrr    t0, sepc
    sd      t0, TRAP_SEPC(sp)
    csrr    t0, sstatus
    sd      t0, TRAP_SSTATUS(sp)
    mv      a0, sp
    jal     trap_in_hv
    ld      t0, TRAP_SEPC(sp)
    csrw    sepc, t0
    ld      t0, TRAP_SSTATUS(sp)
    csrw    sstatus, t0
    load_regs sp, ALL_BUT_SP
    ld      sp, 8 * 2(sp)
    sret
END(hv_trap)
