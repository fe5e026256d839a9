/* SPDX-License-Identifier: BSD-2-Clause */
/* ELF, Linux Image and raw: what is refused and why, and what ends up in guest RAM. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/image.h"

#include "tests/host/sample.h"
#include "tests/test.h"

#define RAM_BYTES (64ULL << 20)

static void check_refused(const void *file, u64 bytes, enum refusal expected)
{
    struct image image;
    void *exact = malloc(bytes + (bytes == 0)); /* so that a read beyond the end is seen */
    enum refusal refusal;

    CHECK(exact != NULL);
    memcpy(exact, file, bytes);
    refusal = image_read(&image, exact, bytes, RAM_BYTES);
    free(exact);
    if (refusal != expected)
        FAIL("\"%s\", not \"%s\"", refusal_words(refusal), refusal_words(expected));
}

/* One field of the sample ELF set to a value. */
struct damage {
    size_t at;
    size_t width;
    u64 value;
    enum refusal refusal;
};
#define FIELD(path) offsetof(struct sample_elf, path), sizeof(((struct sample_elf *)0)->path)

static const struct damage damages[] = {
    {FIELD(header.e_ident[EI_CLASS]),   ELFCLASS32,                                     REFUSED_ELF_CLASS         },
    {FIELD(header.e_ident[EI_DATA]),    ELFDATA2MSB,                                    REFUSED_ELF_BYTE_ORDER    },
    {FIELD(header.e_ident[EI_VERSION]), 0,                                              REFUSED_ELF_VERSION       },
    {FIELD(header.e_version),           2,                                              REFUSED_ELF_VERSION       },
    {FIELD(header.e_machine),           EM_X86_64,                                      REFUSED_ELF_MACHINE       },
    {FIELD(header.e_type),              ET_DYN,                                         REFUSED_ELF_PIE           },
    {FIELD(header.e_type),              ET_REL,                                         REFUSED_ELF_NOT_EXECUTABLE},
    {FIELD(header.e_type),              ET_CORE,                                        REFUSED_ELF_NOT_EXECUTABLE},
    {FIELD(header.e_phnum),             0,                                              REFUSED_ELF_TABLE_SHAPE   },
    {FIELD(header.e_phnum),             PN_XNUM,                                        REFUSED_ELF_TABLE_CUT     },
    {FIELD(header.e_phentsize),         32,                                             REFUSED_ELF_TABLE_SHAPE   },
    {FIELD(header.e_phoff),             sizeof(struct sample_elf) - 8,                  REFUSED_ELF_TABLE_CUT     },
    {FIELD(header.e_phoff),             UINT64_MAX - 8,                                 REFUSED_ELF_TABLE_CUT     },
    {FIELD(table[0].p_type),            PT_INTERP,                                      REFUSED_ELF_INTERPRETER   },
    {FIELD(table[0].p_offset),          sizeof(struct sample_elf) - 1,                  REFUSED_ELF_SEGMENT_CUT   },
    {FIELD(table[0].p_offset),          UINT64_MAX,                                     REFUSED_ELF_SEGMENT_CUT   },
    {FIELD(table[0].p_filesz),          UINT64_MAX,                                     REFUSED_ELF_SEGMENT_CUT   },
    {FIELD(table[1].p_memsz),           SAMPLE_DATA_BYTES / 2 - 1,                      REFUSED_ELF_SEGMENT_SIZE  },
    {FIELD(table[1].p_memsz),           UINT64_MAX,                                     REFUSED_ELF_SEGMENT_WRAPS },
    {FIELD(table[1].p_paddr),           UINT64_MAX - 8,                                 REFUSED_ELF_SEGMENT_WRAPS },
    {FIELD(table[1].p_align),           24,                                             REFUSED_ELF_SEGMENT_ALIGN },
    {FIELD(table[1].p_vaddr),           SAMPLE_DATA_AT + 1,                             REFUSED_ELF_SEGMENT_ALIGN },
    {FIELD(table[1].p_paddr),           SAMPLE_TEXT_AT,                                 REFUSED_ELF_OVERLAP       },
    {FIELD(table[1].p_paddr),           SAMPLE_TEXT_AT + SAMPLE_TEXT_BYTES - 1,         REFUSED_ELF_OVERLAP       },
    {FIELD(table[1].p_paddr),           SAMPLE_TEXT_AT - SAMPLE_DATA_BYTES + 1,         REFUSED_ELF_OVERLAP       },
    {FIELD(table[1].p_paddr),           SAMPLE_TEXT_AT + SAMPLE_TEXT_BYTES,             REFUSED_NOTHING           },
    {FIELD(table[1].p_paddr),           SAMPLE_TEXT_AT - SAMPLE_DATA_BYTES,             REFUSED_NOTHING           },
    {FIELD(table[0].p_flags),           PF_R,                                           REFUSED_ELF_ENTRY         },
    {FIELD(header.e_entry),             SAMPLE_TEXT_AT - 4,                             REFUSED_ELF_ENTRY         },
    {FIELD(header.e_entry),             SAMPLE_TEXT_AT + SAMPLE_TEXT_BYTES,             REFUSED_ELF_ENTRY         },
    {FIELD(header.e_entry),             SAMPLE_DATA_AT,                                 REFUSED_ELF_ENTRY         },
    {FIELD(header.e_entry),             0,                                              REFUSED_ELF_ENTRY         },
    {FIELD(table[1].p_paddr),           GUEST_RAM_BASE - 8,                             REFUSED_IMAGE_BELOW_RAM   },
    {FIELD(table[1].p_paddr),           0,                                              REFUSED_IMAGE_BELOW_RAM   },
    {FIELD(table[1].p_paddr),           GUEST_RAM_BASE + RAM_BYTES - SAMPLE_DATA_BYTES, REFUSED_NOTHING           },
    {FIELD(table[1].p_paddr),           GUEST_RAM_BASE + RAM_BYTES - 8,                 REFUSED_IMAGE_ABOVE_RAM   },
    {FIELD(table[1].p_paddr),           GUEST_RAM_BASE + RAM_BYTES + 8,                 REFUSED_IMAGE_ABOVE_RAM   },
    {FIELD(table[1].p_memsz),           0,                                              REFUSED_ELF_SEGMENT_SIZE  },
    {FIELD(table[2].p_type),            PT_LOAD,                                        REFUSED_ELF_SEGMENT_CUT   },
};

