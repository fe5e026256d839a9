/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accesses that may trap, each with its entry in the exception table.  The trap overwrites sepc,
 * sstatus and hstatus, which belong to the loaded guest: callers in trap.c put them back.
 *
 * Result: a0 is 1 if the access worked, else 0.
 */
#include "lib/riscv/asm.h"
#include "lib/riscv/csr.h"

    .text

/*
 * (u64 gva, u32 *word): one instruction as a fetch of the guest sees it, the upper half zero if it is
 * compressed.  By halves, since the second one may lie on another page.
 */
FUNCTION(probe_fetch)
    .option push
    .option arch, +h
1:  hlvx.hu t0, (a0)
    not     t1, t0
    andi    t1, t1, 3
    bnez    t1, 3f
    addi    a0, a0, 2
2:  hlvx.hu t1, (a0)
    .option pop
    slli    t1, t1, 16
    or      t0, t0, t1
3:  sw      t0, 0(a1)
    li      a0, 1
    ret
4:  li      a0, 0
    ret
    extable 1b, 4b
    extable 2b, 4b
END(probe_fetch)

/* (void) */
FUNCTION(probe_read_stimecmp)
1:  csrr    t0, CSR_STIMECMP
    li      a0, 1
    ret
2:  li      a0, 0
    ret
    extable 1b, 2b
END(probe_read_stimecmp)
