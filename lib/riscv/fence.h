/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Translation: which tables this hart uses, and its fences.  Host tests bring their own
 * definitions: a model TLB that forgets only what these name.  [PRIV "Hypervisor Memory-Management
 * Instructions"]
 */
#include "lib/riscv/csr.h"
#include "lib/riscv/ops.h"

#ifdef __riscv

/* Orders earlier stores to G-stage tables before later translations of gpa under vmid. */
static inline void hfence_gvma_page(gpa_t gpa, u64 vmid)
{
    __asm__ volatile(".option push\n.option arch, +h\nhfence.gvma %0, %1\n.option pop"
                     :
                     : "r"(gpa.v >> 2), "r"(vmid)
                     : "memory");
}

/* ... of every address under vmid. */
static inline void hfence_gvma_vmid(u64 vmid)
{
    __asm__ volatile(".option push\n.option arch, +h\nhfence.gvma zero, %0\n.option pop"
                     :
                     : "r"(vmid)
                     : "memory");
}

/* ... of every address under every VMID. */
static inline void hfence_gvma_all(void)
{
    __asm__ volatile(".option push\n.option arch, +h\nhfence.gvma\n.option pop" ::: "memory");
}

/* Forgets every VS-stage translation under the VMID that hgatp holds. */
static inline void hfence_vvma_all(void)
{
    __asm__ volatile(".option push\n.option arch, +h\nhfence.vvma\n.option pop" ::: "memory");
}

static inline void hgatp_write(u64 value)
{
    csr_write(CSR_HGATP, value);
}

static inline void vsatp_write(u64 value)
{
    csr_write(CSR_VSATP, value);
}

static inline u64 hgatp_read(void)
{
    return csr_read(CSR_HGATP);
}

static inline u64 vsatp_read(void)
{
    return csr_read(CSR_VSATP);
}

/* Later fetches of this hart see earlier stores. */
static inline void fence_i(void)
{
    __asm__ volatile("fence.i" ::: "memory");
}

#else

void hfence_gvma_page(gpa_t gpa, u64 vmid);
void hfence_gvma_vmid(u64 vmid);
void hfence_gvma_all(void);
void hfence_vvma_all(void);
void fence_i(void);
void hgatp_write(u64 value);
void vsatp_write(u64 value);
u64 hgatp_read(void);
u64 vsatp_read(void);

#endif
