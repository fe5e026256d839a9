/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * For assembly: a register's place in memory is its number times 8, so a list of numbers saves or
 * restores any set of them.
 */
#ifdef __ASSEMBLER__

#define FUNCTION(name)                                                                             \
    .globl name;                                                                                   \
    .balign 4;                                                                                     \
    .type name, @function;                                                                         \
    name:

#define END(name) .size name, .- name

/* Registers by the psABI's classes, x0 and sscratch-held a0 (x10) left out. */
#define CLOBBERED_BUT_A0 1, 2, 4, 5, 6, 7, 11, 12, 13, 14, 15, 16, 17, 28, 29, 30, 31
#define KEPT_BY_C        3, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27

    .macro save_regs base, regs:vararg
    .irp n, \regs
    sd      x\n, 8 * \n(\base)
    .endr
    .endm

    .macro load_regs base, regs:vararg
    .irp n, \regs
    ld      x\n, 8 * \n(\base)
    .endr
    .endm

/* If the instruction at `at` traps in HS-mode, go on at `fixup`.  See hv/trap.c. */
    .macro extable at, fixup
    .pushsection .extable, "a"
    .balign 8
    .dword  \at, \fixup
    .popsection
    .endm

#endif
