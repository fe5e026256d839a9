/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Disks for the tests of FAT32.  A disk is a memfd that is mapped here, so that what the file
 * system writes is at once what mkfs.fat, fsck.fat and mtools see under /proc.
 */
#define _GNU_SOURCE /* memfd_create */
#include "tests/host/fat_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/fs/fat32.h"

#include "tests/test.h"

#define PIECES_MAX 126
#define BYTES_MAX  (512U << 10)
#define FSCK_PASSES                                                               \
    4 /* a directory with two names costs fsck.fat three, and one to find nothing \
       */

/* A sector that may be lost, and what was there before. */
struct lost {
    struct lost *next;
    u64 sector;
    u8 before[SECTOR_BYTES];
};

char fs_said[1024];
s64 fs_clock = 1700000000;

s64 fs_now(u32 *ns)
{
    *ns = 0;
    return fs_clock;
}

void fs_log(const char *format, ...)
{
    const size_t length = strlen(fs_said);
    va_list args;

    va_start(args, format);
    vsnprintf(fs_said + length, sizeof(fs_said) - length, format, args);
    va_end(args);
}

/* ---- the device ---- */

static void remember(struct disk *disk, u64 sector)
{
    struct lost *lost;

    for (lost = disk->unflushed; lost != NULL; lost = lost->next) {
        if (lost->sector == sector)
            return;
    }
    lost = __real_malloc(sizeof(*lost));
    CHECK(lost != NULL);
    lost->sector = sector;
    memcpy(lost->before, disk->bytes + sector * SECTOR_BYTES, SECTOR_BYTES);
    lost->next = disk->unflushed;
    disk->unflushed = lost;
}

static int write_sector(struct disk *disk, u64 sector, const u8 *from)
{
    disk->writes++;
    if (disk->cut_at != 0 && disk->writes >= disk->cut_at)
        disk->is_off = true;
    if (disk->is_off)
        return ENODEV;
    if (disk->block.has_flush && disk->cut_at != 0)
        remember(disk, sector);
    memcpy(disk->bytes + sector * SECTOR_BYTES, from, SECTOR_BYTES);
    return 0;
}

static int transfer(struct disk *disk, const struct block_request *request)
{
    u64 sector = request->sector, bytes = 0;
    int error = 0;

    for (u32 i = 0; i < request->count && error == 0; i++) {
        const struct block_piece *piece = &request->pieces[i];

        CHECK_EQ(piece->bytes % SECTOR_BYTES, 0);
        CHECK_EQ((uintptr_t)piece->at % 4, 0);
        CHECK(sector + piece->bytes / SECTOR_BYTES <= disk->block.sectors);
        if (request->op == BLOCK_READ)
            memcpy(piece->at, disk->bytes + sector * SECTOR_BYTES, piece->bytes);
        for (u32 at = 0; at < piece->bytes && request->op == BLOCK_WRITE && error == 0;
             at += SECTOR_BYTES)
            error = write_sector(disk, sector + at / SECTOR_BYTES, (const u8 *)piece->at + at);
        sector += piece->bytes / SECTOR_BYTES;
        bytes += piece->bytes;
    }
    CHECK(bytes <= disk->block.bytes_max && request->count <= disk->block.pieces_max);
    if (bytes > disk->largest)
        disk->largest = bytes;
    return error;
}

static void forget_lost(struct disk *disk)
{
    while (disk->unflushed != NULL) {
        struct lost *next = disk->unflushed->next;

        free(disk->unflushed);
        disk->unflushed = next;
    }
}

static int start(struct block *block, struct block_request *request)
{
    struct disk *disk = container_of(block, struct disk, block);

    disk->requests++;
    request->error = 0;
    if (disk->fail_at != 0 && disk->requests >= disk->fail_at &&
        disk->requests < disk->fail_at + disk->fail_for)
        request->error = EIO;
    else if (disk->is_off)
        request->error = ENODEV;
    else if (request->op == BLOCK_WRITE && block->readonly)
        request->error = EROFS;
    else if (request->op == BLOCK_FLUSH)
        forget_lost(disk);
    else
        request->error = transfer(disk, request);
    disk->flushes += request->op == BLOCK_FLUSH;
    request->over = true;
    return 0;
}

static void wait_for(struct block *block, struct block_request *request)
{
    (void)block;
    CHECK(request->over);
}

static const struct block_ops disk_ops = {start, wait_for};

/* ---- making and breaking ---- */

void disk_create(struct disk *disk, u64 bytes)
{
    const int fd = memfd_create("fat", 0);

    CHECK(fd >= 0 && ftruncate(fd, (off_t)bytes) == 0);
    *disk = (struct disk){.size = bytes};
    if (bytes != 0) {
        disk->bytes = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        CHECK(disk->bytes != MAP_FAILED);
    }
    snprintf(disk->path, sizeof(disk->path), "/proc/%d/fd/%d", getpid(), fd);
    disk->block.ops = &disk_ops;
    disk->block.sectors = bytes / SECTOR_BYTES;
    disk->block.pieces_max = PIECES_MAX;
    disk->block.bytes_max = BYTES_MAX;
}

