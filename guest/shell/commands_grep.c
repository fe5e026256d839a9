/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * grep, with these of a basic regular expression's elements:
 *
 *     c  \c  .  [a-z]  [^a-z]      a byte, any, one of some; each may have a * behind it
 *     ^ at the begin, $ at the end
 *
 * What else there is behind a backslash, \( \{ \| and so on, is refused.
 */
#include <string.h>

#include "guest/shell/input.h"

#define STATUS_NONE  1
#define STATUS_WRONG 2

struct search {
    const char *pattern;
    bool fixed, ignore_case, inverse, count, numbers, names, titles;
    u64 found; /* in all files */
};

static char lower(const struct search *search, char c)
{
    return search->ignore_case && c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Behind the element at p; NULL: it is none. */
static const char *element_end(const char *p)
{
    if (*p == '\\') {
        return p[1] == '\0' || strchr("(){}|+?<>123456789bBwW", p[1]) ? NULL : p + 2;
    }
    if (*p != '[') {
        return p + 1;
    }
    p += p[1] == '^' ? 2 : 1;
    p = *p == '\0' ? NULL : strchr(p + 1, ']');
    return p ? p + 1 : NULL;
}

static bool matches_set(const struct search *search, const char *p, const char *end, char c)
{
    bool negated = *p == '^', found = false;

    p += negated;
    end--;
    while (p < end) {
        char low = lower(search, *p), high = low;

        if (p[1] == '-' && p + 2 < end) {
            high = lower(search, p[2]);
            p += 2;
        }
        p++;
        found = found || ((u8)c >= (u8)low && (u8)c <= (u8)high);
    }
    return found != negated;
}

/* Whether c is what the element from p to end stands for. */
static bool matches_one(const struct search *search, const char *p, const char *end, char c)
{
    if (c == '\0') {
        return false;
    }
    c = lower(search, c);
    if (*p == '.') {
        return true;
    }
    if (*p == '[') {
        return matches_set(search, p + 1, end, c);
    }
    return lower(search, *p == '\\' ? p[1] : *p) == c;
}

/* Whether text begins with what the pattern stands for.  It goes as deep as there are stars. */
static bool matches_here(const struct search *search, const char *pattern, const char *text)
{
    while (*pattern) {
        const char *end = element_end(pattern);

        if (*pattern == '$' && pattern[1] == '\0') {
            return *text == '\0';
        }
        if (*end == '*') {
            for (;; text++) {
                if (matches_here(search, end + 1, text)) {
                    return true;
                }
                if (!matches_one(search, pattern, end, *text)) {
                    return false;
                }
            }
        }
        if (!matches_one(search, pattern, end, *text)) {
            return false;
        }
        text++;
        pattern = end;
    }
    return true;
}

static bool is_here(const struct search *search, const char *text)
{
    const char *p = search->pattern;

    if (!search->fixed) {
        return matches_here(search, p, text);
    }
    while (*p && lower(search, *p) == lower(search, *text)) {
        p++;
        text++;
    }
    return *p == '\0';
}

static bool matches(const struct search *search, const char *text)
{
    struct search behind = *search;

    if (!search->fixed && *search->pattern == '^') {
        behind.pattern++;
        return is_here(&behind, text);
    }
    for (;; text++) {
        if (is_here(search, text)) {
            return true;
        }
        if (*text == '\0') {
            return false;
        }
    }
}

static void write_line(struct call *call, const struct search *search, const char *name, u64 number,
                       const struct buffer *line)
{
    if (search->titles) {
        out_format(call, "%s:", name);
    }
    if (search->numbers) {
        out_format(call, "%llu:", (unsigned long long)number);
    }
    out_bytes(call, line->at, line->used);
    out_char(call, '\n');
}

static int grep(struct call *call, struct input *input)
{
    struct search *search = input->state;
    const char *name = strcmp(input->name, "-") == 0 ? "(standard input)" : input->name;
    struct buffer line = {0};
    u64 number = 0, found = 0;
    bool ended;

    while (input_line(input, &line, &ended) && !call->write_failed) {
        number++;
        if (matches(search, line.at) != search->inverse) {
            found++;
            if (search->names) {
                break;
            }
            if (!search->count) {
                write_line(call, search, name, number, &line);
            }
        }
    }
    if (search->count && search->titles) {
        out_format(call, "%s:", name);
    }
    if (search->count) {
        out_format(call, "%llu\n", (unsigned long long)found);
    } else if (search->names && found > 0) {
        out_format(call, "%s\n", name);
    }
    search->found += found;
    buffer_free(&line);
    return 0;
}

static bool is_well_formed(const struct search *search)
{
    const char *p = search->pattern;

    if (search->fixed) {
        return true;
    }
    p += *p == '^' ? 1 : 0;
    p += *p == '*' ? 1 : 0; /* itself, there */
    while (p && *p) {
        p = element_end(p);
    }
    return p != NULL;
}

int command_grep(struct call *call)
{
    struct search search = {0};
    struct options options;
    int status;

    if (!options_read(call, "Fcilnv", &options)) {
        return STATUS_MISUSE;
    }
    if (options.first == call->argc) {
        return call_misuse(call, "no pattern");
    }
    search.pattern = call->argv[options.first];
    search.fixed = options_has(&options, 'F');
    search.ignore_case = options_has(&options, 'i');
    search.inverse = options_has(&options, 'v');
    search.count = options_has(&options, 'c');
    search.numbers = options_has(&options, 'n');
    search.names = options_has(&options, 'l');
    search.titles = call->argc - options.first > 2;
    if (!is_well_formed(&search)) {
        call_complain(call, "%s: not a pattern that grep knows here", search.pattern);
        return STATUS_WRONG;
    }
    status = input_each(call, options.first + 1, grep, &search);
    return status ? STATUS_WRONG : search.found > 0 ? 0 : STATUS_NONE;
}
