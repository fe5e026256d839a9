/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The harts and the RAM of a machine for host tests of hv.
 *
 * It runs nothing by itself: a test says which hart acts next, or which thread is which hart.  What
 * hv asks of another hart (remote fences) happens at once.  Fences and CSRs are tlb_model.c's.
 */
#define _GNU_SOURCE /* memfd_create() */
#include "tests/host/hv_world.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hv/frame.h"
#include "hv/reclaim.h"
#include "hv/space.h"

#include "tests/test.h"

static struct hart harts[WORLD_HARTS];
static u32 hart_total;
static _Thread_local u32 current;
static u8 *ram;
static u32 ram_frames;
static int ram_fd = -1;
static bool is_shared;

struct hart *this_hart(void)
{
    return &harts[current];
}

struct hart *hart_at(u32 index)
{
    return &harts[index];
}

u32 hart_count(void)
{
    return hart_total;
}

void world_on(u32 hart)
{
    current = hart;
}

hpa_t world_ram(void)
{
    return hpa_of(ram);
}

u32 world_frames(void)
{
    return ram_frames;
}

u64 world_free_frames(void)
{
    u32 here = current;

    reclaim_all();
    for (u32 hart = 0; hart < hart_total; hart++) {
        world_on(hart);
        space_node_flush();
    }
    world_on(here);
    return frame_free_count();
}

enum err world_fault(struct gstage *gs, gpa_t gpa, enum access access, enum trace_did *did)
{
    enum err err;

    vmid_load(&gs->vmid[0], gstage_load(gs, 0));
    err = gstage_fault(gs, gpa, access, did);
    vmid_unload(&gs->vmid[0]);
    return err;
}

u64 world_times(u64 quick)
{
    const char *tier = getenv("TIER");

    if (tier == NULL || strcmp(tier, "quick") == 0)
        return quick;
    return strcmp(tier, "soak") == 0 ? quick * 200 : quick * 20;
}

static void boot_harts(u32 count)
{
    hart_total = count;
    for (u32 i = 0; i < count; i++) {
        harts[i] = (struct hart){.index = i, .id = 10 + i, .vmid_generation = 1};
    }
    current = 0;
}

void world_share_ram(void)
{
    is_shared = true;
}

int world_ram_fd(void)
{
    return ram_fd;
}

/* The same place, but a file. */
static void share_ram(u64 bytes)
{
    ram_fd = memfd_create("ram", 0);
    CHECK(ram_fd >= 0 && ftruncate(ram_fd, (off_t)bytes) == 0);
    CHECK(mmap(ram, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, ram_fd, 0) == ram);
}

/* Junk, so that what relies on zeros is seen. */
static void boot_ram(u32 frames)
{
    struct memory_range range;

    ram_frames = frames;
    ram = aligned_alloc(CHUNK_BYTES, align_up(frames * PAGE_BYTES, CHUNK_BYTES));
    CHECK(ram != NULL);
    if (is_shared)
        share_ram(frames * PAGE_BYTES);
    memset(ram, 0xa5, frames * PAGE_BYTES);
    range = (struct memory_range){.base = (u64)ram, .bytes = frames * PAGE_BYTES};
    frame_init(&range, 1, NULL, 0);
}

void world_boot(u32 count, u32 frames)
{
    boot_harts(count);
    if (frames > 0)
        boot_ram(frames);
}

static hpa_t eaten; /* a chain of frames through their first words */

void world_leave_free(u64 count)
{
    while (world_free_frames() > count) {
        hpa_t frame = frame_alloc();

        CHECK(frame.v != 0);
        *(hpa_t *)hpa_ptr(frame) = eaten;
        eaten = frame;
    }
}

void world_give_back(void)
{
    while (eaten.v != 0) {
        hpa_t frame = eaten;

        eaten = *(hpa_t *)hpa_ptr(frame);
        frame_put(frame);
    }
}
