/* SPDX-License-Identifier: BSD-2-Clause */
/* FAT32: what it reads, writes and refuses, with mkfs.fat, fsck.fat and mtools as judges. */
#define _GNU_SOURCE /* memmem */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/host/fat_world.h"
#include "tests/test.h"

#define MIB (1ULL << 20)

static void expect_file(struct fs *fs, const char *path, const void *bytes, u64 size)
{
    u64 got;
    u8 *whole = read_whole(fs, path, &got);

    if (whole == NULL)
        FAIL("%s cannot be read", path);
    CHECK_EQ(got, size);
    CHECK(memcmp(whole, bytes, size) == 0);
    free(whole);
}

TEST(fat_reads_what_mtools_wrote)
{
    char text[4096];
    struct disk disk;
    struct fs *fs;
    struct node *node;
    struct fs_entry entry;
    u64 position = 0;
    u32 entries = 0;

    disk_make(&disk, 40 * MIB, "-n LABEL");
    CHECK_EQ(
        shell(text, sizeof(text),
              "cd /tmp && d=$(mktemp -d) && cd $d && printf hello >hello.txt && "
              "seq 100000 >'A long Name.numbers' && mmd -i %s ::sub ::sub/Deeper && "
              "mcopy -i %s hello.txt :: && mcopy -i %s *numbers ::sub/Deeper && cd / && rm -r $d",
              disk.path, disk.path, disk.path),
        0);
    fs = mount_disk(&disk, 0);
    expect_file(fs, "HELLO.TXT", "hello", 5);
    expect_file(fs, "hello.txt", "hello", 5);
    CHECK_EQ(node_at(fs, "sub/deeper/a LONG name.NUMBERS", &node), 0);
    node_put(node);
    CHECK_EQ(node_at(fs, "sub/deeper/nothing", &node), ENOENT);
    while (fs->ops->list(fs->root, &position, &entry) == 0) {
        CHECK_STR(entry.name, entries == 0 ? "sub" : "hello.txt");
        entries++;
    }
    CHECK_EQ(entries, 2);
    unmount_disk(fs);
    disk_check(&disk);
    disk_destroy(&disk);
}

TEST(fat_writes_what_mtools_reads)
{
    static u8 bytes[300000], copy[300000];
    char text[4096];
    struct disk disk;
    struct fs *fs;

    fill_pattern(bytes, sizeof(bytes), 1);
    disk_make(&disk, 40 * MIB, "");
    fs = mount_disk(&disk, 0);
    CHECK_EQ(make_dir(fs, "Some directory"), 0);
    CHECK_EQ(make_file(fs, "Some directory/file.bin", bytes, sizeof(bytes)), 0);
    CHECK_EQ(make_file(fs, "small", "x", 1), 0);
    CHECK_EQ(make_file(fs, "small", "x", 1), EEXIST);
    CHECK_EQ(move(fs, "small", "Some directory/SMALL.longer"), 0);
    expect_file(fs, "some directory/file.BIN", bytes, sizeof(bytes));
    unmount_disk(fs);
    disk_check(&disk);
    CHECK_EQ(
        shell((char *)copy, sizeof(copy), "mtype -i %s '::Some directory/SMALL.longer'", disk.path),
        0);
    CHECK_STR((char *)copy, "x");
    CHECK_EQ(
        shell(text, sizeof(text), "mcopy -i %s '::some directory/file.bin' - | cksum", disk.path),
        0);
    fs = mount_disk(&disk, 0);
    expect_file(fs, "some directory/file.BIN", bytes, sizeof(bytes));
    CHECK_EQ(delete (fs, "some directory"), ENOTEMPTY);
    CHECK_EQ(delete (fs, "some directory/file.bin"), 0);
    CHECK_EQ(delete (fs, "some directory/small.LONGER"), 0);
    CHECK_EQ(delete (fs, "some directory"), 0);
    unmount_disk(fs);
    disk_check(&disk);
    disk_destroy(&disk);
}

/* ---- names ---- */

static u32 count_entries(struct fs *fs, struct node *dir, const char *wanted,
                         struct fs_entry *found)
{
    struct fs_entry entry;
    u64 position = 0;
    u32 count = 0;

    found->name[0] = '\0';
    while (fs->ops->list(dir, &position, &entry) == 0) {
        count++;
        if (strcmp(entry.name, wanted) == 0)
            *found = entry;
    }
    return count;
}

