/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Spaces beside plain arrays.  All references are counted again from outside, by who follows each
 * entry of each tree.
 */
#include "tests/host/space_model.h"

#include <string.h>

#include "hv/frame.h"

#include "tests/test.h"

#define CELLS 256

struct model models[MODELS];
u64 model_pages;
void (*model_before_node)(void);
u64 model_nodes_left = UINT64_MAX;

static u64 cells[CELLS];
static u32 cells_used;

struct space_node *__real_space_node_alloc(void);
struct space_node *__wrap_space_node_alloc(void);

struct space_node *__wrap_space_node_alloc(void)
{
    void (*before)(void) = model_before_node;

    if (before != NULL) {
        model_before_node = NULL;
        before();
    }
    if (model_nodes_left == UINT64_MAX)
        return __real_space_node_alloc();
    return model_nodes_left == 0 ? NULL : (model_nodes_left--, __real_space_node_alloc());
}

u64 *model_word(u64 entry)
{
    return hpa_ptr((hpa_t){entry & ~SPACE_FLAGS});
}

static u64 expected(const struct model *model, u64 page)
{
    return model->cell[page] != 0 ? cells[model->cell[page]] : model->value[page];
}

void model_check_page(const struct model *model, u64 page)
{
    bool alone;
    const u64 *line = space_line(&model->space, page, &alone);
    u64 entry = line == NULL ? 0 : line[page % SPACE_LINE];

    CHECK_EQ(entry == 0 ? 0 : *model_word(entry), expected(model, page));
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
    for (u32 i = 0; i < MODELS; i++) {
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
    u64 present = 0, owned = 0, next = model_pages;

    CHECK_EQ(space_next(space, model_pages), model_pages);
    for (u64 page = model_pages; page-- > 0;) {
        bool alone = false;
        const u64 *line = space_line(space, page, &alone);

        model_check_page(model, page);
        if (line != NULL)
            CHECK_EQ(alone, is_alone(space, page));
        if (expected(model, page) != 0) {
            next = page;
            present++;
            owned += alone && frame_refs((hpa_t){line[page % SPACE_LINE] & ~SPACE_FLAGS}) == 1;
        }
        CHECK_EQ(space_next(space, page), next);
    }
    CHECK_EQ(space->present, present);
    CHECK_EQ(count.owned, owned);
    CHECK_EQ(count.shared, present - owned);
}

void model_check_all(void)
{
    check_counts();
    for (u32 i = 0; i < MODELS; i++) {
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
        *model_word(frame.v) = value;
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
    frame = new_frame(*entry == 0 ? 0 : *model_word(*entry));
    if (frame.v == 0)
        return NULL;
    if (*entry != 0)
        frame_put((hpa_t){*entry});
    space_set(&model->space, entry, frame.v);
    return entry;
}

bool model_write(struct model *model, u64 page, u64 value)
{
    u64 *entry = own_page(model, page);

    if (entry == NULL)
        return false;
    *model_word(*entry) = value;
    if (model->cell[page] != 0)
        cells[model->cell[page]] = value;
    else
        model->value[page] = value;
    return true;
}

void model_share(struct model *model, u64 page)
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

void model_drop(struct model *model, u64 page)
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

void model_release(struct model *model)
{
    if (model->is_live)
        space_release(&model->space);
    model->is_live = false;
}

void model_release_all(void)
{
    for (u32 i = 0; i < MODELS; i++)
        model_release(&models[i]);
    cells_used = 0;
}

void model_begin(struct model *model)
{
    model_release(model);
    space_init(&model->space, model_pages);
    memset(model->value, 0, sizeof(model->value));
    memset(model->cell, 0, sizeof(model->cell));
    model->is_live = true;
}

void model_fork(struct model *child, struct model *parent)
{
    if (child == parent)
        return;
    model_release(child);
    space_fork(&child->space, &parent->space);
    memcpy(child->value, parent->value, sizeof(child->value));
    memcpy(child->cell, parent->cell, sizeof(child->cell));
    child->is_live = true;
}
