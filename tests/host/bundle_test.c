/* SPDX-License-Identifier: BSD-2-Clause */
/* Bundles: what is read from a good one, and that a damaged or cut one is refused by name. */
#include <stdlib.h>
#include <string.h>

#include "lib/bundle.h"

#include "tests/host/sample.h"
#include "tests/test.h"

/* The first refusal among the file and all its guests. */
static enum refusal read_all(const void *file, size_t size)
{
    struct bundle bundle;
    struct bundle_guest guest;
    void *exact = malloc(size + (size == 0)); /* so that a read beyond the end is seen */
    enum refusal refusal;

    CHECK(exact != NULL);
    memcpy(exact, file, size);
    refusal = bundle_open(&bundle, exact, size);
    for (u32 i = 0; refusal == REFUSED_NOTHING && i < bundle.entries; i++)
        refusal = bundle_guest(&bundle, i, &guest);
    free(exact);
    return refusal;
}

TEST(bundle_crc_is_the_one_of_ieee_802_3)
{
    CHECK_EQ(bundle_crc32(0, "123456789", 9), 0xcbf43926);
    CHECK_EQ(bundle_crc32(bundle_crc32(0, "1234", 4), "56789", 5), 0xcbf43926);
    CHECK_EQ(bundle_crc32(0, "", 0), 0);
}

TEST(bundle_is_read_as_it_was_packed)
{
    u8 file[SAMPLE_BUNDLE_BYTES];
    size_t size = sample_bundle(file);
    struct bundle bundle;
    struct bundle_guest guest;

    CHECK_EQ(bundle_open(&bundle, file, size), REFUSED_NOTHING);
    CHECK_EQ(bundle.guests, 2);
    CHECK_EQ(bundle.entries, 3);
    CHECK(!bundle.is_plain);
    CHECK_EQ(bundle_guest(&bundle, 0, &guest), REFUSED_NOTHING);
    CHECK_STR(guest.name, "first");
    CHECK(guest.starts && guest.has_control);
    CHECK_EQ(guest.vcpus, 2);
    CHECK_EQ(guest.mem_bytes, 64 << 20);
    CHECK_EQ(guest.procs, 9);
    CHECK_EQ(guest.image.kind, IMAGE_ELF);
    CHECK_EQ(guest.file_bytes, sizeof(struct sample_elf));
    CHECK_EQ(guest.pflash_bytes, 4);
    CHECK(memcmp(guest.pflash, "pfld", 4) == 0);
    CHECK_EQ(guest.initrd_bytes, 5);
    CHECK(memcmp(guest.initrd, "words", 5) == 0);
    CHECK_EQ(guest.disk_bytes, SAMPLE_DISK_BYTES);
    CHECK(memcmp(guest.disk, "a disk", 7) == 0);
    CHECK_EQ(guest.machine_disk, BUNDLE_NO_DISK);
    CHECK_STR(guest.cmdline, "depth=3 width=3");
    CHECK(guest.machine.has_mhartid);
    CHECK_EQ(guest.machine.words[0].value, 0x6688);

    CHECK_EQ(bundle_guest(&bundle, 1, &guest), REFUSED_NOTHING);
    CHECK_STR(guest.name, "second");
    CHECK(guest.starts && !guest.has_control);
    CHECK_EQ(guest.procs, 0);
    CHECK_EQ(guest.image.kind, IMAGE_LINUX);
    CHECK_EQ(guest.pflash_bytes, 0);
    CHECK_EQ(guest.initrd_bytes, 0);
    CHECK_EQ(guest.disk_bytes, 0);
    CHECK_EQ(guest.machine_disk, BUNDLE_NO_DISK);
    CHECK_STR(guest.cmdline, "");
    CHECK_EQ(guest.machine.word_count, 0);

    CHECK_EQ(bundle_guest(&bundle, 2, &guest), REFUSED_NOTHING);
    CHECK_STR(guest.name, "third");
    CHECK(!guest.starts);
    CHECK_EQ(guest.image.kind, IMAGE_ELF);
    CHECK_STR(guest.cmdline, "width=4");
}