static void expect_listed(struct fs *fs, const char *name)
{
    struct fs_entry entry;
    struct node *node;

    CHECK_EQ(node_at(fs, name, &node), 0);
    count_entries(fs, fs->root, name, &entry);
    CHECK_STR(entry.name, name);
    CHECK_EQ(entry.id, node->id);
    CHECK_EQ(entry.type, node->type);
    node_put(node);
}

TEST(fat_names_of_all_kinds)
{
    char longest[FS_NAME_MAX + 2], text[8192];
    const char *const names[] = {"😀😁😂.txt",       "Größe in €.Text",
                                 "日本語",        "with  two spaces",
                                 " leading",      "a.b.c.d.e.f.g",
                                 "UPPER.TXT",     "lower.txt",
                                 "Mixed.txt",     "UPPER.low",
                                 "low.UPP",       "+,;=[]",
                                 "exactly13char", "exactly26characters.-----",
                                 longest};
    struct disk disk;
    struct fs *fs;

    memset(longest, 'x', FS_NAME_MAX);
    longest[FS_NAME_MAX] = '\0';
    disk_make(&disk, 40 * MIB, "-s 1");
    fs = mount_disk(&disk, 0);
    for (u32 i = 0; i < ARRAY_LEN(names); i++) {
        CHECK_EQ(make_file(fs, names[i], names[i], strlen(names[i])), 0);
        expect_listed(fs, names[i]);
    }
    unmount_disk(fs);
    disk_check(&disk);
    fs = mount_disk(&disk, 0);
    for (u32 i = 0; i < ARRAY_LEN(names); i++) {
        expect_listed(fs, names[i]);
        expect_file(fs, names[i], names[i], strlen(names[i]));
    }
    CHECK_EQ(shell(text, sizeof(text), "mdir -b -i %s ::", disk.path), 0);
    for (u32 i = 1; i < ARRAY_LEN(names); i++) /* mtools knows the first plane only */
        CHECK(strstr(text, names[i]) != NULL);
    for (u32 i = 0; i < ARRAY_LEN(names); i++)
        CHECK_EQ(delete (fs, names[i]), 0);
    strcat(longest, "x");
    CHECK_EQ(make_file(fs, longest, "", 0), EINVAL);
    CHECK_EQ(make_file(fs, "a*b", "", 0), EINVAL);
    CHECK_EQ(make_file(fs, "\xff", "", 0), EINVAL);
    CHECK_EQ(move(fs, "UPPER.TXT", "x"), ENOENT);
    unmount_disk(fs);
    disk_check(&disk);
    disk_destroy(&disk);
}

TEST(fat_names_by_their_aliases)
{
    struct disk disk;
    struct fs_entry entry;
    struct node *node, *same;
    struct fs *fs;
    char name[64];

    disk_make(&disk, 40 * MIB, "-s 1");
    fs = mount_disk(&disk, 0);
    CHECK_EQ(make_file(fs, "LONGFI~1.TXT", "1", 1), 0);
    CHECK_EQ(make_file(fs, "longfilename.txt", "2", 1), 0);
    expect_file(fs, "longfi~2.txt", "2", 1);
    CHECK_EQ(make_file(fs, "longfi~2.TXT", "", 0), EEXIST);
    CHECK_EQ(node_at(fs, "longfilename.txt", &node), 0);
    CHECK_EQ(node_at(fs, "LONGFI~2.TXT", &same), 0);
    CHECK(node == same);
    node_put(node);
    node_put(same);
    for (u32 i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "longfilename %u.txt", i);
        CHECK_EQ(make_file(fs, name, "", 0), 0);
    }
    CHECK_EQ(count_entries(fs, fs->root, "", &entry), 1002);
    /* only its case changes */
    CHECK_EQ(move(fs, "longfilename.txt", "LongFileName.txt"), 0);
    expect_listed(fs, "LongFileName.txt");
    CHECK_EQ(move(fs, "LongFileName.txt", "LongFileName.txt"), 0);
    unmount_disk(fs);
    disk_check(&disk);
    disk_destroy(&disk);
}

