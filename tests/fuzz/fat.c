/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FAT32 on damaged disks: whatever is mounted can be walked, read, written and unmounted, without
 * an access outside and without a loop that does not end.
 *
 * A disk is too large to be damaged as a whole.  An input is the part of it where all is that
 * matters, in this order: boot sector, FSInfo, the beginning of the table, and some clusters, of
 * which the first are directories:
 *
 *     | sector 0 | sector 1 | 2 of the table | clusters 2 to 17, a sector each |
 *
 * then what is changed in it, with an eye for what is where, four bytes for each change; and last
 * what is done with the disk, a byte for each step.
 */
#include <stdlib.h>
#include <string.h>

#include "guest/fs/fat32.h"

#include "tests/host/fat_world.h"
#include "tests/test.h"

#define DISK_BYTES    (1U << 20)
#define RESERVED      4U /* sectors */
#define TABLE_SECTORS 16U
#define TABLE_PART    2U
#define CLUSTERS_PART 16U
#define PART_SECTORS  (2 + TABLE_PART + CLUSTERS_PART)
#define CHANGES       6U
#define CHANGE_BYTES  4U
#define STEPS_AT      (PART_SECTORS * SECTOR_BYTES + CHANGES * CHANGE_BYTES)
#define STEPS_MAX     64U
#define SEEDS         48U
#define STEPS_ENTRIES 40U /* entries of a directory that are looked at */

/* Where the sectors of an input are on the disk. */
static u32 place_of(u32 sector)
{
    if (sector < 2)
        return sector;
    if (sector < 2 + TABLE_PART)
        return RESERVED + sector - 2;
    return RESERVED + 2 * TABLE_SECTORS + sector - 2 - TABLE_PART;
}

static struct disk *disk_for(const u8 *bytes, size_t size)
{
    static struct disk disk;

    if (disk.bytes == NULL)
        disk_create(&disk, DISK_BYTES);
    memset(disk.bytes, 0, DISK_BYTES);
    disk_restart(&disk);
    for (u32 i = 0; i < PART_SECTORS && (i + 1) * SECTOR_BYTES <= size; i++)
        memcpy(disk.bytes + place_of(i) * SECTOR_BYTES, bytes + i * SECTOR_BYTES, SECTOR_BYTES);
    return &disk;
}

/* Numbers of the kind that breaks checks of clusters and sizes. */
static u32 number_of(u8 choice, u32 place)
{
    const u32 numbers[] = {0,          1,           2,          3,          place,
                           place + 1,  place - 1,   0x0ffffff7, 0x0ffffff8, 0x0fffffff,
                           0x0fffff00, 0xf0000002U, 0xffffffff, 0x10000,    65536,
                           511,        512,         513,        1000,       1001};

    return choice < 128 ? numbers[choice % ARRAY_LEN(numbers)] : choice % 24U;
}

static void set_number(u8 *at, u32 bytes, u32 number)
{
    memcpy(at, &number, bytes);
}

/* One change: of the BPB, of the table, or of a slot in a directory. */
static void change_disk(struct disk *disk, const u8 *change)
{
    static const struct {
        u8 at, bytes;
    } bpb[] =
        {
            {11, 2},
            {13, 1},
            {14, 2},
            {16, 1},
            {17, 2},
            {19, 2},
            {22, 2},
            {32, 4},
            {36, 4},
            {40, 2},
            {42, 2},
            {44, 4},
            {48, 2}
    },
      slot[] = {{0, 1}, {1, 2}, {11, 1}, {12, 1}, {13, 1}, {20, 2}, {26, 2}, {28, 4}};
    const u32 sector = place_of(2 + TABLE_PART + change[1] % CLUSTERS_PART);
    const u32 cluster = change[1] % 24U, field = change[2] % ARRAY_LEN(slot);

    switch (change[0] % 8) {
    case 0:
        set_number(disk->bytes + bpb[change[1] % ARRAY_LEN(bpb)].at,
                   bpb[change[1] % ARRAY_LEN(bpb)].bytes, number_of(change[2], change[3]));
        break;
    case 1:
    case 2:
    case 3:
        set_number(disk->bytes + RESERVED * SECTOR_BYTES + cluster * 4, 4,
                   number_of(change[2], cluster));
        break;
    case 4:
    case 5:
        set_number(disk->bytes + sector * SECTOR_BYTES + change[3] % 16U * 32U + slot[field].at,
                   slot[field].bytes, number_of(change[0], change[1]));
        break;
    default: break;
    }
}

/* The entry of a directory that comes after so many others, or NULL. */
static struct node *pick_entry(struct node *dir, u32 number, struct fs_entry *entry)
{
    struct node *node = NULL;
    u64 position = 0;

    for (u32 i = 0; i <= number % STEPS_ENTRIES; i++) {
        if (dir->fs->ops->list(dir, &position, entry) != 0)
            break;
    }
    if (position != 0 &&
        dir->fs->ops->lookup(dir, (struct name){entry->name, strlen(entry->name)}, &node) != 0)
        return NULL;
    return node;
}

