/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Characters of UTF-8, and how many columns of a terminal they take: 0 for those that combine with
 * the one before, 2 for East Asian wide ones and pictures, else 1.  A byte that is no part of a
 * character counts as one of one column.
 */
#include "guest/shell/utf8.h"

#include <string.h>

#define REPLACEMENT 0xfffd
#define SURROGATES  0xd800 /* 2,048 of them */
#define LAST        0x10ffff

struct span {
    u32 first, last;
};

static const struct span combining[] = {
    {0x0300, 0x036f},
    {0x0483, 0x0489},
    {0x0591, 0x05bd},
    {0x064b, 0x065f},
    {0x1ab0, 0x1aff},
    {0x1dc0, 0x1dff},
    {0x200b, 0x200f},
    {0x20d0, 0x20ff},
    {0xfe00, 0xfe0f},
    {0xfe20, 0xfe2f},
};
static const struct span wide[] = {
    {0x1100,  0x115f },
    {0x2e80,  0x303e },
    {0x3041,  0xa4cf },
    {0xac00,  0xd7a3 },
    {0xf900,  0xfaff },
    {0xfe30,  0xfe6f },
    {0xff00,  0xff60 },
    {0xffe0,  0xffe6 },
    {0x1f300, 0x1f64f},
    {0x1f680, 0x1f6ff},
    {0x1f900, 0x1f9ff},
    {0x20000, 0x3fffd},
};

static bool is_in(const struct span *spans, size_t count, u32 character)
{
    for (size_t i = 0; i < count; i++) {
        if (character >= spans[i].first && character <= spans[i].last) {
            return true;
        }
    }
    return false;
}

static bool is_continuation(char c)
{
    return (c & 0xc0) == 0x80;
}

/* How many bytes a character has that begins so; 1 if none does. */
static size_t length(char c)
{
    u8 first = (u8)c;

    return first >= 0xf0 && first < 0xf8 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 1;
}

/* Behind the character at `at`, which is below bytes. */
size_t utf8_after(const char *text, size_t bytes, size_t at)
{
    size_t end = at + length(text[at]);

    at++;
    while (at < end && at < bytes && is_continuation(text[at])) {
        at++;
    }
    return at;
}

/* Where the character before `at`, which is above 0, begins. */
size_t utf8_before(const char *text, size_t at)
{
    size_t begin = at - 1;

    while (begin > 0 && at - begin < 4 && is_continuation(text[begin])) {
        begin--;
    }
    return utf8_after(text, at, begin) == at ? begin : at - 1;
}

/* The one character that so many bytes are; REPLACEMENT if they are none: also if they are more
 * than it takes, a half of a UTF-16 pair, or behind the last one. */
u32 utf8_decode(const char *text, size_t bytes)
{
    static const u32 least[] = {0, 0, 0x80, 0x800, 0x10000};
    u32 character;

    if (bytes == 1) {
        return (u8)*text < 0x80 ? (u8)*text : REPLACEMENT;
    }
    if (bytes != length(*text)) {
        return REPLACEMENT;
    }
    character = (u8)*text & (0x7fU >> bytes);
    for (size_t i = 1; i < bytes; i++) {
        character = character << 6 | ((u8)text[i] & 0x3f);
    }
    if (character < least[bytes] || character > LAST || (character & ~0x7ffU) == SURROGATES) {
        return REPLACEMENT;
    }
    return character;
}

unsigned utf8_columns_of(u32 character)
{
    if (is_in(combining, ARRAY_LEN(combining), character)) {
        return 0;
    }
    return is_in(wide, ARRAY_LEN(wide), character) ? 2 : 1;
}

unsigned utf8_columns(const char *text, size_t bytes)
{
    unsigned columns = 0;

    for (size_t at = 0, next; at < bytes; at = next) {
        next = utf8_after(text, bytes, at);
        columns += utf8_columns_of(utf8_decode(text + at, next - at));
    }
    return columns;
}

/* Whether a terminal shows it as it is: no control characters, nothing that is no UTF-8. */
bool utf8_is_printable(const char *text)
{
    size_t bytes = strlen(text);

    for (size_t at = 0, next; at < bytes; at = next) {
        u32 character;

        next = utf8_after(text, bytes, at);
        character = utf8_decode(text + at, next - at);
        if (character < ' ' || (character >= 0x7f && character < 0xa0) ||
            character == REPLACEMENT) {
            return false;
        }
    }
    return true;
}
