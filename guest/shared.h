/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Memory that this process has in common with those that it will fork, and with what they and it
 * execute.  See shared.c.
 */
#include "lib/kit/types.h"

/* Whole pages, their contents anything.  NULL: not to be had. */
void *shared_alloc(size_t pages);
/* This process is done with them; others keep theirs. */
void shared_free(void *first, size_t pages);
