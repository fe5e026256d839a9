/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SipHash against others: 2-4 against the paper's own test vector, "Test values"; 1-3 against what
 * `openssl mac -macopt c-rounds:1 -macopt d-rounds:3 ... SIPHASH` prints.  Key and message count up
 * from 0.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/kit/siphash.c" // NOLINT(bugprone-suspicious-include)

#include "tests/test.h"

static const struct siphash_key counting = {
    {0x0706050403020100, 0x0f0e0d0c0b0a0908}
};

TEST(siphash_2_4_has_the_value_of_the_paper)
{
    u8 message[15];

    for (u8 i = 0; i < sizeof(message); i++) {
        message[i] = i;
    }
    CHECK_EQ(siphash(&counting, message, sizeof(message), 2, 4), 0xa129ca6149be45e5);
}

TEST(siphash_1_3_has_the_values_of_openssl)
{
    static const struct {
        u8 size;
        u64 hash;
    } expected[] = {
        {0,  0xabac0158050fc4dc},
        {1,  0xc9f49bf37d57ca93},
        {7,  0xd3927d989bb11140},
        {8,  0x369095118d299a8e},
        {9,  0x25a48eb36c063de4},
        {15, 0xd320d86d2a519956},
        {16, 0xcc4fdd1a7d908b66},
        {63, 0x9d199062b7bbb3a8},
    };

    for (u32 i = 0; i < ARRAY_LEN(expected); i++) {
        u8 *message = malloc(expected[i].size + 1U); /* its own block, at an odd address */

        for (u8 n = 0; n < expected[i].size; n++) {
            message[n + 1] = n;
        }
        CHECK_EQ(siphash13(&counting, message + 1, expected[i].size), expected[i].hash);
        free(message);
    }
    CHECK_EQ(siphash13(&counting, NULL, 0), expected[0].hash);
}

TEST(siphash_depends_on_each_bit_of_the_key)
{
    u64 hash = siphash13(&counting, "key", 3);

    for (u32 bit = 0; bit < 128; bit++) {
        struct siphash_key other = counting;

        other.word[bit / 64] ^= 1ULL << bit % 64;
        CHECK(siphash13(&other, "key", 3) != hash);
    }
}
