/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hardware's tables of a VM: a cache of its space, an Sv39x4 tree of tables that are its own.
 *
 *     root (16 KiB)    level 1    leaf tables          PTE of a leaf
 *     2048             512        512                  R W X    the page is this VM's alone, or
 *                                                               shared (PTE_SHARED)
 *                                                      R - X    somebody else may have it too
 *                                                      R        a device of the machine
 *
 * Invariant: a valid leaf says what the space says (gstage.c), and W is there only where the line
 * of the space is this VM's alone and the frame counts one, or is shared.  Nothing else is known
 * of the tables' contents: they may go at any time, and a fault brings what is needed.  A VM that
 * has none is loaded with a root that is empty, `nowhere`; its first fault brings its own.
 *
 * So that neither a fork nor an end looks at what was never filled, each table, and each frame of a
 * root, has two sets of its lines, of 8 entries each:
 *
 *     lines     some entry is not 0
 *     writes    some leaf may have W that a fork takes, or some valid entry points to a table whose
 *               `writes` is not empty; each is in `lines`
 *
 * What a fork does with them is in gfreeze.c.
 *
 * Tables with much in them are dropped as they are when they go, and cleaned later, a slice at a
 * time.
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
_Static_assert(TABLE_ENTRIES == 64 * LINE_PTES, "a table's lines are a u64");

/* From a leaf to that of the page behind it. */
#define PTE_NEXT  (1UL << PTE_PPN_SHIFT)
#define LINES_MAX 128U /* lines that are cleaned when they go */

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

/* ---- making ---- */

bool gcache_make_root(struct gstage *gs)
{
    hpa_t root = table_alloc_root();

    if (root.v == 0)
        return false;
    gs->lines = 0;
    spin_lock(&roots.lock);
    list_add_tail(&roots.list, &gs->has_root);
    spin_unlock(&roots.lock);
    __atomic_store_n(&gs->root.v, root.v, __ATOMIC_SEQ_CST);
    return true;
}

bool gcache_make_table(struct gstage *gs, pte_t *entry)
{
    hpa_t below = table_alloc();

    if (below.v == 0)
        return false;
    gcache_use(gs, entry);
    set_entry(entry, pte_of(below, PTE_V));
    return true;
}

/* ---- giving back ---- */

static bool is_pointer(pte_t entry)
{
    return entry.v != 0 && (entry.v & PTE_RWX) == 0;
}

/* The first line of a set, which is not empty and whose lowest bit is `line`'s; *lines moves on
 * with it. */
static inline pte_t *first_of(pte_t *line, u64 *lines)
{
    while (!(*lines & 0xff)) {
        *lines >>= 8;
        line += 8 * LINE_PTES;
    }
    while (!(*lines & 1)) {
        *lines >>= 1;
        line += LINE_PTES;
    }
    return line;
}

/* All entries of a leaf table are 0 afterwards.  Returns in how many lines they were not. */
static u32 clean_leaves(hpa_t table)
{
    struct frame *frame = frame_of(table);
    pte_t *line = hpa_ptr(table);
    u32 count = 0;

    for (u64 lines = frame->lines; lines != 0; lines >>= 1, line += LINE_PTES) {
        line = first_of(line, &lines);
        count++;
#pragma GCC unroll 8
        for (u64 i = 0; i < LINE_PTES; i++)
            line[i] = (pte_t){0};
    }
    frame->lines = 0;
    frame->writes = 0;
    return count;
}

static void free_leaf_table(hpa_t table)
{
    (void)clean_leaves(table);
    table_release(table);
    table_free(table);
}

/* Empties a line of a table of level 1.  Returns how many tables went. */
static u32 clean_line(pte_t *line)
{
    u32 count = 0;

    for (u64 i = 0; i < LINE_PTES; i++) {
        if (is_pointer(line[i])) {
            free_leaf_table(pte_hpa(line[i]));
            count++;
        }
        line[i] = (pte_t){0};
    }
    return count;
}

