/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Reader of bundles (sbi/image.h): the guests of a run and the images for exec and spawn, out of
 * one piece of memory that may hold anything.  A file that is not a bundle is taken for the image
 * of one guest with defaults.
 *
 * Invariant: a struct bundle_guest that bundle_guest() accepted points only into the file, and its
 * image fits its memory.
 */
#include "lib/image.h"
#include "lib/kit/types.h"
#include "lib/machine_opts.h"
#include "lib/refusal.h"
#include "sbi/image.h"

#define BUNDLE_GUESTS_MAX   64
#define BUNDLE_ENTRIES_MAX  256
#define BUNDLE_VCPUS_MAX    8
#define BUNDLE_PFLASH_BYTES (32U << 20)
#define BUNDLE_SECTOR_BYTES 512U
#define BUNDLE_NO_DISK      UINT32_MAX

/* Of a guest that is a plain image. */
#define BUNDLE_PLAIN_NAME      "initrd"
#define BUNDLE_PLAIN_MEM_BYTES (128ULL << 20)

struct bundle {
    const u8 *file;
    u64 bytes;
    u32 guests;    /* of the command line, which come first; at least 1 */
    u32 entries;   /* guests, and images only */
    bool is_plain; /* no bundle, but one image */
};

struct bundle_guest {
    char name[BUNDLE_NAME_BYTES];
    bool starts;      /* a guest of the command line */
    bool has_control; /* has the control right */
    u32 vcpus;
    u64 mem_bytes;
    u64 procs; /* 0: the hypervisor's default */
    const void *file;
    u64 file_bytes;
    struct image image; /* what file holds */
    const void *pflash;
    u64 pflash_bytes; /* 0: none */
    bool passthrough; /* pflash is the machine's own */
    const void *initrd;
    u64 initrd_bytes;    /* 0: none */
    const void *disk;    /* one in memory, to be written to */
    u64 disk_bytes;      /* 0: none */
    u32 machine_disk;    /* its disk is this one of the machine; BUNDLE_NO_DISK: none is */
    const char *cmdline; /* "" if it has none */
    struct machine_opts machine;
};

/* CRC-32 of IEEE 802.3 of what `before` is the CRC of (0: nothing) with these bytes behind it. */
u32 bundle_crc32(u32 before, const void *bytes, u64 count);

/* Sets the CRCs of a file whose header and entries are all else but right, as far as it can. */
void bundle_seal(void *file, u64 bytes);

/* Whether the first bytes claim to be a bundle, good or bad. */
bool bundle_is(const void *file, u64 bytes);

/* file is aligned to 8 bytes and stays where it is as long as the bundle is in use. */
__must_check enum refusal bundle_open(struct bundle *bundle, const void *file, u64 bytes);

/* All about one guest, or what there is of an image only: index is below bundle->entries. */
__must_check enum refusal bundle_guest(const struct bundle *bundle, u32 index,
                                       struct bundle_guest *guest);

/* What exec and spawn need of an entry: name, file, cmdline, and image, as it is in so much memory.
 */
__must_check enum refusal bundle_image(const struct bundle *bundle, u32 index, u64 mem_bytes,
                                       struct bundle_guest *guest);

/* The entry whose image exec and spawn find by that name; bundle->entries: there is none. */
u32 bundle_find(const struct bundle *bundle, const char *name);
