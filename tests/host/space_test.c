/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trees of pages against plain arrays: several spaces that fork, write and end in any order, with
 * all references counted again from outside; then with too little memory, and with a thread for
 * each hart.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/kit/spinlock.h"

#include "hv/frame.h"
#include "hv/space.h"

#include "tests/host/hv_world.h"
#include "tests/test.h"

#define SPACES    6
#define PAGES_MAX 1536
#define CELLS     256

/* What a page holds: a number at its beginning; shared ones are cells, which several spaces have.
 */
struct model {
    bool is_live;
    struct spinlock lock;
    struct space space;
    u64 value[PAGES_MAX]; /* 0: it is not there */
    u8 cell[PAGES_MAX];   /* not 0: the value is in cells[] */
};

static struct model models[SPACES];
static u64 cells[CELLS];
static u32 cells_used;
static u64 pages;

/* What can fail. */
struct space_node *__real_space_node_alloc(void);
struct space_node *__wrap_space_node_alloc(void);
static u64 nodes_until_failure = UINT64_MAX;

struct space_node *__wrap_space_node_alloc(void)
{
    if (nodes_until_failure == UINT64_MAX)
        return __real_space_node_alloc();
    if (nodes_until_failure == 0)
        return NULL;
    nodes_until_failure--;
    return __real_space_node_alloc();
}

static u64 *frame_words(u64 entry)
{
    return hpa_ptr((hpa_t){entry & ~SPACE_FLAGS});
}

static u64 expected(const struct model *model, u64 page)
{
    return model->cell[page] != 0 ? cells[model->cell[page]] : model->value[page];
}

static void check_page(const struct model *model, u64 page)
{
    bool alone;
    const u64 *line = space_line(&model->space, page, &alone);
    u64 entry = line == NULL ? 0 : line[page % SPACE_LINE];

    CHECK_EQ(entry == 0 ? 0 : *frame_words(entry), expected(model, page));
    CHECK_EQ((entry & SPACE_SHARED) != 0, model->cell[page] != 0);
}

/* ---- references, counted by who follows them all ---- */

#define SEEN_SLOTS 65536
static struct seen {
    u64 at; /* a node, or a frame with bit 0 set */
    u64 refs, real_refs;
} seen[SEEN_SLOTS];
static u64 seen_nodes, seen_frames;

/* One more reference to something.  True: it was not known yet. */
static bool see(u64 at, u64 real_refs)
{
    u64 slot = (at * 0x9e3779b97f4a7c15) >> 48;

    while (seen[slot].at != 0 && seen[slot].at != at)
        slot = (slot + 1) % SEEN_SLOTS;
    seen[slot].at = at;
    seen[slot].real_refs = real_refs;
    return seen[slot].refs++ == 0;
}

static void see_below(const struct space_node *node, u32 shift)
{
    if (node == NULL || !see((u64)node, node->refs))
        return;
    seen_nodes++;
    for (u32 i = 0; i < NODE_FANOUT; i++) {
        if (shift != 0)
            see_below(node->child[i], shift - NODE_FANOUT_SHIFT);
        else if (node->entry[i] != 0)
            seen_frames += see((node->entry[i] & ~SPACE_FLAGS) | 1,
                               frame_refs((hpa_t){node->entry[i] & ~SPACE_FLAGS}));
    }
}

/* Nothing waits to be freed: every count is the number of references there are, and no more. */
static void check_counts(void)
{
    while (space_reap(1000))
        ;
    memset(seen, 0, sizeof(seen));
    seen_nodes = seen_frames = 0;
    for (u32 i = 0; i < SPACES; i++) {
        if (models[i].is_live)
            see_below(models[i].space.root, models[i].space.top_shift);
    }
    for (u32 i = 0; i < SEEN_SLOTS; i++)
        CHECK_EQ(seen[i].refs, seen[i].real_refs);
    CHECK_EQ(space_node_count(), seen_nodes);
    CHECK_EQ(frame_free_count() + space_frames() + seen_frames, frame_total_count());
}

/* The same paths as a space sees them, without its own functions. */
static bool is_alone(const struct space *space, u64 page)
{
    const struct space_node *node = space->root;

    for (u32 shift = space->top_shift; node != NULL && node->refs == 1;
         shift -= NODE_FANOUT_SHIFT) {
        if (shift == 0)
            return true;
        node = node->child[page >> shift & (NODE_FANOUT - 1)];
    }
    return false;
}

/* All that can be asked of a space agrees with the arrays. */
static void check_model(const struct model *model)
{
    const struct space *space = &model->space;
    struct space_count count = space_count(space);
    u64 present = 0, owned = 0, next = 0;

    for (u64 page = 0; page < pages; page++) {
        bool alone = false;
        const u64 *line = space_line(space, page, &alone);

        check_page(model, page);
        if (line != NULL)
            CHECK_EQ(alone, is_alone(space, page));
        if (expected(model, page) == 0)
            continue;
        CHECK_EQ(space_next(space, next), page);
        next = page + 1;
        present++;
        owned += alone && frame_refs((hpa_t){line[page % SPACE_LINE] & ~SPACE_FLAGS}) == 1;
    }
    CHECK_EQ(space_next(space, next), pages);
    CHECK_EQ(space->present, present);
    CHECK_EQ(count.owned, owned);
    CHECK_EQ(count.shared, present - owned);
}