void disk_make(struct disk *disk, u64 bytes, const char *options)
{
    char text[4096];

    disk_create(disk, bytes);
    if (shell(text, sizeof(text), "mkfs.fat -F 32 %s %s", options, disk->path) != 0)
        FAIL("mkfs.fat (package dosfstools): %s", text);
}

void disk_destroy(struct disk *disk)
{
    forget_lost(disk);
    if (disk->bytes != NULL)
        munmap(disk->bytes, disk->size);
    close(atoi(strrchr(disk->path, '/') + 1));
}

void disk_copy(struct disk *to, const struct disk *from)
{
    const u64 step = 64U << 10;

    CHECK_EQ(to->size, from->size);
    for (u64 at = 0; at < from->size; at += step) {
        const u64 length = from->size - at < step ? from->size - at : step;

        if (memcmp(to->bytes + at, from->bytes + at, length) != 0)
            memcpy(to->bytes + at, from->bytes + at, length);
    }
}

void disk_lose(struct disk *disk, u64 *random)
{
    for (const struct lost *lost = disk->unflushed; lost != NULL; lost = lost->next) {
        if (test_random(random) & 1)
            memcpy(disk->bytes + lost->sector * SECTOR_BYTES, lost->before, SECTOR_BYTES);
    }
    forget_lost(disk);
}

void disk_restart(struct disk *disk)
{
    forget_lost(disk);
    disk->is_off = false;
    disk->cut_at = disk->writes = 0;
    disk->fail_at = disk->requests = 0;
}

void disk_cached(struct disk *disk)
{
    disk->block.has_flush = true;
}

/* ---- tools ---- */

