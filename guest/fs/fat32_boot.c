/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The boot sector: what is accepted as FAT32, and what is refused by its name.
 *
 * A disk is FAT32 from its first sector on, or it has a partition table (MBR) with a partition that
 * is.  The kind is told as Linux does, by the fields that only FAT32 has, not by the number of
 * clusters: mkfs.fat makes small volumes as well.
 *
 * Invariant: a layout that is given out lies in the device with all of its parts, so that no
 * position that is computed from it can be outside.
 *
 * [FAT "Boot Sector and BPB", "FAT Type Determination"]
 */
#include <errno.h>
#include <string.h>

#include "guest/fs/fat32.h"

#define SIGNATURE_AT     510
#define PARTITIONS_AT    446
#define PARTITION_BYTES  16
#define PARTITIONS       4
#define INFORMATION_LEAD 0x41615252U
#define INFORMATION_MARK 0x61417272U
#define MARK_AT          484
#define NO_MIRROR        0x80
#define ACTIVE           0x0f

/* The BPB, as on disk; those of FAT12 and FAT16 differ from byte 36 on. */
struct bpb {
    u8 jump[3];
    char oem[8];
    u8 sector_bytes[2];
    u8 cluster_sectors;
    u8 reserved_sectors[2];
    u8 tables;
    u8 root_entries[2];
    u8 sectors16[2];
    u8 media;
    u8 table_sectors16[2];
    u8 track_sectors[2];
    u8 heads[2];
    u8 hidden_sectors[4];
    u8 sectors32[4];
    u8 table_sectors32[4];
    u8 flags[2];
    u8 version[2];
    u8 root_cluster[4];
    u8 information_sector[2];
};

_Static_assert(sizeof(struct bpb) == 50, "as on disk");

static u32 le16(const u8 *at)
{
    return at[0] | (u32)at[1] << 8;
}

static u32 le32(const u8 *at)
{
    return le16(at) | le16(at + 2) << 16;
}

static int read_sector(struct block *block, u64 sector, void *to)
{
    struct block_piece piece = {to, SECTOR_BYTES};
    struct block_request request = {
        .op = BLOCK_READ, .count = 1, .sector = sector, .pieces = &piece};
    int error = block->ops->start(block, &request);

    if (error != 0)
        return error;
    block->ops->wait(block, &request);
    return request.error;
}

static bool is_power_of_two(u32 x)
{
    return x != 0 && (x & (x - 1)) == 0;
}

/* What is wrong, or NULL. */
static const char *refuse(const struct bpb *bpb)
{
    const u32 sector_bytes = le16(bpb->sector_bytes);

    if (memcmp(bpb->oem, "EXFAT   ", sizeof(bpb->oem)) == 0)
        return "it is exFAT, not FAT32";
    if (memcmp(bpb->oem, "NTFS    ", sizeof(bpb->oem)) == 0)
        return "it is NTFS, not FAT32";
    if (!is_power_of_two(sector_bytes) || sector_bytes < SECTOR_BYTES || sector_bytes > 4096)
        return "no FAT: a sector has not 512 to 4096 bytes";
    if (!is_power_of_two(bpb->cluster_sectors))
        return "no FAT: the sectors of a cluster are no power of two";
    if (le16(bpb->reserved_sectors) == 0)
        return "broken FAT: it has no reserved sectors";
    if (bpb->tables == 0)
        return "broken FAT: it has no table";
    return NULL;
}

/* FAT12 or FAT16, by the number of clusters. */
static const char *name_small(const struct bpb *bpb)
{
    const u32 root = le16(bpb->root_entries) * FAT_SLOT_BYTES / le16(bpb->sector_bytes);
    const u64 before =
        le16(bpb->reserved_sectors) + root + (u64)bpb->tables * le16(bpb->table_sectors16);
    const u32 sectors = le16(bpb->sectors16) != 0 ? le16(bpb->sectors16) : le32(bpb->sectors32);

    if (sectors < before)
        return "broken FAT: it has no clusters";
    return (sectors - before) / bpb->cluster_sectors < 4085
               ? "it is FAT12, not FAT32: make it anew with mkfs.fat -F 32"
               : "it is FAT16, not FAT32: make it anew with mkfs.fat -F 32";
}

