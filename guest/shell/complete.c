/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What could stand where the cursor is: a command where one begins, a variable behind a dollar,
 * else a path; for cd and the like directories only.
 *
 * The word before the cursor is read as the lexer would, and what is inserted is quoted as that
 * word is.  Names that a terminal does not show as they are, are left out.
 */
#include "guest/shell/complete.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "guest/shell/command.h"
#include "guest/shell/lexer.h"
#include "guest/shell/utf8.h"

#define QUOTED " \t\n\\'\"$`*?[]#~&;|<>(){}!"

/* The word that ends at the cursor. */
struct typed {
    const char *line;
    size_t begin;        /* in the line */
    char quote;          /* the one that is open at the cursor; NUL: none */
    bool is_command;     /* one begins with this word */
    const char *command; /* else the command's name in the line */
    size_t command_bytes;
    struct buffer text; /* without quotes */
    size_t variable;    /* in the line, behind a dollar; 0: it is no variable's name */
};

static bool begins_command(const char *text, size_t bytes)
{
    static const char *const words[] = {"if",    "then", "elif", "else", "while",
                                        "until", "do",   "!",    "{",    "time"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strlen(words[i]) == bytes && memcmp(words[i], text, bytes) == 0) {
            return true;
        }
    }
    return false;
}

/* Takes a word apart, from line[at] on; returns where it ends. */
static size_t read_word(struct typed *typed, size_t at, size_t cursor)
{
    typed->begin = at;
    typed->quote = '\0';
    typed->variable = 0;
    buffer_cut(&typed->text, 0);
    for (; at < cursor; at++) {
        char c = typed->line[at];

        if (typed->quote == '\0' && strchr(" \t;&|<>", c)) {
            break;
        }
        if (typed->quote == c) {
            typed->quote = '\0';
        } else if (typed->quote == '\0' && (c == '\'' || c == '"')) {
            typed->quote = c;
        } else if (c == '\\' && typed->quote != '\'' && at + 1 < cursor) {
            buffer_add_char(&typed->text, typed->line[++at]);
        } else {
            if (c == '$' && typed->quote != '\'') {
                typed->variable = at + 1;
            }
            buffer_add_char(&typed->text, c);
        }
    }
    return at;
}

static void read_line(struct typed *typed, size_t cursor)
{
    bool next_is_command = true, next_is_file = false;
    size_t at = 0;

    for (;;) {
        while (at < cursor && strchr(" \t;&|<>", typed->line[at])) {
            char c = typed->line[at++];

            next_is_file = c == '<' || c == '>' || (next_is_file && (c == ' ' || c == '\t'));
            next_is_command = next_is_command || strchr(";&|", c);
        }
        typed->is_command = next_is_command && !next_is_file;
        at = read_word(typed, at, cursor);
        if (at == cursor) {
            return;
        }
        if (typed->is_command) {
            typed->command = typed->line + typed->begin;
            typed->command_bytes = at - typed->begin;
            next_is_command = begins_command(typed->command, typed->command_bytes);
        }
        next_is_file = false;
    }
}

static bool wants_directories(const struct typed *typed)
{
    static const char *const names[] = {"cd", "rmdir", "mkdir", "umount"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (typed->command_bytes == strlen(names[i]) &&
            memcmp(names[i], typed->command, typed->command_bytes) == 0) {
            return true;
        }
    }
    return false;
}

static void add_if(struct strings *to, const char *name, const char *prefix)
{
    if (strncmp(name, prefix, strlen(prefix)) == 0) {
        strings_add(to, memory_copy(name));
    }
}

static void add_commands(struct strings *to, const char *prefix)
{
    for (const struct command *it = command_next(NULL); it; it = command_next(it)) {
        add_if(to, it->name, prefix);
    }
}

