/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bytes of a file of ramfs: chunks of 4 KiB at the leaves of a tree, which is as high as the
 * last byte needs.
 *
 *     height 0                 chunk 0, cut short while the file is small
 *     height 1                 node of 512 chunks
 *     height 2                 node of 512 nodes of 512 chunks, and so on
 *
 * NULL at any level is a hole: it reads as zeros and takes no memory.  Invariant: what is allocated
 * behind the end of the file is zero, so a file that gets longer needs nothing done.
 */
#include <stdlib.h>
#include <string.h>

#include "guest/fs/ramfs.h"

#define SLOTS      512U
#define SLOT_BITS  9
#define CHUNK_BITS 12
#define SMALLEST   64U

/* Chunks under a tree of a height; 0: as many as there can be. */
static u64 chunks_under(u32 height)
{
    return height * SLOT_BITS > 52 ? 0 : 1UL << (height * SLOT_BITS);
}

static bool reaches(const struct ram_bytes *file, u64 chunk)
{
    u64 chunks = chunks_under(file->height);

    return chunks == 0 || chunk < chunks;
}

static unsigned slot(u64 chunk, u32 level)
{
    return (unsigned)(chunk >> ((level - 1) * SLOT_BITS)) % SLOTS;
}

/* A chunk of a file of height 1 or more; NULL: a hole. */
static u8 *find(const struct ram_bytes *file, u64 chunk)
{
    void *at = reaches(file, chunk) ? file->root : NULL;

    for (u32 level = file->height; level > 0 && at; level--) {
        at = ((void **)at)[slot(chunk, level)];
    }
    return at;
}

static void *take(struct ram_bytes *file)
{
    void *block = calloc(1, CHUNK_BYTES);

    file->used += block ? CHUNK_BYTES : 0;
    return block;
}

/* The first chunk with room for so many bytes of it. */
static u8 *small(struct ram_bytes *file, u32 bytes)
{
    u32 room = file->small ? file->small : SMALLEST;
    u8 *grown;

    if (bytes <= file->small) {
        return file->root;
    }
    while (room < bytes) {
        room *= 2;
    }
    grown = realloc(file->root, room);
    if (!grown) {
        return NULL;
    }
    memset(grown + file->small, 0, room - file->small);
    file->used += room - file->small;
    file->small = room;
    file->root = grown;
    return grown;
}

/* One level more, above what there is. */
static bool raise(struct ram_bytes *file)
{
    void **above;

    if (file->root) {
        if (file->height == 0 && !small(file, CHUNK_BYTES)) {
            return false;
        }
        above = take(file);
        if (!above) {
            return false;
        }
        above[0] = file->root;
        file->root = above;
    }
    file->small = 0;
    file->height++;
    return true;
}

/* A chunk to write to its first `bytes`; NULL: no memory, and all reads as before. */
static u8 *make(struct ram_bytes *file, u64 chunk, u32 bytes)
{
    void **at = &file->root;

    while (!reaches(file, chunk)) {
        if (!raise(file)) {
            return NULL;
        }
    }
    if (file->height == 0) {
        return small(file, bytes);
    }
    for (u32 level = file->height; level > 0; level--) {
        if (!*at) {
            *at = take(file);
        }
        if (!*at) {
            return NULL;
        }
        at = (void **)*at + slot(chunk, level);
    }
    if (!*at) {
        *at = take(file);
    }
    return *at;
}

/* All of it is before the end of the file. */
void ram_read(const struct ram_bytes *file, u64 offset, u8 *to, size_t bytes)
{
    while (bytes > 0) {
        u32 within = (u32)(offset % CHUNK_BYTES);
        size_t now = bytes < CHUNK_BYTES - within ? bytes : CHUNK_BYTES - within;
        u32 room = file->height == 0 ? file->small : CHUNK_BYTES;
        size_t there = within >= room ? 0 : now < room - within ? now : room - within;
        const u8 *chunk = find(file, offset >> CHUNK_BITS);

        there = chunk ? there : 0;
        if (there > 0) {
            memcpy(to, chunk + within, there);
        }
        memset(to + there, 0, now - there);
        to += now;
        offset += now;
        bytes -= now;
    }
}

/* How many bytes there was memory for, from the first on. */
size_t ram_write(struct ram_bytes *file, u64 offset, const u8 *from, size_t bytes)
{
    size_t done = 0;

    while (done < bytes) {
        u32 within = (u32)(offset % CHUNK_BYTES);
        size_t left = bytes - done;
        size_t now = left < CHUNK_BYTES - within ? left : CHUNK_BYTES - within;
        u8 *chunk = make(file, offset >> CHUNK_BITS, within + (u32)now);

        if (!chunk) {
            break;
        }
        memcpy(chunk + within, from + done, now);
        done += now;
        offset += now;
    }
    if (done > 0 && offset > file->bytes) {
        file->bytes = offset;
    }
    return done;
}

/* Frees what is from chunk `first` on, in a tree; true: all of it, and the tree itself. */
static bool prune(struct ram_bytes *file, void *tree, u32 level, u64 first)
{
    void **slots = tree;
    bool all = true;

    if (level > 0) {
        u64 each = chunks_under(level - 1);

        for (u64 i = 0; i < SLOTS; i++) {
            if (!slots[i]) {
                continue;
            }
            if ((i + 1) * each <= first ||
                !prune(file, slots[i], level - 1, first > i * each ? first - i * each : 0)) {
                all = false;
            } else {
                slots[i] = NULL;
            }
        }
    } else {
        all = first == 0;
    }
    if (all) {
        free(tree);
        file->used -= CHUNK_BYTES;
    }
    return all;
}

/* A file becomes shorter. */
void ram_cut(struct ram_bytes *file, u64 bytes)
{
    u64 chunks = (bytes + CHUNK_BYTES - 1) >> CHUNK_BITS;
    u32 within = (u32)(bytes % CHUNK_BYTES);
    u8 *last;

    file->bytes = bytes;
    if (file->root && file->height == 0 && bytes == 0) {
        free(file->root);
        file->root = NULL;
        file->used -= file->small;
        file->small = 0;
    } else if (file->root && file->height > 0 && prune(file, file->root, file->height, chunks)) {
        file->root = NULL;
    }
    if (!file->root) {
        file->height = 0;
        file->small = 0;
        return;
    }
    last = within ? find(file, bytes >> CHUNK_BITS) : NULL;
    if (last && file->height > 0) {
        memset(last + within, 0, CHUNK_BYTES - within);
    } else if (last && within < file->small) {
        memset(last + within, 0, file->small - within);
    }
}
