/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Hardware's tables of one VM's space: a cache, for gstage.c.  See gcache.c.
 *
 * All but gcache_reap() and gcache_evict_some() are called with gs->lock held.
 */
#include "lib/riscv/pgtable.h"

#include "hv/frame.h"
#include "hv/gstage.h"

static const struct pgtable_mode sv39x4 = SV39X4_MODE;

#define PTE_DEVICE  PTE_RSW        /* a page of a device: no frame */
#define PTE_SHARED  (PTE_RSW << 1) /* SPACE_SHARED: its W does not count, and stays */
#define LEAF_SHARED (PTE_V | PTE_R | PTE_X | PTE_U | PTE_A | PTE_D)
#define LEAF_OWNED  (LEAF_SHARED | PTE_W)
#define LEAF_DEVICE (PTE_V | PTE_R | PTE_U | PTE_A | PTE_DEVICE)

#define ROOT_FRAMES (sv39x4.root_bytes / PAGE_BYTES)

#define LINE_PTES  8UL
#define LINE_BYTES (LINE_PTES * sizeof(pte_t))

/* Where an entry stands: in a table, or in one of the four frames of a root. */
static inline hpa_t table_of(const pte_t *entry)
{
    return (hpa_t){align_down((u64)entry, PAGE_BYTES)};
}

static inline u64 index_in_table(const pte_t *entry)
{
    return (u64)entry % PAGE_BYTES / sizeof(*entry);
}

/* The bit of its line in the sets of its table. */
static inline u64 line_bit(const pte_t *entry)
{
    return 1UL << (u64)entry % PAGE_BYTES / LINE_BYTES;
}

/* The 8 entries around one: as many pages as a line of the space has. */
static inline pte_t *line_of(pte_t *entry)
{
    return (pte_t *)align_down((u64)entry, LINE_BYTES);
}

/*
 * What the entry points to, a page or a table that was just filled, is there for every hart that
 * finds the entry: another vCPU of this VM may walk the tables meanwhile.
 */
static inline void set_entry(pte_t *entry, pte_t value)
{
    __atomic_store_n(&entry->v, value.v, __ATOMIC_RELEASE);
}

/* A pointer to a table that a fork has taken V from: see gfreeze.c. */
static inline bool is_frozen(pte_t entry)
{
    return (entry.v & (PTE_V | PTE_RWX)) == 0 && entry.v != 0;
}

/* The root comes into being.  False: no memory. */
__must_check bool gcache_make_root(struct gstage *gs);
/* The entry for gpa of a leaf table, or a leaf of 2 MiB (*level is 1); NULL: tables are missing, or
 * frozen. */
static inline pte_t *gcache_find(const struct gstage *gs, gpa_t gpa, u32 *level);
/* Fills an entry that is no pointer with an empty table.  False: no memory, nothing changed. */
__must_check bool gcache_make_table(struct gstage *gs, pte_t *entry);
/* Makes or thaws what is missing above the leaf for gpa.  False: no memory, nothing lost. */
__must_check bool gcache_reach(struct gstage *gs, gpa_t gpa);
/* A frozen entry points again; level: of its table. */
void gcache_thaw(struct gstage *gs, pte_t *entry, u32 level);

/* An entry is about to become valid. */
static inline void gcache_use(struct gstage *gs, const pte_t *entry);
/* A leaf at gpa has got W, or is about to, which a fork takes away again; level: of its table. */
static inline void gcache_write(const struct gstage *gs, const pte_t *entry, gpa_t gpa, u32 level);

/* The leaf table at gpa, all of whose leaves have W, becomes a leaf, if that can be. */
void gcache_join(struct gstage *gs, gpa_t gpa);
/* ... a leaf without W, if its pages are those of the chunk. */
void gcache_join_shared(struct gstage *gs, gpa_t gpa, hpa_t chunk);

/* No leaf but those of shared pages has W any more; fences. */
void gcache_protect(struct gstage *gs);
/* All tables go.  No vCPU is loaded, and none will be under the VMIDs that they have. */
void gcache_give_back(struct gstage *gs);
/* Tables that were dropped are cleaned, a few.  False: there are none. */
bool gcache_reap(void);
/* Evicts VMs, as gstage_evict(), until some tables came back.  False: none did. */
bool gcache_evict_some(void);

/* The page's leaf, if there is one, is that of a shared page. */
void gcache_share(struct gstage *gs, gpa_t gpa);
/* There is no leaf for the page; the caller fences. */
void gcache_forget(struct gstage *gs, gpa_t gpa);

void gcache_count(const struct gstage *gs, struct gstage_census *census);

/* Where the walk to gpa, whose table of level 1 is there, is at that level. */
static inline pte_t *entry_above(const struct gstage *gs, gpa_t gpa)
{
    const pte_t *root = hpa_ptr(gs->root);

    return (pte_t *)hpa_ptr(pte_hpa(root[pgtable_index(&sv39x4, gpa.v, 2)])) +
           pgtable_index(&sv39x4, gpa.v, 1);
}

static inline pte_t *entry_below(pte_t above, gpa_t gpa)
{
    return (pte_t *)hpa_ptr(pte_hpa(above)) + pgtable_index(&sv39x4, gpa.v, 0);
}

static inline pte_t *gcache_find(const struct gstage *gs, gpa_t gpa, u32 *level)
{
    const pte_t *root = hpa_ptr(gs->root);
    pte_t *above;

    *level = 0;
    if (unlikely(root == NULL) || unlikely(!pte_valid(root[pgtable_index(&sv39x4, gpa.v, 2)])))
        return NULL;
    above = entry_above(gs, gpa);
    if (unlikely((above->v & (PTE_V | PTE_R)) != PTE_V)) {
        *level = 1;
        return pte_valid(*above) ? above : NULL;
    }
    return entry_below(*above, gpa);
}

static inline void gcache_use(struct gstage *gs, const pte_t *entry)
{
    struct frame *table = frame_of(table_of(entry));

    gs->lines += (table->lines & line_bit(entry)) == 0;
    table->lines |= line_bit(entry);
}

/* The first one of a table: those above learn of it. */
static inline void note_writes(const struct gstage *gs, gpa_t gpa, u32 level)
{
    const pte_t *above = (const pte_t *)hpa_ptr(gs->root) + pgtable_index(&sv39x4, gpa.v, 2);

    frame_of(table_of(above))->writes |= line_bit(above);
    if (level > 0)
        return;
    above = entry_above(gs, gpa);
    frame_of(table_of(above))->writes |= line_bit(above);
}

static inline void gcache_write(const struct gstage *gs, const pte_t *entry, gpa_t gpa, u32 level)
{
    struct frame *table = frame_of(table_of(entry));

    if (likely(table->writes & line_bit(entry)))
        return;
    if (table->writes == 0)
        note_writes(gs, gpa, level);
    table->writes |= line_bit(entry);
}
