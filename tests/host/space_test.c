/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trees of pages against plain arrays: several spaces that fork, write and end in any order; with
 * too little memory, with others that end in the middle of a copy, and with a thread for each hart.
 */
#include <pthread.h>

#include "hv/frame.h"

#include "tests/host/hv_world.h"
#include "tests/host/space_model.h"
#include "tests/test.h"

/* Near the last page, or anywhere. */
static u64 some_page(u64 *random)
{
    static u64 last;
    u64 choice = test_random(random);

    last = choice % 4 == 0 ? (choice >> 8) % model_pages : (last + (choice >> 8) % 3) % model_pages;
    return last;
}

static void act(u64 *random)
{
    struct model *model = &models[test_random(random) % MODELS];
    u64 what = test_random(random) % 100;
    u64 page = some_page(random);

    if (!model->is_live)
        model_begin(model);
    if (what < 60)
        (void)model_write(model, page, test_random(random) | 1);
    else if (what < 70)
        model_check_page(model, page);
    else if (what < 72)
        model_share(model, page);
    else if (what < 77)
        model_drop(model, page);
    else if (what < 90)
        (void)space_reap((u32)(test_random(random) % 100));
    else if (what < 94)
        model_release(model);
    else if (what < 98)
        model_fork(&models[test_random(random) % MODELS], model);
    else
        space_node_flush();
}

struct random_run {
    u64 seed, pages;
    u32 frames;
};

static void run_random(void *argument)
{
    struct random_run run = *(struct random_run *)argument;
    u64 random = run.seed;

    model_pages = run.pages;
    world_boot(WORLD_HARTS, run.frames);
    for (u64 step = 0; step < world_times(20000); step++) {
        world_on((u32)(test_random(&random) % WORLD_HARTS));
        act(&random);
        if (step % 500 == 0)
            model_check_all();
        if (step % 5000 == 0)
            model_release_all();
    }
    model_check_all();
    model_release_all();
    model_check_all();
    for (u32 hart = 0; hart < WORLD_HARTS; hart++) {
        world_on(hart);
        space_node_flush();
    }
    CHECK_EQ(space_frames(), 0);
    CHECK_EQ(frame_free_count(), frame_total_count());
}

TEST(space_is_an_array)
{
    static const u64 sizes[] = {1, 8, 9, 64, 200, PAGES_MAX};

    for (u64 seed = 1; seed <= ARRAY_LEN(sizes); seed++)
        test_must_pass(run_random, &(struct random_run){seed, sizes[seed - 1], 20000});
}

TEST(space_survives_want)
{
    for (u64 seed = 11; seed <= 14; seed++)
        test_must_pass(run_random, &(struct random_run){seed, PAGES_MAX, (u32)seed * 100});
}

/* ---- the n-th node that cannot be had ---- */

/* A tree of some nodes, of which another space has all, so that each is copied. */
static void run_nth(void *argument)
{
    u64 random = 5;

    (void)argument;
    model_pages = PAGES_MAX;
    world_boot(1, 4000);
    for (u64 page = 0; page < PAGES_MAX; page += 100) {
        for (u64 n = 0;; n++) {
            bool is_done;

            model_begin(&models[0]);
            for (u32 i = 0; i < 40; i++)
                CHECK(model_write(&models[0], test_random(&random) % PAGES_MAX, i + 1));
            model_fork(&models[1], &models[0]);
            model_nodes_left = n;
            is_done = space_own_line(&models[0].space, page) != NULL;
            model_nodes_left = UINT64_MAX;
            model_check_all();
            CHECK(model_write(&models[0], page, 77));
            model_check_all();
            if (is_done)
                break;
            CHECK(n <= 4);
        }
    }
}

TEST(space_is_unchanged_without_memory)
{
    test_must_pass(run_nth, NULL);
}

/* ---- another owner ends while a node is copied: the copy is what remains ---- */

static void end_the_other(void)
{
    model_release(&models[1]);
}

/* Every node on the way is copied first or last; those above when it happens are alone already. */
static void run_last(void *argument)
{
    (void)argument;
    model_pages = PAGES_MAX;
    world_boot(1, 4000);
    for (u32 level = 0; level < 4; level++) {
        model_begin(&models[0]);
        for (u64 page = 0; page < 80; page += 5)
            CHECK(model_write(&models[0], page, page + 1));
        model_fork(&models[1], &models[0]);
        /* What is copied before is of another's tree, as far as to the level. */
        for (u64 bit = 0; bit < level; bit++)
            CHECK(space_own_line(&models[0].space, 1UL << (9 - 3 * bit)) != NULL);
        model_before_node = end_the_other;
        CHECK(model_write(&models[0], 0, 7));
        CHECK(model_before_node == NULL && !models[1].is_live);
        model_check_all();
    }
    model_release_all();
    model_check_all();
}

