/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accesses that may trap, each with its entry in the exception table.  The trap overwrites sepc,
 * sstatus and hstatus, which belong to the loaded guest: callers in trap.c put them back.
 *
 * Result: a0 is 1 if the access worked, and what was read is at the address in a1.
 */
#include "lib/riscv/asm.h"
#include "lib/riscv/csr.h"

    .text

/* (u64 gva, u16 *to) */
FUNCTION(probe_fetch16)
    .option push
    .option arch, +h
1:  hlvx.hu t0, (a0)
    .option pop
    sh      t0, 0(a1)
    li      a0, 1
    ret
2:  li      a0, 0
    ret
    extable 1b, 2b
END(probe_fetch16)

/* (void) */
FUNCTION(probe_read_stimecmp)
1:  csrr    t0, CSR_STIMECMP
    li      a0, 1
    ret
2:  li      a0, 0
    ret
    extable 1b, 2b
END(probe_read_stimecmp)
