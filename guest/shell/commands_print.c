/* SPDX-License-Identifier: BSD-2-Clause */
/* echo and printf. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest/shell/command.h"

#define FORMAT_BYTES 32
#define OCTAL_DIGITS 3
#define HEX_DIGITS   2
#define WIDTH_DIGITS 4

static unsigned digit_of(char c)
{
    return c >= '0' && c <= '9'   ? (unsigned)(c - '0')
           : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
           : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                  : 16;
}

static const char *write_number(struct call *call, const char *p, unsigned base, unsigned digits)
{
    unsigned value = 0;

    for (; digits > 0 && digit_of(*p) < base; digits--, p++) {
        value = value * base + digit_of(*p);
    }
    out_char(call, (char)value);
    return p;
}

/* What stands behind a backslash, at p; returns what is behind it, NULL after \c.  In words, octal
 * numbers begin with a 0 that does not count. */
static const char *write_escape(struct call *call, const char *p, bool in_word)
{
    static const char letters[] = "abefnrtv\\", bytes[] = "\a\b\033\f\n\r\t\v\\";
    const char *known;

    if (*p == 'c' && in_word) {
        return NULL;
    }
    if (*p == 'x' && digit_of(p[1]) < 16) {
        return write_number(call, p + 1, 16, HEX_DIGITS);
    }
    if (*p == '0' && in_word) {
        return write_number(call, p + 1, 8, OCTAL_DIGITS);
    }
    if (digit_of(*p) < 8 && !in_word) {
        return write_number(call, p, 8, OCTAL_DIGITS);
    }
    known = *p ? strchr(letters, *p) : NULL;
    if (known) {
        out_char(call, bytes[known - letters]);
        return p + 1;
    }
    out_char(call, '\\');
    return p;
}

/* False: \c ended it. */
static bool write_word(struct call *call, const char *p)
{
    while (*p) {
        if (*p == '\\') {
            p = write_escape(call, p + 1, true);
            if (!p) {
                return false;
            }
        } else {
            out_char(call, *p++);
        }
    }
    return true;
}

int command_echo(struct call *call)
{
    bool newline = true, escapes = false;
    int at = 1;

    for (; at < call->argc && call->argv[at][0] == '-' && call->argv[at][1]; at++) {
        const char *letters = call->argv[at] + 1;

        if (letters[strspn(letters, "neE")]) {
            break;
        }
        for (; *letters; letters++) {
            newline = newline && *letters != 'n';
            escapes = *letters == 'e' || (escapes && *letters != 'E');
        }
    }
    for (int i = at; i < call->argc; i++) {
        if (i > at) {
            out_char(call, ' ');
        }
        if (!escapes) {
            out_text(call, call->argv[i]);
        } else if (!write_word(call, call->argv[i])) {
            return 0;
        }
    }
    if (newline) {
        out_char(call, '\n');
    }
    return 0;
}

/* ---- printf ---- */

struct printing {
    struct call *call;
    int next; /* argument */
    int status;
    bool ended; /* by \c */
};

static const char *next_word(struct printing *printing)
{
    struct call *call = printing->call;

    return printing->next < call->argc ? call->argv[printing->next++] : NULL;
}

static s64 next_number(struct printing *printing)
{
    const char *word = next_word(printing);
    char *end;
    s64 number;

    if (!word) {
        return 0;
    }
    if (*word == '\'' || *word == '"') {
        return (u8)word[1];
    }
    errno = 0;
    number = *word == '-' ? strtoll(word, &end, 0) : (s64)strtoull(word, &end, 0);
    if (end == word || *end || errno) {
        printing->status = call_complain(printing->call, "%s: not a number, or too large", word);
    }
    return number;
}

/* One conversion; format is what is between % and the letter. */
static void convert(struct printing *printing, const char *format, char letter)
{
    char whole[FORMAT_BYTES];
    struct call *call = printing->call;
    const char *word;

    switch (letter) {
    case 'd':
    case 'i':
    case 'o':
    case 'u':
    case 'x':
    case 'X':
        snprintf(whole, sizeof(whole), "%%%sll%c", format, letter);
        out_format(call, whole, (long long)next_number(printing));
        break;
    case 'c':
        word = next_word(printing);
        if (word && *word) {
            out_char(call, *word);
        }
        break;
    case 's':
        snprintf(whole, sizeof(whole), "%%%ss", format);
        word = next_word(printing);
        out_format(call, whole, word ? word : "");
        break;
    default: word = next_word(printing); printing->ended = word && !write_word(call, word);
    }
}

/* Whether a width or precision in it is more than anybody needs: memory is not endless. */
static bool is_too_wide(const char *format)
{
    for (const char *p = format; *p; p++) {
        if (strspn(p, "0123456789") > WIDTH_DIGITS) {
            return true;
        }
    }
    return false;
}

/* The format at p, which is behind a %; returns what is behind it, or NULL if it is none. */
static const char *write_conversion(struct printing *printing, const char *p)
{
    size_t bytes = strspn(p, "-+ #0");
    char format[FORMAT_BYTES / 2];

    bytes += strspn(p + bytes, "0123456789");
    if (p[bytes] == '.') {
        bytes += 1 + strspn(p + bytes + 1, "0123456789");
    }
    if (bytes >= sizeof(format) || !p[bytes] || !strchr("diouxXcsb", p[bytes])) {
        return NULL;
    }
    memcpy(format, p, bytes);
    format[bytes] = '\0';
    if (is_too_wide(format)) {
        return NULL;
    }
    convert(printing, format, p[bytes]);
    return p + bytes + 1;
}

/* False: the format is wrong. */
static bool print_once(struct printing *printing, const char *p)
{
    while (p && *p && !printing->ended) {
        if (*p == '\\') {
            p = write_escape(printing->call, p + 1, false);
        } else if (*p != '%') {
            out_char(printing->call, *p++);
        } else if (p[1] == '%') {
            out_char(printing->call, '%');
            p += 2;
        } else {
            p = write_conversion(printing, p + 1);
        }
    }
    return p != NULL;
}

int command_printf(struct call *call)
{
    struct printing printing = {.call = call, .next = 2};
    int before;

    if (call->argc < 2) {
        return call_misuse(call, "no format");
    }
    do {
        before = printing.next;
        if (!print_once(&printing, call->argv[1])) {
            return call_complain(call, "%s: a conversion that is not known, or too wide",
                                 call->argv[1]);
        }
    } while (printing.next > before && printing.next < call->argc && !printing.ended);
    return printing.status;
}
