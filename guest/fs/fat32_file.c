/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Contents of files.
 *
 * Small pieces go through the cache.  Large ones of a file that is too large to stay in it go
 * directly between the caller's memory and the disk.  Who reads on where he stopped gets more and
 * more read ahead of him.
 *
 * What is behind a file's size in its last sector, or in clusters behind that, means nothing: it is
 * not read when somebody writes there, and a gap is filled with zeros.
 */
#include <errno.h>

#include "guest/fs/fat32.h"

#define DAY_S      86400
#define AHEAD_MIN  (16U << 10)
#define AHEAD_MAX  (512U << 10)
#define PAST_MIN   (64U << 10) /* what may go past the cache */
#define SPAN_BYTES (1U << 20)  /* written before it is looked whether to commit */

/* Some bytes of a file that are together on disk. */
struct piece {
    u64 position;
    u64 bytes;
    u64 behind; /* bytes that follow on disk, too */
};

static int find_piece(struct fat *fat, struct fat_node *node, u64 offset, u64 bytes,
                      struct piece *piece)
{
    struct fat_extent extent;
    u64 into, left;
    int error = fat_map_find(fat, node, (u32)(offset >> fat->cluster_shift), &extent);

    if (error != 0)
        return error;
    into = offset - ((u64)extent.index << fat->cluster_shift);
    left = ((u64)extent.count << fat->cluster_shift) - into;
    piece->position = fat_cluster_position(fat, extent.cluster) + into;
    piece->bytes = bytes < left ? bytes : left;
    piece->behind = left - piece->bytes;
    return 0;
}

/* A file that would push everything else out of the cache. */
static bool is_large(const struct fat *fat, u64 bytes)
{
    return bytes > fat->cache->slots * (u64)CACHE_BLOCK_BYTES / 2;
}

/* ---- read ---- */

static int read_piece(struct fat *fat, struct fat_node *node, const struct piece *piece, u64 left,
                      void *to)
{
    u64 ahead = node->ahead;

    if (piece->bytes >= PAST_MIN && is_large(fat, node->bytes))
        return cache_read_past(fat->cache, piece->position, to, piece->bytes);
    if (ahead > left)
        ahead = left;
    if (ahead > piece->behind)
        ahead = piece->behind;
    return cache_read(fat->cache, piece->position, to, piece->bytes, ahead);
}

static void note_reader(struct fat *fat, struct fat_node *node, u64 offset, u64 end)
{
    u32 ns;

    if (offset != node->next_offset)
        node->ahead = 0;
    else if (node->ahead < AHEAD_MAX)
        node->ahead = node->ahead == 0 ? AHEAD_MIN : 2 * node->ahead;
    node->next_offset = end;
    if (node->read_today)
        return;
    node->read_today = true;
    if (!fat->fs.readonly && fs_now(&ns) / DAY_S != node->atime_s / DAY_S && fat_begin(fat) == 0) {
        node->atime_s = fs_now(&ns);
        fat_node_touch(fat, node);
    }
}

int fat_read(struct node *node, u64 offset, void *to, size_t bytes, size_t *done)
{
    struct fat *fat = fat_of(node);
    struct fat_node *mine = fat_node_of(node);
    u8 *at = to;

    *done = 0;
    if (offset >= mine->bytes || bytes == 0)
        return 0;
    if (bytes > mine->bytes - offset)
        bytes = mine->bytes - offset;
    note_reader(fat, mine, offset, offset + bytes);
    while (*done < bytes) {
        struct piece piece;
        int error = find_piece(fat, mine, offset, bytes - *done, &piece);

        if (error == ENOENT)
            error = fat_contradiction(fat, SAID_SIZE, mine->bytes);
        if (error == 0)
            error = read_piece(fat, mine, &piece, mine->bytes - offset - piece.bytes, at);
        if (error != 0)
            return *done != 0 ? 0 : error;
        at += piece.bytes;
        offset += piece.bytes;
        *done += piece.bytes;
    }
    return 0;
}

/* ---- write ---- */

/* What of a piece may go past the cache: whole sectors. */
static int write_past(struct fat *fat, const struct piece *piece, const u8 *from, u64 end,
                      u64 *done)
{
    const u64 head = -piece->position % SECTOR_BYTES;
    const u64 middle = align_down(piece->bytes - head, SECTOR_BYTES);
    u64 part = 0;
    int error = cache_write(fat->cache, piece->position, from, head, end, done);

    if (error == 0 &&
        cache_write_past(fat->cache, piece->position + head, from + head, middle) == 0)
        *done += middle;
    if (error == 0)
        error = cache_write(fat->cache, piece->position + *done, from + *done, piece->bytes - *done,
                            end, &part);
    *done += part;
    return error;
}

static int write_piece(struct fat *fat, struct fat_node *node, u64 offset,
                       const struct piece *piece, const u8 *from, u64 *done)
{
    const u64 known = align_up(node->bytes, SECTOR_BYTES);
    const u64 end = offset < known ? piece->position + (known - offset) : piece->position;
    int error;

    if (from != NULL && piece->bytes >= PAST_MIN && is_large(fat, offset + piece->bytes))
        return write_past(fat, piece, from, end, done);
    error = cache_write(fat->cache, piece->position, from, piece->bytes, end, done);
    if (error == 0 && offset + piece->bytes >= node->bytes &&
        fat->cluster_bytes >= CACHE_BLOCK_BYTES)
        cache_pad(fat->cache, piece->position + piece->bytes);
    return error;
}