static void use_file(struct node *file, u8 step)
{
    static u8 bytes[20000];
    const struct fs_ops *ops = file->fs->ops;
    struct node_attr attr;
    size_t done;

    if (ops->attr(file, &attr) != 0)
        return;
    if (ops->read(file, step % 2 == 0 ? 0 : attr.bytes / 2, bytes, sizeof(bytes), &done) != 0)
        done = 0;
    CHECK(done <= sizeof(bytes));
    switch (step % 5) {
    case 0: (void)(ops->write(file, 0, bytes, 700, &done) == 0); break;
    case 1: (void)(ops->write(file, attr.bytes % 100000, bytes, 9000, &done) == 0); break;
    case 2: (void)(ops->truncate(file, step) == 0); break;
    case 3: (void)(ops->truncate(file, 0) == 0); break;
    default: (void)(ops->sync(file) == 0); break;
    }
}

static void make_something(struct node *dir, u8 step)
{
    static const char *const names[] = {"new", "A new file with a name.long", "x.y", "neu ä"};
    const char *name = names[step % ARRAY_LEN(names)];
    struct node *made;

    if (dir->fs->ops->create(dir, (struct name){name, strlen(name)},
                             step & 32 ? NODE_DIRECTORY : NODE_FILE, &made) == 0)
        node_put(made);
}

/* One step: down into a directory, or something with what is there. */
static void take_step(struct fs *fs, struct node **dir, u8 step)
{
    struct fs_entry entry;
    struct node *node = pick_entry(*dir, step >> 3, &entry);
    const struct name name = {entry.name, node == NULL ? 0 : strlen(entry.name)};

    if (step % 8 == 0)
        make_something(*dir, step);
    if (node == NULL)
        return;
    if (node->type == NODE_FILE && step % 8 < 5)
        use_file(node, step);
    else if (step % 8 == 5)
        (void)(fs->ops->remove(*dir, name, node) == 0);
    else if (step % 8 == 6)
        (void)(fs->ops->rename(*dir, name, node, *dir, (struct name){"Renamed.it", 10}, NULL) == 0);
    else if (step % 8 == 7 && *dir != node)
        (void)(fs->ops->rename(*dir, name, node, fs->root, (struct name){"up", 2}, NULL) == 0);
    if (node->type == NODE_DIRECTORY && node->nlink != 0 && step % 8 < 5) {
        node_put(*dir);
        *dir = node;
    } else {
        node_put(node);
    }
}

FUZZ(fat)
{
    struct disk *disk = disk_for(bytes, size);
    const size_t begin = STEPS_AT;
    struct fs_space space;
    struct node *dir;
    struct fs *fs;
    const char *why = NULL;

    for (size_t i = PART_SECTORS * SECTOR_BYTES; i < STEPS_AT && STEPS_AT <= size;
         i += CHANGE_BYTES)
        change_disk(disk, bytes + i);
    fs_said[0] = '\0';
    if (fat32_mount_cached(&disk->block, false, 256U << 10, &fs, &why) != 0) {
        CHECK(why[0] != '\0');
        return 0;
    }
    dir = node_get(fs->root);
    for (size_t i = begin; i < size && i < begin + STEPS_MAX; i++)
        take_step(fs, &dir, bytes[i]);
    node_put(dir);
    (void)(fs->ops->space(fs, &space) == 0);
    CHECK_EQ(fs->root->holders, 1);
    (void)(fs->ops->unmount(fs) == 0);
    CHECK(disk->requests < 100000);
    return 0;
}

/* Makes the disk that the seeds are of. */
static void make_tree(struct disk *disk)
{
    static u8 bytes[3000];
    struct fs *fs = mount_disk(disk, 0);

    CHECK_EQ(make_dir(fs, "D"), 0);
    CHECK_EQ(make_dir(fs, "D/Inner directory"), 0);
    CHECK_EQ(make_file(fs, "FILE.TXT", bytes, sizeof(bytes)), 0);
    CHECK_EQ(make_file(fs, "D/A file with a long name", bytes, 600), 0);
    CHECK_EQ(make_file(fs, "D/Inner directory/empty", bytes, 0), 0);
    unmount_disk(fs);
}

FUZZ_SEEDS(fat)
{
    u8 seed[STEPS_AT + STEPS_MAX];
    u64 random = 1;
    struct disk disk;

    disk_make(&disk, DISK_BYTES, "-s 1 -R 4 -a");
    CHECK_EQ(disk.bytes[36], TABLE_SECTORS);
    make_tree(&disk);
    for (u32 i = 0; i < PART_SECTORS; i++)
        memcpy(seed + i * SECTOR_BYTES, disk.bytes + place_of(i) * SECTOR_BYTES, SECTOR_BYTES);
    disk_destroy(&disk);
    for (u32 i = 0; i < SEEDS; i++) {
        fill_pattern(seed + PART_SECTORS * SECTOR_BYTES, CHANGES * CHANGE_BYTES + STEPS_MAX,
                     test_random(&random));
        fuzz_seed(seed, sizeof(seed));
    }
}
