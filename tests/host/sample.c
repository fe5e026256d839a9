/* SPDX-License-Identifier: BSD-2-Clause */
/* See sample.h. */
#include "tests/host/sample.h"

#include <string.h>

#include "lib/bundle.h"

void sample_elf(struct sample_elf *elf)
{
    *elf = (struct sample_elf){
        .header =
            {
                     .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
                            EV_CURRENT},
                     .e_type = ET_EXEC,
                     .e_machine = EM_RISCV,
                     .e_version = EV_CURRENT,
                     .e_entry = SAMPLE_TEXT_AT + 4,
                     .e_phoff = offsetof(struct sample_elf, table),
                     .e_ehsize = sizeof(Elf64_Ehdr),
                     .e_phentsize = sizeof(Elf64_Phdr),
                     .e_phnum = 3,
                     },
    };
    elf->table[0] = (Elf64_Phdr){
        .p_type = PT_LOAD,
        .p_flags = PF_R | PF_X,
        .p_offset = offsetof(struct sample_elf, text),
        .p_vaddr = SAMPLE_TEXT_AT,
        .p_paddr = SAMPLE_TEXT_AT,
        .p_filesz = SAMPLE_TEXT_BYTES,
        .p_memsz = SAMPLE_TEXT_BYTES,
        .p_align = 0x1000,
    };
    elf->table[1] = (Elf64_Phdr){
        .p_type = PT_LOAD,
        .p_flags = PF_R | PF_W,
        .p_offset = offsetof(struct sample_elf, data),
        .p_vaddr = SAMPLE_DATA_AT,
        .p_paddr = SAMPLE_DATA_AT,
        .p_filesz = SAMPLE_DATA_BYTES / 2,
        .p_memsz = SAMPLE_DATA_BYTES,
        .p_align = 0x1000,
    };
    elf->table[2] = (Elf64_Phdr){.p_type = PT_NOTE, .p_filesz = UINT64_MAX};
    memset(elf->text, 0x13, sizeof(elf->text));
    memset(elf->data, 0xda, sizeof(elf->data));
}

void sample_linux(u8 image[SAMPLE_LINUX_BYTES])
{
    const u64 text_offset = 0x200000, image_bytes = 0x3000;

    memset(image, 0x13, SAMPLE_LINUX_BYTES);
    memcpy(image + 8, &text_offset, sizeof(text_offset));
    memcpy(image + 16, &image_bytes, sizeof(image_bytes));
    memset(image + 24, 0, 8); /* flags */
    memcpy(image + 0x30, "RISCV\0\0\0RSC\5", 12);
}

void sample_bundle_seal(u8 *bundle, size_t size)
{
    bundle_seal(bundle, size);
}

/* Puts it at the next multiple of 8 of the bundle, and returns where that is. */
static u64 place(u8 *bundle, size_t *size, const void *from, size_t bytes)
{
    u64 at = align_up(*size, 8);

    memcpy(bundle + at, from, bytes);
    *size = at + bytes;
    return at;
}

size_t sample_bundle(u8 bundle[SAMPLE_BUNDLE_BYTES])
{
    static const char disk[SAMPLE_DISK_BYTES] = "a disk";
    static const char cmdline[] = "depth=3 width=3", machine[] = "mhartid=0x1234 word@0x40=0x6688";
    static const char more[] = "width=4";
    struct bundle_header header = {
        .magic = BUNDLE_MAGIC, .version = BUNDLE_VERSION, .entries = 3, .guests = 2};
    struct bundle_entry entries[3] = {
        {.name = "first",
         .flags = BUNDLE_START | BUNDLE_CONTROL,
         .vcpus = 2,
         .mem_bytes = 64U << 20,
         .procs = 9},
        {.name = "second",      .flags = BUNDLE_START,                           .vcpus = 1,                                   .mem_bytes = 16U << 20},
        {.name = "third",     .vcpus = 1,.mem_bytes = 16U << 20},
    };
    struct sample_elf elf;
    u8 linux_image[SAMPLE_LINUX_BYTES];
    size_t size = sizeof(header) + sizeof(entries);

    memset(bundle, 0, SAMPLE_BUNDLE_BYTES);
    sample_elf(&elf);
    sample_linux(linux_image);
    entries[0].image_at = place(bundle, &size, &elf, sizeof(elf));
    entries[0].image_bytes = sizeof(elf);
    entries[0].pflash_at = place(bundle, &size, "pfld", 4);
    entries[0].pflash_bytes = 4;
    entries[0].initrd_at = place(bundle, &size, "words", 5);
    entries[0].initrd_bytes = 5;
    entries[0].disk_at = place(bundle, &size, disk, sizeof(disk));
    entries[0].disk_bytes = sizeof(disk);
    entries[0].cmdline_at = place(bundle, &size, cmdline, sizeof(cmdline));
    entries[0].machine_at = place(bundle, &size, machine, sizeof(machine));
    entries[1].image_at = place(bundle, &size, linux_image, sizeof(linux_image));
    entries[1].image_bytes = sizeof(linux_image);
    entries[2].image_at = entries[0].image_at;
    entries[2].image_bytes = entries[0].image_bytes;
    entries[2].cmdline_at = place(bundle, &size, more, sizeof(more));
    memcpy(bundle, &header, sizeof(header));
    memcpy(bundle + sizeof(header), entries, sizeof(entries));
    sample_bundle_seal(bundle, size);
    return size;
}