/* Empties lines of a table of level 1 until so many tables went.  True: all of it is empty. */
static bool clean_some(hpa_t table, u32 tables)
{
    struct frame *frame = frame_of(table);
    pte_t *line = hpa_ptr(table);
    u32 count = 0;

    frame->writes = 0;
    for (u64 lines = frame->lines; lines != 0 && count < tables; lines >>= 1, line += LINE_PTES) {
        line = first_of(line, &lines);
        frame->lines &= ~line_bit(line);
        count += clean_line(line);
    }
    return frame->lines == 0;
}

/* Takes tables of level 1 off a line of a root, in front of `first`. */
static u32 drop_line(pte_t *line, u32 first)
{
    for (u64 i = 0; i < LINE_PTES; i++) {
        hpa_t table = pte_hpa(line[i]);

        if (line[i].v == 0)
            continue;
        line[i] = (pte_t){0};
        frame_of(table)->next_dropped = first;
        first = index_of(table);
    }
    return first;
}

/* Takes all tables off the root; returns them as a list. */
static u32 take_off(hpa_t root)
{
    u32 first = NONE;

    for (u64 i = 0; i < ROOT_FRAMES; i++) {
        hpa_t part = {root.v + i * PAGE_BYTES};
        struct frame *frame = frame_of(part);
        pte_t *line = hpa_ptr(part);

        for (u64 lines = frame->lines; lines != 0; lines >>= 1, line += LINE_PTES) {
            line = first_of(line, &lines);
            first = drop_line(line, first);
        }
        frame->lines = 0;
        frame->writes = 0;
    }
    return first;
}

/* Leaves a list of tables to gcache_reap(). */
static void drop(u32 first)
{
    spin_lock(&dropped.lock);
    while (first != NONE) {
        struct frame *frame = frame_of(table_at(first));
        u32 next = frame->next_dropped;

        frame->next_dropped = dropped.first;
        dropped.first = first;
        first = next;
    }
    spin_unlock(&dropped.lock);
}

static void clean(u32 first)
{
    while (first != NONE) {
        hpa_t table = table_at(first);

        first = frame_of(table)->next_dropped;
        (void)clean_some(table, UINT32_MAX);
        table_free(table);
    }
}