TEST(space_copies_the_last_of_a_node)
{
    test_must_pass(run_last, NULL);
}

/* ---- forks of forks ---- */

#define DEPTH 1000U

/* Each writes one page more; those between end at once, in the order of the seed. */
static void run_deep(void *argument)
{
    static struct space chain[DEPTH];
    bool ends_first = *(bool *)argument;

    model_pages = PAGES_MAX;
    world_boot(1, 20000);
    model_begin(&models[0]);
    for (u64 page = 0; page < 200; page++)
        CHECK(model_write(&models[0], page, page + 1));
    for (u32 i = 0; i < DEPTH; i++) {
        chain[i] = models[0].space;
        space_fork(&models[0].space, &chain[i]);
        if (ends_first)
            space_release(&chain[i]);
        CHECK(model_write(&models[0], i, i + 7));
        if (i > 0)
            model_check_page(&models[0], i - 1);
    }
    for (u32 i = 0; i < DEPTH && !ends_first; i++)
        space_release(&chain[(i * 7) % DEPTH]);
    model_check_all();
    model_release_all();
    model_check_all();
}

TEST(space_forks_of_forks)
{
    test_must_pass(run_deep, &(bool){true});
    test_must_pass(run_deep, &(bool){false});
}

/* ---- a region that may have one leaf of 2 MiB ---- */

/* 512 frames in one piece, as a table's are; {0}: there is none. */
static hpa_t whole_chunk(void)
{
    hpa_t table = table_alloc(), first = {0};

    table_reserve(table, first, 0);
    for (u64 i = 0; i < CHUNK_FRAMES; i++) {
        hpa_t frame = frame_alloc_home(table, i);

        if (i == 0)
            first = frame;
        if (frame.v != first.v + i * PAGE_BYTES)
            return (hpa_t){0};
    }
    table_release(table);
    table_free(table);
    return first;
}

/* Frames in one piece, from the beginning of a chunk or one frame further. */
static void fill_region(struct model *model, u64 offset)
{
    hpa_t a = whole_chunk(), b = whole_chunk();
    u64 first = a.v < b.v ? a.v : b.v;

    CHECK(a.v != 0 && b.v != 0 && a.v + b.v == 2 * first + CHUNK_BYTES);
    model_begin(model);
    for (u64 i = 0; i < 2 * CHUNK_FRAMES; i++) {
        hpa_t frame = {first + i * PAGE_BYTES};
        u64 page = CHUNK_FRAMES + i - offset, *line;

        if (i < offset || i >= CHUNK_FRAMES + offset) {
            frame_put(frame);
            continue;
        }
        CHECK(!space_region_alone(&model->space, page));
        line = space_own_line(&model->space, page);
        CHECK(line != NULL);
        model->value[page] = i + 1;
        *model_word(frame.v) = i + 1;
        space_set(&model->space, &line[page % SPACE_LINE], frame.v);
    }
}

static void run_region(void *argument)
{
    struct model *model = &models[0];

    (void)argument;
    model_pages = PAGES_MAX;
    world_boot(1, 5 * CHUNK_FRAMES);
    fill_region(model, 1);
    CHECK(!space_region_alone(&model->space, CHUNK_FRAMES));
    model_check_all();
    fill_region(model, 0);
    CHECK(!space_region_alone(&model->space, 0));
    CHECK(space_region_alone(&model->space, CHUNK_FRAMES));
    CHECK(space_region_alone(&model->space, 2 * CHUNK_FRAMES - 1));
    for (u64 page = CHUNK_FRAMES; page < 2 * CHUNK_FRAMES; page += 37) {
        u64 *line = space_own_line(&model->space, page), entry = line[page % SPACE_LINE];

        frame_get((hpa_t){entry});
        CHECK(!space_region_alone(&model->space, page));
        frame_put((hpa_t){entry});
        space_set(&model->space, &line[page % SPACE_LINE], entry | SPACE_SHARED);
        CHECK(!space_region_alone(&model->space, page));
        space_set(&model->space, &line[page % SPACE_LINE], entry);
        CHECK(space_region_alone(&model->space, page));
    }
    model_fork(&models[1], model);
    CHECK(!space_region_alone(&model->space, CHUNK_FRAMES));
    CHECK(model_write(&models[1], CHUNK_FRAMES + 300, 9));
    CHECK(!space_region_alone(&model->space, CHUNK_FRAMES));
    CHECK(!space_region_alone(&models[1].space, CHUNK_FRAMES));
    model_release(&models[1]);
    model_check_all();
    CHECK(space_region_alone(&model->space, CHUNK_FRAMES));
    model_release_all();
    model_check_all();
}

