/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hardware's tables of a VM: a cache of its space, an Sv39x4 tree of tables that are its own.
 *
 *     root (16 KiB)    level 1    leaf tables          PTE of a leaf
 *     [0, 1536)        512        512                  R W X    the page is this VM's alone, or
 *     [1536, 2048)                                              shared (PTE_SHARED)
 *       the log                                        R - X    somebody else may have it too
 *                                                      R        a device of the machine
 *
 * Invariant: a valid leaf says what the space says (gstage.c), and W is there only where the line
 * of the space is this VM's alone and the frame counts one, or is shared.  Nothing else is known
 * of the tables' contents: they may go at any time, and a fault brings what is needed.  A VM that
 * has none is loaded with a root that is empty, `nowhere`; its first fault brings its own.
 *
 * So that neither a fork nor an end looks at what was never filled, the root has a log of lines, of
 * 8 entries each, where no address of a guest's leads.  Hardware takes an entry without V for
 * nothing, whatever else it says:
 *
 *     lines     a line's address, and LINE_ABOVE if it is not of a leaf table: in use
 *     writes    the same: some entry has W that a fork takes
 *
 * A line is logged before its first entry becomes valid, one of a table behind that with the
 * pointer to the table: so the log read backwards empties a table before the table is given back.
 * Where there was no room in a log, it is of no use: all tables below the root are dropped as they
 * are, and cleaned later, a slice at a time.
 *
 * Leaves of 2 MiB, which the manual calls megapages: a table all of whose leaves have W, their
 * frames in one piece, becomes one leaf.  Nothing is copied for it.  So does one of which much was
 * read, but that leaf has no W.
 *
 * Fences: an entry of level 1 changes between a leaf and a pointer.  Translations stay what they
 * were, but a fence with an address is for leaves only: the whole VM is fenced, before a table is
 * used for something else.
 *
 * [PRIV "Two-Stage Address Translation", "Hypervisor Memory-Management Instructions"]
 */
#include "hv/gcache.h"

#include "lib/kit/list.h"

_Static_assert(CHUNK_FRAMES == TABLE_ENTRIES, "a leaf table maps what a chunk holds");
_Static_assert(LINE_PTES == 1UL << SPACE_LINE_SHIFT, "a line of a table is one of the space");
_Static_assert(LOG_FIRST + LINES_MAX <= LOG_WRITES, "the logs do not overlap");

/* From a leaf to that of the page behind it. */
#define PTE_NEXT (1UL << PTE_PPN_SHIFT)
#define LOG_LINE (~(LINE_BYTES - 1))

#define WRITES_KEPT 8 /* the first since the last fork: the stack, and what was written first */

#define NONE (FRAME_SPARE - 1) /* the end of the list, where a frame has its state otherwise */

/* What a VM without tables is loaded with. */
static pte_t nowhere[2048] __attribute__((aligned(16384)));

/* Those that have a root. */
static struct {
    struct spinlock lock; /* behind a VM's; the other way round only by trying */
    struct list list;     /* whom a clock's hand comes to next is first */
} roots = {
    .list = {&roots.list, &roots.list}
};

/* Tables of level 1, with the leaf tables below, as they were left. */
static struct {
    struct spinlock lock;
    u32 first; /* as index_of() says; linked by next_dropped */
} dropped = {.first = NONE};

static u32 index_of(hpa_t table)
{
    return (u32)((table.v - chunk_base) >> PAGE_SHIFT);
}

static hpa_t table_at(u32 index)
{
    return (hpa_t){chunk_base + ((u64)index << PAGE_SHIFT)};
}

static u64 *log_of(hpa_t root)
{
    return (u64 *)hpa_ptr(root) + LOG_FIRST;
}

static u64 *writes_of(hpa_t root)
{
    return (u64 *)hpa_ptr(root) + LOG_WRITES;
}

/* ---- making ---- */

bool gcache_make_root(struct gstage *gs)
{
    hpa_t root = table_alloc_root();

    if (root.v == 0)
        return false;
    gs->lines = 0;
    gs->writes = 0;
    spin_lock(&roots.lock);
    list_add_tail(&roots.list, &gs->has_root);
    spin_unlock(&roots.lock);
    __atomic_store_n(&gs->root.v, root.v, __ATOMIC_SEQ_CST);
    return true;
}

