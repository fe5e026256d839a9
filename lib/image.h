/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A guest's image as its loader sees it, whatever the file's format: an entry point and pieces of
 * guest RAM.  The file stays where it is, and pages are made from it when they are touched.
 *
 * Invariant: after image_read() accepted a file, every segment lies within it and within the RAM
 * that was asked for, no two share a byte, and so does the entry point lie within RAM.
 */
#include "lib/elf.h"
#include "lib/kit/types.h"
#include "lib/refusal.h"

/* The machine that a guest sees. */
#define GUEST_RAM_BASE  0x80000000ULL
#define GUEST_RAW_ENTRY 0x80200000ULL /* where a raw image is loaded and entered */

#define IMAGE_PAGE_BYTES 4096

enum image_kind { IMAGE_ELF, IMAGE_LINUX, IMAGE_RAW };

struct image_segment {
    u64 gpa;
    u64 mem_bytes;  /* at least 1; zeros behind the file's bytes */
    u64 file_at;    /* offset in the file */
    u64 file_bytes; /* at most mem_bytes */
};

struct image {
    enum image_kind kind;
    u64 entry; /* GPA */
    u32 count; /* of segments, at least 1 */
    struct image_segment segments[ELF_SEGMENTS_MAX];
};

/* "ELF", "Linux Image", "raw". */
const char *image_kind_words(enum image_kind kind);

/* For a guest with ram_bytes of RAM from GUEST_RAM_BASE. */
__must_check enum refusal image_read(struct image *image, const void *file, u64 bytes,
                                     u64 ram_bytes);
/* The same of a file that may change meanwhile: nothing that was checked is read again. */
__must_check enum refusal image_read_from(struct image *image, const struct elf_source *source,
                                          u64 ram_bytes);

/* Whether a page holds bytes of the file; if not, it is all zeros. */
bool image_has(const struct image *image, u64 page_gpa);

/* Writes all of a page, zeros included; returns what image_has() does. */
bool image_fill(const struct image *image, const void *file, u64 page_gpa, void *page);
