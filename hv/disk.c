/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests to a disk: what a view reads and writes, out of frames, a RAM image, or the device.
 *
 * A request walks through its sectors block by block.  What is in memory is copied at once, a block
 * at a time under the disk's lock.  What is not is transferred, and the request goes on when that
 * is over (disk_transferred):
 *
 *     owner     read     transfer it all
 *               write    while a snapshot lacks old contents: transfer those into frames, keep them
 *                        then transfer it all
 *     private   read     all blocks in frames: copy.  Else transfer it all, then copy those in
 *                        frames over what came from the disk
 *               write    copy into the tree's frames; for a part of a block that is in no frame
 *                        transfer the block first
 *     flush              the owner's is the device's; what is private is not on the disk
 *
 * Why private reads are right while the owner writes: old contents are kept before the new ones go
 * to the device, and frames are looked for after the transfer.  So whoever reads something new
 * finds the old.  For the same reason no block is ever locked: two requests may transfer the same
 * block into a frame each; the first one that is back stays, the other one's frame is dropped.
 *
 * Two requests of a view to the same sectors at a time come in no order, as on any disk.
 */
#include <string.h>

#include "hv/console.h"
#include "hv/disk_parts.h"
#include "hv/panic.h"

#define SECTOR_BYTES VIRTIO_BLK_SECTOR_BYTES

/* Blocks into frames, or a request in parts: a frame. */
#define BATCH_PIECES 240
struct batch {
    struct disk_transfer transfer;
    u32 bytes; /* a part of the request */
    u32 count; /* blocks: piece[1] up to piece[count] are frames */
    _Alignas(VIRTQ_DESC_ALIGN) struct virtq_desc piece[1 + BATCH_PIECES + 1];
};
_Static_assert(sizeof(struct batch) <= PAGE_BYTES, "one frame");

/* What a request waits for. */
enum step {
    STEP_WHOLE, /* all of it, by io->piece */
    STEP_PART,  /* a part of it, by batch */
    STEP_OLD,   /* old contents of some blocks, by batch */
};

/* io->backend */
struct request {
    struct disk_transfer transfer;
    struct batch *batch;
    u32 at; /* bytes: the request has come so far */
    enum step step;
};
_Static_assert(sizeof(struct request) <= sizeof(((struct disk_io *)NULL)->backend), "fits");

static struct request *request_of(struct disk_io *io)
{
    return (struct request *)(void *)io->backend;
}

static bool is_owner(const struct disk_view *view)
{
    return view->snapshot == NULL;
}

/* Whether all that it reads and writes is on the device. */
static bool is_through(const struct disk_view *view)
{
    return is_owner(view) && view->disk->memory == NULL;
}

/* ---- places ---- */

/* The request's bytes of one block, from request->at on. */
struct span {
    u64 block;
    u32 from;  /* in the block */
    u32 bytes; /* 0: there are no more */
    bool is_whole;
};

static u32 min(u32 a, u32 b)
{
    return a < b ? a : b;
}

/* The last one may be short. */
static u32 block_bytes(const struct disk *disk, u64 block)
{
    u64 left = disk->sectors * SECTOR_BYTES - block * DISK_BLOCK_BYTES;

    return left < DISK_BLOCK_BYTES ? (u32)left : DISK_BLOCK_BYTES;
}

static struct span span_at(const struct disk_io *io, u32 at)
{
    u64 byte = io->sector * SECTOR_BYTES + at;
    struct span span = {.block = byte / DISK_BLOCK_BYTES, .from = byte % DISK_BLOCK_BYTES};

    span.bytes = min(DISK_BLOCK_BYTES - span.from, io->bytes - at);
    span.is_whole =
        span.bytes == DISK_BLOCK_BYTES || span.bytes == block_bytes(io->view->disk, span.block);
    return span;
}

/* A place in the guest's memory. */
struct cursor {
    const struct virtq_desc *piece;
    u32 offset;
};

static struct cursor cursor_at(const struct disk_io *io, u32 at)
{
    struct cursor cursor = {.piece = &io->piece[1], .offset = at};

    while (cursor.offset > 0 && cursor.offset >= cursor.piece->len)
        cursor.offset -= (cursor.piece++)->len;
    return cursor;
}

/* The next bytes that lie together: at most `bytes`, and not 0. */
static u32 cursor_next(struct cursor *cursor, u32 bytes, u64 *addr)
{
    while (cursor->offset == cursor->piece->len) {
        cursor->piece++;
        cursor->offset = 0;
    }
    bytes = min(bytes, cursor->piece->len - cursor->offset);
    *addr = cursor->piece->addr + cursor->offset;
    cursor->offset += bytes;
    return bytes;
}

