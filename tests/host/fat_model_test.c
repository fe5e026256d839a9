/* SPDX-License-Identifier: BSD-2-Clause */
/* FAT32 against the model, on disks of each cluster size. */
#include <stdio.h>

#include "tests/host/fat_model.h"
#include "tests/host/hv_world.h"
#include "tests/test.h"

#define MIB            (1ULL << 20)
#define FAT32_CLUSTERS 65525ULL /* mkfs.fat and others take less for FAT16 */

TEST(fat_model_many_operations)
{
    struct disk disk;

    disk_make(&disk, 96 * MIB, "-s 1");
    model_run(&disk, 0, 1, 100000, 200000);
    disk_destroy(&disk);
}

/* A cache that is always too small. */
TEST(fat_model_small_cache)
{
    struct disk disk;

    disk_make(&disk, 96 * MIB, "-s 2");
    model_run(&disk, 256U << 10, 2, world_times(5000), 200000);
    disk_destroy(&disk);
}

TEST(fat_model_cluster_sizes)
{
    for (u32 sectors = 1; sectors <= 128; sectors *= 2) {
        char options[64];
        struct disk disk;

        snprintf(options, sizeof(options), "-s %u", sectors);
        disk_make(&disk, (FAT32_CLUSTERS + 200) * sectors * SECTOR_BYTES + 2 * MIB, options);
        model_run(&disk, 1U << 20, sectors, world_times(300), 100000);
        disk_destroy(&disk);
    }
}

TEST(fat_model_large_sectors)
{
    struct disk disk;

    disk_make(&disk, 300 * MIB, "-S 4096 -s 1");
    model_run(&disk, 0, 3, world_times(300), 100000);
    disk_destroy(&disk);
}

TEST(fat_model_one_table)
{
    struct disk disk;

    disk_make(&disk, 40 * MIB, "-f 1 -a -R 37");
    model_run(&disk, 0, 4, world_times(300), 100000);
    disk_destroy(&disk);
}