bool gcache_make_table(struct gstage *gs, pte_t *entry, u32 level)
{
    hpa_t below = table_alloc(), table = level == 2 ? gs->root : table_of(entry);

    if (below.v == 0)
        return false;
    gcache_log(gs, line_of(entry), level);
    set_entry(entry, pte_of(below, PTE_V));
    table_use(table, (u64)(entry - (pte_t *)hpa_ptr(table)));
    return true;
}

void gcache_log_another(struct gstage *gs, u64 entry)
{
    u64 *log = writes_of(gs->root);

    for (u32 i = 0; i < gs->writes; i++) {
        if (log[i] == entry)
            return;
    }
    if (gs->writes < WRITES_MAX)
        log[gs->writes] = entry;
    gs->writes++;
}

/* ---- giving back ---- */

/* Empties a line; tables that it points to are clean, and go. */
static void clean_line(u64 *line, bool is_above)
{
    for (u64 i = 0; i < LINE_PTES && is_above; i++) {
        hpa_t below = pte_hpa((pte_t){line[i]});

        if ((line[i] & (PTE_V | PTE_RWX)) != PTE_V)
            continue;
        table_release(below);
        table_free(below);
    }
    for (u64 i = 0; i < LINE_PTES; i++)
        line[i] = 0;
}

static void clean_by_log(hpa_t root, u32 lines)
{
    const u64 *log = log_of(root);

    while (lines-- > 0)
        clean_line(hpa_ptr((hpa_t){log[lines] & LOG_LINE}), log[lines] & LINE_ABOVE);
}

/*
 * Takes all tables off the root, and then, when no hart walks them any more, leaves them to
 * gcache_reap().
 */
static void drop(struct gstage *gs, hpa_t root)
{
    struct frame *span = frame_of(root);
    pte_t *entry = hpa_ptr(root);
    u32 first = NONE;
    hpa_t last = {0};

    for (u32 i = span->first; i < span->end; i++) {
        hpa_t table = pte_hpa(entry[i]);

        if (!pte_valid(entry[i]))
            continue;
        entry[i] = (pte_t){0};
        if (first == NONE)
            last = table;
        frame_of(table)->next_dropped = first;
        first = index_of(table);
    }
    gs->lines = 0;
    gs->writes = 0;
    gstage_fence(gs);
    if (first == NONE)
        return;
    spin_lock(&dropped.lock);
    frame_of(last)->next_dropped = dropped.first;
    dropped.first = first;
    spin_unlock(&dropped.lock);
}

/* The lock of the list is held, and no vCPU is loaded with this root. */
static void give_back(struct gstage *gs, hpa_t root)
{
    list_del(&gs->has_root);
    if (gs->lines > LINES_MAX)
        drop(gs, root);
    else
        clean_by_log(root, gs->lines);
    gs->lines = 0;
    gs->writes = 0;
    table_free_root(root);
}

void gcache_give_back(struct gstage *gs)
{
    hpa_t root = gs->root;

    if (root.v == 0)
        return;
    gs->root.v = 0;
    spin_lock(&roots.lock);
    give_back(gs, root);
    spin_unlock(&roots.lock);
}

#define REAP_TABLES 8 /* in a slice */

/* Cleans leaf tables below; true: there are no more. */
static bool reap_below(hpa_t table)
{
    struct frame *span = frame_of(table);
    pte_t *entry = hpa_ptr(table);
    u32 count = 0;

    for (; span->first < span->end; span->first++) {
        pte_t was = entry[span->first];

        if (count == REAP_TABLES)
            return false;
        entry[span->first] = (pte_t){0};
        if (!pte_valid(was) || pte_leaf(was))
            continue;
        page_zero(pte_hpa(was));
        table_release(pte_hpa(was));
        table_free(pte_hpa(was));
        count++;
    }
    return true;
}

bool gcache_reap(void)
{
    u32 index;

    if (dropped.first == NONE)
        return false;
    spin_lock(&dropped.lock);
    index = dropped.first;
    if (index != NONE)
        dropped.first = frame_of(table_at(index))->next_dropped;
    spin_unlock(&dropped.lock);
    if (index == NONE)
        return false;
    if (reap_below(table_at(index))) {
        table_free(table_at(index));
        return true;
    }
    spin_lock(&dropped.lock);
    frame_of(table_at(index))->next_dropped = dropped.first;
    dropped.first = index;
    spin_unlock(&dropped.lock);
    return true;
}

