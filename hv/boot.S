/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first instructions of a hart.  Firmware enters in S-mode (HS) with paging off and interrupts
 * masked: the boot hart at the start of the image with a0 = hart id, a1 = FDT; a later one at
 * boot_later_hart with a0 = hart id, a1 = its struct hart.
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
    lla     t0, bss_start
    lla     t1, bss_end
1:  sd      zero, 0(t0)
    addi    t0, t0, 8
    bltu    t0, t1, 1b
    lla     sp, boot_stacks + HART_STACKS_BYTES
    lla     tp, harts
    j       hv_main
END(boot)

FUNCTION(boot_later_hart)
    csrw    sie, zero
    csrw    sscratch, zero
    lla     t0, hv_vector
    csrw    stvec, t0
    mv      tp, a1
    ld      sp, HART_STACK_TOP(tp)
    j       hart_main
END(boot_later_hart)

    .section .stacks, "aw", @nobits
    .balign 4096
    .globl  boot_stacks
boot_stacks:
    .space  HART_STACKS_BYTES
