/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random numbers: ChaCha20 by the vectors of its RFC, the generator by what RFC and key erasure
 * make of an all-zero seed, and what of it guests find in their memory.
 */
#include <stdio.h>
#include <string.h>

#include "lib/kit/chacha20.h"

#include "hv/frame.h"
#include "hv/gstage.h"
#include "hv/random.h"

#include "tests/host/hv_world.h"
#include "tests/host/tlb_model.h"
#include "tests/test.h"

static void from_hex(u8 *bytes, size_t count, const char *hex)
{
    CHECK_EQ(strlen(hex), 2 * count);
    for (size_t i = 0; i < count; i++) {
        unsigned byte;

        CHECK_EQ(sscanf(hex + 2 * i, "%2x", &byte), 1);
        bytes[i] = (u8)byte;
    }
}

#define ZEROS_12 "000000000000000000000000"
#define ZEROS_16 "00000000000000000000000000000000"

#define FIRST_HALF_0  "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
#define SECOND_HALF_0 "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"
#define FIRST_HALF_1  "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
#define SECOND_HALF_1 "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f"

/* [CHACHA "The ChaCha20 Block Function", "Test Vectors"] */
static const struct {
    const char *key, *nonce;
    u32 counter;
    const char *block;
} vectors[] = {
    {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "000000090000004a00000000",
     1,                                                                                                 "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
     "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e"                                                    },
    {ZEROS_16 ZEROS_16,                                                  ZEROS_12,                   0, FIRST_HALF_0 SECOND_HALF_0},
    {ZEROS_16 ZEROS_16,                                                  ZEROS_12,                   1, FIRST_HALF_1 SECOND_HALF_1},
    {ZEROS_16 "00000000000000000000000000000001",                        ZEROS_12,                   1,
     "3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a"
     "8eca00bbb4a73bdad192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0"                                                           },
    {"00ff0000000000000000000000000000" ZEROS_16,                        ZEROS_12,                   2,
     "72d54dfbf12ec44b362692df94137f328fea8da73990265ec1bbbea1ae9af0ca"
     "13b25aa26cb4a648cb9b9d1be65b2c0924a66c54d545ec1b7374f4872e99f096"                                                           },
    {ZEROS_16 ZEROS_16,                                                  "000000000000000000000002", 0,
     "c2c64d378cd536374ae204b9ef933fcd1a8b2288b3dfa49672ab765b54ee27c7"
     "8a970e0e955c14f3a88e741b97c286f75f8fc299e8148362fa198a39531bed6d"                                                           },
};

TEST(chacha20_is_that_of_its_rfc)
{
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        u8 key[CHACHA20_KEY_BYTES], nonce[CHACHA20_NONCE_BYTES];
        u8 expected[CHACHA20_BLOCK_BYTES], block[CHACHA20_BLOCK_BYTES];

        from_hex(key, sizeof(key), vectors[i].key);
        from_hex(nonce, sizeof(nonce), vectors[i].nonce);
        from_hex(expected, sizeof(expected), vectors[i].block);
        chacha20_block(block, key, vectors[i].counter, nonce);
        if (memcmp(block, expected, sizeof(block)) != 0)
            FAIL("vector %zu", i);
    }
}

/* ---- the generator ---- */

static void run_unseeded(void *argument)
{
    u8 numbers[8] = {1, 2, 3};

    (void)argument;
    CHECK(!random_seeded());
    CHECK_EQ(random_bytes(numbers, sizeof(numbers)), ERR_NOSUPP);
    CHECK_EQ(numbers[0] + numbers[1] + numbers[2] + numbers[3], 6);
}

TEST(random_without_a_seed_gives_nothing)
{
    test_must_pass(run_unseeded, NULL);
}

static void seed_with(u8 byte)
{
    u8 seed[RANDOM_SEED_BYTES];

    memset(seed, byte, sizeof(seed));
    random_seed(seed);
    CHECK(random_seeded());
    for (size_t i = 0; i < sizeof(seed); i++)
        CHECK_EQ(seed[i], 0);
}

static void check_next(const char *hex)
{
    u8 expected[128], numbers[128];
    size_t bytes = strlen(hex) / 2;

    from_hex(expected, bytes, hex);
    CHECK_EQ(random_bytes(numbers, bytes), ERR_OK);
    CHECK(memcmp(numbers, expected, bytes) == 0);
}

