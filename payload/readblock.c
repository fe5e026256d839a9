/* SPDX-License-Identifier: BSD-2-Clause */
/* What disk there is, and what is written on its first block: who made its file system. */
#include <stdio.h>
#include <string.h>

#include "guest/block.h"
#include "guest/device.h"

#define OEM_NAME       3 /* [FAT "BPB"]: BS_OEMName */
#define OEM_NAME_BYTES 8

int main(void)
{
    const struct device *device = device_get(DEVICE_BLOCK, 0);
    struct block *disk = device_block(0);
    static u8 first[SECTOR_BYTES];
    int error;

    if (!disk) {
        printf("readblock: there is no disk: DISK=file\n");
        return 1;
    }
    printf("readblock: %s at 0x%lx: %lu blocks of %u bytes\n", device->driver->name,
           device->range.base, (unsigned long)disk->sectors, SECTOR_BYTES);
    error = block_read(disk, 0, first, sizeof(first));
    if (error) {
        printf("readblock: block 0: %s\n", strerror(error));
        return 1;
    }
    printf("readblock: OEM name %.*s\n", OEM_NAME_BYTES, (const char *)first + OEM_NAME);
    return 0;
}
