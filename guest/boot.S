/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * First instructions of a payload.  The first hart comes from the firmware or from hv with a0 its
 * id and a1 the address of the FDT; later harts from HSM hart_start with a1 the address of their
 * struct hart.  Either way: S-mode, paging off, interrupts off.
 *
 * When C begins: sp is set, .bss is zero, traps go to trap_vector on a stack of their own
 * (sscratch holds its top), the FPU is on, tp is the hart's struct hart, 0 on the first hart.
 */
#include "guest/hart.h"
#include "lib/riscv/csr.h"

.macro c_environment trap_stack_top
    csrw CSR_SIE, zero
    la t0, trap_vector
    csrw CSR_STVEC, t0
    csrw CSR_SSCRATCH, \trap_stack_top
    li t0, SSTATUS_FS_INITIAL
    csrs CSR_SSTATUS, t0
    fscsr zero
.endm

    .section .text.entry, "ax"
    .globl _start
_start:
    la t1, boot_trap_stack_top
    c_environment t1
    li tp, 0
    la sp, boot_stack_top
    la t0, _bss_start
    la t1, _bss_end
    j 2f
1:  sd zero, 0(t0)
    addi t0, t0, 8
2:  bltu t0, t1, 1b
    tail guest_main

    .text
    .globl hart_entry
hart_entry:
    ld t1, HART_TRAP_STACK_TOP(a1)
    c_environment t1
    ld sp, HART_STACK_TOP(a1)
    mv tp, a1
    mv a0, a1
    tail hart_main

    .section .stack, "aw", @nobits
    .balign 4096
    .globl boot_stack, boot_stack_top
boot_stack:
    .skip 64 * 1024
boot_stack_top:
    .skip 8 * 1024
boot_trap_stack_top:
