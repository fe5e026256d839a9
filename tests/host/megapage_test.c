/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Leaves of 2 MiB, one case at a time: when 512 leaves become one, what forks and stores make of
 * it, and what is counted.  That each fence is needed is gstage_model_test.c's.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/riscv/fence.h"
#include "lib/riscv/pgtable.h"

#include "hv/frame.h"
#include "hv/gstage.h"

#include "tests/host/hv_world.h"
#include "tests/host/tlb_model.h"
#include "tests/test.h"

#define RAM_BASE  0x80000000UL
#define RAM_BYTES 0x800000UL
#define FRAMES    (16 * (u32)CHUNK_FRAMES)
#define TABLES    5UL /* a root and one of level 1 */

static const gpa_t gpas[TLB_PAGES] = {{RAM_BASE},
                                      {RAM_BASE + 0x1000},
                                      {RAM_BASE + 0x1ff000},
                                      {RAM_BASE + 0x200000},
                                      {RAM_BASE + 0x201000},
                                      {RAM_BASE + 0x3ff000},
                                      {RAM_BASE + 0x400000},
                                      {RAM_BASE + 0x401000},
                                      {RAM_BASE + 0x600000},
                                      {RAM_BASE + 0x7ff000}};

static u8 file[3 * PAGE_BYTES];
static struct backing backing = {.count = 1, .part = {{{RAM_BASE + 0x1000}, sizeof(file), file}}};
static u64 free_at_start;
static void boot(u32 frames)
{
    memset(file, 0x5a, sizeof(file));
    world_boot(1, frames);
    vmid_init(2);
    tlb_start(gpas);
    tlb.knows_no_code = true;
    free_at_start = world_free_frames();
}

static void create(struct gstage *gs)
{
    CHECK_EQ(gstage_create(gs, (gpa_t){RAM_BASE}, RAM_BYTES, &backing, 1), ERR_OK);
}

static gpa_t page_of(u32 region, u64 page)
{
    return (gpa_t){RAM_BASE + region * CHUNK_BYTES + page * PAGE_BYTES};
}

static u64 word_at(u32 region, u64 page)
{
    u64 word;

    memset(&word, region == 0 && page >= 1 && page <= 3 ? 0x5a : 0, sizeof(word));
    return word;
}

static u64 read_word(struct gstage *gs, u32 region, u64 page)
{
    u64 word;

    CHECK_EQ(gstage_read(gs, page_of(region, page), &word, sizeof(word)), ERR_OK);
    return word;
}

static void write_word(struct gstage *gs, u32 region, u64 page, u64 word)
{
    CHECK_EQ(gstage_write(gs, page_of(region, page), &word, sizeof(word)), ERR_OK);
}

static enum trace_did store(struct gstage *gs, u32 region, u64 page)
{
    enum trace_did did;

    CHECK_EQ(world_fault(gs, page_of(region, page), ACCESS_WRITE, &did), ERR_OK);
    return did;
}

/* Touches all pages but `but` in some order. */
static void fill(struct gstage *gs, u32 region, u64 but)
{
    enum trace_did did;

    for (u64 i = 0; i < CHUNK_FRAMES; i++) {
        u64 page = i * 331 % CHUNK_FRAMES;

        if (page != but) {
            CHECK_EQ(world_fault(gs, page_of(region, page), ACCESS_READ, &did), ERR_OK);
            CHECK_EQ(read_word(gs, region, page), word_at(region, page));
        }
    }
}

#define ALL UINT64_MAX

static void check_count(struct gstage *gs, u64 owned, u64 shared, u64 leaves_4k, u64 leaves_2m)
{
    struct gstage_census census = gstage_count(gs);

    CHECK_EQ(census.owned, owned);
    CHECK_EQ(census.shared, shared);
    CHECK_EQ(census.leaves_4k, leaves_4k);
    CHECK_EQ(census.leaves_2m, leaves_2m);
}

static void destroy(struct gstage *gs)
{
    gstage_destroy(gs);
    CHECK_EQ(world_free_frames(), free_at_start);
}

static void run_join(void *argument)
{
    struct gstage gs;

    (void)argument;
    boot(FRAMES);
    create(&gs);
    fill(&gs, 1, 77);
    check_count(&gs, TABLES + 1 + 511, 0, 511, 0);
    CHECK_EQ(store(&gs, 1, 77), TRACE_DID_LAZY);
    check_count(&gs, TABLES + 512, 0, 0, 1);
    CHECK_EQ(free_at_start - world_free_frames(), TABLES + 512 + space_frames());
    CHECK_EQ(store(&gs, 1, 78), TRACE_DID_SPURIOUS);
    fill(&gs, 0, ALL);
    fill(&gs, 2, 0);
    check_count(&gs, TABLES + 1 + 1024 + 511, 0, 511, 2);
    fill(&gs, 0, ALL); /* and what is in it is right, also now */
    write_word(&gs, 0, 511, 1);
    CHECK_EQ(read_word(&gs, 0, 511), 1);
    destroy(&gs);
}

TEST(megapage_of_512_pages)
{
    test_must_pass(run_join, NULL);
}

/* Both sides read; the child goes; the parent writes: one fault gives it back all. */
static void run_share(void *argument)
{
    struct gstage parent, child;

    (void)argument;
    boot(FRAMES);
    create(&parent);
    fill(&parent, 0, ALL);
    CHECK_EQ(gstage_clone(&child, &parent, CLONE_COW), ERR_OK);
    check_count(&parent, TABLES, 512, 0, 1);
    check_count(&child, 0, 512, 0, 0);
    fill(&child, 0, ALL);
    check_count(&child, TABLES, 512, 0, 1); /* by much reading */
    gstage_destroy(&child);
    check_count(&parent, TABLES + 512, 0, 0, 1);
    CHECK_EQ(store(&parent, 0, 5), TRACE_DID_TAKEOVER);
    CHECK(gstage_evict(&parent));
    check_count(&parent, 512, 0, 0, 0);
    CHECK_EQ(store(&parent, 0, 5), TRACE_DID_FILL);
    CHECK_EQ(store(&parent, 0, 6), TRACE_DID_SPURIOUS);
    check_count(&parent, TABLES + 512, 0, 0, 1);
    destroy(&parent);
}

TEST(megapage_is_shared_and_taken_over)
{
    test_must_pass(run_share, NULL);
}

/* The child writes a page; the parent keeps its leaf, and may not write while the child has 511. */
static void run_split(void *argument)
{
    struct gstage parent, child;

    (void)argument;
    boot(FRAMES);
    create(&parent);
    fill(&parent, 0, ALL);
    CHECK_EQ(gstage_clone(&child, &parent, CLONE_COW), ERR_OK);
    CHECK_EQ(store(&child, 0, 9), TRACE_DID_COW);
    write_word(&child, 0, 9, 99);
    check_count(&child, TABLES + 2, 511, 8, 0);
    check_count(&parent, TABLES + 1, 511, 0, 1);
    CHECK_EQ(read_word(&parent, 0, 9), 0);
    /* this one is the parent's by now, those around are not */
    CHECK_EQ(store(&parent, 0, 9), TRACE_DID_FILL);
    check_count(&parent, TABLES + 2, 511, 8, 0);
    CHECK_EQ(store(&parent, 0, 10), TRACE_DID_COW);
    write_word(&parent, 0, 10, 100);
    check_count(&parent, TABLES + 3, 510, 8, 0);
    check_count(&child, TABLES + 3, 510, 8, 0);
    CHECK_EQ(read_word(&child, 0, 9), 99);
    CHECK_EQ(read_word(&child, 0, 10), 0);
    gstage_destroy(&parent);
    check_count(&child, TABLES + 513, 0, 8, 0);
    CHECK_EQ(read_word(&child, 0, 9), 99);
    CHECK_EQ(read_word(&child, 0, 2), word_at(0, 2));
    destroy(&child);
}

TEST(megapage_is_split_by_a_store)
{
    test_must_pass(run_split, NULL);
}

