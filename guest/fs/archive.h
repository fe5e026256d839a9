/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Inside of archives: archive.c is the file system, archive_read.c makes its members. */
#include "guest/fs/fs.h"

#define ARCHIVE_RECORD_BYTES 512U
#define ARCHIVE_ROOT_ID      1

struct member {
    struct node node; /* first */
    struct member *parent, *next, *first, *last;
    struct member *hashed; /* the next of its bucket */
    struct name name;
    const u8 *at;
    u64 bytes;
    s64 mtime_s;
    u32 permissions;
    u32 hash;
};

struct archive {
    struct fs fs; /* first */
    struct member **by_id;
    struct member **buckets;
    u64 count, room; /* of by_id; buckets are `room`, too */
    u64 bytes;
    unsigned complaints;
};

struct member *archive_find(struct archive *archive, struct member *dir, struct name name);
struct member *archive_add(struct archive *archive, struct member *parent, struct name name,
                           enum node_type type);
bool archive_begins(const void *at, u64 bytes);
__must_check int archive_read_all(struct archive *archive, const u8 *at, u64 bytes);
