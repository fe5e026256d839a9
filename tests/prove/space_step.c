/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One step of a space, from any state: trees of two levels in which every count is the number of
 * references there are, which are of the space, of another one and of any number of unknown others,
 * who go on while the step is under way.  So what holds here holds after any number of steps.
 *
 * bound hv/space_node.h s/FANOUT_SHIFT 3/FANOUT_SHIFT 1/
 * bound hv/space.c s/LEVELS_MAX      10U/LEVELS_MAX 2U/
 * bound hv/space.c s/RELEASE_ENTRIES 128U/RELEASE_ENTRIES 4U/
 *
 * prove quick own      --unwind 7
 * break own      hv/space.c s/node_get(child);/(void)child;/
 * break own      hv/space.c s/frame_get(frame_in(page));/(void)page;/
 * break own      hv/space.c s/node_refs(old) == 1/true/
 * break own      hv/space.c s/free_copied(old, is_leaf)/space_node_free(old)/
 * prove full release   --unwind 5
 * break release  hv/space.c s/add_remains(remains, level - 1, child);/;/
 * break release  hv/space.c s/frame_put(frame_in(page));/(void)page;/
 * prove quick fork     --unwind 7
 * break fork     hv/space.c s/node_get(parent->root)/(void)parent/
 * prove quick alone    --unwind 7
 * break alone    hv/space.c s/refs == 1;/(refs \& 1) == 1;/
 */
#include <stdlib.h>

#include "hv/space.c"

#define LEVELS 2
#define PAGES  (1UL << LEVELS * NODE_FANOUT_SHIFT)
#define KNOWN  2 /* nodes of a level at the beginning, leaves first */
#define NODES  (LEVELS * KNOWN)
#define FRAMES 2

u64 nondet_u64(void);
bool nondet_bool(void);

u64 frame_table_bias, chunk_table_bias, chunk_base;

/* Each an object of its own, which is easier to reason about than an array. */
static struct space_node a, b, c, d;
static struct space_node *const node_at[] = {&a, &b, &c, &d};
static bool is_used[NODES];
static u32 others[NODES]; /* references that unknown spaces have */

static struct frame frames[FRAMES + 1]; /* from 1 on: 0 is no page */
static u32 frame_others[FRAMES + 1];

static struct space space, twin;

void panic(const char *format, ...)
{
    (void)format;
    __CPROVER_assert(false, "panic");
    __CPROVER_assume(false);
}

void frame_put_last(hpa_t hpa, u32 before)
{
    (void)hpa;
    __CPROVER_assert(before == 1, "a frame is freed by its last reference");
}

static u32 level_of(u64 node)
{
    return (u32)(node / KNOWN);
}

/* ---- what others do meanwhile: they let go of a node, maybe after they have copied it ---- */

static void others_get(const struct space_node *node)
{
    for (u64 k = 0; k < NODES; k++) {
        if (node == node_at[k]) {
            node_at[k]->refs++;
            others[k]++;
        }
    }
}

static void others_get_frame(u64 entry)
{
    for (u64 i = 1; i <= FRAMES; i++) {
        if (entry >> PAGE_SHIFT == i) {
            frames[i].refs++;
            frame_others[i]++;
        }
    }
}

static void others_step(void)
{
    u64 chosen = nondet_u64();
    bool copies = nondet_bool();

    for (u64 k = 0; k < NODES; k++) {
        struct space_node *node = node_at[k];

        if (k != chosen || !is_used[k] || others[k] == 0 || node->refs == 1)
            continue;
        for (u32 i = 0; i < NODE_FANOUT && copies; i++) {
            if (level_of(k) == 0)
                others_get_frame(node->entry[i]);
            else
                others_get(node->child[i]);
        }
        node->refs--;
        others[k]--;
    }
}

struct space_node *space_node_alloc(void)
{
    others_step();
    return nondet_bool() ? NULL : malloc(sizeof(struct space_node));
}

void space_node_free(struct space_node *node)
{
    for (u64 k = 0; k < NODES; k++) {
        if (node == node_at[k]) {
            __CPROVER_assert(is_used[k], "a node is freed once");
            is_used[k] = false;
            return;
        }
    }
    __CPROVER_assert(false, "what is freed was there before");
}

