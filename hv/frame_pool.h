/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Between frame.c, frame_init.c (how it begins) and table.c (page tables), for nobody else. */
#include "hv/frame.h"

/* What the arrays of a pool over `span`, whole chunks, need. */
u64 pool_bytes(struct memory_range span);
/* All frames of `span` are held from here on; the arrays are at `at`. */
void pool_start(struct memory_range span, hpa_t at);
/* Frees whole frames. */
void pool_give_range(struct memory_range range);

/* A clean table, which is one frame or a group of *count, is ordinary memory from here on; {0}:
 * there is none. */
hpa_t table_take_clean(u32 *count);
/* Frames of all clean ones. */
u64 table_clean_frames(void);
