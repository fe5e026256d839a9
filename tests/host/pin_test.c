/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest memory that is handed to a device: in what pieces it lies, that it is the VM's own, and
 * that other harts know when a shared page was replaced for it.
 */
#include <string.h>

#include "lib/riscv/csr.h"
#include "lib/riscv/fence.h"

#include "hv/frame.h"
#include "hv/gstage.h"

#include "tests/host/hv_world.h"
#include "tests/host/tlb_model.h"
#include "tests/test.h"

#define RAM_BASE  0x80000000UL
#define RAM_BYTES 0x601000UL
#define FRAMES    (12 * (u32)CHUNK_FRAMES)

static const gpa_t gpas[TLB_PAGES] = {{RAM_BASE}, {RAM_BASE + 0x1000}, {RAM_BASE + 0x200000}};
static const struct backing nothing;
static u64 free_at_start;

static void boot(u32 harts, u32 frames, struct gstage *gs)
{
    enum trace_did did;

    world_boot(harts, frames);
    vmid_init(2);
    tlb_start(gpas);
    free_at_start = world_free_frames();
    CHECK_EQ(gstage_create(gs, (gpa_t){RAM_BASE}, RAM_BYTES, &nothing, 1), ERR_OK);
    CHECK_EQ(world_fault(gs, (gpa_t){RAM_BASE + RAM_BYTES - 1}, ACCESS_READ, &did), ERR_OK);
}

static hpa_t pin(struct gstage *gs, u64 offset, u64 expected_run)
{
    u64 run = 0;
    hpa_t at = gstage_pin(gs, (gpa_t){RAM_BASE + offset}, &run);

    if (at.v != 0)
        CHECK_EQ(run, expected_run);
    return at;
}

static void run_pieces(void *argument)
{
    struct gstage gs;
    hpa_t first;

    (void)argument;
    boot(1, FRAMES, &gs);
    first = pin(&gs, 0x18, PAGE_BYTES - 0x18);
    CHECK_EQ(pin(&gs, 0x1000, PAGE_BYTES).v, first.v - 0x18 + PAGE_BYTES);
    CHECK_EQ(pin(&gs, 0x18, 2 * PAGE_BYTES - 0x18).v, first.v);
    /* three in a row bring the rest of a line of eight, and then whole lines */
    for (u64 page = 2; page < CHUNK_FRAMES - 8; page++)
        CHECK(pin(&gs, page * PAGE_BYTES, (page == 2 ? 1 : 8 - page % 8) * PAGE_BYTES).v != 0);
    for (u64 page = CHUNK_FRAMES - 2; page >= CHUNK_FRAMES - 8; page--)
        CHECK(pin(&gs, page * PAGE_BYTES, (CHUNK_FRAMES - 1 - page) * PAGE_BYTES).v != 0);
    CHECK_EQ(pin(&gs, 0x18, 32 * PAGE_BYTES - 0x18).v, first.v); /* no further */
    CHECK_EQ(pin(&gs, (CHUNK_FRAMES - 3) * PAGE_BYTES, 2 * PAGE_BYTES).v,
             first.v - 0x18 + (CHUNK_FRAMES - 3) * PAGE_BYTES);
    /* the last page of 512 makes a leaf of 2 MiB */
    CHECK_EQ(pin(&gs, CHUNK_BYTES - 1, 1).v, first.v - 0x18 + CHUNK_BYTES - 1);
    CHECK_EQ(pin(&gs, 0x18, CHUNK_BYTES - 0x18).v, first.v);
    CHECK_EQ(gstage_count(&gs).leaves_2m, 1);
    CHECK(pin(&gs, RAM_BYTES - 1, 1).v != 0);
    CHECK_EQ(pin(&gs, RAM_BYTES, 0).v, 0);
    CHECK_EQ(pin(&gs, -1UL, 0).v, 0);
    CHECK_EQ(pin(&gs, -RAM_BASE, 0).v, 0);
    gstage_destroy(&gs);
    CHECK_EQ(world_free_frames(), free_at_start);
}

TEST(pin_tells_pieces)
{
    test_must_pass(run_pieces, NULL);
}

/* A page that is pinned is no longer shared, not even to be read: nobody else's end gives it back.
 */
static void run_shared(void *argument)
{
    struct gstage parent, child;
    hpa_t before;
    u64 word = 7;

    (void)argument;
    boot(1, FRAMES, &parent);
    CHECK_EQ(gstage_write(&parent, gpas[0], &word, sizeof(word)), ERR_OK);
    before = pin(&parent, 0, PAGE_BYTES);
    CHECK_EQ(gstage_clone(&child, &parent, CLONE_COW), ERR_OK);
    CHECK(pin(&parent, 0, PAGE_BYTES).v != before.v);
    CHECK_EQ(pin(&child, 0, PAGE_BYTES).v, before.v);
    word = 8;
    CHECK_EQ(gstage_write(&parent, gpas[0], &word, sizeof(word)), ERR_OK);
    CHECK_EQ(*(u64 *)hpa_ptr(pin(&parent, 0, PAGE_BYTES)), 8);
    CHECK_EQ(*(u64 *)hpa_ptr(before), 7);
    gstage_destroy(&child);
    gstage_destroy(&parent);
    CHECK_EQ(world_free_frames(), free_at_start);
}

TEST(pin_breaks_copy_on_write)
{
    test_must_pass(run_shared, NULL);
}

static void run_no_memory(void *argument)
{
    struct gstage parent, child;

    (void)argument;
    boot(1, FRAMES, &parent);
    CHECK(pin(&parent, 0, PAGE_BYTES).v != 0);
    CHECK_EQ(gstage_clone(&child, &parent, CLONE_COW), ERR_OK);
    while (frame_alloc().v != 0)
        ;
    CHECK_EQ(pin(&parent, 0, PAGE_BYTES).v, 0);
    CHECK_EQ(pin(&parent, 0x1000, PAGE_BYTES).v, 0);
    CHECK_EQ(pin(&parent, CHUNK_BYTES, PAGE_BYTES).v, 0);
}

TEST(pin_without_memory)
{
    test_must_pass(run_no_memory, NULL);
}

/* A disk's answer comes to hart 0 while the only vCPU of the VM runs on hart 1, where the shared
 * page is in the TLB. */
static void run_elsewhere(void *argument)
{
    struct gstage parent, child;
    u64 word = 7;

    (void)argument;
    boot(2, FRAMES, &parent);
    for (u32 page = 0; page < 2; page++)
        CHECK_EQ(gstage_write(&parent, gpas[page], &word, sizeof(word)), ERR_OK);
    CHECK_EQ(gstage_clone(&child, &parent, CLONE_COW), ERR_OK);
    world_on(1);
    vmid_load(&parent.vmid[0], gstage_load(&parent, 0));
    tlb_observe();
    world_on(0);
    CHECK(pin(&parent, 0, PAGE_BYTES).v != 0);
    world_on(1);
    tlb_check();
    vmid_unload(&parent.vmid[0]);
    world_on(0);
    CHECK(pin(&parent, 0x1000, PAGE_BYTES).v != 0);
    world_on(1);
    vmid_load(&parent.vmid[0], gstage_load(&parent, 0));
    tlb_check();
}

TEST(pin_replaces_a_page_that_another_hart_uses)
{
    test_must_pass(run_elsewhere, NULL);
}
