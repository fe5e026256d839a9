/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Words as they were written become arguments.
 *
 * In this order: a tilde, variables, what stands between blanks of a variable that is not quoted,
 * patterns, and quotes are taken away.  It is done in one pass: a field is collected as a pattern,
 * in which everything that a quote makes ordinary stands behind a backslash (glob.c).
 *
 * The lexer has let pass only what can be expanded.
 */
#include "guest/shell/expand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest/shell/glob.h"
#include "guest/shell/lexer.h"

#define NUMBER_BYTES 12

struct expansion {
    const struct shell *shell;
    struct arena *arena;
    struct strings *out; /* NULL: one field, without patterns */
    struct buffer field;
    bool begun; /* there is a field, if only an empty one in quotes */
};

static void add(struct expansion *to, char c, bool quoted)
{
    if (to->out && glob_is_special(c) && (quoted || c == '\\')) {
        buffer_add_char(&to->field, '\\');
    }
    buffer_add_char(&to->field, c);
    to->begun = true;
}

static void end_field(struct expansion *to)
{
    size_t before = to->out->used;

    if (!to->begun) {
        return;
    }
    glob_expand(buffer_text(&to->field), to->arena, to->out);
    if (to->out->used == before) {
        char *text = arena_copy(to->arena, buffer_text(&to->field), to->field.used);

        glob_unescape(text);
        strings_add(to->out, text);
    }
    buffer_cut(&to->field, 0);
    to->begun = false;
}

static void add_value(struct expansion *to, const char *value, bool quoted)
{
    for (const char *p = value; *p; p++) {
        if (!quoted && to->out && strchr(" \t\n", *p)) {
            end_field(to);
        } else {
            add(to, *p, quoted);
        }
    }
}

/* $* and $@.  In quotes, $@ has a field for each. */
static void add_arguments(struct expansion *to, char name, bool quoted)
{
    const struct shell *shell = to->shell;

    for (int i = 0; i < shell->argument_count; i++) {
        if (i > 0 && to->out && (!quoted || name == '@')) {
            end_field(to);
        } else if (i > 0) {
            add(to, ' ', quoted);
        }
        add_value(to, shell->arguments[i], quoted);
        to->begun = to->begun || quoted;
    }
}

static const char *argument(const struct shell *shell, unsigned long number)
{
    if (number == 0) {
        return shell->name;
    }
    return number <= (unsigned long)shell->argument_count ? shell->arguments[number - 1] : "";
}

/* The parameter whose name is so many bytes. */
static void add_parameter(struct expansion *to, const char *name, size_t bytes, bool quoted)
{
    char text[NUMBER_BYTES] = "";
    const char *value = text;

    switch (*name) {
    case '?': snprintf(text, sizeof(text), "%d", to->shell->status); break;
    case '#': snprintf(text, sizeof(text), "%d", to->shell->argument_count); break;
    case '$': snprintf(text, sizeof(text), "%d", (int)getpid()); break;
    case '@':
    case '*': add_arguments(to, *name, quoted); return;
    default:
        if (*name >= '0' && *name <= '9') {
            value = argument(to->shell, strtoul(name, NULL, 10));
        } else {
            value = shell_variable(to->shell, arena_copy(to->arena, name, bytes), "");
        }
    }
    add_value(to, value, quoted);
}

/* What begins with the dollar at p; returns what is behind it. */
static const char *add_dollar(struct expansion *to, const char *p, bool quoted)
{
    size_t bytes;

    p++;
    if (*p == '{') {
        bytes = strcspn(p, "}");
        add_parameter(to, p + 1, bytes - 1, quoted);
        return p + bytes + 1;
    }
    bytes = lexer_name_bytes(p);
    if (bytes == 0 && *p && strchr("?#@*$0123456789", *p)) {
        bytes = 1;
    }
    if (bytes == 0) {
        add(to, '$', true);
    } else {
        add_parameter(to, p, bytes, quoted);
    }
    return p + bytes;
}

/* In double quotes, of which p is behind the first; returns what is behind the last. */
static const char *add_double_quoted(struct expansion *to, const char *p)
{
    while (*p != '"') {
        if (*p == '\\' && strchr("$`\"\\\n", p[1])) {
            if (p[1] != '\n') {
                add(to, p[1], true);
            }
            p += 2;
        } else if (*p == '$') {
            p = add_dollar(to, p, true);
        } else {
            add(to, *p++, true);
        }
    }
    return p + 1;
}

static const char *add_single_quoted(struct expansion *to, const char *p)
{
    while (*p != '\'') {
        add(to, *p++, true);
    }
    return p + 1;
}

/* "$@" without arguments is no field at all. */
static bool is_all_arguments(const struct expansion *to, const char *p)
{
    return to->shell->argument_count == 0 &&
           (strncmp(p, "\"$@\"", 4) == 0 || strncmp(p, "\"${@}\"", 6) == 0);
}

static void expand(struct expansion *to, const char *p)
{
    if (*p == '~' && (p[1] == '\0' || p[1] == '/')) {
        const char *home = shell_variable(to->shell, "HOME", "/");

        add_value(to, p[1] == '/' && strcmp(home, "/") == 0 ? "" : home, true);
        p++;
    }
    while (*p) {
        if (*p == '\\') {
            if (p[1] != '\n') {
                add(to, p[1], true);
            }
            p += 2;
        } else if (*p == '\'') {
            to->begun = true;
            p = add_single_quoted(to, p + 1);
        } else if (*p == '"') {
            to->begun = to->begun || !is_all_arguments(to, p);
            p = add_double_quoted(to, p + 1);
        } else if (*p == '$') {
            p = add_dollar(to, p, false);
        } else {
            add(to, *p++, false);
        }
    }
}

/* Adds the arguments, of which there may be none, that a word becomes. */
void expand_word(const struct shell *shell, struct arena *arena, const char *text,
                 struct strings *arguments)
{
    struct expansion to = {.shell = shell, .arena = arena, .out = arguments};

    expand(&to, text);
    end_field(&to);
    buffer_free(&to.field);
}

/* Blanks do not part it, and patterns stay as they are: a value, or a file's name. */
char *expand_one(const struct shell *shell, struct arena *arena, const char *text)
{
    struct expansion to = {.shell = shell, .arena = arena};
    char *copy;

    expand(&to, text);
    copy = arena_copy(arena, buffer_text(&to.field), to.field.used);
    buffer_free(&to.field);
    return copy;
}