/* By name, for whoever has how much memory; what a guest has beside its image is not looked at. */
TEST(bundle_gives_images)
{
    u8 file[SAMPLE_BUNDLE_BYTES];
    size_t size = sample_bundle(file);
    struct bundle_entry *entry = (struct bundle_entry *)(file + sizeof(struct bundle_header));
    struct bundle bundle;
    struct bundle_guest guest;

    CHECK_EQ(bundle_open(&bundle, file, size), REFUSED_NOTHING);
    CHECK_EQ(bundle_find(&bundle, "first"), 0);
    CHECK_EQ(bundle_find(&bundle, "third"), 2);
    CHECK_EQ(bundle_find(&bundle, "thir"), 3);
    CHECK_EQ(bundle_find(&bundle, "thirdly"), 3);
    CHECK_EQ(bundle_find(&bundle, ""), 3);
    CHECK_EQ(bundle_image(&bundle, 2, 8U << 20, &guest), REFUSED_NOTHING);
    CHECK_EQ(guest.image.entry, SAMPLE_TEXT_AT + 4);
    CHECK_EQ(bundle_image(&bundle, 2, 2U << 20, &guest), REFUSED_IMAGE_ABOVE_RAM);

    memcpy(entry[2].name, "first", sizeof("first"));
    sample_bundle_seal(file, size);
    CHECK_EQ(bundle_find(&bundle, "first"), 2);

    file[entry[0].disk_at] ^= 1;
    CHECK_EQ(bundle_guest(&bundle, 0, &guest), REFUSED_BUNDLE_CRC);
    CHECK_EQ(bundle_image(&bundle, 0, 8U << 20, &guest), REFUSED_NOTHING);
    file[entry[0].image_at] ^= 1;
    CHECK_EQ(bundle_image(&bundle, 0, 8U << 20, &guest), REFUSED_BUNDLE_CRC);
}

TEST(bundle_passes_a_flash_through)
{
    u8 file[SAMPLE_BUNDLE_BYTES];
    size_t size = sample_bundle(file);
    struct bundle_entry *entry = (struct bundle_entry *)(file + sizeof(struct bundle_header));
    struct bundle bundle;
    struct bundle_guest guest;

    entry->flags |= BUNDLE_PASSTHROUGH;
    entry->pflash_bytes = 0;
    sample_bundle_seal(file, size);
    CHECK_EQ(bundle_open(&bundle, file, size), REFUSED_NOTHING);
    CHECK_EQ(bundle_guest(&bundle, 0, &guest), REFUSED_NOTHING);
    CHECK(guest.passthrough && guest.pflash_bytes == 0);
    CHECK_EQ(bundle_guest(&bundle, 1, &guest), REFUSED_NOTHING);
    CHECK(!guest.passthrough);
}

static void set_entries(u8 *file, size_t size, const struct bundle_entry entries[2])
{
    memcpy(file + sizeof(struct bundle_header), entries, 2 * sizeof(entries[0]));
    sample_bundle_seal(file, size);
}

/* The machine's, by its number; and one in memory that both have. */
TEST(bundle_gives_disks)
{
    u8 file[SAMPLE_BUNDLE_BYTES];
    size_t size = sample_bundle(file);
    struct bundle_entry entries[2];
    struct bundle bundle;
    struct bundle_guest first, second;

    memcpy(entries, file + sizeof(struct bundle_header), sizeof(entries));
    entries[1].disk = 3;
    set_entries(file, size, entries);
    CHECK_EQ(bundle_open(&bundle, file, size), REFUSED_NOTHING);
    CHECK_EQ(bundle_guest(&bundle, 1, &second), REFUSED_NOTHING);
    CHECK_EQ(second.machine_disk, 2);
    CHECK_EQ(second.disk_bytes, 0);

    entries[1].disk = 0;
    entries[1].disk_at = entries[0].disk_at;
    entries[1].disk_bytes = entries[0].disk_bytes;
    set_entries(file, size, entries);
    CHECK_EQ(bundle_open(&bundle, file, size), REFUSED_NOTHING);
    CHECK_EQ(bundle_guest(&bundle, 0, &first), REFUSED_NOTHING);
    CHECK_EQ(bundle_guest(&bundle, 1, &second), REFUSED_NOTHING);
    CHECK(first.disk == second.disk && second.disk_bytes == SAMPLE_DISK_BYTES);
}

