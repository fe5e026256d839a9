/* SPDX-License-Identifier: BSD-2-Clause */
/* FAT32 on bad disks, when memory or the disk fails, and at its limits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest/fs/fat32.h"

#include "tests/host/fat_world.h"
#include "tests/host/hv_world.h"
#include "tests/test.h"

#define MIB (1ULL << 20)

/* Where mkfs.fat puts things on a disk of 4 MiB with clusters of one sector. */
static u8 *boot_of(struct disk *disk)
{
    return disk->bytes;
}

static u32 le(const u8 *at, u32 bytes)
{
    u32 value = 0;

    memcpy(&value, at, bytes);
    return value;
}

static void set_le(u8 *at, u32 bytes, u32 value)
{
    memcpy(at, &value, bytes);
}

static u8 *table_entry(struct disk *disk, u32 cluster, u32 copy)
{
    const u8 *boot = boot_of(disk);

    return disk->bytes + (le(boot + 14, 2) + copy * le(boot + 36, 4)) * SECTOR_BYTES + cluster * 4;
}

static u8 *cluster_at(struct disk *disk, u32 cluster)
{
    const u8 *boot = boot_of(disk);

    return disk->bytes +
           (le(boot + 14, 2) + boot[16] * le(boot + 36, 4) + (cluster - 2) * boot[13]) *
               SECTOR_BYTES;
}

static void set_link(struct disk *disk, u32 cluster, u32 link)
{
    set_le(table_entry(disk, cluster, 0), 4, link);
    set_le(table_entry(disk, cluster, 1), 4, link);
}

static void refused(struct disk *disk, int error, const char *words)
{
    const char *why = "";
    struct fs *fs;

    if (fat32_mount(&disk->block, false, &fs, &why) != error)
        FAIL("not refused as it should be: %s", words);
    if (strstr(why, words) == NULL)
        FAIL("'%s' and not '%s'", why, words);
}

static void refuse_made(const char *command, const char *words)
{
    char text[1024];
    struct disk disk;

    disk_create(&disk, 8 * MIB);
    if (shell(text, sizeof(text), "%s %s", command, disk.path) != 0)
        FAIL("%s: %s", command, text);
    refused(&disk, EINVAL, words);
    disk_destroy(&disk);
}

TEST(fat_refuses_by_name)
{
    struct disk disk;

    refuse_made("mkfs.fat -F 12 -s 16", "FAT12");
    refuse_made("mkfs.fat -F 16 -s 1", "FAT16");
    disk_make(&disk, 4 * MIB, "");
    memcpy(boot_of(&disk) + 3, "EXFAT   ", 8);
    refused(&disk, EINVAL, "exFAT");
    memcpy(boot_of(&disk) + 3, "NTFS    ", 8);
    refused(&disk, EINVAL, "NTFS");
    memset(disk.bytes, 0, 512);
    refused(&disk, EINVAL, "signature");
    disk.fail_at = 1;
    disk.fail_for = 100;
    refused(&disk, EIO, "read");
    disk_destroy(&disk);
    disk_create(&disk, 0);
    refused(&disk, EINVAL, "empty");
    disk_destroy(&disk);
}

TEST(fat_refuses_each_broken_field)
{
    static const struct {
        u32 at, bytes, value;
        const char *words;
    } fields[] = {
        {11,  2, 511,        "sector"            },
        {11,  2, 8192,       "sector"            },
        {13,  1, 0,          "cluster"           },
        {13,  1, 3,          "cluster"           },
        {14,  2, 0,          "reserved"          },
        {16,  1, 0,          "table"             },
        {17,  2, 512,        "FAT"               },
        {22,  2, 9,          "FAT"               },
        {32,  4, 0,          "clusters"          },
        {32,  4, 100000,     "larger"            },
        {32,  4, UINT32_MAX, "larger"            },
        {36,  4, 0,          "table is too small"},
        {36,  4, 1,          "table is too"      },
        {36,  4, UINT32_MAX, "clusters"          },
        {42,  2, 1,          "version"           },
        {44,  4, 0,          "root"              },
        {44,  4, 1,          "root"              },
        {44,  4, 90000,      "root"              },
        {44,  4, UINT32_MAX, "root"              },
        {40,  2, 0x8f,       "table in use"      },
        {16,  1, 255,        "clusters"          },
        {510, 2, 0,          "signature"         },
    };
    u8 boot[SECTOR_BYTES];
    struct disk disk;

    disk_make(&disk, 33 * MIB, "-s 1");
    memcpy(boot, boot_of(&disk), sizeof(boot));
    for (u32 i = 0; i < ARRAY_LEN(fields); i++) {
        memcpy(boot_of(&disk), boot, sizeof(boot));
        set_le(boot_of(&disk) + fields[i].at, fields[i].bytes, fields[i].value);
        refused(&disk, EINVAL, fields[i].words);
    }
    disk_destroy(&disk);
}

