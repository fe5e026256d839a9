/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Page tables of any geometry: Sv39 and Sv39x4 are two constants fed to one walker.
 *
 *      63    54 53                  10 9 8 7 6 5 4 3 2 1 0
 *     +--------+----------------------+---+-+-+-+-+-+-+-+-+
 *     |   0    |         PPN          |RSW|D|A|G|U|X|W|R|V|
 *     +--------+----------------------+---+-+-+-+-+-+-+-+-+
 *
 * A table is 512 entries (the root of Sv39x4: 2048) indexed by 9 bits of the address a level,
 * level 0 maps 4 KiB.  An entry with V and none of R, W, X points to the next table.
 *
 * Everything here is mechanism: who owns a frame and which fence follows is the caller's.
 * [PRIV "Sv39: Page-Based 39-bit Virtual-Memory System", "Two-Stage Address Translation"]
 */
#include "lib/riscv/ops.h"

typedef struct {
    u64 v;
} pte_t;

#define PTE_V   (1UL << 0)
#define PTE_R   (1UL << 1)
#define PTE_W   (1UL << 2)
#define PTE_X   (1UL << 3)
#define PTE_U   (1UL << 4)
#define PTE_G   (1UL << 5)
#define PTE_A   (1UL << 6)
#define PTE_D   (1UL << 7)
#define PTE_RSW (1UL << 8) /* one of two bits that are software's, in each entry */
#define PTE_RWX (PTE_R | PTE_W | PTE_X)
#define PTE_PPN (((1UL << 44) - 1) << 10)

#define PTE_PPN_SHIFT 10
#define TABLE_ENTRIES 512UL

struct pgtable_mode {
    u32 levels;
    u32 root_entries;
    u64 root_bytes; /* size and alignment of the root */
};

#define SV39_MODE   ((struct pgtable_mode){.levels = 3, .root_entries = 512, .root_bytes = 4096})
#define SV39X4_MODE ((struct pgtable_mode){.levels = 3, .root_entries = 2048, .root_bytes = 16384})

static inline pte_t pte_of(hpa_t hpa, u64 bits)
{
    return (pte_t){(hpa.v >> PAGE_SHIFT << PTE_PPN_SHIFT) | bits};
}

/* Bits 63:54 are zero in every table that we write. */
static inline hpa_t pte_hpa(pte_t pte)
{
    return (hpa_t){pte.v >> PTE_PPN_SHIFT << PAGE_SHIFT};
}

static inline bool pte_valid(pte_t pte)
{
    return (pte.v & PTE_V) != 0;
}

static inline bool pte_leaf(pte_t pte)
{
    return (pte.v & PTE_RWX) != 0;
}

/* Bytes that one entry of a table at `level` maps. */
static inline u64 pgtable_entry_bytes(u32 level)
{
    return PAGE_BYTES << (9 * level);
}

/* The index of addr's entry in a table at `level`. */
static inline u64 pgtable_index(const struct pgtable_mode *mode, u64 addr, u32 level)
{
    u64 entries = level == mode->levels - 1 ? mode->root_entries : TABLE_ENTRIES;

    return (addr >> (PAGE_SHIFT + 9 * level)) & (entries - 1);
}

/*
 * pgtable_find - the entry that decides about addr: a leaf, or the invalid entry at which the walk
 * ends; *level is the level of the table that holds it.
 */
static inline pte_t *pgtable_find(const struct pgtable_mode *mode, hpa_t root, u64 addr, u32 *level)
{
    u32 at = mode->levels - 1;
    pte_t *entry = (pte_t *)hpa_ptr(root) + pgtable_index(mode, addr, at);

    while (at > 0 && pte_valid(*entry) && !pte_leaf(*entry)) {
        at--;
        entry = (pte_t *)hpa_ptr(pte_hpa(*entry)) + pgtable_index(mode, addr, at);
    }
    *level = at;
    return entry;
}
