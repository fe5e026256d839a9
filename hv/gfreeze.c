/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a fork takes away from hardware's tables: W from all leaves but those of shared pages.
 *
 *     what `writes` says of          the fork                              later
 *     a leaf table: few lines        takes W from those lines
 *     ... more                       takes V from the pointer: FROZEN      a fault thaws it
 *     level 1: any, below the first  looks at each, as above
 *     ... few lines                  the same
 *     ... more                       takes V from the pointer: FROZEN      a fault thaws it
 *
 * Hardware takes an entry without V for nothing, whatever else it says.  Thawed is one table at a
 * time: what is in it loses W, or is frozen in turn, and then the pointer gets V back.  So a fork
 * costs what it would with little memory, and who writes only here and there afterwards never pays
 * for the rest.
 *
 * Invariant: a valid pointer has a bit in `writes` above if its table's `writes` is not empty.  A
 * frozen table's `writes` stays as it was; nobody above counts on it.
 */
#include "hv/gcache.h"

#define LINES_FEW 8U

/* What is shared keeps its W. */
static void protect_shared(pte_t *line)
{
    for (u64 i = 0; i < LINE_PTES; i++) {
        if (!(line[i].v & PTE_SHARED))
            line[i].v &= ~PTE_W;
    }
}

static void protect_leaves(const struct gstage *gs, hpa_t table)
{
    struct frame *frame = frame_of(table);
    pte_t *line = hpa_ptr(table);

    for (u64 writes = frame->writes; writes != 0; writes >>= 1, line += LINE_PTES) {
        if (!(writes & 1))
            continue;
        if (unlikely(gs->shared != NULL)) {
            protect_shared(line);
            continue;
        }
#pragma GCC unroll 8
        for (u64 i = 0; i < LINE_PTES; i++)
            line[i].v &= ~PTE_W;
    }
    frame->writes = 0;
    table_disown(table);
}

static bool is_few(u64 lines)
{
    for (u32 i = 0; i < LINES_FEW && lines != 0; i++)
        lines &= lines - 1;
    return lines == 0;
}

static bool has_leaves_only(const pte_t *line)
{
    u64 all = line[0].v & line[1].v & line[2].v & line[3].v & line[4].v & line[5].v & line[6].v &
              line[7].v;

    return (all & (PTE_V | PTE_R)) == (PTE_V | PTE_R);
}

/* A line of a table of level 1. */
static void protect_above(const struct gstage *gs, pte_t *line)
{
    if (has_leaves_only(line)) {
#pragma GCC unroll 8
        for (u64 i = 0; i < LINE_PTES; i++)
            line[i].v &= ~PTE_W;
        return;
    }
    for (u64 i = 0; i < LINE_PTES; i++) {
        if (!pte_valid(line[i]))
            continue;
        if (pte_leaf(line[i]))
            line[i].v &= ~PTE_W;
        else if (is_few(frame_of(pte_hpa(line[i]))->writes))
            protect_leaves(gs, pte_hpa(line[i]));
        else
            line[i].v &= ~PTE_V;
    }
}

static void protect_table(const struct gstage *gs, hpa_t table)
{
    struct frame *frame = frame_of(table);
    pte_t *line = hpa_ptr(table);

    for (u64 writes = frame->writes; writes != 0; writes >>= 1, line += LINE_PTES) {
        if (writes & 1)
            protect_above(gs, line);
    }
    frame->writes = 0;
}

/* A line of a root.  The first table is that of the guest's own image: it would be thawed at once.
 */
static void protect_roots_line(const struct gstage *gs, pte_t *line, bool *is_first)
{
    for (u64 i = 0; i < LINE_PTES; i++) {
        u64 writes = pte_valid(line[i]) ? frame_of(pte_hpa(line[i]))->writes : 0;

        if (writes == 0)
            continue;
        if (*is_first || is_few(writes))
            protect_table(gs, pte_hpa(line[i]));
        else
            line[i].v &= ~PTE_V;
        *is_first = false;
    }
}

void gcache_protect(struct gstage *gs)
{
    bool is_first = true;

    for (u64 i = 0; i < ROOT_FRAMES && gs->root.v != 0; i++) {
        hpa_t part = {gs->root.v + i * PAGE_BYTES};
        struct frame *frame = frame_of(part);
        pte_t *line = hpa_ptr(part);

        for (u64 writes = frame->writes; writes != 0; writes >>= 1, line += LINE_PTES) {
            if (writes & 1)
                protect_roots_line(gs, line, &is_first);
        }
        frame->writes = 0;
    }
    if (!is_first)
        gstage_fence(gs);
}

void gcache_thaw(struct gstage *gs, pte_t *entry, u32 level)
{
    if (level == 2)
        protect_table(gs, pte_hpa(*entry));
    else
        protect_leaves(gs, pte_hpa(*entry));
    set_entry(entry, (pte_t){entry->v | PTE_V});
}
