/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A bundle: guests, and images that they may start, in one file, which QEMU places in memory as
 * -initrd.  tools/mkimage packs it, hv's loader reads it; both compile this header.  All numbers
 * are little-endian, all offsets are bytes from the start of the file.
 *
 *     +---------------+------------------+------------------------------------+
 *     | bundle_header | bundle_entry [n] | images, strings, each 8-byte aligned |
 *     +---------------+------------------+------------------------------------+
 *
 * Invariant: bytes in the header is the length of the file, so that a file cut in the middle is
 * seen.  So that a damaged one is, the header has a CRC of itself, and each entry one of itself and
 * two of what it names (CRC-32 of IEEE 802.3, reflected): what nobody asks for is not read.
 * A string is NUL-terminated within the file; offset 0 means: none.
 * A disk in memory is written to where it lies: nothing else is there.  Guests may share all of
 * one.
 */
#include <stdint.h>

#define BUNDLE_MAGIC   0x454c444e55425646ULL /* "FVBUNDLE" */
#define BUNDLE_VERSION 3

struct bundle_header {
    uint64_t magic;
    uint32_t version;
    uint32_t entries;
    uint64_t bytes;  /* of the whole file */
    uint32_t guests; /* the first so many entries have BUNDLE_START, the others have not */
    uint32_t crc32;  /* of this header up to here */
};

#define BUNDLE_NAME_BYTES 32

struct bundle_entry {
    char name[BUNDLE_NAME_BYTES]; /* NUL-terminated: file name without folder and suffix */
    uint32_t flags;               /* BUNDLE_* */
    uint32_t vcpus;               /* 1 and up */
    uint64_t mem_bytes;           /* guest RAM, a multiple of 4096 */
    uint64_t procs;               /* quota of processes for its tree; 0: the hypervisor's default */
    uint64_t image_at, image_bytes;   /* ELF64, Linux Image or raw */
    uint64_t pflash_at, pflash_bytes; /* contents of pflash 1; 0 bytes: none */
    uint64_t initrd_at, initrd_bytes; /* what its memory holds at the start; 0 bytes: none */
    uint64_t disk_at, disk_bytes;     /* a disk in memory, this; 0 bytes: none */
    uint32_t disk;                    /* n: disk n - 1 of the machine; 0: none */
    uint32_t image_crc32;             /* of image and cmdline, one behind the other, each with what
                                         is behind it up to a multiple of 8 */
    uint64_t cmdline_at;              /* string: the guest's /chosen/bootargs */
    uint64_t machine_at;   /* string: machine options, "mhartid=0x1234 word@0x40=0x6688" */
    uint32_t others_crc32; /* likewise of pflash, initrd, disk and machine */
    uint32_t crc32;        /* of this entry up to here */
};

/* A guest of the command line: started, in file order, as pid 1 to n.  Without it the entry is an
 * image only, for exec and spawn, which take its name, image and cmdline. */
#define BUNDLE_START   (1U << 0)
#define BUNDLE_CONTROL (1U << 1) /* has the control right */
#define BUNDLE_PASSTHROUGH \
    (1U << 2) /* its pflash 1 is the machine's own, to read; pflash_bytes is 0 */

_Static_assert(sizeof(struct bundle_header) == 32, "file format");
_Static_assert(sizeof(struct bundle_entry) == 152, "file format");
