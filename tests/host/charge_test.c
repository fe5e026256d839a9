/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who pays for pages: up to the limit and no further, whoever brings and whoever frees them; and
 * sharing and the rest of gshare.c where memory ends.
 */
#include "lib/riscv/pgtable.h"
#include "sbi/proc.h"

#include "hv/frame.h"
#include "hv/gcache.h"
#include "hv/gstage.h"
#include "hv/quota.h"
#include "hv/reclaim.h"

#include "tests/host/hv_world.h"
#include "tests/host/tlb_model.h"
#include "tests/test.h"

#define RAM_BASE  0x80000000UL
#define RAM_BYTES 0x600000UL
#define FRAMES    600
#define LIMIT     20

static const gpa_t gpas[TLB_PAGES] = {{RAM_BASE}};
static const struct backing nothing, zeros = {.blank = {RAM_BASE}, .blank_bytes = RAM_BYTES};
static struct tree top;

static void boot(void)
{
    world_boot(1, FRAMES);
    vmid_init(1);
    tlb_start(gpas);
    tlb.knows_no_code = true;
    top = (struct tree){.procs_max = QUOTA_NO_LIMIT, .frames_max = QUOTA_NO_LIMIT};
}

static void create(struct gstage *gs, struct tree **payer)
{
    CHECK_EQ(gstage_create(gs, (gpa_t){RAM_BASE}, RAM_BYTES, &nothing, 1), ERR_OK);
    gstage_set_payer(gs, payer);
    gs->credit = 0;
}

static gpa_t page_of(u64 page)
{
    return (gpa_t){RAM_BASE + page * PAGE_BYTES};
}

static enum err store(struct gstage *gs, u64 page)
{
    enum trace_did did;

    return world_fault(gs, page_of(page), ACCESS_WRITE, &did);
}

/*
 * The parent fills its tree.  A child in a tree within it writes over what it has inherited; then
 * whoever ends last gives back what the other brought.
 */
static void run_trees(void *argument)
{
    bool parent_first = *(bool *)argument;
    struct tree *tree, *within;
    struct gstage parent, child;
    u64 free_at_start;

    boot();
    free_at_start = world_free_frames();
    tree = quota_tree_create(&top);
    tree->frames_max = LIMIT;
    quota_tree_get(tree); /* as the process does */
    create(&parent, &tree);
    for (u64 page = 0; page < LIMIT - 4; page++)
        CHECK_EQ(store(&parent, page), ERR_OK);
    within = quota_tree_get(quota_tree_create(tree));
    CHECK_EQ(gstage_clone(&child, &parent, CLONE_COW), ERR_OK);
    gstage_set_payer(&child, &within);
    CHECK_EQ(store(&child, 0), ERR_OK);
    CHECK_EQ(store(&parent, 0), ERR_OK); /* it is the parent's alone by now */
    CHECK_EQ(store(&child, 1), ERR_OK);
    CHECK_EQ(store(&parent, LIMIT), ERR_OK);
    CHECK_EQ(store(&parent, LIMIT + 1), ERR_OK);
    CHECK_EQ(tree->frames, LIMIT);
    CHECK_EQ(top.frames, LIMIT);
    CHECK_EQ(store(&child, 2), ERR_QUOTA);
    CHECK_EQ(store(&parent, LIMIT + 2), ERR_QUOTA);
    gstage_destroy(parent_first ? &parent : &child);
    CHECK_EQ(store(parent_first ? &child : &parent, 2), ERR_OK);
    gstage_destroy(parent_first ? &child : &parent);
    reclaim_all();
    CHECK_EQ(within->frames, 0);
    CHECK_EQ(tree->frames, 0);
    CHECK_EQ(top.frames, 0);
    quota_tree_put(within);
    quota_tree_put(tree);
    CHECK_EQ(world_free_frames(), free_at_start);
}

TEST(charge_is_the_bringers_until_the_last_gives_back)
{
    test_must_pass(run_trees, &(bool){true});
    test_must_pass(run_trees, &(bool){false});
}

