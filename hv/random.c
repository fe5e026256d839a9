/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random numbers for guests, out of the seed that the machine's device tree had.
 *
 * Invariant: neither what guests were given, nor the state as it is later, tells what others were
 * given (chacha20.c): what is drawn ahead is forgotten as it is given.  Each number is given once.
 *
 * The state is one for all harts, under a lock that is taken alone or inside a G-stage's.  A block
 * takes three thousand instructions: four are drawn together, of which half a one is the next key.
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

#define AHEAD_BYTES (4 * CHACHA20_BLOCK_BYTES - CHACHA20_KEY_BYTES)

static struct {
    struct spinlock lock;
    bool seeded; /* immutable once there are guests */
    u8 key[CHACHA20_KEY_BYTES];
    _Alignas(u64) u8 ahead[AHEAD_BYTES];
    u64 left; /* of them, the last ones; the others are zero */
} generator;

_Static_assert(RANDOM_SEED_BYTES == CHACHA20_KEY_BYTES, "the seed is the first key");

static void draw_ahead(void)
{
    chacha20_draw(generator.key, generator.ahead, AHEAD_BYTES);
    generator.left = AHEAD_BYTES;
}

void random_seed(u8 seed[RANDOM_SEED_BYTES])
{
    memcpy(generator.key, seed, sizeof(generator.key));
    wipe(seed, RANDOM_SEED_BYTES);
    draw_ahead();
    generator.seeded = true;
}

bool random_seeded(void)
{
    return generator.seeded;
}

enum err random_bytes(void *to, u64 bytes)
{
    u8 *at = to;

    if (!generator.seeded)
        return ERR_NOSUPP;
    spin_lock(&generator.lock);
    while (bytes > 0) {
        u8 *from = generator.ahead + AHEAD_BYTES - generator.left;
        u64 now = bytes < generator.left ? bytes : generator.left;

        memcpy(at, from, now);
        wipe(from, now);
        at += now;
        bytes -= now;
        generator.left -= now;
        if (generator.left == 0)
            draw_ahead();
    }
    spin_unlock(&generator.lock);
    return ERR_OK;
}