u64 space_node_frames(void)
{
    return 0;
}

/* ---- any state ---- */

static struct space_node *any_node(u32 level)
{
    if (nondet_bool())
        return NULL;
    return node_at[level * KNOWN + (nondet_bool() ? 1 : 0)];
}

static u64 any_page(void)
{
    u64 frame = nondet_u64();

    __CPROVER_assume(frame <= FRAMES);
    return frame == 0 ? 0 : frame << PAGE_SHIFT | (nondet_bool() ? SPACE_SHARED : 0);
}

/* What the space has that was not there before, by level; made by find_new(). */
static struct space_node *new_node[LEVELS];

static u32 references_in(const struct space_node *from, const struct space_node *to)
{
    u32 count = 0;

    for (u32 i = 0; i < NODE_FANOUT; i++)
        count += from->child[i] == to;
    return count;
}

/* References to a known node: from the two spaces, from nodes that are used, from others. */
static u32 node_references(u64 node)
{
    u32 count = others[node] + (space.root == node_at[node]) + (twin.root == node_at[node]);

    for (u64 k = 0; k < NODES; k++) {
        if (is_used[k] && level_of(k) == level_of(node) + 1)
            count += references_in(node_at[k], node_at[node]);
    }
    for (u32 level = 1; level < LEVELS; level++) {
        if (new_node[level] != NULL && level == level_of(node) + 1)
            count += references_in(new_node[level], node_at[node]);
    }
    return count;
}

static u32 frame_references(u64 frame)
{
    u32 count = frame_others[frame];

    for (u32 i = 0; i < NODE_FANOUT; i++) {
        for (u64 k = 0; k < KNOWN; k++)
            count += is_used[k] && node_at[k]->entry[i] >> PAGE_SHIFT == frame;
        count += new_node[0] != NULL && new_node[0]->entry[i] >> PAGE_SHIFT == frame;
    }
    return count;
}

static void any_state(void)
{
    frame_table_bias = (u64)frames;
    space_init(&space, PAGES);
    space_init(&twin, PAGES);
    space.root = any_node(LEVELS - 1);
    twin.root = any_node(LEVELS - 1);
    for (u64 k = NODES; k-- > 0;) {
        u32 level = level_of(k);

        others[k] = nondet_bool();
        for (u32 i = 0; i < NODE_FANOUT; i++) {
            if (level == 0)
                node_at[k]->entry[i] = any_page();
            else
                node_at[k]->child[i] = any_node(level - 1);
        }
        node_at[k]->refs = node_references(k);
        is_used[k] = node_at[k]->refs != 0;
    }
    for (u64 i = 1; i <= FRAMES; i++) {
        frame_others[i] = nondet_bool();
        frames[i].refs = frame_references(i);
    }
}

/* ---- what has to hold ---- */

/* On the way to a page: what was not there before has one reference. */
static void find_new(u64 page)
{
    struct space_node *node = space.root;

    for (u32 level = LEVELS; level-- > 0 && node != NULL;) {
        new_node[level] = node;
        for (u64 k = 0; k < NODES; k++) {
            if (node == node_at[k])
                new_node[level] = NULL;
        }
        __CPROVER_assert(new_node[level] == NULL || node->refs == 1, "a new node is alone");
        if (level != 0)
            node = node->child[page >> level * NODE_FANOUT_SHIFT & (NODE_FANOUT - 1)];
    }
}

static u64 page_of(const struct space *of, u64 page)
{
    const struct space_node *node = of->root;

    for (u32 shift = (LEVELS - 1) * NODE_FANOUT_SHIFT; shift != 0 && node != NULL;
         shift -= NODE_FANOUT_SHIFT)
        node = node->child[page >> shift & (NODE_FANOUT - 1)];
    return node == NULL ? 0 : node->entry[page & (NODE_FANOUT - 1)];
}

