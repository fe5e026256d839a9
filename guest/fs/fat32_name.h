/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Names of FAT32: long ones are UTF-16, short ones 8 and 3 bytes of code page 437. */
#include "guest/fs/fat32.h"

struct fat_name {
    u32 units; /* 1 to FAT_UNITS_MAX */
    u16 unit[FAT_UNITS_MAX];
};

/* fat32_name.c */
/* EINVAL: not UTF-8 */
__must_check int fat_name_from_utf8(struct fat_name *name, struct name utf8);
/* With a NUL, in FS_NAME_MAX + 1 bytes; false if it has none that a path can have. */
bool fat_name_to_utf8(const struct fat_name *name, char *utf8);
bool fat_name_allowed(const struct fat_name *name);
u32 fat_name_hash(const struct fat_name *name);
bool fat_name_equal(const struct fat_name *a, const struct fat_name *b);

/* fat32_short.c */
bool fat_short_valid(const struct fat_short *slot);
void fat_short_name(const struct fat_short *slot, struct fat_name *name);
bool fat_short_fits(const struct fat_name *name, struct fat_short *slot);
void fat_short_make(const struct fat_name *name, u32 attempt, struct fat_short *slot);
u8 fat_short_checksum(const struct fat_short *slot);