/* What is no part of a name is passed over.  fsck.fat leaves such parts where they are. */
TEST(fat_fragments_of_long_names)
{
    struct disk disk;
    struct fs_entry entry;
    struct fs *fs;
    u8 *root;

    disk_make(&disk, 4 * MIB, "-s 1");
    fs = mount_disk(&disk, 0);
    CHECK_EQ(make_file(fs, "the first long name", "", 0), 0);
    CHECK_EQ(make_file(fs, "the second long name", "", 0), 0);
    CHECK_EQ(make_file(fs, "the third long name", "", 0), 0);
    CHECK_EQ(make_file(fs, "the fourth long name", "", 0), 0);
    unmount_disk(fs);
    root = disk.bytes + (32 + 2 * 63) * SECTOR_BYTES;
    CHECK_EQ(memcmp(root + 64, "THEFIR~1   ", 11), 0);
    root[0] = 0xe5;      /* the last part is gone */
    root[3 * 32 + 13]++; /* another checksum */
    root[7 * 32] = 3;    /* out of order */
    fs = mount_disk(&disk, 0);
    CHECK_EQ(count_entries(fs, fs->root, "THEFIR~1", &entry), 4);
    CHECK_STR(entry.name, "THEFIR~1");
    CHECK_EQ(count_entries(fs, fs->root, "THESEC~1", &entry), 4);
    CHECK_STR(entry.name, "THESEC~1");
    CHECK_EQ(count_entries(fs, fs->root, "THETHI~1", &entry), 4);
    CHECK_STR(entry.name, "THETHI~1");
    expect_listed(fs, "the fourth long name");
    CHECK_EQ(delete (fs, "THESEC~1"), 0);
    CHECK_EQ(delete (fs, "the fourth long name"), 0);
    unmount_disk(fs);
    disk_destroy(&disk);
}

/* ---- attributes, space, nodes ---- */

TEST(fat_times_and_permissions)
{
    struct disk disk;
    struct node_attr attr;
    struct node *node;
    struct fs *fs;
    size_t done;
    char byte;

    disk_make(&disk, 4 * MIB, "-s 1");
    fs_clock = 1700000001;
    fs = mount_disk(&disk, 0);
    CHECK_EQ(make_file(fs, "f", "x", 1), 0);
    unmount_disk(fs);
    fs = mount_disk(&disk, 0);
    CHECK_EQ(node_at(fs, "f", &node), 0);
    CHECK_EQ(fs->ops->attr(node, &attr), 0);
    CHECK_EQ(attr.mtime_s, 1700000000);
    CHECK_EQ(attr.atime_s, 1700000000 / 86400 * 86400);
    CHECK_EQ(attr.permissions, 0755);
    fs_clock += 86400;
    CHECK_EQ(fs->ops->read(node, 0, &byte, 1, &done), 0);
    CHECK_EQ(fs->ops->chmod(node, 0444), 0);
    node_put(node);
    unmount_disk(fs);
    fs = mount_disk(&disk, 0);
    CHECK_EQ(node_at(fs, "f", &node), 0);
    CHECK_EQ(fs->ops->attr(node, &attr), 0);
    CHECK_EQ(attr.mtime_s, 1700000000);
    CHECK_EQ(attr.atime_s / 86400, 1700000000 / 86400 + 1);
    CHECK_EQ(attr.permissions, 0555);
    CHECK_EQ(fs->ops->set_times(node, 1000000000, 1000000003, 0), 0);
    CHECK_EQ(fs->ops->chmod(node, 0644), 0);
    node_put(node);
    unmount_disk(fs);
    fs = mount_disk(&disk, 0);
    CHECK_EQ(node_at(fs, "f", &node), 0);
    CHECK_EQ(fs->ops->attr(node, &attr), 0);
    CHECK_EQ(attr.mtime_s, 1000000002);
    CHECK_EQ(attr.permissions, 0755);
    node_put(node);
    unmount_disk(fs);
    disk_check(&disk);
    disk_destroy(&disk);
}