/* Sectors of bpb are converted to those of the device. */
static const char *lay_out(const struct bpb *bpb, u64 device_sectors, struct fat_layout *layout)
{
    const u32 scale = le16(bpb->sector_bytes) / SECTOR_BYTES, flags = le16(bpb->flags);
    const u32 sectors16 = le16(bpb->sectors16), information = le16(bpb->information_sector);
    const u64 sectors = (u64)(sectors16 != 0 ? sectors16 : le32(bpb->sectors32)) * scale;
    const u64 reserved = (u64)le16(bpb->reserved_sectors) * scale;
    u64 before, clusters;

    layout->table_sectors = (u64)le32(bpb->table_sectors32) * scale;
    layout->cluster_sectors = bpb->cluster_sectors * scale;
    before = reserved + bpb->tables * layout->table_sectors;
    if (sectors > device_sectors - layout->sector)
        return "broken FAT: it is larger than the device";
    if (before >= sectors)
        return "broken FAT: it has no clusters";
    clusters = (sectors - before) / layout->cluster_sectors;
    if (clusters == 0 || clusters > FAT_BAD - FAT_FIRST)
        return "broken FAT: it has no clusters, or too many";
    if ((clusters + FAT_FIRST) * sizeof(u32) > layout->table_sectors * SECTOR_BYTES)
        return "broken FAT: the table is too small for the clusters";
    layout->clusters = (u32)clusters;
    layout->root = le32(bpb->root_cluster);
    if (layout->root < FAT_FIRST || layout->root >= clusters + FAT_FIRST)
        return "broken FAT: the root directory is not in a cluster";
    if (le16(bpb->version) != 0)
        return "FAT32 of a version that is not known";
    layout->tables = flags & NO_MIRROR ? 1 : bpb->tables;
    if (flags & NO_MIRROR && (flags & ACTIVE) >= bpb->tables)
        return "broken FAT: the table in use is not there";
    layout->table = layout->sector + reserved;
    if (flags & NO_MIRROR)
        layout->table += (flags & ACTIVE) * layout->table_sectors;
    layout->content = layout->sector + before;
    layout->information = information != 0 && information < le16(bpb->reserved_sectors)
                              ? layout->sector + (u64)information * scale
                              : 0;
    return NULL;
}

static int read_boot_sector(struct block *block, const u8 *sector, struct fat_layout *layout,
                            const char **why)
{
    const struct bpb *bpb = (const void *)sector;

    *why = refuse(bpb);
    if (*why == NULL && (le16(bpb->table_sectors16) != 0 || le16(bpb->root_entries) != 0))
        *why = name_small(bpb);
    if (*why == NULL)
        *why = lay_out(bpb, block->sectors, layout);
    return *why == NULL ? 0 : EINVAL;
}

/* Whether this is code that jumps over a BPB, rather than a partition table. */
static bool is_boot_sector(const u8 *sector)
{
    const struct bpb *bpb = (const void *)sector;

    return (sector[0] == 0xeb || sector[0] == 0xe9) && le16(bpb->sector_bytes) != 0;
}

static const char *name_partition(u8 type)
{
    switch (type) {
    case 0x01: return "the partition is FAT12, not FAT32";
    case 0x04:
    case 0x06:
    case 0x0e: return "the partition is FAT16, not FAT32";
    case 0x07: return "the partition is NTFS or exFAT, not FAT32";
    case 0xee: return "the disk has a GPT, which is not read: use an MBR, or no partitions";
    default: return "no FAT: there is neither a boot sector nor a partition of type 0x0b or 0x0c";
    }
}

/* The first FAT32 partition; why: what the first one is otherwise. */
static int find_partition(const u8 *sector, u64 device_sectors, u64 *first, const char **why)
{
    u8 other = 0;

    for (u32 i = 0; i < PARTITIONS; i++) {
        const u8 *partition = sector + PARTITIONS_AT + i * PARTITION_BYTES;
        const u8 type = partition[4];

        if (type == 0x0b || type == 0x0c) {
            *first = le32(partition + 8);
            *why = "broken partition table: the partition is not on the disk";
            return *first != 0 && *first < device_sectors ? 0 : EINVAL;
        }
        if (other == 0)
            other = type;
    }
    *why = name_partition(other);
    return EINVAL;
}

/* EINVAL: *why says what it is instead; EIO and its like: it could not be read. */
int fat_read_layout(struct block *block, struct fat_layout *layout, const char **why)
{
    u8 sector[SECTOR_BYTES] __attribute__((aligned(8)));
    int error;

    *why = "the device is empty";
    if (block->sectors == 0)
        return EINVAL;
    layout->sector = 0;
    *why = "the boot sector cannot be read";
    error = read_sector(block, 0, sector);
    if (error != 0)
        return error;
    *why = "no FAT: the first sector has no signature";
    if (sector[SIGNATURE_AT] != 0x55 || sector[SIGNATURE_AT + 1] != 0xaa)
        return EINVAL;
    if (!is_boot_sector(sector)) {
        error = find_partition(sector, block->sectors, &layout->sector, why);
        if (error != 0)
            return error;
        *why = "the partition's boot sector cannot be read";
        error = read_sector(block, layout->sector, sector);
        if (error != 0)
            return error;
        *why = "no FAT: the partition's first sector has no signature";
        if (sector[SIGNATURE_AT] != 0x55 || sector[SIGNATURE_AT + 1] != 0xaa)
            return EINVAL;
    }
    return read_boot_sector(block, sector, layout, why);
}

/* Whether a sector is FSInfo. */
bool fat_is_information(const u8 *sector)
{
    return le32(sector) == INFORMATION_LEAD && le32(sector + MARK_AT) == INFORMATION_MARK &&
           sector[SIGNATURE_AT] == 0x55 && sector[SIGNATURE_AT + 1] == 0xaa;
}
