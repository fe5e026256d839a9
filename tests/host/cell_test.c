/* SPDX-License-Identifier: BSD-2-Clause */
/* Cells: each is its owner's alone, and no frame stays when none is in use. */
#include <string.h>

#include "lib/riscv/ops.h"

#include "hv/cell.h"
#include "hv/frame.h"

#include "tests/host/hv_world.h"
#include "tests/test.h"

#define CELLS_MAX 300

static void run(void *argument)
{
    static u8 *cells[CELLS_MAX];
    u64 state = 1, free_frames;

    (void)argument;
    world_boot(1, 64);
    free_frames = frame_free_count();
    for (u64 steps = world_times(100000); steps > 0; steps--) {
        u64 at = test_random(&state) % CELLS_MAX;

        if (cells[at] == NULL) {
            cells[at] = cell_alloc();
            CHECK(cells[at] != NULL && (u64)cells[at] % CELL_BYTES == 0);
            memset(cells[at], (int)(at & 0xff), CELL_BYTES);
            continue;
        }
        for (u64 i = 0; i < CELL_BYTES; i++)
            CHECK_EQ(cells[at][i], at & 0xff);
        cell_free(cells[at]);
        cells[at] = NULL;
    }
    CHECK(free_frames - frame_free_count() <= CELLS_MAX);
    for (u64 at = 0; at < CELLS_MAX; at++) {
        if (cells[at] != NULL)
            cell_free(cells[at]);
    }
    CHECK_EQ(frame_free_count(), free_frames);
}

TEST(cells_are_their_owners_and_leave_no_frame)
{
    test_must_pass(run, NULL);
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
