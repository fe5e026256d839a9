/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Addresses as types, so that one kind cannot be passed for another, and the instructions that C
 * has no words for.  hv runs with HPA == pointer; host tests use their own memory as physical
 * memory.
 */
#include "lib/kit/types.h"

typedef struct {
    u64 v;
} gva_t; /* guest virtual: translated by the VS-stage */
typedef struct {
    u64 v;
} gpa_t; /* guest physical: translated by the G-stage */
typedef struct {
    u64 v;
} hpa_t; /* host physical */

#define PAGE_BYTES 4096UL
#define PAGE_SHIFT 12

static inline void *hpa_ptr(hpa_t hpa)
{
    return (void *)hpa.v;
}

static inline hpa_t hpa_of(const void *p)
{
    return (hpa_t){(u64)p};
}

/* What an access wants to do: the R, W and X bits of a PTE. */
enum access { ACCESS_READ = 1 << 1, ACCESS_WRITE = 1 << 2, ACCESS_EXEC = 1 << 3 };

/* Waits until an interrupt that is enabled pends, also while interrupts are masked; or not. */
#ifdef __riscv
static inline void wfi(void)
{
    __asm__ volatile("wfi" ::: "memory");
}
#else
void wfi(void);
#endif
