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

#define LINE_PTES  8UL
#define LINE_BYTES (LINE_PTES * sizeof(pte_t))

/* Where an entry of a table that is not a root stands. */
static inline hpa_t table_of(const pte_t *entry)
{
    return (hpa_t){align_down((u64)entry, PAGE_BYTES)};
}

static inline u64 index_in_table(const pte_t *entry)
{
    return (u64)entry % PAGE_BYTES / sizeof(*entry);
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

/* The root comes into being.  False: no memory. */
__must_check bool gcache_make_root(struct gstage *gs);
/* The entry for gpa of a leaf table, or a leaf of 2 MiB (*level is 1); NULL: tables are missing. */
static inline pte_t *gcache_find(const struct gstage *gs, gpa_t gpa, u32 *level);
/* Fills an entry that is no pointer with an empty table; level: of the entry's table.  False: no
 * memory, nothing changed. */
__must_check bool gcache_make_table(struct gstage *gs, pte_t *entry, u32 level);

/* An entry of a line is about to become valid. */
static inline void gcache_log(struct gstage *gs, const pte_t *line, u32 level);
/* An entry of a line has got W, or is about to, which a fork takes away again. */
static inline void gcache_log_write(struct gstage *gs, const pte_t *line, u32 level);
/* ... that is not the last one of the log. */
void gcache_log_another(struct gstage *gs, u64 entry);

/* The leaf table below *above, all of whose leaves have W, becomes a leaf, if that can be. */
void gcache_join(struct gstage *gs, pte_t *above);
/* ... a leaf without W, if the pages from `first` on are those of the chunk. */
void gcache_join_shared(struct gstage *gs, pte_t *above, u64 first, hpa_t chunk);
/* The leaf table below *above becomes this leaf, which says the same. */
void gcache_set_megapage(struct gstage *gs, pte_t *above, pte_t leaf);

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

/* A root's entries from here on are beyond all memory: the log. */
#define LOG_FIRST  1536UL
#define LOG_WRITES (2048UL - WRITES_MAX)
#define WRITES_MAX 64U  /* lines with W that are taken away one by one */
#define LINES_MAX  128U /* lines in use that are cleaned one by one */
#define LINES_LOST (LINES_MAX + 1)
#define LINE_ABOVE 2UL /* flag of a logged line: its entries may be pointers */

static inline void gcache_log(struct gstage *gs, const pte_t *line, u32 level)
{
    if (gs->lines > LINES_MAX)
        return;
    if ((line[0].v | line[1].v | line[2].v | line[3].v | line[4].v | line[5].v | line[6].v |
         line[7].v) != 0)
        return;
    if (gs->lines < LINES_MAX)
        ((u64 *)hpa_ptr(gs->root))[LOG_FIRST + gs->lines] =
            (u64)line | (level > 0 ? LINE_ABOVE : 0);
    gs->lines++;
}

static inline void gcache_log_write(struct gstage *gs, const pte_t *line, u32 level)
{
    const u64 *log = (const u64 *)hpa_ptr(gs->root) + LOG_WRITES;
    u64 entry = (u64)line | (level > 0 ? LINE_ABOVE : 0);

    if (gs->writes > WRITES_MAX || (gs->writes > 0 && likely(log[gs->writes - 1] == entry)))
        return;
    gcache_log_another(gs, entry);
}

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
