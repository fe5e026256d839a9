/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ustar archive, entry by entry:
 *
 *     header 512 | bytes, up to a multiple of 512 | header | ... | zeros
 *
 * Numbers are octal.  Nothing of it is trusted: an entry whose name has "..", begins with "/", or
 * is of something else than a file or directory is left out, and so is the second of a name; at a
 * damaged header, or one that claims more bytes than there are, the archive ends.  Each is a line
 * in the log, up to COMPLAINTS of them.
 */
#include <string.h>

#include "guest/fs/archive.h"

#define COMPLAINTS      8
#define NAME_BYTES      100
#define PREFIX_BYTES    155
#define LONG_NAME_BYTES 4096 /* of a name in an entry of its own */

struct header {
    char name[NAME_BYTES], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100];
    char magic[8], owner[32], group[32], major[8], minor[8], prefix[PREFIX_BYTES], unused[12];
};
_Static_assert(sizeof(struct header) == ARCHIVE_RECORD_BYTES, "as the archive has it");

static void complain(struct archive *archive, struct name name, const char *why)
{
    if (archive->complaints < COMPLAINTS) {
        fs_log("initrd: %.*s: %s", (int)name.bytes, name.at, why);
    } else if (archive->complaints == COMPLAINTS) {
        fs_log("initrd: and more like these");
    }
    archive->complaints++;
}

/* Spaces, octal digits, and a space, a NUL or the end.  False: anything else. */
static bool read_octal(const char *text, size_t bytes, u64 *value)
{
    size_t i = 0;

    while (i < bytes && text[i] == ' ') {
        i++;
    }
    for (*value = 0; i < bytes && text[i] >= '0' && text[i] <= '7'; i++) {
        *value = *value << 3 | (u64)(text[i] - '0');
    }
    return i == bytes || text[i] == ' ' || text[i] == '\0';
}

static bool sum_is_right(const struct header *header)
{
    const u8 *bytes = (const u8 *)header;
    u64 sum = 0, expected;

    for (size_t i = 0; i < sizeof(*header); i++) {
        bool in_sum = i >= offsetof(struct header, sum) && i < offsetof(struct header, type);

        sum += in_sum ? ' ' : bytes[i];
    }
    return read_octal(header->sum, sizeof(header->sum), &expected) && sum == expected;
}

static bool is_end(const struct header *header)
{
    const u8 *bytes = (const u8 *)header;

    for (size_t i = 0; i < sizeof(*header); i++) {
        if (bytes[i]) {
            return false;
        }
    }
    return true;
}

/* The next component of a name; false: there is none.  "." and what is empty are none. */
static bool next_component(struct name *rest, struct name *component)
{
    do {
        size_t slash = 0;

        while (slash < rest->bytes && rest->at[slash] != '/') {
            slash++;
        }
        *component = (struct name){rest->at, slash};
        slash += slash < rest->bytes;
        rest->at += slash;
        rest->bytes -= slash;
    } while (rest->bytes > 0 &&
             (component->bytes == 0 || (component->bytes == 1 && component->at[0] == '.')));
    return component->bytes > 0 && !(component->bytes == 1 && component->at[0] == '.');
}

/* Why a name is not taken; NULL: it is. */
static const char *refusal(struct name name)
{
    struct name component;

    if (name.bytes > 0 && name.at[0] == '/') {
        return "its name begins with /";
    }
    while (next_component(&name, &component)) {
        if (component.bytes == 2 && memcmp(component.at, "..", 2) == 0) {
            return "its name has ..";
        }
        if (component.bytes > FS_NAME_MAX) {
            return "its name is too long";
        }
    }
    return NULL;
}

/* The directory of that name in dir, made if it is missing.  ENOTDIR, ENOMEM. */
static int enter(struct archive *archive, struct member **dir, struct name name)
{
    struct member *next = archive_find(archive, *dir, name);

    next = next ? next : archive_add(archive, *dir, name, NODE_DIRECTORY);
    if (!next) {
        return ENOMEM;
    }
    *dir = next;
    return next->node.type == NODE_DIRECTORY ? 0 : ENOTDIR;
}

/* Down a name from dir to its last component, which has no bytes if there is none. */
static int walk(struct archive *archive, struct name name, struct member **dir, struct name *last)
{
    struct name component;
    int error = 0;

    *last = (struct name){name.at, 0};
    while (!error && next_component(&name, &component)) {
        if (last->bytes > 0) {
            error = enter(archive, dir, *last);
        }
        *last = component;
    }
    return error;
}

struct entry {
    const struct header *header;
    enum node_type type;
    const u8 *at;
    u64 bytes;
};

static void fill(struct member *member, const struct entry *entry)
{
    const struct header *header = entry->header;
    u64 number;

    member->at = entry->at;
    member->bytes = entry->bytes;
    if (read_octal(header->mtime, sizeof(header->mtime), &number)) {
        member->mtime_s = (s64)number;
    }
    if (read_octal(header->mode, sizeof(header->mode), &number)) {
        member->permissions = number & 0777;
    }
}