TEST(fat_finds_its_partition)
{
    char text[256];
    struct disk disk, inner;
    struct fs *fs;
    u64 size;
    u8 *bytes, *entry;

    disk_make(&inner, 36 * MIB, "-s 1");
    disk_create(&disk, 40 * MIB);
    memcpy(disk.bytes + 777 * SECTOR_BYTES, inner.bytes, inner.size);
    entry = disk.bytes + 446 + 16;
    entry[4] = 0x0c;
    set_le(entry + 8, 4, 777);
    set_le(entry + 12, 4, 36 * MIB / SECTOR_BYTES);
    set_le(disk.bytes + 510, 2, 0xaa55);
    fs = mount_disk(&disk, 0);
    CHECK_EQ(make_file(fs, "in the partition", "x", 1), 0);
    unmount_disk(fs);
    memcpy(inner.bytes, disk.bytes + 777 * SECTOR_BYTES, inner.size);
    disk_check(&inner);
    CHECK_EQ(shell(text, sizeof(text), "mtype -i %s@@%u '::in the partition'", disk.path,
                   777 * SECTOR_BYTES),
             0);
    CHECK_STR(text, "x");
    fs = mount_disk(&disk, 0);
    bytes = read_whole(fs, "in the partition", &size);
    CHECK(bytes != NULL);
    free(bytes);
    unmount_disk(fs);
    entry[4] = 0x06;
    refused(&disk, EINVAL, "FAT16");
    entry[4] = 0xee;
    refused(&disk, EINVAL, "GPT");
    entry[4] = 0x0b;
    set_le(entry + 8, 4, 1000000);
    refused(&disk, EINVAL, "partition");
    disk_destroy(&disk);
    disk_destroy(&inner);
}

/* ---- what makes no sense ---- */

/* A disk with one file of four clusters, "F", from cluster 3 on, and a directory, "D", behind. */
static void make_small(struct disk *disk)
{
    struct fs *fs;
    u8 bytes[2000] = {1};

    disk_make(disk, 4 * MIB, "-s 1");
    fs = mount_disk(disk, 0);
    CHECK_EQ(make_file(fs, "F", bytes, sizeof(bytes)), 0);
    CHECK_EQ(make_dir(fs, "D"), 0);
    CHECK_EQ(make_dir(fs, "D/E"), 0);
    unmount_disk(fs);
    disk_check(disk);
}

/* Reads, or tries to, everything; and writes. */
static int touch_all(struct disk *disk, const char *path)
{
    struct fs *fs = mount_disk(disk, 0);
    struct node *node = NULL;
    u8 bytes[4096];
    size_t done;
    int error = node_at(fs, path, &node);

    if (error == 0 && node->type == NODE_FILE)
        error = fs->ops->read(node, 0, bytes, sizeof(bytes), &done);
    if (error == 0 && node->type == NODE_FILE && done != 2000)
        error = fs->ops->read(node, done, bytes, sizeof(bytes), &done);
    if (node != NULL)
        node_put(node);
    if (error == EIO) {
        CHECK_EQ(make_file(fs, "new", "x", 1), EROFS);
        CHECK(strstr(fs_said, "fat32: ") != NULL);
    }
    fs->ops->unmount(fs);
    return error;
}

TEST(fat_broken_chains)
{
    static const u32 links[] = {0, 1, 3, 4, FAT_BAD, 0x0ffffff0, 100000};
    struct disk good, disk;

    make_small(&good);
    disk_create(&disk, good.size);
    for (u32 i = 0; i < ARRAY_LEN(links); i++) {
        disk_copy(&disk, &good);
        set_link(&disk, 4, links[i]);
        CHECK_EQ(touch_all(&disk, "F"), EIO);
    }
    disk_copy(&disk, &good);
    set_link(&disk, 4, FAT_LAST); /* shorter than the size */
    CHECK_EQ(touch_all(&disk, "F"), EIO);
    disk_copy(&disk, &good);
    set_link(&disk, 6, 3); /* a circle, behind the end */
    CHECK_EQ(touch_all(&disk, "F"), 0);
    disk_destroy(&disk);
    disk_destroy(&good);
}