/* ---- evicting ---- */

/*
 * gstage_load - the root with which a vCPU gets onto this hart, by vmid_load().
 *
 * `running` is set before the root is read; evict() takes the root away before it reads `running`:
 * one of the two sees the other.
 */
hpa_t gstage_load(struct gstage *gs, u32 vcpu)
{
    hpa_t root;

    __atomic_store_n(&gs->vmid[vcpu].running, 1, __ATOMIC_SEQ_CST);
    root.v = __atomic_load_n(&gs->root.v, __ATOMIC_SEQ_CST);
    return root.v == 0 ? hpa_of(nowhere) : root;
}

static bool is_running(const struct gstage *gs)
{
    for (u32 i = 0; i < gs->vcpus; i++) {
        if (__atomic_load_n(&gs->vmid[i].running, __ATOMIC_SEQ_CST))
            return true;
    }
    return false;
}

/* Both locks are held. */
static bool evict(struct gstage *gs)
{
    hpa_t root = gs->root;

    if (root.v == 0)
        return false;
    __atomic_store_n(&gs->root.v, 0, __ATOMIC_SEQ_CST);
    if (is_running(gs)) {
        __atomic_store_n(&gs->root.v, root.v, __ATOMIC_SEQ_CST);
        return false;
    }
    gstage_fence(gs);
    give_back(gs, root);
    return true;
}

bool gstage_evict(struct gstage *gs)
{
    bool is_evicted;

    if (!spinword_try(&gs->lock.held))
        return false;
    spin_lock(&roots.lock);
    is_evicted = evict(gs);
    spin_unlock(&roots.lock);
    spin_unlock(&gs->lock);
    return is_evicted;
}

#define EVICT_LOOKS 256 /* VMs that are looked at; the hand goes on there the next time */
#define EVICT_ENDS  8   /* those that are enough */

bool gcache_evict_some(void)
{
    u32 count = 0;

    spin_lock(&roots.lock);
    for (u32 i = 0; i < EVICT_LOOKS && count < EVICT_ENDS && !list_empty(&roots.list); i++) {
        struct list *node = roots.list.next;
        struct gstage *gs = container_of(node, struct gstage, has_root);

        list_del(node);
        list_add_tail(&roots.list, node);
        if (!spinword_try(&gs->lock.held))
            continue;
        count += evict(gs);
        spin_unlock(&gs->lock);
    }
    spin_unlock(&roots.lock);
    return count > 0;
}

/* ---- what a fork takes away ---- */

/* What is shared keeps its W. */
static void protect_shared(u64 *line)
{
    for (u64 i = 0; i < LINE_PTES; i++) {
        if (!(line[i] & PTE_SHARED))
            line[i] &= ~PTE_W;
    }
}

/*
 * keeps: what is in the line is likely to be read soon.  Otherwise it is quicker to empty it, and
 * to fill it again when it is written.
 */
static inline void protect_line(const struct gstage *gs, u64 *line, bool keeps)
{
    if (unlikely(gs->shared != NULL)) {
        protect_shared(line);
    } else if (keeps) {
#pragma GCC unroll 8
        for (u64 i = 0; i < LINE_PTES; i++)
            line[i] &= ~PTE_W;
    } else {
#pragma GCC unroll 8
        for (u64 i = 0; i < LINE_PTES; i++)
            line[i] = 0;
    }
}

void gcache_protect(struct gstage *gs)
{
    const u64 *log = writes_of(gs->root);
    hpa_t table = {0};

    if (gs->writes == 0)
        return;
    if (gs->writes > WRITES_MAX) {
        drop(gs, gs->root);
        return;
    }
    for (u32 i = 0; i < gs->writes; i++) {
        u64 *line = hpa_ptr((hpa_t){log[i] & LOG_LINE});

        protect_line(gs, line, i < WRITES_KEPT || (log[i] & LINE_ABOVE));
        if (table.v != align_down((u64)line, PAGE_BYTES)) {
            table.v = align_down((u64)line, PAGE_BYTES);
            table_disown(table);
        }
    }
    gs->writes = 0;
    gstage_fence(gs);
}

/* ---- what sharing changes ---- */

