/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bundles are checked in two steps: the header when the file is opened, each entry with all that
 * hangs on it when it is asked for; so it costs nothing that a bundle has many images.  The
 * hypervisor and mkimage go through the same code, so what the one packs the other takes.
 */
#include "lib/bundle.h"

#include <string.h>

#define CRC32_POLYNOMIAL 0xedb88320U /* reflected */

/* Sv39x4 has 41 bits of guest-physical address. */
#define MEM_BYTES_MAX ((1ULL << 41) - GUEST_RAM_BASE)
#define MEM_ALIGN     4096
#define BUNDLE_ALIGN  8

struct crc_table {
    u32 row[256];
};

static void make_table(struct crc_table *table)
{
    for (u32 i = 0; i < ARRAY_LEN(table->row); i++) {
        u32 row = i;

        for (u32 bit = 0; bit < 8; bit++)
            row = row >> 1 ^ ((row & 1) != 0 ? CRC32_POLYNOMIAL : 0);
        table->row[i] = row;
    }
}

static u32 extend(const struct crc_table *table, u32 before, const u8 *bytes, u64 count)
{
    u32 crc = ~before;

    for (u64 i = 0; i < count; i++)
        crc = crc >> 8 ^ table->row[(crc ^ bytes[i]) & 0xff];
    return ~crc;
}

/* The table is made for each call: few are made, and 1 KiB of constants is saved. */
u32 bundle_crc32(u32 before, const void *bytes, u64 count)
{
    struct crc_table table;

    make_table(&table);
    return extend(&table, before, bytes, count);
}

/* Half a magic number is a bundle, too: one that was cut. */
bool bundle_is(const void *file, u64 bytes)
{
    u64 magic = BUNDLE_MAGIC;

    return bytes != 0 && memcmp(file, &magic, bytes < sizeof(magic) ? bytes : sizeof(magic)) == 0;
}

static enum refusal check_header(const struct bundle_header *header, u64 bytes)
{
    if (header->version != BUNDLE_VERSION)
        return REFUSED_BUNDLE_VERSION;
    if (header->crc32 != bundle_crc32(0, header, offsetof(struct bundle_header, crc32)))
        return REFUSED_BUNDLE_CRC;
    if (header->bytes > bytes)
        return REFUSED_BUNDLE_CUT;
    if (header->bytes < bytes)
        return REFUSED_BUNDLE_TAIL;
    if (header->guests == 0 || header->entries < header->guests)
        return REFUSED_BUNDLE_NO_GUEST;
    if (header->guests > BUNDLE_GUESTS_MAX)
        return REFUSED_BUNDLE_MANY_GUESTS;
    if (header->entries > BUNDLE_ENTRIES_MAX)
        return REFUSED_BUNDLE_MANY_IMAGES;
    if (header->entries > (bytes - sizeof(*header)) / sizeof(struct bundle_entry))
        return REFUSED_BUNDLE_TABLE;
    return REFUSED_NOTHING;
}

/*
 * bundle_open - a file as guests.
 *
 * A refusal leaves *bundle with contents of no meaning.
 */
enum refusal bundle_open(struct bundle *bundle, const void *file, u64 bytes)
{
    struct bundle_header header;
    enum refusal refusal;

    *bundle =
        (struct bundle){.file = file, .bytes = bytes, .guests = 1, .entries = 1, .is_plain = true};
    if (!bundle_is(file, bytes))
        return bytes == 0 ? REFUSED_IMAGE_EMPTY : REFUSED_NOTHING;
    if (bytes < sizeof(header))
        return REFUSED_BUNDLE_HEADER_CUT;
    memcpy(&header, file, sizeof(header));
    refusal = check_header(&header, bytes);
    if (refusal != REFUSED_NOTHING)
        return refusal;
    bundle->is_plain = false;
    bundle->guests = header.guests;
    bundle->entries = header.entries;
    return REFUSED_NOTHING;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("_-.+", c) != NULL);
}

/* Logs and tables show names: nothing that would break a line of theirs. */
static bool is_name(const char name[BUNDLE_NAME_BYTES])
{
    u32 length = 0;

    while (length < BUNDLE_NAME_BYTES && is_name_char(name[length]))
        length++;
    return length != 0 && length < BUNDLE_NAME_BYTES && name[length] == '\0';
}