/* NULL: passes over it. */
static void copy(struct cursor *cursor, enum disk_op op, u8 *at, u32 bytes)
{
    while (bytes > 0) {
        u64 addr;
        u32 some = cursor_next(cursor, bytes, &addr);

        bytes -= some;
        if (at == NULL)
            continue;
        if (op == DISK_READ)
            memcpy(hpa_ptr((hpa_t){addr}), at, some);
        else
            memcpy(at, hpa_ptr((hpa_t){addr}), some);
        at += some;
    }
}

/* ---- the end ---- */

static void batch_put(struct request *request)
{
    if (request->batch != NULL)
        frame_put(hpa_of(request->batch));
    request->batch = NULL;
}

static void finish(struct disk_io *io, bool failed)
{
    batch_put(request_of(io));
    io->failed = failed;
    io->done(io);
}

static void fail_for_memory(struct disk_io *io)
{
    if (__atomic_exchange_n(&io->view->told, 1, __ATOMIC_RELAXED) == 0)
        console_log("no memory for what a guest writes to its disk: such writes fail");
    finish(io, true);
}

/* ---- transfers ---- */

static bool batch_get(struct request *request)
{
    hpa_t frame;

    if (request->batch != NULL)
        return true;
    frame = frame_alloc();
    request->batch = frame.v == 0 ? NULL : hpa_ptr(frame);
    return frame.v != 0;
}

static void start(struct disk_io *io, struct disk_transfer *transfer, struct virtq_desc *table,
                  u32 pieces, u64 sector)
{
    static const u32 types[] = {[DISK_READ] = VIRTIO_BLK_T_IN,
                                [DISK_WRITE] = VIRTIO_BLK_T_OUT,
                                [DISK_FLUSH] = VIRTIO_BLK_T_FLUSH};
    u32 type = request_of(io)->step == STEP_OLD ? VIRTIO_BLK_T_IN : types[io->op];

    *transfer = (struct disk_transfer){
        .request = {.table = table, .pieces = pieces, .header = {.type = type, .sector = sector}},
        .io = io
    };
    list_init(&transfer->node);
    disk_queue_start(io->view->disk, transfer);
}

/* So many pieces of the request from request->at on as the device takes, whole sectors of them. */
static u32 fill_part(const struct disk_io *io, u32 at, struct batch *batch)
{
    const struct disk *disk = io->view->disk;
    u32 max = min(disk->pieces_max, BATCH_PIECES), pieces = 0, surplus;
    struct cursor cursor = cursor_at(io, at);

    batch->bytes = 0;
    while (pieces < max && at + batch->bytes < io->bytes) {
        struct virtq_desc *piece = &batch->piece[++pieces];

        piece->len = cursor_next(&cursor, min(io->bytes - at - batch->bytes, disk->piece_bytes_max),
                                 &piece->addr);
        batch->bytes += piece->len;
    }
    surplus = batch->bytes % SECTOR_BYTES;
    batch->bytes -= surplus;
    while (surplus > 0 && surplus >= batch->piece[pieces].len)
        surplus -= batch->piece[pieces--].len;
    if (surplus > 0)
        batch->piece[pieces].len -= surplus;
    return pieces;
}

/* The whole request, or the next part of one that is too much for the device at once. */
static void transfer(struct disk_io *io)
{
    struct request *request = request_of(io);
    const struct disk *disk = io->view->disk;
    u64 sector = io->sector + request->at / SECTOR_BYTES;
    u32 pieces;

    if (io->pieces <= disk->pieces_max && io->bytes <= disk->piece_bytes_max) {
        request->step = STEP_WHOLE;
        start(io, &request->transfer, io->piece, io->pieces, sector);
        return;
    }
    request->step = STEP_PART;
    if (!batch_get(request)) {
        fail_for_memory(io);
        return;
    }
    pieces = fill_part(io, request->at, request->batch);
    if (pieces == 0)
        finish(io, true); /* a sector in more pieces than the device takes */
    else
        start(io, &request->batch->transfer, request->batch->piece, pieces, sector);
}

/* Blocks from request->at on as they are on the disk, into frames: at least one of so many. */
static void transfer_old(struct disk_io *io, u64 block, u32 blocks)
{
    struct request *request = request_of(io);
    const struct disk *disk = io->view->disk;
    u32 count = 0;

    if (!batch_get(request)) {
        fail_for_memory(io);
        return;
    }
    blocks = min(blocks, min(disk->pieces_max, BATCH_PIECES));
    while (count < blocks) {
        hpa_t frame = frame_alloc();

        if (frame.v == 0)
            break;
        count++;
        request->batch->piece[count] =
            (struct virtq_desc){.addr = frame.v, .len = block_bytes(disk, block + count - 1)};
    }
    if (count == 0) {
        fail_for_memory(io);
        return;
    }
    request->step = STEP_OLD;
    request->batch->count = count;
    start(io, &request->batch->transfer, request->batch->piece, count,
          block * (DISK_BLOCK_BYTES / SECTOR_BYTES));
}

