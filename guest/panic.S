/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * panic and report_here keep the registers of who called them, in a frame as a trap has one, before
 * C code changes them.  pc is where the call returns to.
 *
 *     | frame | a1 ... a7 | what the caller pushed: arguments beyond a7
 *     ^ sp                ^ caller's sp
 */
#include "guest/trap.h"

#define ARGUMENTS 64 /* a1 ... a7, and 8 bytes that keep sp aligned, in front */

.macro keep_registers
    addi sp, sp, -(TRAP_BYTES + ARGUMENTS)
    .irp n, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    sd x\n, \n * 8(sp)
    .endr
    addi t0, sp, TRAP_BYTES + ARGUMENTS
    sd t0, 2 * 8(sp)
    sd ra, TRAP_PC(sp)
    sd zero, TRAP_CAUSE(sp)
    sd zero, TRAP_TVAL(sp)
.endm

    .text
    .globl panic
panic:
    keep_registers
    .irp n, 1, 2, 3, 4, 5, 6, 7
    sd a\n, TRAP_BYTES + \n * 8(sp)
    .endr
    mv a1, a0
    mv a0, sp
    addi a2, sp, TRAP_BYTES + 8
    call panic_report

    .globl report_here
report_here:
    keep_registers
    mv a1, a0
    mv a0, sp
    call report_panic
    ld ra, TRAP_PC(sp)
    addi sp, sp, TRAP_BYTES + ARGUMENTS
    ret
