/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads the two tables of an ELF file that matter for loading, the file header and the program
 * headers, and trusts neither.  Sections, symbols and relocations are not looked at.
 *
 * [ELF "ELF Header", "Program Header", "Program Loading"]
 */
#include "lib/elf.h"

#include <string.h>

#define ELF_MAGIC       "\177ELF"
#define ELF_MAGIC_BYTES 4

enum { CLASS_64 = 2, ORDER_LITTLE = 1, VERSION_CURRENT = 1, MACHINE_RISCV = 243 };
enum { TYPE_EXECUTABLE = 2, TYPE_SHARED = 3 };
enum { SEGMENT_LOAD = 1, SEGMENT_INTERPRETER = 3 };

struct file_header {
    u8 magic[ELF_MAGIC_BYTES];
    u8 class;
    u8 order;
    u8 ident_version;
    u8 padding[9];
    u16 type;
    u16 machine;
    u32 version;
    u64 entry;
    u64 table_at;
    u64 sections_at;
    u32 flags;
    u16 header_bytes;
    u16 table_entry_bytes;
    u16 table_entries;
    u16 section_bytes;
    u16 sections;
    u16 section_names;
};
_Static_assert(sizeof(struct file_header) == 64, "file format");

struct program_header {
    u32 type;
    u32 flags;
    u64 offset;
    u64 vaddr;
    u64 paddr;
    u64 file_bytes;
    u64 mem_bytes;
    u64 align;
};
_Static_assert(sizeof(struct program_header) == 56, "file format");

static enum err read_memory(const void *from, u64 at, void *to, u64 bytes)
{
    memcpy(to, (const u8 *)from + at, bytes);
    return ERR_OK;
}

struct elf_source elf_memory(const void *from, u64 bytes)
{
    return (struct elf_source){.bytes = bytes, .from = from, .read = read_memory};
}

bool elf_is(const void *file, u64 bytes)
{
    return bytes >= ELF_MAGIC_BYTES && memcmp(file, ELF_MAGIC, ELF_MAGIC_BYTES) == 0;
}

/* Whether [at, at + bytes) lies in [0, limit). */
static bool is_within(u64 at, u64 bytes, u64 limit)
{
    return at <= limit && bytes <= limit - at;
}

static enum refusal check_header(const struct file_header *header, u64 bytes)
{
    u64 table_bytes = (u64)header->table_entries * sizeof(struct program_header);

    if (header->class != CLASS_64)
        return REFUSED_ELF_CLASS;
    if (header->order != ORDER_LITTLE)
        return REFUSED_ELF_BYTE_ORDER;
    if (header->machine != MACHINE_RISCV)
        return REFUSED_ELF_MACHINE;
    if (header->ident_version != VERSION_CURRENT || header->version != VERSION_CURRENT)
        return REFUSED_ELF_VERSION;
    if (header->type == TYPE_SHARED)
        return REFUSED_ELF_PIE;
    if (header->type != TYPE_EXECUTABLE)
        return REFUSED_ELF_NOT_EXECUTABLE;
    if (header->table_entries == 0 || header->table_entry_bytes != sizeof(struct program_header))
        return REFUSED_ELF_TABLE_SHAPE;
    if (!is_within(header->table_at, table_bytes, bytes))
        return REFUSED_ELF_TABLE_CUT;
    return REFUSED_NOTHING;
}

static enum refusal check_segment(const struct program_header *header, u64 bytes)
{
    u64 align = header->align;

    if (!is_within(header->offset, header->file_bytes, bytes))
        return REFUSED_ELF_SEGMENT_CUT;
    if (header->file_bytes > header->mem_bytes)
        return REFUSED_ELF_SEGMENT_SIZE;
    if (!is_within(header->vaddr, header->mem_bytes, UINT64_MAX) ||
        !is_within(header->paddr, header->mem_bytes, UINT64_MAX))
        return REFUSED_ELF_SEGMENT_WRAPS;
    if (align > 1 && ((align & (align - 1)) != 0 || (header->vaddr - header->offset) % align != 0))
        return REFUSED_ELF_SEGMENT_ALIGN;
    return REFUSED_NOTHING;
}

