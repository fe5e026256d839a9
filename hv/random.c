/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random numbers for guests, out of the seed that the machine's device tree had.
 *
 * Invariant: neither what guests were given, nor the key as it is later, tells what others were
 * given (chacha20.c).  Each number is given once.
 *
 * The state is one for all harts, under a lock that is taken alone or inside a G-stage's: an answer
 * takes two thousand instructions a block, and is asked for rarely.
 *
 * Not done: new entropy after the boot.  Where the tree has no seed there are no random numbers:
 * nothing else that is at hand, like the time, is one.
 *
 * [CHACHA "The ChaCha20 Block Function"]
 */
#include "hv/random.h"

#include <string.h>

#include "lib/kit/chacha20.h"
#include "lib/kit/spinlock.h"
#include "lib/kit/wipe.h"

static struct {
    struct spinlock lock;
    bool seeded; /* immutable once there are guests */
    u8 key[CHACHA20_KEY_BYTES];
} generator;

_Static_assert(RANDOM_SEED_BYTES == CHACHA20_KEY_BYTES, "the seed is the first key");

void random_seed(u8 seed[RANDOM_SEED_BYTES])
{
    memcpy(generator.key, seed, sizeof(generator.key));
    wipe(seed, RANDOM_SEED_BYTES);
    generator.seeded = true;
}

bool random_seeded(void)
{
    return generator.seeded;
}

enum err random_bytes(void *to, u64 bytes)
{
    if (!generator.seeded)
        return ERR_NOSUPP;
    spin_lock(&generator.lock);
    chacha20_draw(generator.key, to, bytes);
    spin_unlock(&generator.lock);
    return ERR_OK;
}