/* The member at prefix and name, which are no bad ones.  ENOMEM, ENOTDIR, EEXIST, ENOENT: it has no
 * name. */
static int take(struct archive *archive, struct name prefix, struct name name,
                const struct entry *entry)
{
    struct member *dir = archive->by_id[0], *member;
    struct name last;
    int error = walk(archive, prefix, &dir, &last);

    if (!error && last.bytes > 0) {
        error = enter(archive, &dir, last);
    }
    error = error ? error : walk(archive, name, &dir, &last);
    if (error) {
        return error;
    }
    if (last.bytes == 0) {
        return entry->type == NODE_DIRECTORY ? 0 : ENOENT; /* "./" is the root */
    }
    member = archive_find(archive, dir, last);
    if (member && (entry->type != NODE_DIRECTORY || member->node.type != NODE_DIRECTORY)) {
        return EEXIST;
    }
    member = member ? member : archive_add(archive, dir, last, entry->type);
    if (!member) {
        return ENOMEM;
    }
    fill(member, entry);
    return 0;
}

/* ENOMEM is the only error: of others there is a word. */
static int take_or_tell(struct archive *archive, struct name prefix, struct name name,
                        const struct entry *entry)
{
    const char *why = refusal(prefix);
    int error = 0;

    why = why ? why : refusal(name);
    if (!why) {
        error = take(archive, prefix, name, entry);
    }
    switch (error) {
    case 0: break;
    case ENOTDIR: why = "it is in what is no directory"; break;
    case EEXIST: why = "there is one of this name already"; break;
    case ENOENT: why = "it has no name"; break;
    default: return error;
    }
    if (why) {
        complain(archive, name, why);
    }
    return 0;
}

/* One entry: a member, or a word on why not.  A long name is kept for the entry behind it. */
static int read_entry(struct archive *archive, const struct header *header, const u8 *at, u64 bytes,
                      struct name *long_name)
{
    bool is_ustar = memcmp(header->magic, "ustar", sizeof("ustar")) == 0;
    struct name prefix = {header->prefix, is_ustar ? strnlen(header->prefix, PREFIX_BYTES) : 0};
    struct name name = {header->name, strnlen(header->name, NAME_BYTES)};
    struct entry entry = {header, NODE_FILE, at, bytes};

    if (long_name->bytes > 0) {
        prefix.bytes = 0;
        name = *long_name;
        long_name->bytes = 0;
    }
    switch (header->type) {
    case '\0':
    case '0':
    case '7': break;
    case '5': entry = (struct entry){header, NODE_DIRECTORY, NULL, 0}; break;
    case 'L': /* GNU's: the bytes are the name of the next one */
        *long_name = (struct name){(const char *)at, strnlen((const char *)at, bytes)};
        if (long_name->bytes >= LONG_NAME_BYTES) {
            complain(archive, name, "a name is too long");
            return EINVAL;
        }
        return 0;
    case 'g':
    case 'x': return 0; /* more about the next one; what we know of it does */
    default: complain(archive, name, "it is a link or a device"); return 0;
    }
    return take_or_tell(archive, prefix, name, &entry);
}

/* ENOMEM is the only error. */
int archive_read_all(struct archive *archive, const u8 *at, u64 bytes)
{
    struct name long_name = {NULL, 0};
    u64 offset = 0;

    while (bytes - offset >= ARCHIVE_RECORD_BYTES) {
        const struct header *header = (const struct header *)(const void *)(at + offset);
        struct name name = {header->name, strnlen(header->name, NAME_BYTES)};
        u64 size, left = bytes - offset - ARCHIVE_RECORD_BYTES;
        int error;

        if (is_end(header)) {
            break;
        }
        if (!sum_is_right(header) || !read_octal(header->size, sizeof(header->size), &size)) {
            complain(archive, name, "its header is damaged; nothing more is read");
            break;
        }
        if (header->type == '5') {
            size = 0;
        }
        if (size > left) {
            complain(archive, name, "it ends behind the archive; nothing more is read");
            break;
        }
        error = read_entry(archive, header, at + offset + ARCHIVE_RECORD_BYTES, size, &long_name);
        if (error) {
            return error == ENOMEM ? error : 0;
        }
        size = (size + ARCHIVE_RECORD_BYTES - 1) / ARCHIVE_RECORD_BYTES * ARCHIVE_RECORD_BYTES;
        offset += ARCHIVE_RECORD_BYTES + (size < left ? size : left);
    }
    return 0;
}

/* Whether there is an archive at all. */
bool archive_begins(const void *at, u64 bytes)
{
    return bytes >= ARCHIVE_RECORD_BYTES && sum_is_right(at) && !is_end(at);
}