/* ---- reads ---- */

/* lock is held.  Where the block is in memory as this view sees it; NULL: it is on the device. */
static u8 *in_memory(const struct disk_view *view, u64 block)
{
    hpa_t frame = disk_view_find(view, block);

    if (frame.v != 0)
        return hpa_ptr(frame);
    return view->disk->memory == NULL ? NULL : view->disk->memory + block * DISK_BLOCK_BYTES;
}

static bool all_in_memory(const struct disk_io *io)
{
    struct disk *disk = io->view->disk;
    bool is_there = true;

    for (u32 at = 0; at < io->bytes && is_there;) {
        struct span span = span_at(io, at);

        spin_lock(&disk->lock);
        is_there = in_memory(io->view, span.block) != NULL;
        spin_unlock(&disk->lock);
        at += span.bytes;
    }
    return is_there;
}

/* Copies what is in memory; passes over the rest, which has come from the device. */
static void copy_out(struct disk_io *io)
{
    struct cursor cursor = cursor_at(io, 0);
    struct disk *disk = io->view->disk;

    for (u32 at = 0; at < io->bytes;) {
        struct span span = span_at(io, at);
        u8 *block;

        spin_lock(&disk->lock);
        block = in_memory(io->view, span.block);
        copy(&cursor, DISK_READ, block == NULL ? NULL : block + span.from, span.bytes);
        spin_unlock(&disk->lock);
        at += span.bytes;
    }
    finish(io, false);
}

static void read(struct disk_io *io)
{
    if (!is_through(io->view) && all_in_memory(io))
        copy_out(io);
    else
        transfer(io);
}

/* ---- writes ---- */

enum outcome { OUTCOME_DONE, OUTCOME_NEEDS_OLD, OUTCOME_NO_MEMORY };

/*
 * A frame of the view's own for the block, in *to; what is not to be written in it is as it was.
 *
 * lock is held.
 */
static enum outcome own_block(struct disk_view *view, const struct span *span, u8 **to)
{
    u8 *old = in_memory(view, span->block);
    hpa_t frame, *place;

    if (!span->is_whole && old == NULL)
        return OUTCOME_NEEDS_OLD;
    place = disk_tree_place(&view->tree, view->disk->levels, span->block);
    if (place == NULL)
        return OUTCOME_NO_MEMORY;
    if (place->v == 0 || frame_refs(*place) > 1) {
        frame = frame_alloc();
        if (frame.v == 0)
            return OUTCOME_NO_MEMORY;
        if (!span->is_whole)
            memcpy(hpa_ptr(frame), old, block_bytes(view->disk, span->block));
        if (place->v != 0)
            frame_put(*place);
        *place = frame;
    }
    *to = hpa_ptr(*place);
    return OUTCOME_DONE;
}

/* The old contents of the owner's block are kept.  lock is held; the disk is an image. */
static enum outcome keep_block(struct disk *disk, const struct span *span, u8 **to)
{
    struct disk_snapshot *newest = disk_newest_snapshot(disk);
    hpa_t *place, frame;

    *to = disk->memory + span->block * DISK_BLOCK_BYTES;
    if (newest == NULL)
        return OUTCOME_DONE;
    place = disk_tree_place(&newest->tree, disk->levels, span->block);
    if (place == NULL)
        return OUTCOME_NO_MEMORY;
    if (place->v == 0) {
        frame = frame_alloc();
        if (frame.v == 0)
            return OUTCOME_NO_MEMORY;
        memcpy(hpa_ptr(frame), *to, block_bytes(disk, span->block));
        *place = frame;
    }
    return OUTCOME_DONE;
}

/* Writes into memory, from request->at on. */
static void write_to_memory(struct disk_io *io)
{
    struct request *request = request_of(io);
    struct disk_view *view = io->view;
    struct disk *disk = view->disk;
    struct cursor cursor = cursor_at(io, request->at);
    enum outcome outcome = OUTCOME_DONE;
    struct span span = {.block = 0};

    while (request->at < io->bytes && outcome == OUTCOME_DONE) {
        u8 *block;

        span = span_at(io, request->at);
        spin_lock(&disk->lock);
        outcome = is_owner(view) ? keep_block(disk, &span, &block) : own_block(view, &span, &block);
        if (outcome == OUTCOME_DONE) {
            copy(&cursor, DISK_WRITE, block + span.from, span.bytes);
            request->at += span.bytes;
        }
        spin_unlock(&disk->lock);
    }
    switch (outcome) {
    case OUTCOME_DONE: finish(io, false); break;
    case OUTCOME_NEEDS_OLD: transfer_old(io, span.block, 1); break;
    case OUTCOME_NO_MEMORY: fail_for_memory(io); break;
    }
}

