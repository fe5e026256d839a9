/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Address translation of a payload.  RAM, and with it the image, is at its own address.  Everything
 * physical, RAM and devices, is also in the linear map: at its address + PAGING_LINEAR.
 *
 * The early table (boot.S) has the first GiB of RAM in both places, the FDT's at its own address,
 * and nothing else.  The component paging has all of RAM, with exact rights for the image, and the
 * devices that the FDT names in the linear map only.
 */
#define PAGING_LINEAR 0xffffffc000000000
#define EARLY_INDEX   2          /* of RAM's first GiB; 256 entries on in the linear map */
#define EARLY_LEAF    0x200000ef /* 0x8000_0000, D A G X W R V */

#ifndef __ASSEMBLER__

#    include "lib/kit/err.h"
#    include "lib/kit/types.h"
#    include "lib/riscv/csr.h"

/* satp of harts that start; boot.S. */
extern u64 paging_satp;

/* Where a physical address is in the linear map. */
static inline volatile void *paging_linear(u64 address)
{
    return (volatile void *)(address + PAGING_LINEAR);
}

/* Component paging: guard pages, by the address of RAM. */
void paging_guard(void *page);
void paging_unguard(void *page);
bool paging_is_guard(u64 address);

/* Switch translation off for this hart, and for those that start later: for who brings tables of
 * its own, or wants none. */
static inline void paging_off(void)
{
    paging_satp = 0;
    csr_write(CSR_SATP, 0);
    __asm__ volatile("sfence.vma" ::: "memory");
}

#endif