/* A tree whose processes are gone is there for as long as others have its pages. */
static void run_orphan(void *argument)
{
    struct tree *within;
    struct gstage parent, child;
    u64 free_at_start;

    (void)argument;
    boot();
    free_at_start = world_free_frames();
    within = quota_tree_get(quota_tree_create(&top));
    create(&parent, &within);
    CHECK_EQ(store(&parent, 3), ERR_OK);
    CHECK_EQ(gstage_clone(&child, &parent, CLONE_COW), ERR_OK);
    gstage_destroy(&parent);
    quota_tree_put(within);
    CHECK_EQ(top.frames, 1);
    CHECK_EQ(within->frames, 1);
    gstage_destroy(&child);
    reclaim_all();
    CHECK_EQ(top.frames, 0);
    CHECK_EQ(world_free_frames(), free_at_start);
}

TEST(charge_outlives_the_processes)
{
    test_must_pass(run_orphan, NULL);
}

/* Whoever wants a page for a VM is told that it is the limit, not that there is no memory. */
static void run_refused(void *argument)
{
    struct tree *tree;
    struct gstage gs;
    struct word_key key;
    u32 value;

    (void)argument;
    boot();
    tree = quota_tree_get(quota_tree_create(&top));
    tree->frames_max = LIMIT;
    create(&gs, &tree);
    CHECK_EQ(gstage_share(&gs, page_of(0), LIMIT * PAGE_BYTES), ERR_OK);
    for (u32 tables = 0; tables < 2; tables++) {
        u64 word = 1;

        CHECK_EQ(gstage_share(&gs, page_of(LIMIT), PAGE_BYTES), ERR_QUOTA);
        CHECK_EQ(gstage_unshare(&gs, page_of(0), PAGE_BYTES), ERR_QUOTA);
        CHECK_EQ(gstage_write(&gs, page_of(LIMIT), &word, sizeof(word)), ERR_QUOTA);
        CHECK_EQ(gstage_read(&gs, page_of(LIMIT), &word, sizeof(word)), ERR_QUOTA);
        CHECK_EQ(gstage_word(&gs, page_of(LIMIT), &value, &key), ERR_QUOTA);
        CHECK_EQ(store(&gs, LIMIT), ERR_QUOTA); /* it has tables from here on */
    }
    gstage_destroy(&gs);
    quota_tree_put(tree);
    CHECK_EQ(top.frames, 0);
}

TEST(charge_says_that_it_is_the_limit)
{
    test_must_pass(run_refused, NULL);
}

/* ---- sharing where memory ends ---- */

static u64 word_at(struct gstage *gs, u64 page)
{
    u64 word;

    CHECK_EQ(gstage_read(gs, page_of(page), &word, sizeof(word)), ERR_OK);
    return word;
}

static void write_at(struct gstage *gs, u64 page, u64 word)
{
    CHECK_EQ(gstage_write(gs, page_of(page), &word, sizeof(word)), ERR_OK);
}

/* Until it works it changes nothing, neither what is shared nor what is there. */
static void until_it_works(enum err (*change)(struct gstage *gs, gpa_t gpa, u64 bytes),
                           struct gstage *gs, bool was_shared)
{
    u64 failures = 0, bytes;
    gpa_t gpa;

    for (u64 left = 0;; left++) {
        enum err err;

        world_leave_free(left);
        err = change(gs, page_of(2), 3 * PAGE_BYTES);
        world_give_back();
        if (err == ERR_OK)
            break;
        CHECK_EQ(err, ERR_NOMEM);
        CHECK_EQ(gstage_shared_range(gs, 0, &gpa, &bytes), was_shared);
        CHECK_EQ(word_at(gs, 2), 2);
        failures++;
    }
    CHECK(failures >= 3);
}