static bool is_in_file(const struct bundle *bundle, u64 at, u64 bytes)
{
    return at <= bundle->bytes && bytes <= bundle->bytes - at;
}

/* *string is "" for offset 0. */
static enum refusal find_string(const struct bundle *bundle, u64 at, const char **string)
{
    *string = "";
    if (at == 0)
        return REFUSED_NOTHING;
    if (at >= bundle->bytes || memchr(bundle->file + at, '\0', bundle->bytes - at) == NULL)
        return REFUSED_GUEST_STRING;
    *string = (const char *)bundle->file + at;
    return REFUSED_NOTHING;
}

static struct bundle_entry get_entry(const struct bundle *bundle, u32 index)
{
    struct bundle_entry entry;

    memcpy(&entry, bundle->file + sizeof(struct bundle_header) + index * sizeof(entry),
           sizeof(entry));
    return entry;
}

static bool overlap(u64 at, u64 bytes, u64 other_at, u64 other_bytes)
{
    return bytes != 0 && other_bytes != 0 &&
           (at < other_at ? other_at - at < bytes : at - other_at < other_bytes);
}

/* Whether a disk would be written over what a guest has; the same disk is no such thing. */
static bool is_in_use(const struct bundle_entry *by, u64 at, u64 bytes)
{
    return overlap(at, bytes, by->image_at, by->image_bytes) ||
           overlap(at, bytes, by->pflash_at, by->pflash_bytes) ||
           overlap(at, bytes, by->initrd_at, by->initrd_bytes) ||
           ((at != by->disk_at || bytes != by->disk_bytes) &&
            overlap(at, bytes, by->disk_at, by->disk_bytes));
}

static enum refusal check_disk(const struct bundle *bundle, const struct bundle_entry *entry)
{
    u64 table_end = sizeof(struct bundle_header) + bundle->entries * sizeof(*entry);

    if (!is_in_file(bundle, entry->disk_at, entry->disk_bytes))
        return REFUSED_GUEST_DISK_PLACE;
    if (entry->disk_bytes % BUNDLE_SECTOR_BYTES != 0)
        return REFUSED_GUEST_DISK_SIZE;
    if (entry->disk_bytes != 0 && entry->disk != 0)
        return REFUSED_GUEST_DISK_TWICE;
    if (overlap(entry->disk_at, entry->disk_bytes, 0, table_end))
        return REFUSED_GUEST_DISK_SHARED;
    for (u32 i = 0; i < bundle->entries; i++) {
        struct bundle_entry other = get_entry(bundle, i);

        if (is_in_use(&other, entry->disk_at, entry->disk_bytes))
            return REFUSED_GUEST_DISK_SHARED;
    }
    return REFUSED_NOTHING;
}

/* ---- CRCs of entries ---- */

static u32 crc_of_entry(const struct crc_table *table, const struct bundle_entry *entry)
{
    return extend(table, 0, (const u8 *)entry, offsetof(struct bundle_entry, crc32));
}

/* Extends a CRC by a thing and what aligns the next one; the thing is in the file. */
static u32 extend_by(const struct crc_table *table, u32 crc, const struct bundle *bundle, u64 at,
                     u64 bytes)
{
    u64 left = bundle->bytes - at, padded = align_up(bytes, BUNDLE_ALIGN);

    return extend(table, crc, bundle->file + at, padded < left ? padded : left);
}

static u32 extend_by_string(const struct crc_table *table, u32 crc, const struct bundle *bundle,
                            u64 at)
{
    u64 bytes = at == 0 ? 0 : strlen((const char *)bundle->file + at) + 1;

    return extend_by(table, crc, bundle, at, bytes);
}

/* These two: all that the entry names lies in the file. */
static u32 crc_of_image(const struct crc_table *table, const struct bundle *bundle,
                        const struct bundle_entry *entry)
{
    u32 crc = extend_by(table, 0, bundle, entry->image_at, entry->image_bytes);

    return extend_by_string(table, crc, bundle, entry->cmdline_at);
}