/* The child has split its own and gone: with all pages taken over, the parent's is one again. */
static void run_join_again(void *argument)
{
    bool is_evicted = *(bool *)argument;
    struct gstage parent, child;

    boot(FRAMES);
    create(&parent);
    fill(&parent, 0, 3);
    CHECK_EQ(gstage_clone(&child, &parent, CLONE_COW), ERR_OK);
    gstage_destroy(&child);
    if (is_evicted) /* the chunk is the next table's */
        CHECK(gstage_evict(&parent));
    CHECK_EQ(store(&parent, 0, 3), TRACE_DID_LAZY);
    check_count(&parent, TABLES + 513, 0, is_evicted ? 1 : 512, 0);
    for (u64 page = 0; page < CHUNK_FRAMES; page++) {
        enum trace_did did = store(&parent, 0, page);

        if (page % 8 != 0)
            CHECK_EQ(did, TRACE_DID_SPURIOUS);
        else
            CHECK_EQ(did, is_evicted ? TRACE_DID_FILL : TRACE_DID_TAKEOVER);
    }
    check_count(&parent, TABLES + 512, 0, 0, 1);
    destroy(&parent);
}

TEST(megapage_joins_again_after_a_fork)
{
    test_must_pass(run_join_again, &(bool){false});
    test_must_pass(run_join_again, &(bool){true});
}

/* A fork of a fork: each of three splits, in turn, and the last one has it all. */
static void run_deep(void *argument)
{
    struct gstage gs[3];
    u32 order = *(u32 *)argument;

    boot(FRAMES);
    create(&gs[0]);
    fill(&gs[0], 0, ALL);
    for (u32 i = 1; i < ARRAY_LEN(gs); i++)
        CHECK_EQ(gstage_clone(&gs[i], &gs[i - 1], CLONE_COW), ERR_OK);
    for (u32 i = 0; i < ARRAY_LEN(gs); i++) {
        struct gstage *writer = &gs[(i + order) % ARRAY_LEN(gs)];

        write_word(writer, 0, 20 + i, i);
        write_word(writer, 0, 30, 40 + i);
    }
    for (u32 i = 0; i < ARRAY_LEN(gs); i++) {
        struct gstage *writer = &gs[(i + order) % ARRAY_LEN(gs)];

        for (u32 page = 0; page < ARRAY_LEN(gs); page++)
            CHECK_EQ(read_word(writer, 0, 20 + page), page == i ? i : 0);
        CHECK_EQ(read_word(writer, 0, 30), 40 + i);
        CHECK_EQ(read_word(writer, 0, 1), word_at(0, 1));
        gstage_destroy(writer);
    }
    CHECK_EQ(world_free_frames(), free_at_start);
}

TEST(megapage_of_a_fork_of_a_fork)
{
    for (u32 order = 0; order < 3; order++)
        test_must_pass(run_deep, &order);
}

static void run_copy(void *argument)
{
    struct gstage parent, child;
    bool has_room = *(bool *)argument;

    boot(FRAMES);
    create(&parent);
    fill(&parent, 0, ALL);
    fill(&parent, 1, 3);
    write_word(&parent, 0, 8, 88);
    while (!has_room && world_free_frames() > 1000)
        CHECK(frame_alloc().v != 0);
    free_at_start = world_free_frames() + gstage_count(&parent).owned + space_frames();
    CHECK_EQ(gstage_clone(&child, &parent, CLONE_COPY), has_room ? ERR_OK : ERR_NOMEM);
    check_count(&parent, TABLES + 1 + 1023, 0, 511, 1);
    if (has_room) {
        check_count(&child, 1023, 0, 0, 0);
        write_word(&parent, 0, 8, 77);
        CHECK_EQ(read_word(&child, 0, 8), 88);
        CHECK_EQ(read_word(&child, 0, 1), word_at(0, 1));
        write_word(&child, 0, 9, 1);
        gstage_destroy(&child);
        CHECK_EQ(read_word(&parent, 0, 9), 0);
    }
    destroy(&parent);
}

TEST(megapage_is_copied_in_one_piece)
{
    bool has_room = true;

    test_must_pass(run_copy, &has_room);
}

TEST(megapage_copy_needs_memory)
{
    bool has_room = false;

    test_must_pass(run_copy, &has_room);
}

/* What others hold: every chunk has a frame out, so that there is memory, but not in one piece. */
static hpa_t taken[FRAMES];
static u32 taken_count;

static void take_all(void)
{
    while ((taken[taken_count] = frame_alloc()).v != 0)
        taken_count++;
}

