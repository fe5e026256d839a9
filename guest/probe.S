/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way into the slot, and back: probe.c.  No register survives in between, so sp is kept in
 * memory; probe_back is where the trap returns to, with sp set again.
 */
#include "lib/riscv/csr.h"

    .text
    .globl probe_enter, probe_back
probe_enter:
    addi sp, sp, -256
    .irp n, 1, 3, 4, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
    sd x\n, \n * 8(sp)
    .endr
    la t0, probe_sp
    sd sp, 0(t0)
    la t0, probe_slot
    csrw CSR_SEPC, t0
    .irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 10
    ld x\n, \n * 8(a0)
    .endr
    sret
probe_back:
    .irp n, 1, 3, 4, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
    ld x\n, \n * 8(sp)
    .endr
    addi sp, sp, 256
    ret
