/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From one task to another, interrupts off.  A task that calls for it keeps what a function call
 * keeps; one that was preempted has everything in its frame, and goes on at context_preempted.
 *
 * Both come back with a0 = who ran before.
 */
#include "guest/thread.h"
#include "lib/riscv/csr.h"

    .text
    .globl context_switch, context_load, context_preempted

/* context_switch(from, to, to's tp) */
context_switch:
    sd ra, 0 * 8(a0)
    sd sp, 1 * 8(a0)
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    sd s\n, (2 + \n) * 8(a0)
    .endr

/* context_load(from, to, to's tp): from is not saved. */
context_load:
    mv tp, a2
    addi t0, a2, -THREAD_BYTES
    csrw CSR_SSCRATCH, t0
    ld ra, 0 * 8(a1)
    ld sp, 1 * 8(a1)
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    ld s\n, (2 + \n) * 8(a1)
    .endr
    ret

/* s0: the frame.  It goes on from the trap that it was preempted in, on the hart's trap stack. */
context_preempted:
    csrw CSR_SSCRATCH, zero
    ld sp, TRAP_STACK(s0)
    call core_resume
    mv a0, s0
    tail trap_return
