/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading and writing sectors, on top of any struct block: as many requests as it takes, one at a
 * time.  Memory that is not aligned to 4, which pieces must be, goes through a buffer.
 *
 * No cache, no memory of its own but for that buffer on the stack.
 */
#include "guest/block.h"

#include <errno.h>
#include <string.h>

#define PIECE_ALIGN  4
#define BOUNCE_BYTES 2048

static bool fits(const struct block *block, u64 sector, u64 bytes)
{
    return bytes % SECTOR_BYTES == 0 && sector <= block->sectors &&
           bytes / SECTOR_BYTES <= block->sectors - sector;
}

/*
 * block_check - what is the matter with a request, for drivers to begin with.
 *
 * 0 means: its pieces are as struct block says, whole sectors, within the disk, and aligned.
 * EINVAL, EROFS.
 */
int block_check(const struct block *block, const struct block_request *request)
{
    u64 bytes = 0;

    if (request->op == BLOCK_FLUSH) {
        return request->count == 0 ? 0 : EINVAL;
    }
    if (request->count == 0 || request->count > block->pieces_max) {
        return EINVAL;
    }
    for (u32 i = 0; i < request->count; i++) {
        const struct block_piece *piece = &request->pieces[i];

        if (piece->bytes == 0 || piece->bytes % SECTOR_BYTES != 0 ||
            (uintptr_t)piece->at % PIECE_ALIGN != 0) {
            return EINVAL;
        }
        bytes += piece->bytes;
    }
    if (bytes > block->bytes_max || !fits(block, request->sector, bytes)) {
        return EINVAL;
    }
    return request->op == BLOCK_WRITE && block->readonly ? EROFS : 0;
}

static int run(struct block *block, struct block_request *request)
{
    int error = block->ops->start(block, request);

    if (error == 0) {
        block->ops->wait(block, request);
        error = request->error;
    }
    return error;
}

static int run_piece(struct block *block, enum block_op op, u64 sector, void *at, u32 bytes)
{
    struct block_piece piece = {.at = at, .bytes = bytes};
    struct block_request request = {.op = op, .count = 1, .sector = sector, .pieces = &piece};

    return run(block, &request);
}

/* The same through a buffer that is aligned; at most BOUNCE_BYTES. */
static int run_bounced(struct block *block, enum block_op op, u64 sector, u8 *at, u32 bytes)
{
    _Alignas(PIECE_ALIGN) u8 buffer[BOUNCE_BYTES];
    int error;

    if (op == BLOCK_WRITE) {
        memcpy(buffer, at, bytes);
    }
    error = run_piece(block, op, sector, buffer, bytes);
    if (op == BLOCK_READ && error == 0) {
        memcpy(at, buffer, bytes);
    }
    return error;
}

static int transfer(struct block *block, enum block_op op, u64 sector, u8 *at, u64 bytes)
{
    bool aligned = (uintptr_t)at % PIECE_ALIGN == 0;
    u64 max = aligned || block->bytes_max < BOUNCE_BYTES ? block->bytes_max : BOUNCE_BYTES;
    int error = 0;

    if (!fits(block, sector, bytes)) {
        return EINVAL;
    }
    while (error == 0 && bytes > 0) {
        u32 now = (u32)(bytes < max ? bytes : max);

        error = aligned ? run_piece(block, op, sector, at, now)
                        : run_bounced(block, op, sector, at, now);
        sector += now / SECTOR_BYTES;
        at += now;
        bytes -= now;
    }
    return error;
}

/* After an error some of it may have been read. */
int block_read(struct block *block, u64 sector, void *to, u64 bytes)
{
    return transfer(block, BLOCK_READ, sector, to, bytes);
}

/* After an error some of it may have been written. */
int block_write(struct block *block, u64 sector, const void *from, u64 bytes)
{
    if (block->readonly) {
        return EROFS;
    }
    return transfer(block, BLOCK_WRITE, sector, (u8 *)(uintptr_t)from, bytes);
}

int block_flush(struct block *block)
{
    struct block_request request = {.op = BLOCK_FLUSH};

    return run(block, &request);
}
