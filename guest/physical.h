/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Devices at their physical addresses, whatever tables there are: translation is off for the
 * access, and interrupts are, since who runs next would find it off.  RAM, with the image and the
 * stack, is at the same address either way.
 */
#include "lib/kit/types.h"
#include "lib/riscv/csr.h"

struct physical {
    u64 satp;
    u64 interrupts;
};

static inline struct physical physical_begin(void)
{
    struct physical before;

    __asm__ volatile("csrrci %0, " CSR_STR(CSR_SSTATUS) ", %1"
                     : "=r"(before.interrupts)
                     : "i"(SSTATUS_SIE)
                     : "memory");
    before.satp = csr_read(CSR_SATP);
    csr_write(CSR_SATP, 0);
    return before;
}

static inline void physical_end(struct physical before)
{
    csr_write(CSR_SATP, before.satp);
    csr_set(CSR_SSTATUS, before.interrupts & SSTATUS_SIE);
}