/* The lock of the list is held, and no vCPU is loaded with this root. */
static void give_back(struct gstage *gs, hpa_t root)
{
    u32 tables = take_off(root);

    list_del(&gs->has_root);
    if (gs->lines > LINES_MAX)
        drop(tables);
    else
        clean(tables);
    gs->lines = 0;
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
    if (clean_some(table_at(index), REAP_TABLES)) {
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

/* ---- what sharing changes ---- */

/* gcache_find(), with what is frozen above thawed. */
static pte_t *find_thawed(struct gstage *gs, gpa_t gpa, u32 *level)
{
    pte_t *entry = hpa_ptr(gs->root);

    if (entry == NULL)
        return NULL;
    entry += pgtable_index(&sv39x4, gpa.v, 2);
    if (is_frozen(*entry))
        gcache_thaw(gs, entry, 2);
    if (pte_valid(*entry) && is_frozen(*entry_above(gs, gpa)))
        gcache_thaw(gs, entry_above(gs, gpa), 1);
    return gcache_find(gs, gpa, level);
}

/* A leaf of 2 MiB stays as it is: the next fork takes its W, and then the space says the rest. */
void gcache_share(struct gstage *gs, gpa_t gpa)
{
    u32 level;
    pte_t *entry = find_thawed(gs, gpa, &level);

    if (entry == NULL || level > 0 || (entry->v & (PTE_W | PTE_SHARED)) != PTE_W)
        return;
    entry->v |= PTE_SHARED;
    table_disown_one(table_of(entry));
}

void gcache_forget(struct gstage *gs, gpa_t gpa)
{
    u32 level;
    pte_t *entry = find_thawed(gs, gpa, &level);

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

/* The leaf table below *above becomes this leaf, which says the same. */
static void set_megapage(struct gstage *gs, pte_t *above, gpa_t gpa, pte_t leaf)
{
    hpa_t table = pte_hpa(*above);

    if (leaf.v & PTE_W)
        gcache_write(gs, above, gpa, 1);
    set_entry(above, leaf);
    gstage_fence(gs);
    gs->lines -= clean_leaves(table);
    table_release(table);
    table_free(table);
}

void gcache_join(struct gstage *gs, gpa_t gpa)
{
    pte_t *above = entry_above(gs, gpa);
    const pte_t *first = hpa_ptr(pte_hpa(*above));

    if (is_in_one_piece(first))
        set_megapage(gs, above, gpa, *first);
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

void gcache_join_shared(struct gstage *gs, gpa_t gpa, hpa_t chunk)
{
    u64 first = align_down(gstage_page(gs, gpa), CHUNK_FRAMES);

    if (space_is_in_one_piece(gs, first, chunk.v))
        set_megapage(gs, entry_above(gs, gpa), gpa, pte_of(chunk, LEAF_SHARED));
}

/* ---- the way to a leaf ---- */

static void make_megapage(struct gstage *gs, pte_t *entry, gpa_t gpa, hpa_t chunk)
{
    gcache_use(gs, entry);
    gcache_write(gs, entry, gpa, 1);
    set_entry(entry, pte_of(chunk, LEAF_OWNED));
}

/*
 * Fills an entry of level 1 for RAM: by a leaf, if the 2 MiB are this VM's alone and in one piece,
 * or by an empty table.  False: no memory.
 */
static bool make_region(struct gstage *gs, gpa_t gpa, pte_t *entry)
{
    u64 page = gstage_page(gs, gpa);
    bool alone;

    if (space_region_alone(&gs->space, page)) {
        const u64 *line = space_line(&gs->space, align_down(page, CHUNK_FRAMES), &alone);

        make_megapage(gs, entry, gpa, space_frame(line[0]));
        return true;
    }
    return gcache_make_table(gs, entry);
}

/* Makes or thaws what is missing above the leaves.  False: no memory, nothing lost. */
bool gcache_reach(struct gstage *gs, gpa_t gpa)
{
    pte_t *entry;

    if (gs->root.v == 0 && !gcache_make_root(gs))
        return false;
    entry = (pte_t *)hpa_ptr(gs->root) + pgtable_index(&sv39x4, gpa.v, 2);
    if (is_frozen(*entry))
        gcache_thaw(gs, entry, 2);
    else if (!pte_valid(*entry) && !gcache_make_table(gs, entry))
        return false;
    entry = entry_above(gs, gpa);
    if (is_frozen(*entry))
        gcache_thaw(gs, entry, 1);
    else if (!pte_valid(*entry))
        return gstage_is_ram(gs, gpa) ? make_region(gs, gpa, entry) : gcache_make_table(gs, entry);
    return true;
}

/* ---- the census ---- */

static void count_leaves(hpa_t table, struct gstage_census *census)
{
    const pte_t *entry = hpa_ptr(table);

    for (u64 i = 0; i < TABLE_ENTRIES; i++)
        census->leaves_4k += (entry[i].v & (PTE_V | PTE_DEVICE)) == PTE_V;
}

/* Tables of level 1, below a frame of a root, or leaf tables, below one of those. */
static void count_below(hpa_t above, bool is_root, struct gstage_census *census)
{
    const pte_t *entry = hpa_ptr(above);

    for (u64 i = 0; i < TABLE_ENTRIES; i++) {
        census->leaves_2m += pte_valid(entry[i]) && pte_leaf(entry[i]);
        if (!is_pointer(entry[i]))
            continue;
        census->owned++;
        if (is_root)
            count_below(pte_hpa(entry[i]), false, census);
        else
            count_leaves(pte_hpa(entry[i]), census);
    }
}

void gcache_count(const struct gstage *gs, struct gstage_census *census)
{
    if (gs->root.v == 0)
        return;
    census->owned += sv39x4.root_bytes / PAGE_BYTES;
    for (u64 i = 0; i < ROOT_FRAMES; i++)
        count_below((hpa_t){gs->root.v + i * PAGE_BYTES}, true, census);
}
