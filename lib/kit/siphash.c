/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SipHash-c-d as its paper defines it: four words of state, keyed; c rounds for each word of the
 * message, d at the end.  The last word is the rest of the message and its length in the top byte.
 * Host and RISC-V are little-endian, as the words of the message are.
 *
 * [SIPHASH "Specification of SipHash"]
 */
#include "lib/kit/siphash.h"

struct state {
    u64 v0, v1, v2, v3;
};

static inline u64 rotate(u64 x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static inline void add_rotate(u64 *a, u64 *b, unsigned bits)
{
    *a += *b;
    *b = rotate(*b, bits) ^ *a;
}

static inline void rounds(struct state *s, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        add_rotate(&s->v0, &s->v1, 13);
        s->v0 = rotate(s->v0, 32);
        add_rotate(&s->v2, &s->v3, 16);
        add_rotate(&s->v0, &s->v3, 21);
        add_rotate(&s->v2, &s->v1, 17);
        s->v2 = rotate(s->v2, 32);
    }
}

static inline void absorb(struct state *s, u64 word, unsigned count)
{
    s->v3 ^= word;
    rounds(s, count);
    s->v0 ^= word;
}

static inline u64 siphash(const struct siphash_key *key, const u8 *at, size_t size, unsigned c,
                          unsigned d)
{
    struct state s = {
        .v0 = key->word[0] ^ 0x736f6d6570736575, /* "somepseudorandomlygeneratedbytes" */
        .v1 = key->word[1] ^ 0x646f72616e646f6d,
        .v2 = key->word[0] ^ 0x6c7967656e657261,
        .v3 = key->word[1] ^ 0x7465646279746573,
    };
    u64 last = (u64)size << 56, word;

    for (; size >= sizeof(word); at += sizeof(word), size -= sizeof(word)) {
        __builtin_memcpy(&word, at, sizeof(word)); /* in place, also where -ffreestanding is */
        absorb(&s, word, c);
    }
    for (size_t i = 0; i < size; i++) {
        last |= (u64)at[i] << (8 * i);
    }
    absorb(&s, last, c);
    s.v2 ^= 0xff;
    rounds(&s, d);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

/*
 * siphash13 - hash `size` bytes under a key.
 *
 * bytes has any alignment, and may be NULL if size is 0.
 */
u64 siphash13(const struct siphash_key *key, const void *bytes, size_t size)
{
    return siphash(key, bytes, size, 1, 3);
}
