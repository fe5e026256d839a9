/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Disks of hv over devices that a test plays: it decides when a request is carried out, when it is
 * back, in which order, and whether it fails.  Memory, time and the console's lines are the test's
 * as well.
 */
#include "hv/disk.h"
#include "hv/disk_machine.h"

#define WORLD_DISKS       2
#define WORLD_SECTORS_MAX 8192

struct fake_disk {
    /* how it is: */
    u64 sectors; /* 0: the slot is empty */
    bool readonly;
    u32 pieces_max, piece_bytes_max;
    u32 room;          /* requests that its queue takes */
    bool cannot_start; /* from now on */
    bool breaks_rules; /* the next look at it finds that */
    bool is_eager;     /* done as soon as it can see a request; interrupts are only counted */
    u8 bytes[WORLD_SECTORS_MAX * 512];

    /* what happened: */
    u32 started; /* requests it has: carried out or not, not back */
    u32 starts, resets, kicks, expected, interrupts;
    bool is_quiet;
};

extern struct fake_disk fake_disks[WORLD_DISKS];
extern u64 world_time;        /* ticks of 100 ns */
extern u64 world_alloc_fails; /* one of so many frame_alloc() fails; 0: none */
extern char world_said[256];  /* the last line on the console */
extern u32 world_lines;
extern bool world_has_interrupts;

/* A machine with the disks that fake_disks[] describes; requests time out after so many seconds. */
void disk_world_boot(u32 frames, u32 timeout_seconds);
/* Requests the device has that are not carried out, and those that are, are each numbered from 0.
 */
u32 fake_disk_waiting(u32 disk);
u32 fake_disk_carried_out(u32 disk);
/* Carries a request out, so that it is seen on the disk or in memory; or fails it. */
void fake_disk_carry_out(u32 disk, u32 index, bool fails);
/* A request that is carried out is back; the disk interrupts, if that was asked for. */
void fake_disk_give_back(u32 disk, u32 index);