static void check_all(void)
{
    check_counts();
    for (u32 i = 0; i < SPACES; i++) {
        if (models[i].is_live)
            check_model(&models[i]);
    }
}

/* ---- what can be done to a space ---- */

/* A frame with a number in it; {0} if there is none even when all that waits is freed. */
static hpa_t new_frame(u64 value)
{
    hpa_t frame = frame_alloc();

    while (frame.v == 0 && space_reap(64))
        frame = frame_alloc();
    if (frame.v != 0)
        *frame_words(frame.v) = value;
    return frame;
}

/*
 * Makes the page the space's own, as a fault would: first touch, takeover, or copy.  NULL: no
 * memory.
 */
static u64 *own_page(struct model *model, u64 page)
{
    u64 *line = space_own_line(&model->space, page), *entry;
    hpa_t frame;

    if (line == NULL)
        return NULL;
    entry = &line[page % SPACE_LINE];
    if ((*entry & SPACE_SHARED) != 0 ||
        (*entry != 0 && frame_refs((hpa_t){*entry & ~SPACE_FLAGS}) == 1))
        return entry;
    frame = new_frame(*entry == 0 ? 0 : *frame_words(*entry));
    if (frame.v == 0)
        return NULL;
    if (*entry != 0)
        frame_put((hpa_t){*entry});
    space_set(&model->space, entry, frame.v);
    return entry;
}

static bool write_page(struct model *model, u64 page, u64 value)
{
    u64 *entry = own_page(model, page);

    if (entry == NULL)
        return false;
    *frame_words(*entry) = value;
    if (model->cell[page] != 0)
        cells[model->cell[page]] = value;
    else
        model->value[page] = value;
    return true;
}

static void share_page(struct model *model, u64 page)
{
    if (model->cell[page] != 0 || cells_used == CELLS - 1 || expected(model, page) == 0)
        return;
    u64 *entry = own_page(model, page);

    if (entry == NULL)
        return;
    space_set(&model->space, entry, *entry | SPACE_SHARED);
    model->cell[page] = (u8)++cells_used;
    cells[cells_used] = model->value[page];
}

static void drop_page(struct model *model, u64 page)
{
    u64 *line = space_own_line(&model->space, page);

    if (line == NULL)
        return;
    if (line[page % SPACE_LINE] != 0)
        frame_put((hpa_t){line[page % SPACE_LINE]});
    space_set(&model->space, &line[page % SPACE_LINE], 0);
    model->value[page] = 0;
    model->cell[page] = 0;
}

static void release(struct model *model)
{
    if (model->is_live)
        space_release(&model->space);
    model->is_live = false;
}

static void release_all(void)
{
    for (u32 i = 0; i < SPACES; i++)
        release(&models[i]);
    cells_used = 0;
}

static void begin(struct model *model)
{
    release(model);
    space_init(&model->space, pages);
    memset(model->value, 0, sizeof(model->value));
    memset(model->cell, 0, sizeof(model->cell));
    model->is_live = true;
}

static void fork_to(struct model *child, struct model *parent)
{
    if (child == parent)
        return;
    release(child);
    space_fork(&child->space, &parent->space);
    memcpy(child->value, parent->value, sizeof(child->value));
    memcpy(child->cell, parent->cell, sizeof(child->cell));
    child->is_live = true;
}

/* Near the last page, or anywhere. */
static u64 some_page(u64 *random)
{
    static u64 last;
    u64 choice = test_random(random);

    last = choice % 4 == 0 ? (choice >> 8) % pages : (last + (choice >> 8) % 3) % pages;
    return last;
}

