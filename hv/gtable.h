/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The entries of a G-stage table, to those who change them: gstage.c, gtree.c and megapage.c. */
#include "lib/riscv/pgtable.h"

static const struct pgtable_mode sv39x4 = SV39X4_MODE;

#define LEAF_SHARED (PTE_V | PTE_R | PTE_X | PTE_U | PTE_A | PTE_D)
#define LEAF_OWNED  (LEAF_SHARED | PTE_W)
#define PTE_DEVICE  PTE_RSW
#define LEAF_DEVICE (PTE_V | PTE_R | PTE_U | PTE_A | PTE_DEVICE)

/* Where an entry of a table that is not a root stands. */
static inline hpa_t table_of(const pte_t *entry)
{
    return (hpa_t){align_down((u64)entry, PAGE_BYTES)};
}

static inline u64 index_in_table(const pte_t *entry)
{
    return (u64)entry % PAGE_BYTES / sizeof(*entry);
}

/*
 * What the entry points to, a page or a table that was just filled, is there for every hart that
 * finds the entry: another vCPU of this VM may walk the tables meanwhile.
 */
static inline void set_entry(pte_t *entry, pte_t value)
{
    __atomic_store_n(&entry->v, value.v, __ATOMIC_RELEASE);
}
