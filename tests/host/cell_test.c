/* SPDX-License-Identifier: BSD-2-Clause */
/* Cells: each is its owner's alone, and no frame stays when none is in use. */
#include <string.h>

#include "lib/riscv/ops.h"

#include "hv/cell.h"
#include "hv/frame.h"

#include "tests/host/hv_world.h"
#include "tests/test.h"

#define CELLS_MAX 300

/* frames: that CELLS_MAX cells hold at most. */
static const struct {
    u64 bytes, align, frames;
} kinds[] = {
    [CELL_SMALL] = {CELL_BYTES,      CELL_BYTES, CELLS_MAX    },
    [CELL_VCPU] = {CELL_VCPU_BYTES, 16,         CELLS_MAX    },
    [CELL_VM] = {CELL_VM_BYTES,   16,         CELLS_MAX * 4},
};

static void run(void *argument)
{
    static u8 *cells[CELLS_MAX];
    enum cell_kind kind = *(enum cell_kind *)argument;
    u64 state = 1, free_frames;

    world_boot(1, 4 * CELLS_MAX + 64);
    free_frames = frame_free_count();
    for (u64 steps = world_times(100000); steps > 0; steps--) {
        u64 at = test_random(&state) % CELLS_MAX;

        if (cells[at] == NULL) {
            cells[at] = cell_take(kind);
            CHECK(cells[at] != NULL && (u64)cells[at] % kinds[kind].align == 0);
            memset(cells[at], (int)(at & 0xff), kinds[kind].bytes);
            continue;
        }
        for (u64 i = 0; i < kinds[kind].bytes; i++)
            CHECK_EQ(cells[at][i], at & 0xff);
        cell_give(kind, cells[at]);
        cells[at] = NULL;
    }
    CHECK(free_frames - frame_free_count() <= kinds[kind].frames);
    for (u64 at = 0; at < CELLS_MAX; at++) {
        if (cells[at] != NULL)
            cell_give(kind, cells[at]);
    }
    CHECK_EQ(cell_trim(), kind != CELL_SMALL);
    CHECK(!cell_trim());
    CHECK_EQ(frame_free_count(), free_frames);
}

TEST(cells_are_their_owners_and_leave_no_frame)
{
    for (enum cell_kind kind = CELL_SMALL; kind < CELL_KINDS; kind++)
        test_must_pass(run, &kind);
}

/* What comes and goes alone takes and gives no memory, until somebody asks for it. */
static void run_kept(void *argument)
{
    void *first, *vms[CELL_VMS];
    u64 free_frames;

    (void)argument;
    world_boot(1, 64);
    free_frames = frame_free_count();
    first = cell_take(CELL_VM);
    cell_give(CELL_VM, first);
    CHECK_EQ(frame_free_count(), free_frames - 4);
    CHECK(cell_take(CELL_VM) == first);
    CHECK(!cell_trim());
    cell_give(CELL_VM, first);
    for (u64 i = 0; i < CELL_VMS; i++)
        vms[i] = cell_take(CELL_VM);
    CHECK_EQ(frame_free_count(), free_frames - 4);
    first = cell_take(CELL_VM);
    CHECK_EQ(frame_free_count(), free_frames - 8);
    for (u64 i = 0; i < CELL_VMS; i++)
        cell_give(CELL_VM, vms[i]);
    CHECK_EQ(frame_free_count(), free_frames - 4);
    cell_give(CELL_VM, first);
    world_leave_free(0);
    world_give_back();
    CHECK_EQ(frame_free_count(), free_frames);
}

TEST(cells_are_kept_until_memory_is_short)
{
    test_must_pass(run_kept, NULL);
}

static void run_out(void *argument)
{
    u64 free_frames;
    void *last = NULL, *cell;

    (void)argument;
    world_boot(1, 64);
    free_frames = frame_free_count();
    while ((cell = cell_alloc()) != NULL) {
        *(void **)cell = last;
        last = cell;
    }
    CHECK_EQ(frame_free_count(), 0);
    cell = last;
    last = *(void **)cell;
    cell_free(cell);
    cell = cell_alloc();
    CHECK(cell != NULL);
    *(void **)cell = last;
    last = cell;
    for (cell = last; cell != NULL; cell = last) {
        last = *(void **)cell;
        cell_free(cell);
    }
    CHECK_EQ(frame_free_count(), free_frames);
}

TEST(cells_end_with_the_memory)
{
    test_must_pass(run_out, NULL);
}
