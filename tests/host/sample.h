/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Small well-formed files for tests to damage and for the fuzzer to start from.  The ELF is written
 * with the host's <elf.h>, so that lib/elf.c is not checked against itself.
 */
#include <elf.h>

#include "lib/kit/types.h"

#define SAMPLE_TEXT_AT    0x80200000ULL
#define SAMPLE_TEXT_BYTES 0x1234 /* all from the file */
#define SAMPLE_DATA_AT    0x80202340ULL
#define SAMPLE_DATA_BYTES 0x2000 /* the first half from the file */

struct sample_elf {
    Elf64_Ehdr header;
    Elf64_Phdr table[3]; /* text, data, and one that is not loaded */
    u8 padding[0x340 - sizeof(Elf64_Ehdr) - 3 * sizeof(Elf64_Phdr)];
    u8 data[SAMPLE_DATA_BYTES / 2];
    u8 more_padding[0x2000 - 0x340 - SAMPLE_DATA_BYTES / 2];
    u8 text[SAMPLE_TEXT_BYTES];
};

/* Its bytes are not zero where they come from the file. */
void sample_elf(struct sample_elf *elf);

#define SAMPLE_LINUX_BYTES 0x1010

/* A Linux Image of so many bytes, 0x3000 in memory. */
void sample_linux(u8 image[SAMPLE_LINUX_BYTES]);

#define SAMPLE_BUNDLE_BYTES 20480
#define SAMPLE_DISK_BYTES   1024

/*
 * Two guests: "first", an ELF with all that a guest can have at once, and "second", a Linux Image
 * with nothing; and an image only, "third", that of the first with a command line.  Returns the
 * length.
 */
size_t sample_bundle(u8 bundle[SAMPLE_BUNDLE_BYTES]);

/* Makes the header's length and all CRCs right again. */
void sample_bundle_seal(u8 *bundle, size_t size);
