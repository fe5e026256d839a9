/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Inside of ramfs: its nodes.  See ramfs.c, ramfs_dir.c, ramfs_bytes.c. */
#include "lib/kit/list.h"

#include "guest/fs/fs.h"

#define CHUNK_BYTES 4096U

struct ramfs;

/* The bytes of a file: ramfs_bytes.c. */
struct ram_bytes {
    u64 bytes;
    u32 height; /* 0: root is the first chunk alone, or NULL */
    u32 small;  /* height 0: bytes that there is room for in root */
    u64 used;   /* that are allocated, for all chunks */
    void *root;
};

struct ram_entry;

/* The names in a directory: ramfs_dir.c. */
struct ram_names {
    struct ram_entry **buckets; /* [mask + 1] */
    u64 mask, count;
    struct list order; /* of being made */
    u64 next_place;
    struct ram_entry *cursor; /* where the last reader is, or NULL: not known */
};

struct ram_node {
    struct node node; /* first */
    u32 permissions;
    u32 mtime_ns;
    s64 mtime_s, atime_s, ctime_s;
    union {
        struct ram_bytes file;
        struct ram_names directory;
    };
};

struct ram_entry {
    struct list order;
    struct ram_entry *next; /* in its bucket */
    struct ram_node *node;
    u64 place;
    u32 hash;
    u32 name_bytes;
    char name[];
};

struct ramfs {
    struct fs fs; /* first */
    u64 used;     /* bytes of chunks */
    u64 files;
    u64 next_id;
};

void ram_names_init(struct ram_names *names);
void ram_names_free(struct ram_names *names);
struct ram_entry *ram_find(const struct ram_names *names, struct name name);
struct ram_entry *ram_entry_make(struct name name);
__must_check bool ram_names_reserve(struct ram_names *names);
void ram_link(struct ram_names *names, struct ram_entry *entry, struct ram_node *node);
void ram_unlink(struct ram_names *names, struct ram_entry *entry);
struct ram_entry *ram_entry_at(struct ram_names *names, u64 place);

void ram_read(const struct ram_bytes *file, u64 offset, u8 *to, size_t bytes);
size_t ram_write(struct ram_bytes *file, u64 offset, const u8 *from, size_t bytes);
void ram_cut(struct ram_bytes *file, u64 bytes);
