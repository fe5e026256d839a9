/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The program that is started to see what starting a program costs.  It is as small as one can be:
 * its first instruction reads the clock.  With an argument it writes that to its output.
 */
__asm__(".globl _start\n"
        "_start:\n"
        "rdtime t0\n"
        "ld t1, 0(sp)\n" /* argc */
        "li t2, 1\n"
        "beq t1, t2, 1f\n"
        "addi sp, sp, -16\n"
        "sd t0, 0(sp)\n"
        "li a0, 1\n"
        "mv a1, sp\n"
        "li a2, 8\n"
        "li a7, 64\n" /* write */
        "ecall\n"
        "1: li a0, 0\n"
        "li a7, 93\n" /* exit */
        "ecall\n");