/* Bytes of at most SPAN_BYTES, for which there are clusters; from NULL: zeros. */
static int write_span(struct fat *fat, struct fat_node *node, u64 offset, const u8 *from, u64 bytes,
                      u64 *done)
{
    *done = 0;
    while (*done < bytes) {
        struct piece piece;
        u64 part = 0;
        int error = find_piece(fat, node, offset + *done, bytes - *done, &piece);

        if (error == ENOENT)
            error = fat_contradiction(fat, SAID_SIZE, node->bytes);
        if (error == 0)
            error = write_piece(fat, node, offset + *done, &piece, from, &part);
        *done += part;
        if (error != 0)
            return error;
        if (from != NULL)
            from += part;
    }
    return 0;
}

/* Clusters up to this byte; if they are too few even after a commit, as many as there are. */
static int extend(struct fat *fat, struct fat_node *node, u64 end)
{
    const u32 want = fat_clusters_of(fat, end);
    int error = fat_map_extend(fat, node, want);

    if (error == ENOSPC && fat->pending != 0) {
        error = fat_commit(fat);
        if (error == 0)
            error = fat_map_extend(fat, node, want);
    }
    return error;
}

/* The clusters behind the size, which nothing was written to, go again. */
static void give_back(struct fat *fat, struct fat_node *node)
{
    if (fat_map_cut(fat, node, fat_clusters_of(fat, node->bytes)) != 0)
        return; /* a chain that is too long: no harm, the next writer uses it */
}

static void changed(struct fat *fat, struct fat_node *node, u64 end)
{
    u32 ns;

    if (end > node->bytes)
        node->bytes = (u32)end;
    node->mtime_s = fs_now(&ns) & ~1LL; /* as it is on disk */
    node->attributes |= FAT_ARCHIVE;
    fat_node_touch(fat, node);
}

/* All of it, or *done bytes and an error; the size covers what is written. */
static int put(struct fat *fat, struct fat_node *node, u64 offset, const u8 *from, u64 bytes,
               u64 *done)
{
    int error = 0;

    *done = 0;
    while (*done < bytes && error == 0) {
        u64 span = bytes - *done < SPAN_BYTES ? bytes - *done : SPAN_BYTES, part = 0;
        u64 room;

        error = fat_begin(fat);
        if (error != 0)
            break;
        error = extend(fat, node, offset + span);
        room = fat_map_room(fat, node);
        if (error != 0 && error != ENOSPC)
            break;
        if (offset + span > room)
            span = room > offset ? room - offset : 0;
        if (span != 0) {
            const int failed = write_span(fat, node, offset, from, span, &part);

            error = failed != 0 ? failed : error;
            if (part != 0)
                changed(fat, node, offset + part);
        }
        offset += part;
        *done += part;
        if (from != NULL)
            from += part;
    }
    if (error != 0)
        give_back(fat, node);
    return error;
}

/* No more than so many bytes.  EIO, ENOMEM: nothing changed. */
static int shorten(struct fat *fat, struct fat_node *node, u64 bytes)
{
    int error = fat_map_cut(fat, node, fat_clusters_of(fat, bytes));

    if (error != 0)
        return error;
    node->bytes = (u32)bytes;
    changed(fat, node, bytes);
    return 0;
}

/* Zeros from the end to this byte, or an error and the size that was. */
static int lengthen(struct fat *fat, struct fat_node *node, u64 bytes)
{
    const u32 before = node->bytes;
    u64 written;
    int error = put(fat, node, before, NULL, bytes - before, &written);

    if (error != 0 && node->bytes != before && shorten(fat, node, before) != 0)
        return EIO;
    return error;
}

int fat_write(struct node *node, u64 offset, const void *from, size_t bytes, size_t *done)
{
    struct fat *fat = fat_of(node);
    struct fat_node *mine = fat_node_of(node);
    const u32 before = mine->bytes;
    u64 written = 0;
    int error;

    *done = 0;
    if (fat->fs.readonly || fat->broken)
        return EROFS;
    if (bytes == 0)
        return 0;
    if (offset >= FAT_BYTES_MAX)
        return EFBIG;
    if (bytes > FAT_BYTES_MAX - offset)
        bytes = FAT_BYTES_MAX - offset;
    error = offset > before ? lengthen(fat, mine, offset) : 0;
    if (error == 0)
        error = put(fat, mine, offset, from, bytes, &written);
    *done = written;
    if (written == 0 && offset > before && mine->bytes > before)
        error = shorten(fat, mine, before) == 0 ? error : EIO;
    return written != 0 ? 0 : error;
}

int fat_truncate(struct node *node, u64 bytes)
{
    struct fat *fat = fat_of(node);
    struct fat_node *mine = fat_node_of(node);
    int error = fat_begin(fat);

    if (error != 0)
        return error;
    if (bytes > FAT_BYTES_MAX)
        return EFBIG;
    return bytes > mine->bytes ? lengthen(fat, mine, bytes) : shorten(fat, mine, bytes);
}
