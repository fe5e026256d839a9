/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What runs in the VMs of kvmbench.c, in VS-mode, wherever it lies.  s1 is an address without memory:
 * a store there is an exit to user space, and carries a result.  s2 is how often, s3 where.
 */
    .option norvc
    .section .rodata
    .balign 8
    .globl guest_begin, guest_end, guest_first, guest_call, guest_store, guest_touch
guest_begin:
guest_first:            /* the time of its first instruction */
    rdtime t0
    sd t0, 0(s1)
    j .
guest_call:             /* SBI calls */
    li a7, 0x10
    li a6, 0
    ecall
    addi s2, s2, -1
    bnez s2, guest_call
    sd s2, 0(s1)
    j .
guest_store:            /* as many exits */
    sd s2, 0(s1)
    addi s2, s2, -1
    j guest_store
guest_touch:            /* a store in each page */
    li t1, 4096
1:  sd s2, 0(s3)
    add s3, s3, t1
    addi s2, s2, -1
    bnez s2, 1b
    sd s2, 0(s1)
    j .
guest_end:
