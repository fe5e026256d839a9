/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ChaCha20's block function, from which a generator of random numbers is made.  Numbers are
 * little-endian, which every machine is that this is compiled for.
 *
 *     word 0  constant  constant  constant  constant
 *          4  key       key       key       key
 *          8  key       key       key       key
 *         12  counter   nonce     nonce     nonce
 *
 * Its time depends on nothing secret: there is no branch and no table.
 *
 * A generator is a key:
 *
 *     key ── blocks 0, 1, ... ──▶ | 32 bytes: the next key | numbers ... |
 *
 * A key makes one answer and is then overwritten by bytes that nobody got (fast key erasure); so
 * neither what was given nor the key as it is later tells what else was given.
 *
 * Not done: encryption, authentication.
 *
 * [CHACHA "The ChaCha20 Block Function"]
 */
#include "lib/kit/chacha20.h"

#include <string.h>

#include "lib/kit/wipe.h"

#define WORDS         16
#define DOUBLE_ROUNDS 10

static inline u32 rotate(u32 word, u32 bits)
{
    return word << bits | word >> (32 - bits);
}

static inline void quarter_round(u32 *a, u32 *b, u32 *c, u32 *d)
{
    *a += *b;
    *d = rotate(*d ^ *a, 16);
    *c += *d;
    *b = rotate(*b ^ *c, 12);
    *a += *b;
    *d = rotate(*d ^ *a, 8);
    *c += *d;
    *b = rotate(*b ^ *c, 7);
}

/* Columns, then diagonals. */
static inline void double_round(u32 x[WORDS])
{
    quarter_round(&x[0], &x[4], &x[8], &x[12]);
    quarter_round(&x[1], &x[5], &x[9], &x[13]);
    quarter_round(&x[2], &x[6], &x[10], &x[14]);
    quarter_round(&x[3], &x[7], &x[11], &x[15]);
    quarter_round(&x[0], &x[5], &x[10], &x[15]);
    quarter_round(&x[1], &x[6], &x[11], &x[12]);
    quarter_round(&x[2], &x[7], &x[8], &x[13]);
    quarter_round(&x[3], &x[4], &x[9], &x[14]);
}

/* block may be where key or nonce are: they are read first. */
void chacha20_block(u8 block[CHACHA20_BLOCK_BYTES], const u8 key[CHACHA20_KEY_BYTES], u32 counter,
                    const u8 nonce[CHACHA20_NONCE_BYTES])
{
    u32 start[WORDS], x[WORDS];

    memcpy(start, "expand 32-byte k", 16);
    memcpy(start + 4, key, CHACHA20_KEY_BYTES);
    start[12] = counter;
    memcpy(start + 13, nonce, CHACHA20_NONCE_BYTES);
    memcpy(x, start, sizeof(x));
    for (u32 i = 0; i < DOUBLE_ROUNDS; i++)
        double_round(x);
    for (u32 i = 0; i < WORDS; i++)
        x[i] += start[i];
    memcpy(block, x, sizeof(x));
    wipe(start, sizeof(start));
    wipe(x, sizeof(x));
}

void chacha20_draw(u8 key[CHACHA20_KEY_BYTES], void *to, u64 bytes)
{
    static const u8 nonce[CHACHA20_NONCE_BYTES];
    u8 old[CHACHA20_KEY_BYTES], block[CHACHA20_BLOCK_BYTES];
    u64 used = CHACHA20_KEY_BYTES;
    u8 *at = to;

    memcpy(old, key, sizeof(old));
    chacha20_block(block, old, 0, nonce);
    memcpy(key, block, sizeof(old));
    for (u32 counter = 1; bytes > 0; counter++) {
        u64 now = sizeof(block) - used < bytes ? sizeof(block) - used : bytes;

        memcpy(at, block + used, now);
        at += now;
        bytes -= now;
        used = 0;
        if (bytes > 0)
            chacha20_block(block, old, counter, nonce);
    }
    wipe(old, sizeof(old));
    wipe(block, sizeof(block));
}
