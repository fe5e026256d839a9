/* SPDX-License-Identifier: BSD-2-Clause */
/* Sectors over a struct block that is memory: what is asked of it, and what is refused. */
#include <errno.h>
#include <string.h>

#include "guest/block.h"

#include "tests/test.h"

#define SECTORS 64

static u8 medium[SECTORS * SECTOR_BYTES];
static u32 requests, fails_at; /* the number of the request that fails; 0: none */
static u32 flushes;

static int start(struct block *block, struct block_request *request)
{
    int error = block_check(block, request);
    u8 *at = medium + request->sector * SECTOR_BYTES;

    if (error) {
        return error;
    }
    requests++;
    for (u32 i = 0; i < request->count; i++) {
        const struct block_piece *piece = &request->pieces[i];

        if (request->op == BLOCK_READ) {
            memcpy(piece->at, at, piece->bytes);
        } else {
            memcpy(at, piece->at, piece->bytes);
        }
        at += piece->bytes;
    }
    flushes += request->op == BLOCK_FLUSH;
    request->error = requests == fails_at ? EIO : 0;
    return 0;
}

static void wait(struct block *block, struct block_request *request)
{
    (void)block;
    request->over = true;
}

static struct block make(u32 bytes_max)
{
    static const struct block_ops ops = {.start = start, .wait = wait};

    for (size_t i = 0; i < sizeof(medium); i++) {
        medium[i] = (u8)(i * 7 + i / SECTOR_BYTES);
    }
    requests = fails_at = flushes = 0;
    return (struct block){.ops = &ops, .sectors = SECTORS, .pieces_max = 2, .bytes_max = bytes_max};
}

TEST(block_transfers_in_as_many_requests_as_it_takes)
{
    static _Alignas(4) u8 buffer[sizeof(medium)];
    struct block block = make(3 * SECTOR_BYTES);

    CHECK_EQ(block_read(&block, 1, buffer, 10 * SECTOR_BYTES), 0);
    CHECK_EQ(requests, 4);
    CHECK_EQ(memcmp(buffer, medium + SECTOR_BYTES, 10 * SECTOR_BYTES), 0);
    memset(buffer, 0x5a, sizeof(buffer));
    CHECK_EQ(block_write(&block, 60, buffer, 4 * SECTOR_BYTES), 0);
    CHECK_EQ(memcmp(medium + 60 * SECTOR_BYTES, buffer, 4 * SECTOR_BYTES), 0);
    CHECK_EQ(requests, 6);
    CHECK_EQ(block_flush(&block), 0);
    CHECK_EQ(flushes, 1);
}

TEST(block_takes_memory_at_any_address)
{
    static _Alignas(4) u8 buffer[sizeof(medium) + 4];

    for (u32 offset = 0; offset < 4; offset++) {
        struct block block = make(8 * SECTOR_BYTES);

        memset(buffer, 0, sizeof(buffer));
        CHECK_EQ(block_read(&block, 0, buffer + offset, sizeof(medium)), 0);
        CHECK_EQ(memcmp(buffer + offset, medium, sizeof(medium)), 0);
        memset(buffer + offset, 0x77, 9 * SECTOR_BYTES);
        CHECK_EQ(block_write(&block, 5, buffer + offset, 9 * SECTOR_BYTES), 0);
        CHECK_EQ(memcmp(medium + 5 * SECTOR_BYTES, buffer + offset, 9 * SECTOR_BYTES), 0);
        CHECK(medium[14 * SECTOR_BYTES] != 0x77);
    }
}

TEST(block_stops_at_the_first_error)
{
    static _Alignas(4) u8 buffer[sizeof(medium)];
    struct block block = make(SECTOR_BYTES);

    fails_at = 3;
    CHECK_EQ(block_read(&block, 0, buffer, 8 * SECTOR_BYTES), EIO);
    CHECK_EQ(requests, 3);
    fails_at = 4;
    CHECK_EQ(block_flush(&block), EIO);
}

TEST(block_refuses_what_is_not_there)
{
    static _Alignas(4) u8 buffer[4 * SECTOR_BYTES];
    struct block_piece pieces[3] = {
        {.at = buffer, .bytes = SECTOR_BYTES},
        {.at = buffer, .bytes = SECTOR_BYTES},
        {.at = buffer, .bytes = SECTOR_BYTES}
    };
    struct block_request request = {.op = BLOCK_READ, .count = 2, .pieces = pieces};
    struct block block = make(2 * SECTOR_BYTES);

    CHECK_EQ(block_read(&block, SECTORS, buffer, 0), 0);
    CHECK_EQ(block_read(&block, SECTORS, buffer, SECTOR_BYTES), EINVAL);
    CHECK_EQ(block_read(&block, SECTORS - 1, buffer, 2 * SECTOR_BYTES), EINVAL);
    CHECK_EQ(block_read(&block, UINT64_MAX, buffer, SECTOR_BYTES), EINVAL);
    CHECK_EQ(block_read(&block, 0, buffer, SECTOR_BYTES - 1), EINVAL);
    CHECK_EQ(block_write(&block, 1, buffer, UINT64_MAX - SECTOR_BYTES + 1), EINVAL);
    CHECK_EQ(requests, 0);
    CHECK_EQ(block_check(&block, &request), 0);
    request.sector = SECTORS - 1;
    CHECK_EQ(block_check(&block, &request), EINVAL);
    request.sector = 0;
    request.count = 3;
    CHECK_EQ(block_check(&block, &request), EINVAL);
    request.count = 0;
    CHECK_EQ(block_check(&block, &request), EINVAL);
    request.count = 1;
    pieces[0].bytes = 3 * SECTOR_BYTES; /* more than a request may have */
    CHECK_EQ(block_check(&block, &request), EINVAL);
    pieces[0].bytes = 0;
    CHECK_EQ(block_check(&block, &request), EINVAL);
    pieces[0] = (struct block_piece){.at = buffer + 2, .bytes = SECTOR_BYTES};
    CHECK_EQ(block_check(&block, &request), EINVAL);
}

TEST(block_that_is_read_only_is_not_written)
{
    static _Alignas(4) u8 buffer[SECTOR_BYTES];
    struct block_piece piece = {.at = buffer, .bytes = SECTOR_BYTES};
    struct block_request request = {.op = BLOCK_WRITE, .count = 1, .pieces = &piece};
    struct block block = make(SECTOR_BYTES);

    block.readonly = true;
    CHECK_EQ(block_write(&block, 0, buffer, sizeof(buffer)), EROFS);
    CHECK_EQ(block_check(&block, &request), EROFS);
    CHECK_EQ(block_read(&block, 0, buffer, sizeof(buffer)), 0);
    CHECK_EQ(requests, 1);
}
