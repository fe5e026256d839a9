/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line as a program gets it: words between spaces, quoted as in a shell.
 *
 *     'text'   as it stands              \c   the character c
 *     "text"   but \" and \\             ''   an empty word
 *
 *     NAME=VALUE ... -- word ...         environment and arguments
 *     word ...                           no word is --: arguments
 *
 * Words that begin with one of `own` are for the library OS: they are left out, wherever they
 * stand. Nothing is expanded.  A program that is to get a -- itself has another one before it.
 */
#include "guest/libc/words.h"

#include <string.h>

/* Fork's door; whether the console is a terminal, and shows colours; what is logged; how long a
 * disk may take. */
static const char *const own[] = {"door=", "console=", "color=", "log=", "blk_timeout_ms="};

static const char *const unquoted_end = "a quote is not closed";
static const char *const escaped_end = "nothing follows the last backslash";
static const char *const no_assignment =
    "what stands before -- must be NAME=VALUE; begin with -- if all are arguments";

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

static const char *skip_spaces(const char *p)
{
    while (is_space(*p)) {
        p++;
    }
    return p;
}

static bool is_own(const char *p)
{
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        if (strncmp(p, own[i], strlen(own[i])) == 0) {
            return true;
        }
    }
    return false;
}

const char *words_next_own(const char *text, size_t *bytes)
{
    for (text = skip_spaces(text); *text; text = skip_spaces(text + *bytes)) {
        *bytes = strcspn(text, " ");
        if (is_own(text)) {
            return text;
        }
    }
    return NULL;
}

/* What stands in quotes: *p is behind the first one, and then behind the last one. */
static const char *read_quoted(const char **p, char quote, char **to)
{
    for (; **p != quote; (*p)++) {
        if (**p == '\0') {
            return unquoted_end;
        }
        if (quote == '"' && **p == '\\' && ((*p)[1] == '"' || (*p)[1] == '\\')) {
            (*p)++;
        }
        *(*to)++ = **p;
    }
    (*p)++;
    return NULL;
}

/* The word at *p, which is then behind it, and its NUL, at *to, which then is too. */
static const char *read_word(const char **p, char **to)
{
    const char *why = NULL;

    while (!why && **p && !is_space(**p)) {
        char c = *(*p)++;

        if (c == '\'' || c == '"') {
            why = read_quoted(p, c, to);
        } else if (c != '\\') {
            *(*to)++ = c;
        } else if (**p == '\0') {
            why = escaped_end;
        } else {
            *(*to)++ = *(*p)++;
        }
    }
    *(*to)++ = '\0';
    return why;
}

static bool is_separator(const char *p)
{
    return p[0] == '-' && p[1] == '-' && (p[2] == '\0' || is_space(p[2]));
}

static bool has_separator(const char *p, char *scratch)
{
    for (p = skip_spaces(p); *p; p = skip_spaces(p)) {
        char *to = scratch;

        if (is_separator(p)) {
            return true;
        }
        if (read_word(&p, &to)) {
            return false;
        }
    }
    return false;
}

static bool is_assignment(const char *word)
{
    const char *p = word;

    while (*p == '_' || (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z') ||
           (p > word && *p >= '0' && *p <= '9')) {
        p++;
    }
    return p > word && *p == '=';
}

/* The words of *p up to the end, or to a -- if that is what ends them; the next free pointer. */
static const char *read_words(const char **p, bool to_separator, char ***next, char **to)
{
    const char *why = NULL;

    for (*p = skip_spaces(*p); !why && **p; *p = skip_spaces(*p)) {
        char *word = *to;

        if (to_separator && is_separator(*p)) {
            *p += 2;
            break;
        }
        if (is_own(*p)) {
            why = read_word(p, to);
            *to = word;
            continue;
        }
        why = read_word(p, to);
        if (!why && to_separator && !is_assignment(word)) {
            why = no_assignment;
        }
        *(*next)++ = word;
    }
    *(*next)++ = NULL;
    return why;
}

/*
 * words_read - arguments and environment out of text.
 *
 * name becomes argv[0].  pointers: WORDS_POINTERS(strlen(text)) of them; bytes: strlen(text) + 1.
 * Returns NULL, or why the text cannot be read: *words is then not to be used.
 */
const char *words_read(const char *text, char *name, char **pointers, char *bytes,
                       struct words *words)
{
    char **next = pointers;
    const char *why = NULL;

    if (has_separator(text, bytes)) {
        words->environment = next;
        why = read_words(&text, true, &next, &bytes);
    }
    words->argv = next;
    *next++ = name;
    if (!why) {
        why = read_words(&text, false, &next, &bytes);
    }
    words->argc = (int)(next - 1 - words->argv);
    if (words->argv == pointers) {
        words->environment = next - 1;
    }
    return why;
}
