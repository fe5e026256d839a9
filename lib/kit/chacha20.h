/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The ChaCha20 block function: a key, a counter and a nonce to 64 bytes.  See chacha20.c. */
#include "lib/kit/types.h"

#define CHACHA20_KEY_BYTES   32
#define CHACHA20_NONCE_BYTES 12
#define CHACHA20_BLOCK_BYTES 64

void chacha20_block(u8 block[CHACHA20_BLOCK_BYTES], const u8 key[CHACHA20_KEY_BYTES], u32 counter,
                    const u8 nonce[CHACHA20_NONCE_BYTES]);

/* Random bytes out of a key, which becomes another one.  The caller serialises. */
void chacha20_draw(u8 key[CHACHA20_KEY_BYTES], void *to, u64 bytes);