/* The slot of a short name in the root directory. */
static u8 *slot_of(struct disk *disk, const char *name)
{
    for (u8 *at = cluster_at(disk, 2); at[0] != 0; at += 32) {
        if (memcmp(at, name, 11) == 0)
            return at;
    }
    FAIL("%s is not there", name);
}

TEST(fat_directory_loops)
{
    struct disk good, disk;
    u32 d;

    make_small(&good);
    disk_create(&disk, good.size);
    d = le(slot_of(&good, "D          ") + 26, 2);
    disk_copy(&disk, &good);
    set_le(slot_of(&disk, "D          ") + 26, 2, 2); /* the root */
    CHECK_EQ(touch_all(&disk, "D"), EIO);
    disk_copy(&disk, &good);
    set_le(cluster_at(&disk, d) + 64 + 26, 2, d); /* E is D */
    CHECK_EQ(touch_all(&disk, "D/E"), EIO);
    disk_copy(&disk, &good);
    set_le(slot_of(&disk, "D          ") + 26, 2, 3); /* a file */
    CHECK_EQ(touch_all(&disk, "D"), EIO);
    disk_copy(&disk, &good);
    set_le(slot_of(&disk, "D          ") + 26, 2, 0);
    CHECK_EQ(touch_all(&disk, "D"), EIO);
    disk_copy(&disk, &good);
    memset(cluster_at(&disk, d) + 64, 'X', SECTOR_BYTES - 64); /* full, without an end, */
    set_link(&disk, d, d);                                     /* and a circle */
    CHECK_EQ(touch_all(&disk, "D/E"), EIO);
    disk_destroy(&disk);
    disk_destroy(&good);
}

TEST(fat_removes_what_is_broken)
{
    struct disk disk;
    struct fs *fs;

    make_small(&disk);
    set_link(&disk, 4, 3);
    fs = mount_disk(&disk, 0);
    CHECK_EQ(delete (fs, "F"), 0);
    fs->ops->unmount(fs);
    disk_repair(&disk);
    disk_destroy(&disk);
}

TEST(fat_read_only)
{
    struct node *node;
    struct disk disk;
    struct fs *fs;
    u8 *copy;
    size_t done;
    u8 byte;

    make_small(&disk);
    disk.block.readonly = true;
    copy = malloc(disk.size);
    CHECK(copy != NULL);
    memcpy(copy, disk.bytes, disk.size);
    fs = mount_disk(&disk, 0);
    CHECK(fs->readonly);
    CHECK_EQ(make_file(fs, "x", "", 0), EROFS);
    CHECK_EQ(make_dir(fs, "x"), EROFS);
    CHECK_EQ(delete (fs, "F"), EROFS);
    CHECK_EQ(move(fs, "F", "G"), EROFS);
    CHECK_EQ(append(fs, "F", "x", 1), EROFS);
    CHECK_EQ(node_at(fs, "F", &node), 0);
    fs_clock += 1000000;
    CHECK_EQ(fs->ops->read(node, 0, &byte, 1, &done), 0);
    CHECK_EQ(fs->ops->truncate(node, 0), EROFS);
    CHECK_EQ(fs->ops->chmod(node, 0), EROFS);
    CHECK_EQ(fs->ops->set_times(node, 0, 0, 0), EROFS);
    CHECK_EQ(fs->ops->sync(node), 0);
    node_put(node);
    CHECK_EQ(fs->ops->sync_all(fs), 0);
    unmount_disk(fs);
    CHECK(memcmp(copy, disk.bytes, disk.size) == 0);
    free(copy);
    disk_destroy(&disk);
}

/* ---- limits ---- */

TEST(fat_full_disk)
{
    static u8 bytes[1 << 20];
    struct disk disk;
    struct fs_space space;
    struct fs *fs;
    u32 files = 0;

    disk_make(&disk, 6 * MIB, "-s 1");
    fs = mount_disk(&disk, 256U << 10);
    fill_pattern(bytes, sizeof(bytes), 1);
    CHECK_EQ(make_file(fs, "first", bytes, sizeof(bytes)), 0);
    while (append(fs, "first", bytes, sizeof(bytes)) == 0)
        files++;
    CHECK(files >= 3);
    CHECK_EQ(fs->ops->space(fs, &space), 0);
    CHECK_EQ(space.free_blocks, 0);
    CHECK_EQ(append(fs, "first", "x", 512), ENOSPC);
    CHECK_EQ(make_dir(fs, "dir"), ENOSPC);
    CHECK_EQ(make_file(fs, "empty", "", 0), 0);
    CHECK_EQ(append(fs, "empty", "x", 1), ENOSPC);
    CHECK_EQ(delete (fs, "first"), 0);
    CHECK_EQ(make_file(fs, "again", bytes, sizeof(bytes)), 0); /* what was freed is used again */
    CHECK_EQ(make_dir(fs, "dir"), 0);
    unmount_disk(fs);
    disk_check(&disk);
    disk_destroy(&disk);
}

