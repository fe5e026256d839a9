/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM that does nothing: it sleeps for a tenth of a second and shuts down.  a1 is then the cycle
 * counter as its first instruction has read it, for the last screen of a run to show.  Raw: it has
 * no start-up but itself, and touches one page.
 *
 * wfi may return for no reason, so the time is looked at again.
 * [SBI "Set Timer (EID #0x00)", "System Shutdown (EID #0x08)"]
 */
#include "lib/riscv/csr.h"

#define TICKS 1000000 /* QEMU's virt has 10 MHz */

    .section .entry, "ax"
    .globl _start
_start:
    rdcycle s1
    rdtime s2
    li t0, TICKS
    add s2, s2, t0
    mv a0, s2
    li a7, 0
    ecall
    li t0, IP_STIP
    csrw CSR_SIE, t0
1:  wfi
    rdtime t0
    bltu t0, s2, 1b
    mv a1, s1
    li a7, 8
    ecall
