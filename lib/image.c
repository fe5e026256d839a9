/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tells ELF, Linux Image and raw apart and gives all three one shape.
 *
 * [ELF], [LINUX "Boot image header in RISC-V Linux"]
 */
#include "lib/image.h"

#include <string.h>

#define LINUX_MAGIC      0x05435352U /* "RSC\5" */
#define LINUX_BIG_ENDIAN (1U << 0)
#define LINUX_ALIGN      0x200000U

struct linux_header {
    u32 code[2];
    u64 text_offset; /* from the start of RAM */
    u64 image_bytes; /* in memory, .bss included; 0 in old ones */
    u64 flags;
    u32 version;
    u32 reserved1;
    u64 reserved2;
    u64 old_magic;
    u32 magic;
    u32 reserved3;
};
_Static_assert(offsetof(struct linux_header, magic) == 0x38, "file format");

const char *image_kind_words(enum image_kind kind)
{
    static const char *const words[] = {
        [IMAGE_ELF] = "ELF",
        [IMAGE_LINUX] = "Linux Image",
        [IMAGE_RAW] = "raw",
    };

    return words[kind];
}

static enum refusal read_elf(struct image *image, const struct elf_source *source)
{
    struct elf elf;
    enum refusal refusal = elf_read(&elf, source);

    if (refusal != REFUSED_NOTHING)
        return refusal;
    image->kind = IMAGE_ELF;
    image->entry = elf.entry_paddr;
    image->count = elf.count;
    for (u32 i = 0; i < elf.count; i++) {
        image->segments[i] = (struct image_segment){
            .gpa = elf.segments[i].paddr,
            .mem_bytes = elf.segments[i].mem_bytes,
            .file_at = elf.segments[i].file_at,
            .file_bytes = elf.segments[i].file_bytes,
        };
    }
    return REFUSED_NOTHING;
}

/* All of the file in one piece, entered at its first byte. */
static void set_flat(struct image *image, enum image_kind kind, u64 gpa, u64 bytes, u64 mem_bytes)
{
    image->kind = kind;
    image->entry = gpa;
    image->count = 1;
    image->segments[0] = (struct image_segment){
        .gpa = gpa,
        .mem_bytes = mem_bytes > bytes ? mem_bytes : bytes,
        .file_bytes = bytes,
    };
}

static enum refusal read_linux(struct image *image, const struct linux_header *header, u64 bytes)
{
    if ((header->flags & LINUX_BIG_ENDIAN) != 0)
        return REFUSED_IMAGE_LINUX_BYTE_ORDER;
    if (header->text_offset % LINUX_ALIGN != 0)
        return REFUSED_IMAGE_LINUX_OFFSET;
    if (header->text_offset > UINT64_MAX - GUEST_RAM_BASE)
        return REFUSED_IMAGE_ABOVE_RAM;
    set_flat(image, IMAGE_LINUX, GUEST_RAM_BASE + header->text_offset, bytes, header->image_bytes);
    return REFUSED_NOTHING;
}

/*
 * Whether execution can start with these bytes.  Zero is illegal for ever, and formats of more than
 * 32 bits (which gzip's and other packers' magic numbers look like) are not defined.
 */
static bool is_code(const u8 *file, u64 bytes)
{
    return bytes >= 2 && (file[0] != 0 || file[1] != 0) && (file[0] & 0x1f) != 0x1f;
}

static enum refusal check_place(const struct image *image, u64 ram_bytes)
{
    for (u32 i = 0; i < image->count; i++) {
        const struct image_segment *segment = &image->segments[i];

        if (segment->gpa < GUEST_RAM_BASE)
            return REFUSED_IMAGE_BELOW_RAM;
        if (segment->gpa - GUEST_RAM_BASE > ram_bytes ||
            segment->mem_bytes > ram_bytes - (segment->gpa - GUEST_RAM_BASE))
            return REFUSED_IMAGE_ABOVE_RAM;
    }
    return REFUSED_NOTHING;
}

/*
 * image_read, image_read_from - what to load, from a file that may be anything.
 *
 * A refusal leaves *image with contents of no meaning.
 */
enum refusal image_read(struct image *image, const void *file, u64 bytes, u64 ram_bytes)
{
    struct elf_source source = elf_memory(file, bytes);

    return image_read_from(image, &source, ram_bytes);
}

enum refusal image_read_from(struct image *image, const struct elf_source *source, u64 ram_bytes)
{
    enum refusal refusal = REFUSED_NOTHING;
    struct linux_header header = {.magic = 0};
    u64 bytes = source->bytes, first = bytes < sizeof(header) ? bytes : sizeof(header);

    if (bytes == 0)
        return REFUSED_IMAGE_EMPTY;
    if (source->read(source->from, 0, &header, first) != ERR_OK)
        return REFUSED_ELF_UNREADABLE;
    if (elf_is(&header, first))
        refusal = read_elf(image, source);
    else if (first == sizeof(header) && header.magic == LINUX_MAGIC)
        refusal = read_linux(image, &header, bytes);
    else if (is_code((const u8 *)&header, first))
        set_flat(image, IMAGE_RAW, GUEST_RAW_ENTRY, bytes, bytes);
    else
        refusal = REFUSED_IMAGE_NOT_CODE;
    return refusal != REFUSED_NOTHING ? refusal : check_place(image, ram_bytes);
}

/* The part of a segment's file bytes that falls into a page: its first and end GPA. */
static bool find_part(const struct image_segment *segment, u64 page_gpa, u64 *first, u64 *end)
{
    u64 file_end = segment->gpa + segment->file_bytes;
    u64 page_end = page_gpa + IMAGE_PAGE_BYTES;

    *first = segment->gpa > page_gpa ? segment->gpa : page_gpa;
    *end = file_end < page_end ? file_end : page_end;
    return *first < *end;
}

bool image_has(const struct image *image, u64 page_gpa)
{
    u64 first, end;

    for (u32 i = 0; i < image->count; i++) {
        if (find_part(&image->segments[i], page_gpa, &first, &end))
            return true;
    }
    return false;
}

/*
 * image_fill - the first contents of a page of guest RAM.
 *
 * file is what image_read() accepted.  page_gpa is a multiple of 4096, page has 4096 bytes.
 */
bool image_fill(const struct image *image, const void *file, u64 page_gpa, void *page)
{
    bool has_bytes = false;
    u64 first, end;

    memset(page, 0, IMAGE_PAGE_BYTES);
    for (u32 i = 0; i < image->count; i++) {
        const struct image_segment *segment = &image->segments[i];

        if (!find_part(segment, page_gpa, &first, &end))
            continue;
        memcpy((u8 *)page + (first - page_gpa),
               (const u8 *)file + segment->file_at + (first - segment->gpa), end - first);
        has_bytes = true;
    }
    return has_bytes;
}