TEST(image_elf_with_one_wrong_field_is_refused_by_name)
{
    for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
        struct sample_elf elf;

        sample_elf(&elf);
        memcpy((u8 *)&elf + damages[i].at, &damages[i].value, damages[i].width);
        check_refused(&elf, sizeof(elf), damages[i].refusal);
    }
}

TEST(image_elf_cut_anywhere_is_refused)
{
    struct sample_elf elf;

    sample_elf(&elf);
    for (size_t bytes = 4; bytes < offsetof(struct sample_elf, text) + sizeof(elf.text); bytes++) {
        if (bytes < sizeof(elf.header))
            check_refused(&elf, bytes, REFUSED_ELF_HEADER_CUT);
        else if (bytes < sizeof(elf.header) + sizeof(elf.table))
            check_refused(&elf, bytes, REFUSED_ELF_TABLE_CUT);
        else
            check_refused(&elf, bytes, REFUSED_ELF_SEGMENT_CUT);
    }
}

static enum err read_badly(const void *from, u64 at, void *to, u64 bytes)
{
    const struct sample_elf *elf = from;

    if (at != 0)
        return ERR_FAULT;
    memcpy(to, (const u8 *)elf + at, bytes);
    return ERR_OK;
}

TEST(image_elf_that_cannot_be_read_is_refused)
{
    struct sample_elf file;
    struct elf elf;
    struct elf_source source = {.bytes = sizeof(file), .from = &file, .read = read_badly};

    sample_elf(&file);
    CHECK_EQ(elf_read(&elf, &source), REFUSED_ELF_UNREADABLE);
}

TEST(image_elf_without_a_segment_or_with_too_many_is_refused)
{
    struct {
        Elf64_Ehdr header;
        Elf64_Phdr table[ELF_SEGMENTS_MAX + 1];
        u8 text[SAMPLE_TEXT_BYTES];
    } many = {.text = {1}};
    struct sample_elf elf;
    struct image image;

    sample_elf(&elf);
    elf.table[0].p_type = PT_NOTE;
    elf.table[1].p_type = PT_NOTE;
    check_refused(&elf, sizeof(elf), REFUSED_ELF_NO_SEGMENT);

    sample_elf(&elf);
    many.header = elf.header;
    for (u32 i = 0; i < ARRAY_LEN(many.table); i++) {
        many.table[i] = elf.table[0];
        many.table[i].p_offset = 0;
        many.table[i].p_paddr += i * 0x2000;
    }
    many.header.e_phnum = ELF_SEGMENTS_MAX + 1;
    check_refused(&many, sizeof(many), REFUSED_ELF_MANY_SEGMENTS);
    many.table[0].p_filesz = many.table[0].p_memsz = 0; /* does not count */
    CHECK_EQ(image_read(&image, &many, sizeof(many), RAM_BYTES), REFUSED_NOTHING);
    CHECK_EQ(image.count, ELF_SEGMENTS_MAX);
}

/* A kernel in a high half: e_entry is virtual. */
TEST(image_elf_entry_is_translated)
{
    struct sample_elf elf;
    struct image image;

    sample_elf(&elf);
    elf.table[0].p_vaddr += 0xffffffc000000000;
    elf.header.e_entry += 0xffffffc000000000;
    CHECK_EQ(image_read(&image, &elf, sizeof(elf), RAM_BYTES), REFUSED_NOTHING);
    CHECK_EQ(image.entry, SAMPLE_TEXT_AT + 4);
}

TEST(image_of_this_machine_is_refused)
{
    static u8 file[64 << 10];
    FILE *self = fopen("/proc/self/exe", "r");
    struct image image;

    CHECK(self != NULL);
    CHECK_EQ(fread(file, 1, sizeof(file), self), sizeof(file));
    fclose(self);
    CHECK_EQ(image_read(&image, file, sizeof(file), RAM_BYTES), REFUSED_ELF_MACHINE);
}

