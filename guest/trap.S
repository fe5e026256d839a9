/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The trap vector.  sscratch is the frame of the thread that runs while no trap is being handled,
 * and 0 while one is.  A trap out of the thread saves to its frame and goes on with the hart's trap
 * stack: a program that has lost its sp still gets its trap reported, and a thread that is to be
 * switched from here has all of its state in its frame.  A trap within a handler has a frame on the
 * stack that it finds.
 */
#include "guest/trap.h"
#include "lib/riscv/csr.h"

    .text
    .balign 4
    .globl trap_vector, trap_return
trap_vector:
    csrrw sp, CSR_SSCRATCH, sp
    beqz sp, 1f
    sd t0, 5 * 8(sp)
    sd sp, TRAP_SCRATCH(sp)
    j 2f
1:  csrr sp, CSR_SSCRATCH
    addi sp, sp, -TRAP_BYTES
    sd t0, 5 * 8(sp)
    sd zero, TRAP_SCRATCH(sp)
    sd sp, TRAP_STACK(sp)
2:  csrrw t0, CSR_SSCRATCH, zero
    sd t0, 2 * 8(sp)
    .irp n, 1, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    sd x\n, \n * 8(sp)
    .endr
    csrr t0, CSR_SEPC
    sd t0, TRAP_PC(sp)
    csrr t0, CSR_SSTATUS
    sd t0, TRAP_STATUS(sp)
    csrr t0, CSR_SCAUSE
    sd t0, TRAP_CAUSE(sp)
    csrr t0, CSR_STVAL
    sd t0, TRAP_TVAL(sp)
    mv a0, sp
    mv s0, sp
    ld sp, TRAP_STACK(sp)
    call trap_take
    mv a0, s0

/* trap_return(frame): go on with the thread whose frame this is. */
trap_return:
    mv sp, a0
    sc.d zero, zero, (sp) /* no LR from before the trap is completed after it; x0's place is unused */
    ld t0, TRAP_PC(sp)
    csrw CSR_SEPC, t0
    ld t0, TRAP_STATUS(sp)
    csrw CSR_SSTATUS, t0
    ld t0, TRAP_SCRATCH(sp)
    csrw CSR_SSCRATCH, t0
    .irp n, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    ld x\n, \n * 8(sp)
    .endr
    ld sp, 2 * 8(sp)
    sret
