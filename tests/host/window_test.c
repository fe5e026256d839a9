/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device of the machine in a guest's address space: what is mapped and what is refused, that a
 * fork, an end and a census leave it alone, and what happens without memory for tables.
 *
 * The device is at an address of this machine where there is nothing: whoever counts, copies or
 * frees a page of it crashes.
 */
#include <string.h>

#include "lib/riscv/pgtable.h"

#include "hv/frame.h"
#include "hv/gstage.h"

#include "tests/host/hv_world.h"
#include "tests/host/tlb_model.h"
#include "tests/test.h"

#define RAM_BASE     0x80000000UL
#define RAM_BYTES    0x4000UL
#define WINDOW       0x22000000UL
#define WINDOW_BYTES 0x400000UL
#define DEVICE       0x3000000UL

static const gpa_t gpas[TLB_PAGES] = {{RAM_BASE}, {WINDOW}};
static const struct backing with_window = {
    .window = {.gpa = {WINDOW}, .bytes = WINDOW_BYTES, .hpa = {DEVICE}},
};
static const struct backing without;
static void boot(u32 frames)
{
    world_boot(1, frames);
    vmid_init(1);
    tlb_start(gpas);
}

static void make(struct gstage *gs, const struct backing *backing)
{
    CHECK_EQ(gstage_create(gs, (gpa_t){RAM_BASE}, RAM_BYTES, backing, 1), ERR_OK);
}

static void check_fault(struct gstage *gs, u64 gpa, enum access access, enum err expected,
                        enum trace_did did_expected)
{
    enum trace_did did = TRACE_DID_NOTHING;

    vmid_load(&gs->vmid[0], gstage_load(gs, 0));
    CHECK_EQ(gstage_fault_window(gs, (gpa_t){gpa}, access, &did), expected);
    CHECK_EQ(did, did_expected);
    vmid_unload(&gs->vmid[0]);
}

static pte_t leaf(const struct gstage *gs, u64 gpa)
{
    static const struct pgtable_mode sv39x4 = SV39X4_MODE;
    u32 level;
    pte_t pte = *pgtable_find(&sv39x4, gs->root, gpa, &level);

    return level == 0 ? pte : (pte_t){0};
}

static void read_page(struct gstage *gs, u64 offset)
{
    check_fault(gs, WINDOW + offset, ACCESS_READ, ERR_OK, TRACE_DID_PASSTHROUGH);
    check_fault(gs, WINDOW + offset, ACCESS_READ, ERR_OK, TRACE_DID_SPURIOUS);
    CHECK_EQ(leaf(gs, WINDOW + offset).v & (PTE_V | PTE_RWX | PTE_U), PTE_V | PTE_R | PTE_U);
    CHECK_EQ(pte_hpa(leaf(gs, WINDOW + offset)).v, align_down(DEVICE + offset, PAGE_BYTES));
}

static void check_census(struct gstage *gs, u64 owned, u64 shared)
{
    struct gstage_census census = gstage_count(gs);

    CHECK_EQ(census.owned, owned);
    CHECK_EQ(census.shared, shared);
}

static void run_refuses(void *argument)
{
    struct gstage gs, other;
    u64 free_at_start, word = 1;
    enum trace_did did;

    (void)argument;
    boot(100);
    free_at_start = world_free_frames();
    make(&gs, &with_window);
    make(&other, &without);
    check_fault(&gs, WINDOW, ACCESS_WRITE, ERR_PERM, TRACE_DID_NOTHING);
    check_fault(&gs, WINDOW, ACCESS_EXEC, ERR_PERM, TRACE_DID_NOTHING);
    check_fault(&gs, WINDOW - 1, ACCESS_READ, ERR_NOENT, TRACE_DID_NOTHING);
    check_fault(&gs, WINDOW + WINDOW_BYTES, ACCESS_READ, ERR_NOENT, TRACE_DID_NOTHING);
    check_fault(&gs, RAM_BASE, ACCESS_READ, ERR_NOENT, TRACE_DID_NOTHING);
    check_fault(&other, WINDOW, ACCESS_READ, ERR_NOENT, TRACE_DID_NOTHING);
    check_fault(&other, 0, ACCESS_READ, ERR_NOENT, TRACE_DID_NOTHING);
    CHECK_EQ(gstage_fault(&gs, (gpa_t){WINDOW}, ACCESS_READ, &did), ERR_NOENT);
    CHECK_EQ(gstage_read(&gs, (gpa_t){WINDOW}, &word, sizeof(word)), ERR_FAULT);
    CHECK_EQ(gstage_write(&gs, (gpa_t){WINDOW}, &word, sizeof(word)), ERR_FAULT);
    check_census(&gs, 0, 0);
    read_page(&gs, 0x123);
    check_fault(&gs, WINDOW, ACCESS_WRITE, ERR_PERM, TRACE_DID_NOTHING);
    CHECK_EQ(leaf(&gs, WINDOW).v & PTE_W, 0);
    gstage_destroy(&gs);
    gstage_destroy(&other);
    CHECK_EQ(world_free_frames(), free_at_start);
}