static void run_no_chunk(void *argument)
{
    struct gstage parent, child;
    u32 kept = 0;

    (void)argument;
    boot(FRAMES);
    take_all();
    for (u32 i = 0; i < taken_count; i++) {
        if (taken[i].v % CHUNK_BYTES == 0x5000)
            taken[kept++] = taken[i];
        else
            frame_put(taken[i]);
    }
    CHECK(kept >= FRAMES / CHUNK_FRAMES - 1);
    free_at_start = world_free_frames();
    create(&parent);
    fill(&parent, 0, ALL);
    check_count(&parent, TABLES + 513, 0, 512, 0);
    CHECK_EQ(gstage_clone(&child, &parent, CLONE_COPY), ERR_OK);
    check_count(&child, 512, 0, 0, 0);
    gstage_destroy(&child);
    destroy(&parent);
    create(&parent); /* it is what the hart then has in its cache */
    fill(&parent, 0, ALL);
    while (kept > 0)
        frame_put(taken[--kept]);
    gstage_destroy(&parent);
    free_at_start = world_free_frames();
    create(&parent);
    fill(&parent, 0, ALL);
    check_count(&parent, TABLES + 512, 0, 0, 1);
    destroy(&parent);
}

TEST(megapage_needs_a_chunk)
{
    test_must_pass(run_no_chunk, NULL);
}

/* No frame for a table, for a node, for the page: the store fails, and nothing has changed. */
static void run_split_fails(void *argument)
{
    struct gstage parent, child;
    enum trace_did did;
    u32 failures = 0;

    (void)argument;
    boot(FRAMES);
    create(&parent);
    fill(&parent, 0, ALL);
    CHECK_EQ(gstage_clone(&child, &parent, CLONE_COW), ERR_OK);
    world_free_frames();
    (void)gstage_load(&parent, 0); /* who runs keeps its tables */
    take_all();
    while (world_fault(&child, page_of(0, 9), ACCESS_WRITE, &did) != ERR_OK) {
        CHECK_EQ(gstage_count(&child).shared, 512);
        CHECK_EQ(read_word(&child, 0, 9), 0);
        CHECK_EQ(read_word(&parent, 0, 9), 0);
        frame_put(taken[--taken_count]);
        failures++;
    }
    CHECK(failures >= 4);
    check_count(&child, TABLES + 2, 511, 8, 0);
    while (taken_count > 0)
        frame_put(taken[--taken_count]);
    write_word(&child, 0, 9, 1);
    gstage_destroy(&child);
    CHECK_EQ(read_word(&parent, 0, 9), 0);
    CHECK_EQ(store(&parent, 0, 9), TRACE_DID_TAKEOVER);
    check_count(&parent, TABLES + 512, 0, 0, 1);
    destroy(&parent);
}

TEST(megapage_split_without_memory)
{
    test_must_pass(run_split_fails, NULL);
}

/* Memory that ends inside of a region. */
static void run_edge(void *argument)
{
    struct gstage gs;

    (void)argument;
    boot(FRAMES);
    CHECK_EQ(gstage_create(&gs, (gpa_t){RAM_BASE}, CHUNK_BYTES - PAGE_BYTES, &backing, 1), ERR_OK);
    fill(&gs, 0, CHUNK_FRAMES - 1);
    check_count(&gs, TABLES + 1 + 511, 0, 511, 0);
    destroy(&gs);
}

TEST(megapage_needs_all_of_its_ram)
{
    test_must_pass(run_edge, NULL);
}

/* What was reserved for a VM that ends is there for the next ones. */
static void run_many(void *argument)
{
    struct gstage gs;

    (void)argument;
    boot(FRAMES);
    for (u32 i = 0; i < FRAMES / CHUNK_FRAMES; i++) {
        create(&gs);
        for (u32 region = 0; region < RAM_BYTES / CHUNK_BYTES; region++)
            CHECK_EQ(store(&gs, region, i), TRACE_DID_LAZY);
        destroy(&gs);
    }
    create(&gs);
    fill(&gs, 0, ALL);
    check_count(&gs, TABLES + 512, 0, 0, 1);
    destroy(&gs);
}

TEST(megapage_reservation_ends_with_its_vm)
{
    test_must_pass(run_many, NULL);
}
