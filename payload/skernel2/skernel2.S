/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What its host must answer: a read of mhartid, which is no supervisor's to read, and a load from
 * GPA 0x40, where there is no RAM.  At the shutdown a1 is 0x1234 and a0 is 0x6688, if the machine
 * has the options of the file `defaults` beside this one; without them, and bare, the first
 * instruction is this payload's own illegal-instruction trap.  Raw: it has no start-up but itself.
 */
#include "lib/riscv/csr.h"

    .section .entry, "ax"
    .option norvc
    .globl _start
_start:
    csrr a1, CSR_MHARTID
    ld a0, 64(zero)
    li a7, 8
    ecall