TEST(window_is_for_loads_alone)
{
    test_must_pass(run_refuses, NULL);
}

/* Tables: the root's 4, and for RAM, if there is any, 2; for the window 1 and 2 leaf tables. */
static void run_forks(void *argument)
{
    enum clone_mode mode = *(enum clone_mode *)argument;
    u64 ram_is_shared = mode == CLONE_COW;
    struct gstage parent, child, grandchild;
    u64 free_at_start, word = 7;

    boot(100);
    free_at_start = world_free_frames();
    make(&parent, &with_window);
    read_page(&parent, 0);
    read_page(&parent, 0x1000);
    read_page(&parent, WINDOW_BYTES - 1);
    check_census(&parent, 4 + 3, 0);
    CHECK_EQ(gstage_write(&parent, (gpa_t){RAM_BASE}, &word, sizeof(word)), ERR_OK);
    check_census(&parent, 4 + 3 + 3, 0);
    CHECK_EQ(gstage_clone(&child, &parent, mode), ERR_OK);
    check_census(&parent, 4 + 3 + 3 - ram_is_shared, ram_is_shared);
    check_census(&child, 1 - ram_is_shared, ram_is_shared); /* and no tables */
    check_fault(&parent, WINDOW, ACCESS_READ, ERR_OK, TRACE_DID_SPURIOUS);
    read_page(&child, 0);
    CHECK_EQ(gstage_clone(&grandchild, &child, mode), ERR_OK);
    gstage_destroy(&parent);
    read_page(&grandchild, 0x1000);
    read_page(&grandchild, 0);
    gstage_destroy(&grandchild);
    word = 0;
    CHECK_EQ(gstage_read(&child, (gpa_t){RAM_BASE}, &word, sizeof(word)), ERR_OK);
    CHECK_EQ(word, 7);
    check_fault(&child, WINDOW, ACCESS_READ, ERR_OK, TRACE_DID_SPURIOUS);
    gstage_destroy(&child);
    CHECK_EQ(world_free_frames(), free_at_start);
}

TEST(window_is_there_on_both_sides_of_a_fork)
{
    for (enum clone_mode mode = CLONE_COW; mode <= CLONE_COPY; mode++)
        test_must_pass(run_forks, &mode);
}

/* With no frame for the first table, then none for the second. */
static void run_without_memory(void *argument)
{
    struct gstage gs;
    u64 free_at_start;
    enum trace_did did;

    (void)argument;
    boot(100);
    free_at_start = world_free_frames();
    for (u64 left = 0; left <= 2; left++) {
        hpa_t eaten = {0}, frame;

        make(&gs, &with_window);
        CHECK_EQ(world_fault(&gs, (gpa_t){RAM_BASE}, ACCESS_READ, &did), ERR_OK);
        while (world_free_frames() > left && (frame = frame_alloc()).v != 0) {
            *(hpa_t *)hpa_ptr(frame) = eaten;
            eaten = frame;
        }
        if (left < 2)
            check_fault(&gs, WINDOW, ACCESS_READ, ERR_NOMEM, TRACE_DID_NOTHING);
        else
            read_page(&gs, 0);
        while ((frame = eaten).v != 0) {
            eaten = *(hpa_t *)hpa_ptr(frame);
            frame_put(frame);
        }
        if (left < 2)
            read_page(&gs, 0);
        gstage_destroy(&gs);
        CHECK_EQ(world_free_frames(), free_at_start);
    }
}

TEST(window_without_memory_for_tables)
{
    test_must_pass(run_without_memory, NULL);
}