static void run_share_fails(void *argument)
{
    struct gstage parent, child, other;
    u64 free_at_start;

    (void)argument;
    boot();
    free_at_start = world_free_frames();
    create(&parent, NULL);
    for (u64 page = 0; page < 4; page++)
        write_at(&parent, page, page);
    CHECK_EQ(gstage_clone(&other, &parent, CLONE_COW), ERR_OK);
    until_it_works(gstage_share, &parent, false);
    CHECK_EQ(gstage_clone(&child, &parent, CLONE_COW), ERR_OK);
    write_at(&child, 2, 22);
    write_at(&child, 1, 11);
    CHECK_EQ(word_at(&parent, 2), 22);
    CHECK_EQ(word_at(&parent, 1), 1);
    CHECK_EQ(word_at(&other, 2), 2);
    write_at(&parent, 2, 2);
    until_it_works(gstage_unshare, &child, true);
    CHECK_EQ(word_at(&child, 2), 0);
    CHECK_EQ(word_at(&parent, 2), 2);
    gstage_destroy(&parent);
    gstage_destroy(&other);
    gstage_destroy(&child);
    CHECK_EQ(world_free_frames(), free_at_start);
}

TEST(share_fails_as_a_whole_or_not_at_all)
{
    test_must_pass(run_share_fails, NULL);
}

#define MANY 1300UL /* pages: three slices */

/* Calls until it is done.  How often that was. */
static u32 in_slices(enum err (*change)(struct gstage *gs, gpa_t gpa, u64 bytes), struct gstage *gs,
                     enum err expected)
{
    u32 calls = 1;
    enum err err;

    while ((err = change(gs, page_of(1), MANY * PAGE_BYTES)) == ERR_STATE)
        calls++;
    CHECK_EQ(err, expected);
    return calls;
}

static void run_slices(void *argument)
{
    struct gstage parent, child;
    struct tree *tree;
    bool is_zero = *(bool *)argument;
    u64 free_at_start, bytes;
    gpa_t gpa;

    world_boot(1, 6000);
    vmid_init(1);
    tlb_start(gpas);
    tlb.knows_no_code = true;
    top = (struct tree){.procs_max = QUOTA_NO_LIMIT, .frames_max = QUOTA_NO_LIMIT};
    free_at_start = world_free_frames();
    tree = quota_tree_get(quota_tree_create(&top));
    create(&parent, &tree);
    if (is_zero)
        parent.backing = &zeros;
    CHECK_EQ(gstage_share(&parent, page_of(10), PAGE_BYTES), ERR_OK);
    write_at(&parent, MANY, 7);
    tree->frames_max = MANY - 1;
    CHECK_EQ(in_slices(gstage_share, &parent, ERR_QUOTA), is_zero ? 3 + 2 : 3);
    CHECK(gstage_shared_range(&parent, 0, &gpa, &bytes) && bytes == PAGE_BYTES);
    CHECK(!is_zero || tree->frames <= 2 + CHARGE_AHEAD);
    tree->frames_max = QUOTA_NO_LIMIT;
    CHECK_EQ(in_slices(gstage_share, &parent, ERR_OK), 3 + 2 + 2);
    CHECK(gstage_shared_range(&parent, 0, &gpa, &bytes) && bytes == MANY * PAGE_BYTES);
    CHECK_EQ(gstage_clone(&child, &parent, CLONE_COW), ERR_OK);
    for (u64 page = 1; page <= MANY; page += 100)
        write_at(&child, page, 1000 + page);
    tree->frames_max = tree->frames + MANY - 1;
    if (!is_zero)
        CHECK_EQ(in_slices(gstage_unshare, &child, ERR_QUOTA), 3);
    CHECK_EQ(word_at(&child, 101), 1101);
    CHECK(tree->frames <= 2 * CHARGE_AHEAD + MANY);
    tree->frames_max = QUOTA_NO_LIMIT;
    CHECK_EQ(in_slices(gstage_unshare, &child, ERR_OK), 3 + 2);
    CHECK(!gstage_shared_range(&child, 0, &gpa, &bytes));
    for (u64 page = 1; page <= MANY; page += 100) {
        CHECK_EQ(word_at(&child, page), 0);
        CHECK_EQ(word_at(&parent, page), 1000 + page);
    }
    CHECK_EQ(word_at(&parent, MANY), 7);
    /* ended on the way */
    CHECK_EQ(gstage_unshare(&parent, page_of(1), MANY * PAGE_BYTES), ERR_STATE);
    CHECK_EQ(gstage_share(&child, page_of(1), MANY * PAGE_BYTES), ERR_STATE);
    gstage_destroy(&parent);
    gstage_destroy(&child);
    reclaim_all();
    CHECK_EQ(tree->frames, 0);
    quota_tree_put(tree);
    CHECK_EQ(world_free_frames(), free_at_start);
}