/* A file without a name lives until it is put; then its clusters are free. */
TEST(fat_removed_while_in_use)
{
    static u8 bytes[10000], got[10000];
    struct fs_space before, after;
    struct node *node, *other;
    struct disk disk;
    struct fs *fs;
    size_t done;

    fill_pattern(bytes, sizeof(bytes), 1);
    disk_make(&disk, 4 * MIB, "-s 1");
    fs = mount_disk(&disk, 0);
    CHECK_EQ(fs->ops->space(fs, &before), 0);
    CHECK_EQ(make_file(fs, "f", bytes, sizeof(bytes)), 0);
    CHECK_EQ(node_at(fs, "f", &node), 0);
    CHECK_EQ(delete (fs, "f"), 0);
    CHECK_EQ(node->nlink, 0);
    CHECK_EQ(make_file(fs, "f", "new", 3), 0); /* in the same slot */
    CHECK_EQ(node_at(fs, "f", &other), 0);
    CHECK(other != node && other->id != node->id);
    CHECK_EQ(fs->ops->sync_all(fs), 0);
    CHECK_EQ(fs->ops->write(node, sizeof(bytes), "x", 1, &done), 0);
    CHECK_EQ(fs->ops->read(node, 0, got, sizeof(got), &done), 0);
    CHECK(done == sizeof(got) && memcmp(bytes, got, sizeof(got)) == 0);
    node_put(node);
    node_put(other);
    CHECK_EQ(delete (fs, "f"), 0);
    CHECK_EQ(fs->ops->sync_all(fs), 0);
    CHECK_EQ(fs->ops->space(fs, &after), 0);
    CHECK_EQ(after.free_blocks, before.free_blocks);
    unmount_disk(fs);
    disk_check(&disk);
    disk_destroy(&disk);
}

/* Entry 1 of the table has a bit that says whether the volume was unmounted. */
static bool says_clean(const struct disk *disk)
{
    u32 entry;

    memcpy(&entry, disk->bytes + 32 * SECTOR_BYTES + 4, sizeof(entry));
    return (entry & 0x08000000) != 0;
}

TEST(fat_says_when_it_is_in_use)
{
    struct disk disk;
    struct fs *fs;

    disk_make(&disk, 4 * MIB, "-s 1");
    fs = mount_disk(&disk, 0);
    CHECK(says_clean(&disk));
    CHECK_EQ(make_file(fs, "f", "x", 1), 0);
    CHECK(!says_clean(&disk));
    CHECK_EQ(fs->ops->sync_all(fs), 0);
    CHECK(says_clean(&disk));
    CHECK_EQ(append(fs, "f", "x", 1), 0);
    CHECK(!says_clean(&disk));
    disk.is_off = true;
    CHECK_EQ(fs->ops->unmount(fs), ENODEV);
    disk_restart(&disk);
    fs = mount_disk(&disk, 0);
    CHECK(strstr(fs_said, "not unmounted") != NULL);
    unmount_disk(fs);
    disk_repair(&disk);
    disk_destroy(&disk);
}

TEST(fat_counts_what_is_free)
{
    struct fs_space space;
    struct disk disk;
    struct fs *fs;
    u8 *information;

    disk_make(&disk, 40 * MIB, "-s 1");
    information = disk.bytes + SECTOR_BYTES;
    fs = mount_disk(&disk, 0);
    CHECK_EQ(make_file(fs, "f", information, 512), 0);
    CHECK_EQ(fs->ops->space(fs, &space), 0);
    CHECK_EQ(space.block_bytes, 512);
    CHECK_EQ(space.free_blocks, space.blocks - 2);
    unmount_disk(fs);
    memset(information + 488, 0xff, 8); /* not known */
    fs = mount_disk(&disk, 0);
    CHECK_EQ(fs->ops->space(fs, &space), 0);
    CHECK_EQ(space.free_blocks, space.blocks - 2);
    CHECK_EQ(make_file(fs, "g", "", 0), 0);
    unmount_disk(fs);
    disk_check(&disk);
    memset(information, 0, 4); /* no FSInfo */
    fs = mount_disk(&disk, 0);
    CHECK_EQ(fs->ops->space(fs, &space), 0);
    CHECK_EQ(space.free_blocks, space.blocks - 2);
    unmount_disk(fs);
    disk_destroy(&disk);
}

/* ---- few requests ---- */

