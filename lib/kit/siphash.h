/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * SipHash-1-3: a hash of bytes under a secret key, for hash tables.  Who does not know the key
 * cannot choose inputs that collide, so take it at random, once a table or once a program, and show
 * nobody the hashes.  Not for authentication: that is SipHash-2-4's.
 */
#include "lib/kit/types.h"

struct siphash_key {
    u64 word[2]; /* little-endian, where the key is given as 16 bytes */
};

u64 siphash13(const struct siphash_key *key, const void *bytes, size_t size);