TEST(share_is_done_in_slices)
{
    test_must_pass(run_slices, &(bool){false});
    test_must_pass(run_slices, &(bool){true});
}

static bool is_mapped(struct gstage *gs, u64 page)
{
    u32 level;
    const pte_t *entry = gcache_find(gs, page_of(page), &level);

    return entry != NULL && pte_valid(*entry);
}

/* To share a page that is there maps its line: its neighbours that nobody has touched have anything
 * in them, and are not shown. */
static void run_blank(void *argument)
{
    struct gstage parent, child;
    enum trace_did did;

    (void)argument;
    boot();
    CHECK_EQ(gstage_create(&parent, page_of(0), RAM_BYTES, &zeros, 1), ERR_OK);
    CHECK_EQ(store(&parent, 3), ERR_OK);
    CHECK_EQ(gstage_clone(&child, &parent, CLONE_COW), ERR_OK);
    CHECK_EQ(store(&child, 100), ERR_OK); /* now it has tables */
    CHECK_EQ(gstage_share(&child, page_of(2), 3 * PAGE_BYTES), ERR_OK);
    CHECK(!is_mapped(&child, 2) && !is_mapped(&child, 4));
    CHECK_EQ(world_fault(&child, page_of(2), ACCESS_READ, &did), ERR_OK);
    CHECK(is_mapped(&child, 2) && !is_mapped(&child, 4));
    CHECK_EQ(word_at(&child, 2), 0);
    CHECK_EQ(gstage_unshare(&child, page_of(2), 3 * PAGE_BYTES), ERR_OK);
    CHECK(!is_mapped(&child, 2) && !is_mapped(&child, 3) && !is_mapped(&child, 4));
    gstage_destroy(&parent);
    gstage_destroy(&child);
}

TEST(share_shows_nothing_that_was_not_zeroed)
{
    test_must_pass(run_blank, NULL);
}

/* Neighbours are one range; a hole makes two; there is an end to it. */
static void run_ranges(void *argument)
{
    struct gstage gs;
    u64 bytes, count = 0;
    gpa_t gpa;

    (void)argument;
    boot();
    create(&gs, NULL);
    CHECK_EQ(gstage_share(&gs, page_of(4), 2 * PAGE_BYTES), ERR_OK);
    CHECK_EQ(gstage_share(&gs, page_of(8), PAGE_BYTES), ERR_OK);
    CHECK_EQ(gstage_share(&gs, page_of(5), 3 * PAGE_BYTES), ERR_OK);
    CHECK(gstage_shared_range(&gs, 0, &gpa, &bytes) && gpa.v == page_of(4).v);
    CHECK_EQ(bytes, 5 * PAGE_BYTES);
    CHECK(!gstage_shared_range(&gs, 1, &gpa, &bytes));
    CHECK_EQ(gstage_unshare(&gs, page_of(6), PAGE_BYTES), ERR_OK);
    CHECK(gstage_shared_range(&gs, 1, &gpa, &bytes) && gpa.v == page_of(7).v);
    CHECK_EQ(gstage_share(&gs, page_of(RAM_BYTES / PAGE_BYTES - 1), 2 * PAGE_BYTES), ERR_FAULT);
    for (u64 page = 10; gstage_share(&gs, page_of(page), PAGE_BYTES) == ERR_OK; page += 2)
        count++;
    CHECK_EQ(count, PROC_SHARED_RANGES_MAX - 2);
    CHECK_EQ(gstage_share(&gs, page_of(9), PAGE_BYTES), ERR_OK);
    gstage_destroy(&gs);
}

TEST(share_ranges_are_merged_and_cut)
{
    test_must_pass(run_ranges, NULL);
}