/* A gap that the disk has no room for: the size stays. */
TEST(fat_gap_does_not_fit)
{
    struct disk disk;
    struct node *node;
    struct node_attr attr;
    struct fs *fs;
    size_t done;

    disk_make(&disk, 4 * MIB, "-s 1");
    fs = mount_disk(&disk, 0);
    CHECK_EQ(make_file(fs, "f", "abc", 3), 0);
    CHECK_EQ(node_at(fs, "f", &node), 0);
    CHECK_EQ(fs->ops->write(node, 100 * MIB, "x", 1, &done), ENOSPC);
    CHECK_EQ(fs->ops->truncate(node, 100 * MIB), ENOSPC);
    CHECK_EQ(fs->ops->truncate(node, 1ULL << 32), EFBIG);
    CHECK_EQ(fs->ops->write(node, UINT32_MAX, "x", 1, &done), EFBIG);
    CHECK_EQ(fs->ops->attr(node, &attr), 0);
    CHECK_EQ(attr.bytes, 3);
    CHECK_EQ(fs->ops->truncate(node, 3 * MIB), 0);
    node_put(node);
    unmount_disk(fs);
    disk_check(&disk);
    disk_destroy(&disk);
}

TEST(fat_largest_file)
{
    struct disk disk;
    struct node *node;
    struct node_attr attr;
    struct fs *fs;
    size_t done;
    char text[4];

    disk_make(&disk, 5000 * MIB, "-s 128");
    fs = mount_disk(&disk, 0);
    CHECK_EQ(make_file(fs, "f", "abc", 3), 0);
    CHECK_EQ(node_at(fs, "f", &node), 0);
    CHECK_EQ(fs->ops->sync_all(fs), 0);
    node_put(node);
    unmount_disk(fs);
    /* as long as can be, without writing 4 GiB of zeros */
    for (u32 cluster = 3; cluster < 3 + 65536; cluster++)
        set_link(&disk, cluster, cluster + 1 == 3 + 65536 ? FAT_LAST : cluster + 1);
    set_le(slot_of(&disk, "F          ") + 28, 4, UINT32_MAX - 2);
    disk.bytes[le(disk.bytes + 48, 2) * SECTOR_BYTES] = 0; /* FSInfo is wrong now */
    fs = mount_disk(&disk, 0);
    CHECK_EQ(node_at(fs, "f", &node), 0);
    CHECK_EQ(fs->ops->write(node, UINT32_MAX - 2, "xyz", 3, &done), 0);
    CHECK_EQ(done, 2);
    CHECK_EQ(fs->ops->write(node, UINT32_MAX, "z", 1, &done), EFBIG);
    CHECK_EQ(fs->ops->attr(node, &attr), 0);
    CHECK_EQ(attr.bytes, UINT32_MAX);
    CHECK_EQ(fs->ops->read(node, UINT32_MAX - 2, text, 4, &done), 0);
    CHECK_EQ(done, 2);
    CHECK(memcmp(text, "xy", 2) == 0);
    node_put(node);
    unmount_disk(fs);
    disk_destroy(&disk);
}

TEST(fat_full_directory)
{
    char path[64];
    struct disk disk;
    struct fs *fs;
    u32 made = 0;
    int error;

    disk_make(&disk, 40 * MIB, "-s 1");
    fs = mount_disk(&disk, 0);
    CHECK_EQ(make_dir(fs, "d"), 0);
    do {
        snprintf(path, sizeof(path), "d/%u", made);
        error = make_file(fs, path, "", 0);
        made += error == 0;
    } while (error == 0);
    CHECK_EQ(error, ENOSPC);
    CHECK_EQ(made, 65536 - 2);
    CHECK_EQ(make_file(fs, "d/a long name.with a long extension", "", 0), ENOSPC);
    CHECK_EQ(delete (fs, "d/777"), 0);
    CHECK_EQ(make_file(fs, "d/a long name.with a long extension", "", 0), ENOSPC);
    CHECK_EQ(make_file(fs, "d/new", "", 0), 0);
    CHECK_EQ(make_file(fs, "d/new2", "", 0), ENOSPC);
    CHECK_EQ(move(fs, "d/778", "d/renamed"), 0);
    unmount_disk(fs);
    fs = mount_disk(&disk, 0);
    CHECK_EQ(make_file(fs, "d/65533", "", 0), EEXIST);
    CHECK_EQ(delete (fs, "d/65533"), 0);
    unmount_disk(fs);
    CHECK_EQ(shell(path, sizeof(path), "mdir -b -i %s ::d | wc -l", disk.path), 0);
    CHECK_STR(path, "65533\n");
    if (world_times(1) != 1)
        disk_check(&disk); /* fsck.fat compares each name with each */
    disk_destroy(&disk);
}

