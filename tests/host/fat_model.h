/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Random operations on a file system, and the same on a tree in memory, which says what must come
 * out. */
#include "tests/host/fat_world.h"

/* Runs so many operations and compares all along; at the end fsck.fat and mtools judge. */
void model_run(struct disk *disk, u32 cache_bytes, u64 seed, u64 operations, u64 file_max);