/* What one guest writes, no other has as its image, flash, initrd, or as a part of its disk. */
TEST(bundle_with_a_disk_over_another_guest_is_refused)
{
    u8 file[SAMPLE_BUNDLE_BYTES];
    size_t size = sample_bundle(file);
    struct bundle_entry entries[2], good[2];

    memcpy(good, file + sizeof(struct bundle_header), sizeof(good));
    for (u32 way = 0; way < 5; way++) {
        u64 at = good[0].disk_at + SAMPLE_DISK_BYTES - 1;

        memcpy(entries, good, sizeof(entries));
        if (way == 0)
            entries[1].image_at = at - good[1].image_bytes + 1;
        else if (way == 1)
            entries[1].pflash_at = at, entries[1].pflash_bytes = 1;
        else if (way == 2)
            entries[1].initrd_at = at, entries[1].initrd_bytes = 1;
        else if (way == 3)
            entries[1].disk_at = good[0].disk_at + 512, entries[1].disk_bytes = 512;
        else
            entries[1].disk_at = good[0].disk_at, entries[1].disk_bytes = 512;
        set_entries(file, size, entries);
        CHECK_EQ(read_all(file, size), REFUSED_GUEST_DISK_SHARED);
    }
    set_entries(file, size, good);
    CHECK_EQ(read_all(file, size), REFUSED_NOTHING);
}

TEST(bundle_of_a_plain_image_is_one_guest)
{
    struct sample_elf elf;
    struct bundle bundle;
    struct bundle_guest guest;

    sample_elf(&elf);
    CHECK_EQ(bundle_open(&bundle, &elf, sizeof(elf)), REFUSED_NOTHING);
    CHECK(bundle.is_plain);
    CHECK_EQ(bundle.guests, 1);
    CHECK_EQ(bundle_guest(&bundle, 0, &guest), REFUSED_NOTHING);
    CHECK_STR(guest.name, "initrd");
    CHECK(guest.starts && !guest.has_control);
    CHECK_EQ(guest.vcpus, 1);
    CHECK_EQ(guest.mem_bytes, 128 << 20);
    CHECK_EQ(guest.image.entry, SAMPLE_TEXT_AT + 4);
    CHECK_STR(guest.cmdline, "");
    CHECK_EQ(read_all("", 0), REFUSED_IMAGE_EMPTY);
}

TEST(bundle_cut_anywhere_is_refused)
{
    u8 file[SAMPLE_BUNDLE_BYTES];
    size_t size = sample_bundle(file);

    for (size_t bytes = 1; bytes < size; bytes += bytes < 300 ? 1 : 13)
        CHECK_EQ(read_all(file, bytes), bytes < sizeof(struct bundle_header)
                                            ? REFUSED_BUNDLE_HEADER_CUT
                                            : REFUSED_BUNDLE_CUT);
    CHECK_EQ(read_all(file, size + 1), REFUSED_BUNDLE_TAIL);
}

TEST(bundle_with_any_bit_flipped_is_refused)
{
    u8 file[SAMPLE_BUNDLE_BYTES];
    size_t size = sample_bundle(file);

    /* Without its magic number it is no bundle. */
    for (size_t bit = 8 * sizeof(u64); bit < 8 * size; bit += bit < 2400 ? 1 : 67) {
        file[bit / 8] ^= (u8)(1U << bit % 8);
        if (read_all(file, size) == REFUSED_NOTHING)
            FAIL("bit %zu of byte %zu does not matter", bit % 8, bit / 8);
        file[bit / 8] ^= (u8)(1U << bit % 8);
    }
}

/* One field of the header or of the first entry set to a value, with a CRC that is right. */
struct damage {
    size_t at;
    size_t width;
    u64 value;
    enum refusal refusal;
};
#define HEADER(field) \
    offsetof(struct bundle_header, field), sizeof(((struct bundle_header *)0)->field)
#define ENTRY(field)                                                     \
    sizeof(struct bundle_header) + offsetof(struct bundle_entry, field), \
        sizeof(((struct bundle_entry *)0)->field)