static u32 crc_of_others(const struct crc_table *table, const struct bundle *bundle,
                         const struct bundle_entry *entry)
{
    u32 crc = extend_by(table, 0, bundle, entry->pflash_at, entry->pflash_bytes);

    crc = extend_by(table, crc, bundle, entry->initrd_at, entry->initrd_bytes);
    crc = extend_by(table, crc, bundle, entry->disk_at, entry->disk_bytes);
    return extend_by_string(table, crc, bundle, entry->machine_at);
}

/* ---- entries ---- */

static enum refusal check_entry(const struct bundle *bundle, u32 index,
                                const struct bundle_entry *entry)
{
    if (!is_name(entry->name))
        return REFUSED_GUEST_NAME;
    if ((entry->flags & ~(BUNDLE_START | BUNDLE_CONTROL | BUNDLE_PASSTHROUGH)) != 0)
        return REFUSED_GUEST_FLAGS;
    if (((entry->flags & BUNDLE_START) != 0) != (index < bundle->guests))
        return REFUSED_GUEST_ORDER;
    if (entry->vcpus == 0 || entry->vcpus > BUNDLE_VCPUS_MAX)
        return REFUSED_GUEST_VCPUS;
    if (entry->mem_bytes == 0 || entry->mem_bytes % MEM_ALIGN != 0 ||
        entry->mem_bytes > MEM_BYTES_MAX)
        return REFUSED_GUEST_MEM;
    if (!is_in_file(bundle, entry->image_at, entry->image_bytes))
        return REFUSED_GUEST_IMAGE_PLACE;
    if (!is_in_file(bundle, entry->pflash_at, entry->pflash_bytes))
        return REFUSED_GUEST_PFLASH_PLACE;
    if (entry->pflash_bytes > BUNDLE_PFLASH_BYTES)
        return REFUSED_GUEST_PFLASH_SIZE;
    if (entry->pflash_bytes != 0 && (entry->flags & BUNDLE_PASSTHROUGH) != 0)
        return REFUSED_GUEST_PFLASH_TWICE;
    if (!is_in_file(bundle, entry->initrd_at, entry->initrd_bytes))
        return REFUSED_GUEST_INITRD_PLACE;
    return check_disk(bundle, entry);
}

/* What the entry says of itself, and of its image and its command line. */
static enum refusal read_entry(const struct bundle *bundle, u32 index,
                               const struct crc_table *table, struct bundle_guest *guest)
{
    const struct bundle_entry entry = get_entry(bundle, index);
    enum refusal refusal;

    if (entry.crc32 != crc_of_entry(table, &entry))
        return REFUSED_BUNDLE_CRC;
    refusal = check_entry(bundle, index, &entry);
    if (refusal != REFUSED_NOTHING)
        return refusal;
    *guest = (struct bundle_guest){
        .starts = (entry.flags & BUNDLE_START) != 0,
        .has_control = (entry.flags & BUNDLE_CONTROL) != 0,
        .vcpus = entry.vcpus,
        .mem_bytes = entry.mem_bytes,
        .procs = entry.procs,
        .file = bundle->file + entry.image_at,
        .file_bytes = entry.image_bytes,
        .pflash = bundle->file + entry.pflash_at,
        .pflash_bytes = entry.pflash_bytes,
        .passthrough = (entry.flags & BUNDLE_PASSTHROUGH) != 0,
        .initrd = bundle->file + entry.initrd_at,
        .initrd_bytes = entry.initrd_bytes,
        .disk = bundle->file + entry.disk_at,
        .disk_bytes = entry.disk_bytes,
        .machine_disk = entry.disk == 0 ? BUNDLE_NO_DISK : entry.disk - 1,
    };
    memcpy(guest->name, entry.name, sizeof(guest->name));
    refusal = find_string(bundle, entry.cmdline_at, &guest->cmdline);
    if (refusal == REFUSED_NOTHING && entry.image_crc32 != crc_of_image(table, bundle, &entry))
        refusal = REFUSED_BUNDLE_CRC;
    return refusal;
}

static enum refusal read_others(const struct bundle *bundle, u32 index,
                                const struct crc_table *table, struct bundle_guest *guest)
{
    const struct bundle_entry entry = get_entry(bundle, index);
    const char *machine;
    enum refusal refusal = find_string(bundle, entry.machine_at, &machine);

    if (refusal != REFUSED_NOTHING)
        return refusal;
    if (entry.others_crc32 != crc_of_others(table, bundle, &entry))
        return REFUSED_BUNDLE_CRC;
    return machine_opts_parse(&guest->machine, machine);
}

