/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first instructions of a hart.  Firmware enters in S-mode (HS) with paging off, interrupts masked
 * and a0 = hart id; for the boot hart a1 = FDT.
 *
 * Every hart enters here: the first one boots, a later one finds its struct hart by its id.  There is
 * one entry, and a1 means nothing to a later hart, because hart_start of OpenSBI 1.1 says
 * "start" before it says where: a hart that looks at that moment comes with the address and the
 * argument of the boot.
 *
 * [SBI "Hart State Management Extension", Function: hart_start]
 */
#include "lib/riscv/asm.h"
#include "lib/riscv/csr.h"

#include "hv/offsets.h"

    .section .text.boot, "ax"

FUNCTION(boot)
    csrw    sie, zero
    csrw    sscratch, zero
    lla     t0, hv_vector
    csrw    stvec, t0
    lla     t0, boot_is_claimed
    li      t1, 1
    amoswap.w.aqrl t1, t1, (t0)
    lla     tp, harts
    bnez    t1, later

    lla     t0, bss_start
    lla     t1, bss_end
1:  sd      zero, 0(t0)
    addi    t0, t0, 8
    bltu    t0, t1, 1b
    lla     sp, boot_stacks + HART_STACKS_BYTES
    j       hv_main

later:
    li      t1, HART_BYTES
2:  add     tp, tp, t1
    ld      t0, HART_ID(tp)
    bne     t0, a0, 2b
    ld      sp, HART_STACK_TOP(tp)
    j       hart_main
END(boot)

    .data
    .balign 4
boot_is_claimed:
    .word 0

    .section .stacks, "aw", @nobits
    .balign 4096
    .globl  boot_stacks
boot_stacks:
    .space  HART_STACKS_BYTES
