/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of FAT32: UTF-8 and UTF-16, case, 8.3. */
#include <errno.h>
#include <string.h>

#include "guest/fs/fat32_name.h"

#include "tests/test.h"

static struct fat_name name_of(const char *utf8)
{
    struct fat_name name;

    CHECK_EQ(fat_name_from_utf8(&name, (struct name){utf8, strlen(utf8)}), 0);
    return name;
}

static bool same(const char *a, const char *b)
{
    const struct fat_name x = name_of(a), y = name_of(b);
    const bool equal = fat_name_equal(&x, &y);

    CHECK(!equal || fat_name_hash(&x) == fat_name_hash(&y));
    return equal;
}

TEST(fat_names_compare_without_case)
{
    CHECK(same("Readme.TXT", "rEADME.txt"));
    CHECK(same("ÄÖÜ ß é", "äöü ß É"));
    CHECK(same("Žluťoučký Ÿ", "žLUŤOUČKÝ ÿ"));
    CHECK(same("ΑΒΓ Жёж", "αβγ жЁЖ"));
    CHECK(same("😀", "😀"));
    CHECK(!same("a", "b") && !same("a", "aa") && !same("÷", "×") && !same("😀", "😁"));
}

TEST(fat_names_are_utf8_and_utf16)
{
    static const char *const good[] = {"a", "ä", "€", "😀", "\xf4\x8f\xbf\xbf", "a😀b"};
    static const char *const bad[] = {"",         "\x80",         "\xc3",
                                      "\xc0\x80", "\xe2\x82",     "\xed\xa0\x80",
                                      "\xff",     "\xf5\x80\x80", "\xf4\x90\x80\x80",
                                      "a\xc3",    "\xe0\x80\x80", "\xf0\x80\x80\x80"};
    static const u16 lone[] = {0xd800}, low[] = {0xdc00}, pair[] = {0xd83d, 0x0041};
    struct fat_name name;
    char utf8[FS_NAME_MAX + 1];

    for (u32 i = 0; i < ARRAY_LEN(good); i++) {
        name = name_of(good[i]);
        CHECK(fat_name_to_utf8(&name, utf8));
        CHECK_STR(utf8, good[i]);
    }
    for (u32 i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_EQ(fat_name_from_utf8(&name, (struct name){bad[i], strlen(bad[i])}), EINVAL);
    name.units = 1;
    name.unit[0] = lone[0];
    CHECK(!fat_name_to_utf8(&name, utf8));
    name.unit[0] = low[0];
    CHECK(!fat_name_to_utf8(&name, utf8));
    name.units = 2;
    memcpy(name.unit, pair, sizeof(pair));
    CHECK(!fat_name_to_utf8(&name, utf8));
    name.units = FAT_UNITS_MAX;
    for (u32 i = 0; i < FAT_UNITS_MAX; i++)
        name.unit[i] = 'x';
    CHECK(fat_name_to_utf8(&name, utf8));
    CHECK_EQ(strlen(utf8), FAT_UNITS_MAX);
    name.unit[7] = 0x20ac; /* too long as UTF-8 */
    CHECK(!fat_name_to_utf8(&name, utf8));
}

static void expect_short(const char *utf8, bool fits, const char *bytes, u8 lower_case)
{
    const struct fat_name name = name_of(utf8);
    struct fat_short slot = {0};

    CHECK_EQ(fat_short_fits(&name, &slot), fits);
    if (!fits) {
        fat_short_make(&name, 0, &slot);
        CHECK(fat_short_valid(&slot));
    }
    CHECK(memcmp(slot.name, bytes, FAT_SHORT_BYTES) == 0);
    CHECK_EQ(slot.lower_case, lower_case);
}

TEST(fat_names_short)
{
    expect_short("README.TXT", true, "README  TXT", 0);
    expect_short("readme.txt", true, "README  TXT", FAT_LOWER_BASE | FAT_LOWER_EXTENSION);
    expect_short("README.txt", true, "README  TXT", FAT_LOWER_EXTENSION);
    expect_short("a", true, "A          ", FAT_LOWER_BASE);
    expect_short("12345678.123", true, "12345678123", 0);
    expect_short("Readme.txt", false, "README~1TXT", 0);
    expect_short("123456789.1234", false, "123456~1123", 0);
    expect_short("a b.c.d", false, "ABC~1   D  ", 0);
    expect_short(".profile", false, "PROFIL~1   ", 0);
    expect_short("ä+b.t[", false, "__B~1   T_ ", 0);
}

TEST(fat_names_that_are_refused)
{
    static const char *const bad[] = {"a*", "a?",   "<",    ">",  "a|b", "a\"b",
                                      "c:", "a\\b", "\001", "a.", "a "};

    for (u32 i = 0; i < ARRAY_LEN(bad); i++) {
        const struct fat_name name = name_of(bad[i]);

        CHECK(!fat_name_allowed(&name));
    }
}

TEST(fat_times_there_and_back)
{
    u16 date, time;

    for (s64 seconds = 315532800; seconds < 4354819200; seconds += 86399 * 11 + 2) {
        const s64 even = seconds & ~1LL;

        fat_set_time(even, &date, &time);
        CHECK_EQ(fat_time(date, time), even);
    }
    fat_set_time(1709210096, &date, &time); /* 2024-02-29 12:34:56 */
    CHECK_EQ(date, (2024 - 1980) << 9 | 2 << 5 | 29);
    CHECK_EQ(time, 12 << 11 | 34 << 5 | 56 / 2);
    fat_set_time(0, &date, &time);
    CHECK_EQ(date, 1 << 5 | 1);
    fat_set_time(INT64_MAX, &date, &time);
    CHECK_EQ(date >> 9, 127);
    for (u32 any = 0; any <= UINT16_MAX; any++)
        CHECK(fat_time((u16)any, (u16)any) >= 315532800);
}
