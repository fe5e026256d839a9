/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The hypervisor's generator of random numbers.  See random.c. */
#include "lib/kit/err.h"
#include "lib/kit/types.h"

#define RANDOM_SEED_BYTES 32

/* Takes the seed over and wipes it.  Once, before guests are made; without it there are no numbers.
 */
void random_seed(u8 seed[RANDOM_SEED_BYTES]);
bool random_seeded(void);
/* ERR_NOSUPP: there is no seed; *to is as before. */
__must_check enum err random_bytes(void *to, u64 bytes);