TEST(fat_deepest_path)
{
    char path[2048] = "";
    struct disk disk;
    struct fs *fs;

    disk_make(&disk, 4 * MIB, "-s 1");
    fs = mount_disk(&disk, 0);
    for (u32 depth = 0; depth < 250; depth++) {
        snprintf(path + strlen(path), sizeof(path) - strlen(path), "%sd%u", depth == 0 ? "" : "/",
                 depth);
        CHECK_EQ(make_dir(fs, path), 0);
    }
    strcat(path, "/file");
    CHECK_EQ(make_file(fs, path, "deep", 4), 0);
    unmount_disk(fs);
    disk_check(&disk);
    fs = mount_disk(&disk, 0);
    CHECK_EQ(append(fs, path, "er", 2), 0);
    unmount_disk(fs);
    disk_check(&disk);
    disk_destroy(&disk);
}

/* ---- what fails on the way ---- */

/* A bit of everything; what it says does not matter, but that nothing breaks. */
static void use(struct fs *fs)
{
    static u8 bytes[50000];
    struct node *node;
    struct fs_space space;
    struct fs_entry entry;
    u64 position = 0;

    make_dir(fs, "New directory");
    make_file(fs, "New directory/a file with a long name", bytes, 3000);
    make_file(fs, "big", bytes, sizeof(bytes));
    append(fs, "F", bytes, 6000);
    move(fs, "big", "New directory/Big file");
    move(fs, "F", "New directory/Big file");
    move(fs, "D/E", "moved");
    if (node_at(fs, "New directory/Big file", &node) == 0) {
        fs->ops->truncate(node, 100);
        fs->ops->sync(node);
        fs->ops->truncate(node, 20000);
        node_put(node);
    }
    delete (fs, "New directory/a file with a long name");
    while (fs->ops->list(fs->root, &position, &entry) == 0)
        ;
    fs->ops->space(fs, &space);
    fs->ops->sync_all(fs);
    make_file(fs, "last", bytes, 5000);
}

/* Where all of what `use` makes is. */
static bool came_through(struct disk *disk)
{
    struct fs *fs = mount_disk(disk, 0);
    struct node *node;
    bool there = node_at(fs, "last", &node) == 0;

    if (there)
        node_put(node);
    unmount_disk(fs);
    return there;
}

TEST(fat_each_malloc_fails)
{
    struct disk good, disk;
    bool failed = true;

    make_small(&good);
    disk_create(&disk, good.size);
    for (u64 n = 1; failed; n++) {
        const char *why;
        struct fs *fs;
        int error;

        disk_copy(&disk, &good);
        malloc_fails_at(n);
        error = fat32_mount_cached(&disk.block, false, 1U << 20, &fs, &why);
        CHECK(error == 0 || error == ENOMEM);
        if (error == 0) {
            use(fs);
            failed = malloc_count() >= n;
            malloc_fails_at(0);
            CHECK_EQ(fs->ops->unmount(fs), 0);
        }
        malloc_fails_at(0);
        disk_check(&disk);
    }
    CHECK(came_through(&disk));
    disk_destroy(&disk);
    disk_destroy(&good);
}

/* One request fails, or all from one on: nothing that is not repaired. */
static void fail_requests(u64 count)
{
    struct disk good, disk;
    bool failed = true;

    make_small(&good);
    disk_create(&disk, good.size);
    for (u64 n = 1; failed; n++) {
        const char *why;
        struct fs *fs;

        disk_copy(&disk, &good);
        disk_restart(&disk);
        disk.fail_at = n;
        disk.fail_for = count;
        fs_said[0] = '\0';
        if (fat32_mount_cached(&disk.block, false, 256U << 10, &fs, &why) == 0) {
            use(fs);
            fs->ops->unmount(fs);
        }
        failed = disk.requests >= n;
        disk_restart(&disk);
        disk_repair(&disk);
    }
    CHECK(came_through(&disk));
    disk_destroy(&disk);
    disk_destroy(&good);
}

TEST(fat_each_request_fails)
{
    fail_requests(1);
}

TEST(fat_disk_vanishes)
{
    fail_requests(UINT32_MAX);
}