TEST(space_knows_a_region_in_one_piece)
{
    test_must_pass(run_region, NULL);
}

/* ---- an end is short, and what remains is freed bit by bit ---- */

static void run_end(void *argument)
{
    u64 free_before, rounds = 0;

    (void)argument;
    model_pages = PAGES_MAX;
    world_boot(1, 4000);
    model_begin(&models[0]);
    for (u64 page = 0; page < model_pages; page++)
        CHECK(model_write(&models[0], page, 1));
    free_before = frame_free_count();
    model_release(&models[0]);
    CHECK(frame_free_count() - free_before < 200);
    CHECK(space_waiting() < model_pages && space_waiting() > model_pages - 200);
    CHECK_EQ(models[0].space.present, 0);
    CHECK_EQ(space_next(&models[0].space, 0), model_pages);
    for (free_before = frame_free_count(); space_reap(64); free_before = frame_free_count()) {
        CHECK(frame_free_count() - free_before <= 64 + 2);
        rounds++;
        if (rounds == model_pages / 64 / 2)
            CHECK(space_waiting() > model_pages / 3 && space_waiting() < model_pages * 2 / 3);
    }
    CHECK_EQ(space_waiting(), 0);
    CHECK(rounds > model_pages / 64 / 2);
    CHECK_EQ(space_node_count(), 0);
    space_node_flush();
    CHECK_EQ(frame_free_count(), frame_total_count());
}

TEST(space_ends_in_pieces)
{
    test_must_pass(run_end, NULL);
}

/* ---- a thread for each hart ---- */

static u64 thread_steps;

/* Two at once, always in the same order. */
static void lock_both(struct model *a, struct model *b)
{
    spin_lock(a < b ? &a->lock : &b->lock);
    if (a != b)
        spin_lock(a < b ? &b->lock : &a->lock);
}

static void unlock_both(struct model *a, struct model *b)
{
    spin_unlock(&a->lock);
    if (a != b)
        spin_unlock(&b->lock);
}

static void *be_hart(void *argument)
{
    u64 random = (u64)argument + 1;

    world_on((u32)(u64)argument);
    for (u64 step = 0; step < thread_steps; step++) {
        struct model *a = &models[test_random(&random) % MODELS];
        struct model *b = &models[test_random(&random) % MODELS];
        u64 what = test_random(&random) % 100, page = test_random(&random) % model_pages;

        if (what < 10) {
            lock_both(a, b);
            model_fork(b, a);
            unlock_both(a, b);
            continue;
        }
        spin_lock(&a->lock);
        if (what < 12)
            model_begin(a);
        else if (what < 20)
            (void)space_reap(16);
        else if (what < 30)
            model_check_page(a, page);
        else
            CHECK(model_write(a, page, test_random(&random) | 1));
        spin_unlock(&a->lock);
    }
    return NULL;
}

static void run_threads(void *argument)
{
    pthread_t threads[WORLD_HARTS];

    model_pages = *(u64 *)argument;
    thread_steps = world_times(20000);
    world_boot(WORLD_HARTS, 20000);
    for (u32 i = 0; i < MODELS; i++)
        model_begin(&models[i]);
    for (u64 i = 0; i < WORLD_HARTS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, be_hart, (void *)i), 0);
    for (u32 i = 0; i < WORLD_HARTS; i++)
        pthread_join(threads[i], NULL);
    model_check_all();
    model_release_all();
    model_check_all();
}

TEST(space_on_several_harts)
{
    static const u64 sizes[] = {3, 20, 64, PAGES_MAX};

    for (u32 i = 0; i < ARRAY_LEN(sizes); i++)
        test_must_pass(run_threads, &(u64){sizes[i]});
}