/* How many blocks from request->at on are not kept; what is before them need not be looked at
 * again. */
static u32 count_unkept(struct disk_io *io, u64 *block)
{
    struct request *request = request_of(io);
    struct disk *disk = io->view->disk;
    const struct disk_snapshot *newest;
    u32 count = 0;

    spin_lock(&disk->lock);
    newest = disk_newest_snapshot(disk);
    for (u32 at = request->at; newest != NULL && at < io->bytes && count < BATCH_PIECES;) {
        struct span span = span_at(io, at);

        at += span.bytes;
        if (disk_tree_find(newest->tree, disk->levels, span.block).v == 0) {
            if (count++ == 0)
                *block = span.block;
        } else if (count == 0) {
            request->at = at;
        } else {
            break;
        }
    }
    spin_unlock(&disk->lock);
    return count;
}

static void write_to_device(struct disk_io *io)
{
    u64 block = 0;
    u32 count = count_unkept(io, &block);

    if (count > 0) {
        transfer_old(io, block, count);
        return;
    }
    batch_put(request_of(io));
    request_of(io)->at = 0;
    transfer(io);
}

static void write(struct disk_io *io)
{
    if (is_through(io->view))
        write_to_device(io);
    else
        write_to_memory(io);
}

/*
 * lock is held.  The block as it was on the disk goes into a tree, unless it is there by now, or is
 * seen otherwise: then the owner has written to the disk meanwhile, and the frame may have what it
 * wrote.  False: no memory.
 */
static bool insert_old(struct disk_view *view, u64 block, hpa_t frame)
{
    struct disk *disk = view->disk;
    struct disk_snapshot *newest = disk_newest_snapshot(disk);
    hpa_t *place;

    if ((is_owner(view) && newest == NULL) || in_memory(view, block) != NULL) {
        frame_put(frame);
        return true;
    }
    place = disk_tree_place(is_owner(view) ? &newest->tree : &view->tree, disk->levels, block);
    if (place == NULL || place->v != 0)
        frame_put(frame);
    else
        *place = frame;
    return place != NULL;
}

static void take_old(struct disk_io *io, bool failed)
{
    struct batch *batch = request_of(io)->batch;
    u64 block = batch->transfer.request.header.sector / (DISK_BLOCK_BYTES / SECTOR_BYTES);
    struct disk *disk = io->view->disk;
    bool has_memory = true;

    for (u32 i = 0; i < batch->count; i++) {
        hpa_t frame = {batch->piece[1 + i].addr};

        spin_lock(&disk->lock);
        if (failed || !has_memory)
            frame_put(frame);
        else
            has_memory = insert_old(io->view, block + i, frame);
        spin_unlock(&disk->lock);
    }
    if (failed)
        finish(io, true);
    else if (!has_memory)
        fail_for_memory(io);
    else
        write(io);
}

/* ---- requests ---- */

/* All of it has been transferred. */
static void transferred_all(struct disk_io *io)
{
    if (io->op == DISK_READ && !is_owner(io->view))
        copy_out(io);
    else
        finish(io, false);
}

void disk_transferred(struct disk_io *io, bool failed)
{
    struct request *request = request_of(io);

    if (request->step == STEP_OLD) {
        take_old(io, failed);
    } else if (failed) {
        finish(io, true);
    } else if (request->step == STEP_WHOLE) {
        transferred_all(io);
    } else {
        request->at += request->batch->bytes;
        if (request->at < io->bytes)
            transfer(io);
        else
            transferred_all(io);
    }
}

static void flush(struct disk_io *io)
{
    if (!is_through(io->view) || !io->view->disk->has_flush) {
        finish(io, false);
        return;
    }
    request_of(io)->step = STEP_WHOLE;
    start(io, &request_of(io)->transfer, io->piece, 0, 0);
}

/*
 * disk_start - a request of a view.
 *
 * It is done at some time, whatever the device does; when it fails, its part of the disk or of the
 * pieces may have been written.  Any hart; the disk's lock is not held.
 */
void disk_start(struct disk_io *io)
{
    const struct disk *disk = io->view->disk;
    struct request *request = request_of(io);

    request->batch = NULL;
    request->at = 0;
    if (io->op == DISK_FLUSH) {
        flush(io);
        return;
    }
    assert(io->bytes % SECTOR_BYTES == 0 && io->sector <= disk->sectors &&
           io->bytes / SECTOR_BYTES <= disk->sectors - io->sector);
    if (io->op == DISK_READ)
        read(io);
    else if (disk->readonly)
        finish(io, true);
    else
        write(io);
}
