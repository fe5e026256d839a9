/* SPDX-License-Identifier: BSD-2-Clause */
/* FAT32: what it reads, writes and refuses, with mkfs.fat, fsck.fat and mtools as judges. */
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
