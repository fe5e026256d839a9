/* SPDX-License-Identifier: BSD-2-Clause */
/* Component fat32: the root is the first disk, if there is one, and FAT32 on it. */
#include "guest/device.h"
#include "guest/fs/boot.h"
#include "guest/log.h"

struct fs *files_root(const char **source)
{
    struct block *block = device_block(0);
    const char *why;
    struct fs *fs;

    if (!block) {
        return NULL;
    }
    if (fat32_mount(block, false, &fs, &why) != 0) {
        log_error("disk 0 is not mounted: %s; / is in memory", why);
        return NULL;
    }
    *source = "disk0";
    return fs;
}