int shell(char *text, size_t text_bytes, const char *format, ...)
{
    char command[8192];
    va_list args;
    size_t length = 0, got;
    int status;
    FILE *pipe;

    va_start(args, format);
    snprintf(command, sizeof(command), "export LC_ALL=C.UTF-8 PATH=\"$PATH:/sbin:/usr/sbin\"; { ");
    vsnprintf(command + strlen(command), sizeof(command) - strlen(command) - 8, format, args);
    strcat(command, "; } 2>&1");
    va_end(args);
    fflush(stdout);
    pipe = popen(command, "r");
    CHECK(pipe != NULL);
    while ((got = fread(text + length, 1, text_bytes - 1 - length, pipe)) != 0)
        length += got;
    text[length] = '\0';
    while (getc(pipe) != EOF)
        ;
    status = pclose(pipe);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        FAIL("a tool is missing: install dosfstools and mtools (%s)", text);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

/* fsck.fat ends with 0 if all is well; but what it says is looked at, too: its name, how much is in
 * use, and, of a small disk, that FAT32 should have more clusters. */
void disk_check(const struct disk *disk)
{
    char text[4096];
    const int status = shell(text, sizeof(text), "fsck.fat -n %s", disk->path);
    const bool small = strstr(text, "less than the required minimum of 65525") != NULL;
    u32 lines = 0;

    for (const char *at = text; *at != '\0'; at++)
        lines += *at == '\n';
    if (status != 0 || lines != (small ? 5 : 2))
        FAIL("fsck.fat -n ends with %d: %s", status, text);
}

void disk_repair(const struct disk *disk)
{
    char text[16384];
    int status = 1;

    for (u32 passes = 0; passes < FSCK_PASSES && status == 1; passes++)
        status = shell(text, sizeof(text), "fsck.fat -a %s", disk->path);
    if (status != 0)
        FAIL("fsck.fat -a ends with %d: %s", status, text);
    disk_check(disk);
}

/* ---- a mounted file system ---- */

struct fs *mount_disk(struct disk *disk, u32 cache_bytes)
{
    const char *why = NULL;
    struct fs *fs = NULL;
    int error;

    fs_said[0] = '\0';
    error = fat32_mount_cached(&disk->block, false,
                               cache_bytes != 0 ? cache_bytes : FAT_CACHE_BYTES, &fs, &why);
    if (error != 0)
        FAIL("mount: %s: %s", strerror(error), why);
    return fs;
}

void unmount_disk(struct fs *fs)
{
    CHECK_EQ(fs->root->holders, 1);
    CHECK_EQ(fs->ops->unmount(fs), 0);
}

/* The directory a path's last word is in, held, and that word. */
static int parent_of(struct fs *fs, const char *path, struct node **dir, struct name *last)
{
    const char *slash;

    *dir = node_get(fs->root);
    while ((slash = strchr(path, '/')) != NULL) {
        const struct name name = {path, (size_t)(slash - path)};
        struct node *next;
        int error = fs->ops->lookup(*dir, name, &next);

        if (error == 0 && next->type != NODE_DIRECTORY) {
            node_put(next);
            error = ENOTDIR;
        }
        node_put(*dir);
        if (error != 0)
            return error;
        *dir = next;
        path = slash + 1;
    }
    *last = (struct name){path, strlen(path)};
    return 0;
}

int node_at(struct fs *fs, const char *path, struct node **node)
{
    struct node *dir;
    struct name name;
    int error = parent_of(fs, path, &dir, &name);

    if (error != 0)
        return error;
    if (name.bytes == 0)
        *node = node_get(dir);
    else
        error = fs->ops->lookup(dir, name, node);
    node_put(dir);
    return error;
}

static int create_at(struct fs *fs, const char *path, enum node_type type, struct node **node)
{
    struct node *dir;
    struct name name;
    int error = parent_of(fs, path, &dir, &name);

    if (error != 0)
        return error;
    error = fs->ops->create(dir, name, type, node);
    node_put(dir);
    return error;
}

static int write_all(struct node *node, u64 offset, const u8 *bytes, size_t size)
{
    while (size != 0) {
        size_t done;
        int error = node->fs->ops->write(node, offset, bytes, size, &done);

        if (error != 0)
            return error;
        CHECK(done != 0 && done <= size);
        offset += done;
        bytes += done;
        size -= done;
    }
    return 0;
}

int make_file(struct fs *fs, const char *path, const void *bytes, size_t size)
{
    struct node *node;
    int error = create_at(fs, path, NODE_FILE, &node);

    if (error == 0) {
        error = write_all(node, 0, bytes, size);
        node_put(node);
    }
    return error;
}

int make_dir(struct fs *fs, const char *path)
{
    struct node *node;
    int error = create_at(fs, path, NODE_DIRECTORY, &node);

    if (error == 0)
        node_put(node);
    return error;
}

int append(struct fs *fs, const char *path, const void *bytes, size_t size)
{
    struct node_attr attr;
    struct node *node;
    int error = node_at(fs, path, &node);

    if (error == 0) {
        CHECK_EQ(fs->ops->attr(node, &attr), 0);
        error = write_all(node, attr.bytes, bytes, size);
        node_put(node);
    }
    return error;
}

int delete (struct fs *fs, const char *path)
{
    struct node *dir, *node;
    struct name name;
    int error = parent_of(fs, path, &dir, &name);

    if (error != 0)
        return error;
    error = fs->ops->lookup(dir, name, &node);
    if (error == 0) {
        error = fs->ops->remove(dir, name, node);
        node_put(node);
    }
    node_put(dir);
    return error;
}

int move(struct fs *fs, const char *from, const char *to)
{
    struct node *from_dir, *to_dir, *node, *replaced = NULL;
    struct name from_name, to_name;
    int error = parent_of(fs, from, &from_dir, &from_name);

    if (error != 0)
        return error;
    error = parent_of(fs, to, &to_dir, &to_name);
    if (error == 0) {
        error = fs->ops->lookup(from_dir, from_name, &node);
        if (error == 0) {
            error = fs->ops->lookup(to_dir, to_name, &replaced);
            if (error == ENOENT) {
                replaced = NULL;
                error = 0;
            }
            if (error == 0)
                error = fs->ops->rename(from_dir, from_name, node, to_dir, to_name, replaced);
            if (replaced != NULL)
                node_put(replaced);
            node_put(node);
        }
        node_put(to_dir);
    }
    node_put(from_dir);
    return error;
}

u8 *read_whole(struct fs *fs, const char *path, u64 *size)
{
    struct node_attr attr;
    struct node *node;
    size_t done = 0;
    u8 *bytes = NULL;

    if (node_at(fs, path, &node) != 0)
        return NULL;
    if (fs->ops->attr(node, &attr) == 0) {
        bytes = __real_malloc(attr.bytes + 1);
        CHECK(bytes != NULL);
        if (fs->ops->read(node, 0, bytes, attr.bytes, &done) != 0 || done != attr.bytes) {
            free(bytes);
            bytes = NULL;
        }
        *size = attr.bytes;
    }
    node_put(node);
    return bytes;
}

void fill_pattern(u8 *bytes, size_t size, u64 seed)
{
    for (size_t i = 0; i < size; i += 8) {
        u64 word = test_random(&seed);

        memcpy(bytes + i, &word, size - i < 8 ? size - i : 8);
    }
}

/* ---- malloc: the linker gives these instead (--wrap) ---- */

static u64 allocations, failing_from;

void malloc_fails_at(u64 n)
{
    allocations = 0;
    failing_from = n;
}

u64 malloc_count(void)
{
    return allocations;
}

static bool fails(void)
{
    allocations++;
    return failing_from != 0 && allocations >= failing_from;
}

void *__wrap_malloc(size_t bytes)
{
    return fails() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    return fails() ? NULL : __real_calloc(count, bytes);
}

void *__wrap_realloc(void *block, size_t bytes)
{
    return fails() ? NULL : __real_realloc(block, bytes);
}

void *__wrap_aligned_alloc(size_t align, size_t bytes)
{
    return fails() ? NULL : __real_aligned_alloc(align, bytes);
}
