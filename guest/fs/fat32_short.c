/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Short names: 8 bytes and 3, filled up with spaces, capitals.
 *
 * A name that is nothing else needs no long name; neither does one whose base or extension is all
 * small letters, for which the slot has two flags.  Any other gets a long name, and a short one
 * made of it that nothing else in its directory has.  Short names made here are ASCII.
 *
 * [FAT "FAT Long Directory Entries"]
 */
#include <string.h>

#include "guest/fs/fat32_name.h"

#define BASE_BYTES      8U
#define EXTENSION_BYTES 3U
#define PLAIN_TAILS     4U /* ~1 to ~4, then a hash */
#define HASH_DIGITS     4U
#define CP437_FIRST     0x80U

static const u16 cp437[] = {
    0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea, 0x00eb, 0x00e8, 0x00ef,
    0x00ee, 0x00ec, 0x00c4, 0x00c5, 0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9,
    0x00ff, 0x00d6, 0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192, 0x00e1, 0x00ed, 0x00f3, 0x00fa,
    0x00f1, 0x00d1, 0x00aa, 0x00ba, 0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb,
    0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557,
    0x255d, 0x255c, 0x255b, 0x2510, 0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f,
    0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559,
    0x2558, 0x2552, 0x2553, 0x256b, 0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580,
    0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4, 0x03a6, 0x0398, 0x03a9, 0x03b4,
    0x221e, 0x03c6, 0x03b5, 0x2229, 0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7, 0x2248,
    0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x00a0,
};

/* What a slot's name may consist of. */
bool fat_short_valid(const struct fat_short *slot)
{
    if (slot->name[0] == ' ')
        return false;
    for (u32 i = 0; i < FAT_SHORT_BYTES; i++) {
        const u8 byte = slot->name[i];

        if (byte < ' ' && !(i == 0 && byte == FAT_SLOT_KANJI))
            return false;
        if (byte < CP437_FIRST && strchr("\"*+,./:;<=>?[\\]|", byte) != NULL)
            return false;
    }
    return true;
}

static void add(struct fat_name *name, u8 byte, bool small)
{
    u16 unit = byte >= CP437_FIRST ? cp437[byte - CP437_FIRST] : byte;

    if (small && unit >= 'A' && unit <= 'Z')
        unit = (u16)(unit + ('a' - 'A'));
    name->unit[name->units++] = unit;
}

static u32 trimmed(const u8 *at, u32 bytes)
{
    while (bytes != 0 && at[bytes - 1] == ' ')
        bytes--;
    return bytes;
}

void fat_short_name(const struct fat_short *slot, struct fat_name *name)
{
    const u32 base = trimmed(slot->name, BASE_BYTES);
    const u32 extension = trimmed(slot->name + BASE_BYTES, EXTENSION_BYTES);

    name->units = 0;
    for (u32 i = 0; i < base; i++) {
        const u8 byte = slot->name[i];

        add(name, i == 0 && byte == FAT_SLOT_KANJI ? FAT_SLOT_FREE : byte,
            slot->lower_case & FAT_LOWER_BASE);
    }
    if (extension != 0)
        add(name, '.', false);
    for (u32 i = 0; i < extension; i++)
        add(name, slot->name[BASE_BYTES + i], slot->lower_case & FAT_LOWER_EXTENSION);
}

/* Where the extension begins, behind its dot: behind the last one, if there is a base. */
static u32 extension_of(const struct fat_name *name)
{
    for (u32 i = name->units; i > 1; i--) {
        if (name->unit[i - 1] == '.')
            return i;
    }
    return name->units;
}

static bool plain(u16 unit)
{
    return unit > ' ' && unit < 0x7f && strchr("\"*+,./:;<=>?[\\]|", unit) == NULL;
}

/* Copies units as capitals if they are all of one case; false if they cannot be so. */
static bool copy(const u16 *unit, u32 units, u8 *to, u32 room, u8 *flags, u8 small_flag)
{
    bool small = false, capital = false;

    if (units > room)
        return false;
    for (u32 i = 0; i < units; i++) {
        const bool is_small = unit[i] >= 'a' && unit[i] <= 'z';

        if (!plain(unit[i]))
            return false;
        small |= is_small;
        capital |= unit[i] >= 'A' && unit[i] <= 'Z';
        to[i] = (u8)(is_small ? unit[i] - ('a' - 'A') : unit[i]);
    }
    if (small)
        *flags |= small_flag;
    return !(small && capital);
}

/* Whether a slot alone can say the name, which is then in it. */
bool fat_short_fits(const struct fat_name *name, struct fat_short *slot)
{
    const u32 extension = extension_of(name);
    const u32 base = extension == name->units ? extension : extension - 1;
    const bool dot_at_end = name->unit[name->units - 1] == '.';

    slot->lower_case = 0;
    memset(slot->name, ' ', FAT_SHORT_BYTES);
    return !dot_at_end && base != 0 &&
           copy(name->unit, base, slot->name, BASE_BYTES, &slot->lower_case, FAT_LOWER_BASE) &&
           copy(name->unit + extension, name->units - extension, slot->name + BASE_BYTES,
                EXTENSION_BYTES, &slot->lower_case, FAT_LOWER_EXTENSION);
}

/* Copies what a short name can have of some units; dots and spaces are left out. */
static u32 squeeze(const u16 *unit, u32 units, u8 *to, u32 room)
{
    u32 length = 0;

    for (u32 i = 0; i < units && length < room; i++) {
        if (unit[i] == '.' || unit[i] == ' ')
            continue;
        to[length] = (u8)(plain(unit[i]) ? unit[i] : '_');
        if (to[length] >= 'a' && to[length] <= 'z')
            to[length] = (u8)(to[length] - ('a' - 'A'));
        length++;
    }
    return length;
}

/*
 * fat_short_make - the attempt'th short name for a long one.
 *
 * First NAME~1 to NAME~4, then NAhhhh~1 where hhhh is a hash of the name and of the attempt: so
 * that of a thousand similar names each finds one after a few attempts.
 */
void fat_short_make(const struct fat_name *name, u32 attempt, struct fat_short *slot)
{
    const u32 extension = extension_of(name);
    const bool hashed = attempt >= PLAIN_TAILS;
    u32 hash = (fat_name_hash(name) + attempt) * 0x9e3779b1U;
    u32 length;

    slot->lower_case = 0;
    memset(slot->name, ' ', FAT_SHORT_BYTES);
    squeeze(name->unit + extension, name->units - extension, slot->name + BASE_BYTES,
            EXTENSION_BYTES);
    length = squeeze(name->unit, extension, slot->name, hashed ? 2 : BASE_BYTES - 2);
    if (hashed) {
        for (u32 i = 0; i < HASH_DIGITS; i++) {
            slot->name[length++] = (u8) "0123456789ABCDEF"[hash >> 28];
            hash <<= 4;
        }
    }
    slot->name[length] = '~';
    slot->name[length + 1] = (u8)('1' + (hashed ? 0 : attempt));
}

/* What the slots of a long name have of the short one they belong to. */
u8 fat_short_checksum(const struct fat_short *slot)
{
    u8 sum = 0;

    for (u32 i = 0; i < FAT_SHORT_BYTES; i++)
        sum = (u8)((u8)(sum << 7 | sum >> 1) + slot->name[i]);
    return sum;
}