static const struct damage damages[] = {
    {HEADER(version),     1,                                    REFUSED_BUNDLE_VERSION    },
    {HEADER(version),     2,                                    REFUSED_BUNDLE_VERSION    },
    {HEADER(version),     4,                                    REFUSED_BUNDLE_VERSION    },
    {HEADER(guests),      0,                                    REFUSED_BUNDLE_NO_GUEST   },
    {HEADER(guests),      1,                                    REFUSED_GUEST_ORDER       },
    {HEADER(guests),      3,                                    REFUSED_GUEST_ORDER       },
    {HEADER(guests),      4,                                    REFUSED_BUNDLE_NO_GUEST   },
    {HEADER(entries),     0,                                    REFUSED_BUNDLE_NO_GUEST   },
    {HEADER(entries),     257,                                  REFUSED_BUNDLE_MANY_IMAGES},
    {HEADER(entries),     UINT32_MAX,                           REFUSED_BUNDLE_MANY_IMAGES},
    {ENTRY(name[0]),      0,                                    REFUSED_GUEST_NAME        },
    {ENTRY(name[1]),      '\n',                                 REFUSED_GUEST_NAME        },
    {ENTRY(name[1]),      ' ',                                  REFUSED_GUEST_NAME        },
    {ENTRY(name[1]),      0xc3,                                 REFUSED_GUEST_NAME        },
    {ENTRY(flags),        8,                                    REFUSED_GUEST_FLAGS       },
    {ENTRY(flags),        5,                                    REFUSED_GUEST_PFLASH_TWICE},
    {ENTRY(flags),        0,                                    REFUSED_GUEST_ORDER       },
    {ENTRY(vcpus),        0,                                    REFUSED_GUEST_VCPUS       },
    {ENTRY(vcpus),        8,                                    REFUSED_NOTHING           },
    {ENTRY(vcpus),        9,                                    REFUSED_GUEST_VCPUS       },
    {ENTRY(mem_bytes),    0,                                    REFUSED_GUEST_MEM         },
    {ENTRY(mem_bytes),    (64 << 20) + 8,                       REFUSED_GUEST_MEM         },
    {ENTRY(mem_bytes),    (1ULL << 41) - GUEST_RAM_BASE,        REFUSED_NOTHING           },
    {ENTRY(mem_bytes),    (1ULL << 41) - GUEST_RAM_BASE + 4096, REFUSED_GUEST_MEM         },
    {ENTRY(mem_bytes),    1 << 20,                              REFUSED_IMAGE_ABOVE_RAM   },
    {ENTRY(image_at),     SAMPLE_BUNDLE_BYTES,                  REFUSED_GUEST_IMAGE_PLACE },
    {ENTRY(image_at),     UINT64_MAX,                           REFUSED_GUEST_IMAGE_PLACE },
    {ENTRY(image_bytes),  UINT64_MAX,                           REFUSED_GUEST_IMAGE_PLACE },
    {ENTRY(image_bytes),  0,                                    REFUSED_IMAGE_EMPTY       },
    {ENTRY(pflash_at),    UINT64_MAX - 3,                       REFUSED_GUEST_PFLASH_PLACE},
    {ENTRY(pflash_bytes), SAMPLE_BUNDLE_BYTES,                  REFUSED_GUEST_PFLASH_PLACE},
    {ENTRY(initrd_at),    UINT64_MAX - 3,                       REFUSED_GUEST_INITRD_PLACE},
    {ENTRY(initrd_bytes), UINT64_MAX,                           REFUSED_GUEST_INITRD_PLACE},
    {ENTRY(initrd_bytes), 0,                                    REFUSED_NOTHING           },
    {ENTRY(initrd_bytes), 9,                                    REFUSED_GUEST_DISK_SHARED },
    {ENTRY(disk_at),      UINT64_MAX - 3,                       REFUSED_GUEST_DISK_PLACE  },
    {ENTRY(disk_bytes),   UINT64_MAX,                           REFUSED_GUEST_DISK_PLACE  },
    {ENTRY(disk_bytes),   0,                                    REFUSED_NOTHING           },
    {ENTRY(disk_bytes),   513,                                  REFUSED_GUEST_DISK_SIZE   },
    {ENTRY(disk_at),      0,                                    REFUSED_GUEST_DISK_SHARED },
    {ENTRY(disk_at),      32 + 3 * 152 - 1,                     REFUSED_GUEST_DISK_SHARED },
    {ENTRY(disk_at),      32 + 3 * 152,                         REFUSED_GUEST_DISK_SHARED }, /* the image */
    {ENTRY(disk),         1,                                    REFUSED_GUEST_DISK_TWICE  },
    {ENTRY(cmdline_at),   SAMPLE_BUNDLE_BYTES,                  REFUSED_GUEST_STRING      },
    {ENTRY(cmdline_at),   UINT64_MAX,                           REFUSED_GUEST_STRING      },
    {ENTRY(machine_at),   UINT64_MAX,                           REFUSED_GUEST_STRING      },
    {ENTRY(machine_at),   sizeof(struct bundle_header),         REFUSED_OPTION_UNKNOWN    }, /* "first" */
};

TEST(bundle_with_one_wrong_field_is_refused_by_name)
{
    for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
        u8 file[SAMPLE_BUNDLE_BYTES];
        size_t size = sample_bundle(file);
        enum refusal refusal;

        memcpy(file + damages[i].at, &damages[i].value, damages[i].width);
        sample_bundle_seal(file, size);
        refusal = read_all(file, size);
        if (refusal != damages[i].refusal)
            FAIL("row %zu: \"%s\", not \"%s\"", i, refusal_words(refusal),
                 refusal_words(damages[i].refusal));
    }
}

