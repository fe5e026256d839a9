/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Long names: UTF-8 outside, UTF-16 on disk.
 *
 * Case does not count: ASCII, Latin (1 and Extended-A), Greek and Cyrillic letters are compared by
 * their capitals, all others as they are.
 */
#include "guest/fs/fat32_name.h"

#include <errno.h>
#include <string.h>

#define SURROGATE_HIGH 0xd800U
#define SURROGATE_LOW  0xdc00U
#define SURROGATE_END  0xe000U
#define PLANE_1        0x10000U
#define UNICODE_END    0x110000U

/* The next character, and how many bytes it has; 0: this is not UTF-8. */
static u32 decode(const char *at, size_t bytes, u32 *character)
{
    static const u32 smallest[] = {0, 0, 0x80, 0x800, PLANE_1};
    const u8 first = (u8)*at;
    const u32 length = first < 0x80   ? 1
                       : first < 0xc0 ? 0
                       : first < 0xe0 ? 2
                       : first < 0xf0 ? 3
                                      : 4;
    u32 value = length <= 1 ? first : first & (0xffU >> (length + 1));

    if (length == 0 || length > bytes || first >= 0xf8)
        return 0;
    for (u32 i = 1; i < length; i++) {
        if (((u8)at[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | ((u8)at[i] & 0x3f);
    }
    if (value < smallest[length] || value >= UNICODE_END ||
        (value >= SURROGATE_HIGH && value < SURROGATE_END))
        return 0;
    *character = value;
    return length;
}

int fat_name_from_utf8(struct fat_name *name, struct name utf8)
{
    size_t at = 0;

    name->units = 0;
    while (at < utf8.bytes) {
        u32 character, length = decode(utf8.at + at, utf8.bytes - at, &character);

        if (length == 0 || name->units + (character >= PLANE_1) >= FAT_UNITS_MAX)
            return EINVAL;
        if (character >= PLANE_1) {
            name->unit[name->units++] = (u16)(SURROGATE_HIGH + ((character - PLANE_1) >> 10));
            character = SURROGATE_LOW + ((character - PLANE_1) & 0x3ff);
        }
        name->unit[name->units++] = (u16)character;
        at += length;
    }
    return name->units == 0 ? EINVAL : 0;
}

static u32 encode(u32 character, char *at)
{
    const u32 length = character < 0x80 ? 1 : character < 0x800 ? 2 : character < PLANE_1 ? 3 : 4;

    if (length == 1) {
        *at = (char)character;
        return 1;
    }
    for (u32 i = length - 1; i != 0; i--) {
        at[i] = (char)(0x80 | (character & 0x3f));
        character >>= 6;
    }
    *at = (char)((0xf00U >> length) | character);
    return length;
}

bool fat_name_to_utf8(const struct fat_name *name, char *utf8)
{
    size_t bytes = 0;

    for (u32 i = 0; i < name->units; i++) {
        u32 character = name->unit[i];
        char encoded[4];
        u32 length;

        if (character >= SURROGATE_HIGH && character < SURROGATE_END) {
            const u32 low = i + 1 < name->units ? name->unit[i + 1] : 0;

            if (character >= SURROGATE_LOW || low < SURROGATE_LOW || low >= SURROGATE_END)
                return false;
            character = PLANE_1 + ((character - SURROGATE_HIGH) << 10) + (low - SURROGATE_LOW);
            i++;
        }
        length = encode(character, encoded);
        if (bytes + length > FS_NAME_MAX || character < ' ' || character == '/')
            return false;
        memcpy(utf8 + bytes, encoded, length);
        bytes += length;
    }
    utf8[bytes] = '\0';
    return bytes != 0 && strcmp(utf8, ".") != 0 && strcmp(utf8, "..") != 0;
}

/* What may be the name of something new: others could not open it, or would see another name. */
bool fat_name_allowed(const struct fat_name *name)
{
    const u16 last = name->unit[name->units - 1];

    for (u32 i = 0; i < name->units; i++) {
        const u16 unit = name->unit[i];

        if (unit < ' ' || (unit < 0x80 && strchr("*?<>|\":\\/", unit) != NULL))
            return false;
    }
    return last != '.' && last != ' ';
}

/* ---- case ---- */

/* The capital of a letter. */
static u16 fold(u16 unit)
{
    if (unit < 0x80)
        return unit >= 'a' && unit <= 'z' ? (u16)(unit - ('a' - 'A')) : unit;
    if (unit >= 0xe0 && unit <= 0xfe && unit != 0xf7)
        return (u16)(unit - 0x20);
    if (unit == 0xff)
        return 0x178;
    /* Latin Extended-A: capitals are even but for two stretches; these have no pair or another one
     */
    if (unit >= 0x100 && unit <= 0x17e) {
        const bool odd_capitals = (unit >= 0x139 && unit <= 0x148) || unit >= 0x179;

        if (unit == 0x130 || unit == 0x131 || unit == 0x138 || unit == 0x149 || unit == 0x178)
            return unit;
        return (unit & 1) != odd_capitals ? (u16)(unit - 1) : unit;
    }
    if (unit >= 0x3b1 && unit <= 0x3c9 && unit != 0x3c2)
        return (u16)(unit - 0x20);
    if (unit >= 0x430 && unit <= 0x44f)
        return (u16)(unit - 0x20);
    if (unit >= 0x450 && unit <= 0x45f)
        return (u16)(unit - 0x50);
    return unit;
}

/* Equal names have equal hashes. */
u32 fat_name_hash(const struct fat_name *name)
{
    u32 hash = 0x811c9dc5U;

    for (u32 i = 0; i < name->units; i++)
        hash = (hash ^ fold(name->unit[i])) * 0x01000193U;
    return hash ^ hash >> 15;
}

bool fat_name_equal(const struct fat_name *a, const struct fat_name *b)
{
    if (a->units != b->units)
        return false;
    for (u32 i = 0; i < a->units; i++) {
        if (a->unit[i] != b->unit[i] && fold(a->unit[i]) != fold(b->unit[i]))
            return false;
    }
    return true;
}
