/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bundles are checked in two steps: the file as a whole when it is opened, each guest with all that
 * hangs on it when it is asked for.  The hypervisor and mkimage go through the same code, so what
 * the one packs the other takes.
 */
#include "lib/bundle.h"

#include <string.h>

#define CRC32_POLYNOMIAL 0xedb88320U /* reflected */

/* Sv39x4 has 41 bits of guest-physical address. */
#define MEM_BYTES_MAX ((1ULL << 41) - GUEST_RAM_BASE)
#define MEM_ALIGN     4096

/* The table is made for each call: a bundle is checked once, and 1 KiB of constants saved. */
u32 bundle_crc32(const void *bytes, u64 count)
{
    const u8 *byte = bytes;
    u32 table[256];
    u32 crc = UINT32_MAX;

    for (u32 i = 0; i < 256; i++) {
        table[i] = i;
        for (u32 bit = 0; bit < 8; bit++)
            table[i] = table[i] >> 1 ^ ((table[i] & 1) != 0 ? CRC32_POLYNOMIAL : 0);
    }
    for (u64 i = 0; i < count; i++)
        crc = crc >> 8 ^ table[(crc ^ byte[i]) & 0xff];
    return ~crc;
}

/* Half a magic number is a bundle, too: one that was cut. */
bool bundle_is(const void *file, u64 bytes)
{
    u64 magic = BUNDLE_MAGIC;

    return bytes != 0 && memcmp(file, &magic, bytes < sizeof(magic) ? bytes : sizeof(magic)) == 0;
}

static enum refusal check_header(const struct bundle_header *header, const u8 *file, u64 bytes)
{
    u64 behind = bytes - sizeof(*header);

    if (header->version != BUNDLE_VERSION || header->zero != 0)
        return REFUSED_BUNDLE_VERSION;
    if (header->bytes > bytes)
        return REFUSED_BUNDLE_CUT;
    if (header->bytes < bytes)
        return REFUSED_BUNDLE_TAIL;
    if (header->crc32 != bundle_crc32(file + sizeof(*header), behind))
        return REFUSED_BUNDLE_CRC;
    if (header->entries == 0)
        return REFUSED_BUNDLE_NO_GUEST;
    if (header->entries > BUNDLE_GUESTS_MAX)
        return REFUSED_BUNDLE_MANY_GUESTS;
    if (header->entries > behind / sizeof(struct bundle_entry))
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

    *bundle = (struct bundle){.file = file, .bytes = bytes, .guests = 1, .is_plain = true};
    if (!bundle_is(file, bytes))
        return bytes == 0 ? REFUSED_IMAGE_EMPTY : REFUSED_NOTHING;
    if (bytes < sizeof(header))
        return REFUSED_BUNDLE_HEADER_CUT;
    memcpy(&header, file, sizeof(header));
    refusal = check_header(&header, file, bytes);
    if (refusal != REFUSED_NOTHING)
        return refusal;
    bundle->is_plain = false;
    bundle->guests = header.entries;
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
    u64 table_end = sizeof(struct bundle_header) + bundle->guests * sizeof(*entry);

    if (!is_in_file(bundle, entry->disk_at, entry->disk_bytes))
        return REFUSED_GUEST_DISK_PLACE;
    if (entry->disk_bytes % BUNDLE_SECTOR_BYTES != 0)
        return REFUSED_GUEST_DISK_SIZE;
    if (entry->disk_bytes != 0 && entry->disk != 0)
        return REFUSED_GUEST_DISK_TWICE;
    if (overlap(entry->disk_at, entry->disk_bytes, 0, table_end))
        return REFUSED_GUEST_DISK_SHARED;
    for (u32 i = 0; i < bundle->guests; i++) {
        struct bundle_entry other = get_entry(bundle, i);

        if (is_in_use(&other, entry->disk_at, entry->disk_bytes))
            return REFUSED_GUEST_DISK_SHARED;
    }
    return REFUSED_NOTHING;
}

static enum refusal check_entry(const struct bundle *bundle, const struct bundle_entry *entry)
{
    if (!is_name(entry->name))
        return REFUSED_GUEST_NAME;
    if ((entry->flags & ~(BUNDLE_START | BUNDLE_CONTROL | BUNDLE_PASSTHROUGH)) != 0 ||
        entry->zero != 0)
        return REFUSED_GUEST_FLAGS;
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

static enum refusal read_entry(const struct bundle *bundle, u32 index, struct bundle_guest *guest)
{
    const struct bundle_entry entry = get_entry(bundle, index);
    enum refusal refusal = check_entry(bundle, &entry);
    const char *machine;

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
    if (refusal == REFUSED_NOTHING)
        refusal = find_string(bundle, entry.machine_at, &machine);
    if (refusal == REFUSED_NOTHING)
        refusal = machine_opts_parse(&guest->machine, machine);
    return refusal;
}

/*
 * bundle_guest - all about one guest, checked.
 *
 * A refusal leaves *guest with contents of no meaning.
 */
enum refusal bundle_guest(const struct bundle *bundle, u32 index, struct bundle_guest *guest)
{
    enum refusal refusal = REFUSED_NOTHING;

    if (bundle->is_plain) {
        *guest = (struct bundle_guest){
            .name = BUNDLE_PLAIN_NAME,
            .starts = true,
            .vcpus = 1,
            .mem_bytes = BUNDLE_PLAIN_MEM_BYTES,
            .file = bundle->file,
            .file_bytes = bundle->bytes,
            .machine_disk = BUNDLE_NO_DISK,
            .cmdline = "",
        };
    } else {
        refusal = read_entry(bundle, index, guest);
    }
    if (refusal != REFUSED_NOTHING)
        return refusal;
    return image_read(&guest->image, guest->file, guest->file_bytes, guest->mem_bytes);
}