TEST(image_raw_is_loaded_at_its_entry)
{
    static const u8 code[] = {0x13, 0, 0, 0, 1};
    struct image image;

    CHECK_EQ(image_read(&image, code, sizeof(code), RAM_BYTES), REFUSED_NOTHING);
    CHECK_EQ(image.kind, IMAGE_RAW);
    CHECK_EQ(image.entry, 0x80200000);
    CHECK_EQ(image.count, 1);
    CHECK_EQ(image.segments[0].gpa, 0x80200000);
    CHECK_EQ(image.segments[0].file_bytes, sizeof(code));
    CHECK_EQ(image_read(&image, code, sizeof(code), 0x200005), REFUSED_NOTHING);
    CHECK_EQ(image_read(&image, code, sizeof(code), 0x200004), REFUSED_IMAGE_ABOVE_RAM);
    CHECK_EQ(image_read(&image, code, sizeof(code), 0x1000), REFUSED_IMAGE_ABOVE_RAM);
}

TEST(image_that_cannot_be_code_is_refused)
{
    static const u8 zeros[64], gzip[] = {0x1f, 0x8b, 8, 0}, ones[] = {0xff, 0xff, 0xff, 0xff};

    check_refused(zeros, 0, REFUSED_IMAGE_EMPTY);
    check_refused(zeros, sizeof(zeros), REFUSED_IMAGE_NOT_CODE);
    check_refused(gzip, sizeof(gzip), REFUSED_IMAGE_NOT_CODE);
    check_refused(ones, sizeof(ones), REFUSED_IMAGE_NOT_CODE);
    check_refused("A", 1, REFUSED_IMAGE_NOT_CODE);
}

TEST(image_linux_follows_its_header)
{
    u8 file[SAMPLE_LINUX_BYTES];
    struct image image;
    u64 number;

    sample_linux(file);
    CHECK_EQ(image_read(&image, file, sizeof(file), RAM_BYTES), REFUSED_NOTHING);
    CHECK_EQ(image.kind, IMAGE_LINUX);
    CHECK_EQ(image.entry, 0x80200000);
    CHECK_EQ(image.segments[0].mem_bytes, 0x3000);
    CHECK_EQ(image.segments[0].file_bytes, sizeof(file));
    CHECK_EQ(image_read(&image, file, sizeof(file), 0x202fff), REFUSED_IMAGE_ABOVE_RAM);

    number = 0; /* old images do not tell their size */
    memcpy(file + 16, &number, sizeof(number));
    CHECK_EQ(image_read(&image, file, sizeof(file), RAM_BYTES), REFUSED_NOTHING);
    CHECK_EQ(image.segments[0].mem_bytes, sizeof(file));

    number = UINT64_MAX;
    memcpy(file + 16, &number, sizeof(number));
    check_refused(file, sizeof(file), REFUSED_IMAGE_ABOVE_RAM);
    sample_linux(file);
    number = 0x201000;
    memcpy(file + 8, &number, sizeof(number));
    check_refused(file, sizeof(file), REFUSED_IMAGE_LINUX_OFFSET);
    number = UINT64_MAX << 21;
    memcpy(file + 8, &number, sizeof(number));
    check_refused(file, sizeof(file), REFUSED_IMAGE_ABOVE_RAM);
    sample_linux(file);
    file[24] = 1;
    check_refused(file, sizeof(file), REFUSED_IMAGE_LINUX_BYTE_ORDER);
}

/* Page by page gives what loading at once gives. */
TEST(image_fills_pages_as_if_loaded_at_once)
{
    static u8 ram[0x10000];
    const u64 ram_gpa = 0x801fe000;
    u8 page[IMAGE_PAGE_BYTES];
    struct sample_elf elf;
    struct image image;
    u32 pages_with_bytes = 0;

    sample_elf(&elf);
    elf.table[0].p_paddr = 0x801ff900; /* neither first nor last page whole */
    memset(ram, 0, sizeof(ram));
    memcpy(ram + (0x801ff900 - ram_gpa), elf.text, sizeof(elf.text));
    memcpy(ram + (SAMPLE_DATA_AT - ram_gpa), elf.data, sizeof(elf.data));
    CHECK_EQ(image_read(&image, &elf, sizeof(elf), RAM_BYTES), REFUSED_NOTHING);
    for (u64 at = 0; at < sizeof(ram); at += IMAGE_PAGE_BYTES) {
        bool has_bytes;

        memset(page, 0xaa, sizeof(page));
        has_bytes = image_fill(&image, &elf, ram_gpa + at, page);
        CHECK(memcmp(page, ram + at, sizeof(page)) == 0);
        CHECK_EQ(has_bytes, image_has(&image, ram_gpa + at));
        pages_with_bytes += has_bytes;
    }
    CHECK_EQ(pages_with_bytes, 4); /* text in three pages; data in two, one of them text's */
    CHECK(!image_has(&image, 0));
    CHECK(!image_has(&image, UINT64_MAX - 4095));
}