/* The first half of block 0 is the next key, what follows is given out. */
static void run_erases_keys(void *argument)
{
    static const u8 nonce[CHACHA20_NONCE_BYTES];
    u8 key[CHACHA20_KEY_BYTES], block[CHACHA20_BLOCK_BYTES], numbers[128];

    (void)argument;
    seed_with(0);
    check_next(SECOND_HALF_0);
    check_next(FIRST_HALF_1 SECOND_HALF_1);
    /* four blocks are drawn together */
    CHECK_EQ(random_bytes(numbers, 128), ERR_OK);
    from_hex(key, sizeof(key), FIRST_HALF_0);
    chacha20_block(block, key, 0, nonce);
    CHECK_EQ(random_bytes(numbers, 32), ERR_OK);
    CHECK(memcmp(numbers, block + 32, 32) == 0);
}

TEST(random_erases_each_key)
{
    test_must_pass(run_erases_keys, NULL);
}

#define CALLS 1000

/* However many are asked for: each byte is written, none behind, and no 8 of them come twice. */
static void run_lengths(void *argument)
{
    static u64 seen[CALLS];
    u8 numbers[256];

    (void)argument;
    seed_with(7);
    for (u32 i = 0; i < CALLS; i++) {
        u64 bytes = 8 + i % 200;

        memset(numbers, 0, sizeof(numbers));
        CHECK_EQ(random_bytes(numbers, bytes), ERR_OK);
        memcpy(&seen[i], numbers + bytes - 8, 8);
        CHECK(seen[i] != 0);
        CHECK_EQ(numbers[bytes], 0);
        for (u32 k = 0; k < i; k++)
            CHECK(seen[k] != seen[i]);
    }
    CHECK_EQ(random_bytes(numbers, 0), ERR_OK);
}

TEST(random_numbers_come_once)
{
    test_must_pass(run_lengths, NULL);
}

/* ---- seeds in guests' memory ---- */

#define RAM_BASE  0x80000000UL
#define RAM_BYTES 0x4000UL

static const gpa_t gpas[TLB_PAGES] = {{RAM_BASE}};

/* Across the end of a page, within a part. */
static u8 file[2 * PAGE_BYTES];
static const struct backing backing = {
    .seed = {RAM_BASE + 2 * PAGE_BYTES - 8},
    .count = 1,
    .part = {{{RAM_BASE + PAGE_BYTES}, sizeof(file), file}},
};

static void make(struct gstage *gs)
{
    CHECK_EQ(gstage_create(gs, (gpa_t){RAM_BASE}, RAM_BYTES, &backing, 1), ERR_OK);
}

struct seed {
    u8 byte[SEED_BYTES];
};

/* All but the seed is the file's. */
static struct seed seed_of(struct gstage *gs)
{
    u8 pages[sizeof(file)];
    struct seed seed;

    CHECK_EQ(gstage_read(gs, backing.part[0].gpa, pages, sizeof(pages)), ERR_OK);
    memcpy(&seed, pages + PAGE_BYTES - 8, sizeof(seed));
    memset(pages + PAGE_BYTES - 8, 0x5a, sizeof(seed));
    CHECK(memcmp(pages, file, sizeof(pages)) == 0);
    return seed;
}

static bool is_like(struct seed a, struct seed b)
{
    bool first = memcmp(a.byte, b.byte, 8) == 0;

    CHECK_EQ(first, memcmp(a.byte + 8, b.byte + 8, sizeof(a) - 8) == 0);
    return first;
}

static void run_seeds(void *argument)
{
    struct gstage first, second, child;
    struct seed before;

    (void)argument;
    world_boot(1, 100);
    vmid_init(1);
    tlb_start(gpas);
    seed_with(1);
    memset(file, 0x5a, sizeof(file));
    make(&first);
    make(&second);
    before = seed_of(&first);
    CHECK(is_like(before, seed_of(&first)));
    CHECK(!is_like(before, seed_of(&second)));
    for (enum clone_mode mode = CLONE_COW; mode <= CLONE_COPY; mode++) {
        CHECK_EQ(gstage_clone(&child, &first, mode), ERR_OK);
        CHECK(is_like(before, seed_of(&child)));
        gstage_destroy(&child);
    }
    /* a reset; then a fork before anybody has looked */
    gstage_destroy(&first);
    make(&first);
    CHECK_EQ(gstage_clone(&child, &first, CLONE_COW), ERR_OK);
    CHECK(!is_like(seed_of(&child), seed_of(&first)));
    CHECK(!is_like(before, seed_of(&first)));
}

TEST(random_seeds_differ_between_guests_and_resets)
{
    test_must_pass(run_seeds, NULL);
}
