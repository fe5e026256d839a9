/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What FAT32 is tested in: disks that are files of this machine, made by mkfs.fat, judged by
 * fsck.fat and read by mtools; and that fail, or lose power, when a test wants it.
 *
 * A tool that is missing fails the test that needs it.
 */
#include "guest/block.h"
#include "guest/fs/fs.h"

/* A disk in memory, which is a file, too. */
struct disk {
    struct block block;
    u8 *bytes;
    u64 size;
    char path[64];
    /* What may go wrong: */
    u64 requests; /* so many were begun */
    u64 fail_at;  /* the request of this number fails: 1 is the next one; 0: none */
    u64 fail_for; /* so many of them */
    u64 writes;   /* sectors that were written */
    u64 cut_at;   /* power goes before the sector of this number is written; 0: never */
    u64 flushes;
    bool is_off;
    u64 largest;            /* request, in bytes */
    struct lost *unflushed; /* what may be lost: written since the last flush */
};

/* An empty disk of so many bytes, sparse. */
void disk_create(struct disk *disk, u64 bytes);
/* The same with FAT32 by mkfs.fat; options as for the shell. */
void disk_make(struct disk *disk, u64 bytes, const char *options);
void disk_destroy(struct disk *disk);
/* What was written is what the other disk has. */
void disk_copy(struct disk *to, const struct disk *from);
/* Power goes now or at a sector to come: of what was not flushed a random part is lost. */
void disk_lose(struct disk *disk, u64 *random);
/* Forgets what went wrong: the disk is as after the next start. */
void disk_restart(struct disk *disk);
/* Volatile cache: writes are safe after a flush only. */
void disk_cached(struct disk *disk);

/* Runs a command line; its output is in text.  The exit status. */
int shell(char *text, size_t text_bytes, const char *format, ...) __printf_like(3, 4);
/* fsck.fat -n finds nothing, or the test fails. */
void disk_check(const struct disk *disk);
/* fsck.fat -a repairs it, in a few passes, and afterwards finds nothing. */
void disk_repair(const struct disk *disk);

/* Mounts it, with a small cache if that is not 0; failing ends the test. */
struct fs *mount_disk(struct disk *disk, u32 cache_bytes);
void unmount_disk(struct fs *fs);
/* What fs_log said since the mount. */
extern char fs_said[1024];
extern s64 fs_clock; /* what fs_now gives */

/* By paths: "a/b/c".  Each gives an errno. */
int node_at(struct fs *fs, const char *path, struct node **node);
int make_file(struct fs *fs, const char *path, const void *bytes, size_t size);
int make_dir(struct fs *fs, const char *path);
int append(struct fs *fs, const char *path, const void *bytes, size_t size);
int delete (struct fs *fs, const char *path);
int move(struct fs *fs, const char *from, const char *to);
/* The whole of a file, in memory that is to be freed; NULL: it could not be read. */
u8 *read_whole(struct fs *fs, const char *path, u64 *size);
/* Bytes that depend on the seed alone. */
void fill_pattern(u8 *bytes, size_t size, u64 seed);

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *block, size_t bytes);
void *__real_aligned_alloc(size_t align, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *block, size_t bytes);
void *__wrap_aligned_alloc(size_t align, size_t bytes);

/* The n-th malloc from now on fails, and all behind it; 0: none does. */
void malloc_fails_at(u64 n);
u64 malloc_count(void);