static bool overlap(const struct elf_segment *a, const struct elf_segment *b)
{
    return a->paddr < b->paddr + b->mem_bytes && b->paddr < a->paddr + a->mem_bytes;
}

static enum refusal add_segment(struct elf *elf, const struct program_header *header, u64 bytes)
{
    enum refusal refusal = check_segment(header, bytes);
    struct elf_segment segment = {
        .vaddr = header->vaddr,
        .paddr = header->paddr,
        .mem_bytes = header->mem_bytes,
        .file_at = header->offset,
        .file_bytes = header->file_bytes,
        .flags = header->flags,
    };

    if (refusal != REFUSED_NOTHING || segment.mem_bytes == 0)
        return refusal;
    if (elf->count == ELF_SEGMENTS_MAX)
        return REFUSED_ELF_MANY_SEGMENTS;
    for (u32 i = 0; i < elf->count; i++) {
        if (overlap(&elf->segments[i], &segment))
            return REFUSED_ELF_OVERLAP;
    }
    elf->segments[elf->count++] = segment;
    return REFUSED_NOTHING;
}

static enum refusal find_entry(struct elf *elf)
{
    for (u32 i = 0; i < elf->count; i++) {
        const struct elf_segment *segment = &elf->segments[i];

        if ((segment->flags & ELF_EXECUTE) != 0 && elf->entry >= segment->vaddr &&
            elf->entry - segment->vaddr < segment->mem_bytes) {
            elf->entry_paddr = elf->entry - segment->vaddr + segment->paddr;
            return REFUSED_NOTHING;
        }
    }
    return REFUSED_ELF_ENTRY;
}

/*
 * elf_read - what to load, from a file that may be anything.
 *
 * A refusal leaves *elf with contents of no meaning.  Segments of no bytes in memory are left out.
 */
enum refusal elf_read(struct elf *elf, const struct elf_source *source)
{
    struct file_header header;
    enum refusal refusal;

    if (source->bytes < sizeof(header))
        return REFUSED_ELF_HEADER_CUT;
    if (source->read(source->from, 0, &header, sizeof(header)) != ERR_OK)
        return REFUSED_ELF_UNREADABLE;
    refusal = check_header(&header, source->bytes);
    if (refusal != REFUSED_NOTHING)
        return refusal;

    elf->entry = header.entry;
    elf->count = 0;
    for (u32 i = 0; i < header.table_entries; i++) {
        struct program_header row;
        u64 at = header.table_at + i * sizeof(row);

        if (source->read(source->from, at, &row, sizeof(row)) != ERR_OK)
            return REFUSED_ELF_UNREADABLE;
        if (row.type == SEGMENT_INTERPRETER)
            return REFUSED_ELF_INTERPRETER;
        if (row.type != SEGMENT_LOAD)
            continue;
        refusal = add_segment(elf, &row, source->bytes);
        if (refusal != REFUSED_NOTHING)
            return refusal;
    }
    return elf->count == 0 ? REFUSED_ELF_NO_SEGMENT : find_entry(elf);
}

/*
 * elf_trim - a file without sections, symbols and all that is behind the last segment.
 *
 * Its header does not tell of them any more.  A file that elf_read() refuses stays as it is.
 */
u64 elf_trim(void *file, u64 bytes)
{
    struct elf_source source = elf_memory(file, bytes);
    struct file_header header;
    struct elf elf;
    u64 end;

    if (!elf_is(file, bytes) || elf_read(&elf, &source) != REFUSED_NOTHING)
        return bytes;
    memcpy(&header, file, sizeof(header));
    end = header.table_at + header.table_entries * sizeof(struct program_header);
    for (u32 i = 0; i < elf.count; i++) {
        if (elf.segments[i].file_at + elf.segments[i].file_bytes > end)
            end = elf.segments[i].file_at + elf.segments[i].file_bytes;
    }
    header.sections_at = 0;
    header.sections = 0;
    header.section_names = 0;
    memcpy(file, &header, sizeof(header));
    return end;
}
