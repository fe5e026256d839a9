/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* How the frame pool begins: between frame_init.c and frame.c, for nobody else. */
#include "hv/frame.h"

/* What the arrays of a pool over `span`, whole chunks, need. */
u64 pool_bytes(struct memory_range span);
/* All frames of `span` are held from here on; the arrays are at `at`. */
void pool_start(struct memory_range span, hpa_t at);
/* Frees whole frames. */
void pool_give_range(struct memory_range range);
