/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The smallest payload: it asks for its end and nothing else.  Raw: it has no start-up but itself.
 * [SBI "System Shutdown (EID #0x08)"]
 */
    .section .entry, "ax"
    .globl _start
_start:
    li a7, 8
    ecall