static void check_counts(void)
{
    for (u64 k = 0; k < NODES; k++) {
        u32 references = node_references(k);

        __CPROVER_assert(is_used[k] == (references != 0), "a node is free if nobody has it");
        __CPROVER_assert(!is_used[k] || node_at[k]->refs == references,
                         "counts of nodes are exact");
    }
    for (u64 i = 1; i <= FRAMES; i++)
        __CPROVER_assert(frames[i].refs == frame_references(i), "counts of frames are exact");
}

/* Who has a way to a node without the space. */
static void find_foreign(bool *is_foreign)
{
    for (u64 k = NODES; k-- > 0;) {
        is_foreign[k] = others[k] != 0 || twin.root == node_at[k];
        for (u64 above = k + 1; above < NODES; above++) {
            if (level_of(above) == level_of(k) + 1 && is_used[above] && is_foreign[above])
                is_foreign[k] |= references_in(node_at[above], node_at[k]) != 0;
        }
    }
}

static void prove_own(void)
{
    u64 page = nondet_u64(), any = nondet_u64();
    u64 mine, theirs, *line;
    struct space_node before[NODES];
    bool is_foreign[NODES], alone = false;

    __CPROVER_assume(page < PAGES && any < PAGES);
    mine = page_of(&space, any);
    theirs = page_of(&twin, any);
    for (u64 k = 0; k < NODES; k++)
        before[k] = *node_at[k];
    find_foreign(is_foreign);
    line = space_own_line(&space, page);
    __CPROVER_assert(page_of(&space, any) == mine, "it contains what it did");
    __CPROVER_assert(page_of(&twin, any) == theirs, "and so does the other");
    for (u64 k = 0; k < NODES; k++) {
        for (u32 i = 0; i < NODE_FANOUT && is_foreign[k]; i++)
            __CPROVER_assert(before[k].entry[i] == node_at[k]->entry[i],
                             "a node of others is not written");
    }
    find_new(page);
    check_counts();
    if (line != NULL) {
        __CPROVER_assert(space_line(&space, page, &alone) == line && alone, "the line is alone");
        __CPROVER_assert(space_line(&twin, page, &alone) != line, "nobody else has it");
    }
}

static void prove_release(void)
{
    u64 any = nondet_u64(), theirs;

    __CPROVER_assume(any < PAGES);
    theirs = page_of(&twin, any);
    space_release(&space);
    while (space_reap(2))
        ;
    __CPROVER_assert(page_of(&twin, any) == theirs, "the other contains what it did");
    __CPROVER_assert(page_of(&space, any) == 0, "it is empty");
    check_counts();
}

static void prove_fork(void)
{
    u64 any = nondet_u64();
    bool alone = false, twin_alone = false;
    const u64 *line;

    __CPROVER_assume(any < PAGES && twin.root == NULL);
    space_fork(&twin, &space);
    __CPROVER_assert(page_of(&twin, any) == page_of(&space, any), "they are the same");
    check_counts();
    line = space_line(&space, any, &alone);
    __CPROVER_assert(line == space_line(&twin, any, &twin_alone), "by the same nodes");
    __CPROVER_assert(!alone && !twin_alone, "which are nobody's alone");
}

/* A line is alone in one space at most, and then nobody else has a way to its frames of count 1. */
static void prove_alone(void)
{
    u64 page = nondet_u64(), other = nondet_u64(), mine, theirs;
    bool alone = false, other_alone = false;
    const u64 *line, *other_line;

    __CPROVER_assume(page < PAGES && other < PAGES);
    line = space_line(&space, page, &alone);
    other_line = space_line(&twin, other, &other_alone);
    if (line == NULL || other_line == NULL || !alone)
        return;
    __CPROVER_assert(line != other_line, "what is alone, another does not have");
    mine = line[page & (NODE_FANOUT - 1)];
    theirs = other_line[other & (NODE_FANOUT - 1)];
    if (mine != 0 && frame_refs((hpa_t){mine}) == 1)
        __CPROVER_assert(mine >> PAGE_SHIFT != theirs >> PAGE_SHIFT,
                         "a frame of count 1 is in one space");
}

int main(void)
{
    any_state();
    PROVE();
    return 0;
}
