/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * First instructions of a payload.  The first hart comes from the firmware or from hv with a0 its
 * id and a1 the address of the FDT; later harts from HSM hart_start with a1 the address of their
 * struct hart.  Either way: S-mode, translation off, interrupts off.
 *
 * When C begins: sp and tp are set, .bss is zero, traps go to trap_vector (sscratch is the thread's
 * frame), the FPU is on and clean, and translation is on, by the early table: one page of the image
 * with two leaves of 1 GiB, which show the first GiB of RAM at its own address and at paging.h's
 * linear map, and a third one for the FDT where that lies further up.
 * Devices are in none.  The component paging replaces it.
 */
#include "guest/hart.h"
#include "guest/paging.h"
#include "guest/thread.h"
#include "lib/riscv/csr.h"

/* tp is set. */
.macro c_environment
    csrw CSR_SIE, zero
    la t0, trap_vector
    csrw CSR_STVEC, t0
    addi t0, tp, -THREAD_BYTES
    csrw CSR_SSCRATCH, t0
    li t0, SSTATUS_FS
    csrs CSR_SSTATUS, t0
    fscsr zero
    li t0, SSTATUS_FS_INITIAL
    csrc CSR_SSTATUS, t0 /* dirty -> clean */
    la t0, paging_satp
    ld t0, 0(t0)
    csrw CSR_SATP, t0
    sfence.vma
.endm

/* From \from to \to, both multiples of 32. */
.macro clear from, to
    j 2f
1:  sd zero, 0(\from)
    sd zero, 8(\from)
    sd zero, 16(\from)
    sd zero, 24(\from)
    addi \from, \from, 32
2:  bltu \from, \to, 1b
.endm

    .section .entry, "ax"
    .globl _start
_start:
    csrr s0, CSR_TIME
    la t0, _bss_start
    la t1, _bss_end
    clear t0, t1
    la sp, boot_stack_top
    la tp, boot_tls
    la t1, boot_trap_stack_top
    sd t1, TRAP_STACK-THREAD_BYTES(tp)

    la t0, guest_started
    sd s0, 0(t0)
    la t0, early_table
    /* the FDT's GiB, if that is a later one: with much RAM, QEMU 10 puts it at its end */
    srli t1, a1, 30
    li t2, EARLY_INDEX
    bleu t1, t2, 3f
    andi t1, t1, 255
    slli t2, t1, 28
    ori t2, t2, EARLY_LEAF & 0xff
    slli t1, t1, 3
    add t1, t1, t0
    sd t2, 0(t1)
3:  srli t0, t0, 12
    li t1, SATP_MODE_SV39
    or t0, t0, t1
    la t1, paging_satp
    sd t0, 0(t1)
    c_environment
    tail guest_main

    .text
    .globl hart_entry
hart_entry:
    ld t0, HART_THREAD(a1)
    addi tp, t0, THREAD_BYTES
    c_environment
    ld sp, HART_STACK_TOP(a1)
    mv a0, a1
    tail hart_main

    /* Written to only where the FDT is not in RAM's first GiB. */
    .section .early_table, "aw"
    .balign 4096
early_table:
    .skip 8 * EARLY_INDEX
    .dword EARLY_LEAF
    .org early_table + 2048 + 8 * EARLY_INDEX
    .dword EARLY_LEAF
    .org early_table + 4096

    .section .boot_thread, "aw", @nobits
    .balign 16
    .skip THREAD_BYTES
