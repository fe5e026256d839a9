/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hv's memory core under random guests: that it is right, that both ways to fork show guests the
 * same memory, and that it needs each of its fences.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/host/gstage_model.h"
#include "tests/host/hv_world.h"
#include "tests/test.h"

#define PLENTY 400 /* frames: memory does not run out */
#define SCARCE 70
#define ROOMY  (8 * 512)  /* room for leaves of 2 MiB */
#define HUGE   (16 * 512) /* ... for those of all VMs */

static char why[4096];

static void must_pass(struct gstage_run run)
{
    if (!test_in_child(gstage_model_run, &run, why, sizeof(why)))
        FAIL("seed %lu, %u harts, %u VMID bits, %s: %s", run.seed, run.harts, run.vmid_bits,
             run.mode == CLONE_COW ? "cow" : "copy", why);
}

/* The i-th of the machines on which everything is tried.  Every fifth is large, and runs for a
 * shorter time.
 */
static struct gstage_run machine(u64 i, u64 steps)
{
    bool is_roomy = i % 5 == 4;

    return (struct gstage_run){.seed = 1 + i,
                               .steps = is_roomy ? steps / 8 : steps,
                               .harts = 1 + (u32)(i + 1) % WORLD_HARTS,
                               .frames = is_roomy ? ROOMY : PLENTY,
                               .sweeps = is_roomy ? 6 : 0,
                               .vmid_bits = (u32)(i / 2) % 3,
                               .mode = i % 4 == 3 ? CLONE_COPY : CLONE_COW};
}

TEST(gstage_model_shows_guests_their_own_memory)
{
    for (u64 i = 0; i < 12; i++)
        must_pass(machine(i, world_times(20000)));
}

TEST(gstage_model_runs_out_of_memory)
{
    for (u64 i = 0; i < 12; i++) {
        struct gstage_run run = machine(i + 100, world_times(10000));

        run.frames = SCARCE;
        must_pass(run);
    }
}

TEST(gstage_model_cow_is_copy)
{
    u64 *digest =
        mmap(NULL, sizeof(*digest), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    CHECK(digest != MAP_FAILED);
    for (u64 seed = 1; seed <= 3; seed++) {
        struct gstage_run run = machine(seed + 203, world_times(20000));
        u64 of_copy;

        run.frames = run.sweeps > 0 ? HUGE : PLENTY;
        run.digest = digest;
        run.mode = CLONE_COPY;
        must_pass(run);
        of_copy = *digest;
        run.mode = CLONE_COW;
        must_pass(run);
        CHECK_EQ(*digest, of_copy);
    }
    munmap(digest, sizeof(*digest));
}

/*
 * Each fence that the runs above came by is left out in turn, until some machine shows that it was
 * needed.
 */
TEST(gstage_model_needs_each_fence)
{
    struct tlb_site *sites = tlb_sites();
    char undetected[4096] = "";

    for (u64 i = 0; i < 12; i++)
        must_pass(machine(i, 20000));
    for (struct tlb_site *site = sites; site->name[0] != '\0'; site++) {
        bool detected = false;
        u64 i = 0;

        for (; i < 192 && !detected; i++) {
            struct gstage_run run = machine(i, 20000);

            run.without = site;
            detected = !test_in_child(gstage_model_run, &run, why, sizeof(why));
        }
        if (detected)
            printf("without %s: detected\n", site->name);
        else
            snprintf(undetected + strlen(undetected), sizeof(undetected) - strlen(undetected),
                     "\n  %s (%lu calls)", site->name, site->calls);
    }
    if (undetected[0] != '\0')
        FAIL("nothing is wrong without these:%s", undetected);
}