static const struct bundle_guest plain = {
    .name = BUNDLE_PLAIN_NAME,
    .starts = true,
    .vcpus = 1,
    .mem_bytes = BUNDLE_PLAIN_MEM_BYTES,
    .machine_disk = BUNDLE_NO_DISK,
    .cmdline = "",
};

/* `others`: not only what exec and spawn need.  mem_bytes 0: as the entry says. */
static enum refusal read(const struct bundle *bundle, u32 index, bool others, u64 mem_bytes,
                         struct bundle_guest *guest)
{
    struct crc_table table;
    enum refusal refusal = REFUSED_NOTHING;

    if (bundle->is_plain) {
        *guest = plain;
        guest->file = bundle->file;
        guest->file_bytes = bundle->bytes;
    } else {
        make_table(&table);
        refusal = read_entry(bundle, index, &table, guest);
        if (refusal == REFUSED_NOTHING && others)
            refusal = read_others(bundle, index, &table, guest);
    }
    if (refusal != REFUSED_NOTHING)
        return refusal;
    return image_read(&guest->image, guest->file, guest->file_bytes,
                      mem_bytes != 0 ? mem_bytes : guest->mem_bytes);
}

/*
 * bundle_guest, bundle_image - an entry, checked: all about it, or what exec and spawn need.
 *
 * A refusal leaves *guest with contents of no meaning.
 */
enum refusal bundle_guest(const struct bundle *bundle, u32 index, struct bundle_guest *guest)
{
    return read(bundle, index, true, 0, guest);
}

enum refusal bundle_image(const struct bundle *bundle, u32 index, u64 mem_bytes,
                          struct bundle_guest *guest)
{
    return read(bundle, index, false, mem_bytes, guest);
}

/* Images that are nothing else come before guests', which may have a command line of their own. */
u32 bundle_find(const struct bundle *bundle, const char *name)
{
    for (u32 i = bundle->is_plain ? 0 : bundle->entries; i-- > 0;) {
        struct bundle_entry entry = get_entry(bundle, i);

        if (strncmp(entry.name, name, sizeof(entry.name)) == 0)
            return i;
    }
    return bundle->entries;
}

/* Whether all that the entry names can be read. */
static bool is_readable(const struct bundle *bundle, const struct bundle_entry *entry)
{
    const char *string;

    return is_in_file(bundle, entry->image_at, entry->image_bytes) &&
           is_in_file(bundle, entry->pflash_at, entry->pflash_bytes) &&
           is_in_file(bundle, entry->initrd_at, entry->initrd_bytes) &&
           is_in_file(bundle, entry->disk_at, entry->disk_bytes) &&
           find_string(bundle, entry->cmdline_at, &string) == REFUSED_NOTHING &&
           find_string(bundle, entry->machine_at, &string) == REFUSED_NOTHING;
}

/*
 * bundle_seal - what who packs a bundle does last.
 *
 * The file has a header at least.  The entries' CRCs come first, of what they name and of
 * themselves.  Where an entry names what is not there its CRC does not matter.
 */
void bundle_seal(void *file, u64 bytes)
{
    struct bundle bundle = {.file = file, .bytes = bytes};
    struct bundle_header header;
    struct crc_table table;

    make_table(&table);
    memcpy(&header, file, sizeof(header));
    header.bytes = bytes;
    for (u32 i = 0;
         i < header.entries && sizeof(header) + (i + 1) * sizeof(struct bundle_entry) <= bytes;
         i++) {
        struct bundle_entry entry = get_entry(&bundle, i);

        if (is_readable(&bundle, &entry)) {
            entry.image_crc32 = crc_of_image(&table, &bundle, &entry);
            entry.others_crc32 = crc_of_others(&table, &bundle, &entry);
        }
        entry.crc32 = crc_of_entry(&table, &entry);
        memcpy((u8 *)file + sizeof(header) + i * sizeof(entry), &entry, sizeof(entry));
    }
    header.crc32 = bundle_crc32(0, &header, offsetof(struct bundle_header, crc32));
    memcpy(file, &header, sizeof(header));
}