TEST(bundle_with_strings_that_do_not_end_is_refused)
{
    u8 file[SAMPLE_BUNDLE_BYTES];
    size_t size = sample_bundle(file);
    struct bundle_entry entry;
    u64 last = size - 1;

    file[last] = 'x';
    memcpy(file + sizeof(struct bundle_header) + offsetof(struct bundle_entry, cmdline_at), &last,
           sizeof(last));
    sample_bundle_seal(file, size);
    CHECK_EQ(read_all(file, size), REFUSED_GUEST_STRING);

    size = sample_bundle(file);
    memset(file + sizeof(struct bundle_header), 'x', sizeof(entry.name));
    sample_bundle_seal(file, size);
    CHECK_EQ(read_all(file, size), REFUSED_GUEST_NAME);
}

TEST(bundle_with_more_entries_than_bytes_is_refused)
{
    u8 file[SAMPLE_BUNDLE_BYTES];
    size_t size = sizeof(struct bundle_header) + sizeof(struct bundle_entry);

    sample_bundle(file);
    sample_bundle_seal(file, size);
    CHECK_EQ(read_all(file, size), REFUSED_BUNDLE_TABLE);
    sample_bundle_seal(file, sizeof(struct bundle_header));
    CHECK_EQ(read_all(file, sizeof(struct bundle_header)), REFUSED_BUNDLE_TABLE);
}

/* ---- machine options ---- */

TEST(machine_opts_are_read)
{
    struct machine_opts opts;

    CHECK_EQ(machine_opts_parse(&opts, "mhartid=0x1234 word@0x40=0x6688"), REFUSED_NOTHING);
    CHECK(opts.has_mhartid);
    CHECK_EQ(opts.mhartid, 0x1234);
    CHECK_EQ(opts.word_count, 1);
    CHECK_EQ(opts.words[0].gpa, 0x40);
    CHECK_EQ(opts.words[0].value, 0x6688);

    CHECK_EQ(machine_opts_parse(&opts, " word@8=18446744073709551615  word@0xFfF8=0\t"),
             REFUSED_NOTHING);
    CHECK(!opts.has_mhartid);
    CHECK_EQ(opts.word_count, 2);
    CHECK_EQ(opts.words[0].value, UINT64_MAX);
    CHECK_EQ(opts.words[1].gpa, 0xfff8);

    CHECK_EQ(machine_opts_parse(&opts, ""), REFUSED_NOTHING);
    CHECK(!opts.has_mhartid && opts.word_count == 0);
}

TEST(machine_opts_that_are_wrong_are_refused_by_name)
{
    static const struct {
        const char *text;
        enum refusal refusal;
    } rows[] = {
        {"hartid=1",                                        REFUSED_OPTION_UNKNOWN   },
        {"mhartid",                                         REFUSED_OPTION_UNKNOWN   },
        {"mhartid=",                                        REFUSED_OPTION_NUMBER    },
        {"mhartid=0x",                                      REFUSED_OPTION_NUMBER    },
        {"mhartid=-1",                                      REFUSED_OPTION_NUMBER    },
        {"mhartid=12a",                                     REFUSED_OPTION_NUMBER    },
        {"mhartid=1,word@8=1",                              REFUSED_OPTION_NUMBER    },
        {"mhartid=18446744073709551616",                    REFUSED_OPTION_NUMBER    },
        {"mhartid=0x10000000000000000",                     REFUSED_OPTION_NUMBER    },
        {"mhartid=1 mhartid=1",                             REFUSED_OPTION_TWICE     },
        {"word@0x40",                                       REFUSED_OPTION_UNKNOWN   },
        {"word@=1",                                         REFUSED_OPTION_NUMBER    },
        {"word@0x40=",                                      REFUSED_OPTION_NUMBER    },
        {"word@0x44=1",                                     REFUSED_OPTION_PLACE     },
        {"word@0x80000000=1",                               REFUSED_OPTION_PLACE     },
        {"word@0x7ffffff8=1",                               REFUSED_NOTHING          },
        {"word@8=1 word@8=2",                               REFUSED_OPTION_TWICE     },
        {"word@0=1 word@8=1 word@16=1 word@24=1 word@32=1", REFUSED_OPTION_MANY_WORDS},
    };
    struct machine_opts opts;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        enum refusal refusal = machine_opts_parse(&opts, rows[i].text);

        if (refusal != rows[i].refusal)
            FAIL("%s: \"%s\", not \"%s\"", rows[i].text, refusal_words(refusal),
                 refusal_words(rows[i].refusal));
    }
}