/* A leaf of 2 MiB stays as it is: the next fork takes its W, and then the space says the rest. */
void gcache_share(struct gstage *gs, gpa_t gpa)
{
    u32 level;
    pte_t *entry = gcache_find(gs, gpa, &level);

    if (entry == NULL || level > 0 || (entry->v & (PTE_W | PTE_SHARED)) != PTE_W)
        return;
    entry->v |= PTE_SHARED;
    table_disown_one(table_of(entry));
}

void gcache_forget(struct gstage *gs, gpa_t gpa)
{
    u32 level;
    pte_t *entry = gcache_find(gs, gpa, &level);

    if (entry == NULL)
        return;
    if (level == 0 && (entry->v & (PTE_W | PTE_SHARED)) == PTE_W)
        table_disown_one(table_of(entry));
    set_entry(entry, (pte_t){0});
}

/* ---- leaves of 2 MiB ---- */

static bool is_in_one_piece(const pte_t *entry)
{
    u64 expected = entry->v;

    if (pte_hpa(*entry).v % CHUNK_BYTES != 0)
        return false;
    for (const pte_t *end = entry + TABLE_ENTRIES; entry < end; entry++) {
        if (entry->v != expected)
            return false;
        expected += PTE_NEXT;
    }
    return true;
}

/* What remains of a log of *count entries without the lines of a table. */
static void forget_lines(u64 *log, u32 count, hpa_t table, u32 *kept)
{
    *kept = 0;
    for (u32 i = 0; i < count; i++) {
        if (align_down(log[i] & LOG_LINE, PAGE_BYTES) != table.v)
            log[(*kept)++] = log[i];
    }
}

void gcache_set_megapage(struct gstage *gs, pte_t *above, pte_t leaf)
{
    hpa_t table = pte_hpa(*above);

    if (gs->lines <= LINES_MAX)
        forget_lines(log_of(gs->root), gs->lines, table, &gs->lines);
    if (gs->writes <= WRITES_MAX)
        forget_lines(writes_of(gs->root), gs->writes, table, &gs->writes);
    if (leaf.v & PTE_W)
        gcache_log_write(gs, line_of(above), 1);
    set_entry(above, leaf);
    gstage_fence(gs);
    page_zero(table);
    table_release(table);
    table_free(table);
}

void gcache_join(struct gstage *gs, pte_t *above)
{
    const pte_t *first = hpa_ptr(pte_hpa(*above));

    if (is_in_one_piece(first))
        gcache_set_megapage(gs, above, *first);
}

/* The pages of a region are frames of a chunk, in their order. */
static bool space_is_in_one_piece(const struct gstage *gs, u64 first, u64 chunk)
{
    bool alone;

    for (u64 page = 0; page < CHUNK_FRAMES; page += SPACE_LINE) {
        const u64 *line = space_line(&gs->space, first + page, &alone);

        for (u64 i = 0; line != NULL && i < SPACE_LINE; i++) {
            if (line[i] != chunk + ((page + i) << PAGE_SHIFT))
                return false;
        }
        if (line == NULL)
            return false;
    }
    return true;
}

void gcache_join_shared(struct gstage *gs, pte_t *above, u64 first, hpa_t chunk)
{
    if (space_is_in_one_piece(gs, first, chunk.v))
        gcache_set_megapage(gs, above, pte_of(chunk, LEAF_SHARED));
}

/* ---- the census ---- */

static void count_leaves(hpa_t table, struct gstage_census *census)
{
    const pte_t *entry = hpa_ptr(table);

    for (u64 i = 0; i < TABLE_ENTRIES; i++)
        census->leaves_4k += (entry[i].v & (PTE_V | PTE_DEVICE)) == PTE_V;
}

static void count_below(hpa_t table, u32 level, struct gstage_census *census)
{
    const struct frame *span = frame_of(table);
    const pte_t *entry = hpa_ptr(table);

    if (level == 0) {
        count_leaves(table, census);
        return;
    }
    for (u64 i = span->first; i < span->end; i++) {
        if (!pte_valid(entry[i]))
            continue;
        if (pte_leaf(entry[i])) {
            census->leaves_2m++;
        } else {
            census->owned++;
            count_below(pte_hpa(entry[i]), level - 1, census);
        }
    }
}

void gcache_count(const struct gstage *gs, struct gstage_census *census)
{
    if (gs->root.v == 0)
        return;
    census->owned += sv39x4.root_bytes / PAGE_BYTES;
    count_below(gs->root, sv39x4.levels - 1, census);
}
