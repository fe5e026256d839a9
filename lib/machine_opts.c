/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parser of the machine options.  It goes through the string once, by itself: no locale, no
 * allocation, and strtoul would take signs, blanks and octal numbers.
 */
#include "lib/machine_opts.h"

#include <string.h>

#include "lib/image.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

/* True, and *text behind it, if the text continues with word. */
static bool take(const char **text, const char *word)
{
    size_t bytes = strlen(word);

    if (strncmp(*text, word, bytes) != 0)
        return false;
    *text += bytes;
    return true;
}

static unsigned digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return (unsigned)(c - 'A') + 10;
    return UINT32_MAX;
}

static bool take_number(const char **text, u64 *number)
{
    unsigned base = take(text, "0x") ? 16 : 10;
    const char *first = *text;

    *number = 0;
    for (unsigned digit; (digit = digit_value(**text)) < base; ++*text) {
        if (__builtin_mul_overflow(*number, base, number) ||
            __builtin_add_overflow(*number, digit, number))
            return false;
    }
    return *text != first;
}

static enum refusal take_mhartid(struct machine_opts *opts, const char **text)
{
    if (opts->has_mhartid)
        return REFUSED_OPTION_TWICE;
    opts->has_mhartid = true;
    return take_number(text, &opts->mhartid) ? REFUSED_NOTHING : REFUSED_OPTION_NUMBER;
}

static enum refusal take_word(struct machine_opts *opts, const char **text)
{
    struct machine_word word;

    if (!take_number(text, &word.gpa))
        return REFUSED_OPTION_NUMBER;
    if (!take(text, "="))
        return REFUSED_OPTION_UNKNOWN;
    if (!take_number(text, &word.value))
        return REFUSED_OPTION_NUMBER;
    if (word.gpa % sizeof(u64) != 0 || word.gpa >= GUEST_RAM_BASE)
        return REFUSED_OPTION_PLACE;
    if (opts->word_count == MACHINE_WORDS_MAX)
        return REFUSED_OPTION_MANY_WORDS;
    for (u32 i = 0; i < opts->word_count; i++) {
        if (opts->words[i].gpa == word.gpa)
            return REFUSED_OPTION_TWICE;
    }
    opts->words[opts->word_count++] = word;
    return REFUSED_NOTHING;
}

/*
 * machine_opts_parse - the options of a string.
 *
 * A refusal leaves *opts with contents of no meaning.  Whether a word collides with a device is
 * seen where devices are attached.
 */
enum refusal machine_opts_parse(struct machine_opts *opts, const char *text)
{
    *opts = (struct machine_opts){.has_mhartid = false};
    for (;;) {
        enum refusal refusal = REFUSED_OPTION_UNKNOWN;

        while (is_blank(*text))
            text++;
        if (*text == '\0')
            return REFUSED_NOTHING;
        if (take(&text, "mhartid="))
            refusal = take_mhartid(opts, &text);
        else if (take(&text, "word@"))
            refusal = take_word(opts, &text);
        if (refusal != REFUSED_NOTHING)
            return refusal;
        if (*text != '\0' && !is_blank(*text))
            return REFUSED_OPTION_NUMBER;
    }
}