/* Directories get a slash behind them. */
static void add_paths(struct strings *to, const char *directory, const char *prefix,
                      bool directories)
{
    DIR *open = opendir(*directory ? directory : ".");
    const struct dirent *entry;

    if (!open) {
        return;
    }
    while ((entry = readdir(open)) != NULL) {
        const char *name = entry->d_name;
        struct buffer shown = {0};
        char *path;

        if (strncmp(name, prefix, strlen(prefix)) != 0 || (*name == '.' && *prefix != '.') ||
            path_is_dots(name) || !utf8_is_printable(name)) {
            continue;
        }
        path = path_join(directory, name);
        buffer_add_text(&shown, name);
        if (path_is_directory(path)) {
            buffer_add_char(&shown, '/');
        } else if (directories) {
            buffer_free(&shown);
        }
        if (shown.at) {
            strings_add(to, shown.at);
        }
        free(path);
    }
    closedir(open);
}

/* Bytes that all candidates begin with, in whole characters. */
static size_t common_bytes(const struct strings *candidates)
{
    const char *first = candidates->at[0];
    size_t bytes = strlen(first);

    for (size_t i = 1; i < candidates->used; i++) {
        size_t same = 0;

        while (same < bytes && candidates->at[i][same] == first[same]) {
            same++;
        }
        bytes = same;
    }
    while (bytes > 0 && ((u8)first[bytes] & 0xc0) == 0x80) {
        bytes--;
    }
    return bytes;
}

/* Text as it is typed within the quote that is open. */
static void add_quoted(struct buffer *to, const char *text, size_t bytes, char quote)
{
    for (size_t i = 0; i < bytes; i++) {
        if (quote == '\'' && text[i] == '\'') {
            buffer_add_text(to, "'\\'");
        } else if ((quote == '\0' && strchr(QUOTED, text[i])) ||
                   (quote == '"' && strchr("\"\\$`", text[i]))) {
            buffer_add_char(to, '\\');
        }
        buffer_add_char(to, text[i]);
    }
}

static void complete_variable(const struct shell *shell, const struct typed *typed, size_t cursor,
                              struct completion *completion)
{
    struct buffer prefix = {0};

    buffer_add(&prefix, typed->line + typed->variable, cursor - typed->variable);
    for (const struct variable *it = shell->variables.first; it; it = it->next) {
        add_if(&completion->shown, it->name, prefix.at);
    }
    if (completion->shown.used > 0) {
        completion->from = typed->variable;
        buffer_add(&completion->common, completion->shown.at[0], common_bytes(&completion->shown));
    }
    buffer_free(&prefix);
}

/* What is before the last slash stays as it was typed, but for quotes: it is inserted again. */
static void complete_path(const struct typed *typed, struct completion *completion)
{
    const char *text = buffer_text(&typed->text), *slash = strrchr(text, '/');
    size_t directory_bytes = slash ? (size_t)(slash + 1 - text) : 0;
    struct buffer directory = {0};
    size_t bytes;

    buffer_add(&directory, text, directory_bytes);
    if (typed->is_command && !slash) {
        add_commands(&completion->shown, text);
    } else {
        add_paths(&completion->shown, directory.at, text + directory_bytes,
                  !typed->is_command && typed->command && wants_directories(typed));
    }
    strings_sort(&completion->shown, 0);
    if (completion->shown.used > 0) {
        const char *first = completion->shown.at[0];

        bytes = common_bytes(&completion->shown);
        completion->from = typed->begin;
        if (typed->quote) {
            buffer_add_char(&completion->common, typed->quote);
        }
        add_quoted(&completion->common, directory.at, directory_bytes, typed->quote);
        add_quoted(&completion->common, first, bytes, typed->quote);
        if (completion->shown.used == 1 && first[bytes - 1] != '/') {
            if (typed->quote) {
                buffer_add_char(&completion->common, typed->quote);
            }
            completion->behind = " ";
        }
    }
    buffer_free(&directory);
}

/* context: the shell. */
void complete_line(void *context, const char *line, size_t cursor, struct completion *completion)
{
    const struct shell *shell = context;
    struct typed typed = {.line = line};

    read_line(&typed, cursor);
    if (typed.variable && strspn(line + typed.variable, "_abcdefghijklmnopqrstuvwxyz"
                                                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") >=
                              cursor - typed.variable) {
        complete_variable(shell, &typed, cursor, completion);
    } else {
        complete_path(&typed, completion);
    }
    buffer_free(&typed.text);
}