/* What is behind a file's end is zeros on disk, not what was in memory. */
TEST(fat_tells_nothing_else)
{
    static const char *const options[] = {"-s 1", "-s 8"};
    u8 full[4096];

    memset(full, 0xaa, sizeof(full));
    for (u32 i = 0; i < ARRAY_LEN(options); i++) {
        struct disk disk;
        struct fs *fs;
        u8 *at;

        disk_make(&disk, 40 * MIB, options[i]);
        fs = mount_disk(&disk, 0);
        CHECK_EQ(make_file(fs, "all of the cache's memory", "", 0), 0);
        for (u32 blocks = 0; blocks < 2048; blocks++)
            CHECK_EQ(append(fs, "all of the cache's memory", full, sizeof(full)), 0);
        CHECK_EQ(fs->ops->sync_all(fs), 0);
        CHECK_EQ(make_file(fs, "f", "a mark that nothing else has", 28), 0);
        CHECK_EQ(append(fs, "f", "!", 1), 0);
        unmount_disk(fs);
        at = memmem(disk.bytes, disk.size, "a mark that nothing else has!", 29);
        CHECK(at != NULL);
        for (u32 behind = 29; behind < (i == 0 ? SECTOR_BYTES : 8 * SECTOR_BYTES); behind++)
            CHECK_EQ(at[behind], 0);
        disk_destroy(&disk);
    }
}

TEST(fat_small_files_in_few_requests)
{
    char name[32];
    struct disk disk;
    struct fs *fs;
    u64 before;

    disk_make(&disk, 300 * MIB, "-s 8");
    fs = mount_disk(&disk, 0);
    before = disk.requests;
    for (u32 i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "f%u", i);
        CHECK_EQ(make_file(fs, name, name, strlen(name)), 0);
    }
    CHECK_EQ(fs->ops->sync_all(fs), 0);
    CHECK(disk.requests - before < 60);
    unmount_disk(fs);
    disk_check(&disk);
    disk_destroy(&disk);
}

static void transfer(struct node *node, bool write, size_t chunk, u64 total)
{
    static u8 bytes[1 << 17];
    size_t done;

    for (u64 at = 0; at < total; at += chunk) {
        if (write)
            fill_pattern(bytes, chunk, at);
        CHECK_EQ(write ? node->fs->ops->write(node, at, bytes, chunk, &done)
                       : node->fs->ops->read(node, at, bytes, chunk, &done),
                 0);
        CHECK_EQ(done, chunk);
        if (!write) {
            u64 first, seed = at;

            memcpy(&first, bytes, sizeof(first));
            CHECK_EQ(first, test_random(&seed));
        }
    }
}

TEST(fat_long_file_in_few_requests)
{
    static const size_t chunks[] = {1000, 4096, 1 << 17};
    const u64 total = 16 * MIB;
    struct node *node;
    struct disk disk;
    struct fs *fs;
    u64 before;

    for (u32 i = 0; i < ARRAY_LEN(chunks); i++) {
        const u64 bytes = total - total % chunks[i];

        disk_make(&disk, 40 * MIB, "-s 1");
        fs = mount_disk(&disk, 0);
        CHECK_EQ(make_file(fs, "f", "", 0), 0);
        CHECK_EQ(node_at(fs, "f", &node), 0);
        before = disk.requests;
        transfer(node, true, chunks[i], bytes);
        CHECK_EQ(fs->ops->sync(node), 0);
        CHECK(disk.requests - before < 2 * total / (128U << 10) + 100);
        node_put(node);
        unmount_disk(fs);
        disk_check(&disk);
        fs = mount_disk(&disk, 0);
        CHECK_EQ(node_at(fs, "f", &node), 0);
        before = disk.requests;
        transfer(node, false, chunks[i], bytes);
        CHECK(disk.requests - before < 2 * total / (128U << 10) + 100);
        node_put(node);
        unmount_disk(fs);
        disk_destroy(&disk);
    }
}

/* Names that come and go do not make a directory longer. */
TEST(fat_slots_are_used_again)
{
    struct fs_space before, after;
    struct disk disk;
    struct fs *fs;
    char name[64];

    disk_make(&disk, 4 * MIB, "-s 1");
    fs = mount_disk(&disk, 0);
    CHECK_EQ(make_file(fs, "stays", "", 0), 0);
    for (u32 i = 0; i < 2000; i++) {
        snprintf(name, sizeof(name), "a name of several slots %u", i % 20);
        if (i / 20 % 2 == 0)
            CHECK_EQ(make_file(fs, name, "", 0), 0);
        else
            CHECK_EQ(delete (fs, name), 0);
        if (i == 20)
            CHECK_EQ(fs->ops->space(fs, &before), 0);
    }
    CHECK_EQ(fs->ops->space(fs, &after), 0);
    CHECK_EQ(after.free_blocks, before.free_blocks);
    unmount_disk(fs);
    disk_check(&disk);
    disk_destroy(&disk);
}
