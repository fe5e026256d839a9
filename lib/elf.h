/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Statically linked ELF64 executables for RISC-V: what to load where.  Nothing is loaded here.
 *
 * Invariant: after elf_read() accepted a file, every segment lies within the file, has addresses
 * that do not wrap, and shares no byte of physical memory with another one.
 */
#include "lib/kit/err.h"
#include "lib/kit/types.h"
#include "lib/refusal.h"

#define ELF_SEGMENTS_MAX 16

struct elf_segment {
    u64 vaddr;      /* where its code expects to run */
    u64 paddr;      /* where a boot loader puts it */
    u64 mem_bytes;  /* at least 1; zeros behind the file's bytes */
    u64 file_at;    /* offset in the file */
    u64 file_bytes; /* at most mem_bytes */
    u32 flags;      /* ELF_READ, ELF_WRITE, ELF_EXECUTE */
};
#define ELF_EXECUTE (1U << 0)
#define ELF_WRITE   (1U << 1)
#define ELF_READ    (1U << 2)

struct elf {
    u64 entry;       /* virtual */
    u64 entry_paddr; /* the same place, physical */
    u32 count;       /* of segments, in the order of the file; at least 1 */
    struct elf_segment segments[ELF_SEGMENTS_MAX];
};

/* Where an ELF file comes from: memory, a file system, a file of the host. */
struct elf_source {
    u64 bytes; /* length of the file */
    const void *from;
    enum err (*read)(const void *from, u64 at, void *to, u64 bytes); /* called within the file */
};

/* The file at `from` in memory. */
struct elf_source elf_memory(const void *from, u64 bytes);

/* Whether the first bytes claim to be an ELF, good or bad. */
bool elf_is(const void *file, u64 bytes);

/* Leaves out what nobody loads; returns how long the file is then.  What is no ELF stays as it is.
 */
u64 elf_trim(void *file, u64 bytes);

__must_check enum refusal elf_read(struct elf *elf, const struct elf_source *source);
