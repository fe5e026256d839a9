/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A machine for host tests of hv: harts without stacks, and RAM that is an arena.  An HPA is the
 * address of a byte of it, as it is for hv itself.
 *
 * hv keeps its state in static variables and sets it up once, so each run of a world is a process
 * of its own: world_boot() is called within test_in_child().
 */
#include "lib/riscv/ops.h"

#include "hv/gstage.h"
#include "hv/hart.h"

#define WORLD_HARTS 4

/* Boots: `harts` harts, `frames` frames of RAM (the frame array is among them); 0: none yet. */
void world_boot(u32 harts, u32 frames);

/* From here on this_hart() is that one, to the calling thread. */
void world_on(u32 hart);

/* Later boots have RAM that world_ram_fd() shows too; -1 where there was no such boot. */
void world_share_ram(void);
int world_ram_fd(void);

/* RAM is [base, base + frames). */
hpa_t world_ram(void);
u32 world_frames(void);

/* All that nobody uses is free again, and this many frames are free then. */
u64 world_free_frames(void);
/* Takes frames until `count` are left for this hart, which is the only one; and gives them back. */
void world_leave_free(u64 count);
void world_give_back(void);

/* A fault of vCPU 0, which is on this hart for the time. */
enum err world_fault(struct gstage *gs, gpa_t gpa, enum access access, enum trace_did *did);

/* How often: `quick` in the quick tier, 20 times that in the full one, 200 times in the soak. */
u64 world_times(u64 quick);