static void act(u64 *random)
{
    struct model *model = &models[test_random(random) % SPACES];
    u64 what = test_random(random) % 100;
    u64 page = some_page(random);

    if (!model->is_live)
        begin(model);
    if (what < 60)
        (void)write_page(model, page, test_random(random) | 1);
    else if (what < 70)
        check_page(model, page);
    else if (what < 72)
        share_page(model, page);
    else if (what < 77)
        drop_page(model, page);
    else if (what < 90)
        (void)space_reap((u32)(test_random(random) % 100));
    else if (what < 94)
        release(model);
    else if (what < 98)
        fork_to(&models[test_random(random) % SPACES], model);
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

    pages = run.pages;
    world_boot(WORLD_HARTS, run.frames);
    for (u64 step = 0; step < world_times(20000); step++) {
        world_on((u32)(test_random(&random) % WORLD_HARTS));
        act(&random);
        if (step % 500 == 0)
            check_all();
        if (step % 5000 == 0)
            release_all();
    }
    check_all();
    release_all();
    check_counts();
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
    pages = PAGES_MAX;
    world_boot(1, 4000);
    for (u64 page = 0; page < PAGES_MAX; page += 100) {
        for (u64 n = 0;; n++) {
            bool is_done;

            begin(&models[0]);
            for (u32 i = 0; i < 40; i++)
                CHECK(write_page(&models[0], test_random(&random) % PAGES_MAX, i + 1));
            fork_to(&models[1], &models[0]);
            nodes_until_failure = n;
            is_done = space_own_line(&models[0].space, page) != NULL;
            nodes_until_failure = UINT64_MAX;
            check_all();
            CHECK(write_page(&models[0], page, 77));
            check_all();
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

/* ---- forks of forks ---- */

#define DEPTH 1000U

/* Each writes one page more; those between end at once, in the order of the seed. */
static void run_deep(void *argument)
{
    static struct space chain[DEPTH];
    bool ends_first = *(bool *)argument;

    pages = PAGES_MAX;
    world_boot(1, 20000);
    begin(&models[0]);
    for (u64 page = 0; page < 200; page++)
        CHECK(write_page(&models[0], page, page + 1));
    for (u32 i = 0; i < DEPTH; i++) {
        chain[i] = models[0].space;
        space_fork(&models[0].space, &chain[i]);
        if (ends_first)
            space_release(&chain[i]);
        CHECK(write_page(&models[0], i, i + 7));
        if (i > 0)
            check_page(&models[0], i - 1);
    }
    for (u32 i = 0; i < DEPTH && !ends_first; i++)
        space_release(&chain[(i * 7) % DEPTH]);
    check_all();
    release_all();
    check_counts();
}

TEST(space_forks_of_forks)
{
    test_must_pass(run_deep, &(bool){true});
    test_must_pass(run_deep, &(bool){false});
}

/* ---- a region that may have one leaf of 2 MiB ---- */

static void run_region(void *argument)
{
    struct model *model = &models[0];
    hpa_t chunk;

    (void)argument;
    pages = PAGES_MAX;
    world_boot(1, 4 * CHUNK_FRAMES);
    chunk = chunk_alloc();
    CHECK(chunk.v != 0);
    chunk_end(chunk);
    begin(model);
    for (u64 i = 0; i < CHUNK_FRAMES; i++) {
        u64 page = CHUNK_FRAMES + i;
        u64 *line = space_own_line(&model->space, page);

        CHECK(line != NULL && !space_region_alone(&model->space, page));
        model->value[page] = i + 1;
        *frame_words(chunk.v + i * PAGE_BYTES) = i + 1;
        space_set(&model->space, &line[page % SPACE_LINE], chunk.v + i * PAGE_BYTES);
    }
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
    fork_to(&models[1], model);
    CHECK(!space_region_alone(&model->space, CHUNK_FRAMES));
    CHECK(write_page(&models[1], CHUNK_FRAMES + 300, 9));
    CHECK(!space_region_alone(&model->space, CHUNK_FRAMES));
    CHECK(!space_region_alone(&models[1].space, CHUNK_FRAMES));
    release(&models[1]);
    check_all();
    CHECK(space_region_alone(&model->space, CHUNK_FRAMES));
    release_all();
    check_counts();
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
    pages = PAGES_MAX;
    world_boot(1, 4000);
    begin(&models[0]);
    for (u64 page = 0; page < pages; page++)
        CHECK(write_page(&models[0], page, 1));
    free_before = frame_free_count();
    release(&models[0]);
    CHECK(frame_free_count() - free_before < 200);
    CHECK_EQ(models[0].space.present, 0);
    CHECK_EQ(space_next(&models[0].space, 0), pages);
    for (free_before = frame_free_count(); space_reap(64); free_before = frame_free_count()) {
        CHECK(frame_free_count() - free_before <= 64 + 2);
        rounds++;
    }
    CHECK(rounds > pages / 64 / 2);
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
        struct model *a = &models[test_random(&random) % SPACES];
        struct model *b = &models[test_random(&random) % SPACES];
        u64 what = test_random(&random) % 100, page = test_random(&random) % pages;

        if (what < 10) {
            lock_both(a, b);
            fork_to(b, a);
            unlock_both(a, b);
            continue;
        }
        spin_lock(&a->lock);
        if (what < 12)
            begin(a);
        else if (what < 20)
            (void)space_reap(16);
        else if (what < 30)
            check_page(a, page);
        else
            CHECK(write_page(a, page, test_random(&random) | 1));
        spin_unlock(&a->lock);
    }
    return NULL;
}

static void run_threads(void *argument)
{
    pthread_t threads[WORLD_HARTS];

    pages = *(u64 *)argument;
    thread_steps = world_times(20000);
    world_boot(WORLD_HARTS, 20000);
    for (u32 i = 0; i < SPACES; i++)
        begin(&models[i]);
    for (u64 i = 0; i < WORLD_HARTS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, be_hart, (void *)i), 0);
    for (u32 i = 0; i < WORLD_HARTS; i++)
        pthread_join(threads[i], NULL);
    check_all();
    release_all();
    check_counts();
}

TEST(space_on_several_harts)
{
    static const u64 sizes[] = {3, 20, 64, PAGES_MAX};

    for (u32 i = 0; i < ARRAY_LEN(sizes); i++)
        test_must_pass(run_threads, &(u64){sizes[i]});
}
